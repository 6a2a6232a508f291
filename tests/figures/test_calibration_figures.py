"""Calibration: heights and band of transforms, coverage of bins, strips of novelty."""

import numpy as np
import pytest
from scipy.stats import binom

from astroclip_astro.errors import InputError
from astroclip_astro.figures.calibration import (
    BINS,
    STRIP,
    CoverageBin,
    coverage_figure,
    novelty_figure,
    pit_figure,
    uniform_band,
)

pytest.importorskip("matplotlib")
PICTURE = {"baseline_dir": "baseline", "style": "default", "tolerance": 15}
SMALL = {"savefig_kwargs": {"dpi": 75}}


def words(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.mpl_image_compare(**PICTURE, **SMALL)
def test_calibration_pit():
    rng = np.random.default_rng(0)
    values = {"redshift": rng.uniform(size=1000), "stellar mass": rng.beta(0.6, 0.8, 300)}
    return pit_figure(values, title="SIMULATED galaxies", notes={"redshift": "KS 0.02"})


@pytest.mark.mpl_image_compare(**PICTURE, **SMALL)
def test_calibration_coverage():
    bins = {
        "r [mag]": [CoverageBin(14 + k, 15 + k, 20 * 2**k, 12 * 2**k, 19 * 2**k) for k in range(5)],
        "predicted redshift": [
            CoverageBin(0.05 * k, 0.05 * (k + 1), 400, 280 - 8 * k, 380 - 3 * k) for k in range(8)
        ],
    }
    return coverage_figure(bins, title="SIMULATED galaxies")


@pytest.mark.mpl_image_compare(**PICTURE, **SMALL)
def test_calibration_novelty():
    rng = np.random.default_rng(0)
    scores = {"ring": rng.beta(5, 1, 80), "star": rng.beta(30, 1, 300), "merger": [0.7]}
    return novelty_figure(
        scores,
        in_distribution=rng.uniform(size=1000),
        title="SIMULATED objects",
        notes={"ring": "AUC 0.83", "star": "AUC 0.97"},
    )


def test_heights_are_relative_to_uniform():
    values = np.concatenate([np.full(300, 0.01), np.full(100, 1.0), [np.nan]])
    (axes,) = pit_figure({"a": values}, title="").axes
    heights = [bar.get_height() for bar in axes.containers[0]]
    assert len(heights) == BINS
    assert heights[0] == pytest.approx(0.75 * BINS)
    assert heights[-1] == pytest.approx(0.25 * BINS)
    assert sum(heights) == pytest.approx(BINS)
    assert [bar.get_x() for bar in axes.containers[0]][1] == pytest.approx(1 / BINS)
    assert axes.get_ylim()[1] > heights[0]
    assert words(axes) == ["400 galaxies"]


def test_band_holds_most_bins_of_a_uniform_distribution():
    low, high = uniform_band(2000, 20)
    assert low < 1 < high
    counts = np.random.default_rng(0).binomial(2000, 1 / 20, 20_000) / 100
    assert np.mean((counts >= low) & (counts <= high)) == pytest.approx(0.955, abs=0.012)
    assert binom.cdf(round(100 * low) - 1, 2000, 1 / 20) <= 0.025


def test_band_is_drawn_for_the_number_of_galaxies():
    figure = pit_figure({"a": np.linspace(0, 1, 4000), "b": np.linspace(0, 1, 200)}, title="")
    for axes, count in zip(figure.axes, (4000, 200), strict=True):
        (band,) = (one for one in axes.patches if one.get_label().startswith("95 %"))
        ends = band.get_y(), band.get_y() + band.get_height()
        assert ends == pytest.approx(uniform_band(count, BINS))


def test_few_values_have_few_bins():
    for count, bins in ((1, 2), (35, 3), (100, 10), (5000, BINS)):
        (axes,) = pit_figure({"a": np.linspace(0, 1, count)}, title="").axes
        assert len(axes.containers[0]) == bins


def test_set_without_values_leaves_the_others_their_axes():
    first, second = pit_figure({"a": [np.nan], "b": np.linspace(0, 1, 9)}, title="").axes
    assert words(first) == ["no finite value"]
    assert len(second.get_yticks()) > 2


@pytest.mark.parametrize(
    ("values", "notes", "what"),
    [
        ({}, None, "nothing to show"),
        ({"a": [0.5, 1.2]}, None, "go from 0.5 to 1.2; expected probabilities"),
        ({"a": [-0.1, 0.2]}, None, "go from -0.1 to 0.2; expected probabilities"),
        ({"a": [[0.5]]}, None, "shape"),
        ({"a": [0.5]}, {"b": "KS"}, "Notes of b"),
    ],
)
def test_transforms_that_cannot_be_drawn(values, notes, what):
    with pytest.raises(InputError, match=what):
        pit_figure(values, title="T", notes=notes)


def test_coverage_points_and_errors():
    some = [
        CoverageBin(16, 18, 100, 70, 95),
        CoverageBin(18, 20, 0, 0, 0),
        CoverageBin(20, 22, 4, 0, 4),
    ]
    (axes,) = coverage_figure({"r [mag]": some}, title="").axes
    inner, outer = axes.containers
    assert inner.lines[0].get_ydata() == pytest.approx([0.7, 0])
    assert outer.lines[0].get_ydata() == pytest.approx([0.95, 1])
    middle = (inner.lines[0].get_xdata() + outer.lines[0].get_xdata()) / 2
    assert middle == pytest.approx([17, 21])
    first, last = (bar[:, 1] for bar in inner.lines[2][0].get_segments())
    assert first == pytest.approx([0.652, 0.744], abs=0.002)  # Wilson, 68.3 %
    assert last == pytest.approx([0, 0.2], abs=1e-6)
    assert words(axes) == ["100", "4"]
    assert axes.get_xlabel() == "r [mag]"
    assert axes.get_ylim()[0] < 0
    assert axes.get_xlim()[0] <= 16
    assert axes.get_xlim()[1] >= 22


def test_coverage_has_lines_and_shades_where_it_should_be():
    (axes,) = coverage_figure({"r": [CoverageBin(0, 1, 9, 6, 9)]}, title="").axes
    flat = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    shades = [(patch.get_y(), patch.get_y() + patch.get_height()) for patch in axes.patches]
    assert flat == [0.68, 0.95]
    assert shades == [pytest.approx((0.63, 0.73)), pytest.approx((0.90, 1.0))]


def test_binning_without_galaxies_says_so():
    bins = {"r": [CoverageBin(0, 1, 0, 0, 0)], "z": [CoverageBin(0, 1, 1, 1, 1)]}
    first, second = coverage_figure(bins, title="").axes
    assert words(first) == ["no galaxy"]
    assert words(second) == ["1"]
    assert len(second.get_yticks()) > 2


def test_coverage_of_nothing():
    with pytest.raises(InputError, match="nothing to show"):
        coverage_figure({}, title="T")


@pytest.mark.parametrize(
    ("numbers", "what"),
    [
        ((0, 1, 10, 0.7, 9), "0.7 of 10 galaxies are covered; expected a whole number"),
        ((0, 1, 10, 7, 11), "11 of 10"),
        ((0, 1, 10, -1, 9), "-1 of 10"),
        ((1, 1, 10, 7, 9), "goes from 1 to 1"),
        ((0, np.inf, 10, 7, 9), "goes from 0 to inf"),
    ],
)
def test_bins_that_cannot_be(numbers, what):
    with pytest.raises(InputError, match=what):
        CoverageBin(*numbers)


def test_strips_are_in_order_with_counts_and_notes():
    scores = {"ring": np.array([0.9, np.nan, 0.7]), "star": np.array([1.0])}
    figure = novelty_figure(
        scores, in_distribution=np.linspace(0, 1, 11), title="", notes={"star": "AUC 0.95"}
    )
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["ordinary (11)", "ring (2)", "star (1)"]
    (right,) = axes.child_axes
    assert [label.get_text() for label in right.get_yticklabels()] == ["", "", "AUC 0.95"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first on top
    places = [points.get_offsets() for points in axes.collections]
    assert places[1][:, 0].tolist() == [0.7, 0.9]
    for number, points in enumerate(places):
        assert np.abs(points[:, 1] - number).max() < 0.31


def test_box_is_of_all_objects_though_few_are_drawn():
    values = np.linspace(0, 1, 100_001)
    axes = novelty_figure({"a": values}, in_distribution=values, title="").axes[0]
    assert len(axes.collections[1].get_offsets()) == STRIP
    whisker, box, middle = axes.lines[3:6]
    assert whisker.get_xdata() == pytest.approx([0.05, 0.95])
    assert box.get_xdata() == pytest.approx([0.16, 0.84])
    assert middle.get_xdata() == pytest.approx([0.5])


def test_kind_without_scores_keeps_its_line():
    axes = novelty_figure({"a": [np.nan]}, in_distribution=[0.5], title="").axes[0]
    assert axes.get_yticklabels()[1].get_text() == "a (0)"
    assert len(axes.collections) == 1


@pytest.mark.parametrize(
    ("scores", "notes", "what"),
    [
        ({}, None, "nothing to show"),
        ({"a": [[0.5]]}, None, "shape"),
        ({"a": [0.5]}, {"b": "AUC"}, "Notes of b"),
    ],
)
def test_novelties_that_cannot_be_drawn(scores, notes, what):
    with pytest.raises(InputError, match=what):
        novelty_figure(scores, in_distribution=np.array([0.5]), title="T", notes=notes)
