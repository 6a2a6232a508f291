"""Attention maps: what is drawn is what the weights are, where the tokens are."""

import numpy as np
import pytest

from astroclip_astro.figures.attention import attention_figure, step_edges
from astroclip_astro.figures.lines import lines_between
from astroclip_astro.records import WAVELENGTH

pytest.importorskip("matplotlib")

STARTS = 3600 + 160.0 * np.arange(36)
SPANS = np.concatenate([[[np.nan, np.nan]], np.column_stack([STARTS, STARTS + 319.2])])


@pytest.fixture
def drawn():
    flux = 2 + np.sin(WAVELENGTH / 200)
    weights = np.random.default_rng(3).dirichlet(np.full(37, 0.5), 4)  # (heads, tokens)
    return flux, weights, attention_figure(flux, None, weights, SPANS, redshift=0.1, title="T")


def steps(axes):
    """The filled steps of a panel: heights and edges."""
    return axes.patches[0].get_data()


def test_there_is_a_panel_for_the_spectrum_and_for_each_head(drawn):
    _, weights, figure = drawn
    assert len(figure.axes) == 1 + len(weights)
    labels = [axes.get_ylabel().split("\n")[0] for axes in figure.axes[1:]]
    assert labels == ["head 1", "head 2", "head 3", "head 4"]
    assert figure.get_suptitle() == "T"


def test_number_of_heads_is_that_of_the_weights(drawn):
    flux, weights, _ = drawn
    assert len(attention_figure(flux, None, weights[:2], SPANS).axes) == 3


def test_steps_are_the_weights_in_per_cent(drawn):
    _, weights, figure = drawn
    for axes, head in zip(figure.axes[1:], weights, strict=True):
        np.testing.assert_allclose(steps(axes).values, 100 * head[1:])
        assert axes.get_ylim()[1] > 100 * head[1:].max()


def test_steps_are_in_the_middle_of_their_tokens(drawn):
    edges = steps(drawn[2].axes[1]).edges
    middle = SPANS[1:].mean(axis=1)
    np.testing.assert_allclose((edges[1:] + edges[:-1]) / 2, middle)
    np.testing.assert_allclose(np.diff(edges), 160)


def test_single_token_is_as_wide_as_it_is():
    assert step_edges(np.array([[4000.0, 5000.0]])).tolist() == [4000, 5000]


def test_weight_of_mean_and_deviation_is_written(drawn):
    _, weights, figure = drawn
    for axes, head in zip(figure.axes[1:], weights, strict=True):
        assert f"{100 * head[0]:.1f} %" in axes.texts[0].get_text()


def test_guide_says_what_equal_weights_would_be(drawn):
    dotted = [line for line in drawn[2].axes[2].lines if line.get_linestyle() == ":"]
    assert dotted[0].get_ydata()[0] == pytest.approx(100 / 37)


def test_spectrum_is_drawn_with_names_of_lines(drawn):
    flux, _, figure = drawn
    curve = figure.axes[0].lines[0]
    np.testing.assert_allclose(curve.get_ydata()[10:-10], flux[10:-10], atol=0.01)
    expected = [line.name for line, _ in lines_between(3600, 9824, 0.1)]
    assert [text.get_text() for text in figure.axes[0].texts] == expected
    for axes in figure.axes[1:]:
        upright = [line for line in axes.lines if line.get_xdata()[0] == line.get_xdata()[-1]]
        assert len(upright) == len(expected)


def test_without_a_redshift_there_are_no_lines(drawn):
    flux, weights, _ = drawn
    figure = attention_figure(flux, None, weights, SPANS)
    assert not figure.axes[0].texts
    assert len(figure.axes[0].lines) == 1


@pytest.mark.mpl_image_compare(
    baseline_dir="baseline", style="default", tolerance=15, savefig_kwargs={"dpi": 75}
)
def test_attention_looks_right():
    flux = 2 + np.sin(WAVELENGTH / 200) * np.exp(-WAVELENGTH / 9000)
    where = SPANS[1:].mean(axis=1)
    weights = np.exp(
        -0.5 * ((where - [[4000], [5500], [7000], [9000]]) / [[300], [900], [90], [400]]) ** 2
    )
    weights = np.column_stack([[0.5, 0.1, 0, 0.2], weights])  # (heads, tokens)
    weights /= weights.sum(axis=1, keepdims=True)
    return attention_figure(flux, None, weights, SPANS, redshift=0.1, title="SIMULATED")
