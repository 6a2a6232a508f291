"""Mask-filling: the pretraining task of the spectrum transformer."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["masked_loss", "token_mask"]


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

    Notes
    -----
    Parker et al. 2024 (arXiv:2310.03024, section 4.2).
    """
    part = tokens // chunks
    if width > part:
        raise ValueError(f"Chunks of {width} tokens do not fit in parts of {part} tokens.")
    start = torch.randint(0, part - width + 1, (batch, chunks, 1), generator=generator)
    start = start + part * torch.arange(chunks)[None, :, None]
    hidden = (start + torch.arange(width)).flatten(1)  # (batch, chunks * width)
    return torch.zeros(batch, tokens, dtype=torch.bool).scatter_(1, hidden, True)


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
    hidden = mask[..., None] & (target != 0)
    return (reconstruction - target)[hidden].square().mean()
