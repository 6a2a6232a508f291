"""Directions that embeddings spread in."""

import math

import numpy as np
import pytest

from astroclip_astro.search.effective_rank import effective_rank


@pytest.mark.parametrize(
    ("embeddings", "rank"),
    [
        (np.ones((5, 3)), 1.0),
        (np.arange(5.0)[:, None] * np.ones(3), 1.0),
        (np.eye(9), 8.0),
        (np.concatenate([np.eye(4), -np.eye(4)]), 4.0),
    ],
    ids=["one point", "one line", "simplex", "axes"],
)
def test_effective_rank_counts_directions(embeddings, rank):
    assert effective_rank(embeddings) == pytest.approx(rank, abs=1e-6)


def test_noise_fills_all_directions_it_has():
    rng = np.random.default_rng(1)
    assert effective_rank(rng.normal(size=(20000, 5))) == pytest.approx(5, abs=0.01)
    assert effective_rank(rng.normal(size=(50, 1)) * [[1, 2, 3]]) == pytest.approx(1)


def test_shift_and_size_do_not_matter_but_shape_does():
    vectors = np.random.default_rng(1).normal(size=(40, 6))
    rank = effective_rank(vectors)
    assert effective_rank(3 * vectors + 7) == pytest.approx(rank)
    assert effective_rank(vectors * [1, 1, 0.1, 0.01, 0, 0]) < rank / 2


def test_embeddings_that_are_not_finite_have_none():
    assert math.isnan(effective_rank(np.array([[1.0, np.nan], [0.0, 1.0]])))
