"""What goes wrong with the stand-in's replies, on purpose and reproducibly.

Each request draws every fault by itself, with its own probability. What makes no sense for a
request has no effect on it:

============== ========================= ====================================================
fault          requests                  what the client sees
============== ========================= ====================================================
http_429       all                       status 429 with ``Retry-After``
http_500       all                       status 500 with a page of HTML
html_200       all                       status 200 with a page of HTML
slow           all                       nothing for some seconds, then the reply
reset          all                       a connection reset (RST), before or within the reply
truncated      all whose reply has bytes the whole ``Content-Length`` said, part of it sent
wrong_bands    cutouts                   other bands than asked for, in pixels and ``BANDS``
zero_planes    cutouts                   one or more bands exactly zero
wrong_position cutouts, /spectras        another object's image under its own ``CRVAL``; one
                                         record with everything but sparcl_id another object's
reordered      /find, /spectras          records in another order
duplicated     /find, /spectras          some records twice
missing        /spectras                 some records, at least one, left out
============== ========================= ====================================================

Where several are drawn, ``reset`` before the reply wins over ``http_429``, that over ``http_500``,
that over ``html_200``; all others add up.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from astroclip_astro.errors import InputError
from astroclip_astro.standin.messages import Answer

FAULTS = (
    "http_429",
    "http_500",
    "html_200",
    "slow",
    "reset",
    "truncated",
    "wrong_bands",
    "zero_planes",
    "wrong_position",
    "reordered",
    "duplicated",
    "missing",
)


@dataclass(frozen=True)
class Draw:
    """What one request has drawn.

    Parameters
    ----------
    names : frozenset of str
        Its faults.
    random : random.Random
        For everything else that is arbitrary in its reply; belongs to this request alone.
    """

    names: frozenset[str]
    random: random.Random

    def __contains__(self, name: str) -> bool:
        """Return whether a fault was drawn."""
        return name in self.names


class Faults:
    """Faults and their probabilities; the same seed gives the same sequence of draws.

    Parameters
    ----------
    probabilities : mapping of str to float, optional
        Probability, 0 to 1, of each of `FAULTS` that may happen.
    seed : int, optional
        Every draw follows from it and from how many were made before.

    Raises
    ------
    InputError
        For an unknown name or something that is no probability.

    Examples
    --------
    >>> faults = Faults({"http_429": 0.5}, seed=1)
    >>> ["http_429" in faults.draw() for _ in range(6)]
    [True, True, True, True, False, True]
    """

    def __init__(self, probabilities: Mapping[str, float] | None = None, *, seed: int = 0) -> None:
        probabilities = dict(probabilities or {})
        for name, value in probabilities.items():
            if name not in FAULTS:
                raise InputError(f"Unknown fault {name!r}, expected one of {', '.join(FAULTS)}.")
            if not (isinstance(value, (int, float)) and 0 <= value <= 1):
                raise InputError(
                    f"Probability {value!r} of fault {name!r}, expected a number from 0 to 1. "
                    f"Faults are {', '.join(FAULTS)}."
                )
        self._probabilities = probabilities
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def draw(self) -> Draw:
        """Return the next draw. Each takes the same amount of randomness, whatever is on."""
        with self._lock:
            values = [self._random.random() for _ in FAULTS]
            seed = self._random.getrandbits(64)
        names = frozenset(
            name
            for name, value in zip(FAULTS, values, strict=True)
            if value < self._probabilities.get(name, 0)
        )
        return Draw(names, random.Random(seed))


def refuse(draw: Draw, *, retry_after: int, as_json: bool) -> Answer | None:
    """Return the answer that takes the place of the service's.

    Parameters
    ----------
    draw : Draw
        What the request has drawn.
    retry_after : int
        Seconds that a busy server asks for.
    as_json : bool
        Whether the service says in JSON that it is busy.

    Returns
    -------
    Answer or None
        None where the service answers itself.

    Examples
    --------
    >>> draw = Draw(frozenset({"http_429"}), random.Random(0))
    >>> refuse(draw, retry_after=2, as_json=True).body
    b'{"detail": "Request was throttled. Expected available in 2 seconds."}'
    """
    if "http_429" in draw:
        headers = {"Retry-After": str(retry_after)}
        if as_json:
            words = f"Request was throttled. Expected available in {retry_after} seconds."
            return Answer(429, "application/json", f'{{"detail": "{words}"}}'.encode(), headers)
        return replace(page(429, "Too Many Requests"), headers=headers)
    if "http_500" in draw:
        return page(500, "Server Error (500)")
    if "html_200" in draw:
        return page(200, "Down for maintenance")
    return None


def disturb(records: list, draw: Draw) -> list:
    """Return records reordered and some of them twice, as drawn.

    Parameters
    ----------
    records : list
        Of a reply, without its first element that describes it.
    draw : Draw
        What the request has drawn.

    Returns
    -------
    list
        A new one.

    Examples
    --------
    >>> draw = Draw(frozenset({"duplicated"}), random.Random(0))
    >>> len(disturb(["one"], draw))
    2
    """
    records = list(records)
    if "duplicated" in draw and records:
        for record in draw.random.sample(records, draw.random.randint(1, len(records))):
            records.insert(draw.random.randint(0, len(records)), record)
    if "reordered" in draw:
        before = list(records)
        draw.random.shuffle(records)
        if records == before:
            records.reverse()
    return records


def page(status: int, words: str) -> Answer:
    """Return a page of HTML.

    Parameters
    ----------
    status : int
        HTTP status.
    words : str
        What it says.

    Returns
    -------
    Answer
        Of type ``text/html``.

    Examples
    --------
    >>> page(404, "Not Found").content_type
    'text/html; charset=utf-8'
    """
    text = f"<!doctype html>\n<html><head><title>{words}</title></head>\n<body><h1>{words}</h1>"
    return Answer(status, "text/html; charset=utf-8", f"{text}</body></html>\n".encode())
