"""Outputs appear whole, or not at all."""

import errno

import pytest

from astroclip_astro.storage.atomic import whole_file


def test_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as scratch:
        scratch.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def write_half(path, error):
    with whole_file(path) as scratch:
        scratch.write_text("half of it")
        raise error


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), ValueError()], ids=repr
)
def test_what_was_there_stays_when_the_block_fails(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)):
        write_half(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []
