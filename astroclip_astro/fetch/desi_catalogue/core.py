"""DESI's redshift catalogue at Astro Data Lab: which targets have a spectrum, and its redshift.

The table is ``zpix``, with one row for each coadded spectrum: target, survey and program. It is
asked for over TAP, in the style of astroquery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle, SkyCoord, search_around_sky
from astropy.table import Table, unique, vstack
from astroquery.query import BaseQuery

from astroclip_astro.config import conf
from astroclip_astro.errors import InputError
from astroclip_astro.fetch.desi_catalogue.cuts import Cuts, RowsThatPass
from astroclip_astro.fetch.desi_catalogue.rows import (
    DEC,
    KEY,
    RA,
    RowsInBoxes,
    RowsOfTargets,
    empty_rows,
    read_count,
    read_rows,
)
from astroclip_astro.fetch.desi_catalogue.tap_query import run_query
from astroclip_astro.fetch.sky_boxes import boxes_around, boxes_between
from astroclip_astro.fetch.transport import BadReplyError, Transport

RELEASES = {
    "DESI-EDR": ("desi_edr.zpix", "sv_primary"),
    "DESI-DR1": ("desi_dr1.zpix", "zcat_primary"),
}
ROWS = 50_000  # asked for in one query
POSITIONS = 100  # in one query
TARGETS = 1000  # in one query
LARGEST_RADIUS = 90.0  # degrees
NO_CUTS = Cuts()
EDGE = 1e-8  # degrees around a box, so that no rounding on the way loses a row on its edge


class DesiCatalogueClass(BaseQuery):
    """DESI's redshift catalogue.

    Every method returns the columns ``targetid``, ``survey``, ``program``, ``mean_fiber_ra`` and
    ``mean_fiber_dec`` (deg, ICRS), ``z``, ``zerr``, ``zwarn``, ``deltachi2``, ``spectype``,
    ``coadd_fiberstatus``, and ``sv_primary`` (EDR) or ``zcat_primary`` (DR1): whether it is the
    best of the target's spectra. Integers are int64; other numbers are float64, NaN where the
    catalogue has none.

    Queries are jobs of boxes in RA and Dec, cut exactly afterwards: on this table the service
    runs no circles, and no long synchronous queries. Where there are more rows than the service
    gives at a time, it is asked for parts; nothing is left out silently.

    Parameters
    ----------
    transport : Transport, optional
        The network; by default the TAP service at ``conf.tap_url``.
    release : {"DESI-DR1", "DESI-EDR"}
        Data release.

    Raises
    ------
    InputError
        For any other release.

    Examples
    --------
    >>> catalogue = DesiCatalogueClass(release="DESI-EDR")
    >>> catalogue.table, catalogue.primary
    ('desi_edr.zpix', 'sv_primary')
    """

    def __init__(self, transport: Transport | None = None, *, release: str = "DESI-DR1") -> None:
        super().__init__()
        if release not in RELEASES:
            raise InputError(f"Release {release!r}, expected one of {', '.join(RELEASES)}.")
        self.table, self.primary = RELEASES[release]
        self.transport = transport or Transport(conf.tap_url)
        self._session = self.transport.session

    def query_region(
        self,
        coordinates: SkyCoord,
        radius: u.Quantity | str,
        *,
        primary: bool = True,
        cuts: Cuts = NO_CUTS,
        counted: bool = False,
    ) -> Table:
        """Return spectra around positions.

        Parameters
        ----------
        coordinates : SkyCoord
            One position, or several (n,), in any frame.
        radius : Quantity or str
            Angle above 0 and up to 90 degrees; ``"1 arcsec"`` too.
        primary : bool
            Only the best spectrum of each target.
        cuts : Cuts
            What else the rows must be.
        counted : bool
            As `query_box`.

        Returns
        -------
        Table
            Also ``separation`` (arcsec), and for several positions ``row``, the index of the
            position: a spectrum near two of them comes twice. Sorted by row and separation.

        Raises
        ------
        InputError
            For a radius out of range, or positions that are not finite.
        BadReplyError
            Where the service gives no usable reply.
        SourceError
            Where the service is down.
        """
        radius = _read_radius(radius)
        positions = coordinates.icrs
        several = SkyCoord(np.atleast_1d(positions.ra), np.atleast_1d(positions.dec))
        if several.ndim > 1 or not np.isfinite([several.ra.deg, several.dec.deg]).all():
            raise InputError(
                f"Coordinates of shape {coordinates.shape}, not all finite or not in one row; "
                "expected one position, or several in one dimension without NaN."
            )
        parts = []
        for first in range(0, len(several), POSITIONS):
            block = several[first : first + POSITIONS]
            found = self._select(_boxes_around(block, radius), primary, cuts, counted)
            row, index, separation = _pairs(block, found, radius)
            part = found[index]
            part["row"], part["separation"] = row + first, separation.to(u.arcsec)
            parts.append(part)
        table = vstack(parts) if parts else empty_rows(self.primary, row=int, separation=float)
        table["separation"].unit = u.arcsec
        table["separation"].description = "Distance from the position asked for"
        table["row"].description = "Index of the position asked for"
        table.sort(["row", "separation", *KEY])
        if coordinates.isscalar:
            table.remove_column("row")
        return table

    def query_box(
        self,
        ra: u.Quantity,
        dec: u.Quantity,
        *,
        primary: bool = True,
        cuts: Cuts = NO_CUTS,
        counted: bool = False,
    ) -> Table:
        """Return spectra between limits of RA and Dec, limits included.

        Parameters
        ----------
        ra, dec : Quantity
            (2,) angles. From the first RA eastwards to the second, so that 350 and 10 degrees are
            a box through RA 0.
        primary : bool
            Only the best spectrum of each target.
        cuts : Cuts
            What else the rows must be.
        counted : bool
            Whether to ask first how many rows there are, and to refuse any other number: a
            service may have a limit that it does not speak of.

        Returns
        -------
        Table
            Sorted by target.

        Raises
        ------
        InputError
            For limits that are none.
        BadReplyError
            Where the service gives no usable reply.
        SourceError
            Where the service is down.
        """
        (west, east), (south, north) = _read_limits(ra, "RA"), _read_limits(dec, "Dec")
        if not -90 <= south <= north <= 90:
            raise InputError(f"Dec from {south} to {north}, expected in order and -90 to 90.")
        east += 360 if east < west else 0
        edges = max(south - EDGE, -90.0), min(north + EDGE, 90.0)
        boxes = boxes_between(west - EDGE, east + EDGE, *edges)
        table = self._select(RowsInBoxes(tuple(boxes)), primary, cuts, counted)
        within = (table[RA] - west) % 360 <= east - west
        return table[within & (table[DEC] >= south) & (table[DEC] <= north)]

    def query_targetids(
        self,
        ids: Sequence[int],
        *,
        primary: bool = True,
        cuts: Cuts = NO_CUTS,
        counted: bool = False,
    ) -> Table:
        """Return the spectra of targets.

        Parameters
        ----------
        ids : sequence of int
            DESI TARGETIDs (n,).
        primary : bool
            Only the best spectrum of each target.
        cuts : Cuts
            What else the rows must be.
        counted : bool
            As `query_box`.

        Returns
        -------
        Table
            Sorted by target; none for a target without spectrum.

        Raises
        ------
        InputError
            For ids that are not integers of 64 bits.
        BadReplyError
            Where the service gives no usable reply.
        SourceError
            Where the service is down.
        """
        ids = _read_ids(ids)
        blocks = [ids[first : first + TARGETS] for first in range(0, len(ids), TARGETS)]
        parts = [
            self._select(RowsOfTargets(tuple(block)), primary, cuts, counted) for block in blocks
        ]
        return vstack(parts) if parts else empty_rows(self.primary)

    def _select(
        self, rows: RowsInBoxes | RowsOfTargets, primary: bool, cuts: Cuts, counted: bool
    ) -> Table:
        """Return rows of the catalogue, each once, sorted."""
        wanted = RowsThatPass(rows, cuts)
        count = self._count(wanted) if counted else None
        table = vstack(list(self._ask(wanted)))
        table = unique(table, keys=KEY) if len(table) else table
        if counted and len(table) != count:
            raise BadReplyError(
                f"{self.transport.url}, {self.table}: {len(table)} rows where it counts {count}, "
                f"{str(wanted)[:200]}; it may have a limit that it does not speak of, or have "
                "changed meanwhile",
                attempts=1,
            )
        # What is primary is cut here: services differ in how they compare booleans.
        return table[cuts.holds(table) & (table[self.primary] if primary else True)]

    def _count(self, rows: RowsThatPass) -> int:
        """Return how many rows the service has."""
        query = f"SELECT COUNT(*) AS n FROM {self.table} WHERE {rows}"

        def read(reply: Table) -> int:
            return read_count(reply, place=f"{self.transport.url}, {self.table}")

        return run_query(self.transport, query, rows=2, read=read)[0]

    def _ask(self, rows: RowsThatPass) -> Iterator[Table]:
        """Yield checked replies until all rows are there; a row may be in several."""
        query = (
            f"SELECT {', '.join(empty_rows(self.primary).colnames)} FROM {self.table} WHERE {rows}"
        )
        place = f"{self.transport.url}, {self.table}"

        def read(reply: Table) -> Table:
            return read_rows(reply, rows, primary=self.primary, place=place)

        table, complete = run_query(self.transport, query, rows=ROWS, read=read)
        if complete:
            yield table
            return
        halves = rows.halves()
        if halves is None:
            raise BadReplyError(
                f"{place}: not all rows ({len(table)}) where {str(rows)[:200]}", attempts=1
            )
        for half in halves:
            yield from self._ask(half)


def _boxes_around(positions: SkyCoord, radius: float) -> RowsInBoxes:
    """Return the rows that can be near positions."""
    places = zip(positions.ra.deg.tolist(), positions.dec.deg.tolist(), strict=True)
    return RowsInBoxes(tuple(box for ra, dec in places for box in boxes_around(ra, dec, radius)))


def _pairs(
    positions: SkyCoord, table: Table, radius: float
) -> tuple[np.ndarray, np.ndarray, u.Quantity]:
    """Return which position is near which row of a table: two indices (n,), separation (n,)."""
    if not len(table):
        nothing = np.zeros(0, int)
        return nothing, nothing, nothing * u.deg
    places = SkyCoord(table[RA], table[DEC], unit="deg")
    limit = (radius + EDGE) * u.deg  # the search is on chords; the cut below on angles is exact
    row, index, separation, _ = search_around_sky(positions, places, limit)
    near = separation.deg <= radius
    return row[near], index[near], separation[near]


def _read_radius(radius: u.Quantity | str) -> float:
    """Return a radius in degrees."""
    try:
        degrees = float(Angle(radius).deg)
    except (TypeError, ValueError, u.UnitsError) as error:
        raise InputError(f"Radius {radius!r}, expected an angle such as 1 * u.arcsec.") from error
    if not 0 < degrees <= LARGEST_RADIUS:
        raise InputError(f"Radius {radius}, expected above 0 and up to 90 degrees.")
    return degrees


def _read_limits(limits: u.Quantity, name: str) -> tuple[float, float]:
    """Return two limits in degrees."""
    try:
        degrees = np.asarray(Angle(limits).deg, float)
    except (TypeError, ValueError, u.UnitsError) as error:
        raise InputError(f"{name} {limits!r}, expected angles such as [1, 2] * u.deg.") from error
    if degrees.shape != (2,) or not np.isfinite(degrees).all():
        raise InputError(f"{name} {limits!r}, expected two finite limits.")
    return float(degrees[0]), float(degrees[1])


def _read_ids(ids: Sequence[int]) -> list[int]:
    """Return ids as Python's integers, each once, in order."""
    array: np.ma.MaskedArray = np.ma.atleast_1d(np.ma.asanyarray(ids))
    if not array.size:
        return []
    fits = array.dtype.kind in "iu" and array.ndim == 1 and not np.ma.is_masked(array)
    if not fits or array.max() > np.iinfo(np.int64).max:
        raise InputError(
            f"TARGETIDs {array.dtype} of shape {array.shape}, expected integers of 64 bits, none "
            "masked; a TARGETID does not survive as a float."
        )
    return np.unique(array.data).tolist()
