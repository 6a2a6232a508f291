import numpy as np
import pytest
from hypothesis import given, strategies as st

from astroclip_astro.errors import InputError
from astroclip_astro.prepare.spectra import clean_spectra, has_data, lacks_camera, median_snr

LENGTH = 7781
NO_DATA = [np.nan, np.inf, -np.inf]


def spectra(count=1):
    return np.random.default_rng(0).normal(1, 1, (count, LENGTH))


@pytest.mark.parametrize("value", NO_DATA)
def test_flux_that_is_not_finite_becomes_zero(value):
    flux = spectra()
    flux[0, 5] = value
    cleaned = clean_spectra(flux)
    flux[0, 5] = 0
    np.testing.assert_array_equal(cleaned, flux.astype(np.float32))


@pytest.mark.parametrize("value", [*NO_DATA, 0, -1])
def test_flux_without_weight_becomes_zero(value):
    flux, ivar = spectra(), np.ones((1, LENGTH))
    ivar[0, 5] = value
    cleaned = clean_spectra(flux, ivar)
    flux[0, 5] = 0
    np.testing.assert_array_equal(cleaned, flux.astype(np.float32))


def test_masked_flux_becomes_zero():
    flux = np.ma.MaskedArray(spectra(), mask=False)
    flux[0, :10] = np.ma.masked
    assert np.flatnonzero(clean_spectra(flux)[0] == 0).tolist() == list(range(10))


def test_masked_weight_is_no_weight():
    ivar = np.ma.MaskedArray(np.ones((1, LENGTH)), mask=False)
    ivar[0, :10] = np.ma.masked
    assert np.flatnonzero(clean_spectra(spectra(), ivar)[0] == 0).tolist() == list(range(10))


def test_cleaning_changes_no_input():
    flux, ivar = spectra().astype(np.float32), np.zeros((1, LENGTH), np.float32)
    before = flux.copy()
    clean_spectra(flux, ivar)[:] = 7
    np.testing.assert_array_equal(flux, before)


def test_flux_beyond_float32_is_no_data():
    flux = spectra()
    flux[0, 5] = 1e300
    assert clean_spectra(flux)[0, 5] == 0


def test_file_byte_order_is_understood():
    flux = spectra().astype(">f4")
    np.testing.assert_array_equal(clean_spectra(flux), flux.astype(np.float32))


def test_no_spectra_is_no_error():
    assert clean_spectra(np.zeros((0, LENGTH)), np.zeros((0, LENGTH))).shape == (0, LENGTH)


@pytest.mark.parametrize("shape", [(LENGTH,), (1, 7780), (1, 1, LENGTH), (LENGTH, 1)])
def test_another_shape_is_named(shape):
    with pytest.raises(InputError, match=r"expected \(n, 7781\), got \("):
        clean_spectra(np.zeros(shape))


def test_weights_of_another_count_are_named():
    with pytest.raises(InputError, match=r"ivar.*\(1, 7781\), expected \(2, 7781\)"):
        clean_spectra(spectra(2), np.ones((1, LENGTH)))


def test_words_are_no_flux():
    with pytest.raises(InputError, match="flux cannot be read as numbers"):
        clean_spectra(np.full((1, LENGTH), "x"))


def test_snr_is_the_median_over_samples_with_data():
    flux, ivar = np.full((1, LENGTH), 100.0), np.zeros((1, LENGTH))
    flux[0, :3], ivar[0, :3] = [1, 2, 3], 4
    flux[0, 3], ivar[0, 3] = np.nan, 4
    assert median_snr(flux, ivar).tolist() == [4]


def test_snr_of_nothing_is_nan():
    snr = median_snr(spectra(2), np.stack([np.zeros(LENGTH), np.ones(LENGTH)]))
    assert np.isnan(snr).tolist() == [True, False]


@given(scale=st.floats(1e-3, 1e3))
def test_snr_does_not_depend_on_the_unit(scale):
    flux, ivar = spectra(), np.full((1, LENGTH), 2.0)
    np.testing.assert_allclose(
        median_snr(flux * scale, ivar / scale**2), median_snr(flux, ivar), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda flux: flux, True),
        (lambda flux: flux * 0, False),
        (lambda flux: flux * 0 + 3, False),
        (lambda flux: np.where(np.arange(LENGTH) == 7, np.nan, flux), False),
        (lambda flux: np.where(np.arange(LENGTH) > 9, 0, flux), True),
    ],
    ids=["noise", "zero", "constant", "nan", "short"],
)
def test_has_data(change, expected):
    assert has_data(change(spectra())).tolist() == [expected]


# First sample and number of samples of each camera, counted by hand.
@pytest.mark.parametrize(("first", "count"), [(0, 2751), (2700, 2326), (4900, 2881)])
@pytest.mark.parametrize("more", [False, True])
def test_half_a_camera_without_data_is_lacking(first, count, more):
    ivar = np.ones((1, LENGTH))
    half = -(-count // 2)
    ivar[0, first : first + half - (not more)] = 0
    assert lacks_camera(ivar).tolist() == [more]


def test_gaps_below_half_of_each_camera_are_not_lacking():
    ivar = np.ones((1, LENGTH))
    ivar[0, ::3] = np.nan
    assert lacks_camera(ivar).tolist() == [False]
