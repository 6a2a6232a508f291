"""Files of images and spectra on the user's disk, read with suspicion."""
