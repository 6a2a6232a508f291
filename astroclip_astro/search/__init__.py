"""Neighbours in a reference set and what they tell; numpy in, numpy out."""
