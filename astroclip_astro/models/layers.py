"""Transformer blocks of the spectrum encoder, under the published names."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention with one fused linear layer for queries, keys and values.

    Parameters
    ----------
    width : int
        Width of a token.
    heads : int
        Number of heads; each is ``width // heads`` wide.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Let every token look at every other; (batch, tokens, width) in and out."""
        batch, tokens, width = x.shape
        qkv = self.attention(x).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (batch, heads, tokens, width/heads)
        y = attend(query, key, value)
        y = y.transpose(1, 2).reshape(batch, tokens, width)
        return self.projection(y)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return scaled dot-product attention, (batch, heads, tokens, width/heads) in and out.

    PyTorch's fused kernel is slow on a CPU where bfloat16 and gradients come together: three plain
    operations take half its time there (docs/performance.md).
    """
    slow = query.device.type == "cpu" and query.dtype == torch.bfloat16
    if slow and query.requires_grad:
        return plain_attention(query, key, value)
    return functional.scaled_dot_product_attention(query, key, value)


def plain_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return scaled dot-product attention in plain operations."""
    scores = query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)
    return scores.softmax(-1, dtype=scores.dtype) @ value  # (batch, heads, tokens, width/heads)


class FeedForward(nn.Module):
    """Two linear layers with an exact GELU between them.

    Parameters
    ----------
    width, hidden : int
        Width outside and inside.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(width, hidden)
        self.decoder = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each token by itself; (..., width) in and out."""
        return self.decoder(functional.gelu(self.encoder(x)))


class Block(nn.Module):
    """Pre-normalised transformer block.

    Parameters
    ----------
    width, heads : int
        Width of a token and number of attention heads.
    layers : int
        Depth of the whole transformer, which scales the initial weights.
    """

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.layernorm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.layernorm2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, 4 * width)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=(2 * module.in_features * layers) ** -0.5)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens after attention and the feed-forward layer, same shape."""
        x = x + self.attention(self.layernorm1(x))
        return x + self.mlp(self.layernorm2(x))


def truncated_normal(parameter: Tensor, std: float) -> None:
    """Fill a parameter with a normal distribution cut at three standard deviations."""
    with torch.no_grad():
        nn.init.trunc_normal_(parameter, std=std, a=-3 * std, b=3 * std)
