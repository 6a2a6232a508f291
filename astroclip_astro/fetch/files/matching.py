"""Positions and TARGETIDs matched to what a folder holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.coordinates import angular_separation
from scipy.spatial import cKDTree

from astroclip_astro.fetch.files.coadd_files import CoaddFile
from astroclip_astro.records import Targets

# Degrees added to every search: rounding must not lose a match at exactly the radius. It is a
# thousandth of a milliarcsecond.
ROUNDING = 1e-6 / 3600


def sky_tree(ra: np.ndarray, dec: np.ndarray) -> cKDTree:
    """Build a search tree of positions, as unit vectors: no seam at RA 0, no trouble at poles.

    Parameters
    ----------
    ra, dec : ndarray
        float64 (n,), finite, degrees.

    Returns
    -------
    scipy.spatial.cKDTree
        Of (n, 3) vectors.

    Examples
    --------
    >>> sky_tree(np.array([0.0, 10.0]), np.array([90.0, -5.0])).n
    2
    """
    return cKDTree(_unit_vectors(ra, dec))


def pairs_within(
    tree: cKDTree, ra: np.ndarray, dec: np.ndarray, radius: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the positions of a tree near other positions.

    Parameters
    ----------
    tree : scipy.spatial.cKDTree
        From `sky_tree`.
    ra, dec : ndarray
        float64 (m,), finite, degrees.
    radius : float or ndarray
        Degrees, one for all or (m,).

    Returns
    -------
    asked, found : ndarray
        int (pairs,) each: indices into ``ra`` and into the tree.

    Examples
    --------
    >>> tree = sky_tree(np.array([359.9999, 180.0]), np.array([0.0, 0.0]))
    >>> pairs_within(tree, np.array([0.0001]), np.array([0.0]), 0.001)
    (array([0]), array([0]))
    """
    angle = np.minimum(np.radians(np.asarray(radius) + ROUNDING), np.pi)
    chord = 2 * np.sin(angle / 2)
    lists = tree.query_ball_point(_unit_vectors(ra, dec), chord, return_sorted=True)
    counts = np.fromiter(map(len, lists), int, len(lists))
    found = np.fromiter((item for items in lists for item in items), int, counts.sum())
    return np.repeat(np.arange(len(lists)), counts), found


def queues(count: int, rows: np.ndarray, *keys: np.ndarray) -> list[np.ndarray]:
    """Put each row's candidates in order.

    Parameters
    ----------
    count : int
        Number of rows.
    rows : ndarray
        int (pairs,), the row of each candidate.
    *keys : ndarray
        (pairs,) each, smallest first, the most important key first.

    Returns
    -------
    list of ndarray
        For each row the indices of its pairs, best first.

    Examples
    --------
    >>> queues(2, np.array([0, 0]), np.array([0.3, 0.2]))
    [array([1, 0]), array([], dtype=int64)]
    """
    order = np.lexsort((*keys[::-1], rows))
    return np.split(order, np.searchsorted(rows[order], np.arange(1, count)))[:count]


class SpectrumIndex:
    """All spectra of some coadd files, found by position or by TARGETID.

    Parameters
    ----------
    files : sequence of CoaddFile
        In the order that decides between equals.

    Examples
    --------
    >>> SpectrumIndex([]).tree.n
    0
    """

    def __init__(self, files: Sequence[CoaddFile]) -> None:
        def joined(name: str, dtype: type) -> np.ndarray:
            return np.concatenate([np.zeros(0, dtype), *(getattr(file, name) for file in files)])

        self.targetid = joined("targetid", np.int64)  # (n,), and so the others
        self.ra, self.dec = joined("ra", np.float64), joined("dec", np.float64)
        good, known = joined("good_fibre", bool), joined("known_fibre", bool)
        self.poor_fibre = np.where(good, 0, np.where(known, 2, 1))  # unknown lies between
        self.no_target = ~joined("is_target", bool)
        self.exposure = joined("exposure", np.float64)
        counts = np.array([len(file) for file in files], int)
        self.file = np.repeat(np.arange(len(files)), counts)
        self.row = np.arange(len(self.file)) - np.repeat(np.cumsum(counts) - counts, counts)
        for file, first in zip(files, (np.cumsum(counts) - counts).tolist(), strict=True):
            # A second less: the coadd that DESI has made of the same exposures comes first.
            self.exposure[[first + row for row in file.members]] -= 1
        self.by_targetid = np.argsort(self.targetid, kind="stable")
        self.placed = np.flatnonzero(np.isfinite(self.ra) & np.isfinite(self.dec))
        self.tree = sky_tree(self.ra[self.placed], self.dec[self.placed])

    def candidates(
        self, targets: Targets, radius: float
    ) -> list[list[tuple[int, tuple[int, float]]]]:
        """Find the spectra that match, best first.

        Parameters
        ----------
        targets : Targets
            Rows, n. One with a TARGETID matches that TARGETID, wherever it is, and nothing else.
        radius : float
            Arcsec, inclusive.

        Returns
        -------
        list of list
            For each row (file number, (row in the file, separation in arcsec)).
        """
        rows, spectra = (
            np.concatenate(pair)
            for pair in zip(
                self._by_position(targets, radius), self._by_targetid(targets), strict=True
            )
        )
        place = (targets.ra[rows], targets.dec[rows], self.ra[spectra], self.dec[spectra])
        separation = np.degrees(angular_separation(*map(np.radians, place))) * 3600
        # A row without position has no separation, and all its spectra are equally near.
        near = np.round(np.nan_to_num(separation), 1)
        ordered = queues(
            len(targets),
            rows,
            self.no_target[spectra],
            self.poor_fibre[spectra],
            near,
            -self.exposure[spectra],
            spectra,
        )
        files, lines = self.file[spectra].tolist(), self.row[spectra].tolist()
        apart = separation.tolist()
        return [[(files[i], (lines[i], apart[i])) for i in queue.tolist()] for queue in ordered]

    def _by_position(self, targets: Targets, radius: float) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs (row, spectrum) of rows without TARGETID."""
        asking = np.flatnonzero(targets.has_position & ~targets.has_targetid)
        asked, found = pairs_within(
            self.tree, targets.ra[asking], targets.dec[asking], radius / 3600
        )
        return asking[asked], self.placed[found]

    def _by_targetid(self, targets: Targets) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs (row, spectrum) of rows with TARGETID."""
        asking = np.flatnonzero(targets.has_targetid)
        known, wanted = self.targetid[self.by_targetid], targets.targetid[asking]
        first = np.searchsorted(known, wanted, side="left")
        counts = np.searchsorted(known, wanted, side="right") - first
        # For counts 2, 0, 3: 0 1, nothing, 0 1 2
        steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(asking, counts), self.by_targetid[np.repeat(first, counts) + steps]


def _unit_vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return unit vectors of positions in degrees, (n, 3)."""
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
