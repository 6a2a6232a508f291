"""The shapes of galaxies: in range, by type, mass and redshift."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from astroclip_astro.simulate.structure import (
    EARLY_SCALE,
    LATE_SCALE,
    draw_structure,
    velocity_dispersion,
)


def draw(seed=0, log_ssfr=-10.0, log_mass=10.5, redshift=0.1, scale=1.8):
    stars = SimpleNamespace(log_ssfr=log_ssfr)
    return draw_structure(stars, log_mass, redshift, scale, np.random.default_rng(seed))


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    log_ssfr=st.floats(-13, -8.3),
    log_mass=st.floats(6, 12.5),
    redshift=st.floats(0.01, 0.6),
    scale=st.floats(0.2, 6.7),
)
def test_every_number_is_in_its_range(seed, log_ssfr, log_mass, redshift, scale):
    shape = draw(seed, log_ssfr, log_mass, redshift, scale)
    assert shape.early == (log_ssfr < -11)
    assert 0 <= shape.bulge_fraction <= 1
    assert 0.5 <= shape.disc_index <= 6
    assert 0.5 <= shape.bulge_index <= 6
    assert 0.1 < shape.disc_ratio <= 1
    assert 0.4 <= shape.bulge_ratio <= 1
    assert 0 < shape.bulge_radius < shape.disc_radius
    assert 0 <= shape.angle <= np.pi
    assert 0 <= shape.arm_strength <= 1
    assert abs(np.degrees(shape.pitch)) < 35
    assert 0 <= shape.bar < 0.2
    assert 0 <= shape.lane < 1


def test_same_seed_same_shape():
    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_quiescent_galaxies_have_no_arms():
    assert all(draw(seed, -12.0).arms == 0 for seed in range(50))
    assert all(draw(seed, -10.0).arms >= 1 for seed in range(50))


@pytest.mark.parametrize("log_ssfr", [-12.0, -10.0])
def test_twice_as_near_is_twice_as_large(log_ssfr):
    near, far = (draw(5, log_ssfr, scale=scale) for scale in (1.0, 2.0))
    assert near.disc_radius == pytest.approx(2 * far.disc_radius)
    assert near.bulge_radius == pytest.approx(2 * far.bulge_radius)


def median_size(**asked):
    return np.median([draw(seed, scale=1.0, **asked).disc_radius for seed in range(400)])


# Half-light radii at 5e10 solar masses: van der Wel et al. (2014), table 1, have 7.2 and 4.0 kpc at
# redshift 0.25; times the scales, and smaller as redshift grows.
@pytest.mark.parametrize(
    ("log_ssfr", "kpc"),
    [
        (-10.0, 1.05 * LATE_SCALE * 10**0.86 * 1.25**-0.6),
        (-12.0, 1.5 * EARLY_SCALE * 10**0.60 * 1.25**-0.9),
    ],
)
def test_sizes_are_the_published_ones_times_the_scales(log_ssfr, kpc):
    size = median_size(log_ssfr=log_ssfr, log_mass=10.7, redshift=0.25)
    assert size == pytest.approx(kpc, rel=0.12)


def test_massive_galaxies_are_larger_and_early_ones_gain_most():
    late, early = (
        np.log10(median_size(log_ssfr=s, log_mass=11.2) / median_size(log_ssfr=s, log_mass=10.2))
        for s in (-10.0, -12.0)
    )
    assert late == pytest.approx(0.25, abs=0.05)
    assert early == pytest.approx(0.70, abs=0.05)


@pytest.mark.parametrize("log_ssfr", [-10.0, -12.0])
def test_galaxies_were_smaller_once(log_ssfr):
    assert median_size(log_ssfr=log_ssfr, redshift=0.6) < median_size(
        log_ssfr=log_ssfr, redshift=0.05
    )


def test_discs_are_seen_at_random_inclinations():
    ratios = np.array([draw(seed).disc_ratio for seed in range(2000)])
    # The cosine of the inclination is even between 0 and 1; thickness adds a little below.
    assert np.mean(ratios < 0.5) == pytest.approx(np.sqrt((0.25 - 0.04) / 0.96), abs=0.04)
    assert np.mean(ratios > 0.75) == pytest.approx(1 - np.sqrt((0.5625 - 0.04) / 0.96), abs=0.04)


def test_bulges_grow_with_mass():
    parts = [
        np.mean([draw(seed, log_mass=mass).bulge_fraction for seed in range(300)])
        for mass in (9.0, 10.0, 11.0)
    ]
    assert parts[0] < parts[1] < parts[2]


# Zahid et al. (2016): 118 km/s at the break; slopes 0.403 and 0.293.
@pytest.mark.parametrize(
    ("log_mass", "sigma"), [(9.26, 2.073 - 0.403), (10.26, 2.073), (11.26, 2.073 + 0.293)]
)
def test_dispersion_follows_mass(log_mass, sigma):
    rng = np.random.default_rng(1)
    drawn = np.log10([velocity_dispersion(log_mass, rng) for _ in range(1000)])
    assert drawn.mean() == pytest.approx(sigma, abs=0.01)
    assert drawn.std() == pytest.approx(0.07, rel=0.1)
