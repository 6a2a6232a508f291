"""Redshift, stellar mass and novelty from the nearest galaxies of a reference."""
