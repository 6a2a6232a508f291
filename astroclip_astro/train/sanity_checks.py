"""Early checks: a minute now that saves a night."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch

from astroclip_astro.search.effective_rank import effective_rank
from astroclip_astro.train.loop import (
    Data,
    Loop,
    autocast,
    datasets,
    in_microbatches,
    optimiser_of,
    step_seed,
    with_random_numbers,
)
from astroclip_astro.train.moco import ImageStage
from astroclip_astro.train.stage import Stage
from astroclip_astro.training_data.batches import batches

STEPS = 40
WARM = 5
CLOSE = 0.3  # of the expected loss
FALLEN = 0.7  # of the loss at step 0
COLLAPSED = 2.0  # directions


@dataclass(frozen=True)
class EarlyChecks:
    """What a stage does with one batch.

    Parameters
    ----------
    expected, first : float
        Loss before any step: by theory, and found.
    last : float
        Loss on the same batch after so many steps on it.
    finite : bool
        Whether all gradients were numbers.
    rank : float
        Effective rank of the batch's embeddings after those steps.
    """

    expected: float
    first: float
    last: float
    finite: bool
    rank: float

    def failures(self) -> list[str]:
        """Return what is wrong, in words; an empty list where nothing is."""
        wrong = []
        if not self.finite:
            wrong.append("a gradient is not finite")
        if not abs(self.first - self.expected) < CLOSE * self.expected:
            wrong.append(f"the loss begins at {self.first:.3f}, expected about {self.expected:.3f}")
        if not self.last < FALLEN * self.first:
            wrong.append(f"{STEPS} steps on one batch bring the loss to {self.last:.3f} only")
        if not self.rank > COLLAPSED:
            wrong.append(f"embeddings lie in {self.rank:.1f} directions only")
        return wrong


def check_early(stage: Stage, data: Data, loop: Loop) -> EarlyChecks:
    """Overfit one batch, on a copy of the stage.

    Parameters
    ----------
    stage : Stage
        The stage as training would begin it; not changed.
    data : Data
        Galaxies; the first batch of the training is used.
    loop : Loop
        How it would run.

    Returns
    -------
    EarlyChecks
    """
    stage = copy.deepcopy(stage).to(loop.processes.device)
    names = datasets(stage, data.training_set)
    size = stage.settings.batch_size
    part = loop.processes.rows(size)
    with batches(
        data.training_set, data.rows, names, size=size, seed=loop.seed, part=part
    ) as stream:
        values = with_random_numbers(next(stream), stage, step_seed(loop.seed, stage, 0), loop)
    optimiser = optimiser_of(stage)
    stage.train()
    with torch.no_grad():
        expected = stage.expected_loss(values)
    with autocast(loop):
        values |= stage.whole(values)
    losses, finite = [], True
    for step in range(STEPS):
        optimiser.zero_grad(set_to_none=True)
        torch.manual_seed(loop.seed)  # the same dropout each time
        total = 0.0
        for batch in in_microbatches(values, stage.microbatches):
            with autocast(loop):
                found = stage(batch)
            (found["loss"] / stage.microbatches).backward()
            total += found["loss"].item() / stage.microbatches
        losses.append(total)
        for group in optimiser.param_groups:
            share = group["share"] * min(1.0, (step + 1) / WARM)
            group["lr"] = stage.settings.learning_rate * share
            for parameter in group["params"]:
                finite &= bool(torch.isfinite(parameter.grad).all())
        optimiser.step()
        if isinstance(stage, ImageStage):
            stage.waiting = []  # keys of this batch must not become its own negatives
    stage.eval()
    with torch.no_grad():
        rank = effective_rank(stage.embeddings(values).cpu().numpy())
    finite &= all(map(math.isfinite, losses))
    return EarlyChecks(expected, losses[0], losses[-1], finite, rank)
