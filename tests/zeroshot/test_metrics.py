"""Scores: the same galaxies for every way of comparing, and the numbers they should be."""

from dataclasses import replace

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies
from astroclip_astro.zeroshot.metrics import colours, score


def arc(n: int, seed: int) -> EmbeddedGalaxies:
    """Galaxies whose spectra tell the redshift, whose images tell half, whose colours nothing."""
    rng = np.random.default_rng(seed)
    redshift = rng.uniform(0, 1, n)

    def embedded(angle):
        vectors = np.zeros((n, 128), np.float32)
        vectors[:, 0], vectors[:, 1] = np.cos(angle), np.sin(angle)
        return vectors

    return EmbeddedGalaxies(
        {
            "image": embedded(redshift + rng.normal(0, 0.15, n)),
            "spectrum": embedded(redshift),
            "photometry": rng.normal(0, 1, (n, 3)) * [1, 10, 100],
        },
        labels={"redshift": redshift, "log_stellar_mass": 8 + 3 * redshift},
    )


def test_scores_are_those_of_the_definitions():
    reference, test = arc(600, 1), arc(200, 2)
    found = score(reference, test)
    true, known, asked = test.labels["redshift"], reference.vectors, test.vectors
    for method, points, queries in (
        ("image", known["image"], asked["image"]),
        ("spectrum", known["spectrum"], asked["spectrum"]),
        ("image_to_spectrum", known["spectrum"], asked["image"]),
        ("photometry", *((one["photometry"] - known["photometry"].mean(0))
                         / known["photometry"].std(0) for one in (known, asked))),
    ):  # fmt: skip
        distance = np.linalg.norm(queries[:, None].astype(float) - points[None], axis=2)
        near = np.argsort(distance, axis=1)[:, :16]
        weights = 1 / np.maximum(np.take_along_axis(distance, near, 1), 1e-9)
        guess = (weights * reference.labels["redshift"][near]).sum(1) / weights.sum(1)
        r2 = 1 - ((guess - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()
        error = (guess - true) / (1 + true)
        assert found[f"{method}_r2_redshift"] == pytest.approx(r2, abs=1.1e-3), method
        spread = 1.4826 * np.median(np.abs(error - np.median(error)))
        assert found[f"{method}_sigma_nmad"] == pytest.approx(spread, abs=2e-4), method
        assert found[f"{method}_outliers"] == pytest.approx(
            np.mean(abs(error) > 0.05), abs=0.011
        ), method
    assert found["spectrum_r2_redshift"] > 0.99
    assert found["photometry_r2_redshift"] < 0.2
    assert found["spectrum_r2_log_stellar_mass"] > 0.99
    assert "200 left-out galaxies, 600 in the reference" in found["what"]


def test_all_ways_see_the_same_galaxies():
    reference, test = arc(600, 1), arc(200, 2)
    broken = {name: np.array(values) for name, values in test.vectors.items()}
    broken["image"][:10], broken["spectrum"][5:20], broken["photometry"][30, 1] = (
        np.nan,
        np.nan,
        np.nan,
    )
    kept = np.ones(200, bool)
    kept[:20] = kept[30] = False
    part = EmbeddedGalaxies(
        {name: values[kept] for name, values in broken.items()},
        labels={name: values[kept] for name, values in test.labels.items()},
    )
    assert score(reference, replace(test, vectors=broken)) == score(reference, part)
    swapped = score(
        replace(test, vectors=broken), reference
    )  # and the same on the reference's side
    assert swapped == score(part, reference)
    assert "179 left-out" in score(reference, part)["what"]


def test_label_that_some_lack_is_scored_on_the_others():
    reference, test = arc(600, 1), arc(200, 2)
    known = np.arange(200) % 4 == 0
    age = np.where(known, test.labels["redshift"], np.nan)
    holes = np.where(np.arange(600) % 2, reference.labels["redshift"], np.nan)
    found = score(
        replace(reference, labels=reference.labels | {"age": holes}),
        replace(test, labels=test.labels | {"age": age}),
        sample_name="SIMULATED galaxies",
    )
    assert found["spectrum_r2_age"] > 0.99
    assert found["what"].endswith(
        "200 left-out SIMULATED galaxies, 600 in the reference; age on 50, 300 in the reference"
    )
    assert found | score(reference, test) | {"what": found["what"]} == found


def test_without_photometry_there_is_none():
    reference, test = (arc(n, n).select("image", "spectrum") for n in (100, 50))
    assert not [key for key in score(reference, test) if key.startswith("photometry")]


@pytest.mark.parametrize(("known", "tested"), [(15, 50), (100, 1)])
def test_too_few_galaxies_are_refused(known, tested):
    with pytest.raises(InputError, match=f"Only {known} galaxies .* and {tested} held out"):
        score(arc(known, 1), arc(tested, 2))


def test_flux_that_is_not_positive_has_no_colour():
    found = colours(np.array([[1, 1, 1], [0, 1, 1], [1, -2, 1], [1, 1, np.nan]], "f4"))
    np.testing.assert_allclose(found[0], [0, 0, 22.5])
    assert np.isnan(found[1:]).any(axis=1).all()
