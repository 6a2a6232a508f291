"""Positions in columns of hours, degrees, minutes and seconds."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from hypothesis import given, settings, strategies as st

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky import describe_positions, find_targets
from astroclip_astro.sky.split_columns import split_columns

RA, DEC = [359.9, 0.1, 150.0], [-5.25, -0.25, 41.5]
CDS = ("RAh", "RAm", "RAs", "DE-", "DEd", "DEm", "DEs")


def parts(names=CDS, ra=RA, dec=DEC, **more):
    """Positions in parts, under these names."""
    place = SkyCoord(ra, dec, unit="deg")
    h, m, s = place.ra.hms
    sign, d, dm, ds = place.dec.signed_dms
    signs = np.where(sign < 0, "-", "+")
    columns = dict(
        zip(names, (h.astype(int), m.astype(int), s, signs, d.astype(int), dm, ds), strict=True)
    )
    return Table(columns | more)


def same(table, **options):
    targets = find_targets(table, **options)
    there = SkyCoord(targets.ra, targets.dec, unit="deg")
    assert there.separation(SkyCoord(RA, DEC, unit="deg")).arcsec.max() < 1e-3


@pytest.mark.parametrize(
    "names",
    [
        CDS,
        ("RA_h", "RA_m", "RA_s", "DE_sign", "DE_d", "DE_m", "DE_s"),
        ("RAH", "RAM", "RAS", "DEC-", "DECD", "DECM", "DECS"),
        ("ra_hour", "ra_min", "ra_sec", "dec_sign", "dec_deg", "dec_min", "dec_sec"),
        ("RA2000h", "RA2000m", "RA2000s", "DE2000-", "DE2000d", "DE2000m", "DE2000s"),
    ],
)
def test_parts_are_joined(names):
    same(parts(names))
    assert f"'{names[-1]}' (ICRS degrees from hours" in describe_positions(parts(names))


def test_a_machine_readable_table_of_the_aas_is_found(tmp_path):
    # astropy writes the sign of -0 degrees as +
    table = Table({"Name": ["a", "b", "c"], "pos": SkyCoord(RA, [-5.25, -1.25, 41], unit="deg")})
    table.write(tmp_path / "t.mrt", format="ascii.mrt")
    read = Table.read(tmp_path / "t.mrt", format="ascii.mrt")
    assert {"RAh", "DEd"} < set(read.colnames)
    assert find_targets(read).ra.tolist() == pytest.approx(RA)
    assert find_targets(read).dec.tolist() == pytest.approx([-5.25, -1.25, 41])


def test_decimal_degrees_beside_parts_are_no_part():
    names = ("ra_h", "ra_m", "ra_s", "dec_sign", "dec_d", "dec_m", "dec_s")
    table = parts(names)
    table.add_columns([RA, DEC], names=["ra_deg", "dec_deg"], indexes=[0, 0])
    assert split_columns(table)[0].names == names
    assert describe_positions(table) == "RA/Dec from columns 'ra_deg', 'dec_deg' (ICRS degrees)"
    assert split_columns(Table({"RAh": [1.5], "RAm": [3], "DEd": [2.5], "DEm": [3]})) == []


def test_a_masked_sign_is_a_plus():
    table = parts(dec=[5.25, 0.25, 41.5])
    table["DE-"] = MaskedColumn(["-", "+", "-"], mask=True)
    assert find_targets(table).dec.tolist() == pytest.approx([5.25, 0.25, 41.5])


def test_without_seconds_minutes_have_decimals():
    table = Table({"RAh": [10], "RAm": [30.5], "DE-": ["-"], "DEd": [0], "DEm": [30.25]})
    targets = find_targets(table)
    assert targets.ra[0] == pytest.approx(157.625)
    assert targets.dec[0] == pytest.approx(-30.25 / 60)


@pytest.mark.parametrize(
    "degrees", [["-05", "-00", "41"], np.array([-5.0, -0.0, 41.0])], ids=["strings", "floats"]
)
def test_the_sign_may_stand_before_the_degrees(degrees):
    table = parts()
    del table["DE-"]
    table["DEd"] = degrees
    same(table)


def test_a_sign_that_is_lost_is_said():
    table = parts()
    table["DEd"] = [-5, 0, 41]
    del table["DE-"]
    with pytest.warns(UserWarning, match="'DEd' is 0 in 1 rows and no column holds the sign"):
        assert find_targets(table).dec[1] == pytest.approx(0.25)


def test_rows_with_missing_or_wrong_parts_have_no_position():
    table = parts(ra=[150.0] * 3, dec=[2.0] * 3)
    table["RAs"] = MaskedColumn([1.0, 2.0, 3.0], mask=[True, False, False])
    table["DEm"] = [1.0, 60.0, 59.0]
    assert find_targets(table).has_position.tolist() == [False, False, True]


def test_other_columns_of_positions_go_before_parts():
    table = parts(RAdeg=[1.0, 2, 3], DEdeg=[4.0, 5, 6])
    assert find_targets(table).ra.tolist() == [1, 2, 3]


def test_naming_two_parts_names_them_all():
    same(parts(ra_deg=[1.0, 2, 3], dec_deg=[4.0, 5, 6]), ra="RAh", dec="DEd")


def test_errors_and_half_a_set_are_no_positions():
    assert split_columns(Table(names=["e_RAh", "e_RAm", "e_DEd", "e_DEm"])) == []
    assert split_columns(Table(names=["RAh", "RAm", "RAs", "DEd"])) == []
    assert split_columns(Table(names=["RAh", "RAm", "RAs", "DEd", "DEm"])) == []


def test_two_sets_are_refused_and_the_advice_can_be_followed():
    table = parts()
    for name in CDS:
        table[name.replace("RA", "RA2000").replace("DE", "DE2000")] = table[name]
    with pytest.raises(CatalogueError, match=r"there 2 times.*--ra RAh --dec DEs"):
        find_targets(table)
    same(table, ra="RAh", dec="DEs")


@given(st.floats(0.001, 359.999), st.floats(-89.9, 89.9))
@settings(max_examples=50, deadline=None)
def test_every_position_comes_back(ra, dec):
    targets = find_targets(parts(ra=[ra], dec=[dec]))
    there = SkyCoord(targets.ra, targets.dec, unit="deg")
    assert there.separation(SkyCoord([ra], [dec], unit="deg")).arcsec[0] < 1e-3
