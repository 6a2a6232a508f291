"""The density galaxies are drawn from: a proper mixture, and that of real galaxies."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given, settings, strategies as st
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from astroclip_astro.simulate.population import (
    FAINT_LIMIT,
    QUANTITIES,
    REDSHIFTS,
    Properties,
    draw_properties,
    load_population,
)

POPULATION = load_population()
FILE = files("astroclip_astro.simulate").joinpath("population.fits")


def as_row(galaxy):
    """Return a galaxy's values in the order of QUANTITIES."""
    return [np.log(galaxy.redshift), *(getattr(galaxy, name) for name in QUANTITIES[1:])]


def draw(count, population=POPULATION, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([as_row(draw_properties(population, rng)) for _ in range(count)])


@pytest.fixture(scope="module")
def drawn():
    return draw(8000)


@pytest.fixture(scope="module")
def real(real_data):
    labels = Table.read(real_data / "desi_bgs_labels.fits")
    mag = {b: 22.5 - 2.5 * np.log10(labels[f"FLUX_{b}"].astype(float)) for b in "GRZ"}
    mag |= {b: 22.5 - 2.5 * np.log10(labels[f"FLUX_{b}"].astype(float)) for b in ("W1", "W2")}
    rows = np.stack(
        [
            np.log(labels["Z"].astype(float)),
            labels["LOGMSTAR"].astype(float),
            mag["R"],
            mag["G"] - mag["R"],
            mag["R"] - mag["Z"],
            mag["R"] - mag["W1"],
            mag["W1"] - mag["W2"],
        ],
        axis=1,
    )
    z = np.exp(rows[:, 0])
    good = np.isfinite(rows).all(axis=1) & (rows[:, 2] < FAINT_LIMIT)
    return rows[good & (z > REDSHIFTS[0]) & (z < REDSHIFTS[1])]


def test_shipped_file_holds_numbers_and_words_only():
    with FILE.open("rb") as stream, fits.open(stream) as hdus:
        kinds = {hdu.data.dtype[name].base.kind for hdu in hdus[1:] for name in hdu.data.names}
    assert kinds == {"f", "S"}


def test_quantities_are_in_the_order_of_the_file():
    with FILE.open("rb") as stream, fits.open(stream) as hdus:
        assert tuple(hdus["RANGE"].data["QUANTITY"]) == QUANTITIES


def test_weights_are_probabilities():
    assert POPULATION.weights.min() > 0
    assert POPULATION.weights.sum() == pytest.approx(1, abs=1e-9)


def test_covariances_are_positive_definite():
    with FILE.open("rb") as stream, fits.open(stream) as hdus:
        covariances = np.array(hdus["MIXTURE"].data["COVARIANCE"], float)
    assert np.allclose(covariances, covariances.transpose(0, 2, 1))
    assert np.linalg.eigvalsh(covariances).min() > 0
    factors = POPULATION.factors
    assert np.allclose(factors @ factors.transpose(0, 2, 1), covariances)


@settings(deadline=None)
@given(seed=st.integers(0, 2**63 - 1))
def test_draws_lie_inside_the_range(seed):
    galaxy = draw_properties(POPULATION, np.random.default_rng(seed))
    assert REDSHIFTS[0] < galaxy.redshift < REDSHIFTS[1]
    assert galaxy.r < FAINT_LIMIT
    values = np.array(as_row(galaxy))
    assert np.all(values >= POPULATION.lowest - 1e-9)
    assert np.all(values <= POPULATION.highest + 1e-9)


def test_a_draw_outside_is_drawn_again():
    lowest = np.where(np.arange(7) == 2, 19.9, POPULATION.lowest)
    narrow = draw(50, replace(POPULATION, lowest=lowest))
    assert narrow[:, 2].min() > 19.9


def test_draws_have_the_moments_of_the_mixture():
    count = 8000
    open_ended = replace(POPULATION, lowest=np.full(7, -np.inf), highest=np.full(7, np.inf))
    rows = draw(count, open_ended, seed=1)
    mean = POPULATION.weights @ POPULATION.means
    away = POPULATION.means - mean
    covariance = np.einsum("k,kij->ij", POPULATION.weights, _covariances() + _outer(away))
    sigma = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(rows.mean(axis=0) - mean) < 5 * sigma / np.sqrt(count))
    correlation = covariance / np.outer(sigma, sigma)
    assert np.abs(np.corrcoef(rows.T) - correlation).max() < 0.07


def _covariances():
    return POPULATION.factors @ POPULATION.factors.transpose(0, 2, 1)


def _outer(rows):
    return rows[:, :, None] * rows[:, None, :]


def test_flux_is_that_of_the_magnitudes():
    galaxy = Properties(redshift=0.1, log_stellar_mass=10, r=22.5, g_r=2.5, r_z=-2.5)
    assert np.allclose(galaxy.flux, [0.1, 1, 0.1], rtol=1e-12)


@pytest.mark.real_data
def test_percentiles_are_those_of_real_galaxies(drawn, real):
    drawn = drawn[:4000]
    spread = np.subtract(*np.percentile(real, [84, 16], axis=0)) / 2
    for percent, tolerance in ((5, 0.15), (16, 0.1), (50, 0.06), (84, 0.1), (95, 0.15)):
        difference = np.percentile(drawn, percent, axis=0) - np.percentile(real, percent, axis=0)
        assert np.all(np.abs(difference) < tolerance * spread), percent


def explained(rows):
    """Return R2 of redshift and log mass, five-fold, from g - r, r - z and r."""
    colours = StandardScaler().fit_transform(rows[:, [3, 4, 2]])
    labels = np.stack([np.exp(rows[:, 0]), rows[:, 1]], axis=1)
    model = KNeighborsRegressor(16, weights="distance")
    guess = cross_val_predict(model, colours, labels, cv=KFold(5, shuffle=True, random_state=0))
    return 1 - ((guess - labels) ** 2).mean(axis=0) / labels.var(axis=0)


@pytest.mark.real_data
def test_photometry_says_as_much_as_in_real_galaxies(drawn, real):
    some = np.random.default_rng(0).choice(len(real), 8000, replace=False)
    assert np.allclose(explained(drawn), explained(real[some]), atol=0.03)
