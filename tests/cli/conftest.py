"""Run commands in this process and see what a shell would see."""

import threading
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table
from stubs import StubOptions
from waiting import HANGS

from astroclip_astro.cli.annotate import main
from astroclip_astro.standin import Standin


@pytest.fixture
def run_command(monkeypatch, capsys):
    """Return a function that runs a command by its name and gives status, out and err."""

    def run(name, main, *arguments):
        monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def run(run_command):
    """Return a function that runs ``astroclip-annotate`` and gives status, out and err."""
    return partial(run_command, "astroclip-annotate", main)


@pytest.fixture
def stub_run(run, make_job, monkeypatch):
    """As `run`, with the stub source and model in place of the real ones."""
    monkeypatch.setattr(
        "astroclip_astro.annotate.plan.check_options", lambda **options: StubOptions(make_job())
    )
    return lambda *arguments: run(*arguments, "--source", "stub")


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """A catalogue of 150 positions: three chunks, the last one partly filled."""
    monkeypatch.setattr("astroclip_astro.annotate.pipeline.CHUNK_ROWS", 64)
    monkeypatch.setattr("astroclip_astro.annotate.run.CHUNK_ROWS", 64)
    ra = np.linspace(0.5, 359, 150)
    path = tmp_path / "mine.fits"
    Table({"id": np.arange(150), "ra": ra, "dec": np.zeros(150)}).write(path)
    return path


class Gate(Standin):
    """A stand-in that answers some requests for cutouts and holds all others.

    Parameters
    ----------
    answered : int
        How many are answered.
    held : int
        How many `wait` waits for.
    **options
        As `Standin` takes them.
    """

    def __init__(self, answered, held, **options):
        self.arrived = threading.Semaphore(0)
        self.pass_freely, self.left, self.held = threading.Event(), answered, held
        super().__init__(**options)

    def answer(self, request, draw):
        if request.path == "/viewer/fits-cutout":
            with self._lock:
                self.left -= 1
                free = self.left >= 0
            if not free:
                self.arrived.release()
                self.pass_freely.wait()
        return super().answer(request, draw)

    def wait(self):
        """Wait until as many requests as said are held."""
        for _ in range(self.held):
            assert self.arrived.acquire(timeout=HANGS)

    def open(self):
        """Answer all requests from now on."""
        self.pass_freely.set()

    def close(self):
        self.open()
        super().close()


@pytest.fixture
def gated():
    """Return the class of a stand-in that holds requests until it is told to go on."""
    return Gate
