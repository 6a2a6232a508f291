"""``astroclip-simulate`` as a user meets it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import h5py
import pytest
import survey_stub
from click.testing import CliRunner
from waiting import HANGS, started, wait_until

from astroclip_astro.cli.progress import GalaxyBar
from astroclip_astro.cli.simulate import main, simulate
from astroclip_astro.errors import AstroclipError
from astroclip_astro.simulate import survey

TESTS = Path(survey_stub.__file__).parent


@pytest.fixture
def run(run_command, monkeypatch, tmp_path):
    """Return a function that runs the command on stub galaxies; gives status, out and err."""
    survey_stub.install(monkeypatch.setattr)
    monkeypatch.chdir(tmp_path)
    return partial(run_command, "astroclip-simulate", main)


def test_survey_is_written_and_said_to_be_simulated(run, tmp_path):
    result = run(70, "-o", "survey.h5", "--seed", 5, "--jobs", 1)
    assert result.status == 0
    (line,) = result.out.splitlines()
    assert line.startswith(f"Wrote 70 SIMULATED galaxies (seed 5) to {tmp_path / 'survey.h5'}, ")
    assert line.endswith("galaxies a second")
    assert "70/70" in result.err
    with h5py.File("survey.h5") as file:
        assert (len(file["redshift"]), file.attrs["seed"]) == (70, 5)


def test_quiet_says_nothing(run):
    result = run(3, "-o", "survey.hdf5", "--jobs", 1, "--quiet")
    assert (result.status, result.out, result.err) == (0, "", "")
    assert Path("survey.hdf5").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["0", "-o", "s.h5"], "Number of galaxies is 0"),
        (["many", "-o", "s.h5"], "'many' is not a valid integer"),
        (["5"], "Missing option '-o'"),
        (["5", "-o", "s.h5", "--seed", "-1"], "seed is -1"),
        (["5", "-o", "s.h5", "--jobs", "0"], "jobs is 0"),
        (["5", "-o", "s.fits"], "no suffix .h5 or .hdf5"),
        (["5", "-o", "none/s.h5"], "does not exist"),
    ],
)
def test_mistake_is_one_line_and_status_2(run, arguments, words):
    result = run(*arguments)
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith("astroclip-simulate: ")
    assert words in line
    assert not list(Path().iterdir())


def test_output_is_replaced_only_when_allowed(run):
    Path("survey.h5").write_text("mine")
    refused = run(3, "-o", "survey.h5", "--jobs", 1)
    assert refused.status == 2
    assert "--overwrite" in refused.err
    assert Path("survey.h5").read_text() == "mine"
    assert run(3, "-o", "survey.h5", "--jobs", 1, "--overwrite").status == 0
    assert h5py.is_hdf5("survey.h5")


def test_missing_packages_are_status_1_without_traceback(run, monkeypatch):
    def load_templates():
        raise AstroclipError("pip install 'astroclip-astro[simulate]'")

    monkeypatch.setattr(survey, "load_templates", load_templates)
    result = run(3, "-o", "survey.h5")
    assert (result.status, result.out) == (1, "")
    assert result.err == "astroclip-simulate: pip install 'astroclip-astro[simulate]'\n"


def test_interrupted_run_goes_on_with_the_same_command(run, monkeypatch):
    def simulate_galaxy(templates, seed, index):
        if index == 100:
            raise KeyboardInterrupt
        return survey_stub.simulate_galaxy(templates, seed, index)

    command = (150, "-o", "survey.h5", "--jobs", 1)
    with monkeypatch.context() as patch:
        patch.setattr(survey, "simulate_galaxy", simulate_galaxy)
        result = run(*command)
    assert result.status == 130
    assert result.err.splitlines()[-1] == (
        "astroclip-simulate: interrupted; 64 of 150 galaxies are completed; the same command "
        "continues."
    )
    assert run(*command).status == 0


def test_bar_does_not_count_an_earlier_run_as_work(run):
    with closing(GalaxyBar(150, quiet=False)) as bar:
        for counts in [(0, 0), (64, 0), (128, 64)]:
            bar.show(*counts)
        assert (bar.bar.n, bar.bar.initial, bar.made) == (128, 64, 64)


def test_no_resume_forgets_what_another_seed_left(run):
    part = Path("survey.h5.partial/00000000.h5")
    part.parent.mkdir()
    with h5py.File(part, "w") as file:
        file.attrs["facts"] = '{"seed": 9}'
    refused = run(3, "-o", "survey.h5", "--jobs", 1)
    assert refused.status == 2
    assert "its seed: 9, expected: 0" in refused.err
    assert run(3, "-o", "survey.h5", "--jobs", 1, "--no-resume").status == 0


@pytest.mark.slow
def test_ctrl_c_stops_all_processes_without_tracebacks(tmp_path):
    """What is in work is finished, and nothing more."""
    gate = tmp_path / "gate"
    code = (
        "import survey_stub; survey_stub.install()\n"
        "from astroclip_astro.cli.simulate import main; main()"
    )
    folders = [str(TESTS), str(TESTS.parent)]
    with started(
        [sys.executable, "-c", code, "6400", "-o", "survey.h5", "--jobs", "2"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders), "SURVEY_STUB_GATE": str(gate)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        wait_until(lambda: list(tmp_path.glob("*.partial/*.h5")))
        for _ in range(3):  # people press it again
            os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to every process
            time.sleep(0.05)
        gate.touch()
        words = process.communicate(timeout=HANGS)[1]
    assert process.returncode == 130
    assert "Traceback" not in words
    kept = 64 * len(list(tmp_path.glob("*.partial/*.h5")))
    assert f"interrupted; {kept} of 6400 galaxies are completed" in words
    assert kept <= 64 * 6, "two parts before the gate, two for each process behind it"


def test_every_option_is_in_the_help():
    text = " ".join(CliRunner().invoke(simulate, ["-h"]).output.split())
    options = "--output --seed --jobs --overwrite --no-resume --quiet --version".split()
    for words in [*options, "0 done", "1 packages", "2 a mistake", "130 interrupted"]:
        assert words in text


def test_version_is_said(run):
    assert run("--version").out.startswith("astroclip-simulate, version ")


def test_help_loads_neither_scipy_nor_h5py():
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from astroclip_astro.cli.simulate import simulate\n"
        "assert CliRunner().invoke(simulate, ['--help']).exit_code == 0\n"
        "heavy = [name for name in ('h5py', 'scipy', 'torch') if name in sys.modules]\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
