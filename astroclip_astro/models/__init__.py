"""The networks and their weights; torch lives here and in ``train`` only."""
