"""Mask-filling: what was hidden is shaded, and its filling drawn where it belongs."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.text import Text

from astroclip_astro.figures.lines import lines_between
from astroclip_astro.figures.masked import OBSERVED, RECONSTRUCTED, masked_figure
from astroclip_astro.records import WAVELENGTH

HIDDEN = np.array([[low, low + 400.0] for low in (3800, 4900, 5700, 6700, 8080, 9000)])


@pytest.fixture(scope="module")
def drawn():
    flux = 2 + np.sin(WAVELENGTH / 200)
    filled = flux + 0.1
    filled[-21:] = np.nan
    return flux, filled, masked_figure(flux, None, filled, HIDDEN, redshift=0.1, title="T")


def bands(axes):
    """Wavelengths of the shaded stretches of a panel."""
    return np.array([[patch.get_x(), patch.get_x() + patch.get_width()] for patch in axes.patches])


def curve(axes, colour):
    """The one curve of a panel in a colour."""
    (found,) = (line for line in axes.lines if same_color(line.get_color(), colour))
    return found


def test_there_is_an_inset_for_each_hidden_stretch(drawn):
    figure = drawn[2]
    assert len(figure.axes) == 1 + len(HIDDEN)
    assert figure.get_suptitle() == "T"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_number_of_insets_is_that_of_the_stretches(drawn, count):
    flux, filled, _ = drawn
    assert len(masked_figure(flux, None, filled, HIDDEN[:count]).axes) == 1 + count


def test_shaded_is_what_was_hidden(drawn):
    for axes in drawn[2].axes:
        np.testing.assert_allclose(bands(axes), HIDDEN)


def test_stretches_are_numbered_above_and_in_the_insets(drawn):
    top, *insets = drawn[2].axes
    numbers = {text.get_text(): text.get_position()[0] for text in top.texts[: len(HIDDEN)]}
    assert numbers == dict(zip("123456", HIDDEN.mean(axis=1), strict=True))
    assert [axes.texts[0].get_text() for axes in insets] == list("123456")


def test_reconstruction_is_over_the_spectrum_in_a_colour_of_its_own(drawn):
    flux, filled, figure = drawn
    top = figure.axes[0]
    np.testing.assert_array_equal(curve(top, RECONSTRUCTED).get_ydata(), filled)
    np.testing.assert_allclose(curve(top, OBSERVED).get_ydata()[9:-9], flux[9:-9], atol=0.01)
    assert curve(top, RECONSTRUCTED).get_zorder() >= curve(top, OBSERVED).get_zorder()


def test_inset_shows_its_stretch_and_both_curves(drawn):
    _, filled, figure = drawn
    for axes, (low, high) in zip(figure.axes[1:], HIDDEN, strict=True):
        left, right = axes.get_xlim()
        assert left < low < high < right
        assert right - left < 2 * (high - low)
        x, y = curve(axes, RECONSTRUCTED).get_data()
        np.testing.assert_array_equal(y, filled[np.isin(WAVELENGTH, x)])
        bottom, top = axes.get_ylim()
        known = y[np.isfinite(y)]
        assert bottom < known.min()
        assert known.max() < top


def test_names_of_lines_are_where_they_fall(drawn):
    for axes in drawn[2].axes[1:]:
        expected = [line.name for line, _ in lines_between(*axes.get_xlim(), 0.1)]
        assert [text.get_text() for text in axes.texts[1:]] == expected


@pytest.mark.parametrize("redshift", [0.0, 0.05, 0.1, 0.35])
def test_names_of_lines_can_be_read(drawn, redshift):
    flux, filled, _ = drawn
    figure = masked_figure(flux, None, filled, HIDDEN, redshift=redshift, title="T")
    figure.draw_without_rendering()
    for number, axes in enumerate(figure.axes):
        names = [text for text in axes.texts if not text.get_text().isdecimal()]
        boxes = [Text.get_window_extent(name) for name in names]  # without the leaders
        assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))
        above = figure.bbox.y1 if number == 0 else figure.axes[max(number - 3, 0)].bbox.y0
        assert all(axes.bbox.y1 < box.y0 and box.y1 < above for box in boxes)


def test_without_a_redshift_there_are_no_lines(drawn):
    flux, filled, _ = drawn
    for axes in masked_figure(flux, None, filled, HIDDEN).axes:
        assert all(text.get_text().isdecimal() for text in axes.texts)
        assert len(axes.lines) == 2


def test_stretch_without_data_shows_the_reconstruction(drawn):
    flux, filled, _ = drawn
    ivar = np.ones(7781)
    ivar[(WAVELENGTH > 4700) & (WAVELENGTH < 5600)] = 0
    inset = masked_figure(flux, ivar, filled, HIDDEN).axes[2]
    assert np.isnan(curve(inset, OBSERVED).get_ydata()).all()
    assert np.isfinite(curve(inset, RECONSTRUCTED).get_ydata()).all()


@pytest.mark.mpl_image_compare(
    baseline_dir="baseline", style="default", tolerance=15, savefig_kwargs={"dpi": 75}
)
def test_filling_looks_right():
    line = 4 * np.exp(-0.5 * ((WAVELENGTH - 7221.1) / 6) ** 2)
    flux = 2 + np.sin(WAVELENGTH / 900) + line
    noise = np.random.default_rng(2).normal(0, 0.3, len(flux))
    hidden = np.array([[4112.0, 4527.2], [5680, 6095.2], [6904, 7319.2], [8976, 9391.2]])
    return masked_figure(flux + noise, None, flux, hidden, redshift=0.1, title="SIMULATED")
