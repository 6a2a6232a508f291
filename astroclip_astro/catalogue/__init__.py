"""Catalogue files: FITS, VOTable, ECSV, CSV, Parquet in, the same out."""

from .doorway import check_output, read_catalogue, scratch_path, why, write_catalogue

__all__ = ["check_output", "read_catalogue", "scratch_path", "why", "write_catalogue"]
