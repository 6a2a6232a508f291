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
    ├── ConvertedColumnWarning  columns of a type that the output format does not have
    ├── UnlockedOutputWarning  another run with the same output would not be noticed
    └── UnreachableWarning  a host could not be reached, others could
"""

import numbers
import os
import re
from collections.abc import Iterable, Sized
from contextlib import suppress
from difflib import get_close_matches

import numpy as np
from astropy.table import Row

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

# Control characters but for the end of a line and the tab, halves of characters that are none
# (bytes of a file's name that are no UTF-8), and what reverses the direction of writing.
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
LINE_CONTROL = re.compile(f"[\t\n]|{CONTROL.pattern}")


def visible(text: str, *, lines: bool = True) -> str:
    r"""Return text that a terminal shows and does not obey.

    Parameters
    ----------
    text : str
        What a file, a server or a user has said.
    lines : bool
        Whether it may have several lines, and tabs.

    Returns
    -------
    str
        With control characters written out, as ``\x1b``.

    Examples
    --------
    >>> print(visible("red: \x1b[31m, \u202e"))
    red: \x1b[31m, \u202e
    >>> print(visible("two\nlines", lines=False))
    two\nlines
    """
    pattern = CONTROL if lines else LINE_CONTROL
    return pattern.sub(lambda found: repr(found[0])[1:-1], text)


class _Shown:
    """What is raised or warned of, in words that a terminal does not obey."""

    def __str__(self) -> str:
        return visible(super().__str__())


class AstroclipError(_Shown, Exception):
    """Anything this package raises on purpose.

    Attributes
    ----------
    details : tuple of str
        Lines that say more than the message, for ``--verbose``; mostly none.
    """

    details: tuple[str, ...] = ()


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


class AstroclipWarning(_Shown, UserWarning):
    """Anything this package warns of; the result is there all the same."""


class AssumedUnitWarning(AstroclipWarning):
    """Numbers without a unit, which may be in another one than was assumed."""


class ConvertedColumnWarning(AstroclipWarning):
    """Columns of a type that the output format does not have, written as another one."""


class UnlockedOutputWarning(AstroclipWarning):
    """A file system without locks, where another run with the same output is not noticed."""


class TextTableWarning(AstroclipWarning):
    """What had to be assumed of a text table: its letters, or the names of its columns."""


class UnreachableWarning(AstroclipWarning):
    """A host that could not be reached, so that some rows lack what others have."""


def nearest(word: object, known: Iterable[str]) -> str | None:
    """Return the known word that a mistaken one is most like.

    Parameters
    ----------
    word : object
        What was found; not only strings are found.
    known : iterable of str
        What is valid.

    Returns
    -------
    str or None
        None where nothing is like it. Upper and lower case are alike.

    Examples
    --------
    >>> nearest("Sorce", ["source", "columns"])
    'source'
    >>> nearest("colour", ["source", "ra"]) is None
    True
    """
    lower = {name.lower(): name for name in known}
    found = get_close_matches(str(word).lower(), lower, n=1)
    return lower[found[0]] if found else None


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return the end of a message that names the nearest valid word, nothing where there is none.

    Parameters
    ----------
    word, known
        As for `nearest`.

    Returns
    -------
    str
        To be put behind what was found.

    Examples
    --------
    >>> print("Unknown weights 'compct'" + did_you_mean("compct", ["compact"]))
    Unknown weights 'compct'; did you mean 'compact'?
    """
    found = nearest(word, known)
    return "" if found is None else f"; did you mean {found!r}?"


def described(value: object) -> str:
    """Return in a few words what a value is, for messages.

    Parameters
    ----------
    value : object
        What was found.

    Returns
    -------
    str
        Plain values as they are written; of larger things the kind and size.

    Examples
    --------
    >>> described("ra"), described(np.zeros((2, 3))), described([1, 2]), described(None)
    ("'ra'", 'an array of shape (2, 3)', 'a list of 2', 'None')
    """
    kind = type(value).__name__
    article = "an" if kind[0].lower() in "aeiou" else "a"
    if value is None or isinstance(value, bool | numbers.Number):
        number = repr(value)
        return number if len(number) <= 60 else f"{number[:57]}..."
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        return repr(text if len(text) <= 60 else f"{text[:57]}...")
    if isinstance(value, np.ndarray) and not hasattr(value, "unit"):
        return f"an array of shape {value.shape}"
    if isinstance(value, Row):
        return f"row {value.index} of a table"
    if type(value).__module__.partition(".")[0] in ("pandas", "polars"):
        return f"a {type(value).__module__.partition('.')[0]} {kind}"
    if isinstance(value, Sized):
        with suppress(TypeError):  # a Quantity of one number has no length
            return f"{article} {kind} of {len(value)}"
    return f"{article} {kind}"
