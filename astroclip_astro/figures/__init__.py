"""Figures: numpy arrays in, matplotlib figures out; nothing is fetched, computed or saved here."""
