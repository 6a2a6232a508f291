"""What embeddings know: scores on galaxies left out, beside photometry and the paper's numbers."""
