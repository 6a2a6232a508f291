"""The exceptions of this package.

A problem of one row is a flag in ``astroclip_flags``; a problem of the whole run is one of these::

    AstroclipError
    ├── InputError          the user's mistake, exit status 2
    │   ├── CatalogueError      a catalogue that cannot be read or has no usable positions
    │   ├── OptionError         an option that a function does not have; a TypeError too
    │   ├── OutputError         an output that cannot or must not be written
    │   └── WeightsError        weights or reference unknown, damaged or of the wrong shape
    └── SourceError         no source answered for any row, exit status 3

What was assumed, or could not be had, is a warning; the commands say it in their summary instead::

    AstroclipWarning
    ├── AssumedUnitWarning  numbers without a unit may be in another one
    └── UnreachableWarning  a host could not be reached, others could
"""

__all__ = [
    "AssumedUnitWarning",
    "AstroclipError",
    "AstroclipWarning",
    "CatalogueError",
    "InputError",
    "OptionError",
    "OutputError",
    "SourceError",
    "UnreachableWarning",
    "WeightsError",
]


class AstroclipError(Exception):
    """Anything this package raises on purpose."""


class InputError(AstroclipError, ValueError):
    """The user's mistake: the message says what was found, expected, and what to do."""


class CatalogueError(InputError):
    """A catalogue that cannot be read, or has no usable positions."""


class OptionError(InputError, TypeError):
    """An option that a function does not have, or that is passed in a form it does not take."""


class OutputError(InputError):
    """An output that cannot or must not be written."""


class WeightsError(InputError):
    """Weights or a reference that are unknown, damaged or of the wrong shape."""


class SourceError(AstroclipError):
    """No source answered for any row."""


class AstroclipWarning(UserWarning):
    """Anything this package warns of; the result is there all the same."""


class AssumedUnitWarning(AstroclipWarning):
    """Numbers without a unit, which may be in another one than was assumed."""


class UnreachableWarning(AstroclipWarning):
    """A host that could not be reached, so that some rows lack what others have."""
