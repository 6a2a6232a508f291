"""What a VOTable says beside its columns comes back."""

import shutil
import subprocess

import pytest
from astropy.io import fits
from astropy.table import Table
from waiting import HANGS

from astroclip_astro.catalogue import read_catalogue, write_catalogue
from astroclip_astro.errors import CatalogueError

STILTS = shutil.which("stilts")
needs_stilts = pytest.mark.skipif(STILTS is None, reason="stilts is not installed")
COLUMNS = (
    '<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra"/>'
    '<FIELD name="dec" datatype="double"/>'
)
ROWS = "<DATA><TABLEDATA><TR><TD>1.5</TD><TD>2.5</TD></TR></TABLEDATA></DATA>"
DESCRIBED = (
    '<VOTABLE version="1.4"><DESCRIPTION>of the file</DESCRIPTION>'
    '<INFO name="SERVER" value="here"/>'
    '<RESOURCE type="results"><DESCRIPTION>of the\n  resource</DESCRIPTION>'
    '<INFO name="QUERY_STATUS" value="OVERFLOW">Only 1 row of many.</INFO>'
    '<INFO name="QUERY" value="SELECT ra &lt; 5"/>'
    '<PARAM name="epoch" datatype="double" unit="yr" ucd="time.epoch" value="2015.50">'
    "<DESCRIPTION>of the positions</DESCRIPTION></PARAM>"
    '<TABLE name="objects" ID="t1" ucd="x.y" utype="a:b"><DESCRIPTION>of the table</DESCRIPTION>'
    '<PARAM name="band" datatype="char" arraysize="*" value="r"/>'
    '<PARAM name="limits" datatype="int" arraysize="3" value="1 2 3"/>'
    '<PARAM name="good" datatype="boolean" value="T"/>'
    '<PARAM name="band" datatype="char" arraysize="2" value="g"/>'
    '<PARAM name="lines" datatype="char" arraysize="5x2" value="first2nd  "/>'
    f'{COLUMNS}{ROWS}<INFO name="author" value="EH"/></TABLE></RESOURCE></VOTABLE>'
)
SHOWN = {
    **{"SERVER": "here", "QUERY": "SELECT ra < 5", "QUERY_STATUS": "OVERFLOW", "author": "EH"},
    **{"epoch": 2015.5, "band": "r", "limits": [1, 2, 3], "good": True},
    **{"lines": ["first", "2nd"], "name": "objects", "description": "of the table"},
    **{"resource_description": "of the resource", "votable_description": "of the file"},
}
WRITTEN = [
    '<PARAM datatype="double" name="epoch" ucd="time.epoch" unit="yr" value="2015.50">',
    "<DESCRIPTION>of the positions</DESCRIPTION>",
    '<PARAM arraysize="*" datatype="char" name="band" value="r"/>',
    '<PARAM arraysize="2" datatype="char" name="band" value="g"/>',
    '<PARAM arraysize="3" datatype="int" name="limits" value="1 2 3"/>',
    '<PARAM arraysize="5x2" datatype="char" name="lines" value="first2nd  "/>',
    '<INFO name="QUERY_STATUS" value="OVERFLOW">Only 1 row of many.</INFO>',
    'name="SERVER" value="here"',
    'name="author" value="EH"',
    'ucd="x.y" utype="a:b"',
]


@pytest.fixture
def described(tmp_path):
    (tmp_path / "in.vot").write_text(DESCRIBED)
    return read_catalogue(tmp_path / "in.vot")


def test_params_infos_and_descriptions_are_read(described):
    assert {key: described.meta.get(key) for key in SHOWN} == SHOWN


@pytest.mark.parametrize("between", [None, "t.fits", "t.ecsv", "t.parquet", "t.vot"])
def test_params_infos_and_descriptions_come_back(tmp_path, described, between):
    if between is not None:
        write_catalogue(described, tmp_path / between)
        described = read_catalogue(tmp_path / between)
    write_catalogue(described, tmp_path / "out.vot")
    text = (tmp_path / "out.vot").read_text()
    assert [line for line in WRITTEN if line not in text] == []
    assert {key: read_catalogue(tmp_path / "out.vot").meta.get(key) for key in SHOWN} == SHOWN


@pytest.mark.skipif(STILTS is None, reason="stilts is not installed")
def test_validator_finds_nothing(tmp_path, described):
    write_catalogue(described, tmp_path / "out.vot")
    result = subprocess.run(
        [STILTS, "votlint", str(tmp_path / "out.vot")],
        **{"capture_output": True, "text": True, "timeout": HANGS, "check": True},
    )
    # The file that was read has two parameters of one name.
    assert [line for line in result.stdout.splitlines() if "band" not in line] == []


def test_params_are_cards_of_fits(tmp_path, described):
    described.meta["EPOCH"] = described.meta["epoch"]
    write_catalogue(described, tmp_path / "t.fits")
    header = fits.getheader(tmp_path / "t.fits", 1)
    assert (header["EPOCH"], header["SERVER"], header["QUERY"]) == (2015.5, "here", "SELECT ra < 5")


def test_value_that_was_changed_is_written(tmp_path, described):
    described.meta["epoch"] = 2016.0
    write_catalogue(described, tmp_path / "out.vot")
    text = (tmp_path / "out.vot").read_text()
    assert 'name="epoch" value="2016.0"' in text
    assert "2015.50" not in text


def test_elements_that_are_no_elements_are_left(tmp_path):
    meta = {"votable_elements": [{"element": "TABLE"}, 5, {"name": "x"}, {"element": "INFO"}]}
    write_catalogue(Table({"x": [1.0]}, meta=meta), tmp_path / "t.vot")
    assert read_catalogue(tmp_path / "t.vot")["x"][0] == 1


def test_links_limits_width_and_precision_come_back(tmp_path):
    field = (
        '<FIELD name="mag" datatype="double" width="8" precision="3">'
        '<VALUES><MIN value="10.5"/><MAX value="20.5" inclusive="no"/></VALUES>'
        '<LINK content-role="doc" href="http://example.org/mag"/></FIELD>'
    )
    text = DESCRIBED.replace(COLUMNS, COLUMNS + field).replace("</TR>", "<TD>15.25</TD></TR>")
    (tmp_path / "in.vot").write_text(text)
    write_catalogue(read_catalogue(tmp_path / "in.vot"), tmp_path / "t.fits")
    write_catalogue(read_catalogue(tmp_path / "t.fits"), tmp_path / "out.vot")
    first, last = (read_catalogue(tmp_path / name)["mag"].meta for name in ("in.vot", "out.vot"))
    assert first["values"]["max"] == {"value": 20.5, "inclusive": False}
    assert [last[key] for key in ("values", "links", "width")] == [
        first[key] for key in ("values", "links", "width")
    ]


def stilts_votable(tmp_path, form, meta):
    table = Table(
        {"ra": [1.5, 2.5], "dec": [3.0, 4.0], "s": [["a", "bcd"], ["x", "yz"]]}, meta=meta
    )
    write_catalogue(table, tmp_path / "in.fits")
    command = ["tpipe", f"in={tmp_path}/in.fits", f"out={tmp_path}/out.vot", f"ofmt={form}"]
    subprocess.run([STILTS, *command], check=True, timeout=HANGS)
    return tmp_path / "out.vot"


@needs_stilts
@pytest.mark.parametrize(
    "form", ["votable-tabledata", "votable-binary-inline", "votable-binary2-inline"]
)
def test_votable_that_stilts_makes_of_fits_is_read(tmp_path, form):
    """It keeps COMMENT cards as a text of two dimensions."""
    lines = ["first line", "x" * 70]
    path = stilts_votable(tmp_path, form, {"comments": lines, "OBSERVER": "EH", "lower": {"a": 1}})
    assert 'arraysize="70x' in path.read_text()
    table = read_catalogue(path)
    assert table["s"].tolist() == [["a", "bcd"], ["x", "yz"]]
    assert table.meta["COMMENT"][:2] == lines
    assert table.meta["OBSERVER"] == "EH"
    del table["s"]
    write_catalogue(table, tmp_path / "again.vot")
    assert read_catalogue(tmp_path / "again.vot").meta["COMMENT"] == table.meta["COMMENT"]


WORDS = "Table 'gaia.sauce' not found: did you mean 'gaia_source'?"
ERRORS = {
    "TAP": '<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">'
    f"{WORDS}</INFO></RESOURCE>",
    "with a table": '<RESOURCE><INFO name="QUERY_STATUS" value="ERROR">'
    f"{WORDS}</INFO><TABLE>{COLUMNS}</TABLE></RESOURCE>",
    "behind rows": f"<RESOURCE><TABLE>{COLUMNS}{ROWS}</TABLE>"
    f'<INFO name="QUERY_STATUS" value="error">{WORDS}</INFO></RESOURCE>',
    "of the file": f'<INFO name="QUERY_STATUS" value="ERROR">{WORDS}</INFO><RESOURCE/>',
    "cone search": f'<INFO ID="Error" name="Error" value="{WORDS}"/>',
    "cone search in a resource": '<RESOURCE><PARAM name="Error" datatype="char" arraysize="*" '
    f'value="{WORDS}"/></RESOURCE>',
    "description": '<RESOURCE><PARAM ID="Error" name="x" datatype="char" arraysize="*" value="">'
    f"<DESCRIPTION>{WORDS}</DESCRIPTION></PARAM></RESOURCE>",
}


@pytest.mark.parametrize("kind", ERRORS)
def test_error_of_a_service_is_told_in_its_words(tmp_path, kind):
    (tmp_path / "t.vot").write_text(f'<VOTABLE version="1.4">{ERRORS[kind]}</VOTABLE>')
    with pytest.raises(CatalogueError, match="report of an error") as caught:
        read_catalogue(tmp_path / "t.vot")
    assert WORDS in str(caught.value)


def test_parameter_called_error_is_no_error(tmp_path):
    param = '<PARAM name="error" datatype="double" value="0.1"/>'
    text = DESCRIBED.replace("<RESOURCE", f"{param}<RESOURCE")
    (tmp_path / "t.vot").write_text(text)
    assert read_catalogue(tmp_path / "t.vot").meta["error"] == 0.1


CUT = {
    "in the data": (DESCRIBED[:-80], "truncated or damaged"),
    "a wrong number": (
        DESCRIBED.replace('"double"/>', '"int"/>').replace("2.5</TD>", "two</TD>"),
        "literal for int.*; correct that",
    ),
    "a cell too few": (DESCRIBED.replace("<TD>2.5</TD>", ""), "fewer columns.*; correct that"),
    "an unknown type": (DESCRIBED.replace("double", "real", 3), "'real'.*; correct that"),
}


@pytest.mark.parametrize("kind", CUT)
def test_real_cause_is_told(tmp_path, kind):
    text, words = CUT[kind]
    (tmp_path / "t.vot").write_text(text)
    with pytest.raises(CatalogueError, match=words) as caught:
        read_catalogue(tmp_path / "t.vot")
    assert ("damaged" in str(caught.value)) == ("damaged" in words)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"])
def test_empty_integer_is_null_in_every_version(tmp_path, version):
    text = DESCRIBED.replace('"double"/>', '"int"/>').replace("<TD>2.5</TD>", "<TD/>")
    (tmp_path / "t.vot").write_text(text.replace('version="1.4"', f'version="{version}"'))
    assert read_catalogue(tmp_path / "t.vot")["dec"].tolist() == [None]
