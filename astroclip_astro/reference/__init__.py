"""Labelled galaxies of a file become a reference."""
