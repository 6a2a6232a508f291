"""Boxes cover their circles, wherever on the sky, and not much more."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import example, given, settings, strategies as st

from astroclip_astro.fetch.sky_boxes import Box, boxes_around, boxes_between

BEARINGS = np.linspace(0, 360, 721) * u.deg
degrees = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, -89.9999, 0.0, 89.999999, 90.0]))
turns = st.one_of(st.floats(0, 360), st.sampled_from([0.0, 1e-9, 359.9999999, 360.0]))


def held(boxes, ra, dec):
    """Which positions are strictly in one of the boxes."""
    return np.any(
        [(ra >= b.west) & (ra <= b.east) & (dec >= b.south) & (dec <= b.north) for b in boxes],
        axis=0,
    )


@settings(deadline=None)
@given(ra=turns, dec=degrees, radius=st.floats(1e-5, 180))
def test_circle_is_covered(ra, dec, radius):
    edge = SkyCoord(ra, dec, unit="deg").directional_offset_by(BEARINGS, radius * u.deg)
    assert held(boxes_around(ra, dec, radius), edge.ra.deg, edge.dec.deg).all()


@settings(deadline=None)
@given(ra=turns, dec=degrees, radius=st.floats(1e-5, 180))
def test_boxes_are_on_the_sky(ra, dec, radius):
    for box in boxes_around(ra, dec, radius):
        assert 0 <= box.west <= box.east <= 360
        assert -90 <= box.south <= box.north <= 90


@given(ra=turns, dec=st.floats(-80, 80), radius=st.floats(1e-3, 5))
def test_box_is_not_much_larger_than_its_circle(ra, dec, radius):
    width = sum(box.east - box.west for box in boxes_around(ra, dec, radius))
    assert width < 2.02 * radius / np.cos(np.radians(abs(dec) + radius))


@given(west=st.floats(-720, 720), width=st.floats(0, 400), ra=st.floats(0, 360))
@example(west=-5e-324, width=0.0, ra=0.0)
def test_range_of_ra_is_cut_at_zero(west, width, ra):
    boxes = boxes_between(west, west + width, 0, 1)
    assert all(0 <= box.west <= box.east <= 360 for box in boxes)
    inside = held(boxes, ra, 0.5)
    offset = (ra - west) % 360
    if min(abs(offset - width), offset, 360 - offset) > 1e-6:
        assert inside == (offset <= width)


@given(
    ra=st.tuples(turns, turns).map(sorted),
    dec=st.tuples(degrees, degrees).map(sorted),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_halves_are_the_whole(ra, dec, place):
    box = Box(*ra, *dec)
    x, y = np.interp(place[0], [0, 1], ra), np.interp(place[1], [0, 1], dec)
    halves = box.halves()
    if halves:
        assert held(halves, x, y)


def test_halving_ends():
    box, count = Box(0, 360, -90, 90), 0
    while halves := box.halves():
        box, count = halves[1], count + 1
    assert 25 < count < 70


def test_numbers_in_a_condition_have_no_exponent():
    assert "e" not in Box(1e-9, 2, -1e-8, 1).condition("ra", "d").replace("BETWEEN", "")


@pytest.mark.parametrize("value", [np.nan, 11.1])
def test_what_is_not_inside_is_not_held(value):
    assert not Box(10, 11, 0, 1).holds(value, 0.5)
