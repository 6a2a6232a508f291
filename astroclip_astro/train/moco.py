"""MoCo v2: the pretraining task of the image encoder, two views of a galaxy are matched."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.prepare.images import stretch
from astroclip_astro.train.augment import Views, augment, draw_views
from astroclip_astro.train.distributed import all_gather
from astroclip_astro.train.settings import ImageSettings
from astroclip_astro.train.stage import Stage, in_groups, similarities, unit

VIEWS = ("query", "key")


def moco_loss(query: Tensor, key: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """Tell each query's own key from those in the queue.

    Parameters
    ----------
    query, key : Tensor
        Unit vectors, (n, width); row i of one is another view of row i of the other.
    queue : Tensor
        Unit vectors of earlier keys, (length, width).
    temperature : float
        Of the similarities.

    Returns
    -------
    Tensor
        Mean of the n cross-entropies; ln(length + 1) where nothing is known.

    Notes
    -----
    He et al. 2020 (arXiv:1911.05722, eq. 1).
    """
    own = (query * key).sum(dim=1, keepdim=True)
    logits = torch.cat([own, similarities(query, queue)], dim=1) / temperature  # (n, 1 + length)
    return functional.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))


class ImageStage(Stage):
    """MoCo v2 with the augmentations of Stein et al.

    Batch statistics are those of groups of ``group`` images, and keys are encoded in another order
    than queries, so that they do not give a pair away: as published on eight GPUs, and the same on
    any number of processes.

    Parameters
    ----------
    model : AstroCLIP
        Its image encoder is trained.
    settings : ImageSettings
        Queue, momentum, temperature, groups.
    """

    settings: ImageSettings
    queue: Tensor  # earlier keys, (queue, width)
    place: Tensor  # of the queue, where the next keys go
    name = "image"
    needs = ("images",)
    uses = ("psf_size",)
    task = "MoCo v2: two views of an image told from other images"

    def __init__(self, model: AstroCLIP, settings: ImageSettings) -> None:
        super().__init__(model, settings)
        self.stretch, self.size = model.config.image_stretch, model.config.image_size
        self.encoder = model.image_encoder
        self.key_encoder = copy.deepcopy(model.image_encoder).requires_grad_(False)
        width = model.config.embedding_width
        queue = torch.randn(settings.queue, width, generator=torch.Generator().manual_seed(0))
        self.register_buffer("queue", unit(queue))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))
        self.waiting: list[Tensor] = []

    def sample_random_numbers(self, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw two views of each image, and the order keys are encoded in."""
        lognormal = self.settings.reddening == "lognormal"
        draws = {"order": torch.rand(count, generator=generator)}
        for view in VIEWS:
            views = draw_views(count, generator, lognormal_reddening=lognormal)
            draws |= {f"{view}_{name}": value for name, value in vars(views).items()}
            draws[f"{view}_pixels"] = torch.randn(
                count, 3, self.size, self.size, generator=generator
            )
        return draws

    @torch.no_grad()
    def view(self, batch: dict[str, Tensor], name: str) -> Tensor:
        """Return one view of each image, stretched, (n, 3, size, size)."""
        values = {field: batch[f"{name}_{field}"] for field in Views.__dataclass_fields__}
        with torch.autocast(batch["images"].device.type, enabled=False):
            images = augment(
                batch["images"],
                Views(**values),
                batch[f"{name}_pixels"],
                seeing=batch.get("psf_size"),
            )
        return stretch(images, self.stretch).contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def whole(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the keys of a batch: groups of them are drawn from all of it, not from parts."""
        keys = self.keys(batch)
        if self.training:
            self.waiting.append(keys)
        count = len(batch["images"])
        return {"key": keys[self.rows_of_process(count, len(keys))]}

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss, and the share of images whose own key is the most similar."""
        key = batch["key"] if "key" in batch else self.whole(batch)["key"]
        query = self.encoded(self.encoder, self.view(batch, "query"))
        loss = moco_loss(query, key, self.queue, self.settings.temperature)
        with torch.no_grad():
            best = (query * key).sum(1) > similarities(query, self.queue).max(1).values
        return {"loss": loss, "own": best.float().mean()}

    def encoded(self, encoder: nn.Module, views: Tensor) -> Tensor:
        """Return unit vectors of views, (n, width)."""
        return unit(in_groups(encoder, views, self.settings.group))

    def keys(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the keys of all processes' views, encoded in another order than the queries."""
        views = self.view(batch, "key")
        everything, order = all_gather(views), all_gather(batch["order"]).argsort()
        rows = self.rows_of_process(len(views), len(everything))
        mixed = everything[order][rows].contiguous(memory_format=torch.channels_last)
        keys = all_gather(self.encoded(self.key_encoder, mixed))
        return keys[order.argsort()]

    @staticmethod
    def rows_of_process(count: int, total: int) -> slice:
        """Return this process's rows among those of all."""
        rank = torch.distributed.get_rank() if total > count else 0
        return slice(rank * count, (rank + 1) * count)

    @torch.no_grad()
    def after_step(self) -> None:
        """Let the encoder of keys follow, and put the step's keys into the queue."""
        share = self.settings.momentum
        pairs = zip(self.key_encoder.parameters(), self.encoder.parameters(), strict=True)
        for slow, fast in pairs:
            slow.lerp_(fast, 1 - share)
        keys = torch.cat(self.waiting)
        self.waiting = []
        places = (self.place + torch.arange(len(keys), device=keys.device)) % len(self.queue)
        self.queue[places] = keys
        self.place.copy_((self.place + len(keys)) % len(self.queue))

    def embeddings(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the representation below the projection, (n, 2048) at full size."""
        return self.encoder.backbone(self.view(batch, "query")).float()

    def expected_loss(self, batch: dict[str, Tensor]) -> float:
        """Return the loss where a query's similarity to the queue is that of random vectors.

        Those have a normal distribution of variance 1 / width; the one to its own key is measured.
        """
        settings, width = self.settings, self.queue.shape[1]
        query, key = (self.encoded(self.encoder, self.view(batch, name)) for name in VIEWS)
        own = (query * key).sum(1).double() / settings.temperature
        others = math.log(len(self.queue)) + 1 / (2 * width * settings.temperature**2)
        return functional.softplus(others - own).mean().item()
