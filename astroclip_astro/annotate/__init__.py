"""A catalogue in, the same catalogue with added columns out."""
