"""AstroCLIP embeddings, zero-shot redshifts and stellar masses for Astropy tables.

Importing this package gives every `astropy.table.Table` the attribute ``astroclip``. It loads
neither torch nor any file; that happens when a method is called.
"""

from astroclip_astro.storage.interrupts import start_program as _start_program

_start_program()  # before what takes time

from astropy.table import Table as _Table  # noqa: E402

from astroclip_astro.accessor.table_methods import (  # noqa: E402
    Accessor as _Accessor,
    load_model,
)
from astroclip_astro.version import __version__  # noqa: E402

__all__ = ["__version__", "load_model"]

_Table.astroclip = _Accessor()
