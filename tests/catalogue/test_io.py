"""Catalogue files are read whole or not at all, and so are they written."""

import errno
import gzip
import os
import resource

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.masked import Masked

from astroclip_astro.catalogue import check_output, io, read_catalogue, write_catalogue
from astroclip_astro.errors import CatalogueError, OutputError

SUFFIXES = [".fits", ".fits.gz", ".fit", ".vot", ".xml", ".votable", ".ecsv", ".csv", ".parquet"]


@pytest.fixture
def table():
    table = Table()
    table["ra"] = Column([150.25, 10.5], unit="deg", description="about", meta={"ucd": "pos.eq.ra"})
    table["n"] = MaskedColumn([1, 2], mask=[False, True])
    table["s"] = ["a", ""]
    return table


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_comes_back(tmp_path, table, suffix):
    write_catalogue(table, tmp_path / f"t{suffix}")
    back = read_catalogue(tmp_path / f"t{suffix}")
    # In ECSV an empty string is what astropy writes for a null one.
    empty = None if suffix == ".ecsv" else ""
    values = [back[name].tolist() for name in back.colnames]
    assert values == [[150.25, 10.5], [1, None], ["a", empty]]
    assert os.listdir(tmp_path) == [f"t{suffix}"]


@pytest.mark.parametrize("suffix", sorted(set(SUFFIXES) - {".csv"}))
def test_every_format_but_csv_describes_columns(tmp_path, table, suffix):
    write_catalogue(table, tmp_path / f"t{suffix}")
    column = read_catalogue(tmp_path / f"t{suffix}")["ra"]
    assert (str(column.unit), column.description, column.meta["ucd"]) == (
        "deg",
        "about",
        "pos.eq.ra",
    )


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".vot", ".ecsv", ".parquet"])
@pytest.mark.parametrize("name", ["t.dat", "t"])
def test_content_says_the_format(tmp_path, table, suffix, name):
    write_catalogue(table, tmp_path / f"t{suffix}")
    (tmp_path / f"t{suffix}").rename(tmp_path / name)
    assert read_catalogue(tmp_path / name)["ra"].tolist() == [150.25, 10.5]


def test_gzipped_text_is_read(tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"ra,dec\n1.5,2.5\n"))
    assert read_catalogue(tmp_path / "t.csv.gz").colnames == ["ra", "dec"]


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".vot", ".ecsv", ".parquet"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
def test_truncated_file_is_refused(tmp_path, suffix, share):
    path = tmp_path / f"t{suffix}"
    noise = np.random.default_rng(0).normal(size=(500, 4))
    write_catalogue(Table({"x": noise, "n": np.arange(500)}), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share) - 1])
    with pytest.raises(CatalogueError, match=r"(truncated|damaged|no complete table|no rows)"):
        read_catalogue(path)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".vot", ".parquet"])
def test_damage_anywhere_is_refused_or_harmless(tmp_path, table, suffix):
    """Whatever bytes are wrong, no other error comes out, and no other number of rows."""
    path, rng = tmp_path / f"t{suffix}", np.random.default_rng(5)
    write_catalogue(table, path)
    whole = path.read_bytes()
    refused = 0
    for _ in range(30):
        content = bytearray(whole)
        at = rng.integers(len(content))
        content[at : at + 8] = rng.bytes(8)
        path.write_bytes(content)
        try:
            assert len(read_catalogue(path)) == 2
        except CatalogueError:
            refused += 1
    assert refused > 0


BAD = {
    "absent.fits": (None, "does not exist"),
    "empty.fits": (b"", "is empty"),
    "empty.csv": (b"", "is empty"),
    "zero.fits.gz": (gzip.compress(b""), "is empty"),
    "text.fits": (b"ra dec\n1 2\n", "named like FITS but begins b'ra dec"),
    "text.vot": (b"<html></html>", "named like VOTable but begins"),
    "text.parquet": (b"ra,dec\n1,2\n", "named like Parquet but begins"),
    "page.csv": (b"<!DOCTYPE html><html></html>", "which is no catalogue"),
    "picture.dat": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "which is no catalogue"),
    "broken.gz": (b"\x1f\x8b\x08\x00broken", "cannot be opened"),
    "header.csv": (b"ra,dec\n", "has no rows"),
    "header.ecsv": (
        b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\na\n",
        "no rows",
    ),
    "short.csv": (b"ra,dec\n1,2\n3\n", "line 3 has 1 field between commas, expected 2"),
    "prose.txt": (
        b"Dear all,\nplease find\nthe catalogue attached to this mail.\n",
        "is text, but no table",
    ),
    "cut.fits": (b"SIMPLE  =                    T / conforms", "truncated: the header of HDU 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_in_one_line(tmp_path, name):
    content, words = BAD[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CatalogueError, match=words) as caught:
        read_catalogue(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folder_is_no_catalogue(tmp_path):
    with pytest.raises(CatalogueError, match="is a folder"):
        read_catalogue(tmp_path)


def test_fits_without_rows_is_refused(tmp_path):
    write_catalogue(Table({"x": np.zeros(0)}), tmp_path / "t.fits")
    with pytest.raises(CatalogueError, match="has no rows"):
        read_catalogue(tmp_path / "t.fits")


def test_more_rows_than_any_disk_holds_are_not_believed(tmp_path, table):
    write_catalogue(table, tmp_path / "t.fits")
    content = (tmp_path / "t.fits").read_bytes()
    claim = b"NAXIS2  =                    2"
    (tmp_path / "t.fits").write_bytes(content.replace(claim, b"NAXIS2  = 99999999999999999999"))
    with pytest.raises(CatalogueError, match=r"truncated|damaged|no complete table"):
        read_catalogue(tmp_path / "t.fits")


@pytest.mark.parametrize("name", ["t", "t.txt", "t.hdf5", "t.fits.bz2", "t.csv.gz"])
def test_suffix_must_say_a_format(tmp_path, table, name):
    with pytest.raises(
        OutputError, match=r"use one of \.fits, .*\.vot, .*\.ecsv, \.csv, \.parquet"
    ):
        write_catalogue(table, tmp_path / name)


def test_existing_file_is_kept_unless_told(tmp_path, table):
    path = tmp_path / "t.csv"
    path.write_text("mine")
    with pytest.raises(OutputError, match=r"exists; .*overwrite"):
        write_catalogue(table, path)
    assert path.read_text() == "mine"
    write_catalogue(table, path, overwrite=True)
    assert path.read_text().startswith("ra,n,s")


def test_old_file_is_whole_for_whoever_is_reading_it(tmp_path, table):
    path = tmp_path / "t.fits"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write_catalogue(table, path, overwrite=True)
        assert reader.read() == b"old"


def test_link_stays_a_link(tmp_path, table):
    (tmp_path / "target.fits").write_bytes(b"old")
    (tmp_path / "link.fits").symlink_to("target.fits")
    write_catalogue(table, tmp_path / "link.fits", overwrite=True)
    assert (tmp_path / "link.fits").is_symlink()
    assert len(read_catalogue(tmp_path / "target.fits")) == 2


def test_folder_must_exist(tmp_path, table):
    with pytest.raises(OutputError, match="does not exist; make it first"):
        write_catalogue(table, tmp_path / "absent" / "t.fits")


def test_output_is_not_a_folder(tmp_path, table):
    (tmp_path / "t.fits").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_catalogue(table, tmp_path / "t.fits", overwrite=True)


def test_folder_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="cannot be written; choose another"):
        check_output(tmp_path / "t.fits")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_full_disk_leaves_the_old_file(tmp_path, suffix):
    """A limit on file size, which the system enforces in the middle of writing."""
    path = tmp_path / f"t{suffix}"
    path.write_text("mine")
    noise = np.random.default_rng(0).normal(size=(2000, 8))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot be written \(.*make room"):
            write_catalogue(Table({"x": noise}), path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == [path.name]


def test_full_disk_is_said(tmp_path, table, monkeypatch):
    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(io.os, "fsync", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        write_catalogue(table, tmp_path / "t.fits")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_column_that_cannot_be_written_leaves_nothing(tmp_path, suffix):
    cells = np.empty(2, object)
    cells[:] = [{1}, {2}]
    with pytest.raises(OutputError):
        write_catalogue(Table({"x": cells}), tmp_path / f"t{suffix}")
    assert os.listdir(tmp_path) == []


def test_file_is_readable_as_others_are(tmp_path, table):
    write_catalogue(table, tmp_path / "t.fits")
    (tmp_path / "plain").touch()
    assert (tmp_path / "t.fits").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_fits_gives_every_format_takes(tmp_path, suffix):
    """Big-endian numbers, strings as bytes."""
    table = Table({"s": ["é", "abc"], "f": np.array([0.5, 2], ">f4"), "v": [[1, 2], [3, 4]]})
    write_catalogue(table, tmp_path / "in.fits")
    write_catalogue(read_catalogue(tmp_path / "in.fits"), tmp_path / f"t{suffix}")
    back = read_catalogue(tmp_path / f"t{suffix}")
    vector = [[1, 2], [3, 4]] if "v" in back.colnames else None
    assert [back["s"].tolist(), back["f"].tolist()] == [["é", "abc"], [0.5, 2]]
    assert (back["v"].tolist() if vector else [back["v_0"].tolist(), back["v_1"].tolist()]) == (
        vector or [[1, 3], [2, 4]]
    )


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".ecsv", ".csv", ".parquet"])
def test_quantities_come_back_as_columns(tmp_path, suffix):
    table = QTable({"q": [1.0, 2.0] * u.Jy, "m": Masked([1.0, 2.0] * u.m, mask=[False, True])})
    write_catalogue(table, tmp_path / f"t{suffix}")
    back = read_catalogue(tmp_path / f"t{suffix}")
    assert type(back) is Table
    assert back["q"].tolist() == [1.0, 2.0]
    assert back["m"].unit == (None if suffix == ".csv" else u.m)
    assert back["m"][1] is np.ma.masked or np.isnan(back["m"][1])


@pytest.mark.real_data
def test_real_catalogue_comes_back(real_data, tmp_path):
    table = read_catalogue(real_data / "desi_spectra.fits")
    write_catalogue(table, tmp_path / "t.fits")
    back = read_catalogue(tmp_path / "t.fits")
    assert (back.colnames, back.meta) == (table.colnames, table.meta)
    for name in table.colnames:
        np.testing.assert_array_equal(back[name], table[name])


def test_fits_of_astropy_is_read(tmp_path, table):
    """What plain astropy hides in comments is found."""
    table.write(tmp_path / "t.fits")
    column = read_catalogue(tmp_path / "t.fits")["ra"]
    assert (column.description, column.meta) == ("about", {"ucd": "pos.eq.ra"})
    assert "TUCD1" not in fits.getheader(tmp_path / "t.fits", 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_that_are_not_utf8_are_names(tmp_path, table, suffix):
    path = tmp_path / os.fsdecode(b"M\xfcller" + suffix.encode())
    write_catalogue(table, path)
    assert read_catalogue(path)["ra"].tolist() == [150.25, 10.5]
    assert os.listdir(os.fsencode(tmp_path)) == [b"M\xfcller" + suffix.encode()]


def test_links_that_lead_to_themselves_are_refused(tmp_path, table):
    (tmp_path / "a.fits").symlink_to("b.fits")
    (tmp_path / "b.fits").symlink_to("a.fits")
    with pytest.raises(CatalogueError, match="is a link that leads nowhere"):
        read_catalogue(tmp_path / "a.fits")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="cannot be used"):
            write_catalogue(table, tmp_path / "a.fits", overwrite=overwrite)


@pytest.mark.parametrize("suffix", [".csv", ".ecsv", ".parquet"])
def test_formats_of_one_table_have_no_other(tmp_path, table, suffix):
    write_catalogue(table, tmp_path / f"t{suffix}")
    with pytest.raises(CatalogueError, match=r"holds one table; leave out '#2'"):
        read_catalogue(f"{tmp_path}/t{suffix}#2")


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".vot"])
def test_table_may_be_named(tmp_path, table, suffix):
    write_catalogue(table, tmp_path / f"t{suffix}")
    assert len(read_catalogue(f"{tmp_path}/t{suffix}#1")) == 2
    with pytest.raises(CatalogueError, match=r"has no table #7, expected one of #1 \(2 rows\)"):
        read_catalogue(f"{tmp_path}/t{suffix}#7")


def test_real_cause_is_told(tmp_path, table):
    write_catalogue(table, tmp_path / "t.fits")
    content = (tmp_path / "t.fits").read_bytes()
    at, card = content.index(b"TFORM1"), b"TFORM1  = 'Q(3)    '"
    (tmp_path / "t.fits").write_bytes(content[:at] + card + content[at + len(card) :])
    with pytest.raises(CatalogueError, match=r"cannot be read as FITS .*correct that"):
        read_catalogue(tmp_path / "t.fits")
