"""What the spectrum encoder looks at: the weights of its attention, and where its tokens are."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.records import WAVELENGTH


def attention_weights(network: AstroCLIP, flux: Tensor) -> Tensor:
    """Return how much the query of the spectrum head looks at each token.

    Parameters
    ----------
    network : AstroCLIP
        In evaluation mode.
    flux : Tensor
        Spectra, (batch, samples), 1e-17 erg/s/cm2/Angstrom.

    Returns
    -------
    Tensor
        (batch, heads, tokens); those of a head sum to 1.

    Notes
    -----
    The cross-attention of Parker et al. 2024 (arXiv:2310.03024, section 4.2, figure 7).
    """
    encoder = network.spectrum_encoder
    _, weights = network.spectrum_head(encoder.embed(encoder.tokens(flux)))
    return weights[:, :, 0]  # one query: (batch, heads, 1, tokens)


def token_spans(config: Configuration) -> np.ndarray:
    """Return the wavelengths that tokens hold.

    Parameters
    ----------
    config : Configuration
        Says how spectra are cut.

    Returns
    -------
    ndarray
        float64 (tokens, 2), wavelength of the first and the last sample of each window, Angstrom
        in vacuum, observed frame; NaN for the token of mean and deviation, the first. Windows
        overlap.

    Examples
    --------
    >>> from astroclip_astro.models.configuration import FULL
    >>> token_spans(FULL)[:3].round(1)
    array([[   nan,    nan],
           [3600. , 3615.2],
           [3608. , 3623.2]])
    """
    first = config.window_step * np.arange(config.tokens - 1)
    spans = np.full((config.tokens, 2), np.nan)
    spans[1:, 0] = WAVELENGTH[first]
    spans[1:, 1] = WAVELENGTH[first + config.window - 1]
    return spans


def masked_spans(config: Configuration, masked: np.ndarray) -> np.ndarray:
    """Return the wavelengths of which nothing is seen where some tokens are hidden.

    Windows overlap, so that the outermost samples of a hidden chunk are seen next door.

    Parameters
    ----------
    config : Configuration
        Says how spectra are cut.
    masked : ndarray
        bool (tokens,), True where hidden.

    Returns
    -------
    ndarray
        float64 (stretches, 2), first and last wavelength of each stretch that only hidden windows
        cover, Angstrom, ascending.

    Examples
    --------
    >>> from astroclip_astro.models.configuration import FULL
    >>> hidden = np.zeros(778, bool)
    >>> hidden[11:41] = True
    >>> masked_spans(FULL, hidden).round(1)
    array([[3688. , 3919.2]])
    """
    first = config.window_step * np.arange(config.tokens - 1)
    inside = first[:, None] + np.arange(config.window)  # (windows, window)
    unseen = np.zeros(config.spectrum_samples, bool)
    unseen[inside[masked[1:]]] = True
    unseen[inside[~masked[1:]]] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[False], unseen, [False]]).astype(int)))
    starts, stops = edges[::2], edges[1::2]
    return np.column_stack([WAVELENGTH[starts], WAVELENGTH[stops - 1]])
