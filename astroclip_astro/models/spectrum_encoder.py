"""Spectrum transformer (SpecFormer) and the cross-attention head that pools its tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from astroclip_astro.models.configuration import Configuration, window_count
from astroclip_astro.models.layers import Block, FeedForward, truncated_normal

MINIMUM_DEVIATION = 0.2


def tokenise(flux: Tensor, window: int = 20, step: int = 10) -> Tensor:
    """Cut spectra into overlapping windows, with mean and deviation in a token of their own.

    Parameters
    ----------
    flux : Tensor
        Spectra, (batch, samples), 1e-17 erg/s/cm2/Angstrom.
    window, step : int
        Length and spacing of the windows, samples.

    Returns
    -------
    Tensor
        Tokens, (batch, 1 + windows, 2 + window). The first holds ``(mean - 2) / 2`` and
        ``(deviation - 2) / 8`` in front; the others hold two zeros and then their window of the
        standardised spectrum.

    Notes
    -----
    Parker et al. 2024 (arXiv:2310.03024, section 4.2), with the scaling of the published code. The
    deviation is floored at 0.2 so that an almost empty spectrum does not become pure noise.
    """
    mean = flux.mean(1, keepdim=True)
    deviation = flux.std(1, keepdim=True).clamp_min(MINIMUM_DEVIATION)
    count = window_count(flux.shape[1], window, step)
    windows = ((flux - mean) / deviation).unfold(1, window, step)[:, :count]
    tokens = flux.new_zeros(len(flux), 1 + count, 2 + window)
    tokens[:, 1:, 2:] = windows  # (batch, windows, window)
    tokens[:, 0, 0] = (mean[:, 0] - 2) / 2
    tokens[:, 0, 1] = (deviation[:, 0] - 2) / 8
    return tokens


class SpectrumTransformer(nn.Module):
    """Transformer over the windows of a spectrum, pretrained by filling masked ones.

    Parameters
    ----------
    config : Configuration
        Sizes; the full one has 43,177,750 parameters.
    """

    def __init__(self, config: Configuration) -> None:
        super().__init__()
        self.config = config
        width = config.spectrum_width
        self.data_embed = nn.Linear(config.token_width, width)
        self.position_embed = nn.Embedding(config.max_tokens, width)
        self.blocks = nn.ModuleList(
            Block(width, config.spectrum_heads, config.spectrum_layers)
            for _ in range(config.spectrum_layers)
        )
        self.final_layernorm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config.token_width)
        truncated_normal(self.data_embed.weight, width**-0.5)
        truncated_normal(self.position_embed.weight, width**-0.5)
        nn.init.zeros_(self.data_embed.bias)
        nn.init.normal_(self.head.weight, std=width**-0.5)
        nn.init.zeros_(self.head.bias)

    def tokens(self, flux: Tensor) -> Tensor:
        """Return the tokens of spectra (batch, samples) as this configuration cuts them."""
        return tokenise(flux, self.config.window, self.config.window_step)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the embedding of every token, (batch, tokens, width)."""
        x = self.data_embed(tokens) + self.position_embed.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.final_layernorm(x)

    def backbone(self, flux: Tensor) -> Tensor:
        """Return the mean of the embedded tokens of spectra (batch, samples), (batch, width)."""
        return self.embed(self.tokens(flux)).mean(1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Reconstruct tokens (batch, tokens, 2 + window) from tokens of which some are masked."""
        return self.head(self.embed(tokens))


class CrossAttention(nn.Module):
    """One learned query that looks at all tokens."""

    def __init__(self, config: Configuration) -> None:
        super().__init__()
        width = config.embedding_width
        self.query = nn.Parameter(torch.randn(1, 1, width))
        self.multihead_attn = nn.MultiheadAttention(
            width,
            config.head_heads,
            dropout=config.head_dropout,
            kdim=config.spectrum_width,
            vdim=config.spectrum_width,
            batch_first=True,
        )
        self.layernorm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pooled vector (batch, width) and the weights (batch, heads, 1, tokens)."""
        query = self.query.expand(len(tokens), -1, -1)
        pooled, weights = self.multihead_attn(query, tokens, tokens, average_attn_weights=False)
        return self.layernorm(pooled[:, 0]), weights  # one query: (batch, 1, width)


class SpectrumHead(nn.Module):
    """Cross-attention head: tokens to one vector of the shared space.

    Parameters
    ----------
    config : Configuration
        Sizes; the full one has 361,984 parameters.
    """

    def __init__(self, config: Configuration) -> None:
        super().__init__()
        self.cross_attention = CrossAttention(config)
        self.mlp = FeedForward(config.embedding_width, config.head_hidden)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Pool embedded tokens.

        Parameters
        ----------
        tokens : Tensor
            Embedded tokens, (batch, tokens, spectrum width).

        Returns
        -------
        embedding : Tensor
            (batch, embedding width), not normalised.
        attention : Tensor
            Weights of each head, (batch, heads, 1, tokens).
        """
        y, attention = self.cross_attention(tokens)
        return y + self.mlp(y), attention
