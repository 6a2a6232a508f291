"""One position, and distances from it."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from astroclip_astro.errors import InputError
from astroclip_astro.records import Targets
from astroclip_astro.sky.position import read_position, separations


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((10, -5.5), (10, -5.5)),
        ((-1, 0), (359, 0)),
        ((1 * u.hourangle, 60 * u.arcmin), (15, 1)),
        (SkyCoord(10, 20, unit="deg").galactic, (10, 20)),
    ],
)
def test_position_is_icrs_degrees(given, expected):
    assert read_position(given) == pytest.approx(expected)


@pytest.mark.parametrize(
    "given", [(10,), (1, 2, 3), "10 20", (10, 95), (np.nan, 0), ([1, 2], [3, 4]), 5, ("a", "b")]
)
def test_anything_else_is_refused(given):
    with pytest.raises(InputError, match="position is"):
        read_position(given)


def test_separations_are_those_of_astropy():
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 9), rng.uniform(-90, 90, 9)
    there = Targets(ra, dec, np.zeros(9, int), np.zeros(9, bool))
    expected = SkyCoord(30, 40, unit="deg").separation(SkyCoord(ra, dec, unit="deg"))
    np.testing.assert_allclose(separations((30, 40), there), expected.arcsec, rtol=1e-12)
