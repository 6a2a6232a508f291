"""The loop: what a step is, what is logged and kept, and that parts and pauses change nothing."""

import copy
import csv
import math
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from training_stub import data_of, loop_of, stage_of

from astroclip_astro.errors import OutputError
from astroclip_astro.train import loop as module
from astroclip_astro.train.loop import (
    TrainingError,
    learning_rate,
    one_step,
    optimiser_of,
    run_loop,
    step_seed,
    to_tensors,
)
from astroclip_astro.train.run_folder import RunFolder
from astroclip_astro.training_data import batches as reading

STAGES = ["spectrum", "image", "align"]


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def lines(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def losses(folder):
    return [(row["step"], row["loss"]) for row in lines(folder.log)]


def run(name, training_file, folder, *, loop=None, **changed):
    """Train a stage of six steps in a folder, or go on with it."""
    run_loop(stage_of(name, **changed), data_of(training_file), folder, loop or loop_of())


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.01), (49, 0.5), (99, 1.0), (100, 1.0), (500, 0.55), (1000, 0.1)],
)
def test_learning_rate_warms_up_and_falls_along_a_cosine(step, rate):
    settings = stage_of("spectrum", steps=1000, warmup=100, learning_rate=1.0, final_rate=0.1)
    found = learning_rate(step, settings.settings)
    assert found == pytest.approx(rate, rel=0.03)


def test_without_warm_up_the_first_step_is_the_largest():
    settings = stage_of("image", warmup=0, learning_rate=0.24).settings
    assert learning_rate(0, settings) == 0.24


def test_optimisers_are_as_settings_say():
    settings = {"weight_decay": 0.2, "betas": (0.9, 0.999), "learning_rate": 5e-5}
    group, other = optimiser_of(
        stage_of("align", unfreeze=True, encoder_rate=0.4, **settings)
    ).param_groups
    assert (group["betas"], group["weight_decay"], group["lr"]) == ((0.9, 0.999), 0.2, 5e-5)
    assert other["lr"] == pytest.approx(2e-5)
    assert isinstance(optimiser_of(stage_of("image", optimiser="sgd")), torch.optim.SGD)


def test_every_step_of_every_stage_has_a_seed_of_its_own():
    stages = [stage_of(name) for name in STAGES]
    seeds = {step_seed(seed, one, step) for seed in (0, 1) for one in stages for step in range(50)}
    assert len(seeds) == 300


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4"])
def test_data_are_float32_and_finite(dtype):
    values = np.array([1, 2], dtype)
    if dtype[0] == "f":
        values = np.array([1, np.nan, np.inf, -np.inf], dtype)
    (found,) = to_tensors({"x": values}, torch.device("cpu")).values()
    assert found.dtype == torch.float32
    assert found.tolist() == ([1, 2] if dtype == "i4" else [1, 0, 0, 0])


@pytest.mark.parametrize(
    ("name", "precision"),
    [("spectrum", torch.float32), ("image", torch.bfloat16), ("align", torch.float32)],
)
def test_log_has_a_line_for_each_step(name, precision, training_file, folder):
    run(name, training_file, folder, loop=loop_of(precision=precision))
    found = lines(folder.log)
    assert list(found[0])[:5] == ["step", "loss", "learning_rate", "rate", "gradient"]
    assert [int(row["step"]) for row in found] == [1, 2, 3, 4, 5, 6]
    assert all(math.isfinite(float(value)) for row in found for value in row.values())
    assert all(float(row["rate"]) > 0 < float(row["gradient"]) for row in found)
    assert [int(row["step"]) for row in lines(folder.validation)] == [1, 2, 3, 4, 5, 6]
    assert all(float(row["effective_rank"]) > 1 for row in lines(folder.validation))


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("spectrum", {}),
        ("spectrum", {"masked": "dropped", "target": "observed"}),
        ("image", {}),
        ("align", {}),
        ("align", {"unfreeze": True}),
    ],
    ids=["zeroed", "dropped", "image", "frozen", "unfrozen"],
)
def test_gradient_in_parts_is_that_of_the_whole_batch(name, changed, batch_of):
    """The loss, the queue of MoCo and statistics of batches too."""
    found = []
    for parts in (1, 2):
        stage = stage_of(name, dropout=0.0, accumulate=parts, **changed)
        batch = batch_of(stage)
        raw = {
            n: batch[n].numpy()
            for n in ("images", "spectrum", "ivar", "psf_size", "clean_spectrum")
            if n in batch
        }
        stage.sample_random_numbers = lambda *_, batch=batch, raw=raw: {
            n: v for n, v in batch.items() if n not in raw
        }
        row = one_step(stage, stage, optimiser_of(stage), raw, 0, loop_of())
        gradients = {n: p.grad for n, p in stage.named_parameters() if p.grad is not None}
        found.append((row["loss"], gradients | dict(stage.named_buffers())))
    (loss, whole), (other, parts) = found
    assert other == pytest.approx(loss, rel=1e-5)
    for key, value in whole.items():
        scale = 1e-5 * max(1e-2, float(value.abs().max()))
        assert torch.allclose(parts[key].double(), value.double(), rtol=1e-4, atol=scale), key


def test_held_out_galaxies_are_never_trained_on(training_file, folder, monkeypatch):
    """They are read for validation, and by nothing else."""
    data, seen = data_of(training_file, holdout=0.3), []
    chosen = reading.chosen_rows

    def spy(rows, *given):
        seen.append((len(rows), chosen(rows, *given)))
        return seen[-1][1]

    monkeypatch.setattr(reading, "chosen_rows", spy)
    run_loop(stage_of("spectrum", steps=10), data, folder, loop_of())
    trained = {int(row) for count, rows in seen if count == len(data.rows) for row in rows}
    validated = {int(row) for count, rows in seen if count == len(data.held_out) for row in rows}
    assert trained <= set(data.rows.tolist())
    assert validated <= set(data.held_out.tolist())
    assert not trained & set(data.held_out.tolist())
    tiles = data.training_set.column("tile")
    assert not set(tiles[sorted(trained)]) & set(tiles[data.held_out])


def test_nothing_held_out_is_nothing_validated(training_file, folder):
    data = replace(data_of(training_file), held_out=np.array([], int))
    run_loop(stage_of("spectrum"), data, folder, loop_of())
    assert not folder.validation.exists()


def test_validation_is_of_the_same_galaxies_each_time(training_file, folder):
    """A stage that does not learn has the same loss each time."""
    run("spectrum", training_file, folder, learning_rate=0.0)
    assert len({row["loss"] for row in lines(folder.validation)}) == 1


@pytest.mark.slow
def test_same_seed_same_losses(training_file, tmp_path):
    one, same, other = (RunFolder(tmp_path / name) for name in ("one", "same", "other"))
    for folder, seed in ((one, 1), (same, 1), (other, 2)):
        folder.path.mkdir()
        run("align", training_file, folder, loop=loop_of(seed=seed))
    assert losses(one) == losses(same)
    assert losses(one) != losses(other)


class StoppedError(Exception):
    """What stands for a kill."""


@pytest.mark.parametrize(("name", "at"), [("spectrum", 1), ("image", 4), ("align", 3)])
def test_stopped_and_resumed_equals_uninterrupted(name, at, training_file, tmp_path):
    """Losses, validation and parameters, bit by bit, dropout and order of batches included."""

    def stop(stage, step, steps, row):
        if step == at:
            raise StoppedError

    whole, stopped = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "stopped")
    for folder in (whole, stopped):
        folder.path.mkdir()
    uninterrupted, resumed = stage_of(name, steps=6), stage_of(name, steps=6)
    run_loop(uninterrupted, data_of(training_file), whole, loop_of())
    with pytest.raises(StoppedError):
        run(name, training_file, stopped, steps=6, loop=loop_of(progress=stop, checkpoint_every=0))
    run_loop(resumed, data_of(training_file), stopped, loop_of())
    assert losses(stopped) == losses(whole)
    assert lines(stopped.validation) == lines(whole.validation)
    for one, other in zip(
        uninterrupted.state_dict().values(), resumed.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_interrupted_step_is_finished_and_kept(training_file, folder, monkeypatch):
    """Ctrl-C in the middle of the third step; nothing was written before it."""
    step = module.one_step

    def interrupted(*given):
        if given[4] == 2:
            signal.raise_signal(signal.SIGINT)
        return step(*given)

    monkeypatch.setattr(module, "one_step", interrupted)
    with pytest.raises(KeyboardInterrupt, match="3 of 6 steps are saved"):
        run("spectrum", training_file, folder)
    stage = stage_of("spectrum")
    assert folder.load(stage, optimiser_of(stage)) == 3
    assert len(lines(folder.log)) == len(lines(folder.validation)) == 3


def test_interrupted_while_others_are_gone_keeps_what_was_written(
    training_file, folder, monkeypatch
):
    """A step that is half done is not kept."""

    def torn(model, stage, *given):
        if given[2] == 2:
            stage.encoder.head.weight.data.zero_()
            raise KeyboardInterrupt
        return one_step(model, stage, *given)

    monkeypatch.setattr(module, "one_step", torn)
    with pytest.raises(KeyboardInterrupt, match="0 of 6 steps are saved"):
        run("spectrum", training_file, folder)
    assert not folder.checkpoint.exists()


def test_loss_that_is_no_number_ends_the_training_and_loses_nothing(
    training_file, folder, monkeypatch
):
    run("spectrum", training_file, folder, steps=2)
    kept, logged = folder.checkpoint.read_bytes(), folder.log.read_text()
    stage = stage_of("spectrum")

    def broken(batch):
        return {
            name: value * torch.nan for name, value in type(stage).forward(stage, batch).items()
        }

    monkeypatch.setattr(stage, "forward", broken)
    with pytest.raises(TrainingError, match=r"At step 3 the loss is nan .* lower learning_rate"):
        run_loop(stage, data_of(training_file), folder, loop_of(checkpoint_every=0))
    assert folder.checkpoint.read_bytes() == kept
    assert folder.log.read_text().split() == logged.split()


def test_gradient_that_is_no_number_changes_no_parameter(batch_of):
    stage = stage_of("spectrum")
    batch = batch_of(stage)
    stage.encoder.data_embed.weight.register_hook(lambda gradient: gradient * torch.inf)
    before = copy.deepcopy(stage.state_dict())
    raw = {n: batch[n].numpy() for n in ("spectrum", "clean_spectrum", "ivar")}
    with pytest.raises(TrainingError, match=r"gradient (inf|nan)"):
        one_step(stage, stage, optimiser_of(stage), raw, 0, loop_of())
    assert all(torch.equal(value, before[key]) for key, value in stage.state_dict().items())


def test_full_disk_ends_the_training_and_keeps_the_last_checkpoint(
    training_file, folder, monkeypatch
):
    from astroclip_astro.train import run_folder

    save, calls = run_folder.save_file, []

    def fail(*given):
        calls.append(given)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        return save(*given)

    monkeypatch.setattr(run_folder, "save_file", fail)
    with pytest.raises(OutputError, match=r"No space left .* go on with --resume"):
        run("spectrum", training_file, folder, loop=loop_of(checkpoint_every=0))
    stage = stage_of("spectrum")
    assert folder.load(stage, optimiser_of(stage)) == 2


def test_clipped_gradient_is_no_longer_than_asked_for(batch_of):
    stage = stage_of("spectrum", clip=1e-3)
    batch = batch_of(stage)
    raw = {n: batch[n].numpy() for n in ("spectrum", "clean_spectrum", "ivar")}
    row = one_step(stage, stage, optimiser_of(stage), raw, 0, loop_of())
    length = torch.stack([p.grad.norm() for p in stage.encoder.parameters()]).norm()
    assert length.item() == pytest.approx(1e-3, rel=1e-3)
    assert row["gradient"] > 1e-2


@pytest.mark.slow
def test_bfloat16_learns_about_the_same(training_file, tmp_path):
    found = []
    for precision in (torch.float32, torch.bfloat16):
        folder = RunFolder(tmp_path / str(precision))
        folder.path.mkdir()
        run("align", training_file, folder, loop=loop_of(precision=precision))
        found.append([float(loss) for _, loss in losses(folder)])
    assert found[1] == pytest.approx(found[0], rel=0.02)
