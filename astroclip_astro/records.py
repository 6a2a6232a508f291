"""What travels down the pipe: positions asked for, and what a source found there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from astropy.table import Table

from astroclip_astro.flags import Flag

__all__ = ["Cutout", "MissingData", "Source", "Spectrum", "Targets"]

PIXEL_SCALE = 0.262  # arcsec, the native pixel of Legacy Surveys coadds
WAVELENGTH = 3600 + 0.8 * np.arange(7781)  # Angstrom, vacuum, observed frame


@dataclass(frozen=True)
class Targets:
    """Rows of a catalogue, as sources are asked for them.

    Parameters
    ----------
    ra, dec : ndarray
        float64 (n,), ICRS degrees, RA in [0, 360); NaN where the row has no good position.
    targetid : ndarray
        int64 (n,), DESI TARGETID; only meaningful where ``has_targetid``.
    has_targetid : ndarray
        bool (n,), whether the row names its spectrum. Such a row gets that spectrum or none.
    positioned : bool
        Whether the catalogue has positions at all, so that a row without one is a bad row.
    frame : str
        The frame they were transformed from and its columns, as the header's ``ACFRAME`` has it;
        empty where they were ICRS.
    bad_targetid : ndarray, optional
        bool (n,), rows whose TARGETID could not be read; None for no row.
    """

    ra: np.ndarray
    dec: np.ndarray
    targetid: np.ndarray
    has_targetid: np.ndarray
    positioned: bool = True
    frame: str = ""
    bad_targetid: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ra)

    def __getitem__(self, rows: slice | np.ndarray) -> Targets:
        """Return some of the rows."""
        return replace(
            self,
            ra=self.ra[rows],
            dec=self.dec[rows],
            targetid=self.targetid[rows],
            has_targetid=self.has_targetid[rows],
            bad_targetid=None if self.bad_targetid is None else self.bad_targetid[rows],
        )

    @property
    def has_position(self) -> np.ndarray:
        """Whether the row has a good position, bool (n,)."""
        return np.isfinite(self.ra) & np.isfinite(self.dec)

    @property
    def bad_position(self) -> np.ndarray:
        """Whether the row should have a position and has no good one, bool (n,)."""
        return ~self.has_position & (self.positioned | ~self.has_targetid)

    @property
    def good(self) -> np.ndarray:
        """Whether the row can be asked for, by position or TARGETID, bool (n,)."""
        return self.has_position | self.has_targetid


@dataclass(frozen=True)
class Cutout:
    """A grz image around a position.

    Parameters
    ----------
    image : ndarray
        float32 (3, size, size), g, r, z, nanomaggies a pixel of 0.262 arcsec, north up, east
        left, the position at its centre (to half a pixel where nothing was resampled).
        Pixels without data are 0.
    complete : bool
        False where a band is missing or zero, pixels are bad, or the source's image does not
        cover the whole field.
    origin : str
        File or address it came from.
    """

    image: np.ndarray
    complete: bool
    origin: str


@dataclass(frozen=True)
class Spectrum:
    """A DESI spectrum on the grid 3600-9824 Angstrom, step 0.8.

    Parameters
    ----------
    flux, ivar : ndarray
        float32 (7781,), 1e-17 erg/s/cm2/Angstrom and its inverse variance; both 0 without data.
    targetid : int
        DESI TARGETID.
    ra, dec : float
        The target's position, ICRS degrees.
    separation : float
        Distance from the row's position, arcsec; NaN where the row has none.
    good_fibre : bool or None
        Whether DESI's fibre status is 0; None where the source does not say it.
    matches : int
        Number of spectra that matched, this one included; single exposures count one by one.
    redshift : float or None
        DESI's (redrock) redshift, None where the source has none.
    zwarn : int or None
        DESI's redshift warning bits.
    spectype : str or None
        DESI's spectral type.
    origin : str
        File or address it came from.
    """

    flux: np.ndarray
    ivar: np.ndarray
    targetid: int
    ra: float
    dec: float
    separation: float
    good_fibre: bool | None
    matches: int
    redshift: float | None
    zwarn: int | None
    spectype: str | None
    origin: str


@dataclass(frozen=True)
class MissingData:
    """Nothing for this row, and why.

    Parameters
    ----------
    flag : Flag
        ``NO_IMAGE`` or ``NO_SPECTRUM``, with ``SOURCE_FAILED`` where something is there but
        could not be delivered.
    reason : str
        One line for ``--verbose``.
    """

    flag: Flag
    reason: str


@runtime_checkable
class Source(Protocol):
    """Where images and spectra come from. Each call answers every row it is given.

    A source may offer more, which is used where it is there: ``note``, called while something slow
    goes on, with what is being done, how much of it is done and how much there is; ``preview``,
    lines that say what it has for some rows; ``problems``, files that could not be read, and why;
    ``caches``, whether what was fetched is there for the next run; and ``close``.
    """

    name: str

    def spectra(self, targets: Targets, radius: float) -> Sequence[Spectrum | MissingData]:
        """Return a spectrum or a gap for every row; ``radius`` is in arcsec."""

    def cutouts(self, targets: Targets, size: int) -> Sequence[Cutout | MissingData]:
        """Return a cutout of ``size`` pixels or a gap for every row; all rows have positions."""


def origin(table: Table, source: Source) -> str:
    """Return where data come from, and that they are simulated where source or table says so."""
    simulated = table.meta.get("SIMULATD") is True and "SIMULATED" not in source.name
    return f"{source.name} (SIMULATED)" if simulated else source.name


def origin_word(simulated: bool | None) -> str:
    """Return ``SIMULATED``, ``real`` or ``unknown``: what galaxies are, as headers say it.

    Examples
    --------
    >>> origin_word(True), origin_word(False), origin_word(None)
    ('SIMULATED', 'real', 'unknown')
    """
    return {True: "SIMULATED", False: "real", None: "unknown"}[simulated]


def sample_name(simulated: bool | None) -> str:
    """Return what texts call galaxies: simulated ones are called so, everywhere.

    Examples
    --------
    >>> sample_name(True), sample_name(None)
    ('SIMULATED galaxies', 'galaxies')
    """
    return "SIMULATED galaxies" if simulated else "galaxies"
