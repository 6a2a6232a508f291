"""Labels of a file, and which galaxies go where."""

import shutil

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.reference.labelled_file import open_labelled_file, split_galaxies
from astroclip_astro.training_data.split import HoldOut, held_out, sky_groups

h5py = pytest.importorskip("h5py")


@pytest.fixture
def changed(labelled_file, tmp_path):
    """Return a function that gives the path of a changed copy of the file."""

    def change(edit):
        path = tmp_path / "survey.h5"
        shutil.copy(labelled_file, path)
        with h5py.File(path, "r+") as file:
            edit(file)
        return path

    return change


def test_labels_are_read_with_unit_and_description(labelled_file):
    galaxies = open_labelled_file(labelled_file, ["age", "counts", "redshift", "age"])
    assert list(galaxies.labels) == ["redshift", "log_stellar_mass", "age", "counts"]
    assert galaxies.units == {"age": "Gyr"}
    assert galaxies.descriptions == {"age": "Age of the stars"}
    assert galaxies.simulated is True
    np.testing.assert_array_equal(np.flatnonzero(~galaxies.labelled), [3, 4, 50])
    np.testing.assert_array_equal(np.isnan(galaxies.labels["age"]), np.arange(120) % 4 == 0)
    np.testing.assert_array_equal(galaxies.labels["counts"], np.arange(120))


@pytest.mark.parametrize("said", [True, False, None])
def test_file_says_whether_it_is_simulated(changed, said):
    def edit(file):
        del file.attrs["SIMULATED"]
        if said is not None:
            file.attrs["SIMULATED"] = said

    assert open_labelled_file(changed(edit)).simulated is said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "no dataset 'nothing'; those with a number .* age, counts, dec"),
        ("flux", r"'flux' .* is float32 \(120, 3\), expected one number"),
        ("kind", "'kind' .* expected one number"),
        ("z", "'z' would become the column astroclip_z"),
        ("two words", "cannot be a column's name"),
    ],
)
def test_label_that_will_not_do_is_refused(labelled_file, name, message):
    with pytest.raises(InputError, match=message):
        open_labelled_file(labelled_file, [name])


@pytest.mark.parametrize("name", ["images", "spectrum", "redshift", "log_stellar_mass"])
def test_file_without_what_is_needed_is_refused(changed, name):
    def edit(file):
        del file[name]

    with pytest.raises(InputError, match=f"no dataset {name}"):
        open_labelled_file(changed(edit))


@pytest.mark.parametrize("by", ["sky", "tile"])
def test_whole_groups_are_held_out(labelled_file, by):
    galaxies = open_labelled_file(labelled_file)
    choice = split_galaxies(galaxies, HoldOut(0.3, by=by, seed=3))
    column = galaxies.data.column
    groups = sky_groups(column("ra"), column("dec")) if by == "sky" else column("tile")
    assert not set(groups[choice.reference]) & set(groups[choice.test])
    out = held_out(groups, 0.3, seed=3)  # as astroclip-train holds them out
    labelled = galaxies.labelled
    np.testing.assert_array_equal(choice.test, np.flatnonzero(out & labelled))
    np.testing.assert_array_equal(choice.reference, np.flatnonzero(~out & labelled))
    assert choice.unlabelled == 3


def test_capped_numbers_are_random_parts(labelled_file):
    galaxies = open_labelled_file(labelled_file)
    every = split_galaxies(galaxies, HoldOut(0.3))
    one, two = (
        split_galaxies(galaxies, HoldOut(0.3, count=40, test_count=9, seed=0)) for _ in range(2)
    )
    assert (len(one.reference), len(one.test)) == (40, 9)
    np.testing.assert_array_equal(one.reference, two.reference)
    for rows, whole in ((one.reference, every.reference), (one.test, every.test)):
        assert set(rows) < set(whole)
        assert (np.diff(rows) > 0).all()
        assert rows.tolist() != whole[: len(rows)].tolist()
    other = split_galaxies(galaxies, HoldOut(count=40, seed=1))
    assert set(other.reference) != set(
        split_galaxies(galaxies, HoldOut(count=40, seed=2)).reference
    )
    assert len(split_galaxies(galaxies, HoldOut(count=10**6)).reference) == 117


def test_nothing_is_held_out_unless_asked(labelled_file):
    assert len(split_galaxies(open_labelled_file(labelled_file)).test) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fraction": 1.5}, "Fraction to hold out is 1.5"),
        ({"fraction": -0.1}, "Fraction to hold out is -0.1"),
        ({"fraction": 0.3, "by": "rosette"}, "no dataset 'rosette'.*--holdout-by"),
        ({"fraction": 0.3, "by": "flux"}, "no dataset 'flux' of one value"),
        ({"count": 16}, "16 galaxies .* expected more than 16"),
        ({"count": 0}, "0 galaxies were asked for"),
        ({"fraction": 0.3, "test_count": 1}, "1 galaxies .* too few to score"),
        ({"fraction": 0.95, "by": "tile"}, "10 galaxies .* expected more than 16"),
    ],
)
def test_choice_that_cannot_be_made_is_refused(labelled_file, options, message):
    with pytest.raises(InputError, match=message):
        split_galaxies(open_labelled_file(labelled_file), HoldOut(**options))
