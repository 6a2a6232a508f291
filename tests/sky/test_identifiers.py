"""A name or number names one row, in a column that is given or obvious."""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from astroclip_astro.errors import InputError
from astroclip_astro.sky.identifiers import find_row

TARGETIDS = [39627781520491153, 39627781520491154, 39627781520491155]


@pytest.fixture
def table():
    return Table({"name": ["M 31", " NGC 4 ", "M 33"], "ra": [1.0, 2, 3], "dec": [0.0, 0, 0]})


@pytest.mark.parametrize(
    "column",
    ["name", "ID", "TARGETID", "DESI_TARGETID", "source_id", "SOURCE_ID", "Object Name", "objID",
     "main_id", "MAIN_ID", "LS_ID"],
)  # fmt: skip
def test_column_with_a_usual_name_is_found(table, column):
    table.rename_column("name", column)
    assert find_row(table, "M 33") == (2, column)


def test_column_may_be_named(table):
    table["mine"] = ["a", "b", "c"]
    assert find_row(table, "b", column="mine") == (1, "mine")


@pytest.mark.parametrize("identifier", [TARGETIDS[1], str(TARGETIDS[1]), np.int64(TARGETIDS[1])])
def test_targetid_is_exact(identifier):
    assert find_row(Table({"TARGETID": TARGETIDS}), identifier) == (1, "TARGETID")


@pytest.mark.parametrize("dtype", ["S9", "U9", object])
def test_blanks_around_do_not_count_in_any_kind_of_strings(table, dtype):
    table["name"] = table["name"].astype(dtype)
    assert find_row(table, "NGC 4 ") == (1, "name")


def test_hidden_rows_are_nothing(table):
    table["name"] = MaskedColumn(["M 31", "x", "x"], mask=[False, True, False])
    assert find_row(table, "x") == (2, "name")


def test_columns_of_ours_are_not_the_users(table):
    table["astroclip_targetid"] = 1
    table["astroclip_name"] = "M 31"
    assert find_row(table, "M 31")[1] == "name"


@pytest.mark.parametrize(
    ("change", "identifier", "words"),
    [
        ({"TARGETID": TARGETIDS}, "M 31",
         r"Several columns may hold identifiers: \['name', 'TARGETID'\].*--id-column"),
        ({"name": None}, "M 31", r"No column of identifiers.* in \['ra', 'dec'\]; pass"),
        ({"name": [1.0, 2, 3]}, "2", "holds float64.*expected strings or integers"),
        ({}, "M 32", "No row has 'M 32' in column 'name'; did you mean 'M 3[13]'"),
        ({}, "ngc4", "No row has 'ngc4' in column 'name'; did you mean 'NGC 4'?"),
        ({}, "zzzzzz", r"No row has 'zzzzzz' in column 'name'\."),
        ({}, " ", "id is ' ', expected a name"),
        ({"name": ["a", "b", "a"]}, "a", "2 rows have 'a' in column 'name': rows 0, 2,.*--row"),
        ({}, 1.5, "id is 1.5"),
        ({}, True, "id is True"),
    ],
)  # fmt: skip
def test_what_cannot_be_found_is_explained(table, change, identifier, words):
    for name, values in change.items():
        if values is None:
            table.remove_column(name)
        else:
            table[name] = values
    with pytest.raises(InputError, match=words):
        find_row(table, identifier)


def test_number_that_is_not_there_gets_the_nearest_number():
    with pytest.raises(InputError, match=f"did you mean '{TARGETIDS[0]}'"):
        find_row(Table({"TARGETID": TARGETIDS[:1]}), TARGETIDS[0] + 70)


def test_column_that_is_not_there_gets_the_nearest_name(table):
    with pytest.raises(InputError, match=r"No column 'nam'.*did you mean 'name'"):
        find_row(table, "M 31", column="nam")
