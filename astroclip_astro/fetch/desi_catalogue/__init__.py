"""DESI's redshift catalogue over TAP."""

from astroclip_astro.fetch.desi_catalogue.core import DesiCatalogueClass
from astroclip_astro.fetch.desi_catalogue.cuts import Cuts

__all__ = ["Cuts", "DesiCatalogueClass"]
