"""Settings of the stages: the published values by default, and senseless ones refused."""

from dataclasses import replace

import pytest
from training_stub import settings_of

from astroclip_astro.errors import InputError
from astroclip_astro.models.configuration import FULL
from astroclip_astro.train.settings import TRAINING

PUBLISHED = {
    "spectrum": {
        "optimiser": "adamw",
        "learning_rate": 1e-5,
        "betas": (0.9, 0.95),
        "weight_decay": 0.1,
        "batch_size": 64,
        "warmup": 2000,
        "chunks": 6,
        "chunk_width": 30,
        "masked": "zeroed",
        "target": "observed",
        "visible_weight": 0.0,
        "line_weight": 0.0,
        "noise": 0.0,
    },
    "image": {
        "optimiser": "sgd",
        "learning_rate": 0.24,
        "weight_decay": 1e-4,
        "batch_size": 256,
        "queue": 65_536,
        "momentum": 0.996,
        "temperature": 0.2,
        "reddening": "uniform",
        "warmup": 0,
        "final_rate": 0.0,
        "clip": 0.0,
    },
    "align": {
        "optimiser": "adamw",
        "learning_rate": 5e-5,
        "weight_decay": 0.2,
        "batch_size": 512,
        "steps": 15_000,
        "scale": 15.5,
        "unfreeze": False,
        "rotation": "any",
        "noise": 0.0,
        "final_rate": 0.0,
    },
}


@pytest.mark.parametrize("stage", PUBLISHED)
def test_full_is_as_published(stage):
    found = getattr(TRAINING["full"], stage)
    assert {name: getattr(found, name) for name in PUBLISHED[stage]} == PUBLISHED[stage]
    assert TRAINING["full"].model == FULL


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("spectrum", "steps", 0),
        ("image", "batch_size", -8),
        ("align", "accumulate", 0),
        ("image", "group", 0),
        ("spectrum", "chunks", 0),
        ("spectrum", "chunk_width", 0),
        ("align", "warmup", -1),
        ("spectrum", "learning_rate", float("nan")),
        ("spectrum", "learning_rate", float("inf")),
        ("align", "weight_decay", -0.1),
        ("image", "momentum", 1.5),
        ("image", "temperature", 0.0),
        ("align", "scale", -15.5),
        ("align", "final_rate", 2.0),
        ("align", "noise", -1.0),
        ("align", "shift", -1),
    ],
)
def test_number_without_sense_is_refused(stage, name, value):
    with pytest.raises(InputError, match=f"{name} is {value}, expected"):
        settings_of(stage, **{name: value})


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("spectrum", "optimiser"),
        ("spectrum", "target"),
        ("spectrum", "masked"),
        ("image", "reddening"),
        ("align", "rotation"),
    ],
)
def test_word_that_is_not_known_is_refused(stage, name):
    with pytest.raises(InputError, match=f"{name} is 'other', expected one of"):
        settings_of(stage, **{name: "other"})


def test_batch_that_cannot_be_cut_evenly_is_refused():
    with pytest.raises(InputError, match="8 cannot be cut in 3 equal parts"):
        settings_of("spectrum", accumulate=3)


def test_queue_shorter_than_a_batch_is_refused():
    with pytest.raises(InputError, match="queue of 7 does not hold a batch of 8"):
        settings_of("image", queue=7)


@pytest.mark.parametrize("betas", [(1.0, 0.9), (0.9, -0.1)])
def test_betas_of_a_memory_without_end_are_refused(betas):
    with pytest.raises(InputError, match="betas are"):
        replace(TRAINING["full"].spectrum, betas=betas)
