"""A name stands for a bundled reference; what a card says is never a path."""

import pytest

from astroclip_astro.annotate.setup import read_reference
from astroclip_astro.columns import GROUPS
from astroclip_astro.errors import WeightsError
from astroclip_astro.models.card import locate
from astroclip_astro.zeroshot.reference_location import (
    bundled_reference,
    bundled_references,
    reference_path,
)


def test_name_of_bundled_weights_is_that_of_their_reference():
    assert bundled_reference("compact") == "compact"


@pytest.mark.parametrize("name", ["mine", "", "/dev/zero", "../compact", "compact.fits"])
def test_other_names_are_no_paths(name):
    with pytest.raises(WeightsError, match=r"No reference is bundled for weights .* only for comp"):
        bundled_reference(name)


def test_path_of_the_user_is_taken_as_it_is(tmp_path):
    assert reference_path(tmp_path / "mine.fits") == tmp_path / "mine.fits"
    assert reference_path("compact") == bundled_references()["compact"]


def test_weights_whose_card_names_a_file_do_not_read_it(tiny_weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").write_bytes(bundled_references()["compact"].read_bytes())
    with pytest.raises(WeightsError, match=r"bundled for weights 'tiny'.*--reference FILE"):
        read_reference(tiny_weights, None, GROUPS)


def test_bundled_weights_have_their_reference():
    card, reference, path = read_reference("compact", None, GROUPS)
    assert (card["name"], reference.name) == ("compact", "compact")
    assert path == bundled_references()["compact"]
    assert locate("compact").exists()
