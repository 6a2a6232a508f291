"""Every mistake gets status 2 and one line that says what to do; nothing is written."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table


@pytest.fixture
def mistake(run, tmp_path):
    """Return a function that runs the command and checks how a mistake ends."""

    def check(*arguments, says, source="demo"):
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        result = run("--device", "cpu", "--source", source, *arguments)
        assert result.status == 2, result
        assert result.out == ""
        line = result.err.removesuffix("\n")
        assert "\n" not in line
        assert "Traceback" not in line
        for word in says:
            assert word in line, line
        after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert after == before
        return line

    return check


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a small catalogue."""

    def make(columns, name="cat.fits", **options):
        path = tmp_path / name
        Table(columns).write(path, **options)
        return path

    return make


GOOD = {"ra": [1.0, 2.0], "dec": [3.0, 4.0]}


def test_no_position_columns(mistake, write):
    mistake(write({"id": [1], "mag": [20.0]}), says=["id", "mag", "--ra"])


def test_several_candidates_are_listed(mistake, write):
    columns = {"ra_1": [1.0], "dec_1": [1.0], "ra_2": [1.0], "dec_2": [1.0]}
    mistake(write(columns), says=["ra_1", "ra_2", "--ra"])


def test_named_column_is_absent(mistake, write):
    mistake(write(GOOD), "--ra", "rra", "--dec", "dec", says=["rra", "ra"])


def test_radians(mistake, write):
    rng = np.random.default_rng(1)
    columns = {"ra": rng.uniform(0, 6.28, 200), "dec": np.arcsin(rng.uniform(-1, 1, 200))}
    mistake(write(columns), says=["radian", "degree"])


def test_hours(mistake, write):
    rng = np.random.default_rng(1)
    columns = {"ra": rng.uniform(0, 24, 500), "dec": rng.uniform(-89, 89, 500)}
    mistake(write(columns), says=["hours", "degree"])


def test_galactic_columns(mistake, write):
    mistake(write({"glon": [1.0], "glat": [2.0]}), says=["glon", "ICRS"])


def test_no_good_coordinate(mistake, write):
    mistake(write({"ra": [np.nan, 400.0], "dec": [1.0, 2.0]}), says=["ra", "dec"])


def test_empty_table(mistake, write):
    mistake(write({"ra": np.zeros(0), "dec": np.zeros(0)}), says=["no rows"])


def test_taken_column_name(mistake, write):
    mistake(write(GOOD | {"astroclip_z": [0.1, 0.2]}), says=["astroclip_z", "--overwrite"])


def test_missing_file(mistake, tmp_path):
    mistake(tmp_path / "nowhere.fits", says=["nowhere.fits"])


def test_folder_instead_of_a_file(mistake, tmp_path):
    mistake(tmp_path, says=[tmp_path.name])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 0.9])
def test_truncated_file(mistake, write, share):
    path = write({"ra": np.linspace(0, 300, 2000), "dec": np.zeros(2000)})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    mistake(path, says=["cat.fits"])


def test_file_without_a_table(mistake, tmp_path):
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(tmp_path / "image.fits")
    mistake(tmp_path / "image.fits", says=["image.fits", "table"])


@pytest.mark.parametrize("name", ["junk.fits", "junk.vot", "junk.parquet", "junk.ecsv"])
def test_junk(mistake, tmp_path, name):
    (tmp_path / name).write_bytes(b"\x00\x01not a table\xff" * 50)
    mistake(tmp_path / name, says=[name])


def test_unknown_weights(mistake, write):
    mistake(write(GOOD), "--weights", "giant", says=["giant", "compact"])


def test_unknown_reference(mistake, write):
    mistake(write(GOOD), "--reference", "everything", says=["everything", "compact"])


def test_unknown_source(mistake, write, tmp_path):
    mistake(write(GOOD), source=tmp_path / "nothing-here", says=["nothing-here", "demo", "folder"])


def test_folder_without_data(mistake, write, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    mistake(write(GOOD), source=empty, says=["empty", "cutout"])


def test_output_is_the_input(mistake, write):
    path = write(GOOD)
    mistake(path, "-o", path, "--overwrite", says=["input"])


def test_output_is_the_input_by_another_name(mistake, write, tmp_path):
    path = write(GOOD)
    (tmp_path / "link.fits").symlink_to(path)
    mistake(path, "-o", tmp_path / "link.fits", "--overwrite", says=["input"])


def test_output_exists(mistake, write, tmp_path):
    (tmp_path / "out.fits").write_text("precious")
    mistake(write(GOOD), "-o", tmp_path / "out.fits", says=["out.fits", "overwrite"])


def test_output_suffix_is_unknown(mistake, write, tmp_path):
    mistake(write(GOOD), "-o", tmp_path / "out.xlsx", says=[".xlsx", ".fits"])


def test_output_folder_is_absent(mistake, write, tmp_path):
    mistake(write(GOOD), "-o", tmp_path / "no" / "out.fits", says=["no"])


def test_output_folder_is_a_file(mistake, write, tmp_path):
    (tmp_path / "file").write_text("")
    mistake(write(GOOD), "-o", tmp_path / "file" / "out.fits", says=["file"])


@pytest.mark.parametrize("rows", ["5:9", "a:b", "3", "2:1", "0:1:2"])
def test_rows_are_not_there(mistake, write, rows):
    mistake(write(GOOD), "--rows", rows, says=["Rows", rows])


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--modality", "radio", ["radio", "image"]),
        ("--modality", "", ["image"]),
        ("--columns", "colour", ["colour", "embedding"]),
        ("--match-radius", "-1", ["-1", "arcsec"]),
        ("--match-radius", "nan", ["nan", "arcsec"]),
        ("--match-radius", "wide", ["wide"]),
        ("--device", "abacus", ["abacus", "cpu"]),
        ("--precision", "int4", ["int4", "float32"]),
    ],
)
def test_option_cannot_be_met(mistake, write, option, value, says):
    mistake(write(GOOD), option, value, says=says)


def test_unknown_option(mistake, write):
    mistake(write(GOOD), "--magic", says=["--magic"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--jobs", "0"], ["jobs is 0", "1 to 16"]),
        (["--release", "DESI-DR9"], ["DESI-DR9", "DESI-EDR, DESI-DR1"]),
        (["--layer", "ls dr9"], ["'ls dr9'", "ls-dr10"]),
        (["--cache-limit", "much"], ["'much'", "20 GB"]),
        (["--cache-limit", "-1"], ["at least 1 MB"]),
    ],
)
def test_impossible_options_of_the_archives(mistake, write, options, says):
    mistake(write(GOOD), *options, source="archive", says=says)


def test_cache_that_is_a_file(mistake, write, tmp_path):
    (tmp_path / "file").touch()
    mistake(write(GOOD), "--cache", tmp_path / "file", source="archive", says=["expected a folder"])


@pytest.mark.parametrize("option", ["--layer", "--release", "--jobs", "--cache", "--cache-limit"])
def test_options_of_the_archives_do_not_go_with_a_folder(mistake, write, tmp_path, option):
    mistake(write(GOOD), option, "1", source=tmp_path, says=[option, "leave it out"])


def test_layer_that_the_viewer_does_not_have(run, write):
    result = run(write(GOOD), "--source", "demo", "--layer", "ls-dr99", "--device", "cpu")
    assert result.status == 2
    last = result.err.splitlines()[-1]  # behind the progress bar: only the viewer knows
    assert all(word in last for word in ("'ls-dr99'", "no such layer", "ls-dr9"))


@pytest.mark.parametrize("path", [".", "/", "", "x" * 300])
def test_path_that_is_no_file(mistake, path):
    mistake(path, says=["expected a file" if len(path) < 300 else "cannot be used"])


def test_output_name_too_long(mistake, write, tmp_path):
    mistake(write(GOOD), "-o", tmp_path / f"{'x' * 300}.fits", says=["cannot be used"])


def test_empty_source(mistake, write):
    mistake(write(GOOD), source="", says=["demo", "folder"])


def test_taken_column_name_in_other_case(mistake, write):
    mistake(write(GOOD | {"ASTROCLIP_Z": [0.1, 0.2]}), says=["ASTROCLIP_Z", "--overwrite"])


def test_output_is_the_input_by_a_detour(mistake, write, tmp_path):
    path = write(GOOD)
    mistake(path, "-o", tmp_path / "absent" / ".." / path.name, "--overwrite", says=["input"])


@pytest.mark.parametrize("content", [None, b"junk"])
def test_folder_without_usable_files(mistake, write, tmp_path, content):
    (tmp_path / "sky").mkdir()
    if content is not None:
        (tmp_path / "sky" / "a.fits").write_bytes(content)
    mistake(write(GOOD), source=tmp_path / "sky", says=["FITS file", "give a folder"])
