"""The exceptions of this package.

A problem of one row is a flag in ``astroclip_flags``; a problem of the whole run is one of these::

    AstroclipError
    ├── InputError          the user's mistake, exit status 2
    │   ├── CatalogueError      a catalogue that cannot be read or has no usable positions
    │   ├── OutputError         an output that cannot or must not be written
    │   └── WeightsError        weights or reference unknown, damaged or of the wrong shape
    └── SourceError         no source answered for any row, exit status 3
"""

__all__ = [
    "AstroclipError",
    "CatalogueError",
    "InputError",
    "OutputError",
    "SourceError",
    "WeightsError",
]


class AstroclipError(Exception):
    """Anything this package raises on purpose."""


class InputError(AstroclipError, ValueError):
    """The user's mistake: the message says what was found, expected, and what to do."""


class CatalogueError(InputError):
    """A catalogue that cannot be read, or has no usable positions."""


class OutputError(InputError):
    """An output that cannot or must not be written."""


class WeightsError(InputError):
    """Weights or a reference that are unknown, damaged or of the wrong shape."""


class SourceError(AstroclipError):
    """No source answered for any row."""
