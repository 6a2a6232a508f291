"""Legacy Surveys cutouts from the viewer: what to ask, and what to believe of the reply."""

from __future__ import annotations

import io
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astroquery.query import BaseQuery

from astroclip_astro.config import conf
from astroclip_astro.errors import InputError, did_you_mean
from astroclip_astro.fetch.files.fits_file import DamagedFileError, check_claims, reading
from astroclip_astro.fetch.files.pixel_grid import is_native, native_matrix
from astroclip_astro.fetch.survey_names import LAYERS
from astroclip_astro.fetch.transport import BadReplyError, Reply, Transport, read_reply
from astroclip_astro.records import PIXEL_SCALE, Cutout

__all__ = ["LegacySurveyClass"]

BANDS = "grz"
LARGEST_SIZE = 3000  # pixels; above it the viewer silently serves less
FITS_TYPES = {"image/fits", "application/fits"}
HEADER_BYTES = 1 << 16  # more than any header of the viewer's
ERROR_ATTEMPTS = 3  # status 500 also means "outside every brick": do not insist
MANY_ERRORS = 10  # in a row: the catalogue lies outside the bricks, do not insist at all
OFF_CENTRE = 0.05  # pixels between the position asked for and the centre of the reply
_QUIET = threading.Lock()


class LegacySurveyClass(BaseQuery):
    """Image cutouts of the DESI Legacy Imaging Surveys, as the viewer serves them.

    Follows astroquery's query classes; its cache, which pickles, is never used.

    Parameters
    ----------
    transport : Transport, optional
        The network; by default the viewer at ``conf.viewer_url``.
    layer : str
        The viewer's name of a data release: ``ls-dr9``, ``ls-dr10``, ``ls-dr9-north``, ...

    Raises
    ------
    InputError
        For a layer that cannot be one.

    Examples
    --------
    >>> LegacySurveyClass(layer="ls-dr10").layer
    'ls-dr10'
    """

    def __init__(self, transport: Transport | None = None, *, layer: str = "ls-dr9") -> None:
        super().__init__()
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,60}", str(layer)):
            raise InputError(f"Layer {layer!r}, expected a name such as ls-dr9 or ls-dr10.")
        self.layer = layer
        self.transport = transport or Transport(conf.viewer_url)
        self._session = self.transport.session
        self._errors = 0  # in a row

    def get_images(self, coordinates: SkyCoord, *, size: int = 96) -> list[fits.HDUList]:
        """Fetch cutouts around positions, one after the other.

        Parameters
        ----------
        coordinates : SkyCoord
            One position or several.
        size : int
            Side, native pixels of 0.262 arcsec.

        Returns
        -------
        list of astropy.io.fits.HDUList
            One for each position: (3, size, size) float32, g, r, z, nanomaggies a pixel.

        Raises
        ------
        BadReplyError
            Where the viewer does not deliver what was asked for.
        InputError
            For a layer that it does not have, or a size that it would cut down.
        """
        positions = np.atleast_1d(coordinates.icrs)
        contents = [self.get_cutout(place.ra.deg, place.dec.deg, size)[1] for place in positions]
        return [fits.open(io.BytesIO(content), lazy_load_hdus=False) for content in contents]

    def get_cutout(self, ra: float, dec: float, size: int) -> tuple[Cutout | None, bytes]:
        """Fetch one cutout and check it.

        Parameters
        ----------
        ra, dec : float
            Centre, ICRS degrees.
        size : int
            Side, native pixels.

        Returns
        -------
        cutout : Cutout or None
            None where no pixel has data.
        content : bytes
            The FITS file as it came; `read_image` reads it again.

        Raises
        ------
        BadReplyError, InputError
            As `get_images`.
        """
        if not 1 <= size <= LARGEST_SIZE:
            raise InputError(f"Cutout of {size} pixels, expected 1 to {LARGEST_SIZE}.")
        try:
            answer = self.transport.attempt(lambda: self._ask(ra, dec, size))
        except BadReplyError as error:
            self._errors += error.attempts == ERROR_ATTEMPTS
            raise
        self._errors = 0
        return answer

    def _ask(self, ra: float, dec: float, size: int) -> tuple[Cutout | None, bytes]:
        """Make one request and check its reply."""
        parameters: dict[str, str | float] = {
            "ra": repr(float(ra)),
            "dec": repr(float(dec)),
            "layer": self.layer,
            "size": size,
            "pixscale": PIXEL_SCALE,
            "bands": BANDS,
        }
        # Not through BaseQuery._request: it switches astroquery's cache setting, which is one for
        # the whole process, and several threads at once would leave it switched.
        response = self._session.get(
            f"{self.transport.url}/fits-cutout",
            params=parameters,
            stream=True,
            timeout=(conf.connect_timeout, conf.timeout),
        )
        largest = 4 * len(BANDS) * size**2 + HEADER_BYTES
        insist = ERROR_ATTEMPTS if self._errors < MANY_ERRORS else 1
        reply = read_reply(response, largest=largest, max_attempts=insist)
        self._check_type(reply)
        return read_image(reply.content, ra, dec, size, origin=reply.url), reply.content

    def _check_type(self, reply: Reply) -> None:
        """Raise unless the reply says that it is FITS."""
        if reply.content_type in FITS_TYPES:
            return
        text = reply.content[:1000].decode("utf-8", "replace").strip()
        if text.lower().startswith("no such layer"):
            raise InputError(
                f"Layer {self.layer!r}: the viewer at {self.transport.url} has no such layer, "
                "expected one such as ls-dr9 or ls-dr10 (--layer, layer=... in Python)"
                f"{did_you_mean(self.layer, LAYERS) or '.'}"
            )
        kind = reply.content_type or "no type"
        raise BadReplyError(f"{reply.url}: {kind}, expected image/fits", unreachable=True)


def read_image(content: bytes, ra: float, dec: float, size: int, *, origin: str) -> Cutout | None:
    """Read a cutout after checking that it is what was asked for.

    Parameters
    ----------
    content : bytes
        A FITS file as the viewer serves it.
    ra, dec : float
        Position that was asked for, degrees; must be at the centre.
    size : int
        Side that was asked for, native pixels.
    origin : str
        Address it came from, for messages.

    Returns
    -------
    Cutout or None
        None where no pixel has data.

    Raises
    ------
    BadReplyError
        For another shape, other bands, another place, scale or orientation, or a file cut short.

    Examples
    --------
    >>> from astroclip_astro.fetch.files.pixel_grid import native_grid
    >>> header = native_grid(150, 2).to_header()
    >>> header.update(BANDS="grz", CRPIX1=24.5, CRPIX2=24.5)
    >>> file = io.BytesIO()
    >>> fits.PrimaryHDU(np.ones((3, 48, 48), "f4"), header).writeto(file)
    >>> read_image(file.getvalue(), 150, 2, 48, origin="here").image.shape
    (3, 48, 48)
    """
    file = io.BytesIO(content)
    # `reading` quiets astropy's warnings for the whole process: two threads at once could leave
    # them so.
    with _QUIET, _checked(origin), reading():
        check_claims(file)
    with _QUIET, _checked(origin), reading(), fits.open(file, lazy_load_hdus=True) as hdus:
        _check_header(hdus[0], len(content), size)
        _check_place(hdus[0].header, ra, dec, size)
        values = np.array(hdus[0].data, np.float32)  # (3, size, size)
    bad = ~np.isfinite(values) | (values == 0)
    image = np.where(bad, np.float32(0), values)
    return Cutout(image, not bad.any(), origin) if image.any() else None


@contextmanager
def _checked(origin: str) -> Iterator[None]:
    """Turn what is wrong with a file into what is wrong with a reply."""
    try:
        yield
    except DamagedFileError as error:
        raise BadReplyError(f"{origin}: {error}") from error


def _check_header(hdu: fits.PrimaryHDU, length: int, size: int) -> None:
    """Raise unless an image has the shape, type and bands that were asked for, and is whole."""
    expected = (len(BANDS), size, size)
    if hdu.shape != expected or hdu.header["BITPIX"] != -32:
        raise DamagedFileError(
            f"image of shape {hdu.shape}, BITPIX {hdu.header['BITPIX']}, expected {expected}, -32"
        )
    if {"BSCALE", "BZERO"} & set(hdu.header):
        raise DamagedFileError("scaled pixels, expected plain ones")
    if (needed := hdu.fileinfo()["datLoc"] + hdu.size) > length:
        raise DamagedFileError(f"cut short: {length} bytes, its header needs {needed}")
    bands = str(hdu.header.get("BANDS", "")).strip()
    if bands != BANDS:
        raise DamagedFileError(f"bands {bands!r}, expected {BANDS!r}")


def _check_place(header: fits.Header, ra: float, dec: float, size: int) -> None:
    """Raise unless the position asked for is at the centre, and the grid is the native one."""
    wcs = _grid(header)
    x, y = wcs.wcs_world2pix([[ra, dec]], 0)[0]
    off = math.hypot(x - (size - 1) / 2, y - (size - 1) / 2)
    if not off <= OFF_CENTRE:  # NaN too: the far side of the sky
        place = ", ".join(map(str, wcs.wcs.crval))
        raise DamagedFileError(f"image of another place ({place}), expected {ra}, {dec}")
    if not is_native(native_matrix(wcs, ra, dec)):
        raise DamagedFileError(f"not on the native grid of {PIXEL_SCALE} arcsec, north up")


def _grid(header: fits.Header) -> WCS:
    """Return the WCS of an image from the cards that the viewer writes.

    To have astropy look through the whole header would take ten times as long.
    """
    if [header["CTYPE1"], header["CTYPE2"]] != ["RA---TAN", "DEC--TAN"]:
        raise DamagedFileError("no tangent-plane WCS in RA and Dec")
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [header["CTYPE1"], header["CTYPE2"]]
    wcs.wcs.crval = [header["CRVAL1"], header["CRVAL2"]]
    wcs.wcs.crpix = [header["CRPIX1"], header["CRPIX2"]]
    wcs.wcs.lonpole = header.get("LONPOLE", 180)
    if "CD1_1" in header:
        wcs.wcs.cd = [[header.get(f"CD{i}_{j}", 0) for j in (1, 2)] for i in (1, 2)]
    else:
        wcs.wcs.cdelt = [header["CDELT1"], header["CDELT2"]]
        wcs.wcs.pc = [[header.get(f"PC{i}_{j}", int(i == j)) for j in (1, 2)] for i in (1, 2)]
    return wcs
