"""Light on the pixels: Sersic profiles, spiral discs, the seeing and the fibre."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.modeling.models import Sersic2D
from hypothesis import given, settings, strategies as st
from scipy.special import gammainc, gammaincinv

from astroclip_astro.records import PIXEL_SCALE
from astroclip_astro.simulate.profiles import FRAME, blur, fibre_part, sersic, spiral_disc
from astroclip_astro.simulate.structure import draw_structure

MIDDLE = (FRAME - 1) / 2
PLACE = (np.arange(FRAME) - MIDDLE) * PIXEL_SCALE  # arcsec


def point():
    """Return a point of unit flux at the very middle, which four pixels share."""
    image = np.zeros((FRAME, FRAME), np.float32)
    image[FRAME // 2 - 1 : FRAME // 2 + 1, FRAME // 2 - 1 : FRAME // 2 + 1] = 0.25
    return image


def spiral(seed=1, log_mass=10.8, scale=1.0, **changed):
    stars = SimpleNamespace(log_ssfr=-10.0)
    shape = draw_structure(stars, log_mass, 0.05, scale, np.random.default_rng(seed))
    return replace(shape, **changed)


@pytest.mark.parametrize(
    ("index", "radius", "ratio", "angle"),
    [(1.0, 2.0, 0.6, 0.5), (2.5, 1.5, 0.9, 2.0), (4.0, 2.0, 0.7, 1.0), (0.7, 1.0, 0.3, 3.0)],
)
def test_profile_is_astropys_integrated_over_pixels(index, radius, ratio, angle):
    x0, y0 = 0.1, -0.07
    model = Sersic2D(
        amplitude=1, r_eff=radius, n=index, x_0=x0, y_0=y0, ellip=1 - ratio, theta=angle
    )
    fine = 15
    half = 12  # pixels on each side of the middle
    inner = slice(FRAME // 2 - half, FRAME // 2 + half)
    offset = ((np.arange(fine) - (fine - 1) / 2) / fine) * PIXEL_SCALE
    place = (PLACE[inner, None] + offset).ravel()
    light = model(place[None], place[:, None])
    light = light.reshape(2 * half, fine, 2 * half, fine).mean(axis=(1, 3))
    image = sersic(index, radius, ratio, angle, (x0, y0))[inner, inner]
    scale = image.sum() / light.sum()
    assert np.abs(image - scale * light).max() < 0.006 * image.max()
    assert np.abs(image - scale * light).sum() < 0.006 * image.sum()


@settings(deadline=None, max_examples=60)
@given(
    index=st.floats(0.5, 6),
    radius=st.floats(0.05, 2.5),
    ratio=st.floats(0.2, 1),
    angle=st.floats(0, np.pi),
)
def test_profile_that_fits_has_unit_flux(index, radius, ratio, angle):
    image = sersic(index, radius, ratio, angle, (0.05, -0.1))
    assert image.sum(dtype=float) == pytest.approx(1, abs=0.005)
    assert image.min() >= 0


@settings(deadline=None, max_examples=40)
@given(index=st.floats(0.5, 6), radius=st.floats(3.5, 15), ratio=st.floats(0.3, 1))
def test_profile_larger_than_the_frame_loses_what_is_outside(index, radius, ratio):
    """Its sum on a frame is that of a smaller copy within a proportionally smaller box."""
    image = sersic(index, radius, ratio, 0.0, (0.0, 0.0))
    part = 2.5 / radius
    copy = sersic(index, 2.5, ratio, 0.0, (0.0, 0.0))
    cut = np.clip((MIDDLE + 0.5) * part - np.abs(np.arange(FRAME) - MIDDLE) + 0.5, 0, 1)
    expected = float(cut @ copy.astype(float) @ cut)
    assert image.sum(dtype=float) == pytest.approx(expected, abs=0.015)


@settings(deadline=None, max_examples=40)
@given(
    index=st.floats(0.5, 4),
    radius=st.floats(1.5, 2.2),
    ratio=st.floats(0.4, 1),
    angle=st.floats(0, np.pi),
)
def test_half_the_light_is_within_the_half_light_radius(index, radius, ratio, angle):
    fine = 5  # parts of a pixel, so that the border of the ellipse is sharp
    image = np.kron(sersic(index, radius, ratio, angle, (0.0, 0.0)), np.ones((fine, fine)))
    place = (np.arange(fine * FRAME) - (fine * FRAME - 1) / 2) * PIXEL_SCALE / fine
    along = place[None] * np.cos(angle) + place[:, None] * np.sin(angle)
    across = (place[:, None] * np.cos(angle) - place[None] * np.sin(angle)) / ratio
    inside = image[np.hypot(along, across) < radius].sum() / fine**2
    # Half of a profile without end; this one ends after 8 radii.
    kept = gammainc(2 * index, gammaincinv(2 * index, 0.5) * 8 ** (1 / index))
    assert inside == pytest.approx(0.5 / kept, abs=0.03)


@pytest.mark.parametrize("centre", [(0.13, -0.1), (-0.05, 0.12), (8.0, -5.0)])
def test_profile_is_centred_where_asked(centre):
    image = sersic(2.0, 1.0, 0.8, 0.7, centre).astype(float)
    x, y = (image.sum(axis=axis) @ PLACE / image.sum() for axis in (0, 1))
    assert (x, y) == pytest.approx(centre, abs=0.01)


def test_a_profile_beside_the_frame_is_empty():
    assert sersic(1.0, 0.5, 1.0, 0.0, (60.0, 0.0)).max() == 0


def test_major_axis_points_along_the_angle():
    image = sersic(1.0, 2.0, 0.3, 0.0, (0.0, 0.0)).astype(float)
    x2, y2 = (image.sum(axis=axis) @ PLACE**2 for axis in (0, 1))
    assert y2 / x2 == pytest.approx(0.09, rel=0.05)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    log_mass=st.floats(7, 12),
    scale=st.floats(0.2, 6.7),
    x=st.floats(-0.13, 0.13),
    y=st.floats(-0.13, 0.13),
)
def test_spiral_discs_keep_the_flux_of_every_band(seed, log_mass, scale, x, y):
    shape = spiral(seed, log_mass, scale)
    disc = sersic(shape.disc_index, shape.disc_radius, shape.disc_ratio, shape.angle, (x, y))
    bands = spiral_disc(disc, shape, (x, y), np.random.default_rng(seed))
    assert np.all(np.isfinite(bands))
    assert bands.min() >= 0
    assert np.allclose(bands.sum(axis=(1, 2), dtype=float), disc.sum(dtype=float), rtol=1e-4)


def contrast(image, disc):
    bright = disc > 0.05 * disc.max()
    return np.std(image[bright] / disc[bright])


def test_arms_stand_out_most_in_the_blue():
    shape = spiral(disc_ratio=0.9, disc_radius=4.0, arm_strength=0.9, bar=0.0, clumps=0.0)
    disc = sersic(1.0, 4.0, 0.9, shape.angle, (0.0, 0.0))
    g, r, z = spiral_disc(disc, shape, (0.0, 0.0), np.random.default_rng(0))
    assert contrast(g, disc) > contrast(r, disc) > contrast(z, disc) > 0.1


def test_a_disc_without_arms_and_clumps_is_smooth():
    shape = spiral(arm_strength=0.0, clumps=0.0, bar=0.0, lane=0.0)
    disc = sersic(1.0, shape.disc_radius, shape.disc_ratio, shape.angle, (0.0, 0.0))
    bands = spiral_disc(disc, shape, (0.0, 0.0), np.random.default_rng(0))
    assert np.allclose(bands, disc, rtol=1e-4)


def test_a_bar_adds_light_near_the_middle():
    shape = spiral(arm_strength=0.0, clumps=0.0, bar=0.14, lane=0.0, disc_radius=5.0)
    disc = sersic(1.0, 5.0, shape.disc_ratio, shape.angle, (0.0, 0.0))
    bands = spiral_disc(disc, shape, (0.0, 0.0), np.random.default_rng(0))
    near = np.hypot(PLACE[:, None], PLACE[None]) < 2.5 * shape.disc_ratio
    assert np.all(bands[:, near].sum(axis=1) > 1.05 * disc[near].sum())


def test_a_lane_dims_the_blue_most():
    shape = spiral(arm_strength=0.0, clumps=0.0, bar=0.0, lane=0.5, disc_ratio=0.2)
    disc = sersic(1.0, shape.disc_radius, 0.2, shape.angle, (0.0, 0.0))
    bands = spiral_disc(disc, shape, (0.0, 0.0), np.random.default_rng(0))
    g, r, z = bands[:, FRAME // 2, FRAME // 2] / disc[FRAME // 2, FRAME // 2]
    assert g < r < z < 1


def test_seeing_keeps_flux():
    image = np.zeros((FRAME, FRAME), np.float32)
    image[70:120, 60:130] = np.random.default_rng(0).random((50, 70), np.float32)
    seen = blur(image, 1.2)
    assert seen.shape == (152, 152)
    assert seen.sum(dtype=float) == pytest.approx(image.sum(dtype=float), rel=0.005)


@pytest.mark.parametrize("seeing", [1.0, 1.3, 1.8])
def test_a_star_has_the_width_of_the_seeing(seeing):
    image = np.zeros((FRAME, FRAME), np.float32)
    image[96, 96] = 1
    seen = blur(image, seeing)
    row = seen[76, 76:].astype(float)  # from the star to the right; 20 pixels are cut off
    assert row[0] == seen.max()
    half = np.interp(-row[0] / 2, -row, np.arange(len(row)))
    assert 2 * half * PIXEL_SCALE == pytest.approx(seeing, rel=0.03)


def test_a_star_sends_all_that_a_star_sends():
    assert fibre_part(point(), 1.1) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("seeing", [0.8, 1.0, 1.5])
def test_fibre_holds_the_light_of_a_moffat_within_its_radius(seeing):
    core = seeing / (2 * np.sqrt(2 ** (1 / 3) - 1))
    fine = (np.arange(300) - 149.5) * 0.01  # arcsec
    x, y = fine[None], fine[:, None]
    away = PIXEL_SCALE / 2  # the point is shared among four pixels around the middle
    light = (1 + ((x - away) ** 2 + (y - away) ** 2) / core**2) ** -3.0
    light *= 2 / (np.pi * core**2) * 0.01**2  # a whole Moffat sums to 1
    expected = light[np.hypot(x, y) < 0.75].sum()
    assert fibre_part(point(), seeing, of_point=False) == pytest.approx(expected, rel=0.03)


def test_larger_galaxies_send_less_into_a_fibre():
    parts = [
        fibre_part(sersic(1.0, radius, 1.0, 0.0, (0.0, 0.0)), 1.1)
        for radius in (0.1, 0.5, 1.0, 2.0, 5.0)
    ]
    assert np.all(np.diff(parts) < 0)
    assert parts[0] > 0.95
    assert 0 < parts[-1] < 0.1


def test_worse_seeing_sends_less_into_a_fibre():
    image = sersic(1.0, 0.5, 1.0, 0.0, (0.0, 0.0))
    parts = [fibre_part(image, seeing, of_point=False) for seeing in (0.8, 1.2, 1.8)]
    assert parts[0] > parts[1] > parts[2]
