"""What the loop asks of a stage of training."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.train.settings import StageSettings


class Stage(nn.Module):
    """A task the encoders learn from; a batch in, its loss out.

    Random numbers are drawn for the whole batch, on the CPU, by the step's own generator, and each
    process takes those of its rows: a step is the same on any number of processes.

    Parameters
    ----------
    model : AstroCLIP
        Both encoders; a stage registers those parts of it that it trains or needs.
    settings : StageSettings
        Of this stage.

    Attributes
    ----------
    name : str
        Name of the stage.
    needs, uses : tuple of str
        Datasets that a training set must have, and those used where it has them.
    microbatches : int
        Parts a batch is computed in, each with a backward pass of its own.
    task : str
        What is learned, in words for the card of the weights.
    """

    name: str
    needs: tuple[str, ...]
    uses: tuple[str, ...] = ()
    task: str

    def __init__(self, model: AstroCLIP, settings: StageSettings) -> None:
        super().__init__()
        self.settings = settings
        self.microbatches = settings.accumulate

    def sample_random_numbers(self, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the random numbers of a batch, each (count, ...)."""
        raise NotImplementedError

    def whole(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return what each part of a batch must know of the whole one, row by row: (n, ...)."""
        return {}

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss``, and other numbers worth a column of the log, for data and draws."""
        raise NotImplementedError

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """Return trained parameters, and their learning rate as a fraction of the stage's."""
        return [([p for p in self.parameters() if p.requires_grad], 1.0)]

    def embeddings(self, batch: dict[str, Tensor]) -> Tensor:
        """Return what the stage's encoder makes of a batch, to see whether it has collapsed."""
        raise NotImplementedError

    def expected_loss(self, batch: dict[str, Tensor]) -> float:
        """Return what theory expects of the loss before the first step."""
        raise NotImplementedError

    def after_step(self) -> None:
        """Do what follows each step of the optimiser."""


def add_noise(batch: dict[str, Tensor]) -> Tensor:
    """Return spectra with the noise that was drawn for them; nothing is added without data."""
    if "noise" not in batch or "ivar" not in batch:
        return batch["spectrum"]
    ivar = batch["ivar"]
    sigma = torch.where(ivar > 0, ivar.clamp_min(1e-12).rsqrt(), 0)
    return batch["spectrum"] + batch["noise_share"][:, None] * sigma * batch["noise"]


def sample_noise(
    count: int, samples: int, max_sigma: float, generator: torch.Generator
) -> dict[str, Tensor]:
    """Draw noise of spectra, uniformly up to ``max_sigma`` times their own; none where it is 0."""
    if not max_sigma:
        return {}
    return {
        "noise": torch.randn(count, samples, generator=generator),
        "noise_share": max_sigma * torch.rand(count, generator=generator),
    }


def in_groups(encoder: Callable[[Tensor], Tensor], images: Tensor, size: int) -> Tensor:
    """Encode images in groups that share batch statistics, whatever process has how many."""
    return torch.cat([encoder(group) for group in images.split(size)])


def similarities(one: Tensor, other: Tensor) -> Tensor:
    """Return the product of each row of one with each of the other, with all their digits."""
    with torch.autocast(one.device.type, enabled=False):
        return one @ other.T


def unit(embeddings: Tensor) -> Tensor:
    """Return embeddings as unit vectors, float32."""
    return functional.normalize(embeddings.float(), dim=1)
