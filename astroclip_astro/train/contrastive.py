"""InfoNCE: the loss that aligns images and spectra."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["infonce"]

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
    logits = scale * functional.normalize(images, dim=1) @ functional.normalize(spectra, dim=1).T
    pairs = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, pairs) + functional.cross_entropy(logits.T, pairs)) / 2
