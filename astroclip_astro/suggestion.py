"""The nearest valid word for one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "nearest"]


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
