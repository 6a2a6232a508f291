"""``astroclip-train`` as a user meets it."""

import csv
import json
import re
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import tomli_w
import torch
from training_stub import GALAXIES, TINY, write_training_file

from astroclip_astro.cli.train import main, spectrum
from astroclip_astro.train import loop
from astroclip_astro.train.settings import STAGES


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("data")
    (folder / "tiny.toml").write_text(tomli_w.dumps(TINY.to_dict()))
    learns = replace(TINY.spectrum, learning_rate=1e-2, steps=5)
    (folder / "learns.toml").write_text(tomli_w.dumps(replace(TINY, spectrum=learns).to_dict()))
    write_training_file(folder / "survey.h5")
    return folder


@pytest.fixture
def run(run_command, data, tmp_path, monkeypatch):
    """Return a function that trains in the folder ``run``; gives status, out and err."""
    monkeypatch.chdir(tmp_path)
    command = partial(run_command, "astroclip-train", main)

    def trained(stage, *options, file="survey.h5", config="tiny.toml"):
        given = ("--data", data / file, "-o", "run", "--config", data / config, "--device", "cpu")
        return command(stage, *given, *options)

    return trained


def steps(folder):
    with (Path(folder) / "log.csv").open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


def interrupted_at(number, monkeypatch):
    """Press Ctrl-C in one step of all that are done."""
    step, done = loop.one_step, []

    def pressed(*given):
        done.append(given)
        if len(done) == number:
            signal.raise_signal(signal.SIGINT)
        return step(*given)

    monkeypatch.setattr(loop, "one_step", pressed)


def test_stage_is_trained_and_said_where(run):
    result = run("spectrum")
    assert (result.status, result.out) == (
        0,
        f"Wrote {Path('run/weights.safetensors')} and its card; the loss is in "
        f"{Path('run/loss.png')}\n",
    )
    assert "6/6" in result.err
    assert {one.name for one in Path("run").iterdir()} == {
        *("checkpoint.safetensors", "configuration.toml", "log.csv", "loss.png", "run.json"),
        *("validation.csv", "weights.json", "weights.safetensors"),
    }


def test_quiet_says_nothing(run):
    result = run("spectrum", "-q", "--steps", 1)
    assert (result.status, result.out, result.err) == (0, "", "")


def test_steps_are_those_in_all(run):
    """Also of a run that is resumed; another number is another run."""
    assert run("spectrum", "-q", "--steps", 3).status == 0
    assert steps("run") == [1, 2, 3]
    assert run("spectrum", "-q", "--steps", 3, "--resume").status == 0
    assert steps("run") == [1, 2, 3]
    result = run("spectrum", "-q", "--steps", 4, "--resume")
    assert result.status == 2
    assert "configuration spectrum steps is 3 there, 4 here" in result.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--steps", "0"], "steps is 0"),
        (["--batch-size", "-1"], "batch_size is -1"),
        (["--batch-size", "500"], "fewer than a batch of 500"),
        (["--accumulate", "3"], "cannot be cut in 3 equal parts"),
        (["--seed", "-1"], "Seed is -1"),
        (["--holdout", "1.5"], "Fraction to hold out is 1.5"),
        (["--holdout-by", "healpix"], "no column 'healpix'"),
        (["--precision", "float8"], "'float8' is not one of"),
        (["--config", "huge"], "No configuration 'huge'"),
        (["--data", "none.h5"], "No training set none.h5"),
        (["-o", "no/run"], "cannot be made"),
        (["--spectrum-encoder", "none"], "Unknown weights 'none'"),
    ],
)
def test_mistake_is_one_line_and_status_2(run, options, words):
    result = run("spectrum", "-q", *options)
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith("astroclip-train: ")
    assert words in line
    assert not Path("run").exists()


def test_alignment_without_encoders_says_what_is_missing(run):
    result = run("align")
    assert result.status == 2
    assert "spectrum_encoder and image_encoder not given" in result.err


def test_encoder_of_another_recipe_is_refused(run):
    result = run("spectrum", "--spectrum-encoder", "compact")
    assert result.status == 2
    assert "has other sizes than the configuration tiny: window (80, not 200)" in result.err


def test_taken_folder_is_left_alone(run):
    assert run("spectrum", "-q", "--steps", 1).status == 0
    before = Path("run/log.csv").read_bytes()
    result = run("spectrum", "-q", "--steps", 1)
    assert result.status == 2
    assert "holds a training run; go on with --resume" in result.err
    assert Path("run/log.csv").read_bytes() == before


def test_damaged_checkpoint_is_refused(run, monkeypatch):
    with monkeypatch.context() as patch:
        interrupted_at(2, patch)
        assert run("spectrum", "-q").status == 130
    Path("run/checkpoint.safetensors").write_bytes(b"nothing")
    result = run("spectrum", "-q", "--resume")
    assert result.status == 2
    assert "does not go with this run" in result.err


def test_ctrl_c_is_no_loss(run, monkeypatch):
    with monkeypatch.context() as patch:
        interrupted_at(4, patch)
        result = run("spectrum")
    assert result.status == 130
    assert result.err.splitlines()[-1] == (
        "astroclip-train: interrupted; 4 of 6 steps are saved in the last checkpoint. Continue "
        "with --resume."
    )
    assert run("spectrum", "--resume").status == 0
    assert steps("run") == [1, 2, 3, 4, 5, 6]


def test_check_writes_nothing_and_says_what_it_found(run):
    result = run("spectrum", "--check", config="learns.toml")
    assert (result.status, result.err) == (0, "")
    words = ["loss before the first step", "loss after overfitting", "gradients", "effective rank"]
    assert [
        line[: len(word)] for line, word in zip(result.out.splitlines(), words, strict=True)
    ] == words
    assert not Path("run").exists()


def test_failed_check_is_status_1(run, monkeypatch):
    monkeypatch.setattr("astroclip_astro.train.sanity_checks.STEPS", 1)
    result = run("spectrum", "--check")
    assert result.status == 1
    assert "astroclip-train: 1 steps on one batch bring the loss to" in result.err


def test_check_tries_one_stage(run):
    result = run("all", "--check")
    assert result.status == 2
    assert "--check is for one stage" in result.err


def test_loss_that_is_no_number_is_status_1(run, data, monkeypatch):
    broken = replace(TINY, spectrum=replace(TINY.spectrum, learning_rate=1e8, clip=0.0, warmup=0))
    (data / "broken.toml").write_text(tomli_w.dumps(broken.to_dict()))
    result = run("spectrum", "-q", config="broken.toml")
    assert result.status == 1
    assert re.fullmatch(r"astroclip-train: At step \d+ the loss is .*\n", result.err)


def test_all_goes_on_where_it_was_interrupted(run, monkeypatch):
    """In the second stage; the first is not trained again, and all three agree in the end."""
    with monkeypatch.context() as patch:
        interrupted_at(6 + 3, patch)
        assert run("all", "-q").status == 130
    assert steps("run/image") == [1, 2, 3]
    assert not Path("run/align").exists()
    first = Path("run/spectrum/weights.safetensors").stat().st_mtime_ns
    refused = run("all", "-q")
    assert refused.status == 2
    assert run("all", "--resume").status == 0
    assert Path("run/spectrum/weights.safetensors").stat().st_mtime_ns == first
    assert all(steps(f"run/{stage}") == [1, 2, 3, 4, 5, 6] for stage in STAGES)
    training = json.loads(Path("run/align/weights.json").read_text())["training"]
    assert list(training["stages"]) == ["spectrum", "image", "align"]
    assert training["simulated"] is True


def test_all_leaves_the_run_of_one_stage_alone(run):
    assert run("spectrum", "-q", "--steps", 1).status == 0
    result = run("all", "-q", "--resume")
    assert result.status == 2
    assert "holds no run of all stages" in result.err


def test_images_alone_train_the_image_encoder(run, data):
    """A file by the names of Stein et al.: no spectra, no word on being simulated."""
    with h5py.File(data / "stein.h5", "w") as file, h5py.File(data / "survey.h5") as survey:
        for name in ("images", "ra", "dec"):
            survey.copy(name, file)
        file["z_spec"] = np.full(GALAXIES, -99.0)
        file["flux"] = np.ones((GALAXIES, 3), "f4")
    assert run("image", "-q", "--steps", 2, file="stein.h5").status == 0
    training = json.loads(Path("run/weights.json").read_text())["training"]
    assert training["simulated"] is False
    assert "observed" in training["data"]
    assert run("spectrum", "-q", "-o", "other", file="stein.h5").status == 2


def test_images_smaller_than_the_encoder_wants_are_refused(run, data):
    with h5py.File(data / "small.h5", "w") as file:
        file["images"] = np.zeros((20, 3, 64, 64), "f4")
    result = run("image", "-q", "--holdout", 0, file="small.h5")
    assert result.status == 2
    assert "64 pixels wide, expected at least 96" in result.err


def test_missing_package_is_found_before_training(run, monkeypatch):
    monkeypatch.setattr("astroclip_astro.train.runner.PACKAGES", ("h5py", "no_such_package"))
    result = run("spectrum")
    assert result.status == 1
    assert result.err == (
        "astroclip-train: Training needs no_such_package; pip install 'astroclip-astro[train]'.\n"
    )


def test_every_option_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    options = {name for param in spectrum.params for name in param.opts if name.startswith("--")}
    assert {name for name in options - {"--quiet", "--output"} if f"{name}" not in page} == set()
