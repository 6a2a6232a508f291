"""Nearest neighbours: exact, deterministic, and none for what is not there."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.neighbors import NearestNeighbors

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import K, Neighbours, find


def unit_vectors(number: int, seed: int, width: int = 128) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((number, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def brute_force(points, queries, k):
    """All distances in float64, sorted by distance, then row."""
    difference = points[None].astype(float) - queries[:, None]
    distance = np.sqrt(np.square(difference).sum(axis=2)).astype(np.float32)
    index = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return index, np.take_along_axis(distance, index, axis=1)


@st.composite
def crowded(draw):
    """Few directions, many of them twice, near the float32 resolution, or missing."""
    width = draw(st.integers(2, 5))
    directions = unit_vectors(draw(st.integers(1, 4)), draw(st.integers(0, 99)), width)
    chosen = draw(st.lists(st.integers(0, len(directions) - 1), min_size=4, max_size=40))
    vectors = directions[chosen]
    steps = draw(st.lists(st.integers(0, 2), min_size=len(vectors), max_size=len(vectors)))
    vectors[:, 0] += np.float32(3e-7) * np.array(steps, np.float32)
    return vectors


def test_agree_with_scikit_learn():
    points, queries = unit_vectors(3000, 1), unit_vectors(500, 2)
    found = find(points, queries)
    distance, index = (
        NearestNeighbors(n_neighbors=K, algorithm="brute").fit(points).kneighbors(queries)
    )
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, distance, rtol=1e-6)


def test_shapes_and_dtypes():
    found = find(unit_vectors(30, 1), unit_vectors(5, 2))
    assert (found.index.shape, found.index.dtype) == ((5, K), np.int64)
    assert (found.distance.shape, found.distance.dtype) == ((5, K), np.float32)


def test_no_queries_are_no_neighbours():
    assert find(unit_vectors(30, 1), np.empty((0, 128))).index.shape == (0, K)


@given(crowded(), st.integers(1, 4))
def test_ties_go_to_the_lower_row(vectors, k):
    found = find(vectors, vectors, k=k)
    index, distance = brute_force(vectors, vectors, k)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_array_equal(found.distance, distance)


@given(crowded(), st.integers(1, 3))
def test_a_row_left_out_is_found_by_nobody_it_is_left_out_for(vectors, k):
    rows = np.arange(len(vectors))
    found = find(vectors, vectors, k=k, exclude=rows)
    for row in rows:
        others = np.delete(rows, row)
        index, _ = brute_force(vectors[others], vectors[row : row + 1], k)
        np.testing.assert_array_equal(found.index[row], others[index[0]])


@given(st.sets(st.integers(0, 39)), st.sets(st.integers(0, 19)))
def test_missing_rows_neither_find_nor_are_found(missing_points, missing_queries):
    points, queries = unit_vectors(60, 1), unit_vectors(20, 2)
    points[list(missing_points)] = np.nan
    queries[list(missing_queries), 3] = np.nan
    found = find(points, queries)
    assert np.flatnonzero(~found.valid).tolist() == sorted(missing_queries)
    assert (found.index[~found.valid] == -1).all()
    assert np.isnan(found.distance[~found.valid]).all()
    assert not missing_points & set(found.index[found.valid].ravel().tolist())


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_neighbours_do_not_depend_on_the_other_queries(size):
    points, queries = unit_vectors(2000, 1), unit_vectors(130, 2)
    points[1000:] = points[:1000]  # every neighbour is tied with another
    together = find(points, queries)
    apart = [find(points, queries[i : i + size]) for i in range(0, len(queries), size)]
    np.testing.assert_array_equal(together.index, np.concatenate([a.index for a in apart]))
    np.testing.assert_array_equal(together.distance, np.concatenate([a.distance for a in apart]))


def test_a_copy_of_a_point_is_at_distance_zero():
    points = unit_vectors(100, 1)
    found = find(points, points[40:45])
    np.testing.assert_array_equal(found.index[:, 0], np.arange(40, 45))
    np.testing.assert_array_equal(found.distance[:, 0], 0)


def test_cosine_distance_is_one_minus_the_cosine():
    points, queries = unit_vectors(100, 1), unit_vectors(4, 2)
    found = find(points, queries)
    cosine = np.einsum("nkw,nw->nk", points[found.index], queries)
    np.testing.assert_allclose(found.cosine_distance, 1 - cosine, atol=1e-6)


def test_memory_does_not_grow_with_the_number_of_pairs():
    points, queries = unit_vectors(4000, 1, 16), unit_vectors(20_000, 2, 16)
    tracemalloc.start()
    try:
        find(points, queries, k=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50e6  # all pairs would take 320 MB


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queries": unit_vectors(3, 2, 64)}, "64 wide, expected 128"),
        ({"queries": unit_vectors(3, 2)[0]}, r"queries have shape \(128,\)"),
        ({"queries": 2 * unit_vectors(3, 2)}, "row 0 of length 2;"),
        ({"points": np.zeros((20, 128))}, "20 of 20 points are not unit vectors"),
        ({"k": 21}, "k = 21 neighbours of 20 usable points"),
        ({"k": 0}, "k = 0"),
        ({"k": 20, "exclude": np.arange(3)}, "k = 20 neighbours of 19"),
        ({"exclude": np.arange(2)}, r"exclude has shape \(2,\)"),
        ({"exclude": np.ones(3, bool)}, "dtype bool"),
        ({"exclude": np.array([0, 1, 20])}, "from 0 to 20, expected rows 0 to 19"),
        ({"exclude": np.array([0, 1, -1])}, "from -1 to 1"),
    ],
)
def test_nonsense_is_refused(changes, message):
    arguments = {"points": unit_vectors(20, 1), "queries": unit_vectors(3, 2), **changes}
    points, queries = arguments.pop("points"), arguments.pop("queries")
    with pytest.raises(InputError, match=message):
        find(points, queries, **arguments)


def test_points_that_are_missing_do_not_count():
    points = unit_vectors(20, 1)
    points[5:] = np.nan
    with pytest.raises(InputError, match="k = 16 neighbours of 5 usable points"):
        find(points, unit_vectors(3, 2))


def test_length_is_the_number_of_queries():
    assert len(Neighbours(np.zeros((3, 2), int), np.zeros((3, 2), np.float32))) == 3
