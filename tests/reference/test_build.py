"""Galaxies of a file become a reference: each with its own embeddings and labels."""

import numpy as np
import pytest

from astroclip_astro.errors import WeightsError
from astroclip_astro.models.card import check_aligned
from astroclip_astro.models.model import load_model
from astroclip_astro.reference.build import (
    ReferenceOptions,
    build_reference,
    embed_galaxies,
    make_reference,
    reference_description,
)
from astroclip_astro.reference.labelled_file import open_labelled_file
from astroclip_astro.training_data.split import HoldOut

h5py = pytest.importorskip("h5py")


@pytest.fixture(scope="module")
def model(tiny_weights):
    return load_model(tiny_weights, device="cpu")


@pytest.fixture(scope="module")
def galaxies(labelled_file):
    return open_labelled_file(labelled_file, ["age"])


def test_every_galaxy_has_its_own_embeddings_and_labels(galaxies, model, monkeypatch):
    monkeypatch.setattr("astroclip_astro.training_data.training_set.AT_ONCE", 32)
    rows = np.random.default_rng(1).permutation(120)[:100]
    embedded = embed_galaxies(galaxies, rows, model, batch_size=7)
    with h5py.File(galaxies.data.path) as file:
        image = model.embed_images(file["images"][:])
        spectrum = model.embed_spectra(file["spectrum"][:], file["ivar"][:])
        redshift, age, flux = file["redshift"][:], file["age"][:], file["flux"][:]
    apart = np.linalg.norm(image[:, None] - image[None], axis=2)[np.triu_indices(120, 1)]
    assert np.nanmin(apart) > 1e-4  # so that no two galaxies can be confused
    kept = rows[rows != 7]  # neither image nor spectrum
    assert len(kept) == 99
    np.testing.assert_allclose(embedded.vectors["image"], image[kept], atol=1e-5)
    np.testing.assert_allclose(embedded.vectors["spectrum"], spectrum[kept], atol=1e-5)
    np.testing.assert_array_equal(embedded.labels["redshift"], redshift[kept])
    np.testing.assert_array_equal(embedded.labels["age"], age[kept])
    np.testing.assert_allclose(
        embedded.vectors["photometry"][:, 2], 22.5 - 2.5 * np.log10(flux[kept, 1])
    )


def test_galaxies_without_one_of_both_stay(galaxies, model):
    embedded = embed_galaxies(galaxies, np.arange(5, 30), model)
    assert len(embedded) == 24
    assert np.isnan(embedded.vectors["image"]).any(axis=1).tolist() == [False, True, *[False] * 22]
    assert np.isnan(embedded.vectors["spectrum"]).any(axis=1).tolist() == [
        False,
        False,
        True,
        *[False] * 21,
    ]


def test_progress_counts_every_galaxy(galaxies, model):
    done = []
    embed_galaxies(galaxies, np.arange(30), model, advance=done.append)
    assert sum(done) == 30


def test_reference_says_what_it_is(galaxies, model):
    embedded = embed_galaxies(galaxies, np.arange(5, 40), model)
    made = make_reference(embedded, galaxies, model, name="mine", description="Ours")
    assert made.title == "simulated reference mine"
    assert made.description == "SIMULATED galaxies: Ours"
    assert made.weights_sha256 == model.card["sha256"]
    assert made.user_labels == ("age",)
    assert (made.units, made.descriptions) == ({"age": "Gyr"}, {"age": "Age of the stars"})


def test_one_call_makes_a_reference_and_scores_it(labelled_file, tiny_weights):
    options = ReferenceOptions(tiny_weights, ("age",), HoldOut(0.3, "tile"), device="cpu")
    built = build_reference(labelled_file, "mine", options)
    assert (built.reference.name, built.reference.user_labels) == ("mine", ("age",))
    assert built.reference.description == "SIMULATED galaxies of survey.h5"
    assert (built.without_labels, built.without_data) == (3, 1)
    assert "left-out SIMULATED galaxies" in built.scores["what"]
    assert 60 < len(built.reference) < 100


def test_nothing_held_out_is_not_scored(labelled_file, tiny_weights):
    built = build_reference(labelled_file, "mine", ReferenceOptions(tiny_weights, device="cpu"))
    assert built.scores is None
    assert len(built.reference) == 116


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "SIMULATED galaxies of survey.h5"),
        ("Bright ones", "SIMULATED galaxies: Bright ones"),
        ("Bright simulated ones", "Bright simulated ones"),
    ],
)
def test_simulated_galaxies_are_called_simulated(galaxies, given, expected):
    assert reference_description(galaxies, given) == expected


@pytest.mark.parametrize("stages", [{"spectrum": {}}, {"image": {}, "spectrum": {}}])
def test_weights_not_aligned_are_refused(stages):
    with pytest.raises(WeightsError, match=f"of the stage {', '.join(stages)} alone"):
        check_aligned({"name": "half", "training": {"stages": stages}})


@pytest.mark.parametrize("training", [{}, {"stages": {}}, {"stages": {"image": {}, "align": {}}}])
def test_weights_aligned_or_of_unknown_making_pass(training):
    check_aligned({"name": "whole", "training": training})
