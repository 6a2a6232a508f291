"""Star formation histories, metallicities, dust, and the colours tabulated of them."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from astroclip_astro.simulate.library import (
    REDSHIFTS,
    attenuation_curve,
    exponential_ages,
    metallicity_weights,
)
from astroclip_astro.simulate.stellar_grid import AGE_EDGES, METALLICITIES
from astroclip_astro.simulate.wavelengths import REST


@settings(deadline=None)
@given(log_ssfr=st.floats(-13, -8.3), start=st.floats(0.5, 13.4))
def test_all_mass_forms_after_the_start(log_ssfr, start):
    (ages,) = exponential_ages(np.array([log_ssfr]), np.array([start]))
    assert ages.sum() == pytest.approx(1, abs=1e-9)
    assert ages.min() >= 0
    assert np.all(ages[AGE_EDGES[:-1] >= start * 1e9] == 0)


def test_present_rate_is_the_label(templates):
    library = templates.library
    rate = library.ages[:, 0] / AGE_EDGES[1]  # per mass formed, mean of the last 3 Myr
    assert np.allclose(np.log10(rate), library.log_ssfr, atol=0.05)


def test_formation_is_exponential():
    (ages,) = exponential_ages(np.array([-10.5]), np.array([13.8]))
    rates = np.log(ages / np.diff(AGE_EDGES))
    middle = (AGE_EDGES[1:] + AGE_EDGES[:-1]) / 2
    slopes = np.diff(rates) / np.diff(middle)
    assert np.allclose(slopes, slopes[-1], rtol=0.05)
    assert slopes[-1] > 0  # looking back in time: less forms today


def test_metallicity_is_interpolated_in_its_logarithm():
    log_metallicity = np.linspace(np.log10(METALLICITIES[0]), np.log10(METALLICITIES[-1]), 60)
    weights = metallicity_weights(log_metallicity)
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.allclose(weights @ np.log10(METALLICITIES), log_metallicity)
    assert np.all((weights > 0).sum(axis=1) <= 2)


# k(wavelength) / 4.05 of Calzetti et al. (2000), eq. 4, worked out by hand.
@pytest.mark.parametrize(
    ("wavelength", "ratio"), [(1500, 2.551), (3000, 1.710), (4400, 1.249), (8000, 0.634)]
)
def test_dust_is_calzettis(wavelength, ratio):
    assert attenuation_curve(wavelength, 0.0) == pytest.approx(ratio, rel=2e-3)


def test_dust_dims_blue_more():
    wavelength = np.arange(1200.0, 22000.0)
    steps = np.diff(attenuation_curve(wavelength, 0.0))
    border = np.abs(wavelength[:-1] - 6300) < 2  # the published halves differ by 0.006 there
    assert np.all(steps[~border] < 0)
    assert np.abs(steps[border]).max() < 0.01


def test_slope_tilts_the_dust_about_v():
    steep, flat = attenuation_curve(3500.0, -0.3), attenuation_curve(3500.0, 0.0)
    assert steep / flat == pytest.approx((3500 / 5500) ** -0.3)


def test_library_covers_what_galaxies_are_like(templates):
    library = templates.library
    g, r, _ = library.at(0.1, templates.distances.dimming(0.1))
    assert np.percentile(g - r, [1, 99]) @ [-1, 1] > 1.0
    assert np.all(np.isfinite(library.magnitudes))
    assert 0.35 < library.surviving.min() < library.surviving.max() <= 1


def test_magnitudes_at_a_node_are_those_of_the_table(templates):
    library = templates.library
    assert np.allclose(library.at(REDSHIFTS[7], 1.0), library.magnitudes[7], atol=2e-5)


@pytest.mark.parametrize("redshift", [0.0107, 0.0218, 0.05, 0.2, 0.5])
def test_magnitudes_between_nodes(templates, redshift):
    library, stars = templates.library, templates.stars
    rows = np.flatnonzero(library.attenuation < 0.02)[:40]  # dust is not resolved within a band
    metals = metallicity_weights(library.log_metallicity[rows])
    spectra = np.einsum("nm,na,maw->nw", metals, library.ages[rows], stars.spectra, optimize=True)
    weights = templates.filters.weights(REST * (1 + redshift))
    flux = spectra @ weights.T * templates.distances.dimming(redshift)  # (40, 3)
    expected = 22.5 - 2.5 * np.log10(flux.T)
    assert np.allclose(
        library.at(redshift, templates.distances.dimming(redshift))[:, rows], expected, atol=0.05
    )
