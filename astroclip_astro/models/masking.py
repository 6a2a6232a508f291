"""Mask-filling: which tokens of a spectrum are hidden, and how the transformer fills them in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from astroclip_astro.errors import InputError, WeightsError
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.models.spectrum_encoder import SpectrumTransformer

CHUNKS, CHUNK_WIDTH = 6, 30  # of the paper: Parker et al. 2024 (arXiv:2310.03024, section 4.2)
MASKED = ("zeroed", "dropped")


def token_mask(
    batch: int, tokens: int, *, chunks: int = 6, width: int = 30, generator: torch.Generator
) -> Tensor:
    """Draw which tokens are hidden: one chunk, uniformly placed, in each part of the spectrum.

    Parameters
    ----------
    batch, tokens : int
        Number of spectra and of tokens in each, the one with mean and deviation included.
    chunks, width : int
        Number of chunks, and tokens in each.
    generator : torch.Generator
        Source of the places.

    Returns
    -------
    Tensor
        bool (batch, tokens), True where hidden.

    Raises
    ------
    InputError
        Where the chunks do not fit.

    Notes
    -----
    Parker et al. 2024 (arXiv:2310.03024, section 4.2).
    """
    part = tokens // chunks
    if width > part:
        raise InputError(f"Chunks of {width} tokens do not fit in parts of {part} tokens.")
    start = torch.randint(0, part - width + 1, (batch, chunks, 1), generator=generator)
    start = start + part * torch.arange(chunks)[None, :, None]
    hidden = (start + torch.arange(width)).flatten(1)  # (batch, chunks * width)
    return torch.zeros(batch, tokens, dtype=torch.bool).scatter_(1, hidden, True)


def sample_mask(
    config: Configuration,
    card: dict,
    *,
    seed: int = 0,
    chunks: int | None = None,
    width: int | None = None,
) -> np.ndarray:
    """Draw what is hidden of a spectrum that is to be looked at.

    The token with mean and deviation is never hidden: it has no place in the spectrum.

    Parameters
    ----------
    config : Configuration
        Of the weights.
    card : dict
        Of the weights; says how they were trained.
    seed : int
        Of the places.
    chunks, width : int, optional
        Number of chunks, and tokens in each; by default as in training where the card says it,
        else 6 of 30 as in the paper, or of half a sixth of the tokens where those are few.

    Returns
    -------
    ndarray
        bool (tokens,), True where hidden.

    Raises
    ------
    InputError
        Where the chunks do not fit, or a number is not a whole positive one.

    Examples
    --------
    >>> from astroclip_astro.models.configuration import FULL
    >>> hidden = sample_mask(FULL, {"training": {}})
    >>> hidden.shape, int(hidden.sum())
    ((778,), 180)
    """
    trained = card["training"].get("stages", {}).get("spectrum", {})
    windows = config.tokens - 1
    chunks = trained.get("chunks", CHUNKS) if chunks is None else chunks
    for name, value, least in (("chunks", chunks, 1), ("seed", seed, 0), ("width", width, 1)):
        if value is not None and not (type(value) is int and value >= least):
            raise InputError(f"{name} is {value!r}, expected a whole number of at least {least}.")
    if width is None:
        few = max(windows // chunks // 2, 1)
        width = trained.get("chunk_width", min(CHUNK_WIDTH, few))
    generator = torch.Generator().manual_seed(seed)
    mask = token_mask(1, windows, chunks=chunks, width=width, generator=generator)
    return np.concatenate([[False], mask[0].numpy()])  # (tokens,)


def check_reconstructs(card: dict) -> str:
    """Return how hidden tokens are kept from the transformer, or refuse weights that cannot fill.

    Parameters
    ----------
    card : dict
        Card of the weights.

    Returns
    -------
    {"zeroed", "dropped"}
        As in training; ``zeroed``, as the published weights have it, where the card does not say.

    Raises
    ------
    WeightsError
        For weights whose transformer alignment has changed, or that were not trained to fill.

    Examples
    --------
    >>> check_reconstructs({"name": "foreign", "training": {}})
    'zeroed'
    """
    stages = card["training"].get("stages", {})
    if stages.get("align", {}).get("unfreeze"):
        raise WeightsError(
            f"Weights {card['name']} cannot fill in spectra: aligning them has changed the "
            "transformer that could. Load those from before, the stage spectrum of their training."
        )
    if stages and "spectrum" not in stages:
        raise WeightsError(
            f"Weights {card['name']} are of the stage {', '.join(stages)} and were never trained "
            "to fill in spectra; load those of a run of astroclip-train spectrum."
        )
    how = stages.get("spectrum", {}).get("masked", "zeroed")
    if how not in MASKED:
        raise WeightsError(
            f"The card of weights {card['name']} says that hidden tokens were {how!r}, expected "
            f"{' or '.join(MASKED)}; install the version of astroclip-astro that wrote it."
        )
    return how


def reconstruct(encoder: SpectrumTransformer, tokens: Tensor, mask: Tensor) -> Tensor:
    """Fill in hidden tokens that only the last layer sees, as places without content.

    All layers but the last are spared them; the same number must be hidden in every spectrum.
    """
    count, length = mask.shape
    order = mask.to(torch.uint8).argsort(dim=1, stable=True)  # visible ones first
    visible = order[:, : int((~mask[0]).sum()), None]  # (batch, visible, 1)
    positions = encoder.position_embed.weight[:length].expand(count, -1, -1)
    width = positions.shape[-1]
    x = encoder.data_embed(tokens.gather(1, visible.expand(-1, -1, tokens.shape[-1])))
    x = x + positions.gather(1, visible.expand(-1, -1, width))
    *blocks, last = encoder.blocks
    for block in blocks:
        x = block(x)  # (batch, visible, width)
    whole = positions.to(x.dtype).scatter(1, visible.expand(-1, -1, width), x)
    return encoder.head(encoder.final_layernorm(last(whole)))


def reconstruct_spectra(
    encoder: SpectrumTransformer, flux: Tensor, masked: np.ndarray, *, how: str
) -> Tensor:
    """Reconstruct spectra of which some tokens are hidden.

    Parameters
    ----------
    encoder : SpectrumTransformer
        Trained to fill.
    flux : Tensor
        Spectra, (batch, samples), 1e-17 erg/s/cm2/Angstrom.
    masked : ndarray
        bool (tokens,), True where hidden, in all spectra.
    how : {"zeroed", "dropped"}
        How tokens are hidden.

    Returns
    -------
    Tensor
        float32 (batch, samples), in the unit of ``flux``: the mean of all windows that cover a
        sample, NaN where none does. Mean and deviation are the spectrum's own.
    """
    tokens = encoder.tokens(flux)
    mask = torch.from_numpy(masked).to(flux.device).expand(len(tokens), -1)  # (batch, tokens)
    if how == "dropped":
        found = reconstruct(encoder, tokens, mask)
    else:
        found = encoder(tokens.masked_fill(mask[..., None], 0))
    mean, deviation = 2 * tokens[:, 0, :1] + 2, 8 * tokens[:, 0, 1:2] + 2  # (batch, 1)
    return join_windows(found[:, 1:, 2:].float(), encoder.config) * deviation + mean


def join_windows(windows: Tensor, config: Configuration) -> Tensor:
    """Return the mean of overlapping windows (batch, windows, window), (batch, samples)."""
    starts = config.window_step * torch.arange(windows.shape[1], device=windows.device)
    place = starts[:, None] + torch.arange(config.window, device=windows.device)
    total = windows.new_zeros(len(windows), config.spectrum_samples)
    total.index_add_(1, place.flatten(), windows.flatten(1))
    count = torch.zeros_like(total[0]).index_add_(
        0, place.flatten(), torch.ones_like(windows[0].flatten())
    )
    return total / count  # 0 / 0 is NaN
