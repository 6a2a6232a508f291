import gc
import gzip
import os
import warnings

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.fetch.files.fits_file import (
    DamagedFileError,
    all_hdus,
    column,
    find_fits,
    open_fits,
    overrun,
    reading,
)


def names(folder):
    return [path.relative_to(folder).as_posix() for path in find_fits(folder)[0]]


@pytest.mark.parametrize(
    "name", ["a.fits", "a.fit", "a.FITS", "a.fits.gz", "a.Fits.FZ", "a.fit.gz"]
)
def test_fits_files_are_found_by_name(tmp_path, name):
    (tmp_path / name).touch()
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.parquet", "fits", "a.fits.txt", "a.fits.part", "afits"])
def test_other_files_are_not(tmp_path, name):
    (tmp_path / name).touch()
    assert names(tmp_path) == []


def test_files_come_in_order_of_path(tmp_path):
    for name in ("b/1.fits", "a/2.fits", "c.fits", "a/1.fits"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path) == ["a/1.fits", "a/2.fits", "b/1.fits", "c.fits"]


def test_loop_of_links_ends(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "1.fits").touch()
    scandir, looked_into = os.scandir, []

    def count(path):
        looked_into.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", count)
    assert names(tmp_path) == ["a/1.fits"]
    # The top, a, and the link that is found to lead to the top.
    assert len(looked_into) == 3


def test_linked_folder_outside_is_followed(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "1.fits").touch()
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "link").symlink_to(tmp_path / "far")
    assert names(tmp_path / "near") == ["link/1.fits"]


def test_file_with_two_names_counts_once(tmp_path):
    (tmp_path / "a.fits").touch()
    (tmp_path / "b.fits").symlink_to(tmp_path / "a.fits")
    assert names(tmp_path) == ["a.fits"]


def test_broken_link_is_a_problem(tmp_path):
    (tmp_path / "a.fits").symlink_to(tmp_path / "gone.fits")
    files, [(path, reason)] = find_fits(tmp_path)
    assert (files, path.name) == ([], "a.fits")
    assert "No such file" in reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_locked_folder_is_a_problem(tmp_path):
    (tmp_path / "locked").mkdir(mode=0)
    try:
        assert [path.name for path, _ in find_fits(tmp_path)[1]] == ["locked"]
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_folder_that_cannot_be_listed_is_a_problem(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    (tmp_path / "open.fits").touch()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    files, [(path, reason)] = find_fits(tmp_path)
    assert ([file.name for file in files], path.name) == (["open.fits"], "locked")
    assert "Permission denied" in reason


def test_pipe_and_folder_named_like_files_are_passed_over(tmp_path):
    os.mkfifo(tmp_path / "pipe.fits")
    (tmp_path / "folder.fits").mkdir()
    assert find_fits(tmp_path) == ([], [])


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", b"SIMPLE  =", b"\x1f\x8b\x08nonsense", b"\0" * 5760],
    ids=["empty", "words", "start", "gzip", "zeros"],
)
def test_file_that_is_no_fits_is_damaged(tmp_path, content):
    (tmp_path / "a.fits").write_bytes(content)
    with pytest.raises(DamagedFileError), open_fits(tmp_path / "a.fits") as hdus:
        list(hdus)


def test_interruption_is_not_damage():
    with pytest.raises(KeyboardInterrupt), reading():
        raise KeyboardInterrupt


def test_damage_keeps_its_words():
    with pytest.raises(DamagedFileError, match=r"^no flux$"), reading():
        raise DamagedFileError("no flux")


def test_file_that_astropy_refuses_is_closed(tmp_path):
    header = fits.PrimaryHDU(np.zeros((2, 2), np.float32)).header
    header["NAXIS1"] = header["NAXIS2"] = 10**8  # beyond where a file can be searched
    path = tmp_path / "a.fits"
    path.write_bytes(header.tostring().encode() + bytes(2880))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(DamagedFileError), open_fits(path):
            pass
        gc.collect()
    assert caught == []


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_whole_file_is_not_overrun(tmp_path, zipped):
    path = tmp_path / ("a.fits.gz" if zipped else "a.fits")
    fits.PrimaryHDU(np.zeros((50, 50))).writeto(path)
    with open_fits(path) as hdus:
        assert overrun(hdus[0], path) is None


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_absurd_size_is_overrun(tmp_path, zipped):
    header = fits.PrimaryHDU(np.zeros((2, 2), np.float32)).header
    header["NAXIS1"] = header["NAXIS2"] = 10**6
    content = header.tostring().encode() + bytes(2880)
    path = tmp_path / "a.fits"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with open_fits(path) as hdus:
        reason = overrun(hdus[0], path)
    assert "HDU 'PRIMARY' needs 4000000002880" in reason


def test_tiled_image_of_absurd_size_is_overrun(tmp_path):
    path = tmp_path / "a.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.ones((50, 50)))]).writeto(path)
    content = path.read_bytes()
    for axis in (b"1", b"2"):
        card = b"ZNAXIS" + axis + b" =                   50"
        assert card in content
        content = content.replace(card, card[:-7] + b"5000000")
    path.write_bytes(content)
    with open_fits(path) as hdus:
        assert overrun(hdus[1], path) is not None


def test_column_of_vectors_is_refused():
    table = fits.BinTableHDU.from_columns([fits.Column("Z", "2D", array=np.zeros((3, 2)))])
    with pytest.raises(ValueError, match="one value a row"):
        column(table, "Z", np.float64)


def test_column_of_words_has_no_blanks():
    table = fits.BinTableHDU.from_columns([fits.Column("TYPE", "6A", array=["TGT ", " SKY"])])
    assert column(table, "TYPE", str).tolist() == ["TGT", "SKY"]


def test_header_that_leads_back_is_refused(tmp_path):
    path = tmp_path / "circle.fits"
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8"]
    cards += ["NAXIS   =                    1", "NAXIS1  =                -2880", "END"]
    path.write_bytes("".join(card.ljust(80) for card in cards).ljust(2880).encode())
    with pytest.raises(DamagedFileError, match="begins before"), open_fits(path) as hdus:
        all_hdus(hdus)


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int8"])
def test_integers_that_fits_keeps_with_an_offset_are_read_in_parts(tmp_path, dtype):
    path = tmp_path / "mask.fits"
    fits.PrimaryHDU(np.arange(100).reshape(10, 10).astype(dtype)).writeto(path)
    with open_fits(path) as hdus:
        assert hdus[0].section[3, 2:5].tolist() == [32, 33, 34]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array(["a", "b"]), "holds words, expected numbers"),
        (np.array([39627866878511337.0]), "have lost digits"),
    ],
)
def test_column_that_is_not_of_whole_numbers_is_refused(values, words):
    table = fits.BinTableHDU(np.rec.fromarrays([values], names="TARGETID"))
    with pytest.raises(DamagedFileError, match=words):
        column(table, "TARGETID", np.int64)


def test_short_whole_numbers_may_be_floating_point():
    table = fits.BinTableHDU(np.rec.fromarrays([np.array([7.0])], names="TARGETID"))
    assert column(table, "TARGETID", np.int64).tolist() == [7]


@pytest.mark.parametrize("packed", [False, True])
def test_axes_without_number_are_refused_at_once(tmp_path, packed):
    content = bytearray()
    for card in (b"SIMPLE  =                    T", b"NAXIS   =         200000000000", b"END"):
        content += card.ljust(80)
    whole = bytes(content.ljust(2880))
    path = tmp_path / "t.fits"
    path.write_bytes(gzip.compress(whole) if packed else whole)
    with pytest.raises(DamagedFileError, match="NAXIS = 200000000000"), open_fits(path):
        pass
