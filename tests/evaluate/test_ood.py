"""Novelty put to the test: areas are those of scikit-learn, of the objects there are."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from astroclip_astro.evaluate.ood import EITHER, novelties, novelty_areas
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies
from astroclip_astro.zeroshot.estimator import KNNEstimator
from astroclip_astro.zeroshot.reference import Reference

NOVELTIES = st.integers(0, 6).map(lambda step: step / 6)  # ties are many


def area(usual, strange):
    """As scikit-learn has it."""
    truth = np.repeat([0, 1], [len(usual), len(strange)])
    return roc_auc_score(truth, np.concatenate([usual, strange]))


def found_area(usual, strange, **options):
    return novelty_areas({"image": usual}, {"star": {"image": strange}}, **options)["star"]


@settings(deadline=None)
@given(
    arrays(np.float64, st.integers(1, 30), elements=NOVELTIES),
    arrays(np.float64, st.integers(1, 30), elements=NOVELTIES),
)
def test_area_is_that_of_scikit_learn(usual, strange):
    found = found_area(usual, strange, resamples=0)["auc_image"].value
    assert found == pytest.approx(area(usual, strange), abs=1e-12)


def test_equal_novelties_count_half():
    assert found_area(np.ones(3), np.ones(5), resamples=0)["auc_image"].value == 0.5
    usual, strange = np.array([0.1, 0.5, 0.5, 0.9]), np.array([0.5])
    assert found_area(usual, strange, resamples=0)["auc_image"].value == (1 + 2 / 2) / 4


def test_objects_without_novelty_are_counted_but_left_out():
    rng = np.random.default_rng(1)
    usual, strange = rng.uniform(size=50), rng.uniform(0.3, 1, 20)
    found = found_area(
        np.append(usual, [np.nan] * 9), np.append(strange, [np.nan] * 4), resamples=0
    )
    assert found["auc_image"].value == pytest.approx(area(usual, strange))
    assert found["objects"].value == 24
    assert np.isnan(found["objects"].low)


@pytest.mark.parametrize(
    ("usual", "strange"), [([0.5], [np.nan, np.nan]), ([np.nan], [0.5, 0.6]), ([0.5], [])]
)
def test_no_novelty_has_no_area(usual, strange):
    found = found_area(np.array(usual), np.array(strange))
    assert list(found) == ["objects"]
    assert found["objects"].value == len(strange)


def test_interval_is_that_of_other_objects_of_the_kind():
    rng = np.random.default_rng(1)
    usual, strange = rng.uniform(size=5000), rng.uniform(0.5, 1, 300)
    one = found_area(usual, strange, resamples=2000)["auc_image"]
    half = 1.96 * np.std(strange) / np.sqrt(300)  # its share below is an object's novelty
    assert one.high - one.value == pytest.approx(half, rel=0.15)
    assert one.value - one.low == pytest.approx(half, rel=0.15)
    again, other = (found_area(usual, strange, seed=s)["auc_image"] for s in (0, 1))
    assert again == found_area(usual, strange)["auc_image"]
    assert again.low != other.low
    assert np.isnan(found_area(usual, strange[:1])["auc_image"].low)


def test_each_kind_has_the_ways_it_can_be_looked_at():
    usual = {method: np.linspace(0, 1, 11) for method in ("image", "spectrum", EITHER)}
    strange = {
        "star": {method: np.full(3, 0.95) for method in usual},
        "qso": {"spectrum": np.full(7, 0.45)},
    }
    found = novelty_areas(usual, strange, resamples=0)
    assert list(found["star"]) == ["objects", "auc_image", "auc_spectrum", "auc_either"]
    assert list(found["qso"]) == ["objects", "auc_spectrum"]
    assert found["qso"]["objects"].value == 7
    assert found["qso"]["auc_spectrum"].value == pytest.approx(5 / 11)


def arc(angle):
    vectors = np.zeros((len(angle), 128), np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(angle), np.sin(angle)
    vectors[np.isnan(angle)] = np.nan
    return vectors


@pytest.fixture(scope="module")
def estimators():
    """Galaxies on an arc, as bright as they are far along it."""
    angle = np.random.default_rng(1).uniform(0, 1, 400)
    among = Reference(
        name="arc",
        image=arc(angle),
        spectrum=arc(angle),
        labels={"redshift": angle},
        simulated=True,
        covariates={"image": 10 + angle, "spectrum": 100 + angle},
    )
    return {modality: KNNEstimator(among, modality) for modality in ("image", "spectrum")}


def test_either_is_the_larger_novelty(estimators):
    image, spectrum = np.array([0.5, 3, 0.5, np.nan]), np.array([0.52, 0.5, 3, 3])
    found = novelties(
        estimators, EmbeddedGalaxies({"image": arc(image), "spectrum": arc(spectrum)}, {})
    )
    assert list(found) == ["image", "spectrum", EITHER]
    assert found["image"][1] == found["spectrum"][2] == 1
    assert max(found["image"][0], found["spectrum"][0]) < 0.99
    np.testing.assert_array_equal(np.isnan(found["image"]), [False, False, False, True])
    np.testing.assert_array_equal(found[EITHER][1:], [1, 1, 1])
    assert found[EITHER][0] == max(found["image"][0], found["spectrum"][0])
    assert found["image"].dtype == float


def test_objects_with_one_way_have_no_either(estimators):
    vectors = arc(np.linspace(0, 2, 7))
    found = novelties(estimators, EmbeddedGalaxies({"spectrum": vectors}, {}))
    assert list(found) == ["spectrum"]
    expected = estimators["spectrum"].query(vectors).novelty
    np.testing.assert_array_equal(found["spectrum"], expected)


def test_brightness_is_that_of_the_same_way(estimators):
    """Brighter than all of the reference, at a place where its galaxies are."""
    vectors = {method: arc(np.full(2, 0.5)) for method in ("image", "spectrum")}
    bright = {"image": np.array([10.5, 12.0]), "spectrum": np.array([102.0, 100.5])}
    found = novelties(estimators, EmbeddedGalaxies(vectors, covariates=bright))
    assert found["image"][1] == 1 > found["image"][0]
    assert found["spectrum"][0] == 1 > found["spectrum"][1]
    del bright["spectrum"]
    found = novelties(estimators, EmbeddedGalaxies(vectors, covariates=bright))
    assert found["image"][1] == 1 > found["spectrum"][0] == found["spectrum"][1]
