"""Several processes: two on a CPU learn what one learns."""

import csv
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import tomli_w
import torch
from safetensors.torch import load_file
from torch import distributed
from waiting import HANGS, started

from astroclip_astro.errors import InputError
from astroclip_astro.train.distributed import Processes, joined

WORKER = Path(__file__).with_name("one_process.py")
BATCH = 16
STAGES = {
    "spectrum": {"chunk_width": 4, "noise": 0.5, "clip": 0.0},
    "dropped": {
        **{"chunk_width": 4, "noise": 0.5, "clip": 0.0, "masked": "dropped", "target": "clean"},
        **{"visible_weight": 0.3, "line_weight": 0.1},
    },
    "image": {"queue": 64, "group": 4, "clip": 0.0},
    "align": {"clip": 0.0},
    "unfrozen": {"unfreeze": True, "group": 4, "clip": 0.0},
}


def environment(rank, count, port):
    return os.environ | {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def task(name, tiny, training_file, folder):
    """What a process does for a stage; head dropout is off."""
    stage = {"unfrozen": "align", "dropped": "spectrum"}.get(name, name)
    settings = {"batch_size": BATCH, "weight_decay": 0.0, "learning_rate": 1e-3, "steps": 5}
    return {
        "stage": stage,
        "model": tiny.model.to_dict() | {"head_dropout": 0.0},
        "settings": settings | STAGES[name],
        "data": str(training_file),
        "output": str(folder / name),
    }


@pytest.fixture(scope="module")
def steps(tiny, training_file, tmp_path_factory):
    """Folders with what one process, and each of two, has after a step of every stage."""
    folders = {}
    for count in (1, 2):
        port, folders[count] = free_port(), tmp_path_factory.mktemp(f"processes{count}")
        tasks = json.dumps([task(name, tiny, training_file, folders[count]) for name in STAGES])
        with ExitStack() as stack:
            running = [
                stack.enter_context(
                    started(
                        [sys.executable, WORKER, tasks],
                        env=environment(rank, count, port),
                        stderr=subprocess.PIPE,
                        text=True,
                    )
                )
                for rank in range(count)
            ]
            for process in running:
                errors = process.communicate(timeout=HANGS)[1]
                assert process.returncode == 0, errors
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_two_processes_have_the_gradients_of_one(name, steps):
    """To 1e-5, the loss, the queue of MoCo and statistics of batches too."""
    tolerance = 1e-5
    alone = load_file(steps[1] / f"{name}.0")
    assert max(float(value.abs().max()) for value in alone.values()) > 1e-4
    for rank in range(2):
        together = load_file(steps[2] / f"{name}.{rank}")
        assert together.keys() == alone.keys()
        for key, value in alone.items():
            close = tolerance * max(1e-2, float(value.abs().max()))
            assert torch.allclose(together[key], value, rtol=tolerance, atol=close), key


def test_who_has_joined_stays_joined(monkeypatch):
    """The three stages of one command; a second group would find the addresses of the first."""
    calls = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("init_process_group", "destroy_process_group"):
        monkeypatch.setattr(distributed, name, lambda *_, name=name: calls.append(name))
    monkeypatch.setattr(distributed, "is_initialized", lambda: len(calls) == 1)
    monkeypatch.setattr(distributed, "get_rank", lambda: 1)
    cpu = torch.device("cpu")
    with joined(cpu) as outer:
        for _ in range(3):
            with joined(cpu) as inner:
                assert (inner.rank, inner.count) == (outer.rank, outer.count) == (1, 2)
        assert calls == ["init_process_group"]
    assert calls == ["init_process_group", "destroy_process_group"]


@pytest.mark.slow
def test_torchrun_gives_the_losses_of_one_process(tiny, training_file, tmp_path):
    """All three stages through the command, with checkpoints, log and weights."""
    configuration = tiny.to_dict()
    configuration["model"]["head_dropout"] = 0.0
    for stage in ("spectrum", "image", "align"):
        configuration[stage]["batch_size"] = BATCH
    (tmp_path / "tiny.toml").write_text(tomli_w.dumps(configuration))
    command = ["-m", "astroclip_astro.cli.train", "all", "--data", str(training_file), "-q"]
    command += ["--config", str(tmp_path / "tiny.toml"), "--device", "cpu"]
    command += ["--precision", "float32"]  # bfloat16 rounds losses by more than what is compared
    several = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port"]
    for name, before in (("one", []), ("two", [*several, str(free_port())])):
        found = subprocess.run(
            [sys.executable, *before, *command, "-o", str(tmp_path / name)],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr
    for stage in ("spectrum", "image", "align"):
        one, two = (losses(tmp_path / name / stage / "log.csv") for name in ("one", "two"))
        assert len(one) == len(two) == getattr(tiny, stage).steps
        assert two == pytest.approx(one, rel=1e-4)
        assert (tmp_path / "two" / stage / "weights.safetensors").exists()


def losses(path):
    with path.open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_parts_cover_a_batch():
    parts = [Processes(rank, 4, torch.device("cpu")).rows(20) for rank in range(4)]
    assert [row for part in parts for row in range(20)[part]] == list(range(20))


def test_uneven_batches_are_refused():
    with pytest.raises(InputError, match="batch of 10 galaxies cannot be shared by 4 processes"):
        Processes(0, 4, torch.device("cpu")).rows(10)


def test_several_processes_refuse_a_gpu_of_a_given_number(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    words = r"cuda:1 and 2 processes.*use device cuda"
    with pytest.raises(InputError, match=words), joined(torch.device("cuda:1")):
        pass
