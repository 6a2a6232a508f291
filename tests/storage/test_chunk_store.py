"""Finished chunks are found again, and only those of the same run."""

import numpy as np
import pytest

from astroclip_astro.errors import OutputError
from astroclip_astro.records import Targets
from astroclip_astro.storage.chunk_store import ChunkStore, fingerprint

DTYPE = np.dtype([("a", "f4", (3,)), ("b", "U6")])


def rows(count, value=1.0):
    made = np.zeros(count, DTYPE)
    made["a"], made["b"] = value, "GALAXY"
    return made


@pytest.fixture
def store(tmp_path):
    return ChunkStore(tmp_path / "out.fits", "0123456789abcdef")


def make_targets(ra=(1.0, 2.0)):
    ra = np.array(ra)
    return Targets(ra, ra, np.zeros(len(ra), np.int64), np.zeros(len(ra), bool))


def test_finished_chunk_comes_back(store):
    store.save(3, rows(5))
    assert store.load(3, 5, DTYPE).tobytes() == rows(5).tobytes()
    assert store.rows() == 5


def test_missing_chunk_is_none(store):
    assert store.load(0, 5, DTYPE) is None
    assert store.rows() == 0


@pytest.mark.parametrize("length", [0, 10, 100])
def test_truncated_chunk_is_none(store, length):
    store.save(0, rows(5))
    path = next(store.folder.glob("*.npy"))
    path.write_bytes(path.read_bytes()[:length])
    assert store.load(0, 5, DTYPE) is None


def test_chunk_of_other_length_or_columns_is_none(store):
    store.save(0, rows(5))
    assert store.load(0, 6, DTYPE) is None
    assert store.load(0, 5, np.dtype([("a", "f4")])) is None


def test_pickle_in_a_chunk_is_not_loaded(store):
    store.save(0, rows(5))
    path = next(store.folder.glob("*.npy"))
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    assert store.load(0, 5, DTYPE) is None


def test_full_disk_is_a_clear_error_and_keeps_what_is_there(store, monkeypatch):
    store.save(0, rows(5))

    def full(file, *_, **__):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OutputError, match="No space left on device"):
        store.save(1, rows(5))
    assert [path.name for path in store.folder.iterdir()] == ["00000000.npy"]


def test_clear_leaves_other_runs_alone(store, tmp_path):
    other = ChunkStore(tmp_path / "out.fits", "f" * 16)
    store.save(0, rows(1))
    other.save(0, rows(1))
    store.clear()
    assert store.rows() == 0
    assert other.rows() == 1


def test_clear_all_leaves_other_outputs_alone(store, tmp_path):
    neighbour = ChunkStore(tmp_path / "other.fits", "0123456789abcdef")
    store.save(0, rows(1))
    neighbour.save(0, rows(1))
    store.clear_all()
    assert not store.folder.exists()
    assert neighbour.rows() == 1


def test_fingerprint_depends_on_rows_and_options():
    base = fingerprint(make_targets(), {"radius": 1.0})
    assert base == fingerprint(make_targets(), {"radius": 1.0})
    assert base != fingerprint(make_targets((1.0, 2.5)), {"radius": 1.0})
    assert base != fingerprint(make_targets(), {"radius": 1.1})
