"""What was fetched, kept: whole, within its limit, whoever is killed."""

import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings, strategies as st
from waiting import started

from astroclip_astro.errors import InputError, OutputError
from astroclip_astro.fetch.cache import NO_CACHE, DiskCache, default_folder

KEY = ("cutout", 150.0, 2.0)
OVERHEAD = 200  # bytes an entry may take beside its value


@pytest.fixture
def cache(tmp_path):
    return DiskCache(tmp_path / "cache", limit=10**6)


def files(cache, suffix=""):
    return [path for path in cache.folder.rglob(f"*{suffix}") if path.is_file()]


def test_bytes_come_back(cache):
    cache.put(KEY, b"pixels")
    assert cache.get(KEY) == b"pixels"
    assert KEY in cache
    assert DiskCache(cache.folder, limit=10**6).get(KEY) == b"pixels"


def test_unknown_key(cache):
    assert cache.get(KEY) is None
    assert KEY not in cache


def test_nothing_is_made_before_something_is_kept(cache):
    assert cache.get(KEY) is None
    assert not cache.folder.exists()


def test_a_later_value_replaces_an_earlier_one(cache):
    cache.put(KEY, b"old")
    cache.put(KEY, b"new")
    assert cache.get(KEY) == b"new"
    assert len(files(cache)) == 1


@pytest.mark.parametrize(
    "other", [("cutout", 150.0, 2.0000001), ("spectrum", 150.0, 2.0), ("cutout", "150.0", 2.0)]
)
def test_keys_that_differ_little_are_different(cache, other):
    cache.put(KEY, b"pixels")
    assert cache.get(other) is None


def test_removed_is_gone(cache):
    cache.put(KEY, b"pixels")
    cache.remove(KEY)
    cache.remove(KEY)
    assert cache.get(KEY) is None


@settings(max_examples=60)
@given(damage=st.integers(0, 300), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_entry_is_as_good_as_none(tmp_path_factory, damage, byte, cut):
    cache = DiskCache(tmp_path_factory.mktemp("cache"), limit=10**6)
    value = bytes(range(100))
    cache.put(KEY, value)
    (path,) = files(cache)
    content = bytearray(path.read_bytes())
    damage %= len(content)
    if cut:
        del content[damage:]
    else:
        content[damage] ^= byte
    path.write_bytes(content)
    intact = not cut and byte == 0
    assert cache.get(KEY) == (value if intact else None)
    assert path.exists() == intact


def test_an_entry_under_another_name_is_not_believed(cache):
    cache.put(KEY, b"pixels")
    (path,) = files(cache)
    other = cache._file(("cutout", 1.0, 1.0))
    other.parent.mkdir(exist_ok=True)
    path.rename(other)
    assert cache.get(("cutout", 1.0, 1.0)) is None


def test_limit_holds_and_the_latest_stay(tmp_path):
    cache = DiskCache(tmp_path, limit=100_000)
    for number in range(50):
        cache.put((number,), bytes(10_000))
        assert sum(path.stat().st_size for path in files(cache)) <= 100_000
    assert cache.get((49,)) is not None
    assert cache.get((0,)) is None
    assert len(files(cache)) >= 8


def test_what_is_used_stays(tmp_path):
    cache = DiskCache(tmp_path, limit=50_000)
    cache.put(("precious",), bytes(10_000))
    for number in range(30):
        cache.put((number,), bytes(9_000))
        time.sleep(0.005)  # file systems tell times of use apart by milliseconds
        assert cache.get(("precious",)) is not None, f"gone after {number}"


def test_larger_than_the_limit_is_not_kept(tmp_path):
    cache = DiskCache(tmp_path, limit=1000)
    cache.put(("small",), b"x")
    cache.put(("large",), bytes(2000))
    assert cache.get(("large",)) is None
    assert cache.get(("small",)) == b"x"


def test_size_counts_what_is_kept(cache):
    cache.put(("a",), bytes(5000))
    cache.put(("b",), bytes(5000))
    assert 10_000 <= cache.size() <= 10_000 + 2 * OVERHEAD


WRITER = """
import sys
from astroclip_astro.fetch.cache import DiskCache
cache = DiskCache(sys.argv[1], limit=int(sys.argv[2]))
start, count = int(sys.argv[3]), int(sys.argv[4])
for number in range(start, start + count):
    cache.put((number,), number.to_bytes(4, "big") * 5000)
    print(number, flush=True)
"""


def write(folder, limit, start, count):
    """Begin a process that writes entries and says so."""
    command = [sys.executable, "-c", WRITER, folder, limit, start, count]
    return started(command, stdout=subprocess.PIPE, text=True)


def test_several_processes_at_once(tmp_path):
    limit = 10**6
    with write(tmp_path, limit, 0, 150) as one, write(tmp_path, limit, 100, 150) as other:
        outputs = [writer.communicate()[0] for writer in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0)
    assert all(len(output.split()) == 150 for output in outputs)
    cache = DiskCache(tmp_path, limit=limit)
    found = [number for number in range(250) if cache.get((number,)) is not None]
    assert all(cache.get((n,)) == n.to_bytes(4, "big") * 5000 for n in found)
    assert len(found) >= 30
    # Each looks at the folder after every hundredth of the limit that it wrote itself.
    assert cache.size() <= limit * 1.05
    assert not files(cache, ".part")


def test_killed_while_writing(tmp_path):
    for attempt in range(5):
        with write(tmp_path, 10**9, 1000 * attempt, 100_000) as writer:
            for _ in range(20 + 7 * attempt):
                last = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
        cache = DiskCache(tmp_path, limit=10**9)
        for number in range(1000 * attempt, last + 1):
            assert cache.get((number,)) == number.to_bytes(4, "big") * 5000
        half = cache.get((last + 1,))
        assert half in (None, (last + 1).to_bytes(4, "big") * 5000)


def test_what_a_killed_process_left_is_swept_away_later(cache):
    cache.put(KEY, b"pixels")
    (path,) = files(cache)
    old, new = (path.with_name(f"{path.stem}-{pid}-0123abcd.part") for pid in (1, 2))
    for scratch in (old, new):
        scratch.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    DiskCache(cache.folder, limit=10**6).put(("other",), b"x")
    assert not old.exists()
    assert new.exists(), "another process may be writing it right now"
    assert cache.get(KEY) == b"pixels"


def test_other_peoples_files_are_never_touched(tmp_path):
    theirs = [tmp_path / name for name in ("film.part", "notes.kept", "ab/film.part", "x/y.kept")]
    for path in theirs:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(5000))
        os.utime(path, (0, 0))
    cache = DiskCache(tmp_path, limit=1000)
    for number in range(5):
        cache.put((number,), bytes(400))
    assert all(path.stat().st_size == 5000 for path in theirs)
    assert cache.size() <= 1000


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path):
    (tmp_path / "cache").mkdir()
    cache = DiskCache(tmp_path / "cache", limit=10**6)
    (tmp_path / "cache" / cache._file(KEY).parent.name).write_bytes(b"in the way")
    with pytest.raises(OutputError, match="--cache none"):
        cache.put(KEY, b"pixels")


def test_a_full_disk_says_what_to_do():
    cache = DiskCache("/dev/full/cache", limit=10**6)
    with pytest.raises(OutputError, match="Cannot keep fetched data in /dev/full/cache"):
        cache.put(KEY, b"pixels")


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file, expected a folder"):
        DiskCache(tmp_path / "file", limit=10**6)


def test_no_cache_keeps_nothing():
    NO_CACHE.put(KEY, b"pixels")
    assert NO_CACHE.get(KEY) is None
    assert KEY not in NO_CACHE


def test_default_folder_is_astropys():
    assert default_folder().parts[-2:] == ("astroclip_astro", "archives")
