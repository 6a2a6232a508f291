"""The loop: batch, loss, gradient, step; logged, checkpointed, the same after an interruption."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from astroclip_astro.errors import AstroclipError
from astroclip_astro.search.effective_rank import effective_rank
from astroclip_astro.storage.interrupts import interrupts_held
from astroclip_astro.train.distributed import Processes, all_gather, shared_statistics
from astroclip_astro.train.run_folder import RunFolder
from astroclip_astro.train.settings import StageSettings
from astroclip_astro.train.stage import Stage
from astroclip_astro.training_data.batches import batches
from astroclip_astro.training_data.training_set import TrainingSet

VALIDATIONS = 40  # times in a run
VALIDATION_BATCHES = 4
SGD_MOMENTUM = 0.9  # momentum of SGD


class TrainingError(AstroclipError):
    """A training that cannot go on; what it has learned until then is kept."""


@dataclass(frozen=True)
class Data:
    """Galaxies to learn from, and others held out.

    Parameters
    ----------
    training_set : TrainingSet
        The file.
    rows, held_out : ndarray
        int64, its rows that are trained on and those that are not.
    """

    training_set: TrainingSet
    rows: np.ndarray
    held_out: np.ndarray


@dataclass(frozen=True)
class Loop:
    """How a loop runs; nothing here changes what is learned, but for rounding.

    Parameters
    ----------
    processes : Processes
        Who takes part.
    precision : torch.dtype
        Number format inside the networks.
    seed : int
        Of everything random.
    checkpoint_every : float
        Seconds.
    progress : callable
        Called with stage, steps done, steps in all and the log's line, in the first process.
    """

    processes: Processes
    precision: torch.dtype
    seed: int
    checkpoint_every: float
    progress: Callable[[str, int, int, dict[str, float]], object]


def optimiser_of(stage: Stage) -> torch.optim.Optimizer:
    """Return the stage's optimiser; each group remembers its largest learning rate."""
    settings = stage.settings
    groups = [
        {"params": parameters, "lr": share * settings.learning_rate, "share": share}
        for parameters, share in stage.groups()
    ]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=SGD_MOMENTUM, weight_decay=settings.weight_decay)
    return torch.optim.AdamW(groups, betas=settings.betas, weight_decay=settings.weight_decay)


def learning_rate(step: int, settings: StageSettings) -> float:
    """Return the learning rate of a step: linear warm-up, then a cosine over all steps.

    Examples
    --------
    >>> from astroclip_astro.train.settings import SpectrumSettings
    >>> settings = SpectrumSettings(steps=100, warmup=10, learning_rate=1.0)
    >>> [round(learning_rate(step, settings), 3) for step in (0, 9, 50, 99)]
    [0.1, 0.98, 0.5, 0.0]
    """
    warm = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    cosine = (1 + math.cos(math.pi * step / settings.steps)) / 2
    return (
        settings.learning_rate * warm * (settings.final_rate + (1 - settings.final_rate) * cosine)
    )


def step_seed(seed: int, stage: Stage, step: int) -> int:
    """Return the seed of one step of one stage."""
    state = np.random.SeedSequence([seed, *stage.name.encode(), step]).generate_state(1, np.uint64)
    return int(state[0] >> 1)


def to_tensors(batch: dict[str, np.ndarray], device: torch.device) -> dict[str, Tensor]:
    """Move data to where they are computed on, as float32; samples without data are zeros."""
    return {
        name: torch.nan_to_num(torch.from_numpy(values).to(device).float(), posinf=0, neginf=0)
        for name, values in batch.items()
    }


def with_random_numbers(batch: dict, stage: Stage, seed: int, loop: Loop) -> dict[str, Tensor]:
    """Add this process's share of the random numbers of a whole batch."""
    processes = loop.processes
    count = len(next(iter(batch.values()))) * processes.count
    draws = stage.sample_random_numbers(count, torch.Generator().manual_seed(seed))
    mine = processes.rows(count)
    return to_tensors(batch, processes.device) | {
        name: values[mine].to(processes.device) for name, values in draws.items()
    }


def datasets(stage: Stage, training_set: TrainingSet) -> list[str]:
    """Return the datasets a stage reads of a training set."""
    return [*stage.needs, *(name for name in stage.uses if name in training_set.names)]


def run_loop(stage: Stage, data: Data, folder: RunFolder, loop: Loop) -> None:
    """Train a stage until all its steps are done, from the last checkpoint where there is one.

    Parameters
    ----------
    stage : Stage
        What is learned; changed in place.
    data : Data
        Galaxies.
    folder : RunFolder
        Where the log and checkpoints go.
    loop : Loop
        The numbers of steps, of processes and of checkpoints.

    Raises
    ------
    TrainingError
        If a loss or a gradient is no number.
    OutputError
        If the folder cannot be written.
    KeyboardInterrupt
        After the step that was interrupted, which is kept.
    """
    run = _Run(stage, data, folder, loop)
    settings, processes = stage.settings, loop.processes
    with batches(
        data.training_set,
        data.rows,
        datasets(stage, data.training_set),
        size=settings.batch_size,
        seed=loop.seed,
        first=run.done,
        part=processes.rows(settings.batch_size),
    ) as stream:
        try:
            while run.done < settings.steps:
                batch = next(stream)
                with interrupts_held():  # a step is done whole, or not begun
                    row = run.step(batch)
                if processes.first:
                    loop.progress(stage.name, run.done, settings.steps, row)
        except KeyboardInterrupt:
            # Where others of several processes have gone, a step may be begun and not done.
            if processes.first and run.saved < run.done == run.begun:
                with interrupts_held():
                    run.save()
            raise KeyboardInterrupt(
                f"{run.saved} of {settings.steps} steps are saved in the last checkpoint"
            ) from None


class _Run:
    """A stage in training, from its last checkpoint where there is one, and how far it has come.

    Parameters
    ----------
    stage, data, folder, loop
        As `run_loop` has them.

    Attributes
    ----------
    begun, done, saved : int
        Steps that were begun, that are done, and that the last checkpoint holds.
    saved_at, counted_from : float
        When the last checkpoint was written, and what the rate of the next step is counted from;
        seconds of the monotonic clock.
    """

    def __init__(self, stage: Stage, data: Data, folder: RunFolder, loop: Loop) -> None:
        self.stage, self.data, self.folder, self.loop = stage, data, folder, loop
        processes = loop.processes
        stage.to(processes.device).to(memory_format=torch.channels_last)
        self.optimiser = optimiser_of(stage)
        self.begun = self.done = self.saved = folder.load(stage, self.optimiser)
        if processes.first:
            for path in (folder.log, folder.validation):
                folder.cut(path, self.done)
        self.model = in_parallel(stage) if processes.count > 1 else stage
        self.saved_at = self.counted_from = time.monotonic()

    def step(self, batch: dict[str, np.ndarray]) -> dict[str, float]:
        """Do one step, with its log, validation and checkpoint; return its line of the log."""
        settings, loop = self.stage.settings, self.loop
        self.begun = self.done + 1
        row = one_step(self.model, self.stage, self.optimiser, batch, self.done, loop)
        now = time.monotonic()
        row["rate"] = settings.batch_size / (now - self.counted_from)
        self.counted_from = now
        if loop.processes.first:
            self.folder.add(self.folder.log, row)
        every = max(1, settings.steps // VALIDATIONS)
        if self.begun % every == 0 or self.begun == settings.steps:
            validate(self.stage, self.data, self.folder, loop, self.begun)
            self.counted_from = time.monotonic()
        self.done = self.begun
        late = now - self.saved_at > loop.checkpoint_every
        if loop.processes.first and (late or self.done == settings.steps):
            self.save()
        return row

    def save(self) -> None:
        """Write a checkpoint of the steps that are done."""
        self.folder.save(self.done, self.stage, self.optimiser)
        self.saved = self.done
        self.saved_at = self.counted_from = time.monotonic()


def in_parallel(stage: Stage) -> DistributedDataParallel:
    """Return a stage whose gradients all processes share; its buffers they share themselves."""
    known = inspect.signature(DistributedDataParallel).parameters
    new, old = "forward_sync_buffers", "broadcast_buffers"  # as older versions of PyTorch call it
    options: dict[str, Any] = {new if new in known else old: False}
    return DistributedDataParallel(stage, **options)


def one_step(
    model: Stage | DistributedDataParallel,
    stage: Stage,
    optimiser: torch.optim.Optimizer,
    batch: dict[str, np.ndarray],
    step: int,
    loop: Loop,
) -> dict[str, float]:
    """Do one step of the optimiser and return its line of the log."""
    settings = stage.settings
    seed = step_seed(loop.seed, stage, step)
    torch.manual_seed(seed + loop.processes.rank)  # of dropout
    rate = learning_rate(step, settings)
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]
    values = with_random_numbers(batch, stage, seed, loop)
    stage.train()
    optimiser.zero_grad(set_to_none=True)
    totals: dict[str, Tensor] = {}
    with shared_statistics(stage):
        with autocast(loop):
            values |= stage.whole(values)
        for number, part in enumerate(in_microbatches(values, stage.microbatches)):
            # Gradients are shared by the processes once, with the last part.
            last = number + 1 == stage.microbatches
            sharing: AbstractContextManager[None] = nullcontext()
            if isinstance(model, DistributedDataParallel) and not last:
                sharing = model.no_sync()
            with sharing:
                with autocast(loop):
                    found = model(part)
                (found["loss"] / stage.microbatches).backward()
            for name, value in found.items():
                totals[name] = totals.get(name, 0) + value.detach() / stage.microbatches
    trained = [p for group in optimiser.param_groups for p in group["params"]]
    length = nn.utils.clip_grad_norm_(trained, settings.clip or math.inf)
    means = {n: all_gather(v.reshape(1)).mean().item() for n, v in totals.items()}
    if not (math.isfinite(means["loss"]) and math.isfinite(length.item())):
        raise TrainingError(
            f"At step {step + 1} the loss is {means['loss']} and its gradient {length.item()}; "
            "lower learning_rate in the configuration, or use float32."
        )
    optimiser.step()
    stage.after_step()
    row = {"step": step + 1, "loss": means.pop("loss"), "learning_rate": rate, "rate": 0.0}
    return row | {"gradient": length.item()} | means


def autocast(loop: Loop) -> torch.autocast:
    """Return the context that networks are computed in, with the loop's precision."""
    enabled = loop.precision != torch.float32
    return torch.autocast(loop.processes.device.type, loop.precision, enabled=enabled)


def in_microbatches(values: dict[str, Tensor], parts: int) -> Iterator[dict[str, Tensor]]:
    """Cut a batch in equal parts."""
    count = len(next(iter(values.values()))) // parts
    for start in range(0, count * parts, count):
        yield {name: value[start : start + count] for name, value in values.items()}


@torch.no_grad()
def validate(stage: Stage, data: Data, folder: RunFolder, loop: Loop, step: int) -> None:
    """Log loss and effective rank on galaxies held out, the same ones each time."""
    shared = len(data.held_out) // loop.processes.count * loop.processes.count
    size = min(stage.settings.batch_size, shared)
    if not size:
        return
    count = min(len(data.held_out) // size, VALIDATION_BATCHES)
    stage.eval()
    losses, embedded = [], []
    names = datasets(stage, data.training_set)
    part = loop.processes.rows(size)
    with batches(data.training_set, data.held_out, names, size=size, seed=0, part=part) as stream:
        for number in range(count):
            values = with_random_numbers(next(stream), stage, number, loop)
            losses.append(all_gather(stage(values)["loss"].reshape(1)).mean().item())
            embedded.append(all_gather(stage.embeddings(values)))
    row = {
        "step": step,
        "loss": float(np.mean(losses)),
        "effective_rank": effective_rank(torch.cat(embedded).cpu().numpy()),
    }
    if loop.processes.first:
        folder.add(folder.validation, row)
