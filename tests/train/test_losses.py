"""Losses of both training stages at values known without training."""

import math

import pytest
import torch

from astroclip_astro.models.masking import token_mask
from astroclip_astro.train.contrastive import infonce
from astroclip_astro.train.masked import masked_loss


def generator():
    return torch.Generator().manual_seed(5)


def test_infonce_of_ignorant_embeddings_is_the_logarithm_of_the_batch():
    same = torch.ones(64, 128)
    assert infonce(same, same).item() == pytest.approx(math.log(64), abs=1e-5)


def test_infonce_of_perfect_pairs_is_small():
    pairs = torch.eye(16)
    assert infonce(pairs, pairs).item() < 1e-3


def test_infonce_does_not_depend_on_length():
    images, spectra = torch.randn(2, 8, 16, generator=generator())
    assert infonce(3 * images, spectra).item() == pytest.approx(infonce(images, spectra).item())


def test_every_part_of_the_spectrum_hides_one_chunk():
    mask = token_mask(200, 778, chunks=6, width=30, generator=generator())
    parts = mask[:, : 6 * 129].view(200, 6, 129)
    assert (parts.sum(2) == 30).all()
    assert mask.sum() == 200 * 180


def test_hidden_tokens_of_a_chunk_are_neighbours():
    mask = token_mask(1, 778, chunks=1, width=50, generator=generator())[0]
    places = mask.nonzero()[:, 0]
    assert (places.diff() == 1).all()


def test_chunks_reach_every_place():
    mask = token_mask(4000, 60, chunks=2, width=5, generator=generator())
    assert mask.any(0).all()


def test_chunk_wider_than_its_part_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        token_mask(1, 60, chunks=6, width=11, generator=generator())


def test_masked_loss_ignores_what_was_not_hidden():
    target = torch.ones(1, 4, 3)
    wrong = target.clone()
    wrong[0, 0] = 9.0
    mask = torch.tensor([[False, True, True, False]])
    assert masked_loss(wrong, target, mask).item() == 0
    assert masked_loss(wrong, target, ~mask).item() == pytest.approx(32.0)
