"""Places of partners: by brute force, with ties against retrieval."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.retrieval import partner_ranks, retrieval_scores


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@st.composite
def integer_pairs(draw):
    """Small whole numbers: products are exact, and ties are many."""
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    return [draw(arrays(np.int64, shape, elements=st.integers(-2, 2))) for _ in range(2)]


@settings(deadline=None)
@given(integer_pairs())
def test_place_is_that_of_brute_force(pair):
    queries, targets = pair
    expected = [
        1 + sum(query @ other >= query @ targets[i] for j, other in enumerate(targets) if j != i)
        for i, query in enumerate(queries)
    ]
    assert partner_ranks(queries, targets).tolist() == expected


@settings(deadline=None)
@given(integer_pairs(), st.randoms(use_true_random=False))
def test_order_of_galaxies_does_not_matter(pair, random):
    order = list(range(len(pair[0])))
    random.shuffle(order)
    ranks = partner_ranks(*pair)
    np.testing.assert_array_equal(partner_ranks(*(one[order] for one in pair)), ranks[order])


@settings(deadline=None)
@given(integer_pairs())
def test_another_copy_of_a_galaxy_never_helps(pair):
    ranks = partner_ranks(*pair)
    doubled = partner_ranks(*(np.concatenate([one, one[:1]]) for one in pair))
    assert (doubled[:-1] >= ranks).all()
    assert doubled[0] > ranks[0]


def test_equal_embeddings_that_round_differently_are_ties():
    """Copies stand in other blocks of a matrix product, which may add in another order."""
    one = unit(np.random.default_rng(1).normal(size=(1, 128))).astype(np.float32)
    copies = np.repeat(one, 301, axis=0)
    assert (partner_ranks(copies, copies) == 301).all()


def test_blocks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(1)
    queries = unit(rng.normal(size=(50, 8)))
    targets = unit(queries + rng.normal(size=(50, 8)))
    whole = partner_ranks(queries, targets)
    monkeypatch.setattr("astroclip_astro.evaluate.retrieval.BLOCK", 50 * 7)
    np.testing.assert_array_equal(partner_ranks(queries, targets), whole)
    assert len(set(whole)) > 5


def test_embeddings_of_no_use_are_at_chance():
    queries, targets = (unit(np.random.default_rng(s).normal(size=(1000, 16))) for s in (1, 2))
    scores = retrieval_scores(partner_ranks(queries, targets))
    assert scores["recall_100"].low < 0.1 < scores["recall_100"].high
    assert scores["median_rank"].low < 500 < scores["median_rank"].high


def test_summary_counts_places():
    ranks = np.array([1] * 30 + [2] * 20 + [10] * 10 + [11] * 30 + [100] * 10 + [101] * 50)
    scores = retrieval_scores(ranks, resamples=0)
    assert scores["recall_1"].value == 30 / 150
    assert scores["recall_10"].value == 60 / 150
    assert scores["recall_100"].value == 100 / 150
    assert scores["median_rank"].value == np.median(ranks)
    assert scores["targets"].value == 150


def test_recall_at_as_many_as_there_are_is_left_out():
    assert "recall_100" in retrieval_scores(np.ones(101, int), resamples=0)
    assert "recall_100" not in retrieval_scores(np.ones(100, int), resamples=0)


@pytest.mark.parametrize(
    ("queries", "targets", "message"),
    [
        (np.ones((3, 2)), np.ones((2, 2)), "expected the same"),
        (np.ones(3), np.ones(3), "expected the same"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), "not finite"),
    ],
)
def test_mistakes_are_refused(queries, targets, message):
    with pytest.raises(InputError, match=message):
        partner_ranks(queries, targets)
