"""InfoNCE and what learns by it: heads alone, as published, or everything."""

import copy
import math

import pytest
import torch
from training_stub import TINY, loop_of, stage_of

from astroclip_astro.train.contrastive import infonce, quarter_turns
from astroclip_astro.train.loop import one_step, optimiser_of
from astroclip_astro.train.stage import add_noise


def raw_and_draws(batch, stage):
    """What the file has of a batch, and a stage that draws the rest of it."""
    raw = {name: batch[name].numpy() for name in ("images", "spectrum", "ivar")}
    stage.sample_random_numbers = lambda *_: {n: v for n, v in batch.items() if n not in raw}
    return raw


def test_both_directions_count_alike():
    images, spectra = torch.randn(2, 8, 16, generator=torch.Generator().manual_seed(1))
    assert infonce(images, spectra).item() == pytest.approx(infonce(spectra, images).item())


def test_loss_of_a_known_case():
    """Two orthogonal pairs: ln(1 + exp(-scale))."""
    pairs = torch.eye(2)
    assert infonce(pairs, pairs, 2.0).item() == pytest.approx(math.log(1 + math.exp(-2)))


def test_inverse_temperature_is_published():
    """Each image prefers the other's spectrum by the whole of it."""
    pairs = torch.eye(2)
    assert infonce(pairs, pairs.flip(0)).item() == pytest.approx(15.5, abs=1e-4)


def test_similarities_keep_their_digits():
    images, spectra = torch.randn(2, 8, 16, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", torch.bfloat16):
        low = infonce(images, spectra)
    assert torch.equal(low, infonce(images, spectra))


def test_heads_alone_are_trained_as_published():
    stage = stage_of("align")
    trained = {id(p) for group, _ in stage.groups() for p in group}
    heads = [*stage.spectrum_head.parameters(), *stage.image_encoder.fc.parameters()]
    assert (
        trained == {id(p) for p in heads} == {id(p) for p in stage.parameters() if p.requires_grad}
    )


def test_unfrozen_all_is_trained_but_the_filler_of_masks():
    stage = stage_of("align", unfreeze=True, encoder_rate=0.4)
    (heads, one), (encoders, rate) = stage.groups()
    assert (one, rate) == (1.0, 0.4)
    all_but = {id(p) for p in stage.parameters()} - {
        id(p) for p in stage.spectrum_encoder.head.parameters()
    }
    assert {id(p) for p in [*heads, *encoders]} == all_but


@pytest.mark.parametrize("unfreeze", [False, True])
def test_step_changes_what_is_trained_and_leaves_the_rest(batch_of, unfreeze):
    """Of what is frozen even the statistics of batches stay, bit by bit."""
    stage = stage_of("align", unfreeze=unfreeze)
    batch = batch_of(stage)
    before = copy.deepcopy(stage.state_dict())
    raw = raw_and_draws(batch, stage)
    one_step(stage, stage, optimiser_of(stage), raw, 1, loop_of())
    changed = {n for n, v in stage.state_dict().items() if not torch.equal(v, before[n])}
    heads = {n for n in before if n.startswith(("spectrum_head.", "image_encoder.fc."))}
    assert heads <= changed
    others = changed - heads
    assert bool(others) == unfreeze
    assert not any(name.startswith("spectrum_encoder.head") for name in others)


def test_frozen_parts_stay_in_evaluation_mode():
    stage = stage_of("align").train()
    assert stage.spectrum_head.training
    assert not any(m.training for m in stage.image_encoder.modules())


def test_loss_begins_near_the_logarithm_of_the_batch(batch_of):
    stage = stage_of("align").eval()
    batch = batch_of(stage)
    assert stage.expected_loss(batch) == pytest.approx(math.log(8))
    assert stage(batch)["loss"].item() == pytest.approx(math.log(8), rel=0.2)


@pytest.mark.parametrize("rotation", ["any", "quarter"])
def test_views_are_as_large_as_the_encoder_wants(batch_of, rotation):
    stage = stage_of("align", rotation=rotation, shift=3)
    assert stage.images(batch_of(stage)).shape == (8, 3, 96, 96)


def test_quarter_turns_move_pixels_and_change_none():
    image = torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    draws = {
        "flip": torch.tensor([False, True, False, False]),
        "angle": math.pi / 2 * torch.tensor([0, 0, 1, 3]),
        "shift": torch.zeros(4, 2),
    }
    seen = quarter_turns(image, draws, 96)
    wanted = [
        image[0],
        image[1].flip(2),
        torch.rot90(image[2], 1, (1, 2)),
        torch.rot90(image[3], 3, (1, 2)),
    ]
    assert all(torch.equal(one, other) for one, other in zip(seen, wanted, strict=True))


@pytest.mark.parametrize(("rotation", "shares"), [("any", 1000), ("quarter", 4)])
def test_angles_are_drawn_as_asked_for(rotation, shares):
    draws = stage_of("align", rotation=rotation).sample_random_numbers(
        1000, torch.Generator().manual_seed(1)
    )
    assert len(draws["angle"].unique()) == pytest.approx(shares, rel=0.01)
    assert 0.45 < draws["flip"].float().mean() < 0.55
    assert not draws["shift"].any()


def test_shifts_are_within_their_limit():
    draws = stage_of("align", shift=2).sample_random_numbers(500, torch.Generator().manual_seed(1))
    assert set(draws["shift"].unique().tolist()) == {-2, -1, 0, 1, 2}


def test_noise_is_added_where_there_are_data(batch_of):
    stage = stage_of("align", noise=0.5)
    batch = batch_of(stage)
    batch["ivar"][:, :100] = 0
    added = add_noise(batch) - batch["spectrum"]
    assert not added[:, :100].any()
    wanted = batch["noise_share"] * 0.5  # ivar is 4
    assert torch.allclose(added[:, 100:].std(1), wanted, rtol=0.05)


def test_vectors_are_of_unit_length(batch_of):
    stage = stage_of("align").eval()
    with torch.no_grad():
        vectors = stage.embeddings(batch_of(stage))
    assert vectors.shape == (16, TINY.model.embedding_width)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(16), atol=1e-5)
