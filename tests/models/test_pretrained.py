"""Vectors below the heads, of encoders that the cards say were trained."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from astroclip_astro.errors import InputError, WeightsError
from astroclip_astro.models.model import load_model
from astroclip_astro.models.pretrained import load_pretrained
from astroclip_astro.reference.features import backbone_features
from astroclip_astro.reference.labelled_file import open_labelled_file

h5py = pytest.importorskip("h5py")


@pytest.fixture
def make_run(tiny_weights, tmp_path):
    """Return a function that makes the folder of a run with these stages in its card."""

    def make(name, *stages):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        shutil.copy(tiny_weights, folder / "weights.safetensors")
        card = json.loads(tiny_weights.with_suffix(".json").read_text())
        del card["card_sha256"]  # as one of an earlier version, which may be changed
        card["training"]["stages"] = {stage: {} for stage in stages}
        (folder / "weights.json").write_text(json.dumps(card))
        return folder

    return make


@pytest.mark.parametrize("stages", [("image",), ("spectrum",), ("image", "spectrum")])
def test_card_says_which_encoder_was_trained(make_run, stages):
    assert set(load_pretrained([make_run("run", *stages)], device="cpu")) == set(stages)


def test_stages_come_from_several_runs_or_one_of_all(make_run, tmp_path):
    runs = [make_run("all/image", "image"), make_run("all/spectrum", "spectrum")]
    make_run("all/align", "image", "spectrum", "align")
    assert set(load_pretrained(runs, device="cpu")) == {"image", "spectrum"}
    assert set(load_pretrained([tmp_path / "all"], device="cpu")) == {"image", "spectrum"}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([("image", "align")], "have been aligned"),
        ([()], "only of none"),
        ([("image",), ("image",)], "Both tiny and .*run1 have a trained image encoder"),
    ],
)
def test_weights_that_will_not_do(make_run, stages, message):
    runs = [make_run(f"run{number}", *names) for number, names in enumerate(stages)]
    with pytest.raises(WeightsError, match=message):
        load_pretrained(runs, device="cpu")


def test_nothing_given_nothing_loaded():
    assert load_pretrained([]) == {}


def test_vectors_are_those_below_the_heads(labelled_file, tiny_weights, monkeypatch):
    torch = pytest.importorskip("torch")
    from astroclip_astro.prepare.images import centre_crop, clean_images, stretch
    from astroclip_astro.prepare.spectra import clean_spectra

    monkeypatch.setattr("astroclip_astro.training_data.training_set.AT_ONCE", 4)
    model = load_model(tiny_weights, device="cpu")
    galaxies, rows = open_labelled_file(labelled_file), np.array([1, 6, 7, 8, 9, 30])
    image = backbone_features(galaxies, rows, "image", model, batch_size=3)
    spectrum = backbone_features(galaxies, rows, "spectrum", model, batch_size=3)
    with h5py.File(labelled_file) as file:
        images = clean_images(centre_crop(file["images"][:][rows], model.config.image_size))
        flux = clean_spectra(file["spectrum"][:][rows], file["ivar"][:][rows])
    network = model.network
    with torch.inference_mode():
        stretched = torch.from_numpy(stretch(images, model.config.image_stretch))
        below = network.image_encoder.backbone(stretched)
        tokens = network.spectrum_encoder.embed(network.spectrum_encoder.tokens(torch.tensor(flux)))
    assert np.isnan(image).any(axis=1).tolist() == [False, True, True, False, False, False]
    assert np.isnan(spectrum).any(axis=1).tolist() == [False, False, True, True, False, False]
    seen = [0, 3, 4, 5]
    np.testing.assert_allclose(image[seen], below.numpy()[seen], rtol=1e-4, atol=1e-5)
    seen = [0, 1, 4, 5]
    np.testing.assert_allclose(spectrum[seen], tokens.mean(1).numpy()[seen], rtol=1e-4, atol=1e-5)
    assert spectrum.shape == (6, model.config.spectrum_width)


def test_vectors_of_nothing_have_the_right_width(tiny_weights):
    model = load_model(tiny_weights, device="cpu")
    found = model.embed_images(np.zeros((2, 3, 96, 96)), backbone_features=True)
    assert found.shape == (2, model.network.image_encoder.fc[0].in_features)
    assert np.isnan(found).all()
    assert model.embed_images(np.zeros((2, 3, 96, 96))).shape == (2, model.config.embedding_width)


def test_no_galaxies_are_said_to_be_none():
    galaxies = SimpleNamespace(data=SimpleNamespace(path="survey.h5"))
    with pytest.raises(InputError, match=r"None of the galaxies of survey\.h5"):
        backbone_features(galaxies, np.array([], int), "image", None)
