"""A training set and encoders so small that a step of training takes milliseconds."""

from dataclasses import replace

import h5py
import numpy as np
import torch

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.configuration import COMPACT
from astroclip_astro.train.distributed import Processes
from astroclip_astro.train.loop import Data, Loop
from astroclip_astro.train.runner import KINDS
from astroclip_astro.train.settings import (
    AlignSettings,
    ImageSettings,
    SpectrumSettings,
    TrainingConfiguration,
)
from astroclip_astro.training_data.split import held_out
from astroclip_astro.training_data.training_set import open_training_set

GALAXIES = 96
SHARED = {"steps": 6, "batch_size": 8, "learning_rate": 1e-3, "warmup": 2}
TINY = TrainingConfiguration(
    model=replace(
        COMPACT,
        name="tiny",
        image_blocks=(1, 1, 1, 1),
        image_width=4,
        window=200,
        window_step=100,
        spectrum_width=16,
        spectrum_layers=2,
        spectrum_heads=2,
        max_tokens=80,
        head_hidden=32,
    ),
    spectrum=SpectrumSettings(
        **SHARED,
        weight_decay=0.05,
        chunk_width=4,
        target="clean",
        visible_weight=0.3,
        line_weight=0.1,
        noise=0.5,
    ),
    image=ImageSettings(**SHARED, weight_decay=1e-4, queue=64, momentum=0.9, group=4),
    align=AlignSettings(**SHARED, weight_decay=0.1, group=4, noise=0.5),
)


def write_training_file(path):
    """96 galaxies all over the sky, all of them noise."""
    rng = np.random.default_rng(1)
    clean = rng.normal(3, 1, (GALAXIES, 1)) + np.sin(np.arange(7781) / rng.uniform(9, 90, (96, 1)))
    with h5py.File(path, "w") as file:
        file.attrs["SIMULATED"] = True
        file["images"] = rng.normal(0.02, 0.02, (GALAXIES, 3, 104, 104)).astype("f2")
        file["clean_spectrum"] = clean.astype("f4")
        file["spectrum"] = (clean + rng.normal(0, 0.5, clean.shape)).astype("f4")
        file["ivar"] = np.full(clean.shape, 4.0, "f4")
        file["psf_size"] = rng.uniform(1, 2, (GALAXIES, 3)).astype("f4")
        file["ra"] = rng.uniform(0, 360, GALAXIES)
        file["dec"] = np.degrees(np.arcsin(rng.uniform(-1, 1, GALAXIES)))
        file["redshift"] = rng.uniform(0, 0.5, GALAXIES).astype("f4")
        file["tile"] = np.arange(GALAXIES) // 8
    return path


def settings_of(name, **changed):
    """The settings of a stage of the tiny configuration, some of them others."""
    return replace(getattr(TINY, name), **changed)


def stage_of(name, *, dropout=0.1, **changed):
    """A stage as it begins, always with the same parameters."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AstroCLIP(replace(TINY.model, head_dropout=dropout))
    return KINDS[name](model, settings_of(name, **changed))


def data_of(path, holdout=0.1):
    """The galaxies of a file, some held out by their tiles."""
    training_set = open_training_set(path)
    out = held_out(training_set.column("tile"), holdout)
    return Data(training_set, np.flatnonzero(~out), np.flatnonzero(out))


def loop_of(**changed):
    """One process on the CPU that never writes a checkpoint before the end."""
    given = {
        "processes": Processes(0, 1, torch.device("cpu")),
        "precision": torch.float32,
        "seed": 5,
        "checkpoint_every": 1e9,
        "progress": lambda *_: None,
    }
    return Loop(**given | changed)
