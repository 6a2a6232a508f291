"""Finished chunks are found again, and only those of the same run."""

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, strategies as some

from astroclip_astro.errors import OutputError, UnlockedOutputWarning
from astroclip_astro.records import Targets
from astroclip_astro.storage import lock
from astroclip_astro.storage.atomic import scratch_path
from astroclip_astro.storage.chunk_store import ChunkStore, any_finished, fingerprint
from astroclip_astro.storage.lock import open_scratch

DTYPE = np.dtype([("a", "f4", (3,)), ("b", "U6")])


def rows(count, value=1.0):
    made = np.zeros(count, DTYPE)
    made["a"], made["b"] = value, "GALAXY"
    return made


@pytest.fixture
def store(tmp_path):
    return ChunkStore(tmp_path / "out.fits", "0123456789abcdef")


@pytest.fixture
def no_locks(monkeypatch):
    """A file system without locks."""

    def refuse(descriptor):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_lock", refuse)


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


def flip(content):
    place = len(content) * 2 // 3
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGE = {
    "flipped bit in the rows": flip,
    "zeroed tail": lambda content: content[:200] + bytes(len(content) - 200),
    "zeroed rows, whole checksum": lambda c: c[:128] + bytes(len(c) - 160) + c[-32:],
    "no checksum": lambda content: content[:-32],
    "more behind": lambda content: content + b"more",
    "all zero": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_chunk_is_none_and_not_counted(store, name):
    store.save(0, rows(500))
    path = next(store.folder.glob("*.npy"))
    path.write_bytes(DAMAGE[name](path.read_bytes()))
    assert store.load(0, 500, DTYPE) is None
    assert store.rows() == 0


@given(place=some.integers(0), bit=some.integers(0, 7))
def test_any_flipped_bit_is_noticed(place, bit):
    with TemporaryDirectory() as folder:
        store = ChunkStore(Path(folder) / "out.fits", "0123456789abcdef")
        store.save(0, rows(5))
        path = store.folder / "00000000.npy"
        content = bytearray(path.read_bytes())
        content[place % len(content)] ^= 1 << bit
        path.write_bytes(content)
        assert store.load(0, 5, DTYPE) is None


def test_chunk_under_another_number_or_of_another_run_is_none(store, tmp_path):
    store.save(0, rows(5))
    content = (store.folder / "00000000.npy").read_bytes()
    (store.folder / "00000001.npy").write_bytes(content)
    other = ChunkStore(tmp_path / "out.fits", "f" * 16)
    other.folder.mkdir()
    (other.folder / "00000000.npy").write_bytes(content)
    assert store.load(1, 5, DTYPE) is None
    assert other.load(0, 5, DTYPE) is None


def test_chunk_is_on_the_disk_before_it_has_its_name(store, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("sync"), fsync(file)))
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("name"), replace(*paths)))
    store.save(0, rows(5))
    assert done == ["sync", "name"]


def test_chunks_for_another_format_beside_it_are_found(store, tmp_path):
    store.save(0, rows(5))
    store.save(1, rows(5))
    other = ChunkStore(tmp_path / "out.vot", store.name)
    other.save(1, rows(5, value=2.0))
    assert other.rows() == 10
    assert other.load(0, 5, DTYPE).tobytes() == rows(5).tobytes()
    assert other.load(1, 5, DTYPE)["a"][0, 0] == 2.0  # its own first
    assert any_finished(tmp_path / "third.csv")
    assert not any_finished(tmp_path / "elsewhere" / "out.vot")


def test_chunks_for_another_format_go_when_the_output_is_written(store, tmp_path):
    store.save(0, rows(5))
    other = ChunkStore(tmp_path / "out.vot", store.name)
    with other.locked():
        other.clear_all()
    assert not list(tmp_path.iterdir())


def test_chunks_that_another_run_uses_stay(store, tmp_path):
    store.save(0, rows(5))
    other = ChunkStore(tmp_path / "out.vot", store.name)
    with store.locked(), other.locked():
        other.clear_all()
    assert store.rows() == 5


def test_run_that_starts_over_finds_no_chunks_and_removes_its_own_alone(store, tmp_path):
    ChunkStore(tmp_path / "out.vot", store.name).save(0, rows(5))
    store.save(0, rows(5))
    over = ChunkStore(store.output, store.name, resume=False)
    with over.locked():
        assert over.load(0, 5, DTYPE) is None
    assert [path.name for path in store.folder.glob("*")] == []
    assert store.rows() == 5  # the other output's


def test_half_an_output_that_somebody_writes_stays(store, tmp_path):
    used, left = (scratch_path(store.output, name) for name in ("aaaa", "bbbb"))
    left.touch()
    with store.locked(), open_scratch(used):
        store.clear_all()
        assert used.exists()
        assert not left.exists()


def test_without_locks_only_own_chunks_are_removed(store, no_locks):
    store.save(0, rows(5))
    half = scratch_path(store.output, "bbbb")
    half.touch()
    with pytest.warns(UnlockedOutputWarning), store.locked():
        store.clear_all()
    assert (store.rows(), half.exists()) == (0, True)


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

    def full(path, content):
        path.open("wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
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
    neighbour = ChunkStore(tmp_path / "other.fits", "f" * 16)
    store.save(0, rows(1))
    neighbour.save(0, rows(1))
    with store.locked():
        store.clear_all()
    assert not store.folder.exists()
    assert neighbour.rows() == 1


def test_fingerprint_depends_on_rows_and_options():
    base = fingerprint(make_targets(), {"radius": 1.0})
    assert base == fingerprint(make_targets(), {"radius": 1.0})
    assert base != fingerprint(make_targets((1.0, 2.5)), {"radius": 1.0})
    assert base != fingerprint(make_targets(), {"radius": 1.1})
