"""The published sizes: what each stage trains, and one step of it."""

import h5py
import numpy as np
import pytest
import torch

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.configuration import FULL
from astroclip_astro.train.contrastive import AlignStage
from astroclip_astro.train.distributed import Processes
from astroclip_astro.train.loop import Loop, datasets, one_step, optimiser_of
from astroclip_astro.train.masked import SpectrumStage
from astroclip_astro.train.moco import ImageStage
from astroclip_astro.train.settings import TRAINING
from astroclip_astro.training_data.batches import batches
from astroclip_astro.training_data.training_set import open_training_set

KINDS = {"spectrum": SpectrumStage, "image": ImageStage, "align": AlignStage}
TRAINED = {
    "spectrum": 43_177_750,  # mask-filling: the whole transformer
    "image": 27_966_656,  # MoCo: ResNet-50 and its projection
    "align": 361_984 + 4_458_624,  # the spectrum's head, the image's projection
}
GALAXIES = 4


@pytest.fixture(scope="module")
def galaxies(tmp_path_factory):
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("full") / "few.h5"
    with h5py.File(path, "w") as file:
        file["images"] = rng.normal(0, 0.1, (GALAXIES, 3, 152, 152)).astype("f2")
        file["spectrum"] = rng.normal(3, 2, (GALAXIES, 7781)).astype("f4")
        file["ivar"] = np.ones((GALAXIES, 7781), "f4")
    return open_training_set(path)


def published(name):
    """The stage by the defaults of --config full."""
    torch.manual_seed(0)
    return KINDS[name](AstroCLIP(FULL), getattr(TRAINING["full"], name))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_parameters_trained(name):
    stage = published(name)
    trained = [p for group in optimiser_of(stage).param_groups for p in group["params"]]
    assert sum(p.numel() for p in trained) == TRAINED[name]
    assert {id(p) for p in trained} == {id(p) for p in stage.parameters() if p.requires_grad}


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_one_step(name, galaxies):
    """A finite loss, every trained parameter with a gradient, and changed by the step."""
    stage = published(name)
    before = {n: p.detach().clone() for n, p in stage.named_parameters() if p.requires_grad}
    still = {n: p.detach().clone() for n, p in stage.named_parameters() if not p.requires_grad}
    loop = Loop(Processes(0, 1, torch.device("cpu")), torch.float32, 0, 1e9, lambda *_: None)
    optimiser = optimiser_of(stage)
    names = datasets(stage, galaxies)
    warm = stage.settings.warmup  # before, steps are smaller than the rounding of some parameters
    with batches(galaxies, np.arange(GALAXIES), names, size=GALAXIES, seed=0) as stream:
        row = one_step(stage, stage, optimiser, next(stream), warm, loop)
    assert np.isfinite(row["loss"])
    assert row["loss"] > 0
    for key, parameter in stage.named_parameters():
        if key in before:
            assert parameter.grad is not None, key
            assert not torch.equal(parameter, before[key]), key
        elif not key.startswith("key_encoder"):
            assert torch.equal(parameter, still[key]), key
