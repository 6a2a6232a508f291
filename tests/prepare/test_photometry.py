"""How bright images and spectra are."""

import numpy as np

from astroclip_astro.prepare.photometry import aperture_flux_r, spectrum_snr


def test_an_image_is_as_bright_as_the_light_in_the_aperture():
    image = np.zeros((1, 3, 101, 101), np.float32)
    image[0, 1, 50, 50], image[0, 1, 3, 3], image[0, 0, 50, 50] = 7, 100, 100
    assert aperture_flux_r(image, 96)[0] == 7


def test_the_crop_does_not_change_it():
    image = np.random.default_rng(1).uniform(0, 1, (2, 3, 152, 152))
    np.testing.assert_allclose(aperture_flux_r(image, 96), aperture_flux_r(image, 64))


def test_bad_pixels_count_as_nothing():
    image = np.ones((1, 3, 40, 40))
    image[0, 1, 20, 20] = np.nan
    whole = np.ones((1, 3, 40, 40))
    assert aperture_flux_r(image, 32)[0] == aperture_flux_r(whole, 32)[0] - 1


def test_a_spectrum_is_as_bright_as_its_signal_against_noise():
    flux, ivar = np.full((1, 7781), 3.0), np.full((1, 7781), 4.0)
    ivar[0, :3000] = 0
    assert spectrum_snr(flux, ivar)[0] == 6


def test_without_noise_nothing_is_known():
    assert np.isnan(spectrum_snr(np.ones((2, 7781)), None)).all()
