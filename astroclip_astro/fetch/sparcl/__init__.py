"""DESI spectra from SPARCL."""

from astroclip_astro.fetch.sparcl.core import SparclClass
from astroclip_astro.fetch.sparcl.record import SpectrumRecord as SpectrumRecord

__all__ = ["SparclClass"]
