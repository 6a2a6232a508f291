"""A training set and a model so small that a step takes milliseconds."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from astroclip_astro.models.configuration import COMPACT
from astroclip_astro.train.settings import (
    AlignSettings,
    ImageSettings,
    SpectrumSettings,
    TrainingConfiguration,
)

GALAXIES = 96
SHARED = {"steps": 6, "batch_size": 8, "learning_rate": 1e-3, "warmup": 2}


@pytest.fixture(scope="session")
def training_file(tmp_path_factory):
    """96 galaxies all over the sky, all of them noise."""
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("training") / "survey.h5"
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
    return path


@pytest.fixture(scope="session")
def tiny():
    """Two hundred thousand parameters, six steps."""
    model = replace(
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
    )
    return TrainingConfiguration(
        model=model,
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
