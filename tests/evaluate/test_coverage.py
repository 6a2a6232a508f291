"""Intervals put to the test: the arithmetic, bins, and what is told by a real calibration."""

from dataclasses import replace

import numpy as np
import pytest

from astroclip_astro.evaluate.coverage import (
    MAX_BINS,
    MIN_GALAXIES_PER_BIN,
    CoverageCheck,
    coverage,
    coverage_bins,
    make_estimators,
    predict_labels,
)
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies
from astroclip_astro.zeroshot.estimator import fit_calibrated_estimator
from astroclip_astro.zeroshot.prediction import Prediction

N = 1000


def galaxies_of(true, **more):
    return EmbeddedGalaxies({}, {"redshift": np.asarray(true, float)}, np.arange(len(true)), **more)


def check_of(true, share68, share95, *, half=0.1, value=None):
    """The first galaxies lie in the middle of their intervals, the others far above them."""
    place = np.arange(len(true)) / len(true)

    def interval(share, half):
        middle = np.where(place < share, true, true - 10)
        half = half * np.where(np.arange(len(true)) % 5, 1, 3)  # the median is 1
        return middle - half, middle + half

    return CoverageCheck(
        Prediction(
            np.asarray(true if value is None else value, float),
            secondary=np.where(place < 0.25, 1.0, np.nan),
        ),
        intervals={0.68: interval(share68, half), 0.95: interval(share95, 2 * half)},
        pit=place,
    )


def values_of(row):
    return {name: one.value for name, one in row.items()}


def test_fractions_and_widths_are_those_of_the_intervals():
    true = np.linspace(0, 1, N)
    methods = {"image": check_of(true, 0.5, 0.9, half=0.3), "best": check_of(true, 0.7, 0.96)}
    found = coverage({"redshift": methods}, galaxies_of(true), resamples=0)
    assert list(found) == ["redshift image", "redshift best"]
    assert values_of(found["redshift image"]) == pytest.approx(
        {"covered_68": 0.5, "covered_95": 0.9, "error": 0.3, "several_redshifts": 0.25}
    )
    assert values_of(found["redshift best"])["covered_68"] == 0.7
    assert values_of(found["redshift best"])["error"] == pytest.approx(0.1)


def test_each_label_has_its_own_row():
    true = np.linspace(0, 1, N)
    test = replace(galaxies_of(true), labels={"redshift": true, "log_stellar_mass": true})
    predicted = {
        "redshift": {"best": check_of(true, 0.5, 0.9)},
        "log_stellar_mass": {"best": check_of(true, 0.6, 0.8)},
    }
    found = coverage(predicted, test, resamples=0)
    assert found["redshift best"]["covered_68"].value == 0.5
    assert values_of(found["log_stellar_mass best"]) == pytest.approx(
        {"covered_68": 0.6, "covered_95": 0.8, "error": 0.1}
    )


def test_the_ends_of_an_interval_belong_to_it():
    one = CoverageCheck(Prediction(np.zeros(4)), {0.68: (np.zeros(4), np.ones(4))}, np.zeros(4))
    np.testing.assert_array_equal(one.covers(np.array([0, 1, 1.01, -0.01]), 0.68), [1, 1, 0, 0])


def test_what_is_not_known_is_left_out():
    true = np.linspace(0, 1, N)
    predicted = check_of(true, 0.5, 0.9)
    for level, (low, high) in predicted.intervals.items():
        predicted.intervals[level] = (
            np.where(true > 0.8, np.nan, low),
            np.where(true > 0.8, np.nan, high),
        )
    unknown = np.where(np.arange(N) < 100, np.nan, true)
    assert np.isnan(predicted.covers(unknown, 0.68)).sum() == 300
    row = coverage({"redshift": {"best": predicted}}, galaxies_of(unknown), resamples=0)
    assert row["redshift best"]["covered_68"].value == pytest.approx(400 / 700)
    assert row["redshift best"]["error"].value == pytest.approx(0.1)


def test_the_bootstrap_says_how_well_a_fraction_is_known():
    true = np.linspace(0, 1, N)
    predicted = {"redshift": {"best": check_of(true, 0.7, 0.96)}}
    one = coverage(predicted, galaxies_of(true), resamples=2000)["redshift best"]["covered_68"]
    half = 1.96 * np.sqrt(0.7 * 0.3 / N)
    assert one.high - one.value == pytest.approx(half, rel=0.15)
    assert one.value - one.low == pytest.approx(half, rel=0.15)
    again, other = (
        coverage(predicted, galaxies_of(true), seed=seed, resamples=200)["redshift best"][
            "covered_68"
        ]
        for seed in (0, 1)
    )
    assert (
        again
        == coverage(predicted, galaxies_of(true), resamples=200)["redshift best"]["covered_68"]
    )
    assert again.low != other.low


def bins_of(found, label, name):
    kind = f"{label} by {name} "
    numbers = [one.removeprefix(kind) for one in found if one.startswith(kind)]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    return [values_of(found[kind + number]) for number in numbers]


@pytest.mark.parametrize(
    "count",
    [
        MIN_GALAXIES_PER_BIN,
        2 * MIN_GALAXIES_PER_BIN - 1,
        2 * MIN_GALAXIES_PER_BIN,
        3777,
        30 * MIN_GALAXIES_PER_BIN,
    ],
)
def test_bins_have_galaxies_enough_and_do_not_overlap(count):
    rng = np.random.default_rng(count)
    true = rng.permutation(count) / count
    magnitude = rng.uniform(14, 22, count)
    test = galaxies_of(true, magnitude=magnitude)
    found = coverage_bins({"redshift": {"best": check_of(true, 0.7, 0.96)}}, test, resamples=0)
    for name, measure in (("magnitude", magnitude), ("predicted value", true)):
        rows = bins_of(found, "redshift", name)
        assert len(rows) == min(MAX_BINS, count // MIN_GALAXIES_PER_BIN)
        sizes = [row["galaxies"] for row in rows]
        assert sum(sizes) == count
        assert min(sizes) >= MIN_GALAXIES_PER_BIN
        assert max(sizes) - min(sizes) <= 1
        ends = [end for row in rows for end in (row["low"], row["high"])]
        assert ends == sorted(ends)
        assert len({*ends}) == len(ends)
        assert (ends[0], ends[-1]) == (measure.min(), measure.max())
        for row in rows:
            assert ((row["low"] <= measure) & (measure <= row["high"])).sum() == row["galaxies"]


def test_each_bin_has_its_own_coverage():
    """Of the fainter half nothing is within; by predicted value both halves are alike."""
    n = 4 * MIN_GALAXIES_PER_BIN
    rng = np.random.default_rng(1)
    true, magnitude = rng.uniform(0, 1, n), np.arange(n) / n
    predicted = check_of(true, 0.5, 0.75)
    found = coverage_bins({"redshift": {"best": predicted}}, galaxies_of(true, magnitude=magnitude))
    rows = bins_of(found, "redshift", "magnitude")
    assert [row["covered_68"] for row in rows] == [1, 1, 0, 0]
    assert [row["covered_95"] for row in rows] == [1, 1, 1, 0]
    for row in bins_of(found, "redshift", "predicted value"):
        assert 0.4 < row["covered_68"] < 0.6
    one = found["redshift by predicted value 1"]["covered_68"]
    assert one.low < one.value < one.high


def test_bins_are_of_the_best_value_not_of_the_truth():
    true = np.linspace(0, 1, MIN_GALAXIES_PER_BIN)
    methods = {
        "image": check_of(true, 1, 1, value=true - 5),
        "best": check_of(true, 0.5, 0.9, value=true + 5),
    }
    ((name, row),) = coverage_bins({"redshift": methods}, galaxies_of(true)).items()
    assert name == "redshift by predicted value 1"
    assert (row["low"].value, row["high"].value, row["covered_68"].value) == (5, 6, 0.5)


def test_fewer_galaxies_have_no_bins():
    true = np.linspace(0, 1, MIN_GALAXIES_PER_BIN - 1)
    predicted = {"redshift": {"best": check_of(true, 0.5, 0.9)}}
    assert coverage_bins(predicted, galaxies_of(true, magnitude=true)) == {}


def test_galaxies_without_magnitude_or_label_are_in_no_bin():
    n = MIN_GALAXIES_PER_BIN + 20
    true, magnitude = np.linspace(0, 1, n), np.linspace(20, 15, n)
    predicted = {"redshift": {"best": check_of(true, 1, 1)}}
    magnitude[:20] = np.nan
    found = coverage_bins(predicted, galaxies_of(true, magnitude=magnitude), resamples=0)
    assert found["redshift by magnitude 1"]["galaxies"].value == MIN_GALAXIES_PER_BIN
    assert found["redshift by predicted value 1"]["galaxies"].value == n
    true[-1] = np.nan
    found = coverage_bins(predicted, galaxies_of(true, magnitude=magnitude), resamples=0)
    assert list(found) == ["redshift by predicted value 1"]


@pytest.fixture(scope="module")
def predicted_galaxies():
    """Spectra tell redshift well, images less well; both as a real calibration tells it."""

    def arc(angle):
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)

    def make(n, seed):
        rng = np.random.default_rng(seed)
        true, quality = rng.uniform(0, 1, n), rng.uniform(0.5, 2, n)
        return EmbeddedGalaxies(
            {
                "image": arc(true + 0.1 * quality * rng.normal(size=n)),
                "spectrum": arc(true + 0.03 * quality * rng.normal(size=n)),
            },
            {"redshift": true, "log_stellar_mass": 8 + 3 * true + rng.normal(0, 0.1, n)},
            np.arange(n),
            {"image": 1 / quality, "spectrum": 1 / quality},
        )

    reference, test = make(5000, 1), make(3000, 2)
    estimators = make_estimators(reference, True)
    return estimators, test, predict_labels(estimators, test)


def test_a_real_calibration_covers_as_it_says(predicted_galaxies):
    _, test, predicted = predicted_galaxies
    rows = coverage(predicted, test, resamples=0)
    assert list(rows) == [
        f"{label} {method}"
        for label in ("redshift", "log_stellar_mass")
        for method in ("image", "spectrum", "best")
    ]
    for name, row in rows.items():
        assert row["covered_68"].value == pytest.approx(0.68, abs=0.03), name
        assert row["covered_95"].value == pytest.approx(0.95, abs=0.02), name
    error = {name: row["error"].value for name, row in rows.items()}
    assert error["redshift spectrum"] < error["redshift image"] / 2
    assert error["redshift best"] < error["redshift image"] / 2
    for row in coverage_bins(predicted, test, resamples=0).values():
        assert row["covered_68"].value == pytest.approx(0.68, abs=0.08)


def test_transforms_are_uniform_and_go_with_the_intervals(predicted_galaxies):
    _, test, predicted = predicted_galaxies
    for label, methods in predicted.items():
        for one in methods.values():
            counts = np.histogram(one.pit, 10, (0, 1))[0]
            assert counts.sum() == len(test)
            assert 200 < counts.min() <= counts.max() < 400
            inside = one.covers(test.labels[label], 0.68) > 0
            middle = np.abs(one.pit - 0.5) < 0.34
            assert np.mean(inside == middle) > 0.95


def test_values_are_those_that_annotating_gives(predicted_galaxies):
    estimators, test, predicted = predicted_galaxies
    found = {
        method: one.query(test.vectors[method]).predictions["redshift"]
        for method, one in estimators.items()
    }
    expected_predictions = fit_calibrated_estimator(estimators, "redshift").predict(
        found, test.covariates
    )
    for method, one in expected_predictions.items():
        np.testing.assert_array_equal(predicted["redshift"][method].prediction.value, one.value)
        np.testing.assert_array_equal(
            predicted["redshift"][method].prediction.secondary, one.secondary
        )
        np.testing.assert_array_equal(
            predicted["redshift"][method].intervals[0.68], [one.low, one.high]
        )


def test_galaxies_without_one_label_are_learned_the_other_from(make_galaxies):
    reference = make_galaxies(60, 1)
    mass = np.where(np.arange(60) == 7, np.nan, reference.labels["log_stellar_mass"])
    covariates = {"image": np.arange(60.0)}
    reference = replace(
        reference, labels=reference.labels | {"log_stellar_mass": mass}, covariates=covariates
    )
    estimators = make_estimators(reference, None)
    assert list(estimators) == ["image", "spectrum"]
    for modality, one in estimators.items():
        among = one.reference
        assert one.modality == modality
        np.testing.assert_array_equal(getattr(among, modality), reference.vectors[modality])
        np.testing.assert_array_equal(among.labels["log_stellar_mass"], mass)
        np.testing.assert_array_equal(among.covariates["image"], np.arange(60))
        assert among.simulated is None
    predicted = predict_labels(estimators, make_galaxies(20, 2))
    assert np.isfinite(predicted["redshift"]["best"].prediction.value).all()
    assert np.isfinite(predicted["log_stellar_mass"]["best"].prediction.value).all()
