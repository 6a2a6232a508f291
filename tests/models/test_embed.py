"""Devices and number formats: by what the processor can, and said where it is slow."""

import numpy as np
import pytest
import torch

from astroclip_astro.errors import InputError
from astroclip_astro.models import embed as module
from astroclip_astro.models.embed import (
    choose_device,
    choose_precision,
    embed,
    processor_has_bfloat16,
)

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


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:1"])
def test_device_that_is_there_is_torch_s(two_gpus, name):
    assert choose_device(name) == torch.device(name)


def test_device_of_torch_passes():
    assert choose_device(CPU) == CPU


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "cuda:", "cpu:1", "mps:0", "auto:1", ""])
def test_device_that_cannot_be_is_refused(two_gpus, name):
    with pytest.raises(
        InputError, match=r"Unknown device .* expected one of auto, cpu, cuda, cuda:N"
    ):
        choose_device(name)


def test_gpu_that_is_not_there_says_how_many_are(two_gpus):
    with pytest.raises(
        InputError, match="'cuda:2' was asked for but PyTorch sees 2 here: cuda:0 to"
    ):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_gpu_of_a_computer_without_any_says_what_to_use(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"'{name}' was asked for but PyTorch sees none here; use"):
        choose_device(name)


def test_inputs_go_to_the_device_that_was_chosen(monkeypatch):
    """No GPU is needed: the tensor that is sent there is one that notes where."""
    places = []

    class Sent(torch.Tensor):
        def to(self, place):
            places.append(place)
            return self.as_subclass(torch.Tensor)

    monkeypatch.setattr(torch, "from_numpy", lambda values: torch.tensor(values).as_subclass(Sent))
    device = torch.device("cuda:1")
    embed(
        lambda batch: batch,
        lambda rows: np.ones((len(rows), 3), np.float32),
        np.arange(2),
        batch_size=2,
        device=device,
        dtype=torch.float32,
    )
    assert places == [device]
