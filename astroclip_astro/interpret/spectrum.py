"""The spectrum of one row of a table, and at which redshift its lines are marked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Table

from astroclip_astro.columns import PREFIX
from astroclip_astro.config import MATCH_RADIUS
from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.flags import Flag
from astroclip_astro.prepare.spectra import clean_spectra, has_data
from astroclip_astro.records import MissingData, Source, Spectrum, Targets, origin
from astroclip_astro.sky import find_targets
from astroclip_astro.sky.arguments import check_row, check_table


@dataclass(frozen=True, eq=False)
class ObjectSpectrum:
    """The spectrum of a row, and what a title says of it.

    Parameters
    ----------
    flux, ivar : ndarray
        float32 (7781,), 1e-17 erg/s/cm2/Angstrom and its inverse variance, 0 without data.
    redshift : float or None
        At which lines are marked.
    description : str
        Where the spectrum comes from, and on a second line whose the redshift is.
    """

    flux: np.ndarray
    ivar: np.ndarray
    redshift: float | None
    description: str


def fetch_spectrum(
    table: Table,
    row: int,
    source: str | os.PathLike | Source,
    redshift: float | None = None,
    *,
    ra: str | None = None,
    dec: str | None = None,
    frame: str | None = None,
    match_radius: float | u.Quantity = MATCH_RADIUS,
    **connection: Any,
) -> ObjectSpectrum:
    """Fetch the spectrum of a row.

    Parameters
    ----------
    table : Table
        With positions or TARGETIDs.
    row : int
        From 0.
    source : str, path or Source
        As `astroclip_astro.fetch.open.open_source` has it; closed again.
    redshift : float, optional
        Of the object, where the user knows it.
    ra, dec : str, optional
        Names of the position columns.
    frame : str, optional
        Their frame, where it is not what the table says, else ICRS.
    match_radius : float or Quantity
        Largest distance of the spectrum from the row, arcsec.
    **connection
        Further options of `astroclip_astro.fetch.open.open_source`.

    Returns
    -------
    ObjectSpectrum

    Raises
    ------
    InputError
        Where there is no such row, it has no spectrum, or an option cannot be met.
    SourceError
        Where the source has a spectrum and cannot deliver it.
    """
    from astroclip_astro.fetch.open import open_source
    from astroclip_astro.sky.position import arcseconds

    row = check_row(row, len(check_table(table)))
    if redshift is not None and usable(redshift) is None:
        raise InputError(f"redshift is {redshift!r}, expected a finite number above -1.")
    radius = arcseconds(match_radius)
    target = _target(table, row, ra=ra, dec=dec, frame=frame)
    opened = open_source(source, **connection)
    (answer,) = _answer(opened, target, radius)
    spectrum = _found_spectrum(answer, row, opened.name)
    at, words = best_redshift(table, row, spectrum, redshift)
    words = f"spectrum: {origin(table, opened)}\n{words}"  # a folder may have a long name
    return ObjectSpectrum(spectrum.flux, spectrum.ivar, at, words)


def _answer(opened: Source, target: Targets, radius: float) -> Sequence[Spectrum | MissingData]:
    """Return what a source answers, and close it."""
    try:
        return opened.spectra(target, radius)
    finally:
        if hasattr(opened, "close"):  # a source of the user's own need not have it
            opened.close()


def _target(
    table: Table, row: int, *, ra: str | None, dec: str | None, frame: str | None
) -> Targets:
    """Return the position or TARGETID of one row, or raise where it has neither."""
    target = find_targets(table, ra=ra, dec=dec, frame=frame)[row : row + 1]
    if not target.good[0]:
        raise InputError(
            f"Row {row} has no good position and no TARGETID, so that its spectrum cannot be "
            "found; choose another row, or correct this one."
        )
    return target


def _found_spectrum(answer: Spectrum | MissingData, row: int, source_name: str) -> Spectrum:
    """Return the spectrum that a source has given for a row, or raise where it holds nothing."""
    if isinstance(answer, MissingData):
        kind = SourceError if answer.flag & Flag.SOURCE_FAILED else InputError
        raise kind(
            f"Row {row} has no spectrum to draw: {answer.reason} ({source_name}); choose another "
            "row or source, or pass a larger match_radius."
        )
    if not has_data(clean_spectra(answer.flux[None], answer.ivar[None]))[0]:
        raise InputError(
            f"The spectrum of row {row} (TARGETID {answer.targetid}, {source_name}) is empty; "
            "choose another row."
        )
    return answer


def best_redshift(
    table: Table, row: int, spectrum: Spectrum, given: float | None = None
) -> tuple[float | None, str]:
    """Return the redshift at which lines are marked, and in words whose it is.

    Parameters
    ----------
    table : Table
        With ``astroclip_desi_z`` and ``astroclip_z``, or without.
    row : int
        From 0.
    spectrum : Spectrum
        Of the row.
    given : float, optional
        By the user.

    Returns
    -------
    redshift : float or None
        The first that is known of the one given, DESI's (in the table or with the spectrum), and
        the zero-shot one.
    words : str
        For a title.
    """
    doubt = f", ZWARN {spectrum.zwarn}" if spectrum.zwarn else ""
    known = (
        ("as given", given),
        (f"of DESI, astroclip_desi_z{doubt}", cell(table, row, f"{PREFIX}desi_z")),
        (f"of DESI{doubt}", spectrum.redshift),
        ("zero-shot, astroclip_z", cell(table, row, f"{PREFIX}z")),
    )
    for words, value in known:
        if (value := usable(value)) is not None:
            return value, f"lines at redshift {value:.4f} ({words})"
    return None, "no redshift is known, so that no lines are marked"


def cell(table: Table, row: int, name: str) -> Any:
    """Return what a column has in a row, None where there is no such column or it is masked."""
    if name not in table.colnames:
        return None
    masked = np.broadcast_to(getattr(table[name], "mask", False), len(table))[row]
    return None if masked else table[name][row]


def usable(value: Any) -> float | None:
    """Return a redshift as a number, None where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if -1 < number < np.inf else None
