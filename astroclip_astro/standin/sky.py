"""Two SIMULATED skies: the bundled demo sky, and a painted one of any size for tests."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table, join, vstack

from astroclip_astro.errors import InputError
from astroclip_astro.records import WAVELENGTH
from astroclip_astro.resources import folder
from astroclip_astro.standin.objects import (
    BRICK_RADIUS,
    Nearest,
    Patch,
    Sky,
    UnreadableImageError,
    releases,
)

CAMERAS = ("B", "R", "Z")
FACTS = {  # what the files call it, and its type
    "targetid": ("TARGETID", np.int64),
    "survey": ("SURVEY", str),
    "program": ("PROGRAM", str),
    "ra": ("TARGET_RA", np.float64),
    "dec": ("TARGET_DEC", np.float64),
    "redshift": ("Z", np.float64),
    "redshift_err": ("ZERR", np.float64),
    "redshift_warning": ("ZWARN", np.int64),
    "spectype": ("SPECTYPE", str),
    "specprimary": ("ZCAT_PRIMARY", bool),
    "deltachi2": ("DELTACHI2", np.float64),
    "coadd_fiberstatus": ("COADD_FIBERSTATUS", np.int64),
}
PAINTED_ID = 800_000_000_000_000  # TARGETID of the first painted object, outside DESI's ranges
PAINTED_PIXELS = 192
MOST_PAINTED = 1 << 20  # numbers below it are exact in float32 as fractions of it
SPACING = 60 / 3600  # degrees between painted objects


def demo_sky() -> Sky:
    """Return the SIMULATED sky that is bundled with the package.

    Returns
    -------
    Sky
        The objects of ``catalogs/demo_sky``. Some are wrong on purpose.

    Raises
    ------
    InputError
        Where a file of it cannot be understood.

    Examples
    --------
    >>> sky = demo_sky()
    >>> sky.image(359.9, -5.0).pixels.shape
    (3, 96, 96)
    >>> sky.image(180.0, 60.0) is None
    True
    """
    return _DemoSky(folder("catalogs") / "demo_sky")


class _DemoSky:
    """Viewer cutouts, DESI coadds and redrock files in one folder."""

    def __init__(self, path: Path) -> None:
        cutouts, coadds = sorted(path.glob("cutout-*.fits")), sorted(path.glob("coadd-*.fits"))
        if not (cutouts and coadds):
            raise InputError(f"No cutout-*.fits or no coadd-*.fits in {path}: damaged demo sky.")
        self._patches = [_read_patch(file) for file in cutouts]
        centres = np.array([centre for _, *centre in self._patches])  # (n, 2)
        tables, flux, ivar = zip(*map(_read_coadd, coadds), strict=True)
        observed = vstack(tables)
        self.spectra = releases(observed)
        self._flux, self._ivar = np.concatenate(flux), np.concatenate(ivar)
        self._nearest_image = Nearest(*centres.T)
        self._nearest_object = Nearest(
            np.append(centres[:, 0], observed["ra"]), np.append(centres[:, 1], observed["dec"])
        )

    def flux_ivar(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the spectrum of a row of ``spectra``."""
        observation = self.spectra["observation"][row]
        return self._flux[observation], self._ivar[observation]

    def image(self, ra: float, dec: float) -> Patch | None:
        """Return the stored image nearest to a position inside a brick."""
        if self._nearest_object(ra, dec)[1] > BRICK_RADIUS:
            return None
        pixels, *centre = self._patches[self._nearest_image(ra, dec)[0]]
        if pixels is None:
            raise UnreadableImageError(f"the image at {centre} is damaged")
        return Patch(pixels, *centre)


def _read_patch(path: Path) -> tuple[np.ndarray | None, float, float]:
    """Return pixels and centre of a cutout file; None for the pixels where the file is cut."""
    with path.open("rb") as file:
        header = fits.Header.fromfile(file)
        start = file.tell()
    shape = [header[f"NAXIS{axis}"] for axis in range(header["NAXIS"], 0, -1)]
    if start + 4 * math.prod(shape) > path.stat().st_size:
        return None, header["CRVAL1"], header["CRVAL2"]
    return fits.getdata(path).astype(np.float32), header["CRVAL1"], header["CRVAL2"]


def _read_coadd(path: Path) -> tuple[Table, np.ndarray, np.ndarray]:
    """Return facts, flux and inverse variance of a coadd's targets, float32 (n, 7781)."""
    with fits.open(path, memmap=False) as hdus:
        fibermap = Table(hdus["FIBERMAP"].data)
        weighted = np.zeros((len(fibermap), len(WAVELENGTH)))
        ivar = np.zeros_like(weighted)
        for camera in CAMERAS:
            wavelength = hdus[f"{camera}_WAVELENGTH"].data
            place = np.rint((wavelength - WAVELENGTH[0]) / 0.8).astype(int)
            weight = hdus[f"{camera}_IVAR"].data.astype(np.float64)
            weighted[:, place] += weight * hdus[f"{camera}_FLUX"].data
            ivar[:, place] += weight
    flux = np.divide(weighted, ivar, out=np.zeros_like(ivar), where=ivar > 0)
    redrock = path.with_name(path.name.replace("coadd", "redrock"))
    redshifts = Table(fits.getdata(redrock, "REDSHIFTS"))
    facts = join(fibermap, redshifts, keys="TARGETID", keep_order=True)
    if facts["TARGETID"].tolist() != fibermap["TARGETID"].tolist():
        raise InputError(f"{path.name} and {redrock.name} do not have the same targets.")
    columns: dict[str, np.ndarray] = {
        n: np.asarray(facts[old]).astype(kind) for n, (old, kind) in FACTS.items()
    }
    return Table(columns), flux.astype(np.float32), ivar.astype(np.float32)


def painted_sky(count: int, *, seed: int = 0) -> PaintedSky:
    """Return a SIMULATED sky whose images and spectra say which object they belong to.

    Objects are 30 arcsec apart or more, most of them around RA 0, Dec 2, and of every 20 one near
    each pole (|Dec| up to 89.99). Band b of object n is ``2**b * (1 + n / 2**20)`` everywhere,
    its flux ``1 + n / 2**20``, its inverse variance four times that. Even objects are in EDR
    (survey sv3) and DR1, odd ones in DR1 only (survey main). Every tenth (number 4, 14, ...) has
    a second spectrum, program dark, which is not primary.

    Parameters
    ----------
    count : int
        Number of objects, 1 to 1,048,576.
    seed : int, optional
        For positions and redshifts.

    Returns
    -------
    PaintedSky
        Nothing is drawn before it is asked for. ``ra`` and ``dec``, float64 (count,), are the
        positions; the TARGETID of object n is 800,000,000,000,000 + n.

    Raises
    ------
    InputError
        For any other count.

    Examples
    --------
    >>> sky = painted_sky(100)
    >>> painted_number(sky.image(sky.ra[42], sky.dec[42]).pixels)
    42
    """
    if not 1 <= count <= MOST_PAINTED:
        raise InputError(f"{count} painted objects, expected 1 to {MOST_PAINTED}.")
    return PaintedSky(count, seed)


class PaintedSky:
    """What `painted_sky` returns: objects on a jittered grid, drawn on request."""

    def __init__(self, count: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        number = np.arange(count)
        side = math.ceil(math.sqrt(count))
        jitter = random.uniform(-0.25, 0.25, (2, count))
        dec = 2 + ((number // side - side / 2) + jitter[0]) * SPACING
        ra = ((number % side - side / 2) + jitter[1]) * SPACING / np.cos(np.radians(dec))
        polar = number % 10 == 9
        # A sunflower's spiral: one object for every square of the same size, first at 0.01 deg.
        turn = number[polar] // 20
        sign = np.where(number[polar] % 20 == 19, 1, -1)
        ra[polar] = turn * 180 * (3 - math.sqrt(5))
        dec[polar] = sign * (90 - 0.01 * np.sqrt(turn + 1))
        self.ra, self.dec = ra % 360, dec
        self._nearest = Nearest(self.ra, self.dec)
        observed = self._observed(number, random.uniform(0.01, 0.6, count))
        self.spectra = releases(observed)
        self._number = np.asarray(self.spectra["targetid"]) - PAINTED_ID

    def _observed(self, number: np.ndarray, redshift: np.ndarray) -> Table:
        """Return facts of all spectra: one of each object, then the second ones."""
        second = number[number % 10 == 4]
        both = np.append(number, second)
        primary = np.arange(len(both)) < len(number)
        return Table(
            {
                "targetid": PAINTED_ID + both,
                "survey": np.where(both % 2 == 0, "sv3", "main"),
                "program": np.where(primary, "bright", "dark"),
                "ra": self.ra[both],
                "dec": self.dec[both],
                "redshift": redshift[both],
                "redshift_err": np.full(len(both), 1e-5),
                "redshift_warning": np.zeros(len(both), np.int64),
                "spectype": np.full(len(both), "GALAXY"),
                "specprimary": primary,
                "deltachi2": np.where(primary, 100.0, 50.0),
                "coadd_fiberstatus": np.zeros(len(both), np.int64),
            }
        )

    def flux_ivar(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the flat spectrum of a row of ``spectra``."""
        flux = np.full(len(WAVELENGTH), _paint(self._number[row]))
        return flux, 4 * flux

    def image(self, ra: float, dec: float) -> Patch | None:
        """Return the flat image of the nearest object."""
        number, separation = self._nearest(ra, dec)
        if separation > BRICK_RADIUS:
            return None
        return Patch(_painted_pixels(number), float(self.ra[number]), float(self.dec[number]))


@lru_cache(maxsize=16)
def _painted_pixels(number: int) -> np.ndarray:
    """Return the image of a painted object, read-only, float32 (3, 192, 192)."""
    planes = np.array([1, 2, 4], np.float32) * _paint(number)
    return np.broadcast_to(planes[:, None, None], (3, PAINTED_PIXELS, PAINTED_PIXELS))


def _paint(number: int) -> np.float32:
    """Return the value, exact in float32, that carries an object's number."""
    return np.float32(1 + number / MOST_PAINTED)


def painted_number(image: np.ndarray) -> int:
    """Return which painted object an image belongs to.

    Parameters
    ----------
    image : ndarray
        (3, h, w), g, r, z. Zeros are no data.

    Returns
    -------
    int
        The object's number.

    Raises
    ------
    InputError
        Where the image is empty or holds anything but one painted object.

    Examples
    --------
    >>> sky = painted_sky(3)
    >>> painted_number(sky.image(sky.ra[2], sky.dec[2]).pixels)
    2
    """
    image = np.asarray(image) / np.array([1, 2, 4])[:, None, None]  # (3, h, w)
    return _number(image, "image")


def painted_number_of_flux(flux: np.ndarray) -> int:
    """Return which painted object a spectrum belongs to.

    Parameters
    ----------
    flux : ndarray
        (n,). Zeros are no data.

    Returns
    -------
    int
        The object's number.

    Raises
    ------
    InputError
        Where the flux is zero or holds anything but one painted object.

    Examples
    --------
    >>> painted_number_of_flux(painted_sky(3).flux_ivar(0)[0])
    0
    """
    return _number(np.asarray(flux), "flux")


def _number(values: np.ndarray, what: str) -> int:
    """Return the one number that all values but zeros carry."""
    values = values[values != 0]
    numbers = (values.astype(np.float64) - 1) * MOST_PAINTED
    number = round(float(np.median(numbers))) if len(values) else -1
    if not (0 <= number < MOST_PAINTED and np.abs(numbers - number).max() < 0.25):
        raise InputError(f"This {what} is not that of one painted object.")
    return number
