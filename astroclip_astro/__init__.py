"""AstroCLIP embeddings, zero-shot redshifts and stellar masses for Astropy tables.

Importing this package gives every `astropy.table.Table` the attribute ``astroclip``. It loads
neither torch nor any file; that happens when a method is called.
"""

from astropy.table import Table as _Table

from astroclip_astro.accessor.table_methods import Accessor as _Accessor, load_model
from astroclip_astro.version import __version__

__all__ = ["__version__", "load_model"]

_Table.astroclip = _Accessor()
