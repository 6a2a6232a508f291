"""``astroclip-search`` from the shell's side."""

import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner
from stubs import StubModel, StubSource

from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.cli.search import main, search as command
from astroclip_astro.resources import folder

SKY = folder("catalogs") / "demo_sky"
OPTIONS = {name for param in command.params for name in param.opts if name[0] == "-"}


@pytest.fixture
def annotated(tmp_path):
    """A catalogue with embeddings on an arc: neighbours are alike; row 4 has none."""
    brightness = np.linspace(1, 5, 12)
    table = Table({"name": [f"g{i}" for i in range(12)]})
    table["ra"], table["dec"] = np.arange(12.0), np.full(12, -1.0)
    for number in range(4):
        table[f"extra{number}"] = number
    for name in ("image", "spectrum"):
        table[f"astroclip_{name}"] = StubModel.embed_brightness(brightness)
        table[f"astroclip_{name}"][4] = np.nan
    table["astroclip_z"] = (brightness / 10).astype("f4")
    table.meta.update(ACWEIGHT="compact", ACWSHA="0" * 64)
    path = tmp_path / "cat.fits"
    table.astroclip.write(path)
    return path


@pytest.fixture
def search(run_command, annotated, monkeypatch):
    """Return a function that searches the catalogue, with the stub's model and source."""
    monkeypatch.setattr("astroclip_astro.models.model.load_model", lambda *_, **__: StubModel())
    monkeypatch.setattr("astroclip_astro.fetch.open.open_source", lambda *_, **__: StubSource())
    return partial(run_command, "astroclip-search", main, annotated)


def rows_of(out):
    """First numbers of the lines of the printed table."""
    return [
        int(line.split()[0]) for line in out.splitlines() if re.match(r" *\d+ +\d\.\d{4} ", line)
    ]


def test_matches_are_printed_as_a_table(search):
    result = search("--row", 6, "--k", 3)
    assert result.status == 0
    assert rows_of(result.out) == [5, 7, 8]
    assert "3 galaxies most like row 6, by image among images, in " in result.out
    header = next(line for line in result.out.splitlines() if line.lstrip().startswith("row "))
    assert header.split() == ["row", "similarity", "name", "ra", "dec", "extra0", "astroclip_z"]
    assert result.err == ""


@pytest.mark.parametrize("column", [(), ("--id-column", "name")])
def test_galaxy_is_asked_for_by_its_name(search, column):
    result = search("--id", "g6", *column, "--k", 3)
    assert rows_of(result.out) == [5, 7, 8]
    assert "3 galaxies most like name g6 (row 6), by image among images" in result.out


@pytest.mark.parametrize(("by", "among"), [("image", "spectrum"), ("spectrum", "image")])
def test_by_and_among_choose_what_is_compared(search, by, among):
    out = search("--row", 6, "--by", by, "--among", among).out
    assert re.search(f"by {by} among {among}s|by {by} among spectra", out)


def test_position_may_be_negative(search):
    result = search("--position", 6, -1, "--k", 1)
    assert "row 6" in result.out
    assert "separation" in result.out


@pytest.mark.parametrize(
    "position", [("0:24:00", "-1:00:00"), ("0h24m0s", "-1d"), ("6d0m0s", "-1")]
)
def test_position_may_be_sexagesimal(search, position):
    assert "row 6" in search("--position", *position, "--k", 1).out


def test_position_that_is_none_says_what_would_be_one(search):
    result = search("--position", "6h", "x")
    assert result.status == 2
    assert "Dec is 'x', expected degrees such as -2.2" in result.err


def test_image_file_is_searched_with(search):
    result = search("--image", SKY / "cutout-05.fits", "--k", 2)
    assert result.status == 0
    assert "cutout-05.fits, by image" in result.out


def test_spectrum_file_is_searched_with(search):
    options = ("--spectrum", SKY / "coadd-sim-bright-0.fits", "--targetid", 900000000000003)
    result = search(*options, "--k", 2)
    assert result.status == 0
    assert "of TARGETID 900000000000003, by spectrum" in result.out


def test_output_has_all_columns(search, tmp_path):
    output = tmp_path / "found.ecsv"
    assert search("--row", 6, "-o", output).status == 0
    found = read_catalogue(output)
    assert found.colnames[:2] == ["row", "similarity"]
    assert {"extra3", "astroclip_z"} <= set(found.colnames)
    assert found.meta["ACQUERY"] == "row 6"


@pytest.mark.parametrize("suffix", ["fits", "vot", "csv", "parquet"])
@pytest.mark.parametrize("place", [(), ("--in-reference", "--reference")])
def test_output_is_written_in_every_format(search, tmp_path, own_reference, suffix, place):
    from astroclip_astro.zeroshot.reference_file import save_reference

    if place:
        save_reference(own_reference, tmp_path / "own.fits")
        place = (*place, tmp_path / "own.fits")
    output = tmp_path / f"found.{suffix}"
    result = search("--row", 6, "-o", output, "--k", 4, *place)
    assert result.status == 0
    found = read_catalogue(output)
    assert len(found) == 4
    assert (np.diff(found["similarity"]) <= 0).all()
    assert f"Wrote {output}" in result.out


def test_matches_in_the_reference_are_called_simulated(search, tmp_path, own_reference):
    from astroclip_astro.zeroshot.reference_file import save_reference

    save_reference(own_reference, tmp_path / "own.fits")
    out = search("--row", 6, "--in-reference", "--reference", tmp_path / "own.fits").out
    assert "in SIMULATED galaxies of reference own" in out
    assert {"redshift", "log_stellar_mass", "age", "log_SFR"} <= set(out.split())


def test_picture_is_drawn(search, tmp_path):
    pytest.importorskip("matplotlib")
    result = search("--row", 6, "--k", 2, "--plot", tmp_path / "p.png", "--source", "stub")
    assert result.status == 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert "p.png" in result.out


def test_quiet_says_nothing(search, tmp_path):
    result = search("--row", 6, "-q", "-o", tmp_path / "found.fits")
    assert (result.status, result.out, result.err) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "Found no query, expected exactly one of --row, --id, --position, --image, --sp"),
        (("--row", 1, "--image", "a.fits"), "Found --row and --image"),
        (("--row", 1, "--id-column", "name"), "--id-column goes with --id only"),
        (("--id", "g99"), "No row has 'g99' in column 'name'; did you mean 'g9'"),
        (("--id", "g1", "--id-column", "nam"), "did you mean 'name'"),
        (("--row", 12), "row is 12, expected 0 to 11"),
        (("--row", 4), "Row 4 has no embedding"),
        (("--row", "x"), "not a valid integer"),
        (("--row", 1, "--k", 0), "k is 0"),
        (("--row", 1, "--by", "colour"), "'colour' is not one of"),
        (("--row", 1, "--reference", "compact"), "--in-reference"),
        (("--row", 1, "--in-reference"), "weights and reference that go together"),
        (("--row", 1, "--plot", "p.png"), "--source archive, demo"),
        (("--row", 1, "--plot", "p.jpg", "--source", "demo"), r"\.png, \.pdf, \.svg"),
        (("--row", 1, "--plot", "p.png", "--in-reference", "--source", "demo"), "no images"),
        (("--row", 1, "-o", "found.txt"), "no suffix that says a format"),
        (("--row", 1, "--jobs", 2), "--jobs goes with a source"),
        (("--position", 100, 0), "the nearest, row 11"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    search, annotated, tmp_path, monkeypatch, options, words
):
    monkeypatch.chdir(tmp_path)
    result = search(*options)
    assert result.status == 2
    assert len(result.err.splitlines()) == 1
    assert re.search(words, result.err)
    assert result.out == ""
    assert list(tmp_path.iterdir()) == [annotated]


def test_existing_output_is_kept_unless_told(search, tmp_path):
    output = tmp_path / "found.fits"
    output.write_text("mine")
    assert search("--row", 6, "-o", output).status == 2
    assert output.read_text() == "mine"
    assert search("--row", 6, "-o", output, "--overwrite").status == 0


def test_catalogue_without_embeddings_says_what_to_do(search, annotated):
    Table({"ra": [1.0], "dec": [2.0]}).write(annotated, overwrite=True)
    result = search("--row", 0)
    assert result.status == 2
    assert "run astroclip-annotate first" in result.err


def test_catalogue_is_not_touched(search, annotated):
    before = annotated.read_bytes()
    search("--row", 6)
    assert annotated.read_bytes() == before


def test_every_option_is_in_the_help():
    text = CliRunner().invoke(command, ["--help"]).output
    assert {name for name in OPTIONS if name not in text} == set()
    for status in ("0 done", "2 a mistake", "3 the source", "130"):
        assert status in " ".join(text.split())


def test_every_option_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "similar.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(--?[a-z][a-z-]*)`", page))
    assert documented == OPTIONS
    for param in command.params:
        if isinstance(param.default, str | float | int) and not getattr(param, "is_flag", False):
            rows = [line.split("|") for line in page.splitlines() if line.startswith("| `-")]
            row = next(cells for cells in rows if f"`{param.opts[-1]}`" in cells[1])
            assert row[2].strip() == f"`{param.default}`"


@pytest.mark.slow
def test_demo_from_end_to_end(run_command, run, tmp_path):
    """The page's first commands, with the bundled weights and the demo's server."""
    pytest.importorskip("matplotlib")
    shutil.copy(folder("catalogs") / "demo.fits", tmp_path)
    options = ("--source", "demo", "--device", "cpu", "-q")
    assert run(tmp_path / "demo.fits", *options).status == 0
    picture, output = tmp_path / "p.png", tmp_path / "found.fits"
    options = (*options, "--row", 5, "--plot", picture, "-o", output)
    name = tmp_path / "demo_astroclip.fits"
    assert run_command("astroclip-search", main, name, *options).status == 0
    assert picture.stat().st_size > 20000
    assert 5 not in read_catalogue(output)["row"]
