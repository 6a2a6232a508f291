"""Image cutouts in local FITS files: what their headers say. `cutout_pixels` reads them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from astropy.coordinates import FK5, ICRS, angular_separation
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from astroclip_astro.fetch.files.file_damage import describe_error
from astroclip_astro.fetch.files.fits_file import DamagedFileError, overrun
from astroclip_astro.fetch.files.image_layers import (
    BANDS,
    Image,
    Layer,
    bands_of,
    check_flux,
    is_picture,
    kind_of,
    named_by_filter,
)
from astroclip_astro.fetch.files.pixel_grid import (
    Grid,
    crop_start,
    grid_of,
    inside,
    is_native,
    native_matrix,
    whole_shift,
)
from astroclip_astro.records import PIXEL_SCALE

# No survey's pixels are this many times finer or coarser than native: the WCS is wrong.
SCALE_RANGE = 10
# Degrees. A header that lies about its size lies about the sky it covers: a damaged file wider
# than any coadd is not allowed to claim the rows in it.
WIDEST = 1.0
Member: TypeAlias = tuple[Image, list[Layer]]  # an image and its planes


@dataclass(frozen=True, eq=False)
class CutoutFile:
    """What headers say of one field on one pixel grid, in one file or a file for each band.

    Parameters
    ----------
    path : pathlib.Path
        The file, or the first of several.
    layers : tuple of Layer
        Flux and inverse variance in the bands g, r and z.
    wcs : astropy.wcs.WCS
        Celestial, ICRS or J2000.
    shape : tuple of int
        Height and width, pixels; of all layers together where they differ.
    ra, dec : float
        Centre, degrees.
    radius : float
        Of a circle around the centre that holds the whole image, degrees.
    matrix : ndarray
        float64 (2, 2), file pixels per native pixel at the centre; see `pixel_grid.native_matrix`.
    damage : str or None
        Why it cannot be read, None where it can as far as headers tell.
    grid : tuple
        The cards that the grids of two files have in common where they are one.
    """

    path: Path
    layers: tuple[Layer, ...]
    wcs: WCS
    shape: tuple[int, int]
    ra: float
    dec: float
    radius: float
    matrix: np.ndarray
    damage: str | None
    grid: Grid

    def of(self, band: str, *, invvar: bool = False) -> list[Layer]:
        """Return the layers of a band, those first that come first where several overlap."""
        return [one for one in self.layers if (one.band, one.invvar) == (band, invvar)]

    @property
    def bands(self) -> str:
        """Which of g, r, z there are, in this order."""
        return "".join(band for band in BANDS if self.of(band))

    def _common(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the rows and the columns, first and behind the last, that all bands reach."""
        edges = [
            (
                min(one.top for one in self.of(band)),
                max(one.top + one.shape[0] for one in self.of(band)),
                min(one.left for one in self.of(band)),
                max(one.left + one.shape[1] for one in self.of(band)),
            )
            for band in self.bands
        ]
        tops, bottoms, lefts, rights = zip(*edges, strict=True)
        return (max(tops), min(bottoms)), (max(lefts), min(rights))

    @property
    def paths(self) -> list[Path]:
        """All files that hold a layer."""
        return list(dict.fromkeys(layer.path for layer in self.layers))

    def locate(self, ra: np.ndarray, dec: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Say which positions the image holds, and around which it holds the whole field.

        Parameters
        ----------
        ra, dec : ndarray
            float64 (n,), degrees.
        size : int
            Side of the field, native pixels.

        Returns
        -------
        held, covered : ndarray
            bool (n,) each.
        """
        x, y = self.wcs.world_to_pixel_values(ra, dec)  # (n,) each
        if is_native(self.matrix):
            starts = [crop_start(centre, size) for centre in (y, x)]
            covered = np.logical_and.reduce(
                [
                    (start >= low) & (start + size <= high)
                    for start, (low, high) in zip(starts, self._common(), strict=True)
                ]
            )
        else:
            reach = np.abs(self.matrix).sum(axis=1) * size / 2 - 0.5  # to the outermost centres
            low = inside(x - reach[0], y - reach[1], self.shape)
            covered = low & inside(x + reach[0], y + reach[1], self.shape)
        return inside(x, y, self.shape), covered


def recognise_cutouts(path: Path, hdus: Sequence) -> list[CutoutFile]:
    """Recognise cutouts from headers; no pixel is read.

    An HDU is a cube (band, y, x) with its bands in ``BANDS`` or ``BAND0``, ``BAND1``, ..., or an
    image of one band in ``BAND``, ``FILTERX`` or ``FILTER``. Inverse variance is an HDU whose
    ``IMAGETYP``, ``IMTYPE`` or name says so; HDUs of other kinds (masks, models) are passed over.
    Layers whose grids differ by whole pixels are put together; where the file has images of two
    grids, such as two bricks, each is a field of its own.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    hdus : sequence of HDU
        All its HDUs.

    Returns
    -------
    list of CutoutFile
        Those with most of the bands g, r, z first; nothing where no HDU is an image with named
        bands, or all are of one other band. One may have inverse variance alone, for the images
        of other files.

    Raises
    ------
    DamagedFileError
        Where it is a cutout that cannot be used: other units than nanomaggies, none of g, r, z,
        no celestial WCS, bands on different grids.

    Examples
    --------
    >>> recognise_cutouts(Path("flat.fits"), [fits.PrimaryHDU(np.ones((8, 8)))])
    []
    """
    fields, seen = _fields(path, hdus)
    wanted = set(seen).intersection(BANDS)
    if len(seen) == 1 and not wanted:
        return []  # a band that other files of the field may well have besides
    if seen and not wanted:
        raise DamagedFileError(f"bands {', '.join(seen)}, expected some of g, r, z")
    made = [_field(path, hdus, members) for members in fields.values()]
    found = [field for field in made if field is not None]
    found.sort(key=lambda field: -len(field.bands))
    if found and len(found[0].bands) < len(wanted):
        raise DamagedFileError("bands on different pixel grids")
    return found


def _fields(path: Path, hdus: Sequence) -> tuple[dict[Grid, list[Member]], list[str]]:
    """Return the images of a file, by grid, and the bands of all that show flux."""
    fields: dict[Grid, list[Member]] = {}
    grid: Grid = ()
    last: Image | None = None
    named: tuple[str, ...] = ()
    seen: list[str] = []
    for number, hdu in enumerate(hdus):
        if not is_picture(hdu) or (kind := kind_of(hdu, path)) not in ("image", "invvar"):
            continue
        # Inverse variance may leave the bands to the image before it.
        bands = bands_of(hdu) or (named if kind == "invvar" else ())
        if not bands:
            continue
        planes = hdu.shape[0] if len(hdu.shape) == 3 else 1
        if len(bands) != planes:
            raise DamagedFileError(f"{planes} planes for the bands {', '.join(bands)}")
        if kind == "image":
            if not set(bands).isdisjoint(BANDS):
                check_flux(hdu)
            named = bands
            seen += bands
        if last is None or "CTYPE1" in hdu.header:
            grid, last = grid_of(hdu.header), hdu
        elif hdu.shape[-2:] != last.shape[-2:]:
            raise DamagedFileError(
                f"bands or inverse variance on different pixel grids: HDU {number} has no WCS and "
                "another size than the image before it"
            )
        members = fields.setdefault(grid, [])
        first = members[0][0] if members else last
        top, left = whole_shift(last.header, first.header)
        layers = [
            Layer(
                *(band, kind == "invvar", path, number, index if len(hdu.shape) == 3 else None),
                *(top, left, hdu.shape[-2:]),
            )
            for index, band in enumerate(bands)
            if band in BANDS
        ]
        members.append((hdu, layers))
    return fields, list(dict.fromkeys(seen))


def _field(path: Path, hdus: Sequence, members: Sequence[Member]) -> CutoutFile | None:
    """Return the field that some layers of one grid make, None where none is of g, r, z."""
    layers = [layer for _, some in members for layer in some]
    if not layers:
        return None
    first = members[0][0]
    damage = next(
        filter(None, (overrun(hdus[number], path) for number in {one.hdu for one in layers})), None
    )
    field = place_layers(layers, _celestial(first.header), damage, grid_of(first.header))
    scale = PIXEL_SCALE / math.sqrt(abs(np.linalg.det(field.matrix)) or math.inf)
    if not PIXEL_SCALE / SCALE_RANGE <= scale <= PIXEL_SCALE * SCALE_RANGE:
        raise DamagedFileError(f"pixels of {scale:.3g} arcsec, expected about {PIXEL_SCALE}")
    if named_by_filter(first) and not is_native(np.eye(2) * scale / PIXEL_SCALE):
        raise DamagedFileError(
            f"pixels of {scale:.3g} arcsec, expected {PIXEL_SCALE} beside FILTER: the viewer alone "
            "keeps nanomaggies per native pixel in other pixels; multiply by the square of "
            f"{PIXEL_SCALE} / {scale:.3g} and write BAND"
        )
    return field


def place_layers(layers: Iterable[Layer], wcs: WCS, damage: str | None, grid: Grid) -> CutoutFile:
    """Put layers of one grid together.

    Parameters
    ----------
    layers : iterable of Layer
        At least one, placed with respect to ``wcs``; of two at one place the first is used.
    wcs : astropy.wcs.WCS
        Celestial, of the pixel (0, 0) that the layers are placed by.
    damage : str or None
        Why it cannot be read.
    grid : tuple
        Cards of the grid.

    Returns
    -------
    CutoutFile
        Its first pixel is the first of any layer.

    Raises
    ------
    DamagedFileError
        Where a damaged file claims too much of the sky, or the WCS gives no positions.
    """
    places: dict[tuple, Layer] = {}
    for one in layers:
        places.setdefault((one.band, one.invvar, one.top, one.left, one.shape), one)
    unique = list(places.values())
    top, left = min(one.top for one in unique), min(one.left for one in unique)
    moved = tuple(one._replace(top=one.top - top, left=one.left - left) for one in unique)
    if top or left:
        wcs = wcs.deepcopy()
        wcs.wcs.crpix = wcs.wcs.crpix - [left, top]
    shape = (
        max(one.top + one.shape[0] for one in moved),
        max(one.left + one.shape[1] for one in moved),
    )
    ra, dec, radius = _circle(wcs, shape)
    if damage and radius > WIDEST:
        raise DamagedFileError(damage)
    matrix = native_matrix(wcs, ra, dec)
    return CutoutFile(moved[0].path, moved, wcs, shape, ra, dec, radius, matrix, damage, grid)


def _celestial(header: fits.Header) -> WCS:
    """Return the celestial WCS of an image, or raise."""
    try:
        wcs = WCS(header)
    except Exception as error:  # of wcslib: any card of a WCS may be wrong
        raise DamagedFileError(f"the WCS cannot be understood ({describe_error(error)})") from error
    if not wcs.has_celestial or (wcs.wcs.lng, wcs.wcs.lat) != (0, 1):
        raise DamagedFileError("no celestial WCS with RA on the first axis and Dec on the second")
    frame = wcs_to_celestial_frame(wcs.celestial)
    if not isinstance(frame, ICRS) and not (
        isinstance(frame, FK5) and frame.equinox.jyear_str == "J2000.000"
    ):
        raise DamagedFileError(f"coordinates in {frame.name}, expected ICRS or J2000")
    return wcs.celestial


def _circle(wcs: WCS, shape: tuple[int, int]) -> tuple[float, float, float]:
    """Return centre and radius of a circle that holds an image, degrees."""
    height, width = shape
    x = np.array([0.5, 0, 0.5, 1, 0, 1, 0, 0.5, 1]) * width - 0.5  # centre, then around
    y = np.array([0.5, 0, 0, 0, 0.5, 0.5, 1, 1, 1]) * height - 0.5
    sky = np.radians(wcs.pixel_to_world_values(x, y))  # (2, 9)
    radius = np.degrees(angular_separation(*sky[:, :1], *sky[:, 1:]).max())
    if not np.isfinite(radius):
        raise DamagedFileError("the WCS gives no positions at the image's corners")
    ra, dec = np.degrees(sky[:, 0]).tolist()
    return ra, dec, float(radius) * 1.01 + 1e-4
