"""FITS keeps what a table says, through edits and for other programs."""

import csv
import gzip
import io
import os
import shutil
import subprocess
import tracemalloc
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from hypothesis import HealthCheck, given, settings, strategies as st
from waiting import HANGS

from astroclip_astro.catalogue.fits_table import read_fits, write_fits
from astroclip_astro.catalogue.table_choice import TableChoice
from astroclip_astro.errors import CatalogueError, OutputError

STILTS = shutil.which("stilts")
needs_stilts = pytest.mark.skipif(STILTS is None, reason="stilts is not installed")
QUIET = settings(
    deadline=None,
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LONG = "A description of more than one card, " * 5 + "to its very end"


def save(table, path):
    with path.open("wb") as stream:
        write_fits(table, stream)
    return path


@pytest.fixture
def again(tmp_path):
    """Write a table and read it again."""
    return lambda table: read_fits(save(table, tmp_path / "again.fits"))


@pytest.fixture
def described():
    """Four columns, each with its own unit, UCD and description."""
    table = Table()
    for name, unit in zip("abcd", ("deg", "Jy", "arcsec", "mag"), strict=True):
        table[name] = Column(
            [1.0, 2.0],
            unit=unit,
            description=f"about {name}",
            meta={"ucd": f"meta.{name}", "utype": f"x:{name}"},
        )
    return table


def assert_described(table, names):
    """Each column has its own description, UCD, utype and unit."""
    expected = dict(zip("abcd", ("deg", "Jy", "arcsec", "mag"), strict=True))
    for now, was in names.items():
        found = table[now]
        assert (now, found.description, found.meta, found.unit) == (
            now,
            f"about {was}",
            {"ucd": f"meta.{was}", "utype": f"x:{was}"},
            u.Unit(expected[was]),
        )


COLUMNS = {
    "bool": np.array([True, False, True]),
    "bool vector": np.array([[True, False]] * 3),
    "uint8": np.array([0, 1, 255], "u1"),
    "uint16": np.array([0, 1, 65535], "u2"),
    "uint32": np.array([0, 1, 2**32 - 1], "u4"),
    "uint64": np.array([0, 2**63, 2**64 - 1], "u8"),
    "int16": np.array([-(2**15), 0, 2**15 - 1], "i2"),
    "int32": np.array([-(2**31), 999999, 2**31 - 1], "i4"),
    "int64": np.array([-(2**63), 0, 2**63 - 1], "i8"),
    "big endian": np.array([1, 2, 3], ">i4"),
    "float32": np.array([np.nan, np.inf, -0.0], "f4"),
    "float64": np.array([np.nan, 1e300, 5e-324]),
    "big endian float": np.array([1.5, np.nan, 3], ">f8"),
    "complex": np.array([1 + 2j, np.nan, 0]),
    "vector": np.arange(384, dtype="f4").reshape(3, 128),
    "matrix": np.arange(18, dtype="i4").reshape(3, 2, 3),
    "no elements": np.zeros((3, 0), "f4"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_numbers_come_back_with_type_and_shape(again, name):
    values = COLUMNS[name]
    back = again(Table({"id": [1, 2, 3], "x": values}))["x"]
    assert not isinstance(back, MaskedColumn)
    assert back.dtype.newbyteorder("=") == values.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize(
    "values",
    [["a", "", "abc"], ["", "", ""], ["Müller", "σ", "x"], [["a", "bcd"], ["", "x"], ["é", "y"]]],
)
def test_strings_come_back(again, values):
    assert again(Table({"x": np.array(values)}))["x"].tolist() == values


def test_strings_of_no_length_come_back(again):
    assert again(Table({"x": np.zeros(2, "S0"), "y": np.zeros(2, "U0")}))["x"].tolist() == ["", ""]


def test_int8_becomes_int16(again):
    back = again(Table({"x": np.array([-128, 127], "i1")}))["x"]
    assert (back.dtype.kind, back.tolist()) == ("i", [-128, 127])


def test_float16_becomes_float32(again):
    assert again(Table({"x": np.array([0.5, 2], "f2")}))["x"].tolist() == [0.5, 2]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_null_integers_come_back_and_awkward_numbers_stay(again, dtype):
    """astropy's own nulls (999999, 16959, 63) and 0 are numbers like any other."""
    numbers = [n for n in (0, 1, 63, 16959, 999999) if n <= np.iinfo(dtype).max]
    column = MaskedColumn([*numbers, 5], dtype=dtype, mask=[False] * len(numbers) + [True])
    assert again(Table({"x": column}))["x"].tolist() == [*numbers, None]


def test_null_elements_of_a_vector_come_back(again):
    column = MaskedColumn([[1, 2], [3, 4]], mask=[[False, True], [True, False]])
    assert again(Table({"x": column}))["x"].tolist() == [[1, None], [None, 4]]


@pytest.mark.parametrize("dtype", ["i2", "i4", "i8"])
def test_number_that_stands_for_null_is_refused_beside_nulls(again, dtype):
    least = np.iinfo(dtype).min
    with pytest.raises(OutputError, match=f"'x'.*{least}.*before writing"):
        again(Table({"x": MaskedColumn([least, 1], dtype=dtype, mask=[False, True])}))


def test_null_may_hide_the_number_that_stands_for_it(again):
    column = MaskedColumn([-(2**63), 1], mask=[True, False])
    assert again(Table({"x": column}))["x"].tolist() == [None, 1]


def test_uint64_beyond_int64_with_nulls_is_refused(again):
    with pytest.raises(OutputError, match="'x' is uint64 with nulls"):
        again(Table({"x": MaskedColumn([2**64 - 1, 1], dtype="u8", mask=[False, True])}))


def test_masked_bool_becomes_int16_and_says_so(tmp_path):
    path = tmp_path / "t.fits"
    save(Table({"x": MaskedColumn([True, False, True], mask=[False, False, True])}), path)
    assert read_fits(path)["x"].tolist() == [1, 0, None]
    assert "x: bool with nulls, stored as int16" in str(fits.getheader(path, 1)["COMMENT"])


def test_masked_floats_are_nan_and_masked_strings_empty(again):
    table = Table({"f": [1.0, 2.0], "s": ["a", "b"], "c": [1j, 2j]}, masked=True)
    for name in table.colnames:
        table[name].mask = [False, True]
    back = again(table)
    assert np.isnan(back["f"][1])
    assert np.isnan(back["c"][1])
    assert back["s"].tolist() == ["a", ""]


def test_null_logicals_of_other_programs_are_masked(tmp_path):
    path = save(Table({"x": [True, False, True]}), tmp_path / "t.fits")
    content = bytearray(path.read_bytes())
    content[content.index(b"TFT")] = 0
    path.write_bytes(content)
    assert read_fits(path)["x"].tolist() == [None, False, True]


def test_null_of_a_scaled_column_is_masked_before_scaling(tmp_path):
    column = fits.Column("x", "I", array=np.array([0, 1, 2]), null=1)
    hdu = fits.BinTableHDU.from_columns([column])
    hdu.header["TSCAL1"], hdu.header["TZERO1"] = 0.5, 10.0
    hdu.writeto(tmp_path / "t.fits")
    back = read_fits(tmp_path / "t.fits")["x"]
    assert back.tolist() == [10.0, None, 11.0]


def test_vectors_of_different_lengths_come_back(again):
    cells = np.empty(3, object)
    cells[:] = [np.arange(2.0), np.zeros(0), np.arange(3.0)]
    back = again(Table({"x": cells}))["x"]
    assert [cell.tolist() for cell in back] == [[0, 1], [], [0, 1, 2]]


def test_objects_that_are_strings_are_strings(again):
    assert again(Table({"x": np.array(["a", None, "bc"], object)}))["x"].tolist() == ["a", "", "bc"]


@pytest.mark.parametrize("value", [{}, [1, 2], 5])
def test_python_objects_are_refused_by_name(again, value):
    cells = np.empty(2, object)
    cells[:] = [value, "text"]
    with pytest.raises(OutputError, match=f"'x' holds Python objects .*{type(value).__name__}"):
        again(Table({"x": cells}))


def test_datetime64_becomes_iso_text(again):
    values = np.array(["2024-01-02T03:04:05", "NaT"], "M8[s]")
    assert again(Table({"x": values}))["x"].tolist() == ["2024-01-02T03:04:05", ""]


@pytest.mark.parametrize(
    "unit", ["deg", "erg / (s cm2 Angstrom)", "dex(solMass)", "nmgy", "1.5 Jy"]
)
def test_units_come_back(again, unit):
    back = again(Table({"x": Column([1.0], unit=u.Unit(unit))}))["x"]
    assert back.unit == u.Unit(unit)


def test_units_nobody_knows_come_back_as_text(again):
    unit = u.Unit("10**(-17) ergs/Ang", parse_strict="silent")
    assert again(Table({"x": Column([1.0], unit=unit)}))["x"].unit.to_string() == unit.to_string()


@pytest.mark.parametrize("text", ["short", LONG, "σ of é — 'quoted'", "two\nlines", "& ends &"])
def test_descriptions_come_back(again, text):
    assert again(Table({"x": Column([1.0], description=text)}))["x"].description == text


@pytest.mark.parametrize(
    "names",
    [["ra", "RA", "Ra"], ["a name", "a-name", "#"], ["é", "σ", "\\xe9"], ["x" * 100, "x" * 101]],
)
def test_names_come_back(again, names):
    table = Table({name: [float(i)] for i, name in enumerate(names)})
    back = again(table)
    assert back.colnames == names
    assert [back[name][0] for name in names] == list(range(len(names)))
    assert all(not column.meta for column in back.itercols())


META = {
    "EXTNAME": "MYTAB",
    "OBSERVER": "E. Hubble",
    "EXPTIME": 12.5,
    "NSTARS": 7,
    "GOOD": True,
    "EMPTY": None,
    "LONGTEXT": "0123456789" * 20,
    "TOOEXACT": 1.2345678901234567e-100,
    "ESO DET ID": 5,
    "TWICE": [1, 2],
    "comments": ["first", "second"],
    "HISTORY": ["was made"],
    "lower": "case",
    "nested": {"a": [1, None], "é": "é"},
    "UNICODE": "é",
    "SPACES": "end  ",
    "ONE": ["alone"],
    "NAXIS2": 99,
    "SIMPLE": "no",
}


def test_metadata_come_back(again):
    assert dict(again(Table({"x": [1.0]}, meta=META)).meta) == META


def test_metadata_are_cards_where_they_can_be(tmp_path):
    header = fits.getheader(save(Table({"x": [1.0]}, meta=META), tmp_path / "t.fits"), 1)
    assert header["OBSERVER"] == "E. Hubble"
    assert header["LONGTEXT"] == META["LONGTEXT"]
    assert header["NAXIS2"] == 1


def test_comments_of_cards_are_written(tmp_path):
    table = Table({"x": [1.0]}, meta={"ACWEIGHT": ("compact", "weights")})
    header = fits.getheader(save(table, tmp_path / "t.fits"), 1)
    assert (header["ACWEIGHT"], header.comments["ACWEIGHT"]) == ("compact", "weights")


def test_metadata_that_cannot_be_written_are_refused(again):
    with pytest.raises(OutputError, match=r"Metadata .* cannot be written"):
        again(Table({"x": [1.0]}, meta={"thing": object()}))


def test_writing_leaves_the_table_as_it_was(again, described):
    described.meta = {"a": {"b": 1}, "comments": ["x"]}
    described["é"] = [1, 2]
    before = described.copy()
    again(described)
    assert described.meta == before.meta
    assert [c.meta for c in described.itercols()] == [c.meta for c in before.itercols()]
    assert described.colnames == before.colnames


def test_numbered_cards_in_metadata_are_dropped(again, described):
    described.meta = {"TUCD1": "wrong", "TCOMM9": "wrong", "CHECKSUM": "stale", "KEEP": 1}
    back = again(described)
    assert back.meta == {"KEEP": 1}
    assert_described(back, {name: name for name in "abcd"})


def test_quantities_come_back_as_columns_with_units(again):
    back = again(QTable({"q": [1.0, 2.0] * u.Jy, "v": [[1.0, 2.0]] * 2 * u.m}))
    assert (back["q"].unit, back["v"].unit, back["v"].shape) == (u.Jy, u.m, (2, 2))


def test_sky_coordinates_come_back(again):
    where = SkyCoord([1.0, 2.0] * u.deg, [3.0, 4.0] * u.deg, frame="galactic")
    table = Table({"x": [1, 2], "pos é": where, "y": [3, 4]})
    back = again(table)
    assert back.colnames == table.colnames
    assert back["pos é"].frame.name == "galactic"
    assert back["pos é"].separation(where).max() < 1e-9 * u.arcsec


def test_times_come_back(again):
    back = again(Table({"t": Time([50000.25, 50001.5], format="mjd", scale="tdb")}))
    assert isinstance(back["t"], Time)
    assert back["t"].mjd.tolist() == [50000.25, 50001.5]


@pytest.mark.parametrize("display", ["%.3f", "{:>10.3f}", "%5i", "z"])
def test_no_display_format_stops_writing(again, display):
    assert again(Table({"x": Column([1.23456], format=display)}))["x"].data.tolist() == [1.23456]


def test_display_format_comes_back(again):
    assert again(Table({"x": Column([1.5], format="7.3f")}))["x"].format == "{:7.3f}"


def test_table_is_copied_only_once():
    table = Table({name: np.ones((20_000, 128), "f4") for name in "ab"})
    size = sum(column.nbytes for column in table.itercols())
    with open(os.devnull, "wb") as stream:
        tracemalloc.start()
        write_fits(table, stream)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1.3 * size


def test_null_times_come_back(again):
    times = Time([50000.25, 50001.5], format="mjd")
    times[1] = np.ma.masked
    assert again(Table({"t": times}))["t"].mask.tolist() == [False, True]


def test_no_rows_can_be_written(again):
    assert len(again(Table({"x": np.zeros((0, 3)), "s": np.zeros(0, "U3")}))) == 0


EDITS = {
    "removed": lambda t: t.remove_column("a"),
    "added in front": lambda t: t.add_column([1, 2], name="new", index=0),
    "replaced": lambda t: (t.remove_column("a"), t.add_column([1, 2], name="new", index=0)),
    "most removed": lambda t: t.keep_columns(["d"]),
    "renamed": lambda t: t.rename_column("a", "z"),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("reader", ["ours", "astropy"])
def test_ucds_stay_with_their_columns_through_edits(tmp_path, described, edit, reader):
    """Also when plain astropy reads and writes in between."""
    path = save(described, tmp_path / "t.fits")
    table = read_fits(path) if reader == "ours" else Table.read(path)
    EDITS[edit](table)
    if reader == "ours":
        save(table, path)
    else:
        table.write(path, overwrite=True)
    back = read_fits(path)
    names = {name: {"z": "a"}.get(name, name) for name in table.colnames if name != "new"}
    assert_described(back, names)
    if "new" in table.colnames:
        assert (back["new"].description, back["new"].meta) == (None, {})
    assert not [key for key in back.meta if key != "EXTNAME"]


def test_ucds_stay_when_astropys_description_of_columns_is_gone(tmp_path, described):
    """Only columns that say nothing are left, so astropy writes old numbers and no names."""
    described.add_column([1, 2], name="bare")
    path = save(described, tmp_path / "t.fits")
    table = Table.read(path)
    table.keep_columns(["bare"])
    table.write(path, overwrite=True)
    assert "TUCD1" in fits.getheader(path, 1)
    assert read_fits(path)["bare"].meta == {}


def test_columns_removed_by_a_program_that_keeps_comments(tmp_path, described):
    path = save(described, tmp_path / "t.fits")
    with fits.open(path) as hdus:
        header, data = hdus[1].header, hdus[1].data
        fewer = fits.BinTableHDU.from_columns([data.columns[i] for i in (1, 3)])
        fewer.header.extend(
            [c for c in header.cards if c.keyword[:5] in ("TCOMM", "TUCD1", "TUCD2", "TUCD3")]
            + [c for c in header.cards if c.keyword[:5] in ("TUCD4", "TUTYP", "ACNAM", "COMME")],
        )
        fewer.writeto(tmp_path / "fewer.fits")
    assert_described(read_fits(tmp_path / "fewer.fits"), {"b": "b", "d": "d"})


def test_cards_of_other_programs_are_read_by_number_and_kept(tmp_path):
    hdu = fits.BinTableHDU.from_columns([fits.Column("x", "D"), fits.Column("y", "D")])
    hdu.header["TUCD2"], hdu.header["TCOMM2"], hdu.header["TLMIN2"] = "src.redshift", "z", -1.5
    hdu.writeto(tmp_path / "t.fits")
    table = read_fits(tmp_path / "t.fits")
    del table["x"]
    header = fits.getheader(save(table, tmp_path / "u.fits"), 1)
    assert [header[key] for key in ("TUCD1", "TCOMM1", "TLMIN1")] == ["src.redshift", "z", -1.5]
    assert "TUCD2" not in header


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=80)
TEXTS = st.none() | st.text(max_size=150).filter(lambda text: text.strip())
UCDS = st.none() | st.sampled_from(["pos.eq.ra;meta.main", "src.redshift", "phys.mass", "meta.id"])
UNITS = st.sampled_from([None, "deg", "Jy", "dex(solMass)", "nmgy", "1e-17 erg / (s cm2)"])
VALUES = st.sampled_from(
    [
        *(v for v in COLUMNS.values() if v.size),
        np.array(["a", "", "é"]),
        np.array([b"ab", b"", b"c"]),
    ]
)


@st.composite
def tables(draw):
    """Tables of any columns, described in any way."""
    table = Table()
    for name in draw(st.lists(NAMES, min_size=1, max_size=6, unique=True)):
        ucd, values = draw(UCDS), draw(VALUES)
        meta = {} if ucd is None else {"ucd": ucd}
        table[name] = Column(values, unit=draw(UNITS), description=draw(TEXTS), meta=meta)
    return table


def facts(table):
    return {
        name: (column.unit, column.description, dict(column.meta), np.asarray(column).tolist())
        for name, column in table.columns.items()
    }


def decoded(table):
    """Strings as str, whatever the file made of them."""
    return {
        name: (*described, table[name].tolist()) for name, (*described, _) in facts(table).items()
    }


@QUIET
@given(table=tables(), data=st.data())
def test_any_table_comes_back_and_survives_edits(tmp_path, table, data):
    with np.errstate(all="ignore"):
        back = read_fits(save(table, tmp_path / "t.fits"))
        np.testing.assert_equal(decoded(back), decoded(table))
        order = data.draw(st.permutations(back.colnames))
        kept = order[: data.draw(st.integers(1, len(order)))]
        edited = back[kept]
        edited.add_column([0, 1, 2], name="new column", index=data.draw(st.integers(0, len(kept))))
        after = decoded(read_fits(save(edited, tmp_path / "t.fits")))
    assert after.pop("new column")[:3] == (None, None, {})
    np.testing.assert_equal(after, {name: decoded(table)[name] for name in after})
    assert set(after) == set(kept) - {"new column"}


@pytest.fixture
def whole(tmp_path):
    return save(Table({"x": np.arange(1000.0), "v": np.ones((1000, 8), "f4")}), tmp_path / "t.fits")


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("packed", [False, True])
def test_truncated_table_is_refused(whole, keep, packed):
    content = whole.read_bytes()
    content = content[: int(5760 + (1000 * 40) * keep)]
    whole.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(CatalogueError, match=r"truncated: its header claims 1000 rows .*40000"):
        read_fits(whole)


def test_enormous_claims_are_not_believed(whole):
    content = whole.read_bytes()
    claim = b"NAXIS2  =                 1000"
    whole.write_bytes(content.replace(claim, b"NAXIS2  =           9999999999"))
    with pytest.raises(CatalogueError, match="truncated"):
        read_fits(whole)


def test_rows_that_do_not_add_up_are_refused(whole):
    content = whole.read_bytes()
    whole.write_bytes(
        content.replace(b"NAXIS1  =                   40", b"NAXIS1  =                   39")
    )
    with pytest.raises(CatalogueError, match="damaged: its rows have 39 bytes"):
        read_fits(whole)


def test_image_is_not_a_table(tmp_path):
    fits.PrimaryHDU(np.ones((4, 4))).writeto(tmp_path / "image.fits")
    with pytest.raises(CatalogueError, match="holds no complete table, only PrimaryHDU"):
        read_fits(tmp_path / "image.fits")


def several(tmp_path, *tables, names=()):
    """A FITS file with an image and some tables."""
    hdus = [fits.BinTableHDU(Table(table)) for table in tables]
    for hdu, name in zip(hdus, names, strict=False):
        hdu.name = name
    path = tmp_path / "several.fits"
    fits.HDUList([fits.PrimaryHDU(np.ones((2, 2))), *hdus]).writeto(path)
    return path


HEADER = {"Field Header Card": ["SIMPLE  = T"]}
OBJECTS = {"NUMBER": [1, 2], "ALPHA_J2000": [1.5, 2.5], "DELTA_J2000": [3.5, 4.5]}
OTHERS = {
    "LDAC's header": HEADER,
    "an empty table": {"ra": np.zeros(0), "dec": np.zeros(0)},
    "another table": {"night": [20200101]},
    "pixel positions": {"x": [1.0, 2.0], "y": [3.0, 4.0]},
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("objects", [OBJECTS, {"TARGETID": [1, 2]}, {"ra": [1.0], "dec": [2.0]}])
def test_first_table_with_positions_is_read_without_a_word(tmp_path, other, objects):
    path = several(tmp_path, OTHERS[other], objects)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_fits(path).colnames == list(objects)


def test_first_of_several_tables_with_positions_is_read(tmp_path):
    first, second = {"ra": [1.0], "dec": [2.0]}, {"RA": [3.0], "DEC": [4.0]}
    assert read_fits(several(tmp_path, first, second))["ra"].tolist() == [1.0]


def test_table_with_positions_by_ucd_is_read(tmp_path):
    path = several(tmp_path, {"night": [1]}, {"lon": [1.0], "lat": [2.0]})
    with fits.open(path, mode="update") as hdus:
        hdus[2].header["TUCD1"], hdus[2].header["TUCD2"] = "pos.eq.ra", "pos.eq.dec"
    assert read_fits(path).colnames == ["lon", "lat"]


def test_table_with_a_column_of_skycoord_is_read(tmp_path):
    galactic = SkyCoord([1.0] * u.deg, [2.0] * u.deg, frame="galactic")
    save(Table({"where": galactic}), tmp_path / "one.fits")
    with fits.open(tmp_path / "one.fits") as one:
        hdus = [fits.PrimaryHDU(), fits.BinTableHDU(Table({"night": [1]})), one[1]]
        fits.HDUList(hdus).writeto(tmp_path / "two.fits")
    assert read_fits(tmp_path / "two.fits").colnames == ["where"]


@pytest.mark.parametrize(
    ("name", "column"),
    [("1", "night"), ("2", "RA"), ("3", "z"), ("EXTRA", "z"), ("extra", "z"), ("NIGHTS", "night")],
)
def test_named_table_is_read(tmp_path, name, column):
    tables = {"night": [1]}, {"RA": [1.0], "DEC": [2.0]}, {"z": [0.5]}
    path = several(tmp_path, *tables, names=["NIGHTS", "OBJECTS", "EXTRA"])
    assert read_fits(path, TableChoice(name)).colnames[0] == column


def test_columns_that_are_asked_for_choose_the_table(tmp_path):
    path = several(tmp_path, {"ra": [1.0], "dec": [2.0]}, {"lon": [3.0], "lat": [4.0]})
    assert read_fits(path, TableChoice(columns=("lon", "lat"))).colnames == ["lon", "lat"]
    assert read_fits(path, TableChoice(columns=("absent",))).colnames == ["ra", "dec"]


@pytest.mark.parametrize("wanted", [TableChoice(), TableChoice("5"), TableChoice("ABSENT")])
def test_tables_are_listed_where_none_is_the_wanted_one(tmp_path, wanted):
    path = several(tmp_path, {"night": [1]}, {"z": [0.5, 0.6]}, names=["NIGHTS", "Z"])
    with pytest.raises(CatalogueError, match=r"#1 'NIGHTS' \(1 rows\), #2 'Z' \(2 rows\)"):
        read_fits(path, wanted)


def test_only_table_is_read_whatever_its_columns(tmp_path):
    assert read_fits(several(tmp_path, HEADER, {"z": [0.5]}, names=["LDAC_IMHEAD"])).colnames == [
        "z"
    ]


def test_damage_behind_the_table_does_not_matter(tmp_path):
    path = several(tmp_path, {"ra": [1.0], "dec": [2.0]}, {"z": [0.5]})
    path.write_bytes(path.read_bytes()[:-3000])
    assert read_fits(path)["ra"].tolist() == [1.0]


def stilts(path, command):
    """Rows that STILTS makes of a file."""
    result = subprocess.run(
        [STILTS, "tpipe", f"in={path}", f"cmd={command}", "ofmt=csv"],
        capture_output=True,
        text=True,
        check=True,
        timeout=HANGS,
    )
    return list(csv.DictReader(io.StringIO(result.stdout)))


@pytest.fixture
def for_topcat(tmp_path):
    table = Table()
    table["ra"] = Column(
        [150.1, 150.2],
        unit="deg",
        description="Right ascension",
        meta={"ucd": "pos.eq.ra;meta.main"},
    )
    table["mass é"] = Column([10.5, 11.5], unit=u.Unit("dex(solMass)"), description=LONG)
    table["emb"] = Column(
        np.arange(256, dtype="f4").reshape(2, 128), description="vector", meta={"ucd": "stat.value"}
    )
    table["n"] = MaskedColumn([999999, 1], mask=[False, True], meta={"ucd": "meta.id"})
    table["b"] = MaskedColumn([True, True], mask=[True, False])
    table["s"] = MaskedColumn(["a", "b"], mask=[False, True])
    table["z"] = MaskedColumn([0.5, 0.7], mask=[False, True])
    table["pos"] = SkyCoord([1.0, 2.0] * u.deg, [3.0, 4.0] * u.deg)
    return save(table, tmp_path / "topcat.fits")


@needs_stilts
def test_stilts_sees_names_units_ucds_descriptions_and_shapes(for_topcat):
    found = stilts(for_topcat, "meta name ucd description shape units")
    rows = {row["Name"]: tuple(row.values())[1:] for row in found}
    assert rows == {
        "ra": ("pos.eq.ra;meta.main", "Right ascension", "", "deg"),
        "mass \\xe9": ("", LONG, "", "dex(solMass)"),
        "emb": ("stat.value", "vector", "(128)", ""),
        "n": ("meta.id", "", "", ""),
        "b": ("", "", "", ""),
        "s": ("", "", "", ""),
        "z": ("", "", "", ""),
        "pos.ra": ("", "", "", "deg"),
        "pos.dec": ("", "", "", "deg"),
    }


@needs_stilts
def test_stilts_sees_values_and_nulls(for_topcat):
    command = 'addcol dot "dotProduct(emb,emb)"; keepcols "n b s z pos.ra pos.dec dot"'
    first, second = stilts(for_topcat, command)
    assert first == {
        **{"n": "999999", "b": "", "s": "a", "z": "0.5", "pos.ra": "1.0", "pos.dec": "3.0"},
        "dot": str(float(sum(i * i for i in range(128)))),
    }
    assert [second[key] for key in ("n", "b", "s", "z")] == ["", "1", "", ""]


@needs_stilts
def test_ucds_stay_when_stilts_edits(for_topcat, tmp_path):
    edited = tmp_path / "edited.fits"
    command = "delcols ra; addcol -ucd meta.number number index"
    subprocess.run(
        [STILTS, "tpipe", f"in={for_topcat}", f"cmd={command}", f"out={edited}", "ofmt=fits-basic"],
        check=True,
        timeout=HANGS,
    )
    table = read_fits(edited)
    assert {n: c.meta.get("ucd") for n, c in table.columns.items() if c.meta.get("ucd")} == {
        **{"emb": "stat.value", "n": "meta.id", "number": "meta.number"}
    }
