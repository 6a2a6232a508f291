"""Reference files: what is written is read."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from astroclip_astro.errors import OutputError, WeightsError
from astroclip_astro.zeroshot import reference_location
from astroclip_astro.zeroshot.reference import Reference, check_weights
from astroclip_astro.zeroshot.reference_checks import check_reference
from astroclip_astro.zeroshot.reference_file import load_reference, save_reference

SHA = "0123456789abcdef" * 4


def unit_vectors(number: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((number, 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def toy(**changes) -> Reference:
    labels = {"redshift": np.linspace(0, 1, 40), "log_stellar_mass": np.linspace(8, 12, 40)}
    fields = {
        "name": "toy",
        "image": unit_vectors(40, 1),
        "spectrum": unit_vectors(40, 2),
        "labels": labels,
        "simulated": True,
        "weights_sha256": SHA,
        "description": "Galaxies made up for a test, described at such length that it takes "
        "more than one header card to hold it all",
    }
    return Reference(**{**fields, **changes})


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "toy.fits"
    save_reference(toy(), path)
    return path


# What is written is read


@pytest.mark.parametrize("simulated", [True, False, None])
def test_what_is_saved_is_loaded(tmp_path, simulated):
    path = tmp_path / "toy.fits"
    written = toy(simulated=simulated)
    save_reference(written, path)
    read = load_reference(path)
    for name in ("name", "simulated", "weights_sha256", "description"):
        assert getattr(read, name) == getattr(written, name)
    np.testing.assert_array_equal(read.image, written.image)
    np.testing.assert_array_equal(read.spectrum, written.spectrum)
    assert list(read.labels) == ["redshift", "log_stellar_mass"]
    for name, values in written.labels.items():
        np.testing.assert_array_equal(read.labels[name], values)


def test_arrays_are_native_and_writable_copies(saved):
    read = load_reference(saved)
    arrays = [read.image, read.spectrum, *read.labels.values()]
    assert [array.dtype.str for array in arrays] == ["<f4", "<f4", "<f8", "<f8"]
    assert all(array.flags.owndata for array in arrays)


def test_sha256_is_the_file_s(saved):
    assert load_reference(saved).sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()


def test_the_same_reference_gives_the_same_bytes(saved, tmp_path):
    save_reference(toy(), tmp_path / "again.fits")
    assert (tmp_path / "again.fits").read_bytes() == saved.read_bytes()


def test_columns_carry_ucds_and_descriptions(saved):
    header = fits.getheader(saved, 1)
    assert [header[f"TUCD{n}"] for n in (1, 2, 3, 4)] == [
        "stat.value",
        "stat.value",
        "src.redshift",
        "phys.mass",
    ]
    assert header["TCOMM4"] == "Stellar mass, log10 of solar masses"


def test_a_galaxy_may_lack_one_modality(tmp_path):
    spectrum = unit_vectors(40, 2)
    spectrum[:20] = np.nan
    save_reference(toy(spectrum=spectrum), tmp_path / "toy.fits")
    read = load_reference(tmp_path / "toy.fits")
    np.testing.assert_array_equal(np.isnan(read.spectrum[:, 0]), np.arange(40) < 20)


def test_a_plain_astropy_table_is_a_reference(tmp_path):
    table = Table({"image": toy().image, "spectrum": toy().spectrum, **toy().labels})
    table["mine"] = [f"galaxy {n}" for n in range(40)]
    table["hole"] = np.full(40, np.nan)
    table.write(tmp_path / "plain.fits")
    read = load_reference(tmp_path / "plain.fits")
    assert (read.name, read.simulated, read.weights_sha256) == ("plain", None, None)
    assert list(read.labels) == ["redshift", "log_stellar_mass"]


def with_own(**changes) -> Reference:
    own = {"age": np.where(np.arange(40) % 2, 5.0, np.nan), "SFR": np.arange(40.0)}
    fields = {
        "labels": toy().labels | own,
        "units": {"age": "Gyr"},
        "descriptions": {"SFR": "Star formation rate," + " in long words" * 9},
    }
    return toy(**fields | changes)


def test_own_labels_are_read_without_being_asked_for(tmp_path):
    written = with_own()
    save_reference(written, tmp_path / "toy.fits")
    read = load_reference(tmp_path / "toy.fits")
    assert read.user_labels == ("age", "SFR")
    assert (read.units, read.descriptions) == (written.units, written.descriptions)
    for name, values in written.labels.items():
        np.testing.assert_array_equal(read.labels[name], values)


def test_a_header_card_makes_a_column_of_a_plain_table_a_label(tmp_path):
    table = Table({"image": toy().image, "spectrum": toy().spectrum, **toy().labels})
    table["age"], table["hole"] = np.arange(40.0), np.full(40, np.nan)
    table.meta["ACLABEL1"] = "age"
    table.write(tmp_path / "plain.fits")
    assert load_reference(tmp_path / "plain.fits").user_labels == ("age",)


def test_a_header_card_of_an_absent_column_is_refused(tmp_path):
    table = Table({"image": toy().image, "spectrum": toy().spectrum, **toy().labels})
    table.meta["ACLABEL1"] = "age"
    table.write(tmp_path / "plain.fits")
    with pytest.raises(WeightsError, match=r"no columns \['age'\]"):
        load_reference(tmp_path / "plain.fits")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["two words"], "'two words' cannot be a column's name"),
        (["1age"], "'1age' cannot"),
        (["x" * 51], "50 in all"),
        ([""], "'' cannot"),
        (["Redshift"], "a column that every reference has"),
        (["IMAGE"], "a column that every reference has"),
        (["z"], "'z' would become the column astroclip_z, which"),
        (["Flags"], "astroclip_Flags"),
        (["logmstar_image"], "astroclip_logmstar_image"),
        (["age", "Age"], "'Age' would become"),
        (["age", "age_err"], "'age_err' would become the column astroclip_age_err"),
        (["age_err", "age"], "'age' would become the column astroclip_age_err"),
    ],
)
def test_labels_that_cannot_be_columns_are_refused(names, message):
    labels = toy().labels | {name: np.arange(40.0) for name in names}
    with pytest.raises(WeightsError, match=message):
        check_reference(toy(labels=labels), "toy")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": toy().labels | {"age": np.full(40, np.inf)}}, "age .* not finite in 40 rows"),
        ({"labels": toy().labels | {"age": np.where(np.arange(40) < 16, 1, np.nan)}},
         "age .* known for 16 galaxies with image, expected at least 17"),
        ({"units": {"age": "\N{ANGSTROM SIGN}"}}, "label age .* ASCII"),
        ({"descriptions": {"age": "two\nlines"}}, "label age .* ASCII"),
    ],
)  # fmt: skip
def test_own_labels_that_cannot_be_used_are_refused(changes, message):
    with pytest.raises(WeightsError, match=message):
        check_reference(with_own(**changes), "toy")


@pytest.mark.parametrize(
    ("simulated", "title"),
    [
        (True, "simulated reference toy"),
        (False, "reference toy"),
        (None, "reference toy (not stated whether simulated)"),
    ],
)
def test_title_says_what_is_simulated(simulated, title):
    assert toy(simulated=simulated).title == title


def test_length_is_the_number_of_galaxies():
    assert len(toy()) == 40


def test_more_than_nine_labels_are_written_without_a_warning(tmp_path):
    more = {f"label{number}": np.full(40, float(number)) for number in range(12)}
    save_reference(toy(labels=toy().labels | more), tmp_path / "many.fits")
    loaded = load_reference(tmp_path / "many.fits")
    assert loaded.user_labels == tuple(more)
    assert loaded.labels["label11"][0] == 11


# Names


@pytest.fixture
def catalogs(tmp_path, monkeypatch):
    """A folder of bundled references with one in it, called tiny."""
    path = tmp_path / "catalogs"
    path.mkdir()
    save_reference(toy(name="tiny"), path / "reference-tiny.fits")
    (path / "demo.fits").touch()
    monkeypatch.setattr(reference_location, "folder", {"catalogs": path}.__getitem__)
    return path


def test_a_bundled_reference_is_found_by_name(catalogs):
    assert load_reference("tiny").name == "tiny"


def test_an_unknown_name_lists_the_bundled(catalogs):
    with pytest.raises(WeightsError, match=r"'huge': bundled are \['tiny'\].*or the path"):
        load_reference("huge")


@pytest.mark.parametrize("name", ["../catalogs/reference-tiny", "", "demo", "toy.fits/x"])
def test_only_listed_names_are_names(catalogs, name):
    with pytest.raises(WeightsError):
        load_reference(name)


# Saving


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": unit_vectors(40, 1)[:, :64]}, r"image .* shape \(40, 64\)"),
        ({"spectrum": unit_vectors(39, 1)}, r"spectrum .* shape \(39, 128\)"),
        ({"labels": {"redshift": np.ones(40)}}, r"lacks the labels \['log_stellar_mass'\]"),
        ({"labels": {**toy().labels, "age": np.ones(3)}}, r"age .* shape \(3,\)"),
        ({"name": "größe"}, "expected a line of ASCII"),
        ({"description": "two\nlines"}, "expected a line of ASCII"),
        ({"weights_sha256": SHA.upper()}, "expected 64 digits"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, changes, message):
    with pytest.raises(WeightsError, match=message):
        save_reference(toy(**changes), tmp_path / "bad.fits")
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept(saved):
    before = saved.read_bytes()
    with pytest.raises(OutputError, match="exists; pass overwrite=True"):
        save_reference(toy(name="other"), saved)
    assert saved.read_bytes() == before


def test_an_existing_file_is_replaced_when_told(saved):
    save_reference(toy(name="other"), saved, overwrite=True)
    assert load_reference(saved).name == "other"


def test_nothing_else_is_left_behind(saved):
    assert [path.name for path in saved.parent.iterdir()] == ["toy.fits"]


@pytest.mark.parametrize("name", ["absent/toy.fits", "file/toy.fits"])
def test_a_path_that_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        save_reference(toy(), tmp_path / name)


def test_nothing_is_left_behind_by_a_failure(tmp_path):
    (tmp_path / "toy.fits").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        save_reference(toy(), tmp_path / "toy.fits", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.fits"]


# Weights


@pytest.mark.parametrize("known", [SHA, None])
def test_weights_that_made_the_reference_pass(known):
    assert check_weights(toy(weights_sha256=known), SHA) is None


def test_other_weights_are_refused():
    other = replace(toy(), weights_sha256="f" * 64)
    with pytest.raises(WeightsError, match=r"sha256 ffffffffffff\.\.\., not these of 0123456789ab"):
        check_weights(other, SHA)
