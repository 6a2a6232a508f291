"""A folder is known by what its files hold: not by its name, and not after a change."""

import gzip
import os
import shutil

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.local import LocalSource

IMAGE = np.arange(3 * 40 * 40, dtype="f4").reshape(3, 40, 40)


@pytest.fixture
def folder(tmp_path, write_cutout):
    """Two cutouts, one of them below, and things that do not count."""
    place = tmp_path / "one" / "sky"
    (place / "below").mkdir(parents=True)
    write_cutout(place / "a.fits", IMAGE, 10.0)
    write_cutout(place / "below" / "b.fits", IMAGE, 20.0)
    (place / "notes.txt").write_text("notes")
    fits.BinTableHDU.from_columns([fits.Column("z", "D", array=[0.5])]).writeto(place / "cat.fits")
    return place


def key(folder, **options):
    return LocalSource(folder).content_key(**options)


def rewrite(path, change):
    """Change a file's bytes, its time kept."""
    found = path.stat()
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_name_and_place_of_the_folder_do_not_count(folder, tmp_path, monkeypatch):
    before = key(folder)
    monkeypatch.chdir(folder.parent)
    assert key("sky") == before
    shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copy2)
    assert key(tmp_path / "copy") == before


def test_folders_that_are_called_alike_differ_by_content(tmp_path, write_cutout, monkeypatch):
    keys = set()
    for number, name in enumerate(("one", "two")):
        (tmp_path / name / "sky").mkdir(parents=True)
        path = tmp_path / name / "sky" / "a.fits"
        write_cutout(path, IMAGE, 10.0 + number)
        os.utime(path, ns=(10**18, 10**18))
        monkeypatch.chdir(tmp_path / name)
        keys.add(key("sky"))
    assert len(keys) == 2


def value_of(name, value):
    """Return a change of one card of the last header that has it."""

    def change(content):
        place = content.rindex(name.encode().ljust(8) + b"=")
        card = fits.Card(name, value).image.encode()
        return content[:place] + card + content[place + 80 :]

    return change


def flipped(content):
    """Content with one bit of its pixels flipped."""
    return content[:-4000] + bytes([content[-4000] ^ 1]) + content[-3999:]


CHANGES = {
    "renamed": lambda folder: (folder / "a.fits").rename(folder / "c.fits"),
    "moved": lambda folder: (folder / "a.fits").rename(folder / "below" / "a.fits"),
    "removed": lambda folder: (folder / "a.fits").unlink(),
    "added": lambda folder: shutil.copy(folder / "a.fits", folder / "c.fits"),
    "touched": lambda folder: os.utime(folder / "a.fits", ns=(1, 10**18 + 1)),
    "longer": lambda folder: rewrite(folder / "a.fits", lambda content: content + bytes(2880)),
    "header": lambda folder: rewrite(folder / "a.fits", value_of("CRVAL1", 10.001)),
    "swapped": lambda folder: (
        (folder / "a.fits").rename(folder / "x"),
        (folder / "below" / "b.fits").rename(folder / "a.fits"),
        (folder / "x").rename(folder / "below" / "b.fits"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_of_the_files_changes_the_key(folder, name):
    before = key(folder)
    CHANGES[name](folder)
    assert key(folder) != before


def test_header_behind_the_first_counts(folder, write_cutout):
    """Size and time are kept, as some programs that edit headers keep them."""
    write_cutout(folder / "c.fits", IMAGE, 10.0, layout="bands")
    before = key(folder)
    rewrite(folder / "c.fits", value_of("CRVAL1", 10.001))
    assert key(folder) != before


def test_content_of_a_gzipped_file_counts(folder):
    def packed(content):
        return gzip.compress(content, compresslevel=0, mtime=0)  # of one size

    content = (folder / "a.fits").read_bytes()
    (folder / "c.fits.gz").write_bytes(packed(content))
    before = key(folder)
    rewrite(folder / "c.fits.gz", lambda _: packed(flipped(content)))
    assert key(folder) != before


@pytest.mark.parametrize("name", ["notes.txt", "cat.fits", "new.fits"])
def test_files_that_give_no_data_do_not_count(folder, name):
    before = key(folder)
    table = fits.BinTableHDU.from_columns([fits.Column("z", "D", array=[0.6, 0.7])])
    table.writeto(folder / name, overwrite=True)
    assert key(folder) == before


def test_pixels_count_where_the_source_is_verified(folder):
    before = (key(folder), key(folder, verify=True))
    rewrite(folder / "a.fits", flipped)
    assert key(folder) == before[0]  # headers, size and time are those of before
    assert key(folder, verify=True) != before[1]


def test_time_does_not_count_where_the_source_is_verified(folder):
    before = key(folder, verify=True)
    os.utime(folder / "a.fits", ns=(1, 1))
    assert key(folder, verify=True) == before
    assert key(folder) != before


@pytest.mark.parametrize("verify", [False, True])
def test_file_that_has_gone_is_a_clear_error(folder, verify):
    source = LocalSource(folder)
    source.contents()
    (folder / "a.fits").unlink()
    with pytest.raises(InputError, match=r"a\.fits of the source cannot be read any more"):
        source.content_key(verify=verify)
