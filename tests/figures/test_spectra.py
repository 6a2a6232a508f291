"""Smoothed spectra, and how they are drawn."""

import numpy as np
import pytest

from astroclip_astro.figures.spectra import draw_spectrum, smooth
from astroclip_astro.figures.style import new_figure

pytest.importorskip("matplotlib")


@pytest.fixture
def axes():
    return new_figure(6, 2).subplots()


def test_smoothing_weighs_by_inverse_variance():
    flux, ivar = np.zeros(31), np.ones(31)
    flux[15], ivar[15] = 100, 0
    assert smooth(flux, ivar)[15] == 0
    assert smooth(flux, None)[15] == pytest.approx(100 / 15)


def test_smoothing_leaves_gaps_where_there_are_no_data():
    flux, ivar = np.ones(100), np.ones(100)
    ivar[30:70] = 0
    flux[40:60] = np.nan
    smoothed = smooth(flux, ivar)
    assert np.isnan(smoothed[37:63]).all()
    np.testing.assert_allclose(smoothed[:30], 1)


def test_smoothing_is_over_as_many_pixels_as_asked():
    flux = np.zeros(31)
    flux[15] = 6
    np.testing.assert_allclose(smooth(flux, None, pixels=3)[13:18], [0, 2, 2, 2, 0])


def test_noise_of_the_blue_end_does_not_set_the_scale(axes):
    flux = np.full(7781, 2.0)
    flux[:200] = 1e4
    draw_spectrum(axes, flux, None, colour="black")
    assert axes.get_ylim()[1] < 4


@pytest.mark.parametrize("flux", [None, np.full(7781, np.nan)], ids=["none", "no numbers"])
def test_no_spectrum_is_said(axes, flux):
    draw_spectrum(axes, flux, None, colour="black")
    assert not axes.lines
    assert axes.texts[0].get_text() == "no spectrum"
    assert axes.get_xlim() == (3600, 9824)
