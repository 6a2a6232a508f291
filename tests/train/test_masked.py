"""Mask-filling: what is hidden stays hidden, and only what was hidden counts."""

import pytest
import torch
from training_stub import TINY, stage_of

from astroclip_astro.errors import InputError
from astroclip_astro.models.masking import reconstruct, token_mask
from astroclip_astro.train.masked import (
    SpectrumStage,
    clean_target,
    masked_loss,
    subtract_straight_line,
)
from astroclip_astro.train.settings import TRAINING

HOW = ["zeroed", "dropped"]


@pytest.fixture
def tokens():
    """Tokens of three spectra, and a mask that hides two of each."""
    torch.manual_seed(2)
    encoder = stage_of("spectrum").encoder
    mask = torch.zeros(3, encoder.config.tokens, dtype=torch.bool)
    mask[torch.arange(3)[:, None], torch.tensor([[0, 5], [7, 8], [70, 30]])] = True
    return encoder, encoder.tokens(torch.randn(3, 7781)), mask


def filled(encoder, tokens, mask, how):
    if how == "dropped":
        return reconstruct(encoder, tokens, mask)
    return encoder(tokens.masked_fill(mask[..., None], 0))


@pytest.mark.parametrize("how", HOW)
def test_nothing_of_what_is_hidden_is_seen(tokens, how):
    encoder, seen, mask = tokens
    other = torch.where(mask[..., None], torch.randn_like(seen), seen)
    assert torch.equal(filled(encoder, seen, mask, how), filled(encoder, other, mask, how))


@pytest.mark.parametrize("how", HOW)
def test_all_that_is_not_hidden_is_seen(tokens, how):
    encoder, seen, mask = tokens
    before = filled(encoder, seen, mask, how)
    for token in (1, 40, -1):
        other = seen.clone()
        other[1, token] += 1
        changed = (filled(encoder, other, mask, how) != before).any(-1)
        assert changed[1].all()
        assert not changed[[0, 2]].any()


def test_dropped_tokens_have_their_places(tokens):
    """Two hidden tokens are told apart by their positions alone."""
    encoder, seen, mask = tokens
    found = reconstruct(encoder, seen, mask)
    assert not torch.allclose(found[1, 7], found[1, 8], atol=1e-4)


def test_with_one_layer_dropping_only_hides_the_content(tokens):
    encoder, seen, mask = tokens
    encoder.blocks = encoder.blocks[:1]
    encoder.data_embed.bias.data.zero_()
    zeroed = filled(encoder, seen, mask, "zeroed")
    assert torch.allclose(reconstruct(encoder, seen, mask), zeroed, atol=1e-5)


def test_published_masks_hide_180_of_778_tokens():
    settings = TRAINING["full"].spectrum
    generator = torch.Generator().manual_seed(1)
    mask = token_mask(
        50, 778, chunks=settings.chunks, width=settings.chunk_width, generator=generator
    )
    assert (mask.sum(1) == 180).all()


def test_places_of_a_chunk_are_equally_likely():
    mask = token_mask(30_000, 778, chunks=6, width=30, generator=torch.Generator().manual_seed(3))
    first = mask[:, 129:258].int().argmax(1)
    counts = torch.bincount(first, minlength=100).double()
    assert len(counts) == 100
    assert (counts / 300 - 1).abs().max() < 0.25  # four deviations


def test_chunks_that_do_not_fit_are_found_before_training():
    with pytest.raises(InputError, match=r"Chunks of 13 tokens do not fit in parts of 12 tokens"):
        stage_of("spectrum", chunk_width=13)


@pytest.mark.parametrize("name", ["observed", "clean"])
def test_target_is_what_was_asked_for(batch_of, name):
    stage = stage_of("spectrum", target=name)
    tokens, target = stage.seen(batch_of(stage))
    assert torch.equal(tokens, target) == (name == "observed")
    assert stage.needs == (("spectrum", "clean_spectrum") if name == "clean" else ("spectrum",))


def test_clean_target_is_standardised_as_what_was_seen():
    flux = torch.randn(2, 7781, generator=torch.Generator().manual_seed(1)) * 3 + 7
    encoder = stage_of("spectrum").encoder
    tokens = encoder.tokens(flux)
    assert torch.allclose(clean_target(flux, tokens, TINY.model), tokens, atol=1e-5)
    brighter = clean_target(flux + 3 * 5, tokens, TINY.model) - tokens
    assert brighter[:, 1:, 2:].mean().item() == pytest.approx(5, rel=0.02)
    assert not brighter[:, 0].any()


def test_straight_lines_are_no_lines():
    windows = torch.arange(20.0) * 3 + 2
    tokens = torch.cat([torch.zeros(2), windows]).expand(1, 4, 22)
    assert subtract_straight_line(tokens).abs().max() < 1e-4


def test_errors_of_visible_tokens_count_as_asked(batch_of):
    plain, weighted = (stage_of("spectrum", visible_weight=w, line_weight=0.0) for w in (0.0, 2.0))
    batch = batch_of(plain)
    tokens, target = plain.seen(batch)
    found = plain.encoder(tokens.masked_fill(batch["mask"][..., None], 0))
    visible = masked_loss(found, target, ~batch["mask"]).item()
    more = weighted(batch)["loss"].item() - plain(batch)["loss"].item()
    assert more == pytest.approx(2 * visible, rel=1e-5)


def test_unexplained_lines_are_all_of_them_where_nothing_is_known(batch_of):
    stage = stage_of("spectrum")
    stage.encoder.head.weight.data.zero_()
    assert stage(batch_of(stage))["lines"].item() == pytest.approx(1, abs=1e-6)


def test_noise_is_in_units_of_its_own(batch_of):
    stage = stage_of("spectrum", noise=0.5)
    assert stage.uses == ("ivar",)
    draws = stage.sample_random_numbers(400, torch.Generator().manual_seed(1))
    assert 0 <= draws["noise_share"].min() < 0.02 < 0.48 < draws["noise_share"].max() <= 0.5
    assert draws["noise"].std().item() == pytest.approx(1, abs=0.01)


def test_without_noise_none_is_drawn():
    stage = stage_of("spectrum", noise=0.0)
    assert set(stage.sample_random_numbers(2, torch.Generator())) == {"mask"}


def test_all_of_the_transformer_is_trained_and_nothing_else():
    stage = stage_of("spectrum")
    assert isinstance(stage, SpectrumStage)
    trained = {id(p) for group, _ in stage.groups() for p in group}
    assert trained == {id(p) for p in stage.encoder.parameters()}
