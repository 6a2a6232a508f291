"""The fuzzer finds what leaks, what is slow, and a check that was taken away."""

import time
from pathlib import Path

import pytest

from astroclip_astro.errors import CatalogueError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def fuzz(monkeypatch, tmp_path):
    """The script as a module, which saves what leaked in a folder of the test."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import fuzz

    monkeypatch.setattr(fuzz, "gettempdir", lambda: str(tmp_path))
    return fuzz


@pytest.fixture
def surface(fuzz, monkeypatch):
    """Return a function that makes a surface of a reader."""

    def make(attempt, files=(b"abc" * 40,)):
        made = fuzz.SURFACES["text"].__class__(lambda: list(files), attempt, 1, ".txt")
        monkeypatch.setitem(fuzz.SURFACES, "text", made)

    return make


@pytest.mark.parametrize(
    "name", ["text", "FITS", "VOTable", "Parquet", "cutouts", "coadds", "cards", "references",
             "viewer", "SPARCL", "TAP"],
)  # fmt: skip
def test_undamaged_files_are_read(fuzz, name, tmp_path):
    surface = fuzz.SURFACES[name]
    path = tmp_path / f"input{surface.suffix}"
    good = 0
    for content in surface.files():
        path.write_bytes(content)
        assert fuzz.leak(surface, path) is None
        try:
            surface.attempt(path)
        except Exception:
            continue
        good += 1
    assert good >= 1


@pytest.mark.parametrize("name", ["text", "FITS", "VOTable", "Parquet", "cards", "SPARCL"])
def test_nothing_leaks_from_a_few_inputs(fuzz, name):
    outcome = fuzz.fuzz(name, 20_260_101, 60)
    assert outcome.tried >= 60
    assert not outcome.leaks


def test_our_exceptions_do_not_leak_and_others_do(fuzz, surface):
    def attempt(path):
        raise (CatalogueError("ours") if path.read_bytes()[:1] == b"a" else KeyError("theirs"))

    surface(attempt)
    outcome = fuzz.fuzz("text", 1, 100)
    assert set(outcome.leaks) == {"KeyError: 'theirs'"}
    assert 0 < outcome.leaks["KeyError: 'theirs'"] < 100
    assert Path(outcome.files["KeyError: 'theirs'"]).read_bytes()[:1] != b"a"
    assert not outcome.good


def test_slow_input_is_stopped_and_counted(fuzz, surface, monkeypatch):
    monkeypatch.setattr(fuzz, "SECONDS", 0.05)
    surface(lambda path: time.sleep(5))
    outcome = fuzz.fuzz("text", 1, 2)
    assert outcome.leaks.total() == outcome.tried
    assert outcome.slowest < 2


def test_memory_beyond_the_bound_is_no_success(fuzz):
    assert fuzz.Outcome("text", tried=1, memory=5e8).good
    assert not fuzz.Outcome("text", tried=1, memory=2e9).good


def test_same_seed_gives_the_same_inputs(fuzz, surface):
    seen = []
    surface(lambda path: seen.append(path.read_bytes()))
    fuzz.fuzz("text", 5, 30)
    first, seen[:] = list(seen), []
    fuzz.fuzz("text", 5, 30)
    assert first == seen


def test_a_check_that_is_taken_away_leaks(fuzz, monkeypatch):
    """The reader's last resort, which turns whatever astropy raises into one of our errors."""
    from astroclip_astro.catalogue import io

    class NothingError(Exception):
        pass

    monkeypatch.setattr(io, "Exception", NothingError, raising=False)
    outcome = fuzz.fuzz("FITS", 3, 150)
    assert outcome.leaks
