"""Killed at any moment, a training goes on and learns what it would have learned."""

import csv
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import tomli_w
from safetensors.torch import load_file
from waiting import started

from astroclip_astro.train.runner import Training, train_stage

STEPS, SEED = 20, 3
# The command, with a clock that goes on by a second whenever it is looked at; it stands still
# before the step that the last argument says.
HELD = """
import itertools, signal, sys
from types import SimpleNamespace
from astroclip_astro.cli.train import main
from astroclip_astro.train import loop

held, step, seconds = int(sys.argv.pop()), loop.one_step, itertools.count()
loop.time = SimpleNamespace(monotonic=lambda: next(seconds))

def one_step(*given):
    if given[4] == held:
        print("held", flush=True)
        signal.pause()
    return step(*given)

loop.one_step = one_step
main()
"""


def losses(folder):
    with (folder / "log.csv").open(newline="") as file:
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]


def validated(folder):
    with (folder / "validation.csv").open(newline="") as file:
        return list(csv.reader(file))


def killed_before(step, arguments):
    """Run the command until it stands still before a step, then kill it."""
    code = [sys.executable, "-c", HELD, *arguments, step]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with started(code, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "kills"), [("spectrum", (5, 15)), ("image", (8,)), ("align", (11,))]
)
def test_killed_and_resumed_equals_uninterrupted(
    stage, kills, tiny, training_file, encoders, tmp_path
):
    """After kill -9 losses, validation and weights are those of a training without it."""
    settings = replace(getattr(tiny, stage), steps=STEPS)
    configuration = replace(tiny, **{stage: settings})
    config, folder = tmp_path / "tiny.toml", tmp_path / "killed"
    config.write_text(tomli_w.dumps(configuration.to_dict()))
    begun = vars(encoders) if stage == "align" else {}
    training = Training(
        data=training_file,
        output=tmp_path / "whole",
        configuration=configuration,
        seed=SEED,
        device="cpu",
    )
    train_stage(stage, training, **begun)

    command = [stage, "-q", "--data", training_file, "-o", folder, "--config", config]
    command += ["--seed", SEED, "--device", "cpu", "--checkpoint-every", 3, "--resume"]
    for name, path in begun.items():
        command += [f"--{name.replace('_', '-')}", path]
    for step in kills:
        killed_before(step, command)
        assert [number for number, _ in losses(folder)] == list(range(1, step + 1))
        assert (folder / "checkpoint.safetensors").exists()
    train_stage(stage, replace(training, output=folder, resume=True), **begun)

    assert losses(folder) == losses(tmp_path / "whole")
    assert [step for step, _ in losses(folder)] == list(range(1, STEPS + 1))
    assert validated(folder) == validated(tmp_path / "whole")
    one, other = (
        load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "killed")
    )
    assert all((one[key] == other[key]).all() for key in one)
