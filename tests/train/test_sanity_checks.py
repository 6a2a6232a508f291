"""Early checks: what they find in a minute, and that they leave no trace."""

import copy
from dataclasses import replace

import pytest
import torch
from training_stub import data_of, loop_of, stage_of

from astroclip_astro.train import sanity_checks as module
from astroclip_astro.train.sanity_checks import EarlyChecks, check_early

GOOD = EarlyChecks(expected=6.2, first=6.1, last=1.0, finite=True, rank=20.0)


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch, request):
    """Forty steps only where learning is looked at."""
    if "passes" not in request.node.name:
        monkeypatch.setattr(module, "STEPS", 4)


LEARNS = {"learning_rate": 1e-2, "optimiser": "adamw"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"),
    [("spectrum", torch.bfloat16), ("image", torch.float32), ("align", torch.float32)],
)
def test_sound_stage_passes(name, precision, training_file):
    changed = LEARNS | ({"unfreeze": True} if name == "align" else {})
    found = check_early(
        stage_of(name, **changed), data_of(training_file), loop_of(precision=precision)
    )
    assert found.failures() == []


@pytest.mark.parametrize("parts", [1, 2])
def test_nothing_is_changed(parts, training_file):
    stage = stage_of("image", accumulate=parts)
    before = copy.deepcopy(stage.state_dict())
    check_early(stage, data_of(training_file), loop_of())
    assert all(torch.equal(value, before[key]) for key, value in stage.state_dict().items())


def test_parts_do_not_matter(training_file):
    whole, parts = (
        check_early(stage_of("spectrum", accumulate=n), data_of(training_file), loop_of())
        for n in (1, 2)
    )
    assert parts.first == pytest.approx(whole.first, rel=1e-5)
    assert parts.last == pytest.approx(whole.last, rel=1e-2)


def test_stage_that_cannot_learn_is_found(training_file):
    found = check_early(stage_of("spectrum", learning_rate=0.0), data_of(training_file), loop_of())
    assert [words for words in found.failures() if "4 steps on one batch" in words]


def test_gradients_that_are_no_numbers_are_found(training_file):
    stage = stage_of("spectrum")
    stage.encoder.head.weight.data[0, 0] = torch.nan
    found = check_early(stage, data_of(training_file), loop_of())
    assert "a gradient is not finite" in found.failures()


def test_collapse_is_found(training_file):
    stage = stage_of("align", learning_rate=0.0)
    head = stage.spectrum_head
    for layer in (stage.image_encoder.fc[2], head.mlp.decoder, head.cross_attention.layernorm):
        layer.weight.data.zero_()
        layer.bias.data.fill_(1.0)
    found = check_early(stage, data_of(training_file), loop_of())
    assert [words for words in found.failures() if "directions only" in words]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"finite": False}, "a gradient is not finite"),
        ({"first": 9.0}, "the loss begins at 9.000, expected about 6.200"),
        ({"first": float("nan")}, "the loss begins at nan"),
        ({"last": 6.0}, "4 steps on one batch bring the loss to 6.000 only"),
        ({"last": float("nan")}, "bring the loss to nan only"),
        ({"rank": 1.0}, "embeddings lie in 1.0 directions only"),
    ],
)
def test_each_failure_is_said_in_words(changed, words):
    (found, *_) = [one for one in replace(GOOD, **changed).failures() if words in one]
    assert words in found


def test_nothing_is_said_of_what_is_right():
    assert GOOD.failures() == []
