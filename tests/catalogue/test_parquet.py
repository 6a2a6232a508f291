"""Parquet of ours, of astropy's and of other programs."""

import datetime
import io
import re
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import votable
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time
from hypothesis import given, strategies as some
from pyarrow import parquet

from astroclip_astro.catalogue import read_catalogue, write_catalogue
from astroclip_astro.catalogue.arrow_columns import column_of
from astroclip_astro.catalogue.parquet import read_parquet, write_parquet
from astroclip_astro.errors import CatalogueError, ConvertedColumnWarning, OutputError
from astroclip_astro.sky import find_targets


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
        (pa.array([Decimal("1.5"), None]), [1.5, None]),
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


@pytest.fixture
def nulls(tmp_path):
    """A file with a null in a column of each kind, and what each column holds."""
    mask = [False, True, False]
    vectors = [[True, True], [False, True], [False, False]]
    table = Table(
        {
            "whole": MaskedColumn([1, 2, 2**62 + 1], mask=mask),
            "whole.mask": [7, 8, 9],
            "byte": MaskedColumn([0, 1, 255], mask=mask, dtype="u1"),
            "flag": MaskedColumn([True, True, False], mask=mask),
            "text": MaskedColumn(["a", "b", ""], mask=mask),
            "real": MaskedColumn([np.nan, 1.0, 2.0], mask=mask),
            "day": MaskedColumn(np.array(["2024-01-02"] * 3, "M8[D]"), mask=mask),
            "vector": MaskedColumn(np.arange(6.0).reshape(3, 2), mask=vectors),
        }
    )
    path = tmp_path / "nulls.parquet"
    with path.open("wb") as stream:
        write_parquet(table, stream)
    return path


NULLS = {
    "whole": [1, None, 2**62 + 1],
    "whole.mask": [7, 8, 9],
    "byte": [0, None, 255],
    "flag": [True, None, False],
    "text": ["a", None, ""],
    "day": [datetime.date(2024, 1, 2), None, datetime.date(2024, 1, 2)],
    "vector": [[None, None], [2.0, None], [4.0, 5.0]],
}


def test_pyarrow_sees_nulls_and_no_other_columns(nulls):
    arrow = parquet.read_table(nulls)
    assert arrow.column_names == [*list(NULLS)[:5], "real", *list(NULLS)[5:]]
    assert {name: arrow[name].to_pylist() for name in NULLS} == NULLS
    assert arrow["real"].null_count == 1
    assert np.isnan(arrow["real"][0].as_py())  # a value: it was not masked


def test_pandas_sees_nulls(nulls):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(nulls, dtype_backend="pyarrow")
    for name in ("whole", "byte", "flag", "text", "day"):
        assert frame[name].isna().tolist() == [False, True, False], name
    assert frame["whole"][2] == 2**62 + 1


def test_polars_sees_nulls(nulls):
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(nulls)
    assert {name: frame[name].to_list() for name in NULLS} == NULLS
    assert frame["real"].is_null().to_list() == [False, True, False]


def test_our_reader_sees_nulls(nulls):
    table = read_parquet(nulls)
    assert {name: table[name].tolist() for name in NULLS} == NULLS
    assert table["real"].mask.tolist() == [False, True, False]


def test_files_with_masks_in_columns_of_their_own_are_read(tmp_path):
    """As astropy writes them, and this package did once."""
    path, mask = tmp_path / "masks.parquet", [False, True]
    table = Table({"n": MaskedColumn([2**62 + 1, 7], mask=mask, unit="m"), "z": [0.5, 1.0]})
    table["s"] = MaskedColumn(["a", "b"], mask=mask)
    table["t"] = Time([50000.0, 50001.0], format="mjd")
    table.write(path)
    assert "n.mask" in parquet.read_schema(path).names
    back = read_parquet(path)
    assert back.colnames == ["n", "z", "s", "t"]
    assert (back["n"].tolist(), back["n"].unit) == ([2**62 + 1, None], u.m)
    assert back["s"].tolist() == ["a", None]
    assert back["t"].mjd.tolist() == [50000.0, 50001.0]


def test_null_times_come_back(again):
    when = Time([50000.0, 50001.5], format="mjd")
    when[1] = np.ma.masked
    back = again(Table({"t": when}))["t"]
    assert back.mask.tolist() == [False, True]
    assert back.mjd[0] == 50000.0


@pytest.mark.parametrize("suffix", ["parquet", "fits", "vot", "csv"])
def test_column_named_like_a_part_of_another_is_refused(tmp_path, suffix):
    where = SkyCoord([1.0] * u.deg, [2.0] * u.deg)
    with pytest.raises(OutputError, match=r"'pos\.ra' has the name that a part of column 'pos'"):
        write_catalogue(Table({"pos": where, "pos.ra": [5.0]}), tmp_path / f"t.{suffix}")


@pytest.fixture
def described(tmp_path):
    """The data-less VOTable inside a Parquet file."""

    def inner(table):
        path = tmp_path / "described.parquet"
        with path.open("wb") as stream:
            write_parquet(table, stream)
        entries = parquet.read_metadata(path).metadata
        assert entries[b"IVOA.VOTable-Parquet.version"] == b"1.0"
        content = entries[b"IVOA.VOTable-Parquet.content"]
        assert b"<DATA>" not in content
        return votable.parse(io.BytesIO(content), verify="exception").get_first_table()

    return inner


def test_votable_inside_has_units_ucds_and_descriptions(described):
    column = Column([1.0], unit="Jy", description="σ of it", meta={"ucd": "phot.flux"})
    found = described(Table({"a": [1], "x": column}, meta={"ACREF": "demo"}))
    field = found.fields[1]
    assert (field.name, field.datatype, str(field.unit), field.ucd, field.description.strip()) == (
        ("x", "double", "Jy", "phot.flux", "σ of it")
    )
    assert [(info.name, info.value) for info in found.infos] == [("ACREF", "demo")]


@pytest.mark.parametrize(
    ("column", "datatype", "arraysize"),
    [
        (np.array([1, 2], "u1"), "unsignedByte", None),
        (np.array([1, 2], "i1"), "short", None),
        (np.array([1, 2], "u4"), "long", None),
        (np.array([1, 2], "f4"), "float", None),
        (np.array([True, False]), "boolean", None),
        (np.array(["a", "bc"]), "char", "*"),
        (np.array(["a", "é"]), "unicodeChar", "*"),
        (np.array([b"a", b"bc"]), "char", "*"),
        (np.zeros((2, 128), "f4"), "float", "128"),
        (np.zeros((2, 3, 5)), "double", "5x3"),
        (np.zeros((2, 0)), "double", "*"),
        (np.array([["a", "b"]] * 2), "char", "*"),
        (np.array(["2024-01-02"] * 2, "M8[s]"), "char", "*"),
    ],
)
def test_votable_inside_has_types_and_shapes(described, column, datatype, arraysize):
    field = described(Table({"x": column})).fields[0]
    assert (field.datatype, field.arraysize) == (datatype, arraysize)


def test_votable_inside_has_the_columns_under_their_names(described):
    names = ["a b", "Ra", "ra", "1<2", "é"]
    found = described(Table([[1]] * 5, names=names))
    assert [field.name for field in found.fields] == names


@given(
    some.lists(some.one_of(some.none(), some.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=9)
)
def test_any_whole_numbers_and_nulls_come_back(cells):
    hidden = [cell is None for cell in cells]
    values = np.array([0 if cell is None else cell for cell in cells])
    stream = io.BytesIO()
    write_parquet(Table({"x": MaskedColumn(values, mask=hidden)}), stream)
    assert parquet.read_table(stream)["x"].to_pylist() == cells


AWAY = datetime.timezone(datetime.timedelta(hours=2))
UNUSUAL = {
    "decimal": pa.array([Decimal("0.10"), None, Decimal("-99999999.99")], pa.decimal128(10, 2)),
    "decimal identifiers": pa.array([Decimal(2**63 - 1), None], pa.decimal128(20, 0)),
    "decimal beyond int64": pa.array([Decimal(2**64 - 1), None], pa.decimal128(20, 0)),
    "long decimal": pa.array([Decimal("150.25"), None], pa.decimal128(38, 18)),
    "decimal beyond float64": pa.array([Decimal("0.123456789012345678"), None]),
    "wide decimal": pa.array([Decimal("0.5"), None], pa.decimal256(60, 18)),
    "time zone": pa.array(
        [datetime.datetime(2024, 1, 2, 3, tzinfo=AWAY), None], pa.timestamp("us", "Europe/Berlin")
    ),
    "offset": pa.array([1, None], pa.timestamp("ns", "+05:30")),
    "no time zone": pa.array([1, None], pa.timestamp("ms")),
    "date": pa.array([1, None], pa.date32()),
    "time": pa.array([86399999999, None], pa.time64("us")),
    "time to the ns": pa.array([86399999999999, None], pa.time64("ns")),
    "time to the ms": pa.array([1000, None], pa.time32("ms")),
    "half float": pa.array([np.float16(0.1), None, np.float16("nan")], pa.float16()),
    "duration": pa.array([1, None], pa.duration("ms")),
    "bytes": pa.array([b"a\xff", None, b"c"]),
    "bytes with NUL at the end": pa.array([b"a\0", None, b""]),
    "bytes of one length": pa.array([b"a\0", None, b"\0\0"], pa.binary(2)),
    "text with NUL at the end": pa.array(["a\0", None, ""]),
    "empty and null text": pa.array(["", None]),
    "decimal lists": pa.array([[Decimal("1.5"), None], [], None], pa.list_(pa.decimal128(5, 1))),
    "lists with nulls": pa.array([[1, None], [], None], pa.list_(pa.int32())),
    "lists of text": pa.array([["a", None], [], None]),
    "lists of lists": pa.array([[[1], [2, 3]], [], None], pa.list_(pa.list_(pa.int16()))),
    "lists of bool": pa.array([[True, None], [], None]),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_types_come_back_unchanged(again, tmp_path, name):
    array = UNUSUAL[name]
    parquet.write_table(pa.table({"x": array}), tmp_path / "foreign.parquet")
    again(read_parquet(tmp_path / "foreign.parquet"))
    back = parquet.read_table(tmp_path / "again.parquet")["x"].combine_chunks()
    assert repr(back.to_pylist()) == repr(array.to_pylist())
    assert str(back.type).replace("element:", "item:") == str(array.type).replace(
        "element:", "item:"
    )


@pytest.mark.parametrize(
    ("name", "suffix", "text"),
    [
        ("decimal", "fits", "x (decimal128(10, 2)) as float64"),
        ("decimal identifiers", "csv", "x (decimal128(20, 0)) as int64"),
        ("decimal beyond float64", "vot", "x (decimal128(18, 18)) as text"),
        ("decimal beyond float64", "ecsv", "x (decimal128(18, 18)) as text"),
        ("time zone", "fits", "x (timestamp[us, tz=Europe/Berlin]) as text in UTC"),
        ("time", "vot", "x (time64[us]) as text"),
    ],
)
def test_other_formats_say_what_they_make_of_a_type(tmp_path, name, suffix, text):
    parquet.write_table(pa.table({"x": UNUSUAL[name]}), tmp_path / "t.parquet")
    table = read_catalogue(tmp_path / "t.parquet")
    with pytest.warns(ConvertedColumnWarning, match=re.escape(text)):
        write_catalogue(table, tmp_path / f"t.{suffix}")


def test_decimals_of_more_digits_than_float64_are_text_elsewhere(tmp_path):
    parquet.write_table(pa.table({"x": UNUSUAL["decimal beyond float64"]}), tmp_path / "t.parquet")
    with pytest.warns(ConvertedColumnWarning):
        write_catalogue(read_catalogue(tmp_path / "t.parquet"), tmp_path / "t.fits")
    assert read_catalogue(tmp_path / "t.fits")["x"].tolist() == ["0.123456789012345678", ""]


def test_times_with_a_zone_are_text_in_utc_elsewhere(tmp_path):
    parquet.write_table(pa.table({"x": UNUSUAL["time zone"]}), tmp_path / "t.parquet")
    with pytest.warns(ConvertedColumnWarning):
        write_catalogue(read_catalogue(tmp_path / "t.parquet"), tmp_path / "t.vot")
    found = read_catalogue(tmp_path / "t.vot")["x"].tolist()
    assert found == ["2024-01-02T01:00:00.000000Z", ""]


@pytest.mark.parametrize("suffix", ["fits", "vot", "csv", "ecsv"])
@pytest.mark.parametrize(
    "name",
    [
        *("duration", "bytes with NUL at the end", "bytes of one length"),
        *("lists of text", "lists of lists", "lists of bool"),
    ],
)
def test_other_formats_refuse_what_they_cannot_hold(tmp_path, name, suffix):
    parquet.write_table(pa.table({"x": UNUSUAL[name]}), tmp_path / "t.parquet")
    with pytest.raises(OutputError, match=r"'x' .*only Parquet holds"):
        write_catalogue(read_catalogue(tmp_path / "t.parquet"), tmp_path / f"t.{suffix}")


@pytest.mark.parametrize(("suffix", "form"), [("vot", "VOTable"), ("csv", "CSV"), ("ecsv", "ECSV")])
def test_text_formats_refuse_bytes_that_are_no_text(tmp_path, suffix, form):
    with pytest.raises(OutputError, match=f"'x' holds bytes that are not UTF-8 text, which {form}"):
        write_catalogue(Table({"x": [b"caf\xe9"]}), tmp_path / f"t.{suffix}")


def test_edited_decimals_that_no_longer_fit_are_written_as_they_are(again, tmp_path):
    parquet.write_table(pa.table({"x": UNUSUAL["decimal"]}), tmp_path / "foreign.parquet")
    table = read_parquet(tmp_path / "foreign.parquet")
    table["x"][0] = 0.123
    assert again(table)["x"].tolist() == [0.123, None, -99999999.99]


def test_decimal_positions_are_positions(tmp_path):
    ra = pa.array([Decimal("50.123456"), Decimal("2.5")], pa.decimal128(20, 6))
    parquet.write_table(pa.table({"ra": ra, "dec": ra}), tmp_path / "t.parquet")
    targets = find_targets(read_parquet(tmp_path / "t.parquet"), ra="ra", dec="dec")
    assert targets.ra.tolist() == [50.123456, 2.5]


def test_interval_is_refused(foreign):
    with pytest.raises(CatalogueError, match="'x' has Parquet type month_day_nano_interval"):
        column_of(pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "x")


@pytest.mark.real_data
def test_real_catalogue_is_read(real_data):
    path = real_data / "desi_dr1_cosmos_lines.parquet"
    table = read_parquet(path)
    assert len(table) == parquet.read_metadata(path).num_rows
    assert table.colnames == parquet.read_schema(path).names
