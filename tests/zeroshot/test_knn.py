"""Values and errors from neighbours' labels."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import KNeighborsRegressor

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import K, Neighbours, find
from astroclip_astro.zeroshot.knn import predict_from_neighbours

rng = np.random.default_rng(5)
distances = arrays(np.float32, (3, 7), elements=st.floats(0, 2, width=32))
labels = arrays(np.float64, (9,), elements=st.floats(-20, 20))
rows = arrays(np.int64, (3, 7), elements=st.integers(0, 8))


def unit_vectors(number: int) -> np.ndarray:
    vectors = rng.standard_normal((number, 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_value_is_that_of_scikit_learn():
    points, queries, labels = unit_vectors(2000), unit_vectors(300), rng.uniform(0, 1.2, 2000)
    value = predict_from_neighbours(find(points, queries), labels).value
    model = KNeighborsRegressor(n_neighbors=K, weights="distance").fit(points, labels)
    np.testing.assert_allclose(value, model.predict(queries), rtol=2e-7)


@given(distances, rows, labels)
def test_scatter_is_the_weighted_deviation_about_the_value(distance, index, labels):
    found = predict_from_neighbours(Neighbours(index, distance), labels)
    weights = 1 / np.maximum(distance.astype(float), 1e-6)
    for row in range(len(distance)):
        mean = np.average(labels[index[row]], weights=weights[row])
        square = np.average((labels[index[row]] - mean) ** 2, weights=weights[row])
        np.testing.assert_allclose(found.value[row], mean, atol=1e-9)
        np.testing.assert_allclose(found.scatter[row], square**0.5, atol=1e-6)


@given(distances, rows, labels)
def test_value_lies_among_the_labels(distance, index, labels):
    value = predict_from_neighbours(Neighbours(index, distance), labels).value
    near = labels[index]
    assert (value >= near.min(axis=1) - 1e-5).all()
    assert (value <= near.max(axis=1) + 1e-5).all()


def test_a_copy_in_the_reference_decides():
    index, distance = np.arange(16)[None], np.full((1, 16), 0.5)
    distance[0, 0] = 0
    labels = np.linspace(0.2, 0.9, 16)
    found = predict_from_neighbours(Neighbours(index, distance), labels)
    assert found.value[0] == pytest.approx(0.2, abs=3e-5)
    assert found.scatter[0] < 0.003


def test_several_copies_share_the_weight():
    index, distance = np.arange(4)[None], np.array([[0, 0, 0.5, 0.5]])
    found = predict_from_neighbours(Neighbours(index, distance), np.array([0.2, 0.4, 5, 5]))
    assert found.value[0] == pytest.approx(0.3, abs=3e-5)
    assert found.scatter[0] == pytest.approx(0.1, abs=2e-3)


def test_no_neighbours_give_nan():
    index, distance = np.array([[-1, -1], [0, 1]]), np.array([[np.nan, np.nan], [0.1, 0.1]])
    found = predict_from_neighbours(Neighbours(index, distance), np.array([1.0, 3.0]))
    np.testing.assert_array_equal(found.value, [np.nan, 2])
    np.testing.assert_array_equal(found.scatter, [np.nan, 1])
    assert np.isnan(found.secondary).all()


def test_no_queries_give_no_values():
    nothing = Neighbours(np.empty((0, 16), int), np.empty((0, 16), np.float32))
    assert len(predict_from_neighbours(nothing, np.ones(20))) == 0


def test_two_peaks_are_not_averaged_where_there_can_be_some():
    index, distance = np.arange(16)[None], np.full((1, 16), 0.5)
    labels = np.where(np.arange(16) < 10, 0.1, 0.4) + np.arange(16) / 1e4
    mean, peak = (
        predict_from_neighbours(Neighbours(index, distance), labels, bimodal=yes) for yes in (0, 1)
    )
    assert mean.value[0] == pytest.approx(labels.mean())
    assert np.isnan(mean.secondary[0])
    assert peak.value[0] == pytest.approx(labels[:10].mean())
    assert peak.secondary[0] == pytest.approx(labels[10:].mean())
    about = np.sqrt(np.mean((labels - labels[:10].mean()) ** 2))
    assert peak.scatter[0] == pytest.approx(about)  # the other peak makes it less certain


def test_some_galaxies_can_be_taken():
    index, distance = np.array([[0, 1], [1, 0]]), np.full((2, 2), 0.1)
    found = predict_from_neighbours(Neighbours(index, distance), np.array([1.0, 3.0]))
    assert (len(found[:1]), found[np.array([1])].value[0]) == (1, 2)


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
        predict_from_neighbours(Neighbours(np.array([[0, 2]]), np.array([[0.1, 0.1]])), labels)
