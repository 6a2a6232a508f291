"""Run commands in this process and see what a shell would see."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table
from stubs import StubOptions

from astroclip_astro.cli.annotate import main


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
        "astroclip_astro.run.check_options", lambda **options: StubOptions(make_job())
    )
    return lambda *arguments: run(*arguments, "--source", "stub")


@pytest.fixture
def catalogue(tmp_path):
    """A catalogue of 600 positions: three chunks, the last one partly filled."""
    ra = np.linspace(0.5, 359, 600)
    path = tmp_path / "mine.fits"
    Table({"id": np.arange(600), "ra": ra, "dec": np.zeros(600)}).write(path)
    return path
