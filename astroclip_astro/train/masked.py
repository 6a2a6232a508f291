"""Mask-filling: the pretraining task of the spectrum transformer."""

from __future__ import annotations

import torch
from torch import Tensor

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.models.masking import reconstruct, token_mask
from astroclip_astro.train.distributed import all_gather
from astroclip_astro.train.settings import SpectrumSettings
from astroclip_astro.train.stage import Stage, add_noise, sample_noise


def masked_loss(reconstruction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over what the mask took away.

    Elements that are zero before masking, such as the first two of every window, lose nothing and
    do not count, as in the published code.

    Parameters
    ----------
    reconstruction, target : Tensor
        Tokens, (batch, tokens, token width).
    mask : Tensor
        bool (batch, tokens), True where hidden.
    """
    return (reconstruction - target)[counted(target, mask)].square().mean()


def counted(target: Tensor, mask: Tensor) -> Tensor:
    """Return which elements the mask took something away from, bool (batch, tokens, width)."""
    return mask[..., None] & (target != 0)


def clean_target(clean: Tensor, tokens: Tensor, config: Configuration) -> Tensor:
    """Return the tokens of noiseless spectra, standardised as the observed ones were."""
    mean, deviation = 2 * tokens[:, 0, :1] + 2, 8 * tokens[:, 0, 1:2] + 2  # (batch, 1)
    windows = ((clean - mean) / deviation).unfold(1, config.window, config.window_step)
    target = tokens.clone()
    target[:, 1:, 2:] = windows[:, : tokens.shape[1] - 1]
    return target


def subtract_straight_line(tokens: Tensor) -> Tensor:
    """Return windows less their own straight lines: lines and breaks are left."""
    windows = tokens[:, 1:, 2:]  # (batch, windows, window)
    x = torch.linspace(-1, 1, windows.shape[-1], device=tokens.device)
    slope = (windows * x).mean(-1, keepdim=True) / x.square().mean()
    return windows - windows.mean(-1, keepdim=True) - slope * x


class SpectrumStage(Stage):
    """Mask-filling of spectra.

    Parameters
    ----------
    model : AstroCLIP
        Its spectrum transformer is trained.
    settings : SpectrumSettings
        What is hidden, and what counts.
    """

    settings: SpectrumSettings
    name = "spectrum"
    needs: tuple[str, ...] = ("spectrum",)

    def __init__(self, model: AstroCLIP, settings: SpectrumSettings) -> None:
        super().__init__(model, settings)
        self.encoder = model.spectrum_encoder
        self.uses = ("ivar",) if settings.noise else ()
        if settings.target == "clean":
            self.needs = ("spectrum", "clean_spectrum")
        aim = "noiseless spectrum" if settings.target == "clean" else "spectrum itself"
        self.task = f"hidden parts of spectra filled in, the {aim} as target"
        self.sample_random_numbers(1, torch.Generator())  # chunks that do not fit are found out now

    def sample_random_numbers(self, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw which tokens are hidden, and extra noise."""
        settings, config = self.settings, self.encoder.config
        mask = token_mask(
            count,
            config.tokens,
            chunks=settings.chunks,
            width=settings.chunk_width,
            generator=generator,
        )
        noise = sample_noise(count, config.spectrum_samples, settings.noise, generator)
        return {"mask": mask} | noise

    def whole(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the sizes of a batch that is cut in parts, the same for each spectrum."""
        if self.microbatches == 1:
            return {}
        with torch.no_grad():
            sizes = all_gather(self.sizes(self.seen(batch)[1], batch["mask"])[None]).mean(0)
        return {"sizes": sizes.expand(len(batch["mask"]), -1)}

    def seen(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the tokens of a batch, and what they are to become."""
        tokens = self.encoder.tokens(add_noise(batch))
        if self.settings.target == "observed":
            return tokens, tokens
        return tokens, clean_target(batch["clean_spectrum"], tokens, self.encoder.config)

    def sizes(self, target: Tensor, mask: Tensor) -> Tensor:
        """Return what the errors of some spectra are divided by, float32 (3,).

        Elements that count among hidden and among visible ones, a spectrum, and the variance of
        lines.
        """
        counts = [counted(target, which).sum() / len(mask) for which in (mask, ~mask)]
        return torch.stack([*counts, subtract_straight_line(target).square().mean()])

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss, and its part over hidden tokens.

        ``lines`` is the unexplained share of the variance of hidden lines. Errors are means over
        all processes and parts of a batch, of which each has not quite as many elements.
        """
        settings, mask = self.settings, batch["mask"]
        tokens, target = self.seen(batch)
        if settings.masked == "dropped":
            found = reconstruct(self.encoder, tokens, mask).float()
        else:
            found = self.encoder(tokens.masked_fill(mask[..., None], 0)).float()
        own = self.sizes(target, mask)
        sizes = batch["sizes"][0] if "sizes" in batch else all_gather(own[None]).mean(0)
        share = own / sizes  # 1 where there is one part and one process
        loss = masked = masked_loss(found, target, mask) * share[0]
        if settings.visible_weight:
            visible = masked_loss(found, target, ~mask) * share[1]
            loss = loss + settings.visible_weight * visible
        lines, hidden = subtract_straight_line(target), mask[:, 1:]
        error = (subtract_straight_line(found) - lines).square()
        if settings.line_weight:
            weight = torch.where(hidden, 1.0, settings.visible_weight)[..., None]
            loss = loss + settings.line_weight * (error * weight).mean() / sizes[2]
        unexplained = error[hidden].mean() / lines[hidden].square().mean()
        return {"loss": loss, "masked": masked.detach(), "lines": unexplained.detach()}

    def embeddings(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean of each spectrum's tokens, (n, spectrum width)."""
        return self.encoder.embed(self.encoder.tokens(batch["spectrum"])).float().mean(1)

    def expected_loss(self, batch: dict[str, Tensor]) -> float:
        """Return the loss of an untrained answer: independent numbers of variance 1."""
        settings, mask = self.settings, batch["mask"]
        target = self.seen(batch)[1]
        nothing = torch.zeros_like(target)
        loss = masked_loss(nothing, target, mask) + 1
        if settings.visible_weight:
            loss = loss + settings.visible_weight * (masked_loss(nothing, target, ~mask) + 1)
        if settings.line_weight:
            lines = subtract_straight_line(target).square()
            line = 1 - 2 / lines.shape[-1]  # what is left of that variance without straight lines
            weight = torch.where(mask[:, 1:], 1.0, settings.visible_weight)[..., None]
            loss = loss + settings.line_weight * ((lines + line) * weight).mean() / lines.mean()
        return loss.item()
