"""Tables, rows and names as Python users pass them; a mistake names what is nearest."""

from pathlib import Path

import numpy as np
import pytest
from astropy.table import QTable, Table

from astroclip_astro.annotate.recalibrate import calibrate
from astroclip_astro.annotate.table import annotate
from astroclip_astro.catalogue import write_catalogue
from astroclip_astro.errors import CatalogueError, InputError, described
from astroclip_astro.interpret.plots import plot_attention, plot_masked
from astroclip_astro.similar.plot import plot_similar
from astroclip_astro.similar.search import similar
from astroclip_astro.sky import describe_positions, find_targets
from astroclip_astro.sky.arguments import check_column_name, check_row, check_table
from astroclip_astro.storage.atomic import check_path

TAKE_TABLES = {
    "annotate": lambda table: annotate(table, source="demo"),
    "similar": lambda table: similar(table, 0),
    "calibrate": lambda table: calibrate(table, {"redshift": "Z"}),
    "plot_attention": lambda table: plot_attention(table, 0, source="demo"),
    "plot_masked": lambda table: plot_masked(table, 0, source="demo"),
    "plot_similar": lambda table: plot_similar(table, 0, source="demo"),
    "find_targets": find_targets,
    "describe_positions": describe_positions,
    "write_catalogue": lambda table: write_catalogue(table, "nowhere.fits"),
}


@pytest.mark.parametrize("take", TAKE_TABLES.values(), ids=TAKE_TABLES.keys())
def test_functions_that_take_tables_say_how_a_dataframe_becomes_one(take):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(CatalogueError, match=r"a pandas DataFrame, .*Table\.from_pandas\(df\)"):
        take(pandas.DataFrame({"ra": [150.1], "dec": [2.2]}))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([150.1, 2.2], r"a list of 2, expected an astropy Table; make one: Table\("),
        ({"ra": [150.1]}, "a dict of 1, expected"),
        (np.zeros((3, 2)), r"an array of shape \(3, 2\), expected"),
        (
            "cat.fits",
            r"'cat\.fits', expected an astropy Table; read it: Table\.read\('cat\.fits'\)",
        ),
        (Path("cat.fits"), r"read it: Table\.read\('cat\.fits'\)"),
        (None, "None, expected"),
        (Table({"ra": [1.0]})[0], r"row 0 of a table, .*t\[i:i \+ 1\]"),
    ],
)
def test_anything_but_a_table_is_refused(given, words):
    with pytest.raises(CatalogueError, match=words):
        check_table(given)


@pytest.mark.parametrize("kind", [Table, QTable])
def test_table_passes(kind):
    table = kind({"ra": [1.0]})
    assert check_table(table) is table


@pytest.mark.parametrize("row", [3, np.int64(3), np.uint8(3)])
def test_row_passes_as_a_plain_number(row):
    assert check_row(row, 5) == 3
    assert type(check_row(row, 5)) is int


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (5, r"row is 5, expected 0 to 4\.$"),
        (-6, r"row is -6, expected 0 to 4\.$"),
        (-1, r"row is -1, expected 0 to 4; did you mean row=4\?"),
        ("3", r"row is '3', expected a whole number, counted from 0; did you mean row=3\?"),
        (3.0, r"row is 3\.0, .*did you mean row=3\?"),
        (2.5, r"row is 2\.5, expected a whole number, counted from 0\.$"),
        (float("nan"), r"row is nan, expected a whole number, counted from 0\.$"),
        ("9", r"row is '9', expected a whole number, counted from 0\.$"),
        (True, r"row is True, expected a whole number, counted from 0\.$"),
        ([1, 2], r"row is a list of 2, expected a whole number, counted from 0\.$"),
        (None, r"row is None, expected a whole number, counted from 0\.$"),
        (Table({"a": range(5)})[2], r"row is row 2 of a table, .*did you mean row=2\?"),
    ],
)
def test_what_is_no_row_is_refused(row, words):
    with pytest.raises(InputError, match=words):
        check_row(row, 5)


def test_hint_is_for_words():
    with pytest.raises(InputError, match=r"counted from 0; pass id='M51'\.$"):
        check_row("M51", 5, hint="pass id='M51'")


@pytest.mark.parametrize("name", ["ra", None])
def test_name_of_a_column_passes(name):
    assert check_column_name(name, "ra") == name


def test_values_in_place_of_a_name_are_refused():
    with pytest.raises(InputError, match=r"t\['ra'\] = \.\.\., and pass their name: ra='ra'"):
        check_column_name(np.zeros(3), "ra")


def test_column_in_place_of_its_name_is_named():
    with pytest.raises(InputError, match=r"ra is a Column of 1, .*; did you mean ra='RA'\?"):
        check_column_name(Table({"RA": [1.0]})["RA"], "ra")


def test_path_passes():
    assert check_path("compact", "weights") == "compact"
    assert check_path(Path("mine"), "weights") == Path("mine")


@pytest.mark.parametrize("value", [None, 5, ["compact"]])
def test_what_is_no_path_is_refused(value):
    with pytest.raises(InputError, match=r"weights is .*, expected a string or a path"):
        check_path(value, "weights")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("x" * 100, repr("x" * 57 + "...")),
        (np.float64(1.5), repr(np.float64(1.5))),
        (object(), "an object"),
        ((1, 2, 3), "a tuple of 3"),
    ],
)
def test_values_are_described_in_a_few_words(value, words):
    assert described(value) == words
