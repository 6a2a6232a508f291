"""Where the Legacy Surveys certainly have no images, so that nobody has to ask for them."""

from __future__ import annotations

import atexit
from functools import cache
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np

from astroclip_astro.resources import folder

if TYPE_CHECKING:
    from mocpy import MOC


# Declination beyond which a place never rises 20 degrees above the horizon of Cerro Tololo (DECam)
# or Kitt Peak (BASS, MzLS). Layers of one telescope's images end there, with room to spare.
BLANCO_REACH = 40.0
KITT_PEAK_REACH = -38.0
# layer: (file, southernmost, northernmost)
FOOTPRINTS = {
    "ls-dr9": ("footprint-ls-dr9.fits", -90.0, 90.0),
    "ls-dr9-north": ("footprint-ls-dr9.fits", KITT_PEAK_REACH, 90.0),
    "ls-dr9-south": ("footprint-ls-dr9.fits", -90.0, BLANCO_REACH),
    "ls-dr10": ("footprint-ls-dr10.fits", -90.0, 90.0),
    "ls-dr10-south": ("footprint-ls-dr10.fits", -90.0, BLANCO_REACH),
}


def outside(layer: str, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Say which positions are certainly outside a layer's imaging.

    The bundled footprints are approximate supersets (``catalogs/footprint-*.fits``): False does
    not mean that there is an image.

    Parameters
    ----------
    layer : str
        A layer of the Legacy Surveys viewer, ``ls-dr9`` for example.
    ra, dec : array-like
        float64 (n,), ICRS degrees, any RA (360 is 0); NaN where the row has no good position.

    Returns
    -------
    ndarray
        bool (n,). False for every position of a layer that has no footprint here, and where there
        is no position.

    Examples
    --------
    >>> outside("ls-dr9", [150.1, 266.4, np.nan], [2.2, -29.0, 0.0])
    array([False,  True, False])
    >>> outside("unknown", [266.4], [-29.0])
    array([False])
    """
    ra, dec = np.broadcast_arrays(np.asarray(ra, float), np.asarray(dec, float))
    answer = np.zeros(ra.shape, dtype=bool)
    if layer not in FOOTPRINTS:
        return answer
    file, southernmost, northernmost = FOOTPRINTS[layer]
    good = np.isfinite(ra) & (np.abs(dec) <= 90)
    ra, dec = ra[good] % 360, dec[good]  # (m,) each
    held = _footprint(file).contains_lonlat(ra * u.deg, dec * u.deg)
    answer[good] = ~held | (dec < southernmost) | (dec > northernmost)
    return answer


@cache
def _footprint(file: str) -> MOC:
    """Read a footprint, once."""
    from mocpy import MOC

    # A MOC that outlives mocpy complains on stderr when the interpreter ends.
    atexit.register(_footprint.cache_clear)
    return MOC.load(folder("catalogs") / file, format="fits")
