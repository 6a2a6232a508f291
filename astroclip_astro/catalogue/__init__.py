"""Catalogue files: FITS, VOTable, ECSV, CSV, Parquet in, the same out."""

from astroclip_astro.catalogue.io import (
    check_output as check_output,
    read_catalogue,
    write_catalogue,
)
from astroclip_astro.catalogue.table_choice import split_table_name as split_table_name

__all__ = ["read_catalogue", "write_catalogue"]
