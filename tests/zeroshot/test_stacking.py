"""The best value of two."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from astroclip_astro.zeroshot.prediction import Prediction
from astroclip_astro.zeroshot.stacking import (
    MAX_GROUPS,
    MIN_ROWS_PER_GROUP,
    StackingWeights,
    stack,
)

NONE = np.array([np.nan])
HALF = np.array([0.5])
errors = st.floats(0.01, 1)


def answer(value: float, error: float, secondary: float = np.nan) -> Prediction:
    value, error, secondary = (np.array([number]) for number in (value, error, secondary))
    return Prediction(value, error=error, secondary=secondary)


def known(count: int, sizes: tuple, shared: float, seed: int = 1):
    """Predictions whose errors have one correlation, as stated, and the truth."""
    rng = np.random.default_rng(seed)
    true, both, *own = rng.normal(size=(4, count))
    errors = [
        size * (shared**0.5 * both + (1 - shared) ** 0.5 * one)
        for size, one in zip(sizes, own, strict=True)
    ]
    return (
        *(
            Prediction(true + error, error=np.broadcast_to(size, count))
            for error, size in zip(errors, sizes, strict=True)
        ),
        true,
    )


def test_independent_errors_weigh_by_their_squares():
    first, second, true = known(40_000, (0.1, 0.2), 0.0)
    weight = StackingWeights(first, second, true).weight(first, second)
    np.testing.assert_allclose(weight, 4 / 5, atol=0.01)


def test_an_answer_that_errs_as_the_other_and_more_weighs_nothing():
    first, second, true = known(4000, (0.2, 0.1), 0.7)
    np.testing.assert_allclose(
        StackingWeights(first, second, true).weight(first, second), 0, atol=0.06
    )


def test_weights_are_the_best_for_correlated_errors():
    first, second, true = known(100_000, (0.1, 0.15), 0.5)
    both = stack(first, second, StackingWeights(first, second, true).weight(first, second))
    cov = np.array([[0.01, 0.0075], [0.0075, 0.0225]])
    least = 1 / np.linalg.inv(cov).sum()
    assert (both.value - true).std() == pytest.approx(least**0.5, rel=0.01)


def test_weights_depend_on_the_ratio_of_the_errors():
    rng = np.random.default_rng(2)
    size = rng.uniform(0.05, 0.5, 20_000)
    first, second, true = known(20_000, (size, 0.15), 0.0)
    stacking = StackingWeights(first, second, true)
    assert len(stacking.weights) == MAX_GROUPS
    assert (np.diff(stacking.weights) < 0).all()  # the larger its error, the less it weighs
    assert stacking.weights[0] > 0.8 > 0.2 > stacking.weights[-1]


@pytest.mark.parametrize(
    ("count", "groups"),
    [
        (MIN_ROWS_PER_GROUP - 1, 1),
        (3 * MIN_ROWS_PER_GROUP, 3),
        (99 * MIN_ROWS_PER_GROUP, MAX_GROUPS),
    ],
)
def test_groups_hold_enough_galaxies(count, groups):
    rng = np.random.default_rng(3)
    first, second, true = known(count, (rng.uniform(0.1, 0.2, count), 0.1), 0.0)
    assert len(StackingWeights(first, second, true).weights) == groups


def test_nobody_known_means_equal_weights():
    nothing = Prediction(np.full(5, np.nan))
    stacking = StackingWeights(nothing, nothing, np.zeros(5))
    assert stacking.weight(answer(1, 0.1), answer(2, 0.1))[0] == 0.5
    assert np.isnan(stacking.weight(answer(1, 0.1), Prediction(NONE))[0])


def test_alike_answers_and_errors_of_zero_give_no_warning():
    same = Prediction(np.ones(20), error=np.zeros(20))
    assert StackingWeights(same, same, np.ones(20)).weight(same, same).tolist() == [0.5] * 20


@given(st.floats(-3, 3), st.floats(-3, 3), errors, errors, st.floats(0, 1))
def test_the_value_lies_between_and_disagreement_makes_less_certain(a, b, e, f, weight):
    both = stack(answer(a, e), answer(b, f), np.array([weight]))
    assert min(a, b) - 1e-9 <= both.value[0] <= max(a, b) + 1e-9
    agreed = stack(answer(a, e), answer(a, f), np.array([weight]))
    assert min(e, f) * (1 - 1e-6) <= agreed.scatter[0] <= max(e, f) * (1 + 1e-6)
    assert both.scatter[0] >= agreed.scatter[0] * (1 - 1e-6)


@given(st.floats(-3, 3), st.floats(-3, 3), errors, errors, st.floats(0.51, 1))
def test_the_order_does_not_matter(a, b, e, f, weight):
    one = stack(answer(a, e), answer(b, f), np.array([weight]), min_difference=0.1)
    other = stack(answer(b, f), answer(a, e), np.array([1 - weight]), min_difference=0.1)
    np.testing.assert_allclose(one.value, other.value, atol=1e-6)
    np.testing.assert_allclose(one.scatter, other.scatter, atol=1e-6)


def test_two_answers_are_not_averaged():
    both = stack(answer(0.1, 0.02), answer(0.5, 0.01), np.array([0.2]), min_difference=0.05)
    assert (both.value[0], both.secondary[0]) == (0.5, 0.1)


def test_a_small_difference_is_one_answer():
    both = stack(answer(0.10, 0.001), answer(0.12, 0.001), HALF, min_difference=0.05)
    assert both.value[0] == pytest.approx(0.11)
    assert np.isnan(both.secondary[0])


def test_the_second_peak_is_that_of_the_better_answer():
    assert stack(answer(0.1, 0.01, 0.4), answer(0.1, 0.1, 0.3), np.array([0.9])).secondary[0] == 0.4
    assert np.isnan(stack(answer(0.1, 0.01), answer(0.1, 0.1, 0.3), np.array([0.9])).secondary[0])


def test_without_one_of_them_there_is_nothing_to_combine():
    both = stack(answer(0.1, 0.01), Prediction(NONE), HALF)
    assert np.isnan([both.value[0], both.scatter[0]]).all()


def test_an_answer_with_two_peaks_is_not_averaged_with_another():
    both = stack(answer(0.4, 0.06), answer(0.1, 0.15, 0.4), np.array([0.6]), min_difference=0.05)
    assert both.value[0] == 0.4
    both = stack(answer(0.4, 0.06), answer(0.1, 0.15, 0.4), np.array([0.3]), min_difference=0.05)
    assert (both.value[0], both.secondary[0]) == (0.1, 0.4)
