"""The tiny training set and configuration of `training_stub`, and stages trained with them."""

from types import SimpleNamespace

import pytest
import torch
from training_stub import TINY, data_of, loop_of, write_training_file

from astroclip_astro.train.loop import datasets, with_random_numbers
from astroclip_astro.train.runner import Training, train_stage
from astroclip_astro.training_data.batches import batches


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Use one thread, which is faster at this size."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def training_file(tmp_path_factory):
    """96 galaxies all over the sky, all of them noise."""
    return write_training_file(tmp_path_factory.mktemp("training") / "survey.h5")


@pytest.fixture(scope="session")
def tiny():
    """Two hundred thousand parameters, six steps."""
    return TINY


@pytest.fixture(scope="session")
def encoders(tmp_path_factory, training_file):
    """Folders of finished runs of the two encoders, to begin `align` with."""
    folder = tmp_path_factory.mktemp("encoders")
    runs = {}
    for name in ("spectrum", "image"):
        training = Training(data=training_file, output=folder / name, configuration=TINY)
        runs[f"{name}_encoder"] = train_stage(name, training).parent
    return SimpleNamespace(**runs)


@pytest.fixture
def batch_of(training_file):
    """Return a function that gives a stage its first batch, random numbers included."""

    def first(stage, *, seed=5):
        data, names = data_of(training_file), datasets(stage, data_of(training_file).training_set)
        size = stage.settings.batch_size
        with batches(data.training_set, data.rows, names, size=size, seed=seed) as stream:
            return with_random_numbers(next(stream), stage, seed, loop_of(seed=seed))

    return first
