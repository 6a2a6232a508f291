"""Neighbours are those of brute force; networks learn what can be learned, the same each time."""

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.predictors import predict
from astroclip_astro.zeroshot.metrics import r2, standardised


@pytest.fixture(scope="module")
def curve():
    """Points in the plane and a label that is no linear function of them."""
    rng = np.random.default_rng(1)
    points = rng.uniform(-1, 1, (1200, 2))
    return points, 11 + 0.1 * np.sin(3 * points[:, 0]) * points[:, 1]


@pytest.mark.parametrize("width", [3, 30])
def test_neighbours_are_those_of_brute_force(width):
    rng = np.random.default_rng(width)
    points, queries = rng.normal(size=(200, width)), rng.normal(size=(20, width))
    labels = rng.normal(size=200)
    distance = np.linalg.norm(queries[:, None] - points[None], axis=2)
    near = np.argsort(distance, axis=1)[:, :16]
    expected = [
        np.average(labels[rows], weights=1 / one[rows])
        for rows, one in zip(near, distance, strict=True)
    ]
    np.testing.assert_allclose(predict("knn", points, labels, queries), expected, rtol=1e-9)


def test_scaled_neighbours_do_not_depend_on_units(curve):
    points, labels = curve
    found = predict("scaled_knn", points[200:], labels[200:], points[:200])
    units = np.array([1000.0, 0.01])
    other = predict("scaled_knn", points[200:] * units + 7, labels[200:], points[:200] * units + 7)
    np.testing.assert_allclose(found, other, rtol=1e-9)
    raw = predict("knn", points[200:] * units, labels[200:], points[:200] * units)
    assert r2(labels[:200], found) > r2(labels[:200], raw) + 0.1


def test_network_learns_a_curve(curve):
    points, labels = curve
    found = predict("mlp", points[200:], labels[200:], points[:200])
    assert r2(labels[:200], found) > 0.9


@pytest.mark.slow
def test_network_does_not_depend_on_units(curve):
    points, labels = curve
    one = predict("mlp", points[700:], labels[700:], points[:50], seed=3)
    scaled = predict("mlp", points[700:] * 64 - 32, labels[700:] * 8, points[:50] * 64 - 32, seed=3)
    np.testing.assert_allclose(scaled, one * 8, rtol=1e-4)


@pytest.mark.slow
def test_seed_decides_the_network(curve):
    points, labels = curve[0][:300], curve[1][:300]
    one, same, other = (predict("mlp", points, labels, points[:9], seed=s) for s in (0, 0, 5))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("method", ["knn", "scaled_knn", "mlp"])
def test_galaxies_without_label_are_passed_over(curve, method):
    points, labels = curve[0][:200], curve[1][:200].copy()
    labels[::3] = np.nan
    known = np.isfinite(labels)
    expected = predict(method, points[known], labels[known], points[:20])
    np.testing.assert_array_equal(predict(method, points, labels, points[:20]), expected)


@pytest.mark.parametrize(("method", "least"), [("knn", 16), ("mlp", 20)])
def test_too_few_galaxies_are_refused(method, least):
    points = np.linspace(0, 1, least)[:, None]
    assert np.isfinite(predict(method, points, points[:, 0], points)).all()
    with pytest.raises(InputError, match=f"Only {least - 1} galaxies .* {least} at least"):
        predict(method, points[1:], points[1:, 0], points)


def test_unknown_way_is_refused():
    with pytest.raises(InputError, match="'forest', expected one of knn, scaled_knn, mlp"):
        predict("forest", np.ones((30, 1)), np.ones(30), np.ones((1, 1)))


def test_what_does_not_vary_is_shifted_only():
    points, queries = standardised(np.array([[2.0, 1], [2, 3]]), np.array([[5.0, 2]]))
    np.testing.assert_array_equal(points, [[0, -1], [0, 1]])
    np.testing.assert_array_equal(queries, [[3, 0]])
