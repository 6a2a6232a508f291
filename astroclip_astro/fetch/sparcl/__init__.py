"""DESI spectra from SPARCL."""

from .core import SparclClass
from .record import SpectrumRecord

__all__ = ["SparclClass", "SpectrumRecord"]
