r"""LaTeX tables: a row of units is no galaxy."""

import io

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.catalogue.latex import is_latex, read_latex
from astroclip_astro.sky import find_targets

FORMATS = ["ascii.latex", "ascii.aastex"]


@pytest.fixture
def table():
    made = Table({"name": ["M 31", "M 33"], "ra": [10.68, 23.46], "dec": [41.27, -30.66]})
    made["ra"].unit, made["dec"].unit = "deg", "deg"
    made["mag"] = [3.44, 5.72] * u.mag
    made["count"] = [1, 2]
    return made


def latex(table, form):
    text = io.StringIO()
    table.write(text, format=form)
    return text.getvalue()


def rows(*lines):
    return "\\begin{tabular}{cc}\n" + " \\\\\n".join(lines) + " \\\\\n\\end{tabular}\n"


@pytest.mark.parametrize("form", FORMATS)
def test_what_astropy_writes_comes_back_with_units(table, form):
    again = read_latex(latex(table, form))
    assert again.colnames == table.colnames
    for name in table.colnames:
        assert again[name].tolist() == table[name].tolist()
        assert again[name].unit == table[name].unit
        assert again[name].dtype.kind == table[name].dtype.kind


@pytest.mark.parametrize("form", FORMATS)
def test_table_without_units_keeps_its_rows(form):
    plain = Table({"ra": [10.68, 23.46], "kind": ["m", "s"]})
    again = read_latex(latex(plain, form))
    assert again["kind"].tolist() == ["m", "s"]
    assert again["ra"].tolist() == [10.68, 23.46]


@pytest.mark.parametrize(
    "cells", ["(deg) & [mag]", "deg & (AB)", "deg & nJy/s/cm2", r"$^\circ$ & ", "degree & mag"]
)
def test_row_of_units_is_no_row(cells):
    table = read_latex(rows("ra & mag", cells, "150.1 & 19.5", "150.2 & "))
    assert len(table) == 2
    assert table["ra"].tolist() == [150.1, 150.2]
    assert table["ra"].unit == u.deg


@pytest.mark.parametrize("first", ["a & m", "a & (?)", " & ", "unknown & mag"])
def test_row_of_words_is_a_row(first):
    table = read_latex(rows("name & kind", first, "b & s"))
    assert len(table) == 2


def test_unit_of_hours_is_obeyed(tmp_path):
    path = tmp_path / "t.tex"
    path.write_text(rows("ra & dec", "hourangle & deg", "10.0 & 2.2"))
    assert find_targets(read_catalogue(path)).ra == pytest.approx(150.0)


@pytest.mark.parametrize("form", FORMATS)
def test_catalogue_in_latex_is_read(table, form, tmp_path):
    path = tmp_path / "t.tex"
    path.write_text(latex(table, form))
    targets = find_targets(read_catalogue(path))
    np.testing.assert_allclose(targets.ra, [10.68, 23.46])
    assert targets.good.all()


def test_other_text_is_no_latex():
    assert not is_latex("ra dec\n1 2\n")
    assert is_latex("\\begin{deluxetable*}{cc}")
