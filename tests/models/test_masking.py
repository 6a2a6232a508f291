"""Filling spectra in: windows join to what they were cut from, and the hidden is not seen."""

import numpy as np
import pytest
import torch

from astroclip_astro.errors import InputError, WeightsError
from astroclip_astro.models.attention_maps import masked_spans
from astroclip_astro.models.configuration import COMPACT, FULL
from astroclip_astro.models.masking import (
    check_reconstructs,
    reconstruct,
    reconstruct_spectra,
    sample_mask,
)
from astroclip_astro.models.spectrum_encoder import tokenise
from astroclip_astro.records import WAVELENGTH

HOW = pytest.mark.parametrize("how", ["zeroed", "dropped"])


class Echo:
    """An encoder that gives back the tokens it is given."""

    def __init__(self, config):
        self.config = config

    def tokens(self, flux):
        return tokenise(flux, self.config.window, self.config.window_step)

    def __call__(self, tokens):
        return tokens


def card(**stages):
    return {"name": "mine", "training": {"stages": stages} if stages else {}}


def spectra(count=2):
    generator = torch.Generator().manual_seed(3)
    return 7 + 3 * torch.randn(count, 7781, generator=generator)


def chunk(config, start=40, width=30):
    hidden = np.zeros(config.tokens, bool)
    hidden[start : start + width] = True
    return hidden


def inside(config, hidden):
    """The samples of which nothing is seen."""
    (span,) = masked_spans(config, hidden)
    return torch.from_numpy((span[0] <= WAVELENGTH) & (span[1] >= WAVELENGTH))


@pytest.mark.parametrize("config", [FULL, COMPACT], ids=lambda config: config.name)
def test_tokens_given_back_are_the_spectrum(config):
    flux = spectra()
    found = reconstruct_spectra(Echo(config), flux, np.zeros(config.tokens, bool), how="zeroed")
    end = config.window_step * (config.tokens - 2) + config.window
    torch.testing.assert_close(found[:, :end], flux[:, :end], rtol=0, atol=1e-4)
    assert found[:, end:].isnan().all()
    assert found.shape == flux.shape


@pytest.mark.parametrize("config", [FULL, COMPACT], ids=lambda config: config.name)
def test_only_hidden_stretches_are_lost(config):
    """Zeros are the spectrum's mean once it is no longer standardised."""
    flux, hidden = spectra(), chunk(config)
    found = reconstruct_spectra(Echo(config), flux, hidden, how="zeroed")
    lost = inside(config, hidden)
    mean = flux.mean(1, keepdim=True).expand(-1, int(lost.sum()))
    torch.testing.assert_close(found[:, lost], mean, rtol=0, atol=1e-4)
    first = int(lost.nonzero()[0])
    next_door = slice(first - config.window_step, first)  # also in the last visible window
    half = (flux[:, next_door] + flux.mean(1, keepdim=True)) / 2
    torch.testing.assert_close(found[:, next_door], half, rtol=0, atol=1e-4)


@HOW
def test_what_is_hidden_is_not_seen(tiny, how):
    """The same numbers in another order leave mean and deviation as they are."""
    flux, hidden = spectra(), chunk(tiny.config)
    lost = inside(tiny.config, hidden).nonzero()[:, 0]
    other = flux.clone()
    other[:, lost] = flux[:, lost.flip(0)]
    found, again = (
        reconstruct_spectra(tiny.spectrum_encoder, one, hidden, how=how) for one in (flux, other)
    )
    torch.testing.assert_close(found, again, rtol=0, atol=1e-3, equal_nan=True)
    visible = reconstruct_spectra(tiny.spectrum_encoder, other, chunk(tiny.config, 100), how=how)
    assert (visible - found).abs().nan_to_num().max() > 0.1


def test_dropped_tokens_go_through_the_last_layer_alone(tiny):
    flux, hidden = spectra(), chunk(tiny.config)
    encoder = tiny.spectrum_encoder
    torch.nn.init.normal_(encoder.data_embed.bias)  # so that a token of zeros is something
    mask = torch.from_numpy(hidden).expand(2, -1)
    tokens = encoder.tokens(flux)
    window = reconstruct(encoder, tokens, mask)[:, -1, 2:]
    mean, deviation = flux.mean(1, keepdim=True), flux.std(1, keepdim=True)
    found = reconstruct_spectra(encoder, flux, hidden, how="dropped")
    step, end = tiny.config.window_step, tiny.config.window_step * (tiny.config.tokens - 2)
    alone = found[:, end + step : end + 2 * step]  # only the last window covers these
    torch.testing.assert_close(alone, window[:, step:] * deviation + mean, rtol=1e-5, atol=1e-4)
    zeroed = reconstruct_spectra(encoder, flux, hidden, how="zeroed")
    assert not torch.allclose(found[:, :end], zeroed[:, :end], rtol=0, atol=1e-4)


def test_with_nothing_hidden_both_ways_are_one(tiny):
    nothing = np.zeros(tiny.config.tokens, bool)
    zeroed, dropped = (
        reconstruct_spectra(tiny.spectrum_encoder, spectra(), nothing, how=how)
        for how in ("zeroed", "dropped")
    )
    torch.testing.assert_close(zeroed, dropped, equal_nan=True)


@pytest.mark.parametrize(
    ("stages", "how"),
    [
        ({}, "zeroed"),
        ({"spectrum": {"masked": "dropped"}}, "dropped"),
        ({"spectrum": {"masked": "zeroed"}, "image": {}}, "zeroed"),
        ({"spectrum": {}}, "zeroed"),
        ({"spectrum": {"masked": "dropped"}, "align": {"unfreeze": False}}, "dropped"),
    ],
)
def test_card_says_how_tokens_are_hidden(stages, how):
    assert check_reconstructs(card(**stages)) == how


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ({"spectrum": {}, "align": {"unfreeze": True}}, "aligning them has changed"),
        ({"image": {}}, "never trained to fill"),
        ({"spectrum": {"masked": "shuffled"}}, "'shuffled'"),
    ],
)
def test_weights_that_cannot_fill_are_refused(stages, words):
    with pytest.raises(WeightsError, match=words):
        check_reconstructs(card(**stages))


def runs(hidden):
    """Starts and lengths of the hidden chunks."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hidden, [0]])))
    return edges[::2], edges[1::2] - edges[::2]


def test_places_are_as_in_training():
    trained = card(spectrum={"chunks": 6, "chunk_width": 14})
    hidden = sample_mask(COMPACT, trained)
    assert hidden.shape == (COMPACT.tokens,)
    assert hidden.sum() == 84
    starts, _ = runs(hidden)
    assert (starts // 32.2 < 6).all()


def test_places_of_the_paper_where_the_card_is_silent():
    assert sample_mask(FULL, card()).sum() == 180
    assert sample_mask(COMPACT, card()).sum() == 6 * 16  # half of a sixth


@pytest.mark.parametrize("seed", range(20))
def test_token_of_mean_and_deviation_is_never_hidden(seed):
    assert not sample_mask(COMPACT, card(), seed=seed, width=32)[0]


def test_places_change_with_the_seed_alone():
    one, same, other = (sample_mask(COMPACT, card(), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_number_and_width_of_chunks_are_as_asked():
    starts, widths = runs(sample_mask(FULL, card(), chunks=3, width=9))
    assert len(starts) == 3
    assert widths.tolist() == [9, 9, 9]


@pytest.mark.parametrize(
    "options", [{"chunks": 0}, {"width": 0}, {"seed": -1}, {"chunks": 2.5}, {"width": 500}]
)
def test_impossible_chunks_are_refused(options):
    with pytest.raises(InputError):
        sample_mask(FULL, card(), **options)
