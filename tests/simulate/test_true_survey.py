"""A survey of true galaxies, in this process and in two others; what is read to make it."""

import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path

import h5py
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import astroclip_astro
from astroclip_astro.simulate import (
    FIELDS,
    draw_properties,
    load_population,
    load_templates,
    simulate_galaxy,
    simulate_survey,
)

pytestmark = pytest.mark.slow
COUNT, SEED = 70, 9  # two parts
OPENED = """
import sys
opened = set()
sys.addaudithook(lambda event, args: opened.add(str(args[0])) if event == "open" else None)
from astroclip_astro.simulate import load_templates, simulate_galaxy
simulate_galaxy(load_templates(), 1, 2)
print("\\n".join(opened))
"""


@pytest.fixture(scope="module")
def surveys(tmp_path_factory):
    """The same survey, made by one process and by two."""
    place = tmp_path_factory.mktemp("surveys")
    return [
        simulate_survey(place / f"jobs{jobs}.h5", COUNT, seed=SEED, jobs=jobs) for jobs in (1, 2)
    ]


def test_one_and_two_processes_write_the_same_bytes(surveys):
    one, two = (hashlib.sha256(path.read_bytes()).hexdigest() for path in surveys)
    assert one == two


@pytest.mark.parametrize("index", [0, 64, COUNT - 1])
def test_every_row_is_its_galaxy(surveys, templates, index):
    galaxy = simulate_galaxy(templates, SEED, index)
    with h5py.File(surveys[1]) as survey:
        assert set(survey) == set(FIELDS)
        for name in FIELDS:
            assert np.array_equal(survey[name][index], galaxy[name], equal_nan=name != "hemisphere")


def test_threads_of_linear_algebra_change_no_bit():
    with threadpool_limits(1):
        one = simulate_galaxy(load_templates(), SEED, 5)
    with threadpool_limits(2):
        two = simulate_galaxy(load_templates(), SEED, 5)
    assert all(one[name].tobytes() == two[name].tobytes() for name in FIELDS)


def test_label_written_is_the_label_drawn(surveys):
    """The population is drawn from stream 0 of a galaxy's seed, and from nothing else."""
    population = load_population()
    with h5py.File(surveys[0]) as survey:
        for index in range(COUNT):
            stream = np.random.SeedSequence(SEED, spawn_key=(index, 0))
            drawn = draw_properties(population, np.random.default_rng(stream))
            assert survey["redshift"][index] == np.float32(drawn.redshift)
            assert survey["log_stellar_mass"][index] == np.float32(drawn.log_stellar_mass)
            assert np.array_equal(survey["flux"][index], drawn.flux.astype("f4"))


def test_nothing_but_python_packages_is_read(tmp_path):
    """Neither the real data the simulator was calibrated on nor the network is needed."""
    result = subprocess.run(
        [sys.executable, "-c", OPENED], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    homes = {
        str(Path(astroclip_astro.__file__).parent),
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        sys.prefix,
        sys.base_prefix,
    }
    data = [
        name
        for name in result.stdout.splitlines()
        if name.endswith((".fits", ".h5", ".npz", ".csv", ".ecsv", ".parquet"))
    ]
    assert any(name.endswith("population.fits") for name in data)
    assert [name for name in data if not name.startswith(tuple(homes))] == []
    assert not any("shared/data" in name for name in result.stdout.splitlines())
