"""Synthetic photometry, against the package the filters come from."""

import numpy as np
import pytest
from astropy import units

from astroclip_astro.simulate.filters import BANDS
from astroclip_astro.simulate.wavelengths import OBSERVED

speclite = pytest.importorskip("speclite.filters")

SPECTRA = {
    "flat per Angstrom": np.ones_like,
    "flat per hertz": lambda wave: (wave / 5000) ** -2,
    "red": lambda wave: (wave / 5000) ** 3,
    "blue": lambda wave: (wave / 5000) ** -3,
    "4000 A break": lambda wave: 1 + np.tanh((wave - 5200) / 60),
    "slow waves": lambda wave: 1.5 + np.sin(wave / 120),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_photometry_is_that_of_speclite(templates, name):
    names = [f"decam2014-{band}" for band in BANDS]
    wave = np.arange(3300.0, 11100.0, 0.5)  # speclite wants the whole filter, to 10980 Angstrom
    table = speclite.load_filters(*names).get_ab_maggies(
        SPECTRA[name](wave) * 1e-17 * units.Unit("erg / (s cm2 Angstrom)"), wave * units.Angstrom
    )
    expected = [table[name][0] * 1e9 for name in names]
    assert np.allclose(
        templates.filters.weights(OBSERVED) @ SPECTRA[name](OBSERVED), expected, rtol=1e-3
    )


def test_magnitude_zero_point_is_ab(templates):
    # 3631 Jy are 1e9 nanomaggies; per Angstrom that is f c / wavelength squared.
    jansky = 1e-23 * 2.99792458e18 / OBSERVED**2 / 1e-17
    flux = templates.filters.weights(OBSERVED) @ (3631 * jansky)
    assert np.allclose(flux, 1e9, rtol=1e-3)


def test_templates_carry_the_weights_of_the_observed_grid(templates):
    assert np.allclose(templates.band_weights, templates.filters.weights(OBSERVED), rtol=1e-5)


def test_bands_are_where_decam_has_them(templates):
    assert np.allclose(templates.filters.effective, [4830, 6430, 9180], atol=60)
