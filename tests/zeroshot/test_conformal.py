"""Intervals that cover as often as they say."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from astroclip_astro.errors import InputError
from astroclip_astro.zeroshot.conformal import MIN_ROWS_PER_BIN, Calibration, quantile_rank


def answers(count: int, seed: int) -> dict:
    """Answers whose errors are skewed, and depend on value, brightness and scatter."""
    rng = np.random.default_rng(seed)
    value, bright, scatter = (
        rng.uniform(0, 1, count),
        rng.uniform(0, 1, count),
        rng.uniform(1, 3, count),
    )
    size = 0.02 * scatter * (1 + 3 * bright) * (1 + value)
    true = value + size * (rng.exponential(1, count) - 0.4)
    return {"value": value, "scatter": scatter, "true": true, "covariates": {"image": bright}}


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return Calibration(**answers(20_000, 1))


@pytest.mark.parametrize("level", [0.68, 0.95])
def test_intervals_cover_as_stated_also_in_bins(calibration, level):
    test = answers(20_000, 2)
    true = test.pop("true")
    low, high = calibration.interval(**test, level=level)
    covered = (low <= true) & (true <= high)
    assert abs(covered.mean() - level) < 0.01
    for measure in (test["value"], test["covariates"]["image"], test["scatter"]):
        for part in np.array_split(np.argsort(measure), 8):
            assert abs(covered[part].mean() - level) < 0.05


def test_intervals_are_as_wide_as_the_errors_are_large(calibration):
    faint, bright = (
        calibration.interval(np.full(1, 0.5), np.full(1, 2.0), {"image": np.full(1, b)}, 0.68)
        for b in (0.05, 0.95)
    )
    width = [float((high - low)[0]) for low, high in (faint, bright)]
    assert 2.5 < width[1] / width[0] < 4.5  # (1 + 3 * 0.95) / (1 + 3 * 0.05) = 3.3


def test_an_interval_scales_with_the_neighbours_scatter(calibration):
    at = np.full(2, 0.5), np.array([1.5, 3.0]), {"image": np.full(2, 0.5)}
    low, high = calibration.interval(*at, 0.68)
    assert (high - low)[1] == pytest.approx(2 * (high - low)[0])


def test_neighbours_that_agree_by_chance_do_not_make_an_error_of_zero(calibration):
    low, high = calibration.interval(np.full(1, 0.5), np.zeros(1), {}, 0.68)
    assert high[0] - low[0] > 0.01


def test_without_brightness_intervals_cover_on_the_whole(calibration):
    test = answers(20_000, 3)
    true = test.pop("true")
    low, high = calibration.interval(test["value"], test["scatter"], {}, 0.68)
    assert abs(((low <= true) & (true <= high)).mean() - 0.68) < 0.01


def test_brightness_that_is_missing_in_places_is_passed_over(calibration):
    bright = np.array([0.1, np.nan])
    low, high = calibration.interval(np.full(2, 0.5), np.full(2, 2.0), {"image": bright}, 0.68)
    alone = calibration.interval(np.full(1, 0.5), np.full(1, 2.0), {}, 0.68)
    assert (low[1], high[1]) == (alone[0][0], alone[1][0])
    assert high[0] - low[0] < high[1] - low[1]


def test_no_answer_has_no_interval(calibration):
    low, high = calibration.interval(np.array([np.nan]), np.ones(1), {}, 0.68)
    assert np.isnan([low[0], high[0]]).all()


def test_the_value_lies_in_its_interval():
    value = np.linspace(0, 1, 600)
    above = Calibration(value, np.ones(600), value + 1 + value**2, {})  # all true ones are above
    low, high = above.interval(value, np.ones(600), {}, 0.68)
    assert ((low == value) & (high > value + 1)).all()


def test_the_integral_transform_is_uniform(calibration):
    test = answers(20_000, 4)
    pit = calibration.pit(**test)
    assert ((pit > 0) & (pit < 1)).all()
    np.testing.assert_allclose(np.histogram(pit, 10, (0, 1))[0] / 20_000, 0.1, atol=0.01)


def test_the_integral_transform_is_nan_without_truth(calibration):
    pit = calibration.pit(np.full(2, 0.5), np.ones(2), np.array([0.5, np.nan]), {})
    assert np.isnan(pit).tolist() == [False, True]


def test_cells_hold_enough_galaxies(calibration):
    sizes = [len(misses) for misses in calibration.bins["image"].scores]
    assert sum(sizes) == 20_000
    assert min(sizes) > 0.9 * MIN_ROWS_PER_BIN


def test_unknown_galaxies_are_passed_over():
    known = answers(3000, 5)
    holed = {name: values.copy() for name, values in known.items() if name != "covariates"}
    holed["covariates"] = {"image": known["covariates"]["image"].copy()}
    extra = {name: np.append(values, 9.0) for name, values in holed.items() if name != "covariates"}
    extra["covariates"] = {"image": np.append(holed["covariates"]["image"], 0.5)}
    extra["true"][-1] = np.nan
    at = np.full(1, 0.5), np.ones(1), {"image": np.full(1, 0.5)}
    assert Calibration(**extra).interval(*at, 0.68) == Calibration(**known).interval(*at, 0.68)


def test_seventeen_galaxies_are_enough():
    value = np.linspace(0, 1, 17)
    few = Calibration(value, np.ones(17), value + np.linspace(-1, 1, 17), {})
    low, high = few.interval(np.full(1, 0.5), np.ones(1), {}, 0.95)
    assert (low[0], high[0]) == (-0.5, 1.5)  # the farthest there are


def test_nobody_known_is_refused():
    with pytest.raises(InputError, match="No galaxy has both a value and a label"):
        Calibration(np.full(3, np.nan), np.ones(3), np.ones(3), {})


@given(st.integers(1, 3000), st.floats(0.005, 0.495))
def test_ranks_are_those_of_conformal_prediction(count, tail):
    low = quantile_rank(count, tail, upper=False)
    high = quantile_rank(count, 1 - tail, upper=True)
    assert low + high == count - 1  # alike from both ends
    if (count + 1) * tail >= 1:
        # Of count + 1 exchangeable numbers, one falls in [x[low], x[high]] with this probability.
        assert (high - low) / (count + 1) >= 1 - 2 * tail - 1e-9


@given(st.integers(1, 5), st.integers(1, 5), st.floats(-10, 10), st.floats(-10, 10))
def test_values_and_brightness_that_repeat_are_no_obstacle(values, levels, value, bright):
    rng = np.random.default_rng(values)
    known = rng.integers(0, values, 4000).astype(float)
    lit = {"image": rng.integers(0, levels, 4000).astype(float)}
    calibration = Calibration(known, np.ones(4000), known + rng.normal(size=4000), lit)
    at = np.array([value]), np.ones(1), {"image": np.array([bright])}
    low, high = calibration.interval(*at, 0.68)
    assert 1 < high[0] - low[0] < 3.5
    assert 0 < calibration.pit(np.array([value]), np.ones(1), np.array([value]), at[2])[0] < 1
