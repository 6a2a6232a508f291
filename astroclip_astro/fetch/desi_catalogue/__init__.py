"""DESI's redshift catalogue over TAP."""

from .core import DesiCatalogueClass

__all__ = ["DesiCatalogueClass"]
