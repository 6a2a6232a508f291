"""Training sets: HDF5 files of labelled galaxies, split by sky, read in batches."""
