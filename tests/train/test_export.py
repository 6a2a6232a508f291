"""What a finished stage leaves: weights, a card that says what they are, a plot."""

import errno
import json
from types import SimpleNamespace

import h5py
import pytest
import torch
from training_stub import TINY, data_of, stage_of

from astroclip_astro.errors import OutputError
from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.checkpoint import load_weights
from astroclip_astro.train import export as module
from astroclip_astro.train.export import release
from astroclip_astro.train.run_folder import RunFolder


@pytest.fixture
def finish(tmp_path, training_file):
    """Return a function that releases an untrained stage of two logged steps; gives its card."""
    folder = RunFolder(tmp_path)
    for step in (1, 2):
        folder.add(folder.log, {"step": step, "loss": 1 / step, "rate": 4.0})

    def finished(path=training_file, cards=None):
        torch.manual_seed(1)
        given = stage_of("image"), folder, data_of(path), TINY, cards or {}
        release(AstroCLIP(TINY.model), *given)
        return json.loads((tmp_path / "weights.json").read_text())

    return SimpleNamespace(card=finished, folder=folder)


@pytest.fixture
def observed_file(training_file, tmp_path):
    """The same galaxies in a file that does not say they are simulated."""
    path = tmp_path / "observed.h5"
    with h5py.File(training_file) as one, h5py.File(path, "w") as other:
        for name in ("images", "ra", "dec", "tile"):
            one.copy(name, other)
    return path


def test_card_says_simulated(finish):
    training = finish.card()["training"]
    assert training["simulated"] is True
    assert "SIMULATED galaxies" in training["data"]
    assert training["stages"]["image"]["simulated"] is True


def test_card_of_other_galaxies_does_not(finish, observed_file):
    training = finish.card(observed_file)["training"]
    assert training["simulated"] is False
    assert "observed (or not stated to be simulated)" in training["data"]


def test_what_began_simulated_stays_so(finish, observed_file):
    before = {"training": {"simulated": True, "stages": {"spectrum": {"task": "masks"}}}}
    training = finish.card(observed_file, {"spectrum_encoder": before})["training"]
    assert training["simulated"] is True
    assert list(training["stages"]) == ["spectrum", "image"]


def test_card_says_how(finish, training_file):
    training = finish.card()["training"]
    data, image = data_of(training_file), training["stages"]["image"]
    assert (image["steps"], image["queue"], image["galaxies"]) == (6, 64, len(data.rows))
    assert f"{len(data.held_out)} held out" in training["data"]
    assert training["labels_in_loss"] == "none"
    assert all(low < high for low, high in training["range"].values())


def test_missing_band_is_no_faint_galaxy(finish, training_file, tmp_path):
    plain = finish.card()["training"]["range"]["aperture_flux_r"]
    path = tmp_path / "gaps.h5"
    path.write_bytes(training_file.read_bytes())
    with h5py.File(path, "a") as file:
        file["images"][::7, 1] = 0
    found = finish.card(path)["training"]["range"]["aperture_flux_r"]
    assert 0 not in found
    assert found == pytest.approx(plain, rel=0.5)


def test_weights_can_be_loaded(finish):
    finish.card()
    assert finish.folder.finished
    assert load_weights(finish.folder.path)[0].config == TINY.model


def test_losses_are_plotted(finish):
    finish.card()
    assert (finish.folder.path / "loss.png").read_bytes()[1:4] == b"PNG"


def test_full_disk_is_said_and_the_run_can_be_released_later(finish, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "save_weights", fail)
        with pytest.raises(OutputError, match=r"No space left .* go on with --resume"):
            finish.card()
    assert not finish.folder.finished
    finish.card()
    assert finish.folder.finished
