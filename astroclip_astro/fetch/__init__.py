"""Where images and spectra come from, behind one `Source` protocol."""
