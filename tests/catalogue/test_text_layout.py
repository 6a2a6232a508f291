"""How a text table is laid out, found from its content."""

import pytest

from astroclip_astro.catalogue.text_layout import find_layout


@pytest.mark.parametrize(
    ("text", "separator", "names", "line"),
    [
        ("ra,dec\n1,2\n", ",", ["ra", "dec"], 2),
        ("\n\n# made up\nra\tdec\n1\t2\n", "\t", ["ra", "dec"], 5),
        ("a;b,c\n1;2,5\n", ";", ["a", "b,c"], 2),
        ("ra dec\n1 2\n", " ", ["ra", "dec"], 2),
        ("  ra   dec \n 1.5   2\t\n", " ", ["ra", "dec"], 2),
        ('name,"a,b"\nx,"1,2"\n', ",", ["name", "a,b"], 2),
        ("ra, dec\n1, 2\n", ",", ["ra", "dec"], 2),
        ("TARGETID\n39627000000000001\n5\n", ",", ["TARGETID"], 2),
        ("a\tb\n-\t---\n1\t2\n", "\t", ["a", "b"], 3),
        ("a\tb\nmag\t \n---\t---\n1\t2\n", "\t", ["a", "b"], 4),
        ("#a b\n1 2\n3 4\n", " ", ["a", "b"], 2),
        ("1,2\n3,4\n", ",", ["col1", "col2"], 1),
        ('"two\nlines",b\n1,2\n', ",", ["two\nlines", "b"], 3),
    ],
)
def test_layout(text, separator, names, line):
    layout = find_layout(text.encode())
    assert (layout.separator, layout.header.names, layout.line) == (separator, names, line)
    first = text.split("\n")[line - 1]
    assert text.encode()[layout.start :].decode().lstrip().startswith(first.lstrip())


def test_row_of_nulls_is_no_line_of_dashes():
    assert find_layout(b"n,f\n--,--\n1,2\n").line == 2
    assert find_layout(b"n,f\n1,2.5\n--,--\n").line == 2


def test_units_are_those_above_the_dashes():
    layout = find_layout(b"a\tb\tc\nmag\t\tdeg\n---\t---\t---\n1\t2\t3\n")
    assert layout.header.units == ["mag", "", "deg"]


@pytest.mark.parametrize("text", ["one two\nthree\n", "a sentence of words,\nthen another one\n"])
def test_text_that_is_no_table_has_no_layout(text):
    assert find_layout(text.encode()) is None
