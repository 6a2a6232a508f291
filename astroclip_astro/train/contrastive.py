"""InfoNCE: images and spectra of the same galaxies brought together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.prepare.images import stretch
from astroclip_astro.train.augment import Views, turn
from astroclip_astro.train.distributed import BATCHES_SEEN, all_gather, scale_gathered_loss
from astroclip_astro.train.settings import AlignSettings
from astroclip_astro.train.stage import (
    Stage,
    add_noise,
    in_groups,
    sample_noise,
    similarities,
    unit,
)

INVERSE_TEMPERATURE = 15.5


def infonce(images: Tensor, spectra: Tensor, scale: float = INVERSE_TEMPERATURE) -> Tensor:
    """Contrast every pair with all others of the batch, in both directions.

    Parameters
    ----------
    images, spectra : Tensor
        Embeddings, (pairs, width); row i of one belongs to row i of the other. Normalised here.
    scale : float
        Inverse temperature.

    Returns
    -------
    Tensor
        Mean of the two directions; ln(pairs) for embeddings that know nothing.

    Notes
    -----
    Lanusse et al. 2023 (arXiv:2310.03024, Eq. 1), with both directions as in the published code.
    """
    images, spectra = functional.normalize(images, dim=1), functional.normalize(spectra, dim=1)
    logits = similarities(scale * images, spectra)  # (pairs, pairs)
    pairs = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, pairs) + functional.cross_entropy(logits.T, pairs)) / 2


class AlignStage(Stage):
    """Images and spectra aligned; frozen encoders as published, or everything free.

    Frozen are the spectrum transformer and the image encoder below its projection, batch statistics
    included; the spectrum's head and the image's projection learn.

    Parameters
    ----------
    model : AstroCLIP
        Both encoders, pretrained.
    settings : AlignSettings
        Temperature, what is frozen, how images are turned.
    """

    settings: AlignSettings
    name = "align"
    needs = ("images", "spectrum")

    def __init__(self, model: AstroCLIP, settings: AlignSettings) -> None:
        super().__init__(model, settings)
        self.microbatches = (
            1  # all pairs of a batch are contrasted; memory is saved by computing twice
        )
        self.stretch, self.size = model.config.image_stretch, model.config.image_size
        self.samples = model.config.spectrum_samples
        self.image_encoder = model.image_encoder
        self.spectrum_encoder = model.spectrum_encoder.requires_grad_(settings.unfreeze)
        self.spectrum_encoder.head.requires_grad_(False)  # fills in masks, no use here
        self.spectrum_head = model.spectrum_head
        for name, parameter in self.image_encoder.named_parameters():
            parameter.requires_grad_(settings.unfreeze or name.startswith("fc."))
        self.uses = ("ivar",) if settings.noise else ()
        state = "free" if settings.unfreeze else "frozen below their heads"
        self.task = (
            "InfoNCE in both directions between images and spectra, inverse temperature "
            f"{settings.scale:g}, encoders {state}"
        )

    def train(self, mode: bool = True) -> AlignStage:
        """Set the mode; frozen parts stay in evaluation mode, batch statistics as they are."""
        super().train(mode)
        if not self.settings.unfreeze:
            self.image_encoder.eval()
            self.spectrum_encoder.eval()
        return self

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """Return the heads, and the encoders with a learning rate of their own."""
        heads = [*self.spectrum_head.parameters(), *self.image_encoder.fc.parameters()]
        known = {id(parameter) for parameter in heads}
        encoders = [p for p in self.parameters() if p.requires_grad and id(p) not in known]
        groups = [(heads, 1.0)]
        return [*groups, (encoders, self.settings.encoder_rate)] if encoders else groups

    def sample_random_numbers(self, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw flips, angles and shifts of images, and extra noise of spectra."""
        shift = self.settings.shift
        angle = torch.rand(count, generator=generator)
        if self.settings.rotation == "quarter":
            angle = (4 * angle).floor() / 4
        return {
            "flip": torch.rand(count, generator=generator) < 0.5,
            "angle": 2 * math.pi * angle,
            "shift": torch.randint(-shift, shift + 1, (count, 2), generator=generator).float(),
        } | sample_noise(count, self.samples, self.settings.noise, generator)

    def images(self, batch: dict[str, Tensor]) -> Tensor:
        """Return turned and stretched images, (n, 3, 96, 96)."""
        images = batch["images"]
        if self.settings.rotation == "quarter":
            turned = quarter_turns(images, batch, self.size)
        else:
            nothing = torch.ones(len(images), device=images.device)
            views = Views(
                ebv=nothing,
                flip=batch["flip"],
                angle=batch["angle"],
                scale=nothing,
                seeing=nothing,
                shift=batch["shift"],
                noise=nothing,
            )
            turned = turn(images, views, self.size)
        return stretch(turned, self.stretch).contiguous(memory_format=torch.channels_last)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss, and the share of images whose own spectrum is the most similar."""
        image, spectrum = (all_gather(one) for one in self.pair(batch))
        loss = infonce(image, spectrum, self.settings.scale)
        right = similarities(image, spectrum).argmax(1) == torch.arange(
            len(image), device=image.device
        )
        return {"loss": scale_gathered_loss(loss), "own": right.float().mean()}

    def pair(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return unit vectors of images and of spectra, (n, width) each."""
        with torch.no_grad(), torch.autocast(batch["images"].device.type, enabled=False):
            images, spectra = self.images(batch), add_noise(batch)
        return (
            unit(self.in_microbatches(self.encode_images, images)),
            unit(self.in_microbatches(self.encode_spectra, spectra)),
        )

    def in_microbatches(self, encode: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
        """Encode in as many parts as asked for, each computed once more for its gradient."""
        count = self.settings.accumulate
        if count == 1 or not torch.is_grad_enabled():
            return encode(values)
        parts = values.split(math.ceil(len(values) / count))

        def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
            return nullcontext(), frozen_statistics(self.image_encoder)

        return torch.cat(
            [checkpoint(encode, part, use_reentrant=False, context_fn=contexts) for part in parts]
        )

    def encode_images(self, images: Tensor) -> Tensor:
        """Encode images; in groups where they share batch statistics."""
        if self.settings.unfreeze:
            return in_groups(self.image_encoder, images, self.settings.group)
        with torch.no_grad():
            represented = self.image_encoder.backbone(images)
        return self.image_encoder.fc(represented)

    def encode_spectra(self, spectra: Tensor) -> Tensor:
        """Encode spectra."""
        with torch.set_grad_enabled(self.settings.unfreeze and torch.is_grad_enabled()):
            tokens = self.spectrum_encoder.embed(self.spectrum_encoder.tokens(spectra))
        return self.spectrum_head(tokens)[0]

    def embeddings(self, batch: dict[str, Tensor]) -> Tensor:
        """Return unit vectors of images and spectra below each other, (2 n, width)."""
        return torch.cat(self.pair(batch))

    def expected_loss(self, batch: dict[str, Tensor]) -> float:
        """Return the logarithm of the number of pairs."""
        return math.log(len(all_gather(batch["flip"].float())))


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Leave running batch statistics as they are: what is computed twice counts once."""
    layers = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    before = [(layer.momentum, layer.get_buffer(BATCHES_SEEN).clone()) for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, (momentum, batches) in zip(layers, before, strict=True):
            layer.momentum = momentum
            layer.get_buffer(BATCHES_SEEN).copy_(batches)


def quarter_turns(images: Tensor, draws: dict[str, Tensor], size: int) -> Tensor:
    """Return images flipped, turned by quarters, shifted and cut, their pixels as they are."""
    margin = (images.shape[-1] - size) // 2
    turned = []
    for image, flip, angle, shift in zip(
        images, draws["flip"], draws["angle"], draws["shift"].int(), strict=True
    ):
        image = torch.rot90(image, round(angle.item() / (math.pi / 2)), dims=(1, 2))
        image = image.flip(2) if flip else image
        # A shift beyond the edge of a small image comes in again on the other side.
        image = image.roll(shift.tolist(), dims=(1, 2))
        turned.append(image[:, margin : margin + size, margin : margin + size])
    return torch.stack(turned)  # (n, 3, size, size)
