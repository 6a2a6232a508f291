"""Which observations a DESI file is of, as its headers say it: files of the same are a pair."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

Identity: TypeAlias = Mapping[str, str]

CARDS = (
    *("SPECPROD", "SURVEY", "PROGRAM", "SPGRP", "SPGRPVAL", "HPXNSIDE", "HPXPIXEL"),
    *("TILEID", "NIGHT", "PETAL", "SPECTRO"),
)
# What two files have in common where they are of the same observations.
COMPLETE = (
    {"SURVEY", "PROGRAM", "HPXPIXEL"},
    {"TILEID", "PETAL", "SPGRPVAL"},
    {"TILEID", "PETAL", "NIGHT"},
    {"TILEID", "SPECTRO", "SPGRPVAL"},
    {"TILEID", "SPECTRO", "NIGHT"},
)
# What comes first, or last, in the names of files that belong together.
KINDS = "coadd|spectra|redrock|zbest|rrdetails"


def read_identity(hdus: Sequence) -> dict[str, str]:
    """Read the cards that say which observations a file is of.

    Parameters
    ----------
    hdus : sequence of HDU
        All of it. The first header counts, then those of its tables.

    Returns
    -------
    dict
        Values by card; the data release (SPECPROD) stands among a file's dependencies.

    Examples
    --------
    >>> from astropy.io import fits
    >>> header = fits.Header({"SURVEY": "sv3", "DEPNAM07": "SPECPROD", "DEPVER07": "fuji"})
    >>> read_identity([fits.PrimaryHDU(header=header)])
    {'SURVEY': 'sv3', 'SPECPROD': 'fuji'}
    """
    found: dict[str, str] = {}
    for header in (hdu.header for hdu in hdus if hdu is hdus[0] or "TFIELDS" in hdu.header):
        for card in CARDS:
            if card in header:
                found.setdefault(card, str(header[card]).strip().lower())
        for name in header["DEPNAM*"]:
            if str(header[name]).strip() == "SPECPROD":
                version = header.get(name.replace("NAM", "VER"), "")
                found.setdefault("SPECPROD", str(version).strip().lower())
    return {card: value for card, value in found.items() if value}


def contradiction(first: Identity, second: Identity) -> str | None:
    """Say by which card two files are of different observations.

    Parameters
    ----------
    first, second : mapping
        From `read_identity`.

    Returns
    -------
    str or None
        Card and both values; None where no card that both have differs.

    Examples
    --------
    >>> contradiction({"TILEID": "1", "SURVEY": "main"}, {"TILEID": "2"})
    'TILEID 1 and 2'
    """
    for card in CARDS:
        if card in first and card in second and first[card] != second[card]:
            return f"{card} {first[card]} and {second[card]}"
    return None


def same_observations(first: Identity, second: Identity) -> bool:
    """Say whether headers show that two files are of the same observations.

    Parameters
    ----------
    first, second : mapping
        From `read_identity`.

    Returns
    -------
    bool
        True where nothing differs and what both have says it all: healpix pixel, survey and
        program, or tile, petal and night.

    Examples
    --------
    >>> healpix = {"SURVEY": "main", "PROGRAM": "dark", "HPXPIXEL": "26065"}
    >>> same_observations(healpix, healpix), same_observations({}, healpix)
    (True, False)
    """
    common = first.keys() & second.keys()
    return contradiction(first, second) is None and any(cards <= common for cards in COMPLETE)


def name_key(path: Path) -> str | None:
    """Return what the names of a coadd and of its redrock file have in common.

    Parameters
    ----------
    path : pathlib.Path
        Of either.

    Returns
    -------
    str or None
        The name in lower case without ``.fits``, ``.gz`` and the like, and without ``coadd``,
        ``spectra``, ``redrock`` or ``zbest``; None where none of these words stands in it.

    Examples
    --------
    >>> name_key(Path("redrock-main-dark-7.fits")), name_key(Path("COADD-main-dark-7.fits.gz"))
    ('*-main-dark-7', '*-main-dark-7')
    >>> name_key(Path("mine.fits")) is None
    True
    """
    stem = path.name.lower().rsplit(".fit", 1)[0]
    key, count = re.subn(KINDS, "*", stem, count=1)
    return key if count else None
