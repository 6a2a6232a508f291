"""Novelty: where a galaxy stands among the reference's own distances."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import K, Neighbours, find
from astroclip_astro.zeroshot.novelty import Novelty


def cloud(number: int, seed: int, *, scatter: float = 0.3) -> np.ndarray:
    """Unit vectors scattered about one direction."""
    rng = np.random.default_rng(seed)
    vectors = np.eye(128)[0] + scatter * rng.standard_normal((number, 128)) / 128**0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def novelty_of(points: np.ndarray, *, k: int = K, covariate: np.ndarray | None = None) -> Novelty:
    """Novelty against all of some points."""
    own = find(points, points, k=k, exclude=np.arange(len(points)))
    return Novelty(own.mean_cosine_distance, covariate, k=k)


def own_measure(points: np.ndarray, row: int) -> float:
    """Mean cosine distance of one row to its K nearest others."""
    cosine = np.delete(points, row, axis=0).astype(float) @ points[row].astype(float)
    return np.sort(1 - cosine)[:K].mean()


def test_distances_leave_the_galaxy_itself_out():
    points = cloud(200, 1)
    expected = np.sort([own_measure(points, row) for row in range(200)])
    np.testing.assert_allclose(novelty_of(points).distances, expected, atol=1e-6)


def test_a_twin_in_the_reference_counts_at_distance_zero():
    points = cloud(200, 1)
    points[100:] = points[:100]
    alone, doubled = novelty_of(points[:100], k=1), novelty_of(points, k=1)
    assert alone.distances.min() > 0
    np.testing.assert_array_equal(doubled.distances, 0)


def test_score_is_the_fraction_no_farther():
    novelty = novelty_of(cloud(50, 1))
    middle = novelty.distances[24]
    at = np.sqrt(2 * np.array([0, middle * 0.999, middle * 1.001, 2]))
    neighbours = Neighbours(np.zeros((4, K), int), np.repeat(at[:, None], K, axis=1))
    np.testing.assert_allclose(novelty.score(neighbours), [0, 0.48, 0.5, 1])


def test_an_equal_distance_counts_as_no_farther():
    # Every point's nearest others are at the same distance, and so is the query.
    points = np.eye(128, dtype=np.float32)[:20]
    query = np.eye(128, dtype=np.float32)[20:21]
    assert novelty_of(points).score(find(points, query))[0] == 1


def test_more_of_the_same_is_spread_evenly():
    points = cloud(1500, 1)
    score = novelty_of(points).score(find(points, cloud(500, 2)))
    np.testing.assert_allclose(np.quantile(score, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.07)


def test_another_kind_is_wholly_novel():
    points = cloud(300, 1)
    np.testing.assert_array_equal(novelty_of(points).score(find(points, -cloud(5, 2))), 1)


@given(st.integers(0, 1000), st.sets(st.integers(0, 9)))
def test_scores_are_fractions_or_nan(seed, missing):
    points, queries = cloud(40, 1), cloud(10, seed, scatter=0.1 + seed / 300)
    queries[list(missing)] = np.nan
    score = novelty_of(points).score(find(points, queries))
    assert score.dtype == np.float32
    assert np.flatnonzero(np.isnan(score)).tolist() == sorted(missing)
    assert all(0 <= value <= 1 for value in score[~np.isnan(score)])


def test_missing_rows_of_the_reference_are_not_used():
    points = cloud(60, 1)
    holed = np.insert(points, [0, 7, 60], np.nan, axis=0)
    np.testing.assert_array_equal(novelty_of(holed).distances, novelty_of(points).distances)


def test_another_number_of_neighbours_is_refused():
    points = cloud(40, 1)
    with pytest.raises(InputError, match="Found 5 neighbours of each query, expected 16"):
        novelty_of(points).score(find(points, points, k=5))


def test_too_small_a_reference_is_refused():
    with pytest.raises(InputError, match="k = 16 neighbours of 15 usable points"):
        novelty_of(cloud(16, 1))


def test_fainter_or_brighter_than_all_is_novel():
    points = cloud(500, 1)
    novelty = novelty_of(points, covariate=np.linspace(1, 2, 500))
    near = find(points, cloud(3, 1))  # copies: nothing unusual but for their brightness
    score = novelty.score(near, np.array([0.5, 1.5, 2.5]))
    np.testing.assert_array_equal(score[[0, 2]], 1)
    assert score[1] < 0.2


def test_more_of_the_same_brightness_is_spread_evenly():
    rng = np.random.default_rng(3)
    novelty = novelty_of(cloud(1500, 1), covariate=rng.normal(size=1500))
    score = novelty.score(find(cloud(1500, 1), cloud(500, 2)), rng.normal(size=500))
    np.testing.assert_allclose(np.quantile(score, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.07)


def test_unknown_brightness_leaves_the_distance_to_decide():
    points, queries = cloud(300, 1), find(cloud(300, 1), cloud(50, 2))
    novelty = novelty_of(points, covariate=np.arange(300.0))
    order = np.argsort(novelty_of(points).score(queries), kind="stable")
    score = novelty.score(queries, np.full(50, np.nan))
    assert (np.diff(score[order]) >= 0).all()
    np.testing.assert_array_equal(score, novelty.score(queries))


def test_equal_brightness_is_nothing_unusual():
    points, queries = cloud(300, 1), find(cloud(300, 1), cloud(50, 2))
    novelty = novelty_of(points, covariate=np.full(300, 7.0))
    score = novelty.score(queries, np.full(50, 7.0))
    np.testing.assert_array_equal(score, novelty_of(points).score(queries))


def test_ordinary_galaxies_of_unknown_brightness_are_spread_evenly():
    rng = np.random.default_rng(3)
    novelty = novelty_of(cloud(1500, 1), covariate=rng.normal(size=1500))
    score = novelty.score(find(cloud(1500, 1), cloud(500, 2)), np.full(500, np.nan))
    np.testing.assert_allclose(np.quantile(score, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.07)
