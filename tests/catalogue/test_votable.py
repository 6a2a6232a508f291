"""VOTable files that validators accept and that come back as they were."""

import shutil
import subprocess
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time
from waiting import HANGS

from astroclip_astro.catalogue.fits_table import write_fits
from astroclip_astro.catalogue.table_choice import TableChoice
from astroclip_astro.catalogue.votable import read_votable, write_votable
from astroclip_astro.errors import CatalogueError, OutputError

STILTS = shutil.which("stilts")


@pytest.fixture
def again(tmp_path):
    """Write a table and read it again."""

    def write_and_read(table):
        path = tmp_path / "again.vot"
        with path.open("wb") as stream:
            write_votable(table, stream)
        return read_votable(path)

    return write_and_read


@pytest.fixture
def varied():
    """One column of each kind, with nulls, and names that need identifiers of their own."""
    table = Table(
        meta={"name": "sample", "description": "a <table>", "HISTORY": ["&", "c"], "A": 1}
    )
    table["n"] = MaskedColumn([999999, 1, -5], mask=[False, True, False])
    table["short"] = MaskedColumn([0, 1, 2], dtype="i2", mask=[True, False, False])
    table["b"] = [True, False, True]
    table["mb"] = MaskedColumn([True, False, True], mask=[False, True, False])
    table["s"] = MaskedColumn(["a", "b", "long"], mask=[False, True, False])
    table["é"] = ["é", "", "σ"]
    table["a name"] = [1.0, np.nan, 3.0]
    table["a_name"] = MaskedColumn([1.0, 2.0, 3.0], mask=[False, True, False])
    table["ra"] = Column([1.0, 2.0, 3.0], unit="deg", meta={"ucd": "pos.eq.ra", "utype": "x:y"})
    table["RA"] = Column([1.0, 2.0, 3.0], unit=u.Unit("dex(solMass)"))
    table["emb"] = Column(
        np.arange(384, dtype="f4").reshape(3, 128), unit="Jy", description="a <vector> & more"
    )
    table["matrix"] = np.arange(18, dtype="i4").reshape(3, 2, 3)
    table["byte"] = np.array([0, 1, 255], "u1")
    table["u4"] = np.array([0, 1, 2**32 - 1], "u4")
    table["c"] = np.array([1j, 2, 3])
    return table


def test_values_and_nulls_come_back(again, varied):
    back = again(varied)
    assert back.colnames == varied.colnames
    for name in set(varied.colnames) - {"s", "a_name"}:
        np.testing.assert_equal(back[name].tolist(), varied[name].tolist(), err_msg=name)
    assert back["s"].tolist() == ["a", "", "long"]
    np.testing.assert_equal(back["a_name"].tolist(), [1.0, np.nan, 3.0])


def test_null_elements_of_a_vector_come_back(again):
    column = MaskedColumn([[1, 2], [3, 4]], mask=[[False, True], [True, True]])
    assert again(Table({"x": column}))["x"].tolist() == [[1, None], [None, None]]


def test_nan_is_a_value(again):
    assert not isinstance(again(Table({"x": [1.0, np.nan]}))["x"], MaskedColumn)


def test_descriptions_ucds_and_units_come_back(again, varied):
    back = again(varied)
    assert (back["ra"].unit, back["RA"].unit) == (u.deg, u.Unit("dex(solMass)"))
    assert {"ucd": "pos.eq.ra", "utype": "x:y"}.items() <= back["ra"].meta.items()
    assert back["emb"].description == "a <vector> & more"
    assert back.meta["description"] == "a <table>"


def test_columns_without_nulls_are_not_masked(again, varied):
    back = again(varied)
    masked = {name for name in back.colnames if isinstance(back[name], MaskedColumn)}
    assert masked == {"n", "short", "mb"}


def test_metadata_come_back_as_text(again):
    meta = {"ACWEIGHT": ("compact", "weights"), "N": 5, "comments": ["a", "b & c\x00"]}
    back = again(Table({"x": [1.0]}, meta=meta))
    assert back.meta == {"ACWEIGHT": "compact", "N": "5", "comments": ["a", "b & c "]}


def test_long_descriptions_come_back_in_one_line(again):
    words = " ".join(["weighted by the ratio of their errors"] * 5)
    assert again(Table({"x": Column([1.0], description=words)}))["x"].description == words


def test_descriptions_may_hold_what_xml_forbids(again):
    assert again(Table({"x": Column([1.0], description="a\x00b<")}))["x"].description == "a b<"


def test_mixins_are_written_as_numbers_and_text(again):
    where = SkyCoord([1.0] * u.deg, [2.0] * u.deg)
    back = again(Table({"pos": where, "t": Time(["2024-01-02T03:04:05"])}))
    assert back.colnames == ["pos.ra", "pos.dec", "t"]
    assert back["t"][0].startswith("2024-01-02T03:04:05")


def test_vectors_of_different_lengths_come_back(again):
    cells = np.empty(2, object)
    cells[:] = [np.arange(2.0), np.arange(3.0)]
    assert [list(cell) for cell in again(Table({"x": cells}))["x"]] == [[0, 1], [0, 1, 2]]


def test_uint64_beyond_int64_becomes_text(again):
    assert again(Table({"x": np.array([2**64 - 1], "u8")}))["x"].tolist() == [str(2**64 - 1)]


@pytest.mark.parametrize("values", [np.zeros((2, 0)), np.array([["a", "b"]] * 2)])
def test_what_votable_cannot_hold_is_refused(again, values):
    with pytest.raises(OutputError, match=r"'x' holds .*write FITS"):
        again(Table({"x": values}))


def test_declared_rows_must_be_there(tmp_path):
    path = tmp_path / "t.vot"
    table = Table({"x": [1.0, 2.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table.write(path, format="votable")
    path.write_text(path.read_text().replace("<TABLE>", '<TABLE nrows="3">'))
    with pytest.raises(CatalogueError, match="claims 3 rows and has 2"):
        read_votable(path)


def test_declared_rows_must_be_there_in_binary(tmp_path):
    path = tmp_path / "t.vot"
    with path.open("wb") as stream:
        write_votable(Table({"x": [1.0, 2.0]}), stream)
    path.write_text(path.read_text().replace('nrows="2"', 'nrows="3"'))
    with pytest.raises(CatalogueError, match="claims 3 rows and has 2"):
        read_votable(path)


def test_votable_without_table_is_refused(tmp_path):
    path = tmp_path / "t.vot"
    path.write_text('<?xml version="1.0"?><VOTABLE version="1.4"><RESOURCE/></VOTABLE>')
    with pytest.raises(CatalogueError, match="without a table"):
        read_votable(path)


@pytest.mark.skipif(STILTS is None, reason="stilts is not installed")
def test_validator_finds_nothing(varied, tmp_path):
    path = tmp_path / "t.vot"
    with path.open("wb") as stream:
        write_votable(varied, stream)
    result = subprocess.run(
        [STILTS, "votlint", str(path)], capture_output=True, text=True, timeout=HANGS, check=True
    )
    assert (result.stdout, result.stderr) == ("", "")


@pytest.mark.skipif(STILTS is None, reason="stilts is not installed")
def test_stilts_sees_nulls(varied, tmp_path):
    path = tmp_path / "t.vot"
    with path.open("wb") as stream:
        write_votable(varied, stream)
    command = "keepcols 'n short mb a_name'"
    result = subprocess.run(
        [STILTS, "tpipe", f"in={path}", f"cmd={command}", "ofmt=csv"],
        **{"capture_output": True, "text": True, "timeout": HANGS, "check": True},
    )
    assert result.stdout.split() == [
        "n,short,mb,a_name",
        "999999,,true,1.0",
        ",1,,",
        "-5,2,true,3.0",
    ]


def foreign(tmp_path, unit, version="1.4"):
    """A VOTable of another program with one column of a unit."""
    path = tmp_path / "foreign.vot"
    path.write_text(
        f'<VOTABLE version="{version}"><RESOURCE><TABLE>'
        f'<FIELD name="x" datatype="double" unit="{unit}"/>'
        "<DATA><TABLEDATA><TR><TD>1.5</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    return path


@pytest.mark.parametrize("version", ["1.1", "1.3", "1.4"])
@pytest.mark.parametrize(
    "unit",
    [
        *(
            "degrees",
            "Angstroms",
            "counts",
            "magnitudes",
            "days",
            "pixels",
            "unknown",
            "nanomaggies",
        ),
        *("mas/yr", "mas.yr-1", "km s-1", "10**-17erg", "10-17erg/s/cm2", "erg/s/cm^2/Angstrom"),
        *(
            "Msun",
            "M_sun",
            "---",
            "%",
            "log(solMass)",
            "[solMass]",
            "&quot;h:m:s&quot;",
            "e",
            "hour",
        ),
    ],
)
def test_units_are_written_as_they_were_read(tmp_path, again, unit, version):
    table = read_votable(foreign(tmp_path, unit, version))
    with (tmp_path / "out.vot").open("wb") as stream:
        write_votable(table, stream)
    assert f'unit="{unit}"' in (tmp_path / "out.vot").read_text()
    assert again(table)["x"].unit == table["x"].unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        *[("mas/yr", "mas / yr"), ("10-17erg/s/cm2", "1e-17 erg / (s cm2)"), ("Msun", "solMass")],
        *[("km s-1", "km / s"), ("erg/s/cm^2/Angstrom", "erg / (Angstrom s cm2)")],
    ],
)
def test_units_are_understood(tmp_path, text, unit):
    assert read_votable(foreign(tmp_path, text))["x"].unit == u.Unit(unit)


def test_unit_that_was_changed_is_written(tmp_path, again):
    table = read_votable(foreign(tmp_path, "mas.yr-1"))
    table["x"].unit = "arcsec / yr"
    assert again(table)["x"].unit == u.Unit("arcsec / yr")


def test_units_of_votable_come_back_from_fits(tmp_path):
    table = read_votable(foreign(tmp_path, "mas.yr-1"))
    with (tmp_path / "t.fits").open("wb") as stream:
        write_fits(table, stream)
    assert fits.getheader(tmp_path / "t.fits", 1)["TUNIT1"] == "mas.yr-1"


def test_bounded_text_is_read_whole(tmp_path):
    """Services claim more letters than there are; some texts are longer than claimed."""
    path = tmp_path / "t.vot"
    path.write_text(
        '<VOTABLE version="1.4"><RESOURCE><TABLE>'
        '<FIELD name="x" datatype="char" arraysize="4000*"/>'
        '<FIELD name="y" datatype="char" arraysize="2"/><DATA><TABLEDATA>'
        "<TR><TD>ab</TD><TD>long</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    table = read_votable(path)
    assert (table["x"].tolist(), table["x"].dtype.str, table["y"].tolist()) == (
        *(["ab"], "<U2", ["long"]),
    )


TWO = (
    '<VOTABLE version="1.4"><RESOURCE><TABLE name="notes"><FIELD name="a" datatype="int"/><DATA>'
    "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE><RESOURCE>"
    '<TABLE ID="objects"><FIELD name="ra" datatype="double"/><FIELD name="dec" datatype="double"/>'
    "<DATA><TABLEDATA><TR><TD>1</TD><TD>2</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (None, ["ra", "dec"]),
        ("1", ["a"]),
        ("notes", ["a"]),
        ("2", ["ra", "dec"]),
        ("objects", None),
    ],
)
def test_table_with_positions_or_the_named_one_is_read(tmp_path, name, columns):
    (tmp_path / "t.vot").write_text(TWO)
    found = read_votable(tmp_path / "t.vot", TableChoice(name)).colnames
    assert found == (columns or ["ra", "dec"])


def test_tables_are_listed_where_none_is_the_named_one(tmp_path):
    (tmp_path / "t.vot").write_text(TWO)
    with pytest.raises(CatalogueError, match=r"#1 'notes' \(1 rows\), #2 'objects' \(1 rows\)"):
        read_votable(tmp_path / "t.vot", TableChoice("3"))
