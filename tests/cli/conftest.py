"""Run commands in this process and see what a shell would see."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table

from astroclip_astro.cli.annotate import main


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs ``astroclip-annotate`` and gives status, out and err."""

    def run_command(*arguments):
        monkeypatch.setattr("sys.argv", ["astroclip-annotate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code, out=captured.out, err=captured.err)

    return run_command


@pytest.fixture
def stub_run(run, make_job, monkeypatch):
    """As `run`, with the stub source and model in place of the real ones."""
    monkeypatch.setattr("astroclip_astro.run.prepare_job", lambda **options: make_job())
    return lambda *arguments: run(*arguments, "--source", "stub")


@pytest.fixture
def catalogue(tmp_path):
    """A catalogue of 600 positions: three chunks, the last one partly filled."""
    ra = np.linspace(0.5, 359, 600)
    path = tmp_path / "mine.fits"
    Table({"id": np.arange(600), "ra": ra, "dec": np.zeros(600)}).write(path)
    return path
