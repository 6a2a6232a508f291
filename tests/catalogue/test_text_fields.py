"""Fields are cut as they are written, and a row that does not fit is named by its line."""

import pytest

from astroclip_astro.catalogue.text_fields import read_fields
from astroclip_astro.catalogue.text_layout import find_layout
from astroclip_astro.errors import CatalogueError


def fields(text):
    content = text.encode()
    columns = read_fields(content, find_layout(content), "t.csv")
    return [list(row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]


TABLES = {
    "blanks are part of a field": ('n,m\n"  M31 ",1\n x ,2\n', [["  M31 ", "1"], [" x ", "2"]]),
    "quotes behind blanks": ('m, n\n1, "a, b"\n2, c\n', [["1", "a, b"], ["2", "c"]]),
    "line ends of Windows in quotes": ('n,m\r\n"a\r\nb",1\r\n', [["a\r\nb", "1"]]),
    "inches": ('n,m\na,5"\nb,6\n', [["a", '5"'], ["b", "6"]]),
    "empty words in quotes": ("# n m\n'M 31' 1\n\"\" 2\n", [["M 31", "1"], ["", "2"]]),
    "apostrophe": ("n m\nBarnard's 1\nb 2\n", [["Barnard's", "1"], ["b", "2"]]),
    "names that begin like comments": ("n,m\n#1,1\n#2,2\n", [["#1", "1"], ["#2", "2"]]),
    "comments between rows": ("n,m\na,1\n# a remark\nb,2\n", [["a", "1"], ["b", "2"]]),
    "psql": (" n | m \n---+---\n a | 1\n b | 2\n(2 rows)\n\n", [["a", "1"], ["b", "2"]]),
    "below dashes": ("n    m\n---- ---\nG 1  1.5\n     2\n", [["G 1", "1.5"], ["", "2"]]),
    "dashes that do not fit": ("ra dec\n--- ---\n150.1 2.2\n", [["150.1", "2.2"]]),
    "rule at the end": ("=== ==\nn   m\n=== ==\na b 1\n=== ==\n", [["a b", "1"]]),
}


@pytest.mark.parametrize("case", TABLES)
def test_fields(case):
    text, rows = TABLES[case]
    assert fields(text) == rows


def test_box_of_mysql():
    text = "+---+---+\n| n | m |\n+---+---+\n| a | 1 |\n+---+---+\n"
    assert fields(text) == [["", "a", "1", ""]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ra,dec\n1,2\n3\n", "line 3 has 1 field between commas, expected 2"),
        ('ra,dec,n\n1,2,"a\nb"\n3,4\n', "line 4 has 2 fields between commas, expected 3"),
        ("# by me\n\nra;dec\n1;2\n3;4;5\n", "line 5 has 3 fields between semicolons, expected 2"),
        ("a b\n1 2\n3 4\n5 6\n7\n", "line 5 has 1 field between blanks, expected 2"),
        ('n,m\na,"1\nb,2\nc,3\n', "line 2 opens a quote"),
        ('n\tm\na\tb\nc\t"1\nb\t2\n', "line 3 opens a quote"),
    ],
)
def test_line_that_does_not_fit_is_named(text, words):
    with pytest.raises(CatalogueError, match=words):
        fields(text)
