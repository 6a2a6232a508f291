"""Records of the spectra that SPARCL has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields

import astropy.units as u
import numpy as np
from astropy.table import MaskedColumn, Table

from astroclip_astro.fetch.sparcl.field import INT64, number, word
from astroclip_astro.fetch.transport import BadReplyError

FIND_FIELDS = (
    "sparcl_id targetid ra dec redshift redshift_warning spectype specprimary data_release "
    "survey program"
).split()
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DTYPES = {"str": "U40", "int": "i8", "float": "f8", "bool": "?"}


@dataclass(frozen=True)
class SpectrumRecord:
    """One spectrum that SPARCL has, as its ``find`` describes it.

    Parameters
    ----------
    sparcl_id : str
        UUID of the spectrum, unique.
    targetid : int
        DESI TARGETID; several spectra may have the same.
    ra, dec : float
        ICRS degrees, RA in [0, 360].
    redshift : float or None
        DESI's (redrock) redshift.
    zwarn : int or None
        DESI's redshift warning bits, 0 is good.
    spectype : str or None
        DESI's spectral type: GALAXY, QSO or STAR.
    specprimary : bool
        Whether it is the best of its target.
    release : str
        Data release, ``DESI-DR1`` for example.
    survey, program : str or None
        DESI's, ``main`` and ``bright`` for example; None where the service does not say.
    """

    sparcl_id: str
    targetid: int
    ra: float
    dec: float
    redshift: float | None
    zwarn: int | None
    spectype: str | None
    specprimary: bool
    release: str
    survey: str | None
    program: str | None


def read_record(entry: dict, releases: Collection[str]) -> SpectrumRecord:
    """Read one entry of ``find``.

    Parameters
    ----------
    entry : dict
        With `FIND_FIELDS`.
    releases : collection of str
        The data releases that were asked for.

    Returns
    -------
    SpectrumRecord
        Every field of the right type and in its range.

    Raises
    ------
    BadReplyError
        Where a field is missing or wrong, or the release was not asked for.

    Examples
    --------
    >>> entry = {"sparcl_id": "00000f0b-07db-4234-892a-6e347db79c89", "targetid": 39627866878511337,
    ...     "ra": 150.1, "dec": 2.2, "redshift": 0.35, "redshift_warning": 0, "spectype": "GALAXY",
    ...     "specprimary": True, "data_release": "DESI-DR1", "survey": "main", "program": "dark"}
    >>> read_record(entry, ["DESI-DR1"]).targetid
    39627866878511337
    """
    record = SpectrumRecord(
        sparcl_id=word(entry, "sparcl_id", 36),
        targetid=number(entry, "targetid", *INT64, whole=True),
        ra=number(entry, "ra", 0, 360),
        dec=number(entry, "dec", -90, 90),
        redshift=number(entry, "redshift", -1, 100, optional=True),
        zwarn=number(entry, "redshift_warning", 0, INT64[1], whole=True, optional=True),
        spectype=word(entry, "spectype", 6, optional=True),
        specprimary=bool(number(entry, "specprimary", 0, 1, whole=True)),
        release=word(entry, "data_release", 40),
        survey=word(entry, "survey", 40, optional=True),
        program=word(entry, "program", 40, optional=True),
    )
    if not UUID.fullmatch(record.sparcl_id):
        raise BadReplyError(f"sparcl_id {record.sparcl_id!r}, expected a UUID")
    if record.release not in releases:
        raise BadReplyError(f"a spectrum of {record.release}, expected {', '.join(releases)}")
    return record


def unique_records(records: Iterable[SpectrumRecord]) -> list[SpectrumRecord]:
    """Merge what was sent twice.

    Parameters
    ----------
    records : iterable of SpectrumRecord
        In any order.

    Returns
    -------
    list of SpectrumRecord
        In order of their first appearance, each ``sparcl_id`` once.

    Raises
    ------
    BadReplyError
        Where two that differ have the same ``sparcl_id``.

    Examples
    --------
    >>> unique_records([])
    []
    """
    unique: dict[str, SpectrumRecord] = {}
    for record in records:
        if unique.setdefault(record.sparcl_id, record) != record:
            raise BadReplyError(f"two different records with sparcl_id {record.sparcl_id}")
    return list(unique.values())


def records_table(records: list[SpectrumRecord]) -> Table:
    """Return records as a table.

    Parameters
    ----------
    records : list of SpectrumRecord
        One for each row.

    Returns
    -------
    Table
        The fields of `SpectrumRecord` as columns; what the service does not have is masked.

    Examples
    --------
    >>> records_table([]).colnames[:4]
    ['sparcl_id', 'targetid', 'ra', 'dec']
    """
    table = Table()
    for field in fields(SpectrumRecord):
        kind, *optional = field.type.split(" | ")
        values = [getattr(record, field.name) for record in records]
        column = np.array(
            [np.zeros((), DTYPES[kind])[()] if value is None else value for value in values],
            dtype=DTYPES[kind],
        )
        if optional:
            column = MaskedColumn(column, mask=[value is None for value in values])
        table[field.name] = column
    table["ra"].unit = table["dec"].unit = u.deg
    return table
