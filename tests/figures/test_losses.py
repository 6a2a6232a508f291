"""Loss curves: every step, the running mean, what was held out, and the scale."""

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.figures.losses import losses_figure

pytest.importorskip("matplotlib")
PICTURE = {"baseline_dir": "baseline", "style": "default", "tolerance": 15}
SMALL = {"savefig_kwargs": {"dpi": 75}}
STEPS = np.arange(1, 401)


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


@pytest.mark.mpl_image_compare(**PICTURE, **SMALL)
def test_losses_of_three_stages():
    noise = np.random.default_rng(0).normal(0, 1, (3, len(STEPS)))
    logs = {
        "image encoder": (STEPS, 7 * STEPS**-0.1 + 0.2 * noise[0]),
        "spectrum encoder": (STEPS, 5 * STEPS**-0.8 * np.exp(0.1 * noise[1])),
        "alignment": (STEPS, 3 - 0.5 * np.log(STEPS) + 0.1 * noise[2]),
    }
    validation = {"spectrum encoder": (STEPS[49::50], 6 * STEPS[49::50] ** -0.8)}
    return losses_figure(logs, title="Training on SIMULATED galaxies", validation=validation)


def test_curves_are_as_given():
    loss = 10 / STEPS
    held_out = (np.array([100, 200, 300]), np.array([0.2, np.nan, 0.1]))
    figure = losses_figure(
        {"align": (STEPS, loss)}, title="SIMULATED", validation={"align": held_out}
    )
    (axes,) = figure.axes
    drawn = lines(axes)
    assert np.array_equal(drawn["each step"].get_xydata().T, [STEPS, loss])
    x, y = drawn["mean of 1 % of the steps"].get_data()
    assert x.tolist() == STEPS[3:].tolist()
    assert y[0] == pytest.approx(loss[:4].mean())
    assert drawn["held out"].get_xydata().tolist() == [[100, 0.2], [300, 0.1]]
    assert figure.get_suptitle() == "SIMULATED"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*drawn]


@pytest.mark.parametrize(
    ("loss", "scale"),
    [
        (10 / STEPS, "log"),
        (10 / STEPS - 1, "linear"),
        (10 / STEPS - 10 / 400, "linear"),
        (1 + 1 / STEPS, "linear"),
        (np.ones(400), "linear"),
    ],
)
def test_scale_is_logarithmic_where_losses_are_positive_and_far_apart(loss, scale):
    (axes,) = losses_figure({"align": (STEPS, loss)}, title="").axes
    assert axes.get_yscale() == scale


def test_negative_loss_held_out_makes_the_scale_linear():
    (axes,) = losses_figure(
        {"a": (STEPS, 10 / STEPS)}, title="", validation={"a": ([1], [-1.0])}
    ).axes
    assert axes.get_yscale() == "linear"


@pytest.mark.parametrize("last", [0.3, 1e-2, 1e-6])
def test_ticks_of_a_logarithmic_axis_are_plain_numbers(last):
    (axes,) = losses_figure({"a": ([1, 2], [0.9, last])}, title="").axes
    axes.figure.draw_without_rendering()
    texts = [t.get_text() for t in axes.get_yticklabels(which="both") if t.get_text()]
    assert len(texts) >= 2
    assert all(float(text) for text in texts)


def test_single_step_is_a_point():
    (axes,) = losses_figure({"a": (np.array([1]), np.array([0.5]))}, title="").axes
    assert lines(axes)["each step"].get_marker() == "."


def test_stage_without_a_finite_loss_says_so():
    first, second = losses_figure(
        {"a": (np.array([1]), np.array([np.nan])), "b": (STEPS, 1 / STEPS)}, title=""
    ).axes
    assert first.texts[0].get_text() == "no finite loss"
    assert second.get_yscale() == "log"


@pytest.mark.parametrize(
    ("logs", "validation", "words"),
    [
        ({}, None, "nothing to show"),
        ({"a": (STEPS, np.ones(3))}, None, "Steps and losses of 'a' have shapes"),
        ({"a": (STEPS, STEPS)}, {"b": (STEPS, STEPS)}, "Validation losses of b have no panel"),
        ({"a": (STEPS, STEPS)}, {"a": (STEPS, np.ones(3))}, "'a', held out have shapes"),
    ],
)
def test_what_cannot_be_drawn(logs, validation, words):
    with pytest.raises(InputError, match=words):
        losses_figure(logs, title="T", validation=validation)
