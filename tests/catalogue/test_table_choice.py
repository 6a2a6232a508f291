"""FILE#TABLE is one table of a file with several."""

import pytest
from astropy.table import Table

from astroclip_astro.catalogue.table_choice import (
    ListedTable,
    TableChoice,
    choose_table,
    split_table_name,
)
from astroclip_astro.errors import CatalogueError


@pytest.mark.parametrize(
    ("given", "file", "name"),
    [
        *[("t.fits", "t.fits", None), ("t.fits#2", "t.fits", "2"), ("t.fits#A B", "t.fits", "A B")],
        *[("t.fits#", "t.fits", ""), ("t.fits#a#b", "t.fits", "a#b"), ("x#1", "x#1", None)],
        *[("with#sign.fits", "with#sign.fits", None), ("with#sign.fits#2", "with#sign.fits", "2")],
        *[("#", "#", None), ("folder#1", "folder#1", None)],
    ],
)
def test_file_and_table(tmp_path, given, file, name):
    for there in ("t.fits", "with#sign.fits"):
        (tmp_path / there).touch()
    (tmp_path / "folder").mkdir()
    assert split_table_name(tmp_path / given) == (tmp_path / file, name)


def test_number_is_taken_before_a_name(tmp_path):
    tables = [
        ListedTable(1, "2", 1, Table(names=["a"])),
        ListedTable(2, "x", 1, Table(names=["b"])),
    ]
    assert choose_table(tmp_path, tables, TableChoice("2")).name == "x"


def test_no_more_is_looked_at_than_needed(tmp_path):
    def tables():
        yield ListedTable(1, "", 1, Table(names=["ra", "dec"]))
        raise AssertionError("looked on")

    assert choose_table(tmp_path, tables(), TableChoice()).number == 1


def test_long_lists_are_cut(tmp_path):
    tables = [ListedTable(n, "", 1, Table(names=["a"])) for n in range(1, 51)]
    with pytest.raises(CatalogueError, match=r"#20 \(1 rows\) and 30 more; name one as"):
        choose_table(tmp_path / "t.fits", tables, TableChoice())


def test_auxiliary_table_is_read_where_it_is_named(tmp_path):
    tables = [
        ListedTable(1, "LDAC_IMHEAD", 1, Table(names=["ra", "dec"]), auxiliary=True),
        ListedTable(2, "LDAC_OBJECTS", 1, Table(names=["x"])),
    ]
    assert choose_table(tmp_path, tables, TableChoice()).number == 2
    assert choose_table(tmp_path, tables, TableChoice("LDAC_IMHEAD")).number == 1
