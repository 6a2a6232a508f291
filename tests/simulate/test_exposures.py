"""DESI's spectrographs: what the resolution matrix does to light, and real nights."""

import numpy as np
import pytest

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate.exposures import PIXEL, gaussian_width, resolution_matrix
from astroclip_astro.simulate.wavelengths import OBSERVED, STEP


@pytest.fixture(scope="module")
def spectrographs(templates):
    return templates.spectrographs


def test_flat_light_stays_flat(spectrographs):
    assert np.allclose(spectrographs.resolution @ np.ones(len(OBSERVED)), 1, atol=1e-5)


def test_flux_is_conserved(spectrographs):
    """What each cell sends out lands on pixels; where cameras join, to a per cent."""
    inside = (OBSERVED > 3610) & (OBSERVED < 9814)
    out = np.asarray(spectrographs.resolution.sum(axis=0)).ravel()[inside] * PIXEL
    assert np.allclose(out / (OBSERVED[inside] * STEP), 1, atol=0.01)


def test_every_pixel_sees_light_and_none_is_negative(spectrographs):
    assert spectrographs.resolution.shape == (7781, len(OBSERVED))
    assert spectrographs.resolution.data.min() >= 0
    assert np.asarray(spectrographs.resolution.sum(axis=1)).min() > 0.99


def line_widths(matrix, low, high):
    """Return centre and width of narrow lines between two wavelengths, averaged over phases."""
    cells = np.arange(*np.searchsorted(OBSERVED, [low, high]))
    light = matrix[:, cells].tocsc().astype(float)
    total = np.asarray(light.sum(axis=0)).ravel()
    mean = (WAVELENGTH @ light) / total - OBSERVED[cells]
    square = (WAVELENGTH**2 @ light) / total - 2 * OBSERVED[cells] * (WAVELENGTH @ light) / total
    return mean.mean(), np.sqrt((square + OBSERVED[cells] ** 2).mean())


@pytest.mark.parametrize(
    ("place", "within"),
    [
        (3700, 0.02),
        (4500, 0.02),
        (5500, 0.02),
        (6500, 0.02),
        (7400, 0.02),
        (8000, 0.035),
        (9500, 0.02),
    ],
)
def test_line_spread_has_the_dispersion(spectrographs, place, within):
    """Light comes averaged over cells, and over pixels, where real resolution matrices begin.

    Near 8000 Angstrom cells are as wide as pixels, and the widths beat by 3 per cent.
    """
    _, width = line_widths(spectrographs.resolution, place - 20, place + 20)
    near = np.abs(WAVELENGTH - place) < 20
    dispersion = spectrographs.dispersion[near].mean()
    boxes = (PIXEL**2 + (STEP * place) ** 2) / 12
    assert width == pytest.approx(np.sqrt(dispersion**2 + boxes), rel=within)


@pytest.mark.parametrize("place", [3700, 5500, 7400, 9500])
def test_lines_stay_in_place(spectrographs, place):
    centre, _ = line_widths(spectrographs.resolution, place - 20, place + 20)
    assert centre == pytest.approx(0, abs=0.02)


def test_wider_dispersion_makes_wider_lines():
    matrices = (resolution_matrix(np.full(7781, width)) for width in (0.7, 1.0))
    narrow, wide = (line_widths(matrix, 6000, 6040)[1] for matrix in matrices)
    assert wide**2 - narrow**2 == pytest.approx(1.0 - 0.49, rel=0.03)


def test_dispersion_is_desis(spectrographs):
    """Resolving power 2000 to 5500 between 3600 and 9800 Angstrom (DESI Collaboration 2022)."""
    power = WAVELENGTH / (2.3548 * spectrographs.dispersion)
    assert 1900 < power[0] < power[-1] < 6000
    assert np.all((power > 1900) & (power < 6000))


def test_width_of_a_real_kind_of_kernel_is_found():
    offset = np.arange(5, -6, -1)[:, None]
    diagonals = np.exp(-0.5 * ((offset + 0.2) / 0.9) ** 2) * np.ones(300)
    assert np.allclose(gaussian_width(diagonals), 0.9 * PIXEL, rtol=0.01)


def test_throughput_and_noise_are_positive_everywhere(spectrographs):
    assert np.all(spectrographs.counts > 0)
    assert spectrographs.depth.shape == (2, 7781)
    assert np.all(np.isfinite(spectrographs.depth) & (spectrographs.depth > 0))


def test_counts_are_those_of_the_telescope(spectrographs):
    """1e-17 x 0.8 A x 8.66 m2 x 0.3 / (3.1e-12 erg) at 6500 A."""
    assert np.interp(6500, WAVELENGTH, spectrographs.counts) == pytest.approx(0.070, rel=0.1)


def test_reddening_is_that_of_the_galaxy(spectrographs):
    reddening = spectrographs.reddening
    assert np.all(np.diff(reddening) < 0)
    r = (WAVELENGTH > 5900) & (WAVELENGTH < 6700)
    assert 2.0 < reddening[r].min() < reddening[r].max() < 2.5
    assert np.interp(6420, WAVELENGTH, reddening) == pytest.approx(2.165, abs=0.06)
    assert np.interp(4770, WAVELENGTH, reddening) == pytest.approx(3.214, abs=0.12)


def test_nights_are_real_ones(spectrographs):
    count = len(spectrographs.effective_time)
    assert count == 368
    assert np.all(spectrographs.effective_time > 60)
    assert np.all((spectrographs.exposure_time > 60) & (spectrographs.exposure_time < 3600))
    assert np.all((spectrographs.seeing >= 0.8) & (spectrographs.seeing <= 1.8))
    assert spectrographs.moonlight.shape == (count, 3)
    assert np.all(spectrographs.moonlight >= 0)
