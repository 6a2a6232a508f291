"""Units are understood where astropy knows all of them, and spelt as they were."""

import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Column, Table

from astroclip_astro.catalogue.fits_table import read_fits, write_fits
from astroclip_astro.catalogue.units import set_unit, spelt, understand_unit, unit_text


@pytest.mark.parametrize(
    "text",
    [
        *("degrees", "Angstroms", "10**-17erg", "10-17erg/s/cm2", "mas/yr", "mas.yr-1", "counts"),
        *("nanomaggies", "1e-17 erg/s/cm^2/Ang", "log(Msun)", "unknown", "UNITLESS", "%", "---"),
        *("hour angle", "e-/s", "magnitudes", "mag(AB)", "[cm/s2]", "1/nmgy^2", "sexagesimal"),
        *("erg s-1 cm-2", "10**(-17) ergs/Ang", "Jy/beam", "0.1nm", "d", "(km/s)/Mpc", "deg**-2"),
    ],
)
def test_units_of_fits_come_back_as_they_were_spelt(tmp_path, text):
    hdu = fits.BinTableHDU(Table({"x": [1.0]}))
    hdu.header["TUNIT1"] = text
    hdu.writeto(tmp_path / "in.fits")
    table = read_fits(tmp_path / "in.fits")
    with (tmp_path / "out.fits").open("wb") as stream:
        write_fits(table, stream)
    assert fits.getheader(tmp_path / "out.fits", 1)["TUNIT1"] == text
    assert read_fits(tmp_path / "out.fits")["x"].unit == table["x"].unit


def test_metadata_of_a_column_have_nothing_of_it_in_the_file(tmp_path):
    table = Table({"x": Column([1.0])})
    set_unit(table["x"], "mas.yr-1", "cds", written="vounit")
    with (tmp_path / "t.fits").open("wb") as stream:
        write_fits(table, stream)
    assert "COMMENT" not in fits.getheader(tmp_path / "t.fits", 1)
    assert unit_text(table["x"]) == "mas.yr-1"  # the table is not changed


def test_text_of_another_unit_is_not_written():
    column = Column([1.0])
    set_unit(column, "mas.yr-1", "cds", written="fits")
    column.unit = "deg"
    assert unit_text(column) is None


@pytest.mark.parametrize("spelling", ["cds", "fits", "generic"])
@pytest.mark.parametrize(
    "text", ["degrees", "Angstroms", "unknown", "(", "10**", "'h:m:s'", "\\x00"]
)
def test_what_is_no_unit_is_text(text, spelling):
    unit = understand_unit(text, spelling)
    assert (type(unit), unit.to_string()) == (u.UnrecognizedUnit, text)


@pytest.mark.parametrize(
    ("unit", "spelling", "text"),
    [
        *[("erg / (s cm2)", "fits", "erg s-1 cm-2"), ("dex(solMass)", "fits", "dex(solMass)")],
        *[("deg", "vounit", "deg"), ("dex(solMass)", "vounit", "dex(solMass)")],
    ],
)
def test_units_are_spelt_as_the_format_has_them(unit, spelling, text):
    assert spelt(u.Unit(unit), spelling) == text
