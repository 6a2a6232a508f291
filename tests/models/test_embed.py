"""Devices and number formats: by what the processor can, and said where it is slow."""

import numpy as np
import pytest
import torch

from astroclip_astro.errors import InputError
from astroclip_astro.models import embed as module
from astroclip_astro.models.embed import choose_precision, embed, processor_has_bfloat16

CPU = torch.device("cpu")


@pytest.fixture(params=[True, False], ids=["bfloat16", "no_bfloat16"])
def has_bfloat16(request, monkeypatch):
    """A processor with and one without instructions for bfloat16."""
    monkeypatch.setattr(module, "processor_has_bfloat16", lambda: request.param)
    return request.param


def test_auto_embeds_in_float32_on_every_processor(has_bfloat16):
    assert choose_precision("auto", CPU) == torch.float32


def test_auto_trains_by_the_processor(has_bfloat16):
    expected = torch.bfloat16 if has_bfloat16 else torch.float32
    assert choose_precision("auto", CPU, training=True) == expected


@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_that_will_be_slow_says_so(has_bfloat16, training, caplog):
    assert choose_precision("bfloat16", CPU, training=training) == torch.bfloat16
    assert ("no instructions for bfloat16" in caplog.text) == (not has_bfloat16)


def test_float32_is_float32(has_bfloat16, caplog):
    assert choose_precision("float32", CPU, training=True) == torch.float32
    assert caplog.text == ""


def test_an_unknown_precision_lists_the_known():
    with pytest.raises(InputError, match=r"'half', expected one of auto, float32, bfloat16"):
        choose_precision("half", CPU)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx2": True, "avx512_bf16": False}, False), ({"amx_bf16": True}, True), ({}, False)],
)
def test_the_processor_is_asked(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert processor_has_bfloat16.__wrapped__() == expected


def test_batches_are_counted():
    counts = []
    embed(
        lambda batch: batch,
        lambda rows: np.ones((len(rows), 3), np.float32),
        np.arange(5),
        batch_size=2,
        device=CPU,
        dtype=torch.float32,
        count=lambda done, total: counts.append((done, total)),
    )
    assert counts == [(2, 5), (4, 5), (5, 5)]
