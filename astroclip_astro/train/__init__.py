"""Training: the losses of both stages."""
