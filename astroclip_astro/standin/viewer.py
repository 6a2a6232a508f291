"""The Legacy Surveys viewer's cutout service over a SIMULATED sky."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from astropy.io import fits

from astroclip_astro.records import PIXEL_SCALE
from astroclip_astro.standin.faults import Draw, page
from astroclip_astro.standin.messages import Answer, Request
from astroclip_astro.standin.objects import Patch, Sky, UnreadableImageError

LAYERS = {
    "ls-dr8": "grz",
    "ls-dr9": "grz",
    "ls-dr9-north": "grz",
    "ls-dr9-south": "grz",
    "ls-dr10": "griz",
    "ls-dr10-south": "griz",
}
DEFAULT_LAYER, DEFAULT_BANDS, DEFAULT_SIZE = "ls-dr9", "grz", 256
LARGEST = 3000  # pixels; larger requests are clamped silently
DEPTH = np.float32(1e4)  # inverse variance of every pixel with data
SIMULATED = "SIMULATED image, not an observation"


class _BadPositionError(Exception):
    """RA or Dec is missing or wrong: status 400."""


class _BadSizeError(Exception):
    """The size or pixel scale is wrong: status 500."""


class Viewer:
    """The cutout service, ``/fits-cutout`` and its alias ``/cutout.fits``.

    Parameters
    ----------
    sky : Sky
        What it looks at.

    Examples
    --------
    >>> import random
    >>> from astroclip_astro.standin.sky import demo_sky
    >>> query = {"ra": ["359.9"], "dec": ["-5"], "size": ["96"], "layer": ["ls-dr9"]}
    >>> request = Request("GET", "/fits-cutout", query)
    >>> Viewer(demo_sky()).answer(request, Draw(frozenset(), random.Random(0))).content_type
    'image/fits'
    """

    def __init__(self, sky: Sky) -> None:
        self._sky = sky

    def answer(self, request: Request, draw: Draw) -> Answer:
        """Return the reply to a request.

        Parameters
        ----------
        request : Request
            Its path is below the viewer's address.
        draw : Draw
            Faults of cutouts to commit.

        Returns
        -------
        Answer
            Status 200 with FITS; 200 with HTML for an unknown layer; 400 for a bad position; 500
            for a bad size, outside every brick, and for a damaged image; 404 elsewhere.
        """
        if request.path not in ("/fits-cutout", "/cutout.fits"):
            return page(404, "Not Found")
        if request.method != "GET":
            return page(405, "Method Not Allowed")
        query = request.query
        layer = query.get("layer", [DEFAULT_LAYER])[0]
        if layer not in LAYERS:
            return Answer(200, "text/html; charset=utf-8", b"no such layer")
        try:
            ra, dec = _position(query)
            width, height, scale = _geometry(query)
            patch = self._sky.image(ra, dec)
        except _BadPositionError as error:
            return page(400, str(error))
        except (_BadSizeError, UnreadableImageError):
            return page(500, "Server Error (500)")
        if patch is None:
            return page(500, "Server Error (500)")
        if "wrong_position" in draw:
            ra, dec, patch = self._elsewhere(patch, draw)
        bands = _bands(query, layer)
        if "wrong_bands" in draw:
            bands = draw.random.choice([b for b in ("rz", "gr", "zrg", "g") if b != bands])
        planes = _window(patch, ra, dec, width, height, scale)  # (3, height, width)
        empty = np.zeros((height, width), np.float32)
        cube = np.stack([planes["grz".index(b)] if b in "grz" else empty for b in bands])
        if "zero_planes" in draw:
            count = draw.random.randint(1, len(bands))
            cube[draw.random.sample(range(len(bands)), count)] = 0
        body = _hdu(cube, layer, bands, ra, dec, scale, "image")
        if "invvar" in query:
            body += _hdu(np.where(cube != 0, DEPTH, 0), layer, bands, ra, dec, scale, "INVVAR")
        if "maskbits" in query:
            mask = np.zeros((height, width), np.int32)
            body += _hdu(mask, layer, bands, ra, dec, scale, "MASKBITS")
        return Answer(200, "image/fits", body)

    def _elsewhere(self, patch: Patch, draw: Draw) -> tuple[float, float, Patch]:
        """Return position and image of another object, the neighbouring sky where there is none."""
        table = self._sky.spectra
        for _ in range(20):
            row = draw.random.randrange(len(table))
            ra, dec = float(table["ra"][row]), float(table["dec"][row])
            try:
                other = self._sky.image(ra, dec)
            except UnreadableImageError:
                continue
            if other is not None and (other.ra, other.dec) != (patch.ra, patch.dec):
                return ra, dec, other
        return patch.ra, patch.dec + math.copysign(0.01, -patch.dec), patch


def _position(query: dict[str, list[str]]) -> tuple[float, float]:
    """Return RA and Dec, or raise."""
    try:
        ra, dec = (float(query[name][0]) for name in ("ra", "dec"))
    except (KeyError, ValueError):
        raise _BadPositionError("ra and dec must be numbers in degrees") from None
    if not (math.isfinite(ra) and abs(dec) <= 90):
        raise _BadPositionError("ra and dec must be on the sky")
    return ra, dec


def _geometry(query: dict[str, list[str]]) -> tuple[int, int, float]:
    """Return width, height and pixel scale, or raise."""
    try:
        size = query.get("size", [DEFAULT_SIZE])
        width, height = (int(query.get(name, size)[0]) for name in ("width", "height"))
        scale = float(query.get("pixscale", [PIXEL_SCALE])[0])
    except ValueError as error:
        raise _BadSizeError(str(error)) from None
    if min(width, height) < 1 or not 0 < scale < 3600:
        raise _BadSizeError("nothing to see")
    return min(width, LARGEST), min(height, LARGEST), scale


def _bands(query: dict[str, list[str]], layer: str) -> str:
    """Return the bands asked for; the default ones where the layer lacks one of them."""
    bands = query.get("bands", [DEFAULT_BANDS])[0]
    return bands if bands and set(bands) <= set(LAYERS[layer]) else DEFAULT_BANDS


def _window(
    patch: Patch, ra: float, dec: float, width: int, height: int, scale: float
) -> np.ndarray:
    """Return the pixels around a position, zero beyond the image, float32 (3, height, width).

    At the native scale pixels are copied; else the nearest one is taken, so that surface
    brightness per native pixel is kept.
    """
    xi, eta = _gnomonic(ra, dec, patch.ra, patch.dec)
    rows, columns = patch.pixels.shape[1:]
    step = scale / PIXEL_SCALE
    y = _indices((rows - 1) / 2 + eta * 3600 / PIXEL_SCALE, height, step)
    x = _indices((columns - 1) / 2 - xi * 3600 / PIXEL_SCALE, width, step)
    bottom, top = np.searchsorted(y, [0, rows])
    left, right = np.searchsorted(x, [0, columns])
    window = np.zeros((3, height, width), np.float32)
    inside = patch.pixels[:, y[bottom:top, None], x[left:right]]
    window[:, bottom:top, left:right] = inside
    return window


def _indices(centre: float, count: int, step: float) -> np.ndarray:
    """Return the native pixels nearest to those of a window around a centre, int64 (count,)."""
    first = centre - (count - 1) / 2 * step
    if step == 1:
        first = math.floor(first + 0.5)  # rounded once, so that no pixel comes twice
    return np.floor(first + step * np.arange(count) + 0.5).astype(np.int64)


def _gnomonic(ra: float, dec: float, ra0: float, dec0: float) -> tuple[float, float]:
    """Return where a position is on the tangent plane of another, degrees east and north.

    Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3.
    """
    turn, dec, dec0 = (math.radians(angle) for angle in (ra - ra0, dec, dec0))
    depth = math.sin(dec0) * math.sin(dec) + math.cos(dec0) * math.cos(dec) * math.cos(turn)
    xi = math.cos(dec) * math.sin(turn) / depth
    eta = math.cos(dec0) * math.sin(dec) - math.sin(dec0) * math.cos(dec) * math.cos(turn)
    return math.degrees(xi), math.degrees(eta / depth)


def _hdu(
    data: np.ndarray, layer: str, bands: str, ra: float, dec: float, scale: float, kind: str
) -> bytes:
    """Return one HDU as bytes, the primary one where ``kind`` is ``"image"``."""
    data = data[0] if data.ndim == 3 and len(data) == 1 else data
    header = _header(data.shape, data.dtype.str[1:], layer, bands, scale, kind)
    for name, value in (("CRVAL1", ra), ("CRVAL2", dec)):
        # Rewriting two cards costs far less than making a header.
        card, start = str(fits.Card(name, value)), header.index(f"{name:8}=")
        header = header[:start] + card + header[start + 80 :]
    body = header.encode() + data.astype(data.dtype.newbyteorder(">")).tobytes()
    return body + bytes(-len(body) % 2880)


@lru_cache(maxsize=64)
def _header(
    shape: tuple[int, ...], dtype: str, layer: str, bands: str, scale: float, kind: str
) -> str:
    """Return the header of an HDU, its position still to be filled in."""
    make = fits.PrimaryHDU if kind == "image" else fits.ImageHDU
    header = make(np.zeros(shape, dtype)).header
    height, width = shape[-2:]
    header["SURVEY"] = "LegacySurvey"
    header["VERSION"] = layer.split("-")[1].upper()
    header["IMAGETYP"] = kind
    header["SIMULATD"] = (True, SIMULATED)
    header["BANDS"] = bands
    for number, band in enumerate(bands):
        header[f"BAND{number}"] = band
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = 0.0, 0.0
    header["CRPIX1"], header["CRPIX2"] = (width + 1) / 2, (height + 1) / 2
    header["CD1_1"], header["CD1_2"] = -scale / 3600, 0.0
    header["CD2_1"], header["CD2_2"] = 0.0, scale / 3600
    return header.tostring()
