"""Rows from anywhere to anywhere: typed positions, names, pipes, the demo without a file."""

import io
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError
from astropy.table import Table
from stubs import StubOptions, StubSource

from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.catalogue.streams import read_stream, write_stream
from astroclip_astro.cli.annotate import main
from astroclip_astro.flags import Flag
from astroclip_astro.resources import folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Work in an empty folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def piped_run(make_job, monkeypatch):
    """Return a function that runs the command in a pipe, on the stub source and model."""
    monkeypatch.setattr(
        "astroclip_astro.annotate.plan.check_options", lambda **options: StubOptions(make_job())
    )

    def run(content, *arguments, terminal=False):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        out.isatty = lambda: terminal
        err = io.StringIO()
        monkeypatch.setattr("sys.argv", ["astroclip-annotate", *map(str, arguments)])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stderr", err)
        with pytest.raises(SystemExit) as ended:
            main()
        return SimpleNamespace(
            status=ended.value.code, out=out.buffer.getvalue(), err=err.getvalue()
        )

    return run


def files():
    return sorted(os.listdir())


@pytest.fixture
def six():
    return Table({"name": [f"g{i}" for i in range(6)], "ra": np.arange(6) * 10.0, "dec": [0.0] * 6})


def content_of(table, form):
    stream = io.BytesIO()
    write_stream(table, form, stream)
    return stream.getvalue()


# -- typed positions and names ---------------------------------------------------------------------


def test_typed_position_is_printed_and_nothing_is_written(stub_run):
    result = stub_run("--position", "150.1", "-2.2")
    assert result.status == 0
    (row,) = (line for line in result.out.splitlines() if "150.10000" in line)
    assert row.split()[:2] == ["150.10000", "-2.20000"]
    assert row.split()[-1] == "none"  # of the flags
    assert "rows annotated  1 of 1" in result.out
    assert "Wrote" not in result.out
    assert files() == []


def test_each_typed_position_is_a_row(stub_run):
    result = stub_run(
        *("--position", "150.1", "-2.2", "--position", "10:00:24.0", "+02:12:00"),
        *("--position", "10h00m24s", "-2d12m", "--quiet"),
    )
    lines = [line.split()[:2] for line in result.out.splitlines()[2:]]
    assert lines[1:] == [[f"{150.1:.5f}", dec] for dec in ("-2.20000", "2.20000", "-2.20000")]


def test_typed_rows_are_all_shown_with_their_flags_in_words(run, make_job, monkeypatch):
    source = StubSource(gaps={Flag.NO_SPECTRUM: [50.0]})
    monkeypatch.setattr(
        "astroclip_astro.annotate.plan.check_options",
        lambda **options: StubOptions(make_job(source)),
    )
    positions = [word for ra in range(10, 90, 10) for word in ("--position", ra, 0)]
    result = run(*positions, "--source", "stub", "--quiet")
    assert len(result.out.splitlines()) == 3 + 8
    assert [line.split()[-1] for line in result.out.splitlines()[3:]] == [
        "no_spectrum" if ra == 50 else "none" for ra in range(10, 90, 10)
    ]


def test_typed_position_is_written_where_asked(stub_run):
    result = stub_run("--position", "150.1", "-2.2", "-o", "one.fits")
    assert result.status == 0
    assert "Wrote " in result.out
    table = read_catalogue("one.fits")
    assert (table["ra"][0], table["dec"][0]) == (150.1, -2.2)
    assert table["astroclip_image"].shape == (1, 128)
    assert files() == ["one.fits"]


def test_name_is_resolved_and_shown(stub_run, monkeypatch):
    monkeypatch.setattr(SkyCoord, "from_name", lambda name: SkyCoord(202.47, 47.195, unit="deg"))
    result = stub_run("--name", "M51", "--position", 10, -5, "--quiet")
    words = [line.split() for line in result.out.splitlines()]
    assert words[0][:3] == ["name", "ra", "dec"]
    assert words[4][:3] == ["M51", "202.47000", "47.19500"]


def test_unknown_name_says_so(stub_run, monkeypatch):
    def from_name(name):
        raise NameResolveError(f"Unable to find coordinates for name '{name}' using https://x")

    monkeypatch.setattr(SkyCoord, "from_name", from_name)
    result = stub_run("--name", "M 999")
    assert (result.status, result.out) == (2, "")
    assert "Name 'M 999' is not known to SIMBAD, NED or VizieR" in result.err


# -- standard input and output ---------------------------------------------------------------------


@pytest.mark.parametrize("form", ["fits", "votable", "ecsv", "csv", "parquet"])
def test_pipe_answers_in_the_format_of_its_input(piped_run, six, form):
    result = piped_run(content_of(six, form), "-")
    assert result.status == 0, result.err
    table, found = read_stream(io.BytesIO(result.out))
    assert found == form
    assert len(table) == 6
    assert np.isfinite(np.asarray(table["astroclip_z"], float)).all()
    assert files() == []


@pytest.mark.parametrize("form", ["fits", "csv"])
def test_format_is_that_of_standard_output(piped_run, six, form):
    result = piped_run(content_of(six, "ecsv"), "-", "-o", "-", "--format", form)
    assert read_stream(io.BytesIO(result.out))[1] == form


def test_summary_of_a_pipe_goes_to_standard_error(piped_run, six):
    result = piped_run(content_of(six, "csv"), "-")
    assert len(result.out.splitlines()) == 7
    assert "Wrote csv to standard output" in result.err
    assert "SIMULATED" in result.err


def test_quiet_pipe_says_nothing_but_the_table(piped_run, six):
    result = piped_run(content_of(six, "csv"), "-", "--quiet")
    assert (len(result.out.splitlines()), result.err) == (7, "")


def test_standard_input_may_go_to_a_file(piped_run, six):
    result = piped_run(content_of(six, "csv"), "-", "-o", "six.fits")
    assert result.status == 0
    assert b"Wrote " in result.out
    assert len(read_catalogue("six.fits")) == 6


def test_file_may_go_to_standard_output(piped_run, six):
    six.write("six.ecsv")
    result = piped_run(b"", "six.ecsv", "-o", "-")
    table, form = read_stream(io.BytesIO(result.out))
    assert (form, len(table)) == ("fits", 6)
    assert files() == ["six.ecsv"]


def test_typed_position_may_go_to_standard_output(piped_run):
    result = piped_run(b"", "--position", "150.1", "-2.2", "-o", "-", "--format", "csv", "-q")
    table, _ = read_stream(io.BytesIO(result.out))
    assert table["dec"].tolist() == [-2.2]


def test_no_bytes_are_sent_to_a_terminal(piped_run, six):
    result = piped_run(content_of(six, "fits"), "-", terminal=True)
    assert (result.status, result.out) == (2, b"")
    assert "Standard output is a terminal, and fits is no text" in result.err


@pytest.mark.slow
def test_pipe_in_a_shell(tmp_path, six):
    """A process of its own: nothing else may reach its standard output."""
    code = "from astroclip_astro.cli.annotate import main; main()"
    command = [sys.executable, "-c", code, "-", "--source", "demo", "--device", "cpu"]
    six["ra"], six["dec"] = np.arange(6) * 0.025, -5.0
    result = subprocess.run(
        [*command, "--modality", "image", "--columns", "redshift", "--format", "fits"],
        input=content_of(six, "csv"),
        capture_output=True,
        check=True,
    )
    table, form = read_stream(io.BytesIO(result.stdout))
    assert (form, len(table)) == ("fits", 6)
    assert table.meta["ACREFSIM"] == "SIMULATED"


# -- the demo's own catalogue ----------------------------------------------------------------------


@pytest.fixture
def demo_run(run, make_job, monkeypatch):
    """As `run`, with the stub source and model in place of the demo's."""
    monkeypatch.setattr(
        "astroclip_astro.annotate.plan.check_options", lambda **options: StubOptions(make_job())
    )
    return lambda *arguments: run("--source", "demo", *arguments)


def test_demo_without_a_catalogue_is_written_here(demo_run):
    result = demo_run()
    assert result.status == 0
    assert files() == ["demo_astroclip.fits"]
    demo = Table.read(folder("catalogs") / "demo.fits")
    assert read_catalogue("demo_astroclip.fits")["name"].tolist() == demo["name"].tolist()


@pytest.mark.parametrize("output", ["mine.csv", "demo_astroclip.fits"])
def test_demo_without_a_catalogue_is_written_where_asked(demo_run, output):
    assert demo_run("-o", output, "--rows", ":3").status == 0
    assert files() == [output]


def test_demo_is_not_written_twice_unasked(demo_run):
    assert demo_run("--rows", ":3").status == 0
    again = demo_run("--rows", ":3")
    assert again.status == 2
    assert "demo_astroclip.fits exists" in again.err
    assert demo_run("--rows", ":3", "--overwrite").status == 0


def test_other_source_without_a_catalogue_is_a_mistake(stub_run):
    result = stub_run()
    assert "--source demo alone annotates the demo's own catalogue" in result.err
    assert result.status == 2


# -- mistakes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Found no CATALOG, expected a file .* --position RA DEC or --name NAME"),
        (("cat.fits", "--position", 1, 2), "Found CATALOG 'cat.fits' and --position, expected one"),
        (("cat.fits", "--name", "M51"), "Found CATALOG 'cat.fits' and --name, expected one"),
        (("--position", 1, 2, "--ra", "x", "--rows", ":1"), "--ra, --rows goes with CATALOG only"),
        (("--position", 1, 2, "--calibrate", "redshift=z"), "--calibrate goes with CATALOG only"),
        (("--position", 1, 95), "Dec is '95', expected degrees"),
        (("--position", "M51", 1), "RA is 'M51', expected degrees"),
        (("--position", 1), "Dec is '--source', expected degrees"),
        (("--position", 1, 2, "--format", "csv"), "--format csv is for standard output"),
        (("cat.fits", "-o", "x.csv", "--format", "csv"), "the suffix of -o FILE says the format"),
        (("--position", 1, 2, "-o", "x.txt"), "no suffix that says a format"),
    ],
)
def test_mistake_is_explained_and_nothing_is_written(stub_run, arguments, words):
    result = stub_run(*arguments)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert re.search(words, result.err), result.err
    assert files() == []
