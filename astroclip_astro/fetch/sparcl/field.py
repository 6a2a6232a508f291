"""Fields of what SPARCL answers, each of the right type and in its range or refused."""

from __future__ import annotations

import math
import reprlib
from array import array as typed_array
from typing import Any, Literal, overload

import numpy as np

from astroclip_astro.fetch.transport import BadReplyError

INT64 = (-(2**63), 2**63 - 1)


@overload
def number(entry: dict, name: str, low: float, high: float) -> float: ...


@overload
def number(
    entry: dict, name: str, low: float, high: float, *, optional: Literal[True]
) -> float | None: ...


@overload
def number(entry: dict, name: str, low: float, high: float, *, whole: Literal[True]) -> int: ...


@overload
def number(
    entry: dict,
    name: str,
    low: float,
    high: float,
    *,
    whole: Literal[True],
    optional: Literal[True],
) -> int | None: ...


def number(
    entry: dict,
    name: str,
    low: float,
    high: float,
    *,
    whole: bool = False,
    optional: bool = False,
) -> int | float | None:
    """Return a number of a reply, or raise.

    Parameters
    ----------
    entry : dict
        One entry of the reply.
    name : str
        The field.
    low, high : float
        Bounds, included. Between 0 and 1, true and false are numbers too.
    whole : bool
        Whether it must be an integer.
    optional : bool
        Whether it may be missing or null.

    Returns
    -------
    int or float or None
        An int where it must be one, else a float; None where it is missing.

    Raises
    ------
    BadReplyError
        For everything else.

    Examples
    --------
    >>> number({"ra": 150}, "ra", 0, 360)
    150.0
    """
    value: Any = _plain(entry.get(name))
    if optional and (value is None or value != value):  # NaN, as tables say "unknown"
        return None
    truth = (low, high) == (0, 1) and type(value) is bool
    right = truth or type(value) is int or (type(value) is float and not whole)
    if not right or not low <= value <= high:
        kind = "an integer" if whole else "a number"
        raise BadReplyError(f"{name} is {_short(value)}, expected {kind} from {low} to {high}")
    return value if whole else float(value)


@overload
def word(entry: dict, name: str, most: int) -> str: ...


@overload
def word(entry: dict, name: str, most: int, *, optional: Literal[True]) -> str | None: ...


def word(entry: dict, name: str, most: int, *, optional: bool = False) -> str | None:
    """Return a short text of a reply, or raise.

    Parameters
    ----------
    entry : dict
        One entry of the reply.
    name : str
        The field.
    most : int
        Characters it may have, all of them printable ASCII.
    optional : bool
        Whether it may be missing, null or empty.

    Returns
    -------
    str or None
        None where it is missing or empty.

    Raises
    ------
    BadReplyError
        For everything else.

    Examples
    --------
    >>> word({"survey": "main"}, "survey", 10)
    'main'
    """
    value = _plain(entry.get(name))
    if optional and (value is None or (type(value) is str and not value)):
        return None
    if type(value) is str and 0 < len(value) <= most and value.isascii() and value.isprintable():
        return value
    raise BadReplyError(f"{name} is {_short(value)}, expected text of at most {most} characters")


def array(entry: dict, name: str, length: int) -> np.ndarray:
    """Return an array of numbers of a reply, or raise.

    Parameters
    ----------
    entry : dict
        One entry of the reply.
    name : str
        The field: a list of numbers, of which null is NaN, or a numpy array of numbers.
    length : int
        How many there must be.

    Returns
    -------
    ndarray
        Integer or float (length,).

    Raises
    ------
    BadReplyError
        For everything else.

    Examples
    --------
    >>> array({"flux": [1, 2.5, None]}, "flux", 3)
    array([1. , 2.5, nan])
    """
    value = entry.get(name)
    if type(value) is list:
        value = _floats(value, name)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        raise BadReplyError(f"{name} is {_short(value)}, expected an array of numbers")
    if value.shape != (length,):
        raise BadReplyError(f"{name} has shape {value.shape}, expected {(length,)}")
    return value


def _floats(items: list, name: str) -> np.ndarray:
    """Return a list of numbers as float64; null is NaN.

    Types first, and not by numpy: it would try to make sense of lists in lists, however deep.
    """
    types = set(map(type, items))
    if not types <= {int, float, type(None)}:
        raise BadReplyError(f"{name} is a list of other things than numbers")
    if type(None) in types:
        items = [math.nan if item is None else item for item in items]
    try:
        return np.array(typed_array("d", items))
    except OverflowError as error:
        raise BadReplyError(f"{name} has a number beyond all floats") from error


def _plain(value: object) -> object:
    """Return a numpy scalar as Python's own type, everything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _short(value: object) -> str:
    """Return a value as a message may quote it, in few words whatever it is."""
    return reprlib.repr(value) if not isinstance(value, np.ndarray) else f"an array {value.dtype}"
