"""The stars of a galaxy: its colours, its brightness, its redshift and its dispersion."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import constants, units
from astropy.cosmology import FlatLambdaCDM

from astroclip_astro.errors import InputError
from astroclip_astro.simulate.population import Properties, draw_properties
from astroclip_astro.simulate.spectra import (
    LIGHT_SPEED,
    MASS_OFFSET,
    MILES_RESOLUTION,
    choose_stars,
    match_photometry,
    smooth_by_velocity,
    stellar_continuum,
)
from astroclip_astro.simulate.wavelengths import OBSERVED, REST, redshift_rows

BANDS = [f"decam2014-{band}" for band in "grz"]


@pytest.fixture(scope="module")
def chosen(templates):
    """300 galaxies of the population and the stars chosen for them."""
    rng = np.random.default_rng(5)
    properties = [draw_properties(templates.population, rng) for _ in range(300)]
    return [(wanted, choose_stars(templates, wanted, rng)) for wanted in properties]


@pytest.fixture(scope="module")
def synthetic(templates, chosen):
    """Magnitudes wanted, and of the stars chosen, (300, 3) each."""
    light = [
        stellar_continuum(templates, stars, wanted.redshift, 0.4).sum(axis=0)
        for wanted, stars in chosen
    ]
    wanted = np.array([wanted.flux for wanted, _ in chosen])
    return 22.5 - 2.5 * np.log10([wanted, np.array(light) @ templates.band_weights.T])


def test_stars_have_the_colours(synthetic):
    wanted, made = (magnitudes[:, :2] - magnitudes[:, 1:] for magnitudes in synthetic)
    miss = np.abs(wanted - made)
    assert np.all(np.median(miss, axis=0) < 0.03)
    assert np.all(np.percentile(miss, 90, axis=0) < 0.08)


def test_mismatch_is_what_is_left_of_the_colours(chosen, synthetic):
    wanted, made = (magnitudes[:, :2] - magnitudes[:, 1:] for magnitudes in synthetic)
    left = np.array([stars.mismatch for _, stars in chosen])
    assert np.percentile(np.abs(wanted - made - left), 95, axis=0).max() < 0.05


def test_stars_have_the_brightness(synthetic):
    wanted, made = synthetic
    assert np.abs(wanted - made)[:, 1].max() < 0.05


def test_stars_have_the_mass_on_the_templates_scale(chosen):
    away = [stars.log_mass_model - wanted.log_stellar_mass for wanted, stars in chosen]
    assert np.median(away) == pytest.approx(-MASS_OFFSET, abs=0.1)
    assert np.std(away) < 0.3


def test_mass_is_asked_for_softly(templates, chosen):
    """The same colours and brightness with 0.6 dex more mass: colours leave little choice."""

    def mean_mass(shift):
        heavier = (replace(w, log_stellar_mass=w.log_stellar_mass + shift) for w, _ in chosen)
        return np.mean(
            [
                choose_stars(templates, wanted, np.random.default_rng(seed)).log_mass_model
                for seed, wanted in enumerate(heavier)
            ]
        )

    assert 0.04 < mean_mass(0.3) - mean_mass(-0.3) < 0.5


def test_dimming_is_that_of_the_cosmology(templates):
    cosmology = FlatLambdaCDM(H0=70, Om0=0.3)
    for redshift in (0.0123, 0.0871, 0.3217, 0.5999):
        area = 4 * np.pi * cosmology.luminosity_distance(redshift).to("cm") ** 2
        flux = (constants.L_sun / units.Angstrom / area / (1 + redshift)).to_value(
            "1e-17 erg / (s cm2 Angstrom)"
        )
        assert templates.distances.dimming(redshift) == pytest.approx(flux, rel=1e-4)
        kpc = cosmology.kpc_proper_per_arcmin(redshift).value / 60
        assert templates.distances.scale(redshift) == pytest.approx(kpc, rel=1e-4)
        age = cosmology.age(redshift).value
        assert templates.distances.age_at(redshift) == pytest.approx(age, rel=1e-4)


def test_sum_of_bulge_and_disc_does_not_depend_on_the_bulge(templates, chosen):
    wanted, stars = chosen[0]
    sums = [
        stellar_continuum(templates, stars, wanted.redshift, part).sum(axis=0)
        for part in (0.0, 0.3, 1.0)
    ]
    assert np.allclose(sums[1:], sums[0], rtol=1e-5)


def test_no_bulge_has_no_light(templates, chosen):
    wanted, stars = chosen[0]
    bulge, disc = stellar_continuum(templates, stars, wanted.redshift, 0.0)
    assert bulge.max() == 0
    assert disc.min() > 0


def test_bulges_are_redder_than_their_discs(templates, chosen):
    redder = []
    for wanted, stars in chosen[:60]:
        light = stellar_continuum(templates, stars, wanted.redshift, 0.4) @ templates.band_weights.T
        bulge, disc = -2.5 * np.log10(light[:, 0] / light[:, 1])
        redder.append(bulge >= disc - 1e-3)
    assert np.mean(redder) > 0.95


def narrow_stars(templates, wavelength):
    """Return templates whose stars shine in one narrow line only."""
    line = np.exp(-0.5 * (np.log(REST / wavelength) / 2e-4) ** 2)
    spectra = np.broadcast_to(line, templates.stars.spectra.shape).astype(np.float32)
    return replace(templates, stars=replace(templates.stars, spectra=spectra))


@pytest.mark.parametrize("redshift", [0.0100, 0.0317, 0.1234, 0.33333, 0.6])
def test_features_are_redshifted(templates, chosen, redshift):
    stars = replace(chosen[0][1], attenuation=0.0)
    light = stellar_continuum(narrow_stars(templates, 5184.0), stars, redshift, 0.4).sum(axis=0)
    near = np.abs(OBSERVED - 5184.0 * (1 + redshift)) < 30
    centre = (light * OBSERVED)[near].sum() / light[near].sum()
    assert centre == pytest.approx(5184.0 * (1 + redshift), abs=0.2)


@pytest.mark.parametrize("redshift", [0.65, 2.0, -0.1])
def test_redshifts_beyond_the_templates_raise(redshift):
    with pytest.raises(ValueError, match="Redshift"):
        redshift_rows(redshift)


def test_dust_of_one_magnitude_dims_v_by_one_magnitude(templates, chosen):
    old = np.zeros(20, np.float32)
    old[-1] = 1
    stars = replace(chosen[0][1], ages=old, slope=0.0, attenuation=0.0)
    bare, dusty = (
        stellar_continuum(templates, replace(stars, attenuation=dust), 0.1, 0.4).sum(axis=0)
        for dust in (0.0, 1.0)
    )
    at_v = np.searchsorted(OBSERVED, 5500 * 1.1)
    assert -2.5 * np.log10(dusty / bare)[at_v] == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize(("age", "magnitudes"), [(0, 1.8), (1, 1.8), (2, 1.0)])
def test_stars_below_10_myr_sit_in_thicker_dust(templates, chosen, age, magnitudes):
    young = np.zeros(20, np.float32)
    young[age] = 1
    stars = replace(chosen[0][1], ages=young, slope=0.0, attenuation=0.0)
    bare, dusty = (
        stellar_continuum(templates, replace(stars, attenuation=dust), 0.1, 0.4).sum(axis=0)
        for dust in (0.0, 1.0)
    )
    at_v = np.searchsorted(OBSERVED, 5500 * 1.1)
    assert -2.5 * np.log10(dusty / bare)[at_v] == pytest.approx(magnitudes, abs=0.002)


def photometry(spectrum):
    """Return nanomaggies by speclite, (3,); the red end of z, beyond OBSERVED, is let be."""
    filters = pytest.importorskip("speclite.filters").load_filters(*BANDS)
    padded, wave = filters.pad_spectrum(
        spectrum.astype(float) * 1e-17, OBSERVED * units.Angstrom, method="edge"
    )
    table = filters.get_ab_maggies(padded * units.Unit("erg / (s cm2 Angstrom)"), wave)
    return np.array([table[name][0] * 1e9 for name in BANDS])


@pytest.mark.parametrize("g_r", [-0.3, 0.8, 2.0])
@pytest.mark.parametrize("r_z", [-0.4, 0.4, 1.5])
def test_photometry_is_matched(templates, g_r, r_z):
    wanted = Properties(redshift=0.2, log_stellar_mass=10.3, r=18.5, g_r=g_r, r_z=r_z)
    stars = choose_stars(templates, wanted, np.random.default_rng(2))
    light = stellar_continuum(templates, stars, 0.2, 0.4).sum(axis=0)
    light = light * match_photometry(templates, light, wanted.flux)
    assert np.allclose(-2.5 * np.log10(photometry(light) / wanted.flux), 0, atol=0.001)


def test_matching_factor_is_smooth_and_one_where_nothing_is_missing(templates):
    light = (OBSERVED / 5000).astype(np.float32)
    flux = templates.band_weights @ light
    assert np.allclose(match_photometry(templates, light, flux), 1, atol=1e-4)
    factor = match_photometry(templates, light, flux * [1.1, 1, 0.9])
    step = np.log(factor[300:] / factor[:-300])  # over 3 per cent in wavelength
    assert np.abs(step).max() < 0.03


def test_colours_out_of_reach_are_refused(templates):
    light = (OBSERVED / 5000).astype(np.float32)
    with pytest.raises(InputError, match="colours g - r"):
        match_photometry(templates, light, templates.band_weights @ light * [1e-4, 1, 1e4])


def line_at(place):
    """Return a line one cell wide, and the cell."""
    spectrum = np.zeros(len(OBSERVED), np.float32)
    cell = np.searchsorted(OBSERVED, place)
    spectrum[cell] = 1
    return spectrum, cell


@pytest.mark.parametrize("dispersion", [120.0, 200.0, 350.0])
def test_dispersion_widens_a_line_and_keeps_its_flux(dispersion):
    spectrum, cell = line_at(6000)
    seen = smooth_by_velocity(spectrum, dispersion)
    velocity = np.log(OBSERVED / OBSERVED[cell]) * LIGHT_SPEED
    assert seen.sum() == pytest.approx(1, rel=1e-4)
    width = np.sqrt((seen * velocity**2).sum())
    assert np.hypot(width, MILES_RESOLUTION) == pytest.approx(dispersion, rel=0.02)


def test_stars_slower_than_the_templates_stay_as_they_are():
    spectrum, cell = line_at(6000)
    assert smooth_by_velocity(spectrum, 30.0)[cell - 2 : cell + 3].sum() > 0.99


def test_every_spectrum_of_a_stack_is_widened_alone():
    spectrum, cell = line_at(6000)
    stack = smooth_by_velocity(np.stack([spectrum, 0 * spectrum]), 200.0)
    assert stack[0, cell] > 0
    assert stack[1].max() == 0
