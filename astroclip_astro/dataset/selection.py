"""Which targets of DESI's redshift catalogue a training set is made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table, unique, vstack

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.desi_catalogue import Cuts, DesiCatalogueClass

GOOD_GALAXIES = Cuts(spectype=("GALAXY",), good_redshift=True, good_fibre=True)
SEVERAL_SPECTRA = "several primary spectra in the catalogue"
NO_REDSHIFT = "no redshift in the catalogue"
NOT_IN_CATALOGUE = "not in the catalogue, or does not pass the cuts"


@dataclass(frozen=True)
class Selection:
    """Where targets are, or which they are, and what they must be; as text, in words.

    Only the primary spectrum of a target counts: the best of all that a release has of it.

    Parameters
    ----------
    boxes : tuple of (float, float, float, float)
        West, east, south, north, degrees, edges included; from west eastwards to east, so that
        350 and 10 are a box through RA 0.
    cone : (float, float, float), optional
        RA, Dec and radius, degrees.
    targetids : tuple of int, optional
        TARGETIDs, in place of a place.
    cuts : Cuts
        On the rows of the catalogue; by default galaxies with good redshifts and fibres.
    limit : int, optional
        Most galaxies: of more, the same arbitrary ones each time.

    Raises
    ------
    InputError
        Unless exactly one of boxes, cone and targetids is given, and the limit is 1 or more.

    Examples
    --------
    >>> print(Selection(boxes=((350, 10, -5, 5),), limit=100))
    RA 350 to 10, Dec -5 to 5 deg; spectype GALAXY, zwarn = 0, coadd_fiberstatus = 0; 100 at most
    """

    boxes: tuple[tuple[float, float, float, float], ...] = ()
    cone: tuple[float, float, float] | None = None
    targetids: tuple[int, ...] | None = None
    cuts: Cuts = GOOD_GALAXIES
    limit: int | None = None

    def __post_init__(self) -> None:
        given = bool(self.boxes) + (self.cone is not None) + (self.targetids is not None)
        if given != 1:
            raise InputError(
                f"{given} of box, cone and targets are given, expected one of the three; the "
                "whole sky is --box 0 360 -90 90."
            )
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit is {self.limit}, expected 1 or more.")

    def __str__(self) -> str:
        where = [
            f"RA {west:.10g} to {east:.10g}, Dec {south:.10g} to {north:.10g} deg"
            for west, east, south, north in self.boxes
        ]
        if self.cone is not None:
            where = ["{2:.10g} deg around RA {0:.10g}, Dec {1:.10g} deg".format(*self.cone)]
        if self.targetids is not None:
            digest = hashlib.sha256(repr(self.targetids).encode()).hexdigest()[:8]
            where = [f"{len(self.targetids)} given TARGETIDs ({digest})"]
        limit = f"; {self.limit} at most" if self.limit else ""
        return f"{' or '.join(where)}; {self.cuts}{limit}"


def select_targets(
    selection: Selection, catalogue: DesiCatalogueClass
) -> tuple[Table, dict[str, int]]:
    """Ask the catalogue for the targets of a selection.

    Parameters
    ----------
    selection : Selection
        Its limit plays no part yet.
    catalogue : DesiCatalogueClass
        Of one data release.

    Returns
    -------
    table : Table
        Columns of the catalogue, one row a target, sorted by TARGETID.
    left_out : dict of str to int
        How many targets cannot be used, by reason.

    Raises
    ------
    InputError
        For a box or cone that is none.
    BadReplyError
        Where the service gives no usable reply, or fewer rows than it counts.
    SourceError
        Where the service is down.
    """
    options: dict[str, Any] = {"cuts": selection.cuts, "counted": True}
    if selection.targetids is not None:
        found = catalogue.query_targetids(selection.targetids, **options)
    elif selection.cone is not None:
        ra, dec, radius = selection.cone
        centre = _position(ra, dec)
        found = catalogue.query_region(centre, radius * u.deg, **options)
    else:
        found = vstack(
            [
                catalogue.query_box([west, east] * u.deg, [south, north] * u.deg, **options)
                for west, east, south, north in selection.boxes
            ]
        )
    found = unique(found, keys=["targetid", "survey", "program"]) if len(found) else found
    left_out = {}
    if selection.targetids is not None:
        absent = np.setdiff1d(np.array(selection.targetids, np.int64), found["targetid"])
        left_out[NOT_IN_CATALOGUE] = len(absent)
    _, index, count = np.unique(found["targetid"].data, return_index=True, return_counts=True)
    left_out[SEVERAL_SPECTRA] = int((count > 1).sum())
    single = found[index[count == 1]]
    measured = np.isfinite(single["z"].data)
    left_out[NO_REDSHIFT] = int((~measured).sum())
    return single[measured], {reason: number for reason, number in left_out.items() if number}


def subsample(targetid: np.ndarray, limit: int | None) -> np.ndarray:
    """Choose some targets that have nothing in common but their choice.

    Parameters
    ----------
    targetid : ndarray
        int64 (n,), each once.
    limit : int or None
        How many at most; None for all.

    Returns
    -------
    ndarray
        int64, indices in rising order. A choice of more targets holds that of fewer, and the
        order of the targets does not matter.

    Examples
    --------
    >>> subsample(np.arange(100, dtype=np.int64), 3).size
    3
    """
    if limit is None or len(targetid) <= limit:
        return np.arange(len(targetid))
    return np.sort(np.lexsort((targetid, _scatter(targetid)))[:limit])


def _scatter(targetid: np.ndarray) -> np.ndarray:
    """Return numbers that follow from TARGETIDs and look random: splitmix64 (Vigna 2015)."""
    mixed = targetid.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _position(ra: float, dec: float) -> SkyCoord:
    """Return a position, or raise."""
    try:
        return SkyCoord(ra, dec, unit="deg")
    except ValueError as error:
        raise InputError(f"Cone around RA {ra}, Dec {dec}: {error}") from None
