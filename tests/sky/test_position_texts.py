"""Positions in one string."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from hypothesis import given, settings, strategies as st

from astroclip_astro.errors import AssumedUnitWarning, CatalogueError
from astroclip_astro.sky import describe_positions, find_targets
from astroclip_astro.sky.position_texts import position_text_columns, read_position_text

RA, DEC = 188.73625, -1.0341666666666667  # 12 34 56.7 -01 02 03


@pytest.mark.parametrize(
    "text",
    [
        "12 34 56.7 -01 02 03",
        "12:34:56.7 -01:02:03",
        "12:34:56.7-01:02:03",
        "12:34:56.7, -01:02:03",
        "12h34m56.7s -01d02m03s",
        "12h34m56.7s-01d02m03s",
        "12h 34m 56.7s, −1° 2' 3\"",
        "12 34 56.7  - 01 02 03",
        "(188.73625, -1.0341666666666667)",
        "188.73625 -1.0341666666666667",
        "188.73625-1.0341666666666667",
        "J123456.7-010203",
        "SDSS J123456.70-010203.0",
        "2MASS J12345670-0102030",
        "WISEA J123456.7-010203a",
        "DESI J188.73625-01.03416667",
    ],
)
def test_positions_are_read(text):
    ra, dec = read_position_text(text)
    assert ra == pytest.approx(RA, abs=1e-7)
    assert dec == pytest.approx(DEC, abs=1e-7)


def test_two_fields_and_no_sign_are_read():
    assert read_position_text("12 34.5 01 02") == pytest.approx((188.625, 1 + 2 / 60))
    assert read_position_text("12 34 56.7 01 02 03") == pytest.approx((RA, -DEC))


@pytest.mark.parametrize(
    "text",
    ["", "NGC 4151", "J1234-0102", "B123456.7-010203", "10-20", "0.12-0.03", "2001-02-03", "1 2 3"],
)
def test_other_texts_are_no_positions(text):
    assert np.isnan(read_position_text(text)).all()


@pytest.mark.parametrize(
    "name", ["coords", "Coordinates", "pos", "RA_DEC", "RA, Dec", "radec", "x"]
)
def test_a_column_of_both_is_found(name):
    table = Table({"id": ["G1", "G2"], name: ["12 34 56.7 -01 02 03", "--"]})
    targets = find_targets(table)
    assert targets.ra[0] == pytest.approx(RA)
    assert targets.has_position.tolist() == [True, False]
    assert describe_positions(table) == (f"RA/Dec from column {name!r} (ICRS degrees from strings)")


def test_names_that_are_cut_off_are_said():
    table = Table({"name": ["SDSS J123456.7-010203", "SDSS J123456.7+010203"]})
    with pytest.warns(AssumedUnitWarning, match=r"cut off to the digits shown.*--match-radius"):
        assert find_targets(table).dec.tolist() == pytest.approx([DEC, -DEC])


def test_pairs_go_before_strings_and_strings_can_be_named():
    table = Table({"coords": ["12 34 56.7 -01 02 03"], "ra": [99.0], "dec": [2.0]})
    assert find_targets(table).ra[0] == 99
    assert find_targets(table, ra="coords").ra[0] == pytest.approx(RA)


def test_the_column_whose_name_says_so_is_taken_of_several():
    table = Table({"name": ["J123456.7-010203"], "position": ["12 34 56.74 -01 02 03.3"]})
    assert position_text_columns(table) == ["position"]


def test_several_are_refused_and_the_advice_can_be_followed():
    table = Table({"pos1": ["12 34 56.7 -01 02 03"], "pos2": ["12 34 56.8 -01 02 03"]})
    with pytest.raises(CatalogueError, match=r"\['pos1', 'pos2'\], expected one; pass --ra NAME"):
        find_targets(table)
    assert find_targets(table, ra="pos1").ra[0] == pytest.approx(RA)


@pytest.mark.parametrize("cells", [["10-20", "20-30"], ["1.5 2.5"], ["a", "12 34 56.7 -01 02 03"]])
def test_columns_of_other_strings_are_not_guessed(cells):
    with pytest.raises(CatalogueError, match="No RA column"):
        find_targets(Table({"x": cells}))


def test_named_columns_without_positions_are_refused():
    with pytest.raises(CatalogueError, match=r"'x' holds 'M 31', expected RA and Dec in one stri"):
        find_targets(Table({"x": ["", "M 31"]}), ra="x")


def test_the_user_s_frame_counts_for_strings():
    table = Table({"coords": ["12 34 56.7 -01 02 03"]})
    expected = SkyCoord(RA, DEC, unit="deg", frame="fk4").icrs
    assert find_targets(table, frame="fk4").ra[0] == pytest.approx(expected.ra.deg)


@given(st.floats(0, 359.99), st.floats(-89.99, 89.99))
@settings(max_examples=50, deadline=None)
def test_strings_of_astropy_come_back(ra, dec):
    place = SkyCoord(ra, dec, unit="deg")
    for style in ({"style": "hmsdms"}, {"style": "hmsdms", "sep": ":"}, {"style": "decimal"}):
        found = read_position_text(place.to_string(precision=6, **style))
        assert found == pytest.approx((ra, dec), abs=1e-6)


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_numbers_or_none(text):
    assert len(read_position_text(text)) == 2
