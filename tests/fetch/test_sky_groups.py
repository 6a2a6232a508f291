"""Boxes around positions: nothing lost at RA 0 and at the poles."""

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from hypothesis import given, settings, strategies as st

from astroclip_astro.fetch.sky_groups import CELL, neighbours

DECS = st.one_of(
    st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 89.9999, -89.9999, 0.0, 89.8, -89.8])
)
RAS = st.one_of(st.floats(0, 360, exclude_max=True), st.sampled_from([0.0, 359.99999, 180.0]))
RADII = st.sampled_from([0.1 / 3600, 1 / 3600, 60 / 3600])


def holds(group, ra, dec):
    """Say whether a position is in a box, whatever multiple of 360 its range is given in."""
    inside = [
        (group.ra_low <= ra + turn) & (ra + turn <= group.ra_high) for turn in (-360.0, 0.0, 360.0)
    ]
    return np.logical_or.reduce(inside) & (group.dec_low <= dec) & (dec <= group.dec_high)


@settings(max_examples=80, deadline=None)
@given(places=st.lists(st.tuples(RAS, DECS), min_size=1, max_size=20), radius=RADII)
def test_every_row_is_in_one_box_with_all_that_is_near_it(places, radius):
    ra, dec = np.array(places).T
    groups = neighbours(ra, dec, radius)
    assert sorted(np.concatenate([group.rows for group in groups])) == list(range(len(ra)))
    angles = np.linspace(0, 360, 13) * u.deg
    for group in groups:
        assert -90 <= group.dec_low <= group.dec_high <= 90
        centres = SkyCoord(ra[group.rows], dec[group.rows], unit="deg")[:, None]
        around = centres.directional_offset_by(angles, radius * u.deg)  # (rows, angles)
        assert holds(group, around.ra.deg, around.dec.deg).all()


@settings(max_examples=50, deadline=None)
@given(places=st.lists(st.tuples(RAS, DECS), min_size=1, max_size=20))
def test_boxes_stay_small(places):
    ra, dec = np.array(places).T
    radius = 1 / 3600
    for group in neighbours(ra, dec, radius):
        assert group.dec_high - group.dec_low <= CELL + 2 * radius + 1e-6
        widest = np.cos(np.radians(np.abs(dec[group.rows]).max()))
        if group.ra_high - group.ra_low < 360 and np.abs(dec[group.rows]).max() < 89:
            assert (group.ra_high - group.ra_low) * widest <= 1.5 * CELL + 3 * radius


def test_neighbours_share_a_box():
    ra = 150.05 + np.arange(50) * 0.001
    assert len(neighbours(ra, np.full(50, 2.05), 1 / 3600)) == 1


def test_box_crosses_ra_0():
    (group,) = neighbours(np.array([0.0]), np.array([10.0]), 1 / 3600)
    assert group.ra_low < 0 < group.ra_high


def test_no_positions_no_boxes():
    assert neighbours(np.zeros(0), np.zeros(0), 1 / 3600) == []
