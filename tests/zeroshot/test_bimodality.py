"""Neighbours that fall into two groups."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from astroclip_astro.zeroshot.bimodality import split_bimodal

rng = np.random.default_rng(3)


def two_groups(low: float, high: float, *, of_low: int = 10, scatter: float = 0.005) -> np.ndarray:
    """16 redshifts in shuffled order."""
    at = np.where(np.arange(16) < of_low, low, high)
    return rng.permutation(at + scatter * rng.uniform(-1, 1, 16))


def test_two_groups_are_found_the_heavier_first():
    first, second = split_bimodal(
        np.array([two_groups(0.1, 0.4), two_groups(0.1, 0.4, of_low=6)]), ones(2)
    )
    np.testing.assert_allclose(first, [0.1, 0.4], atol=0.004)
    np.testing.assert_allclose(second, [0.4, 0.1], atol=0.004)


def ones(count: int) -> np.ndarray:
    return np.ones((count, 16))


def test_weights_say_which_is_heavier():
    values = two_groups(0.1, 0.4)
    weights = np.where(values < 0.25, 1.0, 4.0)
    first, second = split_bimodal(values[None], weights[None])
    np.testing.assert_allclose([first[0], second[0]], [0.4, 0.1], atol=0.004)


@pytest.mark.parametrize(
    "values",
    [
        two_groups(0.30, 0.35, scatter=0.001),  # less than 0.05 (1 + z) apart
        two_groups(0.1, 0.4, of_low=13),  # the lighter has less than a quarter
        np.linspace(0.1, 0.5, 16),  # spread evenly
        np.full(16, 0.2),
    ],
)
def test_one_group_is_not_split(values):
    assert np.isnan(split_bimodal(values[None], ones(1))).all()


def test_one_normal_distribution_is_hardly_ever_split():
    values = rng.normal(0.3, 0.1, (20_000, 16))
    assert np.isfinite(split_bimodal(values, ones(20_000))[0]).mean() < 0.004


@given(st.permutations(range(16)))
def test_order_does_not_matter(order):
    values = np.where(np.arange(16) < 9, 0.1, 0.4) + np.arange(16) / 1e4
    np.testing.assert_allclose(
        split_bimodal(values[order][None], ones(1)),
        split_bimodal(values[None], ones(1)),
        rtol=1e-12,
    )


def test_means_are_weighted():
    values, weights = np.array([[0.1, 0.104, 0.5, 0.502]]), np.array([[3.0, 1.0, 1.0, 1.0]])
    first, second = split_bimodal(values, weights)
    np.testing.assert_allclose([first[0], second[0]], [0.101, 0.501])
