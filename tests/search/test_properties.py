"""Values and errors from neighbours' labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import KNeighborsRegressor

from astroclip_astro.errors import InputError
from astroclip_astro.search.neighbours import K, Neighbours, find
from astroclip_astro.search.properties import estimate

rng = np.random.default_rng(5)
distances = arrays(np.float32, (3, 7), elements=st.floats(0, 2, width=32))
labels = arrays(np.float64, (9,), elements=st.floats(-20, 20))
rows = arrays(np.int64, (3, 7), elements=st.integers(0, 8))


def unit_vectors(number: int) -> np.ndarray:
    vectors = rng.standard_normal((number, 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_value_is_that_of_scikit_learn():
    points, queries, labels = unit_vectors(2000), unit_vectors(300), rng.uniform(0, 1.2, 2000)
    value, _ = estimate(find(points, queries), labels)
    model = KNeighborsRegressor(n_neighbors=K, weights="distance").fit(points, labels)
    np.testing.assert_allclose(value, model.predict(queries), rtol=2e-7)


@given(distances, rows, labels)
def test_error_is_half_the_central_68_per_cent(distance, index, labels):
    _, error = estimate(Neighbours(index, distance), labels)
    for row in range(len(distance)):
        weights = 1 / np.maximum(distance[row].astype(float), 1e-6)
        low, high = np.quantile(
            labels[index[row]], [0.16, 0.84], weights=weights, method="inverted_cdf"
        )
        assert error[row] == np.float32((high - low) / 2)


@pytest.mark.parametrize(("k", "nearest"), [(K, 0.05), (25, 0.5)])  # 25 alike: on the very edge
def test_error_agrees_with_numpy_where_many_differ(k, nearest):
    distance, near = rng.uniform(nearest, 0.5, (500, k)), rng.uniform(0, 1, (500, k))
    index = np.arange(500 * k).reshape(500, k)
    _, error = estimate(Neighbours(index, distance), near.ravel())
    low, high = np.quantile(near, [0.16, 0.84], axis=1, weights=1 / distance, method="inverted_cdf")
    np.testing.assert_array_equal(error, ((high - low) / 2).astype(np.float32))


@given(distances, rows, labels)
def test_value_lies_among_the_labels(distance, index, labels):
    value, _ = estimate(Neighbours(index, distance), labels)
    near = labels[index]
    assert (value >= near.min(axis=1) - 1e-5).all()
    assert (value <= near.max(axis=1) + 1e-5).all()


def test_results_are_float32():
    results = estimate(Neighbours(np.zeros((2, 3), int), np.ones((2, 3))), np.ones(1))
    assert [result.dtype for result in results] == [np.float32] * 2


def test_a_copy_in_the_reference_decides():
    index, distance = np.arange(16)[None], np.full((1, 16), 0.5)
    distance[0, 0] = 0
    labels = np.linspace(0.2, 0.9, 16)
    value, error = estimate(Neighbours(index, distance), labels)
    assert value[0] == pytest.approx(0.2, abs=3e-5)
    assert error[0] == 0


def test_several_copies_share_the_weight():
    index, distance = np.arange(4)[None], np.array([[0, 0, 0.5, 0.5]])
    value, error = estimate(Neighbours(index, distance), np.array([0.2, 0.4, 5, 5]))
    assert value[0] == pytest.approx(0.3, abs=3e-5)
    assert error[0] == pytest.approx(0.1)


def test_no_neighbours_give_nan():
    index, distance = np.array([[-1, -1], [0, 1]]), np.array([[np.nan, np.nan], [0.1, 0.1]])
    value, error = estimate(Neighbours(index, distance), np.array([1.0, 3.0]))
    np.testing.assert_array_equal(value, [np.nan, 2])
    np.testing.assert_array_equal(error, [np.nan, 1])


def test_no_queries_give_no_values():
    nothing = Neighbours(np.empty((0, 16), int), np.empty((0, 16), np.float32))
    assert [len(result) for result in estimate(nothing, np.ones(20))] == [0, 0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.1, np.nan, 0.3, np.inf], "2 of 4 labels are not finite, the first is row 1"),
        ([0.1, 0.2], r"shape \(2,\), expected .* at least 3"),
        (np.ones((4, 1)), r"shape \(4, 1\)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        estimate(Neighbours(np.array([[0, 2]]), np.array([[0.1, 0.1]])), labels)
