"""What stands above the rows: names, units, types, dashes, titles, or nothing."""

import pytest

from astroclip_astro.catalogue.text_header import find_header, is_rule

HEADERS = {  # rows, comments -> names, units, lines above the rows
    "names": (["name,ra", "a,1"], [], ["name", "ra"], [], 1),
    "names that are numbers": (["id,ra,2010", "a,1,2", "b,3,4"], [], ["id", "ra", "2010"], [], 1),
    "dashes": (["ra,n", "--,-", "1,2"], [], ["ra", "n"], [], 2),
    "units and dashes": (["ra,n", "deg,", "---,---", "1,2"], [], ["ra", "n"], ["deg", ""], 3),
    "units": (["name,ra", ",deg", "a,1.5"], [], ["name", "ra"], ["", "deg"], 2),
    "types of MAST": (["name,ra", "string,ra", "a,1.5"], [], ["name", "ra"], [], 2),
    "types of RDB": (["name,ra", "10S,5N", "a,1.5"], [], ["name", "ra"], [], 2),
    "words that are units": (["kind,band", "m,s", "a,b"], [], ["kind", "band"], [], 1),
    "title of a spreadsheet": (["Mine,,", "name,ra,z", "a,1,2"], [], ["name", "ra", "z"], [], 2),
    "rule above": (["====,==", "name,ra", "====,==", "a,1"], [], ["name", "ra"], [], 3),
    "commented": (["1.5,2.5"], ["ra,dec"], ["ra", "dec"], [], 0),
    "commented units": (["1.5,2"], ["ra,dec", "deg,deg"], ["ra", "dec"], ["deg", "deg"], 0),
    "remark above names": (["name,ra", "a,1"], ["by,me"], ["name", "ra"], [], 1),
    "no names": (["7,1.5", "8,2.5"], [], ["col1", "col2"], [], 0),
    "no names, angles": (["G1,10:00:00", "G2,11:00:00"], [], ["col1", "col2"], [], 0),
    "no names, null": (["G1,1.5,null", "G2,2,3"], [], ["col1", "col2", "col3"], [], 0),
}


@pytest.mark.parametrize("case", HEADERS)
def test_header(case):
    rows, comments, names, units, lines = HEADERS[case]
    cut = [row.split(",") for row in rows]
    header = find_header(cut, [comment.split(",") for comment in comments], len(cut[-1]))
    assert (header.names, header.units, header.lines) == (names, units, lines)


def test_units_that_are_no_row_are_said():
    assert "holds units" in find_header([["n", "ra"], ["", "deg"], ["a", "1"]], [], 2).notes[0]


def test_names_that_are_there_twice_are_told_apart():
    header = find_header([["ra", "z", "ra"], ["1", "2", "3"]], [], 3)
    assert header.names == ["ra", "z", "ra_2"]
    assert header.notes == ["'ra' is there twice: column 3 is called ra_2"]


def test_rows_of_nulls_are_no_rule():
    assert not is_rule(["--", "--"], ["ra", "mag"])
    assert not is_rule(["-1", "---"])
