"""The galaxies most like one: query, search, gallery."""
