"""What else is in the field: numbers, places and flux of neighbours and stars."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from astroclip_astro.records import PIXEL_SCALE
from astroclip_astro.simulate import field
from astroclip_astro.simulate.profiles import FRAME

LIGHT = np.array([1.0, 2.0, 3.0])


def empty():
    return np.zeros((3, FRAME, FRAME), np.float32)


def centroid(image):
    """Return row and column of the centre of light."""
    rows, columns = np.arange(FRAME) @ image.sum(axis=1), np.arange(FRAME) @ image.sum(axis=0)
    return rows / image.sum(), columns / image.sum()


@settings(deadline=None)
@given(row=st.floats(0, FRAME - 2.001), column=st.floats(0, FRAME - 2.001))
def test_a_point_keeps_its_flux_and_place(row, column):
    images = empty()
    field.point(images, LIGHT, np.array([row, column]))
    assert np.allclose(images.sum(axis=(1, 2), dtype=float), LIGHT, rtol=1e-5)
    assert centroid(images[1].astype(float)) == pytest.approx((row, column), abs=1e-3)


@settings(deadline=None, max_examples=50)
@given(
    index=st.sampled_from([1.0, 2.5, 4.0]),
    radius=st.floats(0.12, 2.5),
    ratio=st.floats(0.3, 1),
    angle=st.floats(0, np.pi),
    row=st.floats(65, 125),
    column=st.floats(65, 125),
)
def test_a_neighbour_keeps_its_flux_and_place(index, radius, ratio, angle, row, column):
    images = empty()
    field.stamp(
        images,
        LIGHT,
        index=index,
        radius=radius,
        ratio=ratio,
        angle=angle,
        place=np.array([row, column]),
    )
    assert np.allclose(images.sum(axis=(1, 2), dtype=float), LIGHT, rtol=1e-4)
    away = 0.5 if radius < 0.3 else 0.2  # pixels; the smallest are sampled at one or two of them
    assert centroid(images[2].astype(float)) == pytest.approx((row, column), abs=away)
    assert images.min() >= 0


def test_a_neighbour_has_its_half_light_radius():
    images = empty()
    field.stamp(
        images, LIGHT, index=1.0, radius=2.0, ratio=1.0, angle=0.0, place=np.array([96.0, 96.0])
    )
    row, column = np.mgrid[:FRAME, :FRAME] - 96
    inside = np.hypot(row, column) * PIXEL_SCALE < 2.0
    assert images[0][inside].sum() == pytest.approx(0.5, abs=0.02)


def test_neighbours_add_to_what_is_there():
    images = empty() + 5
    field.add_neighbours(images, np.random.default_rng(0))
    assert images.min() >= 5
    assert images.max() > 5


@pytest.fixture
def stamped(monkeypatch):
    """Return a list that fills with (nanomaggies, place) of what is stamped or pointed."""
    seen = []
    monkeypatch.setattr(
        field, "stamp", lambda images, light, *, place, **_: seen.append((light, place))
    )
    monkeypatch.setattr(field, "point", lambda images, light, place: seen.append((light, place)))
    return seen


AREA = (FRAME * 0.262 / 60) ** 2  # square arcmin


def magnitudes(seen):
    return 22.5 - 2.5 * np.log10(np.array([light for light, _ in seen]))


def test_neighbours_follow_the_counts_of_galaxies(stamped):
    rng = np.random.default_rng(0)
    for _ in range(300):
        field.add_neighbours(empty()[:, :2, :2], rng)
    r = magnitudes(stamped)[:, 1]
    assert len(r) / 300 == pytest.approx(22.0 * AREA, rel=0.05)
    assert r.min() >= 18.0
    assert r.max() <= 24.2
    # Ten to the 0.33 more in each magnitude.
    slope = np.log10(np.sum((r > 23.2) & (r <= 24.2)) / np.sum((r > 22.2) & (r <= 23.2)))
    assert slope == pytest.approx(0.33, abs=0.06)


def test_stars_have_their_numbers_and_brightness(stamped):
    rng = np.random.default_rng(0)
    for _ in range(1500):
        field.add_stars(empty()[:, :2, :2], rng)
    r = magnitudes(stamped)[:, 1]
    assert len(r) / 1500 == pytest.approx(2.2 * AREA, rel=0.08)
    assert r.min() >= 16.5
    assert r.max() <= 24.0
    assert np.mean(r > 20.25) > 0.55


def test_places_are_anywhere_in_the_frame(stamped):
    rng = np.random.default_rng(0)
    for _ in range(300):
        field.add_neighbours(empty()[:, :2, :2], rng)
    places = np.array([place for _, place in stamped]) / FRAME
    assert np.allclose(places.mean(axis=0), 0.5, atol=0.03)
    assert places.min() < 0.01
    assert places.max() > 0.98


def test_star_colours_are_those_of_stars():
    rng = np.random.default_rng(0)
    g_r, r_z = np.array([field.star_colours(rng) for _ in range(2000)]).T
    assert np.mean(g_r > 1.1) == pytest.approx(0.55, abs=0.05)  # M dwarfs
    assert np.median(r_z[g_r > 1.1]) > 2 * np.median(r_z[g_r < 0.8])


def test_saturated_stars_are_bright_with_a_bleed_trail():
    for seed in range(20):
        images = empty()
        field.add_saturated_star(images, np.random.default_rng(seed))
        total = images.sum(axis=(1, 2), dtype=float)
        assert 380 < total[1] < 8e4  # r = 16 to 11, and 0.2 per cent of it in each bled pixel
        row, column = np.unravel_index(images[1].argmax(), images[1].shape)
        assert np.hypot(row - FRAME / 2, column - FRAME / 2) > 20
        assert (images[1] > 0).any(axis=1).sum() >= 3


def test_a_companion_touches_the_galaxy_and_is_of_like_brightness(stamped):
    light = np.array([50.0, 100.0, 150.0])
    for seed in range(200):
        field.add_companion(empty(), light, 1.5, np.random.default_rng(seed))
    parts = np.array([part / light for part, _ in stamped])
    away = [np.hypot(*(place - (FRAME - 1) / 2)) * PIXEL_SCALE for _, place in stamped]
    assert 0.1 < parts.min() < parts.max() < 1.1
    assert np.min(away) >= 1.2 * 1.5 - 1e-6
    assert np.max(away) <= 3.0 * 1.5 + 1e-6


def test_flux_is_in_nanomaggies():
    assert field.flux(22.5, 2.5, -2.5) == pytest.approx([0.1, 1, 0.1])


@pytest.mark.parametrize("radius", [0.1, 5.0, 60.0, 500.0])
def test_companion_of_any_galaxy_is_in_the_image(radius):
    for seed in range(20):
        images = np.zeros((3, FRAME, FRAME), np.float32)
        field.add_companion(images, np.full(3, 100.0), radius, np.random.default_rng(seed))
        assert np.all(images[:, 20:-20, 20:-20].sum(axis=(1, 2)) > 1)


def test_profile_outside_the_frame_adds_nothing():
    images = np.zeros((3, FRAME, FRAME), np.float32)
    shape = {"index": 1.0, "radius": 0.5, "ratio": 1.0, "angle": 0.0}
    for place in ((-400.0, 50.0), (50.0, -400.0), (600.0, 50.0), (50.0, 600.0)):
        field.stamp(images, np.ones(3), place=np.array(place), **shape)
    assert not images.any()
