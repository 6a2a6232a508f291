"""The survey file: the same bytes however it was made, and never half of it."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import survey_stub
from threadpoolctl import threadpool_limits
from waiting import HANGS, started, wait_until

from astroclip_astro.errors import AstroclipError, InputError, OutputError
from astroclip_astro.simulate import survey
from astroclip_astro.simulate.survey import simulate_survey
from astroclip_astro.simulate.threads import controller
from astroclip_astro.storage.hdf5 import storage
from astroclip_astro.storage.shards import Shards

TESTS = Path(survey_stub.__file__).parent
N = 150  # three parts, the last one partly filled


@pytest.fixture(autouse=True)
def _stub(monkeypatch):
    survey_stub.install(monkeypatch.setattr)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "survey.h5"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Return a function that tells which galaxies have been made since it was asked last."""
    log = tmp_path.parent / f"{tmp_path.name}.log"
    monkeypatch.setenv("SURVEY_STUB_LOG", str(log))

    def indices():
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return sorted(int(line.split()[1]) for line in lines)

    return indices


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """Bytes of the survey of N galaxies, made in one go by one process."""
    path = tmp_path_factory.mktemp("whole") / "survey.h5"
    with pytest.MonkeyPatch.context() as patch:
        survey_stub.install(patch.setattr)
        return simulate_survey(path, N, jobs=1).read_bytes()


def interrupt_after(parts, path, **options):
    """Begin a survey and press Ctrl-C when some parts are done; return what was said."""

    def press(done, made):
        if done >= 64 * parts:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stop:
        simulate_survey(path, N, jobs=1, progress=press, **options)
    return str(stop.value)


def begin(path, code="", **environment):
    """Start a survey by two processes, in a process of its own."""
    code = (
        "import survey_stub; survey_stub.install()\n"
        "from astroclip_astro.simulate.survey import simulate_survey\n" + code
    )
    folders = [str(TESTS), str(TESTS.parent)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)} | environment
    return started(
        [sys.executable, "-c", code, path],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_rows_are_the_galaxies_drawn(path):
    simulate_survey(path, N, seed=7, jobs=1)
    with h5py.File(path) as file:
        assert set(file) == set(survey_stub.FIELDS)
        for row in range(N):
            galaxy = survey_stub.simulate_galaxy(None, 7, row)
            for name, values in galaxy.items():
                assert file[name].dtype == survey_stub.FIELDS[name].dtype
                assert file[name][row].tobytes() == values.tobytes()


def test_file_says_what_it_is(path):
    simulate_survey(path, 2, seed=2**63 - 1, jobs=1)
    with h5py.File(path) as file:
        found = dict(file.attrs)
        assert found["SIMULATED"]
        assert "SIMULATED" in found["description"]
        assert (found["seed"], found["n"], found["bands"]) == (2**63 - 1, 2, "grz")
        assert "stars 1.0" in found["packages"]
        assert (found["pixel_scale"], found["pixel_scale_unit"]) == (0.262, "arcsec")
        assert (found["wavelength_start"], found["wavelength_step"]) == (3600, 0.8)
        assert found["wavelength_unit"] == "Angstrom"
        assert file["flux"].attrs["unit"] == "nanomaggy"
        assert file["flux"].attrs["description"] == "Fluxes in g, r, z."


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(path, whole):
    simulate_survey(path, N, jobs=2)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("n", [1, 2, 3, 5, 63, 64, 65, 129])
def test_short_survey_is_the_beginning_of_a_long_one(path, n):
    simulate_survey(path, n, jobs=1)
    long = simulate_survey(path.with_name("long.h5"), N, jobs=1)
    with h5py.File(path) as one, h5py.File(long) as other:
        for name in survey_stub.FIELDS:
            assert len(one[name]) == n
            assert one[name][:].tobytes() == other[name][:n].tobytes()


def test_other_seeds_give_other_galaxies(path, whole):
    assert simulate_survey(path, N, seed=1, jobs=1).read_bytes() != whole


def test_nothing_is_left_beside_the_survey(path):
    simulate_survey(path, N, jobs=1)
    assert list(path.parent.iterdir()) == [path]


def test_progress_counts_galaxies_and_those_made_now(path):
    interrupt_after(1, path)
    calls = []
    simulate_survey(path, N, jobs=1, progress=lambda *counts: calls.append(counts))
    assert calls == [(0, 0), (64, 0), (128, 64), (150, 86)]


def test_sums_are_taken_by_one_thread(path, monkeypatch):
    """By the libraries of numpy and scipy; tests before this may have loaded others."""
    threads = []

    def simulate_galaxy(*arguments):
        threads.extend(pool["num_threads"] for pool in controller().info())
        return survey_stub.simulate_galaxy(*arguments)

    monkeypatch.setattr(survey, "simulate_galaxy", simulate_galaxy)
    with threadpool_limits(2):
        simulate_survey(path, 1, jobs=1)
    assert set(threads) == {1}


def test_interrupted_survey_says_how_to_go_on_and_does(path, made, whole):
    words = interrupt_after(1, path)
    assert words == "64 of 150 galaxies are completed; the same command continues"
    assert not path.exists()
    made()
    simulate_survey(path, N, jobs=1)
    assert made() == list(range(64, N))
    assert path.read_bytes() == whole


def test_interrupt_while_joining_keeps_all_parts(path, made, whole, monkeypatch):
    real = Shards._copy_part

    def copy_part(*arguments):
        signal.raise_signal(signal.SIGINT)
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Shards, "_copy_part", copy_part)
        with pytest.raises(KeyboardInterrupt, match="150 of 150 galaxies are completed"):
            simulate_survey(path, N, jobs=1)
    assert sorted(part.suffix for part in path.parent.glob("*/*")) == [".h5"] * 3
    made()
    assert simulate_survey(path, N, jobs=1).read_bytes() == whole
    assert made() == []


@pytest.mark.slow
def test_survey_killed_with_its_workers_at_work_goes_on(path, made, whole, tmp_path):
    gate = str(tmp_path / "never")  # the third part is begun at most
    code = f"simulate_survey({str(path)!r}, {N}, jobs=2)"
    with begin(path, code, SURVEY_STUB_GATE=gate) as process:
        wait_until(lambda: list(tmp_path.glob("*.partial/*.h5")))
        process.send_signal(signal.SIGKILL)
        try:
            process.communicate(timeout=HANGS)  # until the last worker lets go of standard error
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert not path.exists()
    kept = {int(part.stem) for part in tmp_path.glob("survey.h5.partial/*.h5")}
    assert kept
    made()
    simulate_survey(path, N, jobs=1)
    assert made() == [index for index in range(N) if index // 64 not in kept]
    assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", ["empty", "cut", "short", "changed", "incomplete"])
def test_damaged_part_is_made_again(path, made, whole, damage):
    interrupt_after(2, path)
    part = path.parent / "survey.h5.partial" / "00000000.h5"
    content = part.read_bytes()
    middle = len(content) // 2
    if damage == "incomplete":
        with h5py.File(part, "a") as file:
            del file["flux"]
    else:
        part.write_bytes(
            {
                "empty": b"",
                "cut": content[:middle],
                "short": content[:-1],
                "changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            }[damage]
        )
    made()
    simulate_survey(path, N, jobs=1)
    assert made() == [*range(64), *range(128, N)]
    assert path.read_bytes() == whole


def test_unfinished_files_of_a_killed_run_are_removed(path, whole):
    interrupt_after(1, path)
    for name in ("00000001.123.tmp", "joined.123.tmp"):
        (path.parent / "survey.h5.partial" / name).write_bytes(b"half")
    assert simulate_survey(path, N, jobs=1).read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


def test_parts_serve_a_longer_survey(path, made):
    interrupt_after(2, path)
    made()
    simulate_survey(path, 2 * N, jobs=1)
    assert made() == list(range(128, 2 * N))


def test_parts_of_another_seed_are_in_the_way(path, made, whole):
    interrupt_after(1, path, seed=3)
    made()
    with pytest.raises(OutputError, match=r"its seed: 3, expected: 0.*--no-resume"):
        simulate_survey(path, N, jobs=1)
    assert made() == []
    assert simulate_survey(path, N, jobs=1, resume=False).read_bytes() == whole


def test_parts_with_other_packages_are_in_the_way(path, monkeypatch):
    interrupt_after(1, path)
    templates = SimpleNamespace(versions={"stars": "1.1"})
    monkeypatch.setattr(survey, "load_templates", lambda: templates)
    with pytest.raises(OutputError, match=r"\(its package stars: 1\.0, expected: 1\.1\)"):
        simulate_survey(path, N, jobs=1)


def test_parts_with_other_fields_are_in_the_way(path, monkeypatch):
    interrupt_after(1, path)
    fewer = {name: field for name, field in survey_stub.FIELDS.items() if name != "flux"}
    monkeypatch.setattr(survey, "FIELDS", fewer)
    with pytest.raises(OutputError, match=r"\(its field flux: float32 \(3,\) nanomaggy, expected"):
        simulate_survey(path, N, jobs=1)


def test_parts_of_another_run_at_the_same_time_are_never_joined(path):
    other = path.with_name("other.h5")
    interrupt_after(1, other, seed=3)

    def mix(done, made):
        if made:
            shutil.copy(
                path.parent / "other.h5.partial" / "00000000.h5",
                path.parent / "survey.h5.partial" / "00000000.h5",
            )

    with pytest.raises(OutputError, match="its seed: 3, expected: 0"):
        simulate_survey(path, N, jobs=1, progress=mix)
    assert not path.exists()


def test_parts_beyond_the_survey_are_in_the_way(path):
    interrupt_after(2, path)
    with pytest.raises(OutputError, match="beyond the first 64"):
        simulate_survey(path, 64, jobs=1)


@pytest.mark.parametrize("resume", [True, False])
def test_strange_files_are_in_the_way_and_stay(path, resume):
    strange = path.parent / "survey.h5.partial" / "notes.txt"
    strange.parent.mkdir()
    strange.write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt is not a part"):
        simulate_survey(path, N, jobs=1, resume=resume)
    assert strange.read_text() == "mine"


def test_strange_hdf5_is_in_the_way(path):
    strange = path.parent / "survey.h5.partial" / "00000000.h5"
    strange.parent.mkdir()
    h5py.File(strange, "w").close()
    with pytest.raises(OutputError, match="does not say of which"):
        simulate_survey(path, N, jobs=1)


def test_resume_false_starts_over(path, made):
    interrupt_after(1, path)
    made()
    simulate_survey(path, N, jobs=1, resume=False)
    assert made() == list(range(N))


def test_existing_output_is_replaced_only_when_allowed(path, made, whole):
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        simulate_survey(path, N, jobs=1)
    assert made() == []
    assert path.read_text() == "mine"
    assert simulate_survey(path, N, jobs=1, overwrite=True).read_bytes() == whole


def test_output_that_appears_meanwhile_is_not_replaced(path):
    with pytest.raises(OutputError, match="exists"):
        simulate_survey(path, N, jobs=1, progress=lambda *_: path.write_text("mine"))
    assert path.read_text() == "mine"
    assert len(list(path.parent.glob("survey.h5.partial/*.h5"))) == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("survey.fits", "no suffix .h5 or .hdf5"),
        ("none/survey.h5", "does not exist; make it first"),
        ("folder.h5", "is a folder"),
        ("x" * 300 + ".h5", "too long"),
        ("x" * 250 + ".h5", "too long"),
    ],
)
def test_impossible_output_is_found_before_any_work(tmp_path, made, name, words):
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(OutputError, match=words):
        simulate_survey(tmp_path / name, N, jobs=1)
    assert made() == []
    assert [found.name for found in tmp_path.iterdir()] == ["folder.h5"]


def test_folder_that_cannot_be_written_is_found_before_any_work(path, made, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OutputError, match="cannot be written"):
        simulate_survey(path, N, jobs=1)
    assert made() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "Number of galaxies is 0, expected a whole number, 1 or more"),
        ({"n": 2.5}, "Number of galaxies is 2.5"),
        ({"n": True}, "Number of galaxies is True"),
        ({"seed": -1}, "seed is -1, expected a whole number, 0 or more"),
        ({"seed": 2**63}, "below 9223372036854775808"),
        ({"jobs": 0}, "jobs is 0, expected a whole number, 1 or more"),
    ],
)
def test_numbers_out_of_range_are_refused(path, options, words):
    with pytest.raises(InputError, match=words):
        simulate_survey(path, **({"n": N, "jobs": 1} | options))
    assert not list(path.parent.iterdir())


def test_disk_without_room_is_found_before_any_work(path, made, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4_000_000))
    with pytest.raises(OutputError, match=r"150 galaxies need up to 0\.0\d GB.*make room"):
        simulate_survey(path, N, jobs=1)
    assert made() == []
    assert not list(path.parent.iterdir())


def test_disk_that_fills_keeps_finished_parts(path, made, whole, monkeypatch):
    calls = []

    def full(_):
        calls.append(1)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OutputError, match="No space left on device"):
            simulate_survey(path, N, jobs=1)
    assert [part.name for part in path.parent.glob("*/*")] == ["00000000.h5"]
    made()
    assert simulate_survey(path, N, jobs=1).read_bytes() == whole
    assert made() == list(range(64, N))


def test_disk_that_fills_while_joining_ends_in_words(path, whole):
    pytest.importorskip("resource")
    code = (
        "import resource\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(whole) // 2},) * 2)\n"
        f"simulate_survey({str(path)!r}, {N}, jobs=1)"
    )
    with begin(path, code) as process:
        words = process.communicate()[1]
    assert process.returncode == 1, words
    assert "OutputError" in words
    assert "File too large" in words.splitlines()[-1]
    assert "Exception ignored" not in words
    kept = [part.name for part in path.parent.glob("*/*")]
    assert sorted(kept) == ["00000000.h5", "00000001.h5", "00000002.h5"]
    assert simulate_survey(path, N, jobs=1).read_bytes() == whole


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MB, where the system lets us have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3000k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk_while_joining_does_not_end_the_process(small_disk, whole):
    """HDF5 has been seen to crash when it closes a file that it has no room for."""
    path = small_disk / "survey.h5"
    code = (
        "import shutil; from types import SimpleNamespace\n"
        "shutil.disk_usage = lambda _: SimpleNamespace(free=1e9)\n"
        f"simulate_survey({str(path)!r}, {N}, jobs=1)"
    )
    with begin(path, code) as process:
        words = process.communicate()[1]
    assert process.returncode == 1, words
    assert "No space left on device" in words.splitlines()[-1]
    assert "Exception ignored" not in words
    assert len(list(small_disk.glob("*/*"))) == 3


def test_worker_that_dies_is_an_error_and_parts_stay(path, made, whole, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("SURVEY_STUB_DEATH", str(N - 1))
        with pytest.raises(
            AstroclipError, match=r"worker process died.* of 150 galaxies are completed"
        ):
            simulate_survey(path, N, jobs=2)
    kept = len(list(path.parent.glob("*/*.h5")))
    made()
    assert simulate_survey(path, N, jobs=1).read_bytes() == whole
    assert len(made()) == N - 64 * kept


def test_galaxy_that_is_not_as_its_fields_say_is_refused(path, monkeypatch):
    def simulate_galaxy(*arguments):
        return survey_stub.simulate_galaxy(*arguments) | {"redshift": np.float64(0.1)}

    monkeypatch.setattr(survey, "simulate_galaxy", simulate_galaxy)
    with pytest.raises(AstroclipError, match=r"redshift is float64 .*expected float32"):
        simulate_survey(path, 1, jobs=1)


def test_missing_package_says_what_to_install(path, monkeypatch):
    monkeypatch.setattr(survey, "find_spec", lambda _: None)
    with pytest.raises(AstroclipError, match=r"'h5py'.*astroclip-astro\[simulate\]"):
        simulate_survey(path, 1)


@pytest.mark.parametrize(
    ("shape", "dtype", "n", "rows"),
    [
        ((3, 152, 152), "float16", 1000, 1),
        ((7781,), "float32", 1000, 4),
        ((7781,), "float32", 3, 3),
        ((1100,), "float32", 1000, 16),
    ],
)
def test_random_galaxies_are_cheap_to_read(shape, dtype, n, rows):
    layout = storage(SimpleNamespace(shape=shape, dtype=dtype), n)
    assert layout["chunks"] == (rows, *shape)
    assert ("compression" in layout) == (dtype == "float32")
