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
def skill() -> CalibratedEstimator:
    true, known = galaxies(8000, 1)
    return CalibratedEstimator(known, true, {})


def test_all_ways_cover_as_stated(skill):
    true, found = galaxies(8000, 2)
    judged = skill.predict(found, {})
    assert list(judged) == ["image", "spectrum", "best"]
    for way, one in judged.items():
        assert abs(((one.low <= true) & (true <= one.high)).mean() - 0.68) < 0.02
        np.testing.assert_allclose(one.error, (one.high - one.low) / 2)
        low, high = skill.interval(way, judged, {}, 0.95)
        assert abs(((low <= true) & (true <= high)).mean() - 0.95) < 0.02
        np.testing.assert_array_equal(skill.interval(way, judged, {}, 0.68), [one.low, one.high])


def test_the_best_is_better_than_either(skill):
    true, found = galaxies(8000, 2)
    judged = skill.predict(found, {})
    off = {way: np.sqrt(np.mean((one.value - true) ** 2)) for way, one in judged.items()}
    assert off["best"] < 0.97 * min(off["image"], off["spectrum"])


def test_the_best_is_never_worse_where_one_adds_nothing():
    rng = np.random.default_rng(9)
    true, error, own = rng.normal(size=(3, 20_000))
    nothing, scatter = np.full(20_000, np.nan), rng.uniform(0.5, 2, 20_000)
    known = {
        "image": Prediction(true + 0.3 * error + 0.3 * own, scatter, nothing),
        "spectrum": Prediction(true + 0.3 * error, np.ones(20_000), nothing),
    }
    judged = CalibratedEstimator(
        {way: one[:10_000] for way, one in known.items()}, true[:10_000], {}
    ).predict({way: one[10_000:] for way, one in known.items()}, {})
    off = {way: np.mean((one.value - true[10_000:]) ** 2) for way, one in judged.items()}
    assert off["best"] <= 1.005 * off["spectrum"] < 0.6 * off["image"]


def test_the_best_of_one_is_that_one(skill):
    _, found = galaxies(6, 3)
    for part in (found["image"].value[:3], found["spectrum"].value[2:5]):
        part[:] = np.nan
    judged = skill.predict(found, {})
    image, spectrum, best = judged.values()
    np.testing.assert_array_equal(best.value[[0, 1]], spectrum.value[[0, 1]])
    np.testing.assert_array_equal(best.high[[3, 4]], image.high[[3, 4]])
    assert np.isnan([best.value[2], best.error[2], best.low[2]]).all()
    assert np.isfinite(best.value[5])
    low, _ = skill.interval("best", judged, {}, 0.68)
    np.testing.assert_array_equal(low, best.low)


def test_a_row_is_judged_alike_whatever_the_others_are(skill):
    _, found = galaxies(50, 4)
    together = skill.predict(found, {})["best"]
    alone = skill.predict({way: one[7:8] for way, one in found.items()}, {})["best"]
    for name, values in vars(together).items():
        np.testing.assert_array_equal(values[7:8], getattr(alone, name))


def test_the_order_of_the_ways_does_not_matter(skill):
    _, found = galaxies(50, 4)
    judged = skill.predict(found, {})
    turned = skill.predict({way: found[way] for way in ("spectrum", "image")}, {})
    for way, one in judged.items():
        for name, values in vars(one).items():
            np.testing.assert_array_equal(values, getattr(turned[way], name))


def test_one_way_alone_is_the_best(skill):
    true, known = galaxies(600, 5)
    one = CalibratedEstimator({"image": known["image"]}, true, {})
    judged = one.predict({"image": known["image"]}, {})
    assert judged["best"] is judged["image"]
    pit = one.pit("best", judged, true, {})
    assert abs(pit.mean() - 0.5) < 0.05


def test_the_integral_transform_is_uniform(skill):
    true, found = galaxies(8000, 6)
    judged = skill.predict(found, {})
    for way in judged:
        pit = skill.pit(way, judged, true, {})
        np.testing.assert_allclose(np.histogram(pit, 5, (0, 1))[0] / 8000, 0.2, atol=0.02)


def test_two_different_answers_are_flagged_not_averaged():
    true, known = galaxies(3000, 7)
    skill = CalibratedEstimator(known, true, {}, min_difference=0.05)
    found = {
        way: Prediction(np.array([value]), np.ones(1), np.array([np.nan]))
        for way, value in (("image", 0.9), ("spectrum", 0.1))
    }
    best = skill.predict(found, {})["best"]
    assert (best.value[0], best.secondary[0]) == (0.1, 0.9)
