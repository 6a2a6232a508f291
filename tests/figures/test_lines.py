"""Lines are where a redshift puts them, and their names can be read."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.text import Text

from astroclip_astro.figures.lines import LINES, lines_between, mark_lines, separate_labels
from astroclip_astro.figures.style import new_figure

# Air wavelengths of the classical tables, and which of them are taken together.
IN_AIR = {
    "Ca K": [3933.66], "Ca H": [3968.47], "Mg b": [5167.32, 5172.68, 5183.60],
    "Na D": [5889.95, 5895.92], "Ca II 8500": [8498.02], "Ca II 8544": [8542.09],
    "Ca II 8665": [8662.14], "Hβ": [4861.33], "Hα": [6562.80], "[O II] 3728": [3726.03, 3728.82],
    "[O III] 5008": [5006.84], "[S III] 9071": [9068.6], "Hδ": [4101.73], "Hγ": [4340.46],
}  # fmt: skip


def vacuum(air):
    """Morton (2000, ApJS 130, 403), eq. 8, for a wavelength in air."""
    square = (1e4 / air) ** 2
    ratio = 8.34254e-5 + 2.406147e-2 / (130 - square) + 1.5998e-4 / (38.9 - square)
    return air * (1 + ratio)


@pytest.fixture
def axes():
    axes = new_figure(9, 3).subplots()
    axes.set_xlim(3600, 9824)
    return axes


def names(axes):
    return [text for text in axes.texts if text.get_text()]


@pytest.mark.parametrize("name", IN_AIR)
def test_wavelengths_are_those_in_vacuum(name):
    (line,) = (line for line in LINES if line.name == name)
    assert line.wavelength == pytest.approx(np.mean([vacuum(air) for air in IN_AIR[name]]), abs=0.3)


def test_lines_are_those_of_the_simulation():
    from astroclip_astro.simulate.lines import LINES as SIMULATED

    theirs = np.array([*SIMULATED.values(), (SIMULATED["OII_3726"] + SIMULATED["OII_3729"]) / 2])
    ours = [line.wavelength for line in LINES if not line.absorption and line.wavelength > 3700]
    assert [np.abs(theirs - wavelength).min() < 0.01 for wavelength in ours] == [True] * len(ours)


def test_lines_ascend_and_numbers_in_names_are_wavelengths():
    assert all(one.wavelength < other.wavelength for one, other in pairwise(LINES))
    for line in LINES:
        if line.name[-4:].isdecimal():
            assert int(line.name[-4:]) == pytest.approx(line.wavelength, abs=0.7)
    assert len({line.name for line in LINES}) == len(LINES)


@pytest.mark.parametrize("redshift", [-0.001, 0.0, 0.3, 2.5])
def test_guides_are_at_one_plus_z_times_the_wavelength(axes, redshift):
    mark_lines(axes, redshift)
    expected = np.array([line.wavelength for line in LINES]) * (1 + redshift)
    inside = (expected >= 3600) & (expected <= 9824)
    assert [guide.get_xdata()[0] for guide in axes.lines] == pytest.approx(expected[inside])
    assert [name.get_text() for name in names(axes)] == [
        line.name for line, there in zip(LINES, inside, strict=True) if there
    ]
    assert [name.xy[0] for name in names(axes)] == pytest.approx(expected[inside])


def test_absorption_is_told_from_emission(axes):
    mark_lines(axes, 0.1)
    found = lines_between(3600, 9824, 0.1)
    dashed = [guide.get_linestyle() != "-" for guide in axes.lines]
    assert dashed == [line.absorption for line, _ in found]
    assert any(dashed)


def test_names_may_be_left_out(axes):
    mark_lines(axes, 0.1, names=False)
    assert axes.lines
    assert not names(axes)


def test_no_lines_are_no_trouble(axes):
    axes.set_xlim(5210, 5300)
    mark_lines(axes, 0.0)
    assert not axes.lines


@pytest.mark.parametrize(
    ("width", "limits"), [(9, (3600, 9824)), (3, (6500, 6800)), (3, (3700, 4400))]
)
@pytest.mark.parametrize("redshift", [0.0, 0.05, 0.4, 1.5])
def test_names_do_not_overlap(width, limits, redshift):
    figure = new_figure(width, 3)
    axes = figure.subplots()
    axes.set_xlim(*limits)
    mark_lines(axes, redshift)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(name) for name in names(axes)]  # without the leaders
    for left, right in pairwise(boxes):
        assert left.x1 <= right.x0
    for box in boxes:
        assert axes.bbox.y1 < box.y0
        assert box.y1 <= figure.bbox.y1
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1


def test_places_far_apart_stay():
    places = np.array([10.0, 30.0, 70.0])
    assert separate_labels(places, 10, 0, 100).tolist() == places.tolist()


@pytest.mark.parametrize("places", [[0, 0, 0, 0], [97, 98, 99], [1, 20, 21, 22, 23, 60, 99]])
def test_places_keep_their_distance_order_and_limits(places):
    found = separate_labels(np.array(places, float), 10, 0, 100)
    assert (np.diff(found) >= 10 - 1e-9).all()
    assert found.min() >= 5
    assert found.max() <= 95


def test_more_places_than_fit_are_evenly_spaced():
    found = separate_labels(np.full(20, 50.0), 10, 0, 100)
    np.testing.assert_allclose(np.diff(found), 5)


def test_no_places_are_none():
    assert len(separate_labels(np.zeros(0), 10, 0, 100)) == 0


@pytest.mark.mpl_image_compare(baseline_dir="baseline", style="default", tolerance=15)
def test_names_look_neat():
    figure = new_figure(7, 2.4)
    axes = figure.subplots()
    axes.set_xlim(3600, 9824)
    mark_lines(axes, 0.05)
    return figure
