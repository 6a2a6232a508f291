"""Parts in which galaxies are left out, or still to be settled."""

import h5py
import numpy as np
import pytest

from astroclip_astro.errors import OutputError
from astroclip_astro.storage.hdf5 import Field
from astroclip_astro.storage.shard import Shard
from astroclip_astro.storage.shards import Shards

FIELDS = {
    "spectrum": Field((2000,), "f4", "", "In chunks of 16."),
    "number": Field((), "i8", "", "Not in chunks."),
}


def galaxy(number):
    return {"spectrum": np.full(2000, number, np.float32), "number": np.int64(number)}


def part(number, left_out=(), missing=()):
    """The part of 64 galaxies, without some."""
    places = [place for place in range(64) if place not in {*left_out, *missing}]
    galaxies = {place: galaxy(64 * number + place) for place in places}
    return Shard(galaxies, dict.fromkeys(left_out, "clouds"))


@pytest.fixture
def parts(tmp_path):
    parts = Shards(tmp_path / "t.h5", FIELDS, 192, {"seed": 1}, sample_name="training set")
    parts.open_folder(resume=True)
    return parts


@pytest.mark.parametrize(
    "left_out", [[(), (), ()], [(3,), (), (5, 6)], [range(64), (), (1,)], [range(16), (0,), ()]]
)
def test_galaxies_are_joined_without_those_left_out(parts, left_out):
    for number, places in enumerate(left_out):
        parts.save(number, part(number, places))
        assert parts.whole(number)
    gone = {64 * number + place for number, places in enumerate(left_out) for place in places}
    galaxies, reasons = parts.totals()
    assert (galaxies, reasons.get("clouds", 0)) == (192 - len(gone), len(gone))
    parts.join({"n": galaxies})
    with h5py.File(parts.output) as file:
        right = [number for number in range(192) if number not in gone]
        assert file["number"][:].tolist() == right
        assert (file["spectrum"][:] == np.array(right)[:, None]).all()


def test_part_that_is_begun_is_not_whole_and_is_taken_up(parts):
    parts.save(0, part(0, left_out=[2], missing=[7, 9]))
    assert not parts.whole(0)
    begun = parts.load(0)
    assert len(begun) == 62
    assert begun.rejected == {2: "clouds"}
    rest = {place: galaxy(place) for place in (7, 9)}
    parts.save(0, Shard({**begun.galaxies, **rest}, begun.rejected))
    assert parts.whole(0)
    assert [int(parts.load(0).galaxies[place]["number"]) for place in (6, 7, 8, 9)] == [6, 7, 8, 9]


@pytest.mark.parametrize("damage", ["places", "left_out", "spectrum"])
def test_damaged_part_holds_nothing(parts, damage):
    parts.save(0, part(0))
    with h5py.File(parts.path(0), "a") as file:
        if damage == "spectrum":
            file["spectrum"][3, 3] += 1
        else:
            file.attrs[damage] = "[[99, 1]]" if damage == "left_out" else "[99]"
    assert len(parts.load(0)) == 0
    assert len(parts.load(1)) == 0


def test_messages_call_the_output_by_its_name(parts):
    parts.save(0, part(0))
    other = Shards(parts.output, FIELDS, 192, {"seed": 2}, sample_name="training set")
    with pytest.raises(OutputError, match=r"part of another training set \(its seed: 1, expected"):
        other.open_folder(resume=True)
