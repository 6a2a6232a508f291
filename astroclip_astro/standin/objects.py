"""What a SIMULATED sky is to the stand-in: objects, their spectra, and the images around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from astropy.table import Table, vstack

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from scipy.spatial import KDTree


BRICK_RADIUS = 0.02  # degrees around an object within which there is imaging
RELEASES = ("DESI-EDR", "DESI-DR1")


class UnreadableImageError(Exception):
    """The sky has an image here, but its file is damaged; the viewer answers status 500."""


@dataclass(frozen=True)
class Patch:
    """A grz image on the native pixel grid.

    Parameters
    ----------
    pixels : ndarray
        float32 (3, h, w), g, r, z, nanomaggies a pixel of 0.262 arcsec, north up, east left.
    ra, dec : float
        Its centre, ICRS degrees.
    """

    pixels: np.ndarray
    ra: float
    dec: float


class Sky(Protocol):
    """What the stand-in serves.

    Attributes
    ----------
    spectra : Table
        One row for each spectrum in each data release, as `releases` returns it.
    """

    spectra: Table

    def flux_ivar(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return flux and inverse variance of a row of ``spectra``, float32 (7781,) each."""

    def image(self, ra: float, dec: float) -> Patch | None:
        """Return the image nearest to a position, None outside every brick.

        Raises
        ------
        UnreadableImageError
            Where its file is damaged.
        """


class Nearest:
    """Search for the nearest of some positions, right at RA 0 and at the poles.

    Parameters
    ----------
    ra, dec : array_like
        float64 (n,), degrees, n > 0.

    Examples
    --------
    >>> row, separation = Nearest([0.0, 90.0], [0.0, 90.0])(359.99, 0.0)
    >>> row, round(separation, 6)
    (0, 0.01)
    """

    def __init__(self, ra: ArrayLike, dec: ArrayLike) -> None:
        self._ra, self._dec = ra, dec

    @cached_property
    def _tree(self) -> KDTree:
        from scipy.spatial import KDTree  # loaded when something is asked for, not at every start

        return KDTree(_unit_vectors(self._ra, self._dec))

    def __call__(self, ra: float, dec: float) -> tuple[int, float]:
        """Return the nearest position's number and its distance in degrees."""
        chord, row = self._tree.query(_unit_vectors(ra, dec))
        return int(row), float(np.degrees(2 * np.arcsin(min(chord / 2, 1))))


def releases(observed: Table) -> Table:
    """Return the spectra of both data releases from what was observed.

    EDR has the survey ``sv3`` only; DR1 has everything, ``sv3`` reprocessed under other ids.

    Parameters
    ----------
    observed : Table
        One row a spectrum: targetid, survey, program, ra, dec, redshift, redshift_err,
        redshift_warning, spectype, specprimary, deltachi2, coadd_fiberstatus.

    Returns
    -------
    Table
        The same columns with ``data_release``, and ``observation``, the row of ``observed``.

    Examples
    --------
    >>> both = releases(Table({"targetid": [1, 2], "survey": ["sv3", "main"]}))
    >>> [(str(name), int(row)) for name, row in both["data_release", "observation"].iterrows()]
    [('DESI-EDR', 0), ('DESI-DR1', 0), ('DESI-DR1', 1)]
    """
    parts = []
    for release in RELEASES:
        part = observed.copy()
        part["observation"] = np.arange(len(observed))
        part["data_release"] = np.full(len(observed), release)
        parts.append(part[part["survey"] == "sv3"] if release == "DESI-EDR" else part)
    return vstack(parts, metadata_conflicts="silent")


def zpix(sky: Sky, release: str) -> Table:
    """Return the table of redshifts of one data release as Data Lab has it.

    Parameters
    ----------
    sky : Sky
        The sky.
    release : {"DESI-EDR", "DESI-DR1"}
        The data release that is asked for.

    Returns
    -------
    Table
        Columns of ``desi_edr.zpix`` and ``desi_dr1.zpix``.

    Examples
    --------
    >>> from astroclip_astro.standin.sky import painted_sky
    >>> zpix(painted_sky(4), "DESI-DR1").colnames[:4]
    ['targetid', 'survey', 'program', 'mean_fiber_ra']
    """
    rows = sky.spectra[sky.spectra["data_release"] == release]
    primary = np.asarray(rows["specprimary"]).astype(np.int64)
    return Table(
        {
            "targetid": rows["targetid"],
            "survey": rows["survey"],
            "program": rows["program"],
            "mean_fiber_ra": rows["ra"],
            "mean_fiber_dec": rows["dec"],
            "z": rows["redshift"],
            "zerr": rows["redshift_err"],
            "zwarn": rows["redshift_warning"],
            "deltachi2": rows["deltachi2"],
            "spectype": rows["spectype"],
            "coadd_fiberstatus": rows["coadd_fiberstatus"],
            "sv_primary": primary,
            "zcat_primary": primary,
        }
    )


def _unit_vectors(ra: ArrayLike, dec: ArrayLike) -> np.ndarray:
    """Return directions as unit vectors, (..., 3)."""
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
