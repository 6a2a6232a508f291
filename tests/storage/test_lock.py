"""One run at a time works on an output, and a lock dies with its process."""

import errno
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from astroclip_astro.errors import OutputError, UnlockedOutputWarning
from astroclip_astro.storage import lock
from astroclip_astro.storage.lock import is_abandoned, lock_path, open_scratch, output_lock

HOLDER = """
import sys
from astroclip_astro.storage.lock import output_lock
with output_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out.fits"


@contextmanager
def another(output):
    """A process that holds the lock of an output."""
    command = [sys.executable, "-c", HOLDER, str(output)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.communicate("end\n")


def take(output):
    with output_lock(output) as locked:
        return locked


def test_second_process_is_refused_and_knows_the_first(output):
    with another(output) as process:
        words = f"process {process.pid} on {socket.gethostname()}"
        with pytest.raises(OutputError, match=words):
            take(output)
    assert take(output)
    assert os.listdir(output.parent) == []


def test_lock_of_a_killed_process_does_not_block(output):
    with another(output) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert lock_path(output).exists()
    assert take(output)
    assert os.listdir(output.parent) == []


def test_second_run_in_the_same_process_is_refused(output):
    with output_lock(output), pytest.raises(OutputError, match=f"process {os.getpid()} on"):
        take(output)


def test_refused_run_leaves_the_lock(output):
    with output_lock(output):
        for _ in range(2):
            with pytest.raises(OutputError):
                take(output)


def test_other_outputs_are_free(output):
    with output_lock(output):
        assert take(output.with_name("other.fits"))


def test_lock_is_given_back_when_the_block_fails(output):
    with pytest.raises(KeyboardInterrupt), output_lock(output):
        raise KeyboardInterrupt
    assert os.listdir(output.parent) == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_file_system_without_locks_is_a_warning(output, monkeypatch, code):
    def refuse(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(lock, "_lock", refuse)
    with pytest.warns(UnlockedOutputWarning, match="has no locks"), output_lock(output) as locked:
        assert not locked
    assert os.listdir(output.parent) == []


def test_full_disk_is_a_clear_error(output, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(OutputError, match=r"cannot be locked \(No space left"):
        take(output)


@pytest.fixture
def remove_before_locking(monkeypatch):
    """Return a function that lets a file vanish between its opening and its first locking."""
    real = lock._lock

    def remove(path):
        calls = []

        def late(descriptor):
            calls.append(descriptor)
            if len(calls) == 1:
                path.unlink()
            real(descriptor)

        monkeypatch.setattr(lock, "_lock", late)
        return calls

    return remove


def test_lock_file_that_is_removed_while_one_waits_is_made_again(output, remove_before_locking):
    """The last holder removes it between the opening and the locking of the next."""
    path = lock_path(output)
    calls = remove_before_locking(path)
    with output_lock(output):
        assert path.exists()
    assert len(calls) == 2


def test_file_that_is_written_is_not_abandoned(tmp_path):
    path = tmp_path / "half"
    with open_scratch(path) as stream:
        stream.write(b"half")
        assert not is_abandoned(path)
    assert is_abandoned(path)
    assert path.read_bytes() == b"half"


def test_file_that_is_removed_before_it_is_locked_is_made_again(tmp_path, remove_before_locking):
    path = tmp_path / "half"
    remove_before_locking(path)
    with open_scratch(path):
        assert path.exists()
