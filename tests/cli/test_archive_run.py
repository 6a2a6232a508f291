"""The command and the archives: fetched once, kept, interrupted and resumed."""

import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from waiting import HANGS, started, wait_until

from astroclip_astro import standin
from astroclip_astro.config import conf
from astroclip_astro.fetch.cache import SUFFIX
from astroclip_astro.flags import Flag
from astroclip_astro.resources import folder
from astroclip_astro.standin.faults import FAULTS

COUNT = 90
# Near RA 0 and Dec 2, where there is imaging; every tenth is at a pole.
ROWS = [number for number in range(COUNT) if number % 10 != 9]


@pytest.fixture(scope="module")
def sky():
    return standin.painted_sky(COUNT)


@pytest.fixture
def painted(sky, tmp_path):
    """A catalogue of painted objects."""
    path = tmp_path / "painted.fits"
    Table({"number": ROWS, "ra": sky.ra[ROWS], "dec": sky.dec[ROWS]}).write(path)
    return path


def cutouts(server):
    return [query for _, path, query in server.requests if path == "/viewer/fits-cutout"]


def start(*arguments):
    """Begin the command in a process of its own."""
    code = "from astroclip_astro.cli.annotate import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return started(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def options(server, tmp_path):
    return ["--source", server.url, "--cache", tmp_path / "cache", "--device", "cpu"]


def test_rows_come_from_an_address(run, painted, sky, tmp_path):
    server = standin.Standin(sky=sky)
    result = run(painted, *options(server, tmp_path), "--jobs", "2")
    server.close()
    assert result.status == 0
    table = Table.read(tmp_path / "painted_astroclip.fits")
    assert (table["astroclip_targetid"] % 1000 == table["number"]).all()
    assert (table["astroclip_flags"] & Flag.NO_IMAGE == 0).all()
    source = fits.getheader(tmp_path / "painted_astroclip.fits", 1)["ACSOURCE"]
    assert source == f"{server.url} (ls-dr9, DESI-DR1)"


def test_dry_run_says_what_is_cached_and_fetches_nothing(run, painted, sky, tmp_path):
    server = standin.Standin(sky=sky)
    chosen = options(server, tmp_path)
    before = run(painted, *chosen, "--dry-run")
    assert not server.requests
    assert not (tmp_path / "cache").exists()
    run(painted, *chosen, "--rows", ":30", "-o", tmp_path / "part.fits")
    count = len(server.requests)
    after = run(painted, *chosen, "--dry-run")
    assert len(server.requests) == count
    server.close()
    assert "images      0 of 81 cached" in before.out
    assert "images      30 of 81 cached" in after.out
    assert "spectra     30 of 81 cached" in after.out
    assert str(tmp_path / "cache") in after.out


def test_a_second_run_fetches_nothing(run, painted, sky, tmp_path):
    server = standin.Standin(sky=sky)
    assert run(painted, *options(server, tmp_path)).status == 0
    count = len(server.requests)
    assert run(painted, *options(server, tmp_path), "--overwrite").status == 0
    assert len(server.requests) == count
    server.close()


@pytest.mark.slow
def test_ctrl_c_stops_at_once_keeps_what_was_fetched_and_says_how_to_go_on(
    painted, sky, tmp_path, run, gated
):
    """At once: nobody waits for the four requests that are under way, and not answered."""
    server = gated(20, held=4, sky=sky)
    chosen = [*options(server, tmp_path), "--modality", "image"]
    with start(painted, *chosen, "--quiet") as process:
        server.wait()
        # What has been answered is asked for again unless it has reached the cache.
        wait_until(lambda: len(list((tmp_path / "cache").rglob(f"*{SUFFIX}"))) == 20)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=HANGS)
    fetched = cutouts(server)
    server.close()
    assert process.returncode == 130
    assert "interrupted; 0 of 81 rows are completed, and what was fetched" in said
    assert "The same command continues from there" in said
    assert said.count("\n") == 1
    assert len(fetched) == 24

    again = standin.Standin(sky=sky, port=int(server.url.rsplit(":", 1)[1]))
    assert run(painted, *chosen).status == 0
    asked = cutouts(again)
    again.close()
    before, after = ({str(sorted(one.items())) for one in some} for some in (fetched, asked))
    assert len(before | after) == 81
    assert len(before & after) == 4, "only what was under way is asked for again"


@pytest.mark.slow
def test_every_fault_at_once_leaves_no_row_with_another_objects_data(run, tmp_path):
    demo = folder("catalogs") / "demo.fits"
    assert (
        run(demo, "--source", "demo", "--device", "cpu", "-o", tmp_path / "good.fits").status == 0
    )
    server = standin.Standin(faults=dict.fromkeys(FAULTS, 0.2), retry_after=0, slow=0.05, seed=3)
    with conf.set_temp("backoff", 0.01):
        result = run(demo, *options(server, tmp_path), "-o", tmp_path / "faults.fits")
    server.close()
    assert result.status == 0, result.err
    good, table = (Table.read(tmp_path / name) for name in ("good.fits", "faults.fits"))
    flags = np.asarray(table["astroclip_flags"])
    for modality in ("image", "spectrum"):
        ours, right = (t[f"astroclip_{modality}"].filled(np.nan) for t in (table, good))
        missing = np.isnan(ours[:, 0])
        assert np.array_equal(missing, flags & Flag[f"NO_{modality.upper()}"] != 0)
        same = np.isclose(ours, right, atol=1e-5).all(axis=1)
        excused = missing | (flags & Flag.INCOMPLETE_IMAGE != 0) * (modality == "image")
        assert (same | excused).all()
        assert same.sum() > 10, "nothing was shown"
    has = ~np.ma.getmaskarray(table["astroclip_targetid"])
    assert (table["astroclip_targetid"] == good["astroclip_targetid"])[has].all()


def test_a_server_that_is_not_there_is_status_3_and_named_once(run, painted, tmp_path):
    server = standin.Standin()
    server.close()
    result = run(painted, *options(server, tmp_path), "--quiet")
    assert result.status == 3
    assert len(result.err.splitlines()) == 1
    host = f"127.0.0.1 port {server.url.rsplit(':', 1)[1]}"
    assert result.err.startswith("astroclip-annotate: Source ")
    assert result.err.count(f"{host} cannot be reached: connection refused") == 1
    assert "Is this machine online" in result.err
    assert not (tmp_path / "painted_astroclip.fits").exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "could not be resolved"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "could not be resolved"),
    ],
)
def test_without_network_both_archives_are_named(run, painted, tmp_path, monkeypatch, error, words):
    def resolve(*arguments, **options):
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    result = run(painted, "--cache", tmp_path / "cache", "--device", "cpu", "--quiet")
    assert result.status == 3
    for host in ("www.legacysurvey.org", "astrosparcl.datalab.noirlab.edu"):
        assert result.err.count(f"{host} cannot be reached: its name {words}") == 1
    assert "Is this machine online?" in result.err


def test_one_archive_that_is_not_there_is_in_the_summary(run, painted, sky, tmp_path):
    server, gone = standin.Standin(sky=sky), standin.Standin()
    gone.close()
    with (
        conf.set_temp("sparcl_url", f"{gone.url}/api"),
        conf.set_temp("viewer_url", f"{server.url}/viewer"),
    ):
        result = run(painted, "--cache", tmp_path / "cache", "--device", "cpu")
    server.close()
    assert result.status == 0, result.err
    assert "81 of 81 (81 with image, 0 with spectrum)" in result.out
    assert "81 source_failed" in result.out
    assert "  not reached     127.0.0.1 port " in result.out
    assert "Warning" not in result.err
