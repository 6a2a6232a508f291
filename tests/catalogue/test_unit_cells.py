"""Cells that hold units, and those that do not."""

import astropy.units as u
import pytest

from astroclip_astro.catalogue.unit_cells import begin_with_units, unit_of


@pytest.mark.parametrize(
    ("cell", "unit"),
    [("deg", u.deg), ("[mag]", u.mag), ("$\\mathrm{km}$", u.km), ("--", None), ("", None)],
)
def test_unit(cell, unit):
    assert unit_of(cell) == unit


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ([["deg", "1.5"], ["mag", "2"]], True),
        ([["deg", "1.5"], ["N/A", "2"]], True),
        ([["N/A", "1.5"], ["", "2"]], False),  # newtons a second to a user of astropy alone
        ([["deg", "M 31"]], False),
        ([["M 31", "1.5"], ["deg", "2"]], False),
    ],
)
def test_row_of_units(columns, found):
    assert begin_with_units(columns) is found
