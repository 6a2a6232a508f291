"""Parquet of ours, of astropy's and of other programs."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, Table
from pyarrow import parquet

from astroclip_astro.catalogue.parquet import read_parquet, write_parquet
from astroclip_astro.errors import CatalogueError, OutputError


@pytest.fixture
def again(tmp_path):
    """Write a table and read it again."""

    def write_and_read(table):
        path = tmp_path / "again.parquet"
        with path.open("wb") as stream:
            write_parquet(table, stream)
        return read_parquet(path)

    return write_and_read


@pytest.fixture
def foreign(tmp_path):
    """Read what another program has written."""

    def read(array):
        path = tmp_path / "foreign.parquet"
        parquet.write_table(pa.table({"x": array}), path)
        return read_parquet(path)["x"]

    return read


@pytest.mark.parametrize(
    "column",
    [
        np.array([1, -(2**63), 2**63 - 1]),
        np.array([0, 2**64 - 1, 5], "u8"),
        np.array([1.5, np.nan, 3], ">f8"),
        np.array([True, False, True]),
        np.array(["a", "", "é"]),
        np.array([b"a", b"", b"bcd"]),
        np.arange(384, dtype="f4").reshape(3, 128),
        np.arange(18).reshape(3, 2, 3),
        np.array([["a", "bc"]] * 3),
        MaskedColumn([2**62 + 1, 0, 3], mask=[False, True, False]),
        MaskedColumn([True, True, False], mask=[False, True, False]),
        MaskedColumn(["a", "b", "c"], mask=[False, True, False]),
        MaskedColumn([1.5, np.nan, 2], mask=[True, False, False]),
        MaskedColumn([[1, 2]] * 3, mask=[[True, False], [False, False], [True, True]]),
        np.array(["2024-01-02", "NaT", "1999-12-31"], "M8[ms]"),
    ],
)
def test_values_and_nulls_come_back(again, column):
    np.testing.assert_equal(
        again(Table({"x": column}))["x"].tolist(),
        Column(column).tolist() if not isinstance(column, MaskedColumn) else column.tolist(),
    )


def test_vectors_of_different_lengths_come_back(again):
    cells = np.empty(3, object)
    cells[:] = [np.arange(2.0), np.zeros(0), np.arange(3.0)]
    assert [list(cell) for cell in again(Table({"x": cells}))["x"]] == [[0, 1], [], [0, 1, 2]]


def test_what_is_said_about_columns_comes_back(again):
    column = Column([1.0], unit="Jy", description="σ", meta={"ucd": "phot.flux"})
    table = Table({"x": column, "v": Column([[1.0, 2.0]], unit="m")}, meta={"a": {"b": [1]}})
    back = again(table)
    assert (back["x"].unit, back["x"].description, back["x"].meta) == (
        u.Jy,
        "σ",
        {"ucd": "phot.flux"},
    )
    assert (back["v"].unit, back.meta) == (u.m, {"a": {"b": [1]}})


def test_sky_coordinates_come_back(again):
    where = SkyCoord([1.0] * u.deg, [2.0] * u.deg)
    assert again(Table({"pos": where}))["pos"].separation(where).max() < 1e-9 * u.arcsec


def test_complex_numbers_are_refused(again):
    with pytest.raises(OutputError, match="'x' is complex"):
        again(Table({"x": [1j]}))


def test_metadata_that_cannot_be_written_are_refused(again):
    with pytest.raises(OutputError, match="cannot be written"):
        again(Table({"x": [1.0]}, meta={"thing": object()}))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([39627000000000001, None]), [39627000000000001, None]),
        (pa.array(["a", None]), ["a", None]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([b"a", b"bcd"]), ["a", "bcd"]),
        (pa.array([[1.0, 2.0], [3.0, 4.0]]), [[1, 2], [3, 4]]),
        (pa.array([[1, None], None]), [[1, None], [None, None]]),
        (pa.array([decimal.Decimal("1.5"), None]), [1.5, None]),
        (pa.array([None, None]), [None, None]),
        (pa.array([datetime.time(1, 2, 3), None]), ["01:02:03.000000", None]),
        (pa.array([datetime.date(2024, 1, 2)]), [datetime.date(2024, 1, 2)]),
        (pa.array([np.float16(0.5), None], pa.float16()), [0.5, None]),
        (pa.chunked_array([[1, 2], [3]]), [1, 2, 3]),
    ],
)
def test_foreign_types_are_read(foreign, array, expected):
    assert foreign(array).tolist() == expected


def test_foreign_lists_of_different_lengths_are_vectors(foreign):
    assert [list(cell) for cell in foreign(pa.array([[1.0], None, [2.0, 3.0]])).data] == [
        [1.0],
        [],
        [2.0, 3.0],
    ]


def test_records_become_columns(tmp_path):
    parquet.write_table(pa.table({"x": [{"a": 1, "b": {"c": "d"}}]}), tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet").colnames == ["x.a", "x.b.c"]


def test_what_a_table_cannot_hold_is_refused(foreign):
    with pytest.raises(CatalogueError, match="'x' has Parquet type map"):
        foreign(pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())))


@pytest.mark.real_data
def test_real_catalogue_is_read(real_data):
    path = real_data / "desi_dr1_cosmos_lines.parquet"
    table = read_parquet(path)
    assert len(table) == parquet.read_metadata(path).num_rows
    assert table.colnames == parquet.read_schema(path).names
