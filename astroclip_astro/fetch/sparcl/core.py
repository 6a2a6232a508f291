"""DESI spectra from SPARCL, as an astroquery-style query class.

SPARCL (SPectra Analysis and Retrievable Catalog Lab, Juneau et al. 2024, arXiv:2401.05576) is
asked twice: ``find`` says which spectra there are, in a box of the sky or with a TARGETID;
``spectras`` sends them. It knows no circles and no seam at RA 0, cuts long answers without a
word, and sends spectra in any order, some twice and some not at all. All of that is settled here.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle, SkyCoord
from astropy.table import Table
from astroquery.query import BaseQuery

from astroclip_astro.config import conf
from astroclip_astro.errors import InputError
from astroclip_astro.fetch.sky_boxes import Box, boxes_around, boxes_between
from astroclip_astro.fetch.sparcl.field import INT64
from astroclip_astro.fetch.sparcl.record import (
    FIND_FIELDS,
    SpectrumRecord,
    read_record,
    records_table,
    unique_records,
)
from astroclip_astro.fetch.sparcl.reply import (
    SPECTRUM_FIELDS,
    Spectra,
    is_pickle,
    read_entries,
    read_spectra,
)
from astroclip_astro.fetch.transport import BadReplyError, Transport, read_reply
from astroclip_astro.records import WAVELENGTH

T = TypeVar("T")
BLOCK = 100  # TARGETIDs or spectra in one request
RECORD_BYTES, HEADER_BYTES = 2048, 1 << 20  # in a reply, with room to spare
NO_JSON = re.compile(r": status (400|500): .*\b(format|json)\b", re.IGNORECASE)
NUMBER_BYTES, MAX_ARRAYS = {"json": 25, "pkl": 10}, 3  # flux, ivar, wavelength


class SparclClass(BaseQuery):
    """DESI spectra by position or TARGETID, for several threads at once.

    Parameters
    ----------
    transport : Transport, optional
        The way to the service; by default to ``conf.sparcl_url``.
    releases : sequence of str
        Data releases to look in, ``DESI-EDR`` and ``DESI-DR1`` for example.

    Attributes
    ----------
    transport, releases
        As given.
    ROW_LIMIT : int
        Most records asked for at once, up to 24,000. Boxes with more are asked for in parts.

    Raises
    ------
    InputError
        Where there is no release.

    Examples
    --------
    >>> sparcl = SparclClass(releases=["DESI-EDR", "DESI-DR1"])
    >>> sparcl.get_spectra([])
    ({}, {})
    """

    ROW_LIMIT = 5000

    def __init__(
        self, transport: Transport | None = None, *, releases: Sequence[str] = ("DESI-DR1",)
    ) -> None:
        super().__init__()
        if isinstance(releases, str) or not releases:
            raise InputError(f"Releases {releases!r}, expected a list such as ['DESI-DR1'].")
        self.transport = transport or Transport(conf.sparcl_url)
        self._session = self.transport.session
        self.releases = tuple(releases)
        self._no_json = threading.Event()
        self._grids_seen: set[str] = set()

    def query_region(self, coordinates: SkyCoord, radius: u.Quantity | str) -> Table:
        """Find the spectra around a position.

        Parameters
        ----------
        coordinates : SkyCoord
            One position, in any frame.
        radius : Quantity or str
            Angle up to which a spectrum is near, that angle included.

        Returns
        -------
        Table
            A row for each spectrum, nearest first: the columns of `SpectrumRecord`, and
            ``separation`` in arcsec. Values that the service does not have are masked.

        Raises
        ------
        InputError
            Where this is not one position and an angle.
        BadReplyError, SourceError
            Where the service does not answer as it should.
        """
        if not isinstance(coordinates, SkyCoord) or not coordinates.isscalar:
            raise InputError(f"Coordinates {coordinates!r}, expected one SkyCoord.")
        try:
            angle = Angle(radius).to_value(u.deg)
        except (u.UnitsError, TypeError, ValueError) as error:
            raise InputError(f"Radius {radius!r}, expected an angle: 5 * u.arcsec.") from error
        if np.ndim(angle) or not 0 <= angle <= 180:
            raise InputError(f"Radius {radius!r}, expected one angle from 0 to 180 degrees.")
        centre = coordinates.icrs
        found = self._find_in(boxes_around(centre.ra.deg, centre.dec.deg, angle))
        positions = SkyCoord([r.ra for r in found], [r.dec for r in found], unit="deg")
        separation = centre.separation(positions).deg
        near = [i for i in np.argsort(separation, kind="stable") if separation[i] <= angle]
        table = records_table([found[i] for i in near])
        table["separation"] = separation[near] * 3600 * u.arcsec
        return table

    def query_box(
        self, ra_low: float, ra_high: float, dec_low: float, dec_high: float
    ) -> list[SpectrumRecord]:
        """Find all spectra in a box of the sky, however many.

        Parameters
        ----------
        ra_low, ra_high : float
            ICRS degrees. The range may begin below 0 or end above 360; 360 or more is all RA.
        dec_low, dec_high : float
            ICRS degrees.

        Returns
        -------
        list of SpectrumRecord
            Each spectrum once. Limits are inclusive.

        Raises
        ------
        InputError
            Where the limits are not finite, or not in order.
        BadReplyError, SourceError
            Where the service does not answer as it should, or has more than its limit in a box of
            any size.
        """
        for name, low, high in (("RA", ra_low, ra_high), ("Dec", dec_low, dec_high)):
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise InputError(f"{name} from {low} to {high}, expected finite and in order.")
        return self._find_in(
            boxes_between(ra_low, ra_high, max(dec_low, -90.0), min(dec_high, 90.0))
        )

    def query_targetids(self, ids: Sequence[int]) -> list[SpectrumRecord]:
        """Find all spectra of targets.

        Parameters
        ----------
        ids : sequence of int
            DESI TARGETIDs, any number of them.

        Returns
        -------
        list of SpectrumRecord
            Each spectrum once; none for a TARGETID that the service does not have.

        Raises
        ------
        InputError
            Where a TARGETID is no 64-bit integer.
        BadReplyError, SourceError
            Where the service does not answer as it should.
        """
        for targetid in ids:
            if not isinstance(targetid, int | np.integer) or not INT64[0] <= targetid <= INT64[1]:
                raise InputError(f"TARGETID {targetid!r}, expected an integer of 64 bits.")
        unique = list(dict.fromkeys(map(int, ids)))
        blocks = [unique[start : start + BLOCK] for start in range(0, len(unique), BLOCK)]
        found: list[SpectrumRecord] = []
        while blocks:
            block = blocks.pop()
            records, cut = self._find_of(block)
            if not cut:
                found.extend(records)
            elif len(block) > 1:
                half = len(block) // 2
                blocks += [block[:half], block[half:]]
            else:
                raise BadReplyError(f"{self.transport.url}: too many spectra of {block[0]}")
        return unique_records(found)

    def get_spectra(self, records: Sequence[SpectrumRecord]) -> tuple[Spectra, dict[str, str]]:
        """Get the spectra of one block of records; what is missing or wrong is asked for again.

        Parameters
        ----------
        records : sequence of SpectrumRecord
            At most 100.

        Returns
        -------
        spectra : dict
            By ``sparcl_id``: flux and ivar, float32 (7781,) each, 1e-17 erg/s/cm2/Angstrom and
            its inverse variance, both 0 without data. Each is the right object's.
        reasons : dict
            By ``sparcl_id``, why the others could not be had.

        Raises
        ------
        InputError
            For more than 100 records.
        SourceError
            Where the service is down.
        """
        wanted = {record.sparcl_id: record for record in records}
        if len(wanted) > BLOCK:
            raise InputError(f"{len(wanted)} records, expected at most {BLOCK} at once.")
        spectra: Spectra = {}
        reasons: dict[str, str] = {}

        def ask() -> None:
            left = {key: record for key, record in wanted.items() if key not in spectra}
            releases = {record.release for record in left.values()}
            reasons.clear()
            # One release has one grid: once seen, a third of the bytes need not be sent again.
            with_grid = not releases <= self._grids_seen
            fields = [*SPECTRUM_FIELDS, *["wavelength"] * with_grid]
            entries = self._spectra(list(left), fields)
            good, bad = read_spectra(entries, left, with_grid=with_grid)
            self._grids_seen.update(left[key].release for key in good)
            spectra.update(good)
            reasons.update(bad)
            if bad:
                key, reason = next(iter(bad.items()))
                raise BadReplyError(
                    f"{self.transport.url}: {len(bad)} of {len(left)} spectra are missing or "
                    f"wrong, {key} for example: {reason}"
                )

        if wanted:
            try:
                self.transport.attempt(ask)
            except BadReplyError as error:
                for key in wanted.keys() - spectra.keys():
                    reasons.setdefault(key, str(error))
        return spectra, reasons

    def _find_in(self, boxes: list[Box]) -> list[SpectrumRecord]:
        """Return all spectra in some boxes."""
        found: list[SpectrumRecord] = []
        while boxes:
            box = boxes.pop()
            records, cut = self._find_within(box)
            if not cut:
                found.extend(records)
            elif halves := box.halves():
                boxes.extend(halves)
            else:
                raise BadReplyError(f"{self.transport.url}: more spectra than its limit in {box}")
        return unique_records(found)

    def _find_within(self, box: Box) -> tuple[list[SpectrumRecord], bool]:
        """Return the spectra in a box, and whether there may be more of them."""
        search = [("ra", box.west, box.east), ("dec", box.south, box.north)]
        return self._find(search, lambda record: bool(box.holds(record.ra, record.dec)))

    def _find_of(self, ids: list[int]) -> tuple[list[SpectrumRecord], bool]:
        """Return the spectra of targets, and whether there may be more of them."""
        # Two numbers behind a field are a range; with one of them twice they are a list.
        listed = [*ids, ids[0]] if len(ids) == 2 else ids
        asked = set(ids)
        return self._find([("targetid", *listed)], lambda record: record.targetid in asked)

    def _find(
        self, search: list[tuple], is_right: Callable[[SpectrumRecord], bool]
    ) -> tuple[list[SpectrumRecord], bool]:
        """Return records that match, and whether there may be more of them."""
        limit = self.ROW_LIMIT
        search = [("data_release", *self.releases), *search]

        def read(entries: list[dict]) -> tuple[list[SpectrumRecord], bool]:
            records = unique_records(read_record(entry, self.releases) for entry in entries)
            for record in records:
                if not is_right(record):
                    raise BadReplyError(f"{record}, which does not match {search}")
            return records, len(entries) >= limit

        body = {"outfields": FIND_FIELDS, "search": search}
        largest = HEADER_BYTES + 2 * limit * RECORD_BYTES
        return self.transport.attempt(
            lambda: self._post("/find/", {"limit": limit}, body, largest=largest, read=read)
        )

    def _spectra(self, ids: list[str], fields: list[str]) -> list[dict]:
        """Return what the service sends for some spectra, as JSON where it can."""

        def post(form: str) -> list[dict]:
            numbers = MAX_ARRAYS * len(WAVELENGTH) * NUMBER_BYTES[form]
            return self._post(
                "/spectras/",
                {
                    "include": ",".join(fields),
                    "format": form,
                    "dataset_list": ",".join(self.releases),
                    "limit": len(ids),
                },
                ids,
                largest=HEADER_BYTES + 2 * len(ids) * (numbers + RECORD_BYTES),
                read=list,
            )

        if not self._no_json.is_set():
            try:
                return post("json")
            except BadReplyError as error:
                if not NO_JSON.search(str(error)):
                    raise
                self._no_json.set()
        return post("pkl")

    def _post(
        self, path: str, params: dict, body: Any, *, largest: int, read: Callable[[list[dict]], T]
    ) -> T:
        """Post a request and return what ``read`` makes of the entries of its reply."""
        response = self._session.post(
            self.transport.url + path,
            params=params,
            json=body,
            stream=True,
            timeout=(conf.connect_timeout, conf.timeout),
        )
        reply = read_reply(response, largest=largest)
        if is_pickle(reply):
            self._no_json.set()  # whatever was asked for: do not ask for it again
        try:
            return read(read_entries(reply))
        except BadReplyError as error:
            raise BadReplyError(f"{self.transport.url}{path}: {error}") from error
