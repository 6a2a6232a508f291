"""Killed at any moment, a training goes on and learns what it would have learned."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest
import tomli_w
from safetensors.torch import load_file

STEPS = 30


def command(stage, training_file, folder, config):
    return [
        *(sys.executable, "-m", "astroclip_astro.cli.train", stage, "-q"),
        *("--data", str(training_file), "-o", str(folder), "--config", str(config)),
        *("--steps", str(STEPS), "--device", "cpu", "--checkpoint-every", "0.05", "--seed", "3"),
    ]


def losses(folder):
    with (folder / "log.csv").open(newline="") as file:
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]


def validated(folder):
    with (folder / "validation.csv").open(newline="") as file:
        return list(csv.reader(file))


def run(arguments):
    found = subprocess.run(arguments, capture_output=True, text=True, check=False, env=QUIET)
    assert found.returncode == 0, found.stderr


QUIET = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("stage", ["spectrum", "image", "align"])
def test_killed_and_resumed_equals_uninterrupted(stage, tiny, training_file, tmp_path):
    """kill -9 twice, wherever it hits; then losses, validation and weights are the same."""
    config = tmp_path / "tiny.toml"
    config.write_text(tomli_w.dumps(tiny.to_dict()))
    encoders = []
    if stage == "align":
        for part in ("spectrum", "image"):
            run([*command(part, training_file, tmp_path / part, config), "--steps", "1"])
            encoders += [f"--{part}-encoder", str(tmp_path / part)]
    run([*command(stage, training_file, tmp_path / "whole", config), *encoders])

    killed = [*command(stage, training_file, tmp_path / "killed", config), *encoders, "--resume"]
    lines = []
    for least in (4, 16):
        process = subprocess.Popen(killed, env=QUIET, stderr=subprocess.DEVNULL)
        log = tmp_path / "killed" / "log.csv"
        # Only once a checkpoint is there does an interruption leave something to go on from.
        state = tmp_path / "killed" / "checkpoint.safetensors"
        while process.poll() is None and not (
            state.exists() and log.exists() and log.read_text().count("\n") > least
        ):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        lines.append(log.read_text().count("\n"))
    assert lines[0] < STEPS, "killed too late to show anything"
    run(killed)

    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    assert [step for step, _ in losses(tmp_path / "whole")] == list(range(1, STEPS + 1))
    assert validated(tmp_path / "killed") == validated(tmp_path / "whole")
    one, other = (
        load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "killed")
    )
    assert all((one[key] == other[key]).all() for key in one)
