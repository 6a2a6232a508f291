"""``astroclip-dataset build`` as a user meets it."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner
from waiting import HANGS, started

from astroclip_astro import standin
from astroclip_astro.cli.dataset import build, dataset, main
from astroclip_astro.config import conf
from astroclip_astro.dataset import builder
from astroclip_astro.errors import AstroclipError
from astroclip_astro.standin.sky import PAINTED_ID
from astroclip_astro.training_data.batches import batches
from astroclip_astro.training_data.training_set import open_training_set

SKY = ("--box", 350, 10, -10, 10)
COUNT = 150
DEMO = ("build", "--source", "demo", "--size", 96)


@pytest.fixture
def run(run_command, monkeypatch, tmp_path):
    """Return a function that runs the command; gives status, out and err."""
    monkeypatch.chdir(tmp_path)
    with conf.set_temp("backoff", 0.005):
        yield partial(run_command, "astroclip-dataset", main)


@pytest.fixture(scope="module")
def server():
    with closing(standin.Standin(sky=standin.painted_sky(COUNT))) as server:
        yield server


@pytest.fixture
def command(server):
    """The words of a build of all objects but the polar ones."""
    return ("build", "-o", "t.h5", "--source", server.url, "--cache", "none", "--size", 32, *SKY)


def asked(server, path="/viewer/fits-cutout"):
    return [query for _, found, query in server.requests if found == path]


def test_demo_becomes_a_training_set(run):
    ids = 900_000_000_000_000 + np.arange(40)[::-1]
    Table({"TARGETID": ids, "LOGMSTAR": 9 + ids % 40 / 20}).write("labels.fits")
    result = run(*DEMO, "-o", "t.h5", *SKY, "--labels", "labels.fits")
    assert result.status == 0, result.err
    lines = result.out.splitlines()
    assert lines[0].startswith(f"Wrote 40 SIMULATED galaxies to {Path('t.h5').resolve()}, ")
    assert "no row in the table of labels" in result.out
    names = ("images", "spectrum", "redshift", "log_stellar_mass", "targetid")
    opened = open_training_set(Path("t.h5"), names)
    assert opened.simulated
    with batches(opened, np.arange(opened.rows), names, size=8, seed=0) as stream:
        batch = next(stream)
    assert batch["images"].shape == (8, 3, 96, 96)
    right = 9 + batch["targetid"] % 40 / 20
    assert batch["log_stellar_mass"] == pytest.approx(right, abs=1e-5)


def test_damaged_image_is_status_3_until_it_is_skipped(run):
    command = (*DEMO, "-o", "t.h5", *SKY, "--spectype", "any")
    result = run(*command)
    assert result.status == 3
    assert result.err.splitlines()[-1].startswith("astroclip-dataset: 1 of 48 galaxies could not")
    assert "--skip-failed" in result.err
    assert not Path("t.h5").exists()
    result = run(*command, "--skip-failed")
    assert result.status == 0
    assert "  rejected: 1 (the source failed)" in result.out
    assert not list(Path().glob("*.partial"))


def test_dry_run_asks_the_catalogue_only(run, command, server):
    before = len(asked(server))
    result = run(*command, "--dry-run", "--limit", 20)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("20 galaxies would be fetched from ")
    assert "rejected: 115 (beyond the limit)" in result.out
    assert len(asked(server)) == before
    assert not list(Path().iterdir())


def test_selection_is_what_the_options_say(run, command):
    ids = [PAINTED_ID + number for number in (3, 5, 6, 8)]
    Table({"TARGETID": ids}).write("targets.ecsv")
    cuts = ("--survey", "sv3,main", "--program", "bright", "--z-min", 0.01, "--z-max", "0.6")
    chosen = (*command[: -len(SKY)], "--targets", "targets.ecsv", *cuts, "-q")
    result = run(*chosen)
    assert (result.status, result.out, result.err) == (0, "", "")
    with h5py.File("t.h5") as file:
        assert file["targetid"][:].tolist() == ids
        assert "survey sv3 or main, program bright, spectype GALAXY" in file.attrs["selection"]
    result = run(*chosen, "--release", "DESI-EDR", "--overwrite")
    assert result.status == 0
    with h5py.File("t.h5") as file:
        assert file["targetid"][:].tolist() == [ids[2], ids[3]], "odd ones are in DR1 only"
        assert file.attrs["release"] == "DESI-EDR"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--box", 0, 1, 0, 1], "Missing option '-o'"),
        (["-o", "t.h5"], "0 of box, cone and targets are given"),
        (["-o", "t.h5", *SKY, "--cone", 0, 0, 1], "2 of box, cone and targets"),
        (["-o", "t.fits", *SKY], "no suffix .h5"),
        (["-o", "none/t.h5", *SKY], "does not exist"),
        (["-o", "t.h5", *SKY, "--size", 4], "size is 4 pixels"),
        (["-o", "t.h5", *SKY, "--limit", 0], "limit is 0"),
        (["-o", "t.h5", *SKY, "--survey", "a;b"], "expected a plain word"),
        (["-o", "t.h5", *SKY, "--release", "DR7"], "Release 'DR7', expected one or more of"),
        (["-o", "t.h5", *SKY, "--release", "DESI-EDR,DESI-DR1"], "expected one"),
        (["-o", "t.h5", *SKY, "--source", "."], "not with source"),
        (["-o", "t.h5", *SKY, "--labels", "none.fits"], "none.fits does not exist"),
        (["-o", "t.h5", *SKY, "--label-columns", "z"], "pass --labels too"),
        (["-o", "t.h5", *SKY, "--jobs", 99], "jobs is 99"),
        (["-o", "t.h5", "--box", 0, 1, 5, 2], "Dec from 5.0 to 2.0"),
    ],
)
def test_mistake_is_one_line_and_status_2(run, arguments, words):
    result = run("build", "--source", "demo", *arguments)
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith("astroclip-dataset: ")
    assert words in line
    assert not list(Path().iterdir())


def test_output_is_replaced_only_when_allowed(run, command, server):
    Path("t.h5").write_text("mine")
    before = len(server.requests)
    refused = run(*command)
    assert refused.status == 2
    assert "--overwrite" in refused.err
    assert len(server.requests) == before
    assert run(*command, "--limit", 3, "--overwrite").status == 0
    assert h5py.is_hdf5("t.h5")


def test_archive_that_is_down_is_status_3(run, command):
    server = standin.Standin()
    server.close()
    with conf.set_temp("attempts", 1):
        result = run("build", "-o", "t.h5", "--source", server.url, *SKY)
    assert result.status == 3
    (line,) = result.err.splitlines()
    assert line.startswith("astroclip-dataset: ")


def test_missing_package_is_status_1(run, command, monkeypatch):
    def fail(*arguments, **options):
        raise AstroclipError("pip install 'astroclip-astro[train]'")

    monkeypatch.setattr(builder, "_parts", fail)
    result = run(*command, "--limit", 3)
    assert result.status == 1
    assert result.err.splitlines()[-1].endswith("pip install 'astroclip-astro[train]'")


def start(command, folder):
    """Begin the command in a process of its own."""
    code = "from astroclip_astro.cli.dataset import main; main()"
    return started(
        [sys.executable, "-c", code, *command],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_stopped_build_goes_on_with_the_same_command(run, gated, tmp_path, stop):
    """It is stopped in its second part; nobody waits for the requests that are under way."""
    with closing(gated(100, held=2, sky=standin.painted_sky(COUNT))) as server:
        source = ("--source", server.url, "--cache", "none", "--size", 32, *SKY, "--jobs", 2)
        command = ("build", "-o", "t.h5", *source)
        with start(command, tmp_path) as process:
            server.wait()
            process.send_signal(stop)
            said = process.communicate(timeout=HANGS)[1]
        server.open()
        assert process.returncode == (130 if stop == signal.SIGINT else -stop)
        assert "Traceback" not in said
        if stop == signal.SIGINT:
            assert "of 135 galaxies are completed; the same command continues" in said
        kept = 64 * len(list(tmp_path.glob("*.partial/*.h5")))
        assert kept
        assert not Path("t.h5").exists()
        before = len(asked(server))
        assert run(*command).status == 0
        assert len(asked(server)) - before == 135 - kept
        assert run("build", "-o", "whole.h5", *source).status == 0
    assert Path("t.h5").read_bytes() == Path("whole.h5").read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_parts_of_other_options_are_refused_and_can_be_dropped(run, command, tmp_path):
    failing = (*DEMO, "-o", "t.h5", *SKY, "--spectype", "any")
    assert run(*failing).status == 3
    other = run(*failing, "--z-max", 0.5)
    assert other.status == 2
    assert "part of another training set (its selection: RA 350" in other.err
    assert run(*failing, "--z-max", 0.5, "--no-resume", "--skip-failed").status == 0


def test_every_option_is_in_the_help_and_on_its_page():
    text = " ".join(CliRunner().invoke(dataset, ["build", "-h"]).output.split())
    page = (Path(__file__).parents[2] / "docs" / "training_sets.md").read_text()
    for parameter in build.params:
        for name in parameter.opts:
            assert name in text
            assert f"`{name}" in page
    for words in ("0 done", "1 a package", "2 a mistake", "3 a source", "130 interrupted"):
        assert words in text


def test_version_is_said(run):
    assert run("--version").out.startswith("astroclip-dataset, version ")


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from astroclip_astro.cli.dataset import dataset\n"
        "assert CliRunner().invoke(dataset, ['build', '--help']).exit_code == 0\n"
        "heavy = [name for name in ('h5py', 'scipy', 'torch', 'pyvo') if name in sys.modules]\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
