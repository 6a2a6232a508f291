"""Predicted against true: which galaxies are drawn where, the running median, the colour scale."""

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.figures.predictions import FEW, predictions_figure, running_band

pytest.importorskip("matplotlib")
PICTURE = {"baseline_dir": "baseline", "style": "default", "tolerance": 15}
SMALL = {"savefig_kwargs": {"dpi": 75}}


def galaxies(count, *, scatter=0.03, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.gamma(4, 0.05, count)
    return true, true + rng.normal(0, scatter, count)


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


@pytest.mark.mpl_image_compare(**PICTURE, **SMALL)
def test_predictions_of_four_pairs():
    pairs = {
        f"{query} -> {target}": galaxies(1200, scatter=0.02 * (1 + number), seed=number)
        for number, (query, target) in enumerate(
            [("image", "image"), ("spectrum", "spectrum"), ("image", "spectrum")]
        )
    }
    pairs["spectrum -> image"] = galaxies(40)
    notes = dict.fromkeys(pairs, "R² = 0.71\nσ_NMAD = 0.032")
    return predictions_figure(pairs, title="SIMULATED galaxies", label="redshift", notes=notes)


@pytest.mark.mpl_image_compare(**PICTURE, **SMALL)
def test_predictions_of_few_galaxies():
    true, found = galaxies(120)
    return predictions_figure(
        {"image -> image": (9 + 4 * true, 9 + 4 * found)},
        title="SIMULATED galaxies",
        label="log10 stellar mass [solar masses]",
    )


def test_points_are_at_true_and_predicted_without_those_that_lack_one():
    true, found = np.array([0.1, np.nan, 0.3, 0.4]), np.array([0.2, 0.3, np.inf, 0.35])
    figure = predictions_figure({"image -> image": (true, found)}, title="", label="redshift")
    (axes,) = figure.axes
    (points,) = axes.collections
    assert points.get_offsets().tolist() == [[0.1, 0.2], [0.4, 0.35]]
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_aspect() == 1
    assert axes.get_xlabel() == "true redshift"
    assert "2 galaxies" in [text.get_text() for text in axes.texts]
    assert lines(axes).keys() == {"one to one"}


def test_hexagons_count_every_galaxy_on_one_scale():
    pairs = {"image -> image": galaxies(FEW + 1), "image -> spectrum": galaxies(2000, scatter=0.2)}
    *panels, bar = predictions_figure(pairs, title="", label="redshift").axes
    beyond = [int("beyond" in axes.texts[0].get_text()) for axes in panels]
    first, second = (axes.collections[0] for axes in panels)
    assert beyond[0] == 0
    assert first.get_array().sum() == FEW + 1
    assert second.get_array().sum() >= 1990
    assert first.norm is second.norm
    assert first.norm.vmax == max(first.get_array().max(), second.get_array().max())
    assert bar.get_ylabel() == "galaxies in a hexagon"


def test_hexagons_are_where_galaxies_are():
    true = np.concatenate([np.full(1500, 0.2), [0.0, 1.0]])
    found = np.concatenate([np.full(1500, 0.8), [0.0, 1.0]])
    axes = predictions_figure({"a": (true, found)}, title="", label="redshift").axes[0]
    hexagons = axes.collections[0]
    densest = hexagons.get_offsets()[hexagons.get_array().argmax()]
    assert densest == pytest.approx([0.2, 0.8], abs=0.03)


def test_all_panels_have_the_same_axes():
    pairs = {"a": galaxies(30), "b": (np.array([2.0]), np.array([-1.0]))}
    first, second = predictions_figure(pairs, title="", label="redshift").axes
    assert first.get_xlim() == second.get_xlim() == second.get_ylim()
    assert first.get_xlim()[0] < -0.5
    assert first.get_xlim()[1] > 2


def test_what_lies_beyond_the_axes_is_counted():
    true = np.linspace(0, 1, 2000)
    found = true.copy()
    found[0] = 50
    axes = predictions_figure({"a": (true, found)}, title="", label="redshift").axes[0]
    assert axes.get_ylim()[1] < 1.1
    assert "2,000 galaxies\n1 beyond the axes" in [text.get_text() for text in axes.texts]


def test_running_median_and_band():
    true = np.repeat(np.arange(4.0), 1000)
    found = true + np.tile(np.linspace(-1, 1, 1000), 4) + 0.5
    centre, low, median, high = running_band(true, found)
    assert centre.tolist() == [0, 1, 2, 3]
    assert median == pytest.approx(centre + 0.5)
    assert low == pytest.approx(centre + 0.5 - 0.68)
    assert high == pytest.approx(centre + 0.5 + 0.68)


def test_a_wide_bin_does_not_widen_the_band():
    true = np.linspace(0, 1, 60)
    _, low, _, high = running_band(true, true)
    assert high - low == pytest.approx(0)


def test_running_median_is_drawn():
    true = np.linspace(0, 1, 200)
    axes = predictions_figure({"a": (true, true + 0.1)}, title="", label="redshift").axes[0]
    x, y = lines(axes)["running median"].get_data()
    assert len(x) == 8
    assert y == pytest.approx(x + 0.1)


def test_bins_with_few_galaxies_have_no_median():
    true = np.concatenate([np.linspace(0, 0.1, 60), [1.0]])
    assert len(running_band(true, true)[0]) == 1
    assert len(running_band(true[:49], true[:49])[0]) == 0


def test_notes_are_in_their_panel():
    figure = predictions_figure(
        {"a": galaxies(5), "b": galaxies(5)}, title="", label="redshift", notes={"b": "R² 0.9"}
    )
    words = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert words == [["5 galaxies"], ["R² 0.9", "5 galaxies"]]


def test_panel_without_galaxies_says_so():
    pairs = {"a": (np.array([np.nan]), np.array([0.1])), "b": (np.array([0.1]), np.array([0.1]))}
    first, second = predictions_figure(pairs, title="", label="redshift").axes
    assert first.texts[0].get_text() == "no galaxy with both values"
    assert second.texts[0].get_text() == "1 galaxy"


@pytest.mark.parametrize(
    ("pairs", "notes", "words"),
    [
        ({}, None, "nothing to show"),
        ({"a": (np.ones(2), np.ones(3))}, None, "Values of 'a' have shapes"),
        ({"a": (np.ones(2), np.ones(2))}, {"b": "R2"}, "Notes of b have no panel"),
    ],
)
def test_what_cannot_be_drawn(pairs, notes, words):
    with pytest.raises(InputError, match=words):
        predictions_figure(pairs, title="T", label="redshift", notes=notes)
