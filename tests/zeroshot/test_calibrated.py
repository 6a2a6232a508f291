"""Values with errors, and the best of both."""

import numpy as np
import pytest

from astroclip_astro.zeroshot.calibrated import CalibratedEstimator
from astroclip_astro.zeroshot.prediction import Prediction


def galaxies(count: int, seed: int):
    """Truth, and what images and spectra say of it: correlated errors, spectra better."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 1, count)
    shared, own, other = rng.normal(size=(3, count))
    nothing = np.full(count, np.nan)
    noisy = rng.uniform(1, 4, count)
    return true, {
        "image": Prediction(true + 0.1 * (0.6 * shared + 0.8 * own), np.ones(count), nothing),
        "spectrum": Prediction(true + 0.03 * noisy * (0.6 * shared + 0.8 * other), noisy, nothing),
    }


@pytest.fixture(scope="module")
def estimator() -> CalibratedEstimator:
    true, known = galaxies(8000, 1)
    return CalibratedEstimator(known, true, {})


def test_all_ways_cover_as_stated(estimator):
    true, found = galaxies(8000, 2)
    predicted = estimator.predict(found, {})
    assert list(predicted) == ["image", "spectrum", "best"]
    for modality, one in predicted.items():
        assert abs(((one.low <= true) & (true <= one.high)).mean() - 0.68) < 0.02
        np.testing.assert_allclose(one.error, (one.high - one.low) / 2)
        low, high = estimator.interval(modality, predicted, {}, 0.95)
        assert abs(((low <= true) & (true <= high)).mean() - 0.95) < 0.02
        np.testing.assert_array_equal(
            estimator.interval(modality, predicted, {}, 0.68), [one.low, one.high]
        )


def test_the_best_is_better_than_either(estimator):
    true, found = galaxies(8000, 2)
    predicted = estimator.predict(found, {})
    off = {
        modality: np.sqrt(np.mean((one.value - true) ** 2)) for modality, one in predicted.items()
    }
    assert off["best"] < 0.97 * min(off["image"], off["spectrum"])


def test_the_best_is_never_worse_where_one_adds_nothing():
    rng = np.random.default_rng(9)
    true, error, own = rng.normal(size=(3, 20_000))
    nothing, scatter = np.full(20_000, np.nan), rng.uniform(0.5, 2, 20_000)
    known = {
        "image": Prediction(true + 0.3 * error + 0.3 * own, scatter, nothing),
        "spectrum": Prediction(true + 0.3 * error, np.ones(20_000), nothing),
    }
    predicted = CalibratedEstimator(
        {modality: one[:10_000] for modality, one in known.items()}, true[:10_000], {}
    ).predict({modality: one[10_000:] for modality, one in known.items()}, {})
    off = {
        modality: np.mean((one.value - true[10_000:]) ** 2) for modality, one in predicted.items()
    }
    assert off["best"] <= 1.005 * off["spectrum"] < 0.6 * off["image"]


def test_the_best_of_one_is_that_one(estimator):
    _, found = galaxies(6, 3)
    for part in (found["image"].value[:3], found["spectrum"].value[2:5]):
        part[:] = np.nan
    predicted = estimator.predict(found, {})
    image, spectrum, best = predicted.values()
    np.testing.assert_array_equal(best.value[[0, 1]], spectrum.value[[0, 1]])
    np.testing.assert_array_equal(best.high[[3, 4]], image.high[[3, 4]])
    assert np.isnan([best.value[2], best.error[2], best.low[2]]).all()
    assert np.isfinite(best.value[5])
    low, _ = estimator.interval("best", predicted, {}, 0.68)
    np.testing.assert_array_equal(low, best.low)


def test_a_row_is_judged_alike_whatever_the_others_are(estimator):
    _, found = galaxies(50, 4)
    together = estimator.predict(found, {})["best"]
    alone = estimator.predict({modality: one[7:8] for modality, one in found.items()}, {})["best"]
    for name, values in vars(together).items():
        np.testing.assert_array_equal(values[7:8], getattr(alone, name))


def test_the_order_of_the_ways_does_not_matter(estimator):
    _, found = galaxies(50, 4)
    predicted = estimator.predict(found, {})
    turned = estimator.predict(
        {modality: found[modality] for modality in ("spectrum", "image")}, {}
    )
    for modality, one in predicted.items():
        for name, values in vars(one).items():
            np.testing.assert_array_equal(values, getattr(turned[modality], name))


def test_one_way_alone_is_the_best(estimator):
    true, known = galaxies(600, 5)
    one = CalibratedEstimator({"image": known["image"]}, true, {})
    predicted = one.predict({"image": known["image"]}, {})
    assert predicted["best"] is predicted["image"]
    pit = one.pit("best", predicted, true, {})
    assert abs(pit.mean() - 0.5) < 0.05


def test_the_integral_transform_is_uniform(estimator):
    true, found = galaxies(8000, 6)
    predicted = estimator.predict(found, {})
    for modality in predicted:
        pit = estimator.pit(modality, predicted, true, {})
        np.testing.assert_allclose(np.histogram(pit, 5, (0, 1))[0] / 8000, 0.2, atol=0.02)


def test_two_different_answers_are_flagged_not_averaged():
    true, known = galaxies(3000, 7)
    estimator = CalibratedEstimator(known, true, {}, min_difference=0.05)
    found = {
        modality: Prediction(np.array([value]), np.ones(1), np.array([np.nan]))
        for modality, value in (("image", 0.9), ("spectrum", 0.1))
    }
    best = estimator.predict(found, {})["best"]
    assert (best.value[0], best.secondary[0]) == (0.1, 0.9)
