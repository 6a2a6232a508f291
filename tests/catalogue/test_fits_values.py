"""FITS tables of other programs keep their nulls, large integers and rows."""

import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given, strategies as st
from waiting import HANGS

from astroclip_astro.catalogue.fits_table import read_fits, write_fits
from astroclip_astro.catalogue.fits_values import name_columns, stacked_rows
from astroclip_astro.errors import CatalogueError

STILTS = shutil.which("stilts")
needs_stilts = pytest.mark.skipif(STILTS is None, reason="stilts is not installed")
TARGETID = 2**60 + 1


def written(tmp_path, columns, cards=()):
    hdu = fits.BinTableHDU.from_columns(columns)
    for key, value in dict(cards).items():
        hdu.header[key] = value
    hdu.writeto(tmp_path / "t.fits", overwrite=True)
    return tmp_path / "t.fits"


def test_colfits_has_a_row_for_each_element(tmp_path):
    columns = [
        fits.Column("ra", "5D", dim="(1,5)", unit="deg", array=np.arange(5.0).reshape(1, 5, 1)),
        fits.Column("dec", "5D", array=np.arange(5.0)[None]),
        fits.Column("name", "10A", dim="(2,5)", array=np.array([["G0", "G1", "", "G3", "G4"]])),
        fits.Column("letter", "5A", dim="(1,5)", array=np.array([["a", "b", "c", "d", "e"]])),
        fits.Column("flux", "15E", dim="(3,5)", array=np.arange(15.0).reshape(1, 5, 3)),
        fits.Column("id", "5K", dim="(1,5)", null=-1, array=[[[TARGETID], [-1], [3], [4], [5]]]),
        fits.Column("good", "5L", dim="(1,5)", array=np.array([[[1], [0], [1], [1], [1]]], bool)),
    ]
    table = read_fits(written(tmp_path, columns, {"TCOMM1": "Right ascension"}))
    assert table["ra"].tolist() == table["dec"].tolist() == [0, 1, 2, 3, 4]
    assert (str(table["ra"].unit), table["ra"].description) == ("deg", "Right ascension")
    assert table["name"].tolist() == ["G0", "G1", "", "G3", "G4"]
    assert table["letter"].tolist() == ["a", "b", "c", "d", "e"]
    assert table["flux"].tolist() == np.arange(15.0).reshape(5, 3).tolist()
    assert table["id"].tolist() == [TARGETID, None, 3, 4, 5]
    assert table["good"].tolist() == [True, False, True, True, True]


@needs_stilts
@pytest.mark.parametrize("form", ["colfits-basic", "colfits-plus"])
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_colfits_of_stilts_is_read(tmp_path, form, rows):
    table = Table({"ra": np.arange(rows) + 0.5, "dec": np.arange(rows), "name": ["M 31"] * rows})
    table["flux"] = np.arange(3.0 * rows).reshape(rows, 3)
    with (tmp_path / "in.fits").open("wb") as stream:
        write_fits(table, stream)
    command = ["tpipe", f"in={tmp_path}/in.fits", f"out={tmp_path}/out.fits", f"ofmt={form}"]
    subprocess.run([STILTS, *command], check=True, timeout=HANGS)
    back = read_fits(tmp_path / "out.fits")
    for name in table.colnames:
        assert back[name].tolist() == table[name].tolist(), name


def test_one_row_of_vectors_without_positions_stays_one_row(tmp_path):
    """A spectrum, for example."""
    columns = [fits.Column(name, "4D", array=np.ones((1, 4))) for name in ("wave", "flux")]
    assert read_fits(written(tmp_path, columns))["flux"].shape == (1, 4)


def test_row_with_positions_and_vectors_stays_one_row(tmp_path):
    columns = [fits.Column(name, "D", array=[1.0]) for name in ("ra", "dec")]
    columns.append(fits.Column("flux", "4D", array=np.ones((1, 4))))
    assert read_fits(written(tmp_path, columns))["flux"].shape == (1, 4)


@pytest.mark.parametrize("null", ["NaN", "null", " ", "-99"])
def test_null_that_is_text_does_not_matter_in_a_binary_table(tmp_path, null):
    columns = [fits.Column("x", "D", array=[1.0, 2.0]), fits.Column("n", "J", array=[1, 2])]
    table = read_fits(written(tmp_path, columns, {"TNULL1": null, "TNULL2": null}))
    assert (table["x"].tolist(), table["n"].tolist()) == ([1.0, 2.0], [1, 2])


def ascii_table(tmp_path, forms, rows, cards):
    """An ASCII table, its cells put in as text."""
    columns = [fits.Column(f"c{i}", form, ascii=True) for i, form in enumerate(forms)]
    hdu = fits.TableHDU.from_columns(columns, nrows=len(rows))
    for key, value in cards.items():
        hdu.header[key] = value
    width = hdu.header["NAXIS1"]
    text = bytearray(b" " * (width * len(rows)))
    for number, row in enumerate(rows):
        for column, cell in enumerate(row, start=1):
            at = number * width + hdu.header[f"TBCOL{column}"] - 1
            text[at : at + len(cell)] = cell.encode()
    head = fits.PrimaryHDU().header.tostring() + hdu.header.tostring()
    path = tmp_path / "t.fits"
    path.write_bytes(head.encode() + bytes(text) + b" " * (-len(text) % 2880))
    return path


def test_nulls_of_an_ascii_table_are_nulls(tmp_path):
    rows = [("1.5", "7", "-9", "a"), ("NaN", "", "5", ""), ("", "8", "6", "NaN")]
    cards = {"TNULL1": "NaN", "TNULL2": " " * 6, "TNULL3": "-9"}
    table = read_fits(ascii_table(tmp_path, ["F8.3", "I6", "I6", "A4"], rows, cards))
    np.testing.assert_equal(table["c0"].tolist(), [1.5, np.nan, np.nan])
    assert table["c1"].tolist() == [7, None, 8]
    assert table["c2"].tolist() == [None, 5, 6]
    assert table["c3"].tolist() == ["a", "", "NaN"]


@pytest.mark.parametrize("null", ["***", "null", "--"])
def test_nulls_of_an_ascii_table_may_be_any_text(tmp_path, null):
    rows = [("1.5", "7"), (null, null)]
    cards = {"TNULL1": null, "TNULL2": null}
    table = read_fits(ascii_table(tmp_path, ["E10.3", "I6"], rows, cards))
    assert np.isnan(table["c0"][1])
    assert table["c1"].tolist() == [7, None]


def test_numbers_of_an_ascii_table_are_exact(tmp_path):
    rows = [("1.5D+02", str(TARGETID)), ("-2.5E-1", "-1")]
    table = read_fits(ascii_table(tmp_path, ["D12.4", "I20"], rows, {}))
    assert (table["c0"].tolist(), table["c1"].tolist()) == ([150.0, -0.25], [TARGETID, -1])


def test_columns_with_one_name_or_none_are_read(tmp_path):
    columns = [fits.Column(f"x{i}", "D", array=[float(i)]) for i in range(5)]
    path = written(tmp_path, columns)
    content = path.read_bytes()
    for number, name in {1: "ra", 2: "ra", 3: "", 5: "ra_2"}.items():
        old, new = (f"TTYPE{number}  = '{text:8}'" for text in (f"x{number - 1}", name))
        content = content.replace(old.encode(), new.encode())
    path.write_bytes(content)
    table = read_fits(path)
    assert table.colnames == ["ra", "ra_3", "col3", "x3", "ra_2"]
    assert [table[name][0] for name in table.colnames] == [0, 1, 2, 3, 4]


@given(st.lists(st.sampled_from(["", "x", "x_2", "col1", "X"]), max_size=6))
def test_names_are_unique_and_the_free_ones_stay(found):
    header = fits.Header({"TFIELDS": len(found)})
    for number, name in enumerate(found, start=1):
        header[f"TTYPE{number}"] = name
    names = name_columns(header)
    assert len({*names}) == len(found)
    assert all(n == f for n, f in zip(names, found, strict=True) if f and found.count(f) == 1)


@pytest.mark.parametrize("form", ["I", "J", "K"])
@pytest.mark.parametrize(("scale", "zero"), [(1, 1000), (1, -(2**40)), (2, 0), (-1, 5), (1.0, 3.0)])
def test_scaled_integers_stay_integers(tmp_path, form, scale, zero):
    raw = [0, 1, 30000, -5]
    path = written(
        tmp_path,
        [fits.Column("x", form, null=-5, array=np.array(raw))],
        {"TSCAL1": scale, "TZERO1": zero},
    )
    back = read_fits(path)["x"]
    assert back.dtype.kind == "i"
    assert back.tolist() == [*(int(scale * one + zero) for one in raw[:3]), None]


@pytest.mark.parametrize("zero", [2**62, 1000, -1])
def test_large_integers_with_an_offset_are_exact(tmp_path, zero):
    raw = np.array([TARGETID, 2**53 + 1, 7])
    path = written(tmp_path, [fits.Column("TARGETID", "K", array=raw)], {"TZERO1": zero})
    assert read_fits(path)["TARGETID"].tolist() == [int(one) + zero for one in raw]


def test_unsigned_integers_are_unsigned(tmp_path):
    raw = np.array([-(2**63), 2**63 - 1])
    path = written(tmp_path, [fits.Column("x", "K", array=raw)], {"TZERO1": 2**63})
    assert read_fits(path)["x"].tolist() == [0, 2**64 - 1]


def test_integers_scaled_by_a_fraction_are_floats(tmp_path):
    path = written(tmp_path, [fits.Column("x", "J", array=[1, 2])], {"TSCAL1": 0.5, "TZERO1": 1.0})
    assert read_fits(path)["x"].tolist() == [1.5, 2.0]


def varied(tmp_path):
    cells = np.array([np.arange(2.0), np.arange(3.0)], dtype=object)
    return written(tmp_path, [fits.Column("v", "PD()", array=cells)])


def test_cells_of_different_lengths_are_read(tmp_path):
    assert [cell.tolist() for cell in read_fits(varied(tmp_path))["v"]] == [[0, 1], [0, 1, 2]]


@pytest.mark.parametrize("claim", [2**31 - 1, 1000, -1])
@pytest.mark.parametrize("place", [0, 1])
def test_cells_beyond_the_heap_are_refused(tmp_path, claim, place):
    path = varied(tmp_path)
    content = bytearray(path.read_bytes())
    start = 2 * 2880 + 4 * place
    content[start : start + 4] = int(claim).to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    with pytest.raises(CatalogueError, match="cells of column 'v' claim"):
        read_fits(path)


def test_cells_that_use_one_heap_again_and_again_are_refused(tmp_path):
    """A few bytes a row would be gigabytes in memory."""
    rows, items = 5000, 1000
    cells = np.empty(rows, object)
    cells[:] = [np.zeros(items if row == 0 else 0) for row in range(rows)]
    path = written(tmp_path, [fits.Column("v", "PD()", array=cells)])
    content = bytearray(path.read_bytes())
    for row in range(rows):
        content[5760 + 8 * row : 5768 + 8 * row] = items.to_bytes(4, "big") + bytes(4)
    path.write_bytes(content)
    with pytest.raises(CatalogueError, match="its cells claim 40000000 bytes"):
        read_fits(path)


@pytest.mark.parametrize("rows", [1, 2])
def test_ordinary_tables_are_not_stacked(rows):
    table = Table({"ra": np.zeros(rows), "name": ["abc"] * rows})
    assert stacked_rows(fits.BinTableHDU(table).header) is None
