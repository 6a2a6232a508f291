"""Where tokens are, what is hidden with them, and what the head looks at."""

import numpy as np
import pytest
import torch

from astroclip_astro.models.attention_maps import attention_weights, masked_spans, token_spans
from astroclip_astro.models.configuration import COMPACT, FULL
from astroclip_astro.models.spectrum_encoder import tokenise
from astroclip_astro.records import WAVELENGTH

CONFIGS = pytest.mark.parametrize("config", [FULL, COMPACT], ids=lambda config: config.name)


def between(low, high):
    """The samples from one wavelength to another, both included."""
    return (low <= WAVELENGTH) & (high >= WAVELENGTH)


@CONFIGS
def test_spans_are_the_first_and_last_sample_of_the_windows(config):
    flux = torch.from_numpy(WAVELENGTH)[None]  # a spectrum whose flux says where it is
    windows = tokenise(flux, config.window, config.window_step)[0, 1:, 2:].numpy()
    windows = windows * WAVELENGTH.std(ddof=1) + WAVELENGTH.mean()
    spans = token_spans(config)
    assert spans.shape == (config.tokens, 2)
    assert np.isnan(spans[0]).all()
    np.testing.assert_allclose(spans[1:], windows[:, [0, -1]], atol=1e-6)


@CONFIGS
def test_hidden_is_what_no_visible_window_shows(config):
    hidden = np.random.default_rng(4).random(config.tokens) < 0.6
    shown = np.zeros(7781, bool)
    spans = token_spans(config)
    for low, high in spans[1:][~hidden[1:]]:
        shown |= between(low, high)
    found = np.zeros(7781, bool)
    for low, high in masked_spans(config, hidden):
        found |= between(low, high)
    covered = spans[-1, 1] >= WAVELENGTH
    assert np.array_equal(found, ~shown & covered)


def test_nothing_is_hidden_by_one_of_overlapping_windows():
    hidden = np.zeros(FULL.tokens, bool)
    hidden[[0, 50]] = True
    assert masked_spans(FULL, hidden).shape == (0, 2)


def test_ends_of_the_spectrum_can_be_hidden():
    hidden = np.zeros(FULL.tokens, bool)
    hidden[[1, 2, -2, -1]] = True
    spans = masked_spans(FULL, hidden)
    assert spans[0, 0] == 3600
    assert spans[-1, 1] == pytest.approx(token_spans(FULL)[-1, 1])


def test_attention_is_that_of_the_head_and_sums_to_one(tiny):
    flux = torch.randn(3, 7781, generator=torch.Generator().manual_seed(1))
    weights = attention_weights(tiny, flux)
    assert weights.shape == (3, tiny.config.head_heads, tiny.config.tokens)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, tiny.config.head_heads))
    encoder = tiny.spectrum_encoder
    expected = tiny.spectrum_head(encoder.embed(encoder.tokens(flux)))[1][:, :, 0]
    assert torch.equal(weights, expected)


def test_attention_follows_the_query(tiny):
    """A query that is a key's own looks at it most."""
    flux = torch.randn(1, 7781, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        attention = tiny.spectrum_head.cross_attention.multihead_attn
        attention.in_proj_bias.zero_()
        attention.q_proj_weight.copy_(torch.eye(128))
        tokens = tiny.spectrum_encoder.embed(tiny.spectrum_encoder.tokens(flux))
        keys = tokens[0] @ attention.k_proj_weight.T  # (tokens, 128)
        tiny.spectrum_head.cross_attention.query.copy_(1e3 * (keys[5] - keys.mean(0)))
        scores = tiny.spectrum_head.cross_attention.query[0, 0] * keys  # (tokens, 128)
        expected = scores.view(-1, 4, 32).sum(-1).argmax(0)  # (heads,)
        assert torch.equal(attention_weights(tiny, flux)[0].argmax(-1), expected)
