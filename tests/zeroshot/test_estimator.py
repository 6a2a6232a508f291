"""The reference's answers in one call."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import find
from astroclip_astro.zeroshot import estimator, leave_one_out
from astroclip_astro.zeroshot.estimator import KNNEstimator, fit_calibrated_estimator
from astroclip_astro.zeroshot.knn import predict_from_neighbours
from astroclip_astro.zeroshot.novelty import Novelty
from astroclip_astro.zeroshot.reference import Reference


def unit_vectors(number: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((number, 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def reference() -> Reference:
    image, spectrum = unit_vectors(400, 1), unit_vectors(400, 2)
    spectrum[::5] = np.nan
    rng = np.random.default_rng(3)
    labels = {"redshift": rng.uniform(0, 1, 400), "log_stellar_mass": rng.normal(10, 1, 400)}
    return Reference(name="toy", image=image, spectrum=spectrum, labels=labels, simulated=True)


@pytest.fixture
def queries() -> np.ndarray:
    queries = unit_vectors(50, 4)
    queries[[3, 20]] = np.nan
    return queries


def assert_same(found, expected) -> None:
    for name, values in vars(found).items():
        np.testing.assert_array_equal(values, getattr(expected, name))


def all_columns(result) -> np.ndarray:
    parts = [part for one in result.predictions.values() for part in (one.value, one.scatter)]
    return np.stack([*parts, result.novelty, result.nearest], axis=1)


@pytest.mark.parametrize("modality", ["image", "spectrum"])
def test_findings_are_those_of_the_parts(reference, queries, modality):
    result = KNNEstimator(reference, modality).query(queries)
    points = getattr(reference, modality)
    neighbours = find(points, queries)
    assert list(result.predictions) == ["redshift", "log_stellar_mass"]
    for name, labels in reference.labels.items():
        expected = predict_from_neighbours(neighbours, labels, bimodal=name == "redshift")
        assert_same(result.predictions[name], expected)
    own = find(points, points, exclude=np.arange(400))
    np.testing.assert_array_equal(
        result.novelty, Novelty(own.mean_cosine_distance).score(neighbours)
    )
    np.testing.assert_array_equal(result.nearest, neighbours.index[:, 0])


@pytest.mark.parametrize("modality", ["image", "spectrum"])
def test_galaxies_without_a_label_are_passed_over_for_it(reference, queries, modality):
    age = np.where(np.arange(400) % 7 == 2, np.arange(400.0), np.nan)
    with_age = replace(reference, labels=reference.labels | {"age": age})
    result = KNNEstimator(with_age, modality).query(queries)
    points = getattr(reference, modality)
    usable = np.isfinite(age) & np.isfinite(points).all(axis=1)
    model = KNeighborsRegressor(16, weights="distance", algorithm="brute")
    model.fit(points[usable], age[usable])
    asked = np.isfinite(queries).all(axis=1)
    np.testing.assert_allclose(
        result.predictions["age"].value[asked], model.predict(queries[asked]), 1e-5
    )
    assert np.isnan(result.predictions["age"].value[~asked]).all()
    for name, one in KNNEstimator(reference, modality).query(queries).predictions.items():
        assert_same(result.predictions[name], one)


def test_missing_embeddings_give_missing_findings(reference, queries):
    result = KNNEstimator(reference, "image").query(queries)
    columns = all_columns(result)[:, :-1]
    np.testing.assert_array_equal(np.isnan(columns).all(axis=1), np.isin(np.arange(50), [3, 20]))
    assert np.isfinite(np.delete(columns, [3, 20], axis=0)).all()
    assert result.nearest.dtype == np.int32
    assert np.flatnonzero(result.nearest == -1).tolist() == [3, 20]


def test_shuffling_the_rows_shuffles_the_findings(reference, queries):
    knn = KNNEstimator(reference, "spectrum")
    order = np.random.default_rng(5).permutation(50)
    in_order = all_columns(knn.query(queries))
    np.testing.assert_array_equal(all_columns(knn.query(queries[order])), in_order[order])


def test_one_row_alone_is_found_as_among_others(reference, queries):
    knn = KNNEstimator(reference, "image")
    together = all_columns(knn.query(queries))
    alone = [all_columns(knn.query(queries[row : row + 1])) for row in range(50)]
    np.testing.assert_array_equal(np.concatenate(alone), together)


def test_a_galaxy_of_the_reference_finds_itself(reference):
    result = KNNEstimator(reference, "image").query(reference.image[:20])
    np.testing.assert_array_equal(result.nearest, np.arange(20))
    redshift = result.predictions["redshift"].value
    np.testing.assert_allclose(redshift, reference.labels["redshift"][:20], atol=5e-5)


def test_no_rows_find_nothing(reference):
    assert all_columns(KNNEstimator(reference, "image").query(np.empty((0, 128)))).shape == (0, 6)


@pytest.fixture
def comparisons(monkeypatch) -> list:
    """How often the reference was compared with itself: one entry each time."""
    made = []

    class Counted(Novelty):
        def __init__(self, own, covariates=None):
            made.append(len(own))
            super().__init__(own, covariates)

    monkeypatch.setattr(estimator, "Novelty", Counted)
    return made


def test_the_reference_is_compared_with_itself_once(reference, queries, comparisons):
    knn = KNNEstimator(reference, "image")
    knn.query(queries)
    knn.query(queries)
    assert comparisons == [400]


def test_novelty_not_asked_for_costs_nothing(reference, queries, comparisons):
    result = KNNEstimator(reference, "image").query(queries, novelty=False)
    assert (result.novelty, comparisons) == (None, [])


def test_an_unknown_modality_is_refused(reference):
    with pytest.raises(InputError, match=r"'radio', expected one of \['image', 'spectrum'\]"):
        KNNEstimator(reference, "radio")


def test_embeddings_of_another_width_are_refused(reference):
    with pytest.raises(InputError, match="Queries are 64 wide, expected 128"):
        KNNEstimator(reference, "image").query(np.eye(64))


def test_the_reference_is_told_without_itself(reference):
    known = KNNEstimator(reference, "spectrum").leave_one_out("redshift", np.arange(400))
    row = 7
    others = (
        np.delete(reference.spectrum, row, axis=0),
        np.delete(reference.labels["redshift"], row),
    )
    expected = predict_from_neighbours(
        find(others[0], reference.spectrum[[row]]), others[1], bimodal=True
    )
    assert known.value[row] == pytest.approx(expected.value[0])
    assert np.isnan(known.value[::5]).all()  # no spectrum


def test_galaxies_without_a_label_tell_nobody_elses(reference):
    age = np.where(np.arange(400) % 2 == 0, np.arange(400.0), np.nan)
    knn = KNNEstimator(replace(reference, labels=reference.labels | {"age": age}), "image")
    known = knn.leave_one_out("age", np.arange(400))
    even = find(reference.image[::2], reference.image[[6]], exclude=np.array([3]))
    assert known.value[6] == pytest.approx(predict_from_neighbours(even, age[::2]).value[0])


def test_a_sample_stands_for_a_large_reference(reference, queries, monkeypatch):
    monkeypatch.setattr(leave_one_out, "SAMPLE_SIZE", 100)
    knn = KNNEstimator(reference, "image")
    assert knn.sample.tolist() == list(range(0, 400, 4))
    assert np.isfinite(knn.query(queries).novelty[:3]).all()
    whole = find(reference.image, reference.image[[8]], exclude=np.array([8]))
    expected = predict_from_neighbours(
        whole, reference.labels["redshift"], bimodal=True
    )  # among all 400
    assert knn.leave_one_out("redshift", knn.sample).value[2] == expected.value[0]


def test_the_sample_is_of_galaxies_that_tell_something(reference, monkeypatch):
    monkeypatch.setattr(leave_one_out, "SAMPLE_SIZE", 60)
    age = np.where(np.arange(400) % 3 == 2, np.arange(400.0), np.nan)
    sparse = replace(
        reference,
        image=np.where(np.arange(400)[:, None] % 2, reference.image, np.float32(np.nan)),
        labels=reference.labels | {"age": age},
    )
    estimators = {modality: KNNEstimator(sparse, modality) for modality in ("image", "spectrum")}
    assert (estimators["image"].sample % 2 == 1).all()
    calibrated = fit_calibrated_estimator(estimators, "age")
    assert calibrated.calibrations["image"].count >= 60
    assert calibrated.calibrations["spectrum"].count >= 60
    assert np.isfinite(estimators["image"].query(reference.image[:3]).novelty).all()


def test_skill_is_measured_on_the_reference(reference):
    bright = {"image": np.linspace(1, 9, 400)}
    lit = replace(reference, covariates=bright)
    estimators = {modality: KNNEstimator(lit, modality) for modality in ("image", "spectrum")}
    calibrated = fit_calibrated_estimator(estimators, "log_stellar_mass")
    assert list(calibrated.calibrations) == ["image", "spectrum", "best"]
    assert calibrated.calibrations["image"].count == 400
    assert calibrated.calibrations["spectrum"].count == calibrated.calibrations["best"].count == 320
    assert list(calibrated.calibrations["image"].bins) == ["image", None]


def test_only_redshifts_have_two_answers(reference):
    estimators = {modality: KNNEstimator(reference, modality) for modality in ("image", "spectrum")}
    assert fit_calibrated_estimator(estimators, "redshift").min_difference == 0.05
    assert fit_calibrated_estimator(estimators, "log_stellar_mass").min_difference == np.inf


def test_galaxies_without_an_image_have_no_brightness_of_one(reference):
    bare = np.where(np.arange(400)[:, None] < 100, np.float32(np.nan), reference.image)
    lit = replace(reference, image=bare, covariates={"image": np.linspace(1, 9, 400)})
    estimators = {modality: KNNEstimator(lit, modality) for modality in ("image", "spectrum")}
    cells = fit_calibrated_estimator(estimators, "redshift").calibrations["spectrum"].bins
    assert len(cells["image"].scores[0]) == 240  # of 320 with a spectrum


def test_hardly_any_galaxy_with_both_is_no_obstacle(reference):
    odd = np.arange(400)[:, None] % 2
    split = replace(
        reference,
        image=np.where(odd, reference.image, np.float32(np.nan)),
        spectrum=np.where(odd, np.float32(np.nan), reference.spectrum),
    )
    estimators = {modality: KNNEstimator(split, modality) for modality in ("image", "spectrum")}
    calibrated = fit_calibrated_estimator(estimators, "redshift")
    assert list(calibrated.calibrations) == ["image", "spectrum"]
    found = {
        name: one.query(reference.image[:4]).predictions["redshift"]
        for name, one in estimators.items()
    }
    found["spectrum"].value[:2] = np.nan
    predicted = calibrated.predict(found, {})
    np.testing.assert_array_equal(predicted["best"].value[:2], predicted["image"].value[:2])
    np.testing.assert_array_equal(predicted["best"].value[2:], predicted["spectrum"].value[2:])
    np.testing.assert_array_equal(
        calibrated.interval("best", predicted, {}, 0.68),
        [predicted["best"].low, predicted["best"].high],
    )


def test_kinds_of_brightness_order_by_way(reference):
    bright = {"image": np.linspace(1, 9, 400), "spectrum": np.linspace(9, 1, 400)}
    lit = replace(reference, covariates=bright)
    estimators = {modality: KNNEstimator(lit, modality) for modality in ("image", "spectrum")}
    names = fit_calibrated_estimator(estimators, "redshift").calibrations
    assert [next(iter(names[name].bins)) for name in ("image", "spectrum", "best")] == [
        "image", "spectrum", "image",
    ]  # fmt: skip


def test_brightness_counts_for_novelty(reference, queries):
    lit = replace(reference, covariates={"image": np.linspace(1, 9, 400)})
    dark = KNNEstimator(lit, "image").query(queries, covariate=np.full(50, -5.0))
    assert (dark.novelty[np.isfinite(dark.novelty)] == 1).all()
