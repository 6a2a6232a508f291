"""DESI's redshift catalogue over TAP."""

from .core import DesiCatalogueClass
from .cuts import Cuts

__all__ = ["Cuts", "DesiCatalogueClass"]
