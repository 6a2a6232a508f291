"""MoCo v2: queue, slow encoder of keys, shuffled groups, and what the loss begins at."""

import math

import pytest
import torch
from torch.nn import functional
from training_stub import loop_of, stage_of

from astroclip_astro.train.loop import one_step, optimiser_of
from astroclip_astro.train.moco import moco_loss


def unit(*shape, seed=0):
    return functional.normalize(
        torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1
    )


@pytest.fixture
def stage():
    return stage_of("image").train()


def test_loss_of_ignorance_is_the_logarithm_of_all_choices():
    same = unit(1, 16).expand(5, 16)
    assert moco_loss(same, same, same[:1].expand(63, 16), 0.2).item() == pytest.approx(math.log(64))


def test_loss_of_a_known_case():
    query, key = torch.eye(2)[:1], torch.eye(2)[:1]
    loss = moco_loss(query, key, torch.eye(2)[1:], 0.5)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-2)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_similarities_keep_their_digits(dtype):
    query, key, queue = unit(4, 128), unit(4, 128, seed=1), unit(64, 128, seed=2)
    exact = moco_loss(query, key, queue, 0.2)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        assert torch.equal(moco_loss(query, key, queue, 0.2), exact)


def test_queue_is_first_in_first_out(stage):
    before, keys = stage.queue.clone(), unit(7, 24, 128, seed=3)  # 7 batches of 24 in 64 places
    for batch in keys:
        stage.waiting = [batch]
        stage.after_step()
    everything = keys.flatten(0, 1)
    assert int(stage.place) == len(everything) % 64
    assert not torch.equal(stage.queue, before)
    newest = everything[-64:].roll(int(stage.place), 0)
    assert torch.equal(stage.queue, newest)


def test_encoder_of_keys_follows_slowly(stage):
    slow = [p.clone() for p in stage.key_encoder.parameters()]
    for parameter in stage.encoder.parameters():
        parameter.data += 1
    stage.waiting = [unit(8, 128)]
    stage.after_step()
    for old, new in zip(slow, stage.key_encoder.parameters(), strict=True):
        assert torch.allclose(new, old + (1 - stage.settings.momentum), atol=1e-5)


def test_keys_get_no_gradient_and_begin_as_the_queries(stage, batch_of):
    stage(batch_of(stage))["loss"].backward()
    assert all(p.grad is None for p in stage.key_encoder.parameters())
    pairs = zip(stage.key_encoder.parameters(), stage.encoder.parameters(), strict=True)
    assert all(torch.equal(key, query) for key, query in pairs)


def test_keys_come_back_in_the_order_of_the_queries(stage, batch_of):
    """In evaluation mode a key does not depend on its group, so the order can be seen."""
    stage.eval()
    batch = batch_of(stage)
    straight = stage.encoded(stage.key_encoder, stage.view(batch, "key"))
    assert torch.allclose(stage.keys(batch), straight, atol=1e-5)


def test_keys_are_encoded_in_other_groups_than_queries(stage, batch_of):
    batch = batch_of(stage)
    groups = []
    stage.key_encoder.conv1.register_forward_hook(lambda _, given, __: groups.append(given[0]))
    stage.keys(batch)
    views = stage.view(batch, "key")
    assert [len(group) for group in groups] == [4, 4]
    assert not torch.equal(torch.cat(groups), views)
    assert torch.equal(torch.cat(groups), views[batch["order"].argsort()])


def test_two_views_differ_and_are_as_large_as_the_encoder_wants(stage, batch_of):
    batch = batch_of(stage)
    query, key = (stage.view(batch, name) for name in ("query", "key"))
    assert query.shape == key.shape == (8, 3, 96, 96)
    assert not torch.allclose(query, key, atol=0.1)


@pytest.mark.parametrize("reddening", ["uniform", "lognormal"])
def test_reddening_is_drawn_as_asked_for(reddening):
    draws = stage_of("image", reddening=reddening).sample_random_numbers(
        500, torch.Generator().manual_seed(1)
    )
    assert (draws["query_ebv"].median() > 0.3) == (reddening == "uniform")


def test_evaluation_leaves_the_queue_alone(stage, batch_of):
    stage.eval()
    with torch.no_grad():
        stage(batch_of(stage))
    assert stage.waiting == []


def test_step_puts_its_keys_into_the_queue_once(stage, batch_of, training_file):
    batch = batch_of(stage)
    keys = stage.whole(batch)["key"]
    stage.waiting = []
    raw = {name: batch[name].numpy() for name in ("images", "psf_size")}
    optimiser = optimiser_of(stage)
    stage.sample_random_numbers = lambda *_: {n: v for n, v in batch.items() if n not in raw}
    one_step(stage, stage, optimiser, raw, 0, loop_of())
    assert int(stage.place) == 8
    assert torch.allclose(stage.queue[:8], keys, atol=1e-6)


def test_momentum_of_the_optimiser_is_that_of_the_paper(stage):
    (group,) = optimiser_of(stage).param_groups
    assert (group["momentum"], group["weight_decay"]) == (0.9, 1e-4)


def test_images_without_seeing_will_do(stage, batch_of):
    batch = batch_of(stage)
    del batch["psf_size"]
    assert stage(batch)["loss"].isfinite()
