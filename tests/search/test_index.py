"""One interface, exact or approximate; faiss nominates, our measure decides."""

import sys

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import find
from astroclip_astro.search.index import ApproximateIndex, ExactIndex, make_index, recall


@pytest.fixture(scope="module")
def points():
    """Clustered unit vectors, as embeddings are; some rows are NaN, some twice there."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(40, 16))
    made = centres[rng.integers(0, 40, 3000)] + 0.5 * rng.normal(size=(3000, 16))
    made /= np.linalg.norm(made, axis=1)[:, None]
    made[::50] = np.nan
    made[1001:1006] = made[1000 + 1]
    return made.astype(np.float32)


@pytest.fixture
def all_lists(points):
    """An approximate index that looks everywhere, so that it must be exact."""
    pytest.importorskip("faiss")
    return ApproximateIndex(points, lists=20, probes=20)


def same(one, other):
    np.testing.assert_array_equal(one.index, other.index)
    np.testing.assert_array_equal(one.distance, other.distance)


def test_exact_index_is_find(points):
    rows = np.arange(5) + 1
    same(
        make_index(points).find(points[rows], k=7, exclude=rows),
        find(points, points[rows], k=7, exclude=rows),
    )


def test_searching_all_lists_is_exact_to_the_bit(points, all_lists):
    same(all_lists.find(points[:200], k=9), find(points, points[:200], k=9))


def test_ties_go_by_row_number(points, all_lists):
    found = all_lists.find(points[1003:1004], k=5)
    assert found.index.tolist() == [[1001, 1002, 1003, 1004, 1005]]


def test_row_left_out_does_not_come(points, all_lists):
    rows = np.arange(1, 40)
    found = all_lists.find(points[rows], k=5, exclude=rows)
    assert not (found.index == rows[:, None]).any()
    same(found, find(points, points[rows], k=5, exclude=rows))


def test_query_without_embedding_has_no_neighbours(all_lists, points):
    found = all_lists.find(points[:2], k=3)
    assert (found.index[0] == -1).all()
    assert found.valid.tolist() == [False, True]


def test_no_finite_query_is_no_trouble(all_lists, points):
    assert not all_lists.find(points[:1], k=3).valid.any()


def test_lists_with_too_few_points_are_made_up_for():
    pytest.importorskip("faiss")
    points = np.eye(8, dtype=np.float32)
    index = ApproximateIndex(points, lists=8, probes=1)
    same(index.find(points, k=5), find(points, points, k=5))


def test_approximate_search_finds_most(points):
    pytest.importorskip("faiss")
    good = points[np.isfinite(points[:, 0])]
    index = ApproximateIndex(points)
    assert index.probes < index.lists
    score = recall(index.find(good[:300], k=10), find(points, good[:300], k=10))
    assert 0.5 < score <= 1


def test_more_probes_find_more(points):
    pytest.importorskip("faiss")
    queries = points[1:49]
    exact = find(points, queries, k=10)
    scores = [
        recall(ApproximateIndex(points, lists=50, probes=probes).find(queries, k=10), exact)
        for probes in (1, 50)
    ]
    assert scores[0] < scores[1] == 1


def test_same_points_same_index(points):
    pytest.importorskip("faiss")
    one, other = (ApproximateIndex(points, lists=60, probes=2) for _ in range(2))
    same(one.find(points, k=4), other.find(points, k=4))


@pytest.mark.parametrize(
    ("queries", "options", "words"),
    [
        (np.eye(15)[:1], {"k": 3}, "15 wide, expected 16"),
        (np.eye(16)[:1], {"k": 0}, "k = 0"),
        (np.eye(16)[:1], {"k": 2941}, "2940 usable"),
        (2 * np.eye(16)[:1], {"k": 3}, "not unit vectors"),
        (np.eye(16)[:1], {"k": 3, "exclude": np.array([3000])}, "rows 0 to 2999"),
    ],
)
def test_mistakes_are_those_of_the_exact_search(points, all_lists, queries, options, words):
    for index in (all_lists, ExactIndex(points)):
        with pytest.raises(InputError, match=words):
            index.find(queries, **options)


@pytest.mark.parametrize("options", [{"lists": 0}, {"lists": 5, "probes": 6}, {"lists": 9999}])
def test_lists_and_probes_out_of_range_are_refused(points, options):
    pytest.importorskip("faiss")
    with pytest.raises(InputError, match="1 <= probes <= lists"):
        ApproximateIndex(points, **options)


def test_nothing_to_search_is_refused():
    pytest.importorskip("faiss")
    with pytest.raises(InputError, match="None of the points is finite"):
        ApproximateIndex(np.full((3, 2), np.nan))


def test_missing_faiss_says_what_to_install(points, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match=r"astroclip-astro\[scale\]"):
        make_index(points, "approximate")


def test_unknown_method_is_refused(points):
    with pytest.raises(InputError, match="exact, approximate"):
        make_index(points, "quick")


def test_recall_counts_what_was_found():
    angle = np.array([0, 1, 2, 3, 4]) / 4
    points = np.column_stack([np.cos(angle), np.sin(angle)])
    exact = find(points, points[:1], k=2)
    worse = find(np.delete(points, 1, axis=0), points[:1], k=2)
    assert recall(exact, exact) == 1
    assert recall(worse, exact) == 0.5


def test_recall_does_not_mind_ties():
    points = np.array([[1, 0], [0, 1], [0, -1]], float)
    exact = find(points, points[:1], k=2)
    other = find(points[[0, 2, 1]], points[:1], k=2)
    assert recall(other, exact) == 1


def test_recall_of_nothing_is_nan():
    none = find(np.eye(2), np.full((1, 2), np.nan), k=1)
    assert np.isnan(recall(none, none))


def test_recall_of_other_queries_is_refused():
    one, other = (find(np.eye(3), np.eye(3), k=k) for k in (1, 2))
    with pytest.raises(InputError, match="same queries"):
        recall(one, other)
