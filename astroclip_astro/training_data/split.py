"""Which galaxies are held out: whole parts of the sky, or whole groups of another kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astroclip_astro.errors import InputError

__all__ = ["HoldOut"]

NSIDE = 8  # of sky groups: 768 of 54 square degrees


def sky_groups(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return the part of the sky that each galaxy lies in.

    Parameters
    ----------
    ra, dec : ndarray
        float64 (n,), ICRS degrees.

    Returns
    -------
    ndarray
        int64 (n,), HEALPix pixel of 54 square degrees (nside 8, nested).

    Examples
    --------
    >>> sky_groups(np.array([10.0, 10.1, 200.0]), np.array([5.0, 5.1, -3.0])).shape
    (3,)
    """
    from astropy import units
    from astropy_healpix import lonlat_to_healpix

    return np.asarray(lonlat_to_healpix(ra * units.deg, dec * units.deg, NSIDE, order="nested"))


def held_out(groups: np.ndarray, fraction: float, *, seed: int = 0) -> np.ndarray:
    """Choose whole groups to hold out, so that neighbours never help each other's test.

    Parameters
    ----------
    groups : ndarray
        (n,), any labels: sky pixels, rosettes, tiles.
    fraction : float
        Of the galaxies to hold out, between 0 and 1; whole groups come close to it.
    seed : int
        Of the order in which groups are taken.

    Returns
    -------
    ndarray
        bool (n,), True where held out.

    Raises
    ------
    InputError
        If the fraction is not between 0 and 1, or there are fewer than two groups.

    Examples
    --------
    >>> out = held_out(np.array([1, 1, 2, 3, 3, 4]), 0.4, seed=1)
    >>> bool(out[0] == out[1] and 0 < out.sum() < 6)
    True
    """
    labels, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if not 0 < fraction < 1:
        raise InputError(f"Fraction to hold out is {fraction}, expected a number between 0 and 1.")
    if len(labels) < 2:
        raise InputError(
            f"All {len(groups)} galaxies are in one group ({labels}); nothing can be held out. "
            "Split by another column."
        )
    order = np.random.default_rng(seed).permutation(len(labels))
    before = np.cumsum(sizes[order]) - sizes[order]
    taken = order[before + 0.5 * sizes[order] < fraction * len(groups)]
    if len(taken) == 0:
        taken = order[:1]
    return np.isin(members, taken[: len(labels) - 1])


def sample(
    rows: np.ndarray, count: int | None, sample_name: str, rng: np.random.Generator
) -> np.ndarray:
    """Draw some of the rows.

    Parameters
    ----------
    rows : ndarray
        int64 (n,), to draw from, in ascending order.
    count : int or None
        How many; None for all.
    sample_name : str
        What they are, for messages.
    rng : numpy.random.Generator
        Draws without replacement.

    Returns
    -------
    ndarray
        All rows, or so many of them at random, in ascending order.

    Raises
    ------
    InputError
        For a count below 1.

    Examples
    --------
    >>> sample(np.arange(5), 9, "galaxies", np.random.default_rng(0)).tolist()
    [0, 1, 2, 3, 4]
    """
    if count is not None and count < 1:
        raise InputError(f"{count} {sample_name} were asked for, expected at least 1.")
    if count is None or count >= len(rows):
        return rows
    return np.sort(rng.choice(rows, count, replace=False))


@dataclass(frozen=True)
class HoldOut:
    """How galaxies are split into a reference and those held out of it, in whole groups.

    Parameters
    ----------
    fraction : float
        Of the galaxies to hold out; 0 for none. The groups are those that ``astroclip-train``
        holds out with the same fraction and seed.
    by : str
        ``sky``, or the dataset or column whose values say which galaxies belong together.
    count, test_count : int, optional
        At most so many in the reference, and of those held out; drawn at random.
    seed : int
        Of everything random.

    Examples
    --------
    >>> reference, test = HoldOut(0.4, count=2, seed=1).split(np.array([1, 1, 2, 3, 3, 4]))
    >>> len(reference), len(set(reference) & set(test))
    (2, 0)
    """

    fraction: float = 0.0
    by: str = "sky"
    count: int | None = None
    test_count: int | None = None
    seed: int = 0

    def split(
        self, groups: np.ndarray | None, usable: np.ndarray | bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the reference and those held out, int64, in ascending order.

        Parameters
        ----------
        groups : ndarray or None
            (n,), the group of each galaxy; not needed where nothing is held out.
        usable : ndarray of bool
            (n,), which galaxies may be in either; by default all.

        Raises
        ------
        InputError
            For a fraction or a count that will not do.
        """
        usable = np.asarray(usable) if groups is None else np.broadcast_to(usable, groups.shape)
        out = np.zeros(usable.shape, bool)
        if self.fraction:
            assert groups is not None  # without groups nothing can be held out
            out = held_out(groups, self.fraction, seed=self.seed)
        rng = np.random.default_rng(self.seed)
        reference = sample(np.flatnonzero(usable & ~out), self.count, "galaxies", rng)
        return reference, sample(
            np.flatnonzero(usable & out), self.test_count, "test galaxies", rng
        )
