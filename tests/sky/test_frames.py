"""Frames as users spell them, and the path to ICRS."""

import numpy as np
import pytest
from astropy.coordinates import FK4, FK5, BarycentricMeanEcliptic, Galactic, SkyCoord
from astropy.time import Time
from hypothesis import given, settings, strategies as st

from astroclip_astro.errors import InputError
from astroclip_astro.sky.frames import Frame, parse_frame, read_year

PLACE = SkyCoord([10.25, 150.5, 359.75], [-5.5, 2.25, 60.0], unit="deg")


@pytest.mark.parametrize(
    ("given", "frame"),
    [
        ("fk5", FK5(equinox="J2000")),
        ("FK5:J1975", FK5(equinox="J1975")),
        ("fk5:1950", FK5(equinox="J1950")),
        ("fk4", FK4(equinox="B1950")),
        ("B1950", FK4(equinox="B1950")),
        ("fk4:1900", FK4(equinox="B1900")),
        ("galactic", Galactic()),
        ("ecliptic", BarycentricMeanEcliptic(equinox="J2000")),
        ("ecliptic:J1991.25", BarycentricMeanEcliptic(equinox="J1991.25")),
    ],
)
def test_positions_are_transformed_as_astropy_does(given, frame):
    there = PLACE.transform_to(frame).represent_as("unitspherical")
    ra, dec = parse_frame(given).to_icrs(there.lon.deg, there.lat.deg)
    back = SkyCoord(ra, dec, unit="deg")
    assert back.separation(PLACE).arcsec.max() < 1e-4


def test_icrs_is_left_as_it_is():
    lon = np.array([123.456789012345])
    assert parse_frame("icrs").to_icrs(lon, lon)[0] is lon


def test_the_epoch_of_fk4_counts():
    there = SkyCoord([150.0], [2.0], unit="deg", frame=FK4(equinox="B1950", obstime="J1983.5"))
    ra, dec = Frame("fk4", "B1950", "J1983.5").to_icrs(np.array([150.0]), np.array([2.0]))
    assert SkyCoord(ra, dec, unit="deg").separation(there.icrs).arcsec[0] < 1e-4
    assert Time("J1983.5").jyear == 1983.5
    assert "epoch taken as B1950" in Frame("fk4", "B1950", None, "x").words
    assert "epoch taken" not in Frame("fk4", "B1950", "J1983.5", "x").words


@pytest.mark.parametrize(
    "given", ["", "fk6", "galactic:J2000", "fk5:", "fk5:2000000", "icrs:J2000", "altaz", 5, "fk4:x"]
)
def test_other_frames_are_refused(given):
    with pytest.raises(InputError, match=r"frame is .*, expected icrs, fk5.*fk5:J1975"):
        parse_frame(given)


@pytest.mark.parametrize(
    ("given", "system", "year"),
    [
        ("J2000", None, "J2000"),
        (2000.0, None, "J2000"),
        ("1950", None, "B1950"),
        (1975.0, "fk5", "J1975"),
        ("b1950.0", "fk5", "B1950"),
        ("1991.25", "fk4", "B1991.25"),
        ("20000", None, None),
        ("2000-01-01", None, None),
    ],
)
def test_years_have_letters(given, system, year):
    assert read_year(given, system) == year


@given(st.floats(0, 359.9), st.floats(-89, 89), st.sampled_from(["fk5:J1975", "galactic", "fk4"]))
@settings(max_examples=30, deadline=None)
def test_every_position_stays_on_the_sky(lon, lat, name):
    ra, dec = parse_frame(name).to_icrs(np.array([lon]), np.array([lat]))
    assert 0 <= ra[0] <= 360
    assert -90 <= dec[0] <= 90
