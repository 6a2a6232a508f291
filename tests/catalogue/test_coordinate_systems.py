"""The coordinate systems of VOTables: found wherever columns refer to them, and written back."""

import astropy.io.fits as fits
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

from astroclip_astro.catalogue import read_catalogue, write_catalogue
from astroclip_astro.sky import describe_positions, find_targets

SYSTEM = '<COOSYS ID="sys" {}/>'
OTHER = '<COOSYS ID="other" system="ICRS"/>'
FK4 = 'system="eq_FK4" equinox="B1950"'
FIELDS = """<FIELD ID="a" name="ra" datatype="double" unit="deg" ucd="pos.eq.ra;meta.main" {0}/>
<FIELD ID="b" name="dec" datatype="double" unit="deg" ucd="pos.eq.dec;meta.main" {0}/>
<FIELD ID="c" name="t" datatype="double" ref="time"/>"""
GROUP = '<GROUP ref="sys"><FIELDref ref="a"/><FIELDref ref="b"/></GROUP>'


def votable(
    path, *, system=FK4, other=OTHER, fields="", inside="", definitions=False, version="1.3"
):
    """Write a VOTable of one row at 150, 2 degrees."""
    coosys = SYSTEM.format(system) + other
    above = f"<DEFINITIONS>{coosys}</DEFINITIONS>" if definitions else ""
    path.write_text(
        f"""<?xml version="1.0"?>
<VOTABLE version="{version}" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">{above}
<RESOURCE>{"" if definitions else coosys}<TABLE>{inside}{FIELDS.format(fields)}
<DATA><TABLEDATA><TR><TD>150</TD><TD>2</TD><TD>5</TD></TR></TABLEDATA></DATA>
</TABLE></RESOURCE></VOTABLE>"""
    )
    return read_catalogue(path)


def is_fk4(table):
    targets = find_targets(table)
    expected = SkyCoord(150, 2, unit="deg", frame="fk4", equinox="B1950").icrs
    return SkyCoord(targets.ra[0], targets.dec[0], unit="deg").separation(expected).arcsec < 1e-4


@pytest.mark.parametrize(
    "options",
    [
        {"fields": 'ref="sys"'},
        {"fields": 'ref="sys"', "definitions": True, "version": "1.1"},
        {"inside": GROUP},
        {"inside": f"<GROUP>{GROUP}</GROUP>"},
        {"other": ""},
        {"fields": 'ref="sys"', "system": 'system="FK4" equinox="B1950"', "version": "1.5"},
    ],
    ids=["field", "definitions", "group", "group in group", "only one", "vocabulary"],
)
def test_systems_are_found(tmp_path, options):
    table = votable(tmp_path / "t.vot", **options)
    assert is_fk4(table)
    assert "FK4 B1950 by their COOSYS, epoch taken as B1950" in describe_positions(table)


def test_gaia_s_epoch_is_icrs(tmp_path):
    table = votable(tmp_path / "t.vot", system='system="ICRS" epoch="J2016.0"', fields='ref="sys"')
    assert find_targets(table).ra[0] == 150
    assert describe_positions(table).startswith("RA/Dec from columns 'ra', 'dec' (ICRS degrees")


def test_other_references_are_no_systems(tmp_path):
    table = votable(tmp_path / "t.vot", fields='ref="sys"')
    assert "coosys" not in table["t"].meta


@pytest.mark.parametrize("suffix", ["vot", "fits", "ecsv", "parquet"])
def test_systems_come_back(tmp_path, suffix):
    table = votable(tmp_path / "t.vot", fields='ref="sys"')
    table["t"].meta["coosys"] = {"system": "ICRS"}  # another, so that references count
    write_catalogue(table, tmp_path / f"out.{suffix}")
    again = read_catalogue(tmp_path / f"out.{suffix}")
    assert again["ra"][0] == 150
    assert again["ra"].meta["coosys"] == {"system": "eq_FK4", "equinox": "B1950"}
    assert is_fk4(again)


def test_primary_header_says_the_frame_where_the_table_s_does_not(tmp_path):
    primary = fits.PrimaryHDU(header=fits.Header({"RADESYS": "FK4", "EQUINOX": 1950.0}))
    hdu = fits.table_to_hdu(Table({"ra": [150.0], "dec": [2.0]}))
    fits.HDUList([primary, hdu]).writeto(tmp_path / "t.fits")
    assert is_fk4(read_catalogue(tmp_path / "t.fits"))
    hdu.header["RADESYS"] = "ICRS"
    fits.HDUList([primary, hdu]).writeto(tmp_path / "u.fits")
    assert find_targets(read_catalogue(tmp_path / "u.fits")).ra[0] == 150
