"""Catalogue files: FITS, VOTable, ECSV, CSV, Parquet in, the same out."""

from astroclip_astro.catalogue.io import (
    check_output as check_output,
    read_catalogue,
    write_catalogue,
)

__all__ = ["read_catalogue", "write_catalogue"]
