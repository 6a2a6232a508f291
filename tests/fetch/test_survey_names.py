"""Releases and layers as people write them."""

import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.survey_names import LAYERS, read_layer, read_releases


@pytest.mark.parametrize(
    "text", ["DESI-DR1", "desi-dr1", "DR1", "dr1", " DR1 ", "DESI_DR1", "DESI DR1", "Desi-Dr1"]
)
def test_release_is_understood(text):
    assert read_releases(text) == ("DESI-DR1",)


@pytest.mark.parametrize("text", ["edr", "EDR", "desi-edr"])
def test_early_release_is_understood(text):
    assert read_releases(text) == ("DESI-EDR",)


def test_several_releases_keep_their_order_and_come_once():
    assert read_releases("EDR,DR1,desi-edr") == ("DESI-EDR", "DESI-DR1")


@pytest.mark.parametrize("text", ["DR2", "", "DR1,", "DESI", "SDSS"])
def test_other_release_is_refused_with_those_that_there_are(text):
    with pytest.raises(InputError, match="expected one or more of DESI-EDR, DESI-DR1"):
        read_releases(text)


def test_nearest_release_is_suggested():
    with pytest.raises(InputError, match=r"Release 'DR11'.*did you mean 'DESI-DR1'"):
        read_releases("DR11")


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("ls-dr9", "ls-dr9"),
        ("LS-DR10", "ls-dr10"),
        ("DR10", "ls-dr10"),
        ("dr9-north", "ls-dr9-north"),
    ],
)
def test_layer_is_understood(text, layer):
    assert read_layer(text) == layer


@pytest.mark.parametrize("text", ["sdss", "ls-dr11", "SDSS", "dr77"])
def test_layer_that_is_not_known_is_left_to_the_viewer(text):
    assert read_layer(text) == text


def test_layers_are_names_that_the_viewer_may_have():
    assert all(read_layer(layer) == layer for layer in LAYERS)
