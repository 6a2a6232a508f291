"""Text tables as people have them: what separates, what is a name, and the text that comes back."""

import gzip
import io
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from hypothesis import given, strategies as st

from astroclip_astro.catalogue import read_catalogue, write_catalogue
from astroclip_astro.catalogue.csv_writer import write_csv
from astroclip_astro.catalogue.text import read_text
from astroclip_astro.errors import CatalogueError, TextTableWarning
from astroclip_astro.sky import find_targets

ROWS = [("NGC 1", 359.9, -5.0), ("M 31", 10.7, 41.3), ("x", 0.5, 0.25)]


@pytest.fixture
def text_file(tmp_path):
    def make(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def rows_of(path, **options):
    table = read_text(path, **options)
    return table.colnames, [tuple(row) for row in table.as_array().tolist()]


def test_csv_comes_back(text_file):
    table = Table(
        {
            "name": ["#1", "M 31", "#3"],
            "n": MaskedColumn([2**62 + 1, 2, 3], mask=[False, True, False]),
            "f": [0.1, np.nan, 1e300],
            "s": ["#1", "a, 'b' \"c\"", ""],
            "é": ["σ", "two\nlines", "x"],
        }
    )
    stream = io.BytesIO()
    write_csv(table, stream)
    back = read_text(text_file(stream.getvalue()))
    for name in ("name", "n", "s", "é"):
        np.testing.assert_equal(back[name].tolist(), table[name].tolist())
    assert back["f"].tolist() == [0.1, None, 1e300]


@pytest.mark.parametrize("separator", ["\t", ",", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["t.csv", "t.dat", "t.tsv", "t"])
def test_separator_is_found_whatever_the_name(text_file, separator, end, name):
    lines = [separator.join(map(str, row)) for row in (("name", "ra", "dec"), *ROWS)]
    assert rows_of(text_file(end.join(lines) + end, name)) == (["name", "ra", "dec"], ROWS)


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le-mark", "utf-32", "latin-1", "cp1252"]
)
def test_letters_are_read_in_many_encodings(text_file, encoding):
    text = "name,ra,dec\nCafé,1.5,2.5\n"
    if encoding == "utf-16-le-mark":
        content = b"\xff\xfe" + text.encode("utf-16-le")
    else:
        content = text.encode(encoding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextTableWarning)
        table = read_catalogue(text_file(content))
    assert (table.colnames[0], table["name"][0], table["ra"][0]) == ("name", "Café", 1.5)


def test_letters_that_are_not_utf_8_are_said(text_file):
    with pytest.warns(TextTableWarning, match="read as Windows-1252"):
        read_text(text_file("name,ra\nCafé,1.5\n".encode("latin-1")))


def test_gzip_is_known_by_its_content(text_file):
    packed = gzip.compress(b"ra,dec\n1.5,2.5\n")
    assert read_catalogue(text_file(packed, "t.csv"))["dec"][0] == 2.5


def test_first_line_of_sky_server_is_no_table(text_file):
    names, rows = rows_of(text_file("#Table1\nobjid,ra,dec\n1237648720693755918,1.5,2.5\n"))
    assert names == ["objid", "ra", "dec"]
    assert rows == [(1237648720693755918, 1.5, 2.5)]


def test_names_may_stand_in_the_last_comment(text_file):
    assert rows_of(text_file("# made up\n# ra dec name\n1.5 2.5 'x'\n2.5 3.5 y\n"))[0] == [
        "ra",
        "dec",
        "name",
    ]


VIZIER = (
    "#\n#   VizieR\n#Column\tName\n\n_RAJ2000\tName\trmag\tn\ndeg\t \tmag\t\n"
    "--------\t----\t----\t-\n  1.50000\tG1  \t18.10\t \n  2.50000\tG2  \t     \t7\n"
)


def test_units_and_dashes_of_vizier_are_no_galaxies(text_file):
    table = read_text(text_file(VIZIER, "asu.tsv"))
    assert table.colnames == ["_RAJ2000", "Name", "rmag", "n"]
    assert (table["_RAJ2000"].unit, table["rmag"].unit) == (u.deg, u.mag)
    assert table["rmag"].tolist() == [18.1, None]
    assert table["n"].tolist() == [None, 7]
    assert table["Name"].tolist() == ["G1  ", "G2  "]


def test_dashes_without_units_are_no_galaxy(text_file):
    assert rows_of(text_file("ra|dec\n--|---\n1.5|2.5\n"))[1] == [(1.5, 2.5)]


def test_first_galaxy_is_no_line_of_names(text_file):
    with pytest.warns(TextTableWarning, match="no header line: columns are called col1 to col3"):
        names, rows = rows_of(text_file("7,1.5,2.5\n8,3.5,4.5\n"))
    assert names == ["col1", "col2", "col3"]
    assert rows == [(7, 1.5, 2.5), (8, 3.5, 4.5)]


@pytest.mark.parametrize("first", ["10:00:24.0 -02:12:00 a", "J100024.0-021200 x a"])
def test_first_position_is_no_line_of_names(text_file, first):
    with pytest.warns(TextTableWarning, match="no header line"):
        assert len(read_text(text_file(f"{first}\n{first}\n"))) == 2


@pytest.mark.parametrize("word", ["null", "NULL", "NaN", "N/A", "--", "", "None"])
def test_words_for_nothing_are_null_in_numbers_and_words_in_text(text_file, word):
    table = read_text(text_file(f"n,f,s\n1,1.5,a\n{word},{word},{word}\n"))
    assert table["n"].tolist() == [1, None]
    assert table["n"].dtype.kind == "i"
    assert table["f"].tolist() == [1.5, None]
    assert table["s"].tolist() == ["a", word]


@pytest.mark.parametrize(
    "texts",
    [
        ["2012_01", "é"], ["2012_01", "2012_02"], ["00123", "7"], ["+5", "6"],
        ["9223372036854775808", "1"], ["0.12345678901234567890", "1.5"], ["1e400", "1.5"],
        [" a ", "b"], ["True", "False"], ["0x10", "1"], ["1e-400", "2.0"],
    ],
)  # fmt: skip
def test_what_would_change_as_a_number_stays_text(text_file, texts):
    quoted = "".join(f'"{text}",1\n' for text in texts)
    assert read_text(text_file(f"x,y\n{quoted}"))["x"].tolist() == texts


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1.50", "-02.5"], [1.5, -2.5]),
        (["150.12345678901235", "1.5"], [150.12345678901235, 1.5]),
        (["1.25e-17", "3E5"], [1.25e-17, 3e5]),
        (["9223372036854775807", "-9223372036854775808"], [2**63 - 1, -(2**63)]),
        (["inf", "-inf"], [np.inf, -np.inf]),
        (["+1.5", ".5"], [1.5, 0.5]),
    ],
)
def test_what_survives_is_a_number(text_file, texts, values):
    column = read_text(text_file("x,y\n" + "".join(f"{text},a\n" for text in texts)))["x"]
    assert column.dtype.kind == ("i" if isinstance(values[0], int) else "f")
    assert column.tolist() == values


cells = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r\ufeff"), max_size=12
) | st.from_regex(r"[+-]?0{0,3}[0-9]{1,20}([.][0-9]{0,18})?(e[+-]?[0-9]{1,2})?", fullmatch=True)


@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=6))
def test_text_of_a_csv_file_comes_back_letter_by_letter(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("text")
    written = Table(rows=[("name", *row) for row in rows], names=["who", "x", "ra"])
    with (folder / "in.csv").open("wb") as stream:
        write_csv(written, stream)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_catalogue(folder / "in.csv", as_text=True)
    write_catalogue(table, folder / "out.csv")
    assert (folder / "out.csv").read_bytes() == (folder / "in.csv").read_bytes()


def test_fixed_decimals_come_back_to_csv_and_are_numbers_in_fits(text_file, tmp_path):
    table = read_catalogue(text_file("id,mag\n007,19.50\n12,20.00\n"), as_text=True)
    write_catalogue(table, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "id,mag\n007,19.50\n12,20.00\n"
    write_catalogue(table, tmp_path / "out.fits")
    back = read_catalogue(tmp_path / "out.fits")
    assert back["id"].tolist() == ["007", "12"]
    assert back["mag"].tolist() == [19.5, 20.0]
    assert "as_written" not in back["id"].meta


@pytest.mark.parametrize("suffix", ["fits", "vot", "ecsv", "parquet"])
def test_integers_with_a_word_for_nothing_keep_their_digits(text_file, tmp_path, suffix):
    big = 39627000000000001
    table = read_catalogue(text_file(f"id,x\n{big},a\nnan,b\n"), as_text=True)
    write_catalogue(table, tmp_path / f"out.{suffix}")
    back = read_catalogue(tmp_path / f"out.{suffix}")["id"]
    assert back.dtype.kind == "i"
    assert back.tolist() == [big, None]


def test_decimal_commas_are_positions_and_come_back(text_file, tmp_path):
    content = "name;ra;dec\na;150,25;-2,5\nb;151,5;2,25\n"
    table = read_catalogue(text_file(content), as_text=True)
    assert find_targets(table).ra.tolist() == [150.25, 151.5]
    assert find_targets(table).dec.tolist() == [-2.5, 2.25]
    assert table["ra"].tolist() == ["150,25", "151,5"]
    write_catalogue(table, tmp_path / "out.fits")
    assert read_catalogue(tmp_path / "out.fits")["ra"].tolist() == [150.25, 151.5]


def test_names_that_are_there_twice_are_told_apart_and_said(text_file):
    with pytest.warns(TextTableWarning, match="column 3 is called ra_2"):
        assert read_text(text_file("ra,dec,ra\n1,2,3\n")).colnames == ["ra", "dec", "ra_2"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ra,dec\n1.5,2.5\n3.5\n4.5,5.5\n", r"line 3 has 1 field between commas, expected 2"),
        ("a b c\n1 2 3\n4 5 6\n7 8\n9 1 2\n", "text, but no table|line 4 has 2 fields"),
        ('# Region file format: DS9 version 4.1\nfk5\ncircle(1,2,3")\n', "file of DS9 regions"),
        ('fk5\ncircle(1,2,3")\n', "file of DS9 regions"),
        ("  0 23  G0  18.0 0.1  3.4\n  1 24  G1  18.0 0.1\n 2 a\n", "A .dat file of CDS needs"),
        ("once upon a time\nthere was no table\nat all\n", "text, but no table"),
        ("ra,dec\n1\0,2\n", "NUL characters|which is no catalogue"),
    ],
)
def test_cause_is_said_and_not_damage(text_file, content, words):
    with pytest.raises(CatalogueError, match=words) as error:
        read_catalogue(text_file(content, "t.dat"))
    assert "damaged" not in str(error.value)
    assert "reader" not in str(error.value)


def test_cds_table_keeps_its_text_units_and_descriptions(tmp_path):
    Table({"Name": ["G1", "G2"], "rmag": [18.125, 19.5] * u.mag}).write(
        tmp_path / "t.mrt", format="ascii.mrt"
    )
    table = read_catalogue(tmp_path / "t.mrt", as_text=True)
    assert len(table) == 2
    assert table["rmag"].unit == u.mag
    assert np.asarray(table["rmag"]).astype(float).tolist() == [18.125, 19.5]


def test_ipac_table_is_read(text_file):
    content = "\\origin = here\n|  ra   | name |\n| double| char |\n   1.50    x\n   2.50    y\n"
    table = read_text(text_file(content, "t.tbl"))
    assert table["ra"].tolist() == [1.5, 2.5]


def test_comments_between_rows_are_no_rows(text_file):
    assert rows_of(text_file("ra dec\n1.5 2.5\n# a remark of more words\n3.5 4.5\n"))[1] == [
        (1.5, 2.5),
        (3.5, 4.5),
    ]


def test_several_tables_of_vizier_in_one_file_are_refused(text_file):
    with pytest.raises(CatalogueError, match="holds several tables"):
        read_text(text_file(VIZIER + VIZIER.partition("\n\n")[2], "asu.tsv"))


def test_separator_that_excel_names_is_no_row(text_file):
    assert rows_of(text_file("sep=;\nra;dec\n1,5;2,5\n"))[1] == [(1.5, 2.5)]


def test_lines_of_words_before_the_table_are_passed_over_and_said(text_file):
    content = (
        "Results of the search\nfor galaxies, near here\n\nNo.|RA(deg)|z\n1|1.5|0.1\n2|2.5|0.2\n"
    )
    with pytest.warns(TextTableWarning, match="2 lines before the table are not read"):
        names, rows = rows_of(text_file(content, "ned.txt"))
    assert names == ["No.", "RA(deg)", "z"]
    assert rows == [(1, 1.5, 0.1), (2, 2.5, 0.2)]


SEXTRACTOR = "#   1 NUMBER   Running number\n#   2 ALPHA_J2000   RA [deg]\n 1 150.10\n 2 150.25\n"


def test_names_of_source_extractor_are_those_of_its_comments(text_file):
    names, rows = rows_of(text_file(SEXTRACTOR, "t.cat"))
    assert names == ["NUMBER", "ALPHA_J2000"]
    assert rows == [(1, 150.1), (2, 150.25)]


IPAC = (
    "|   ra   | name |  n |\n| double | char | int|\n|  deg   |      |    |\n"
    "| null   | null | -99|\n"
    "  150.10   007    007 \n  null     c      -99 \n"
)


def test_types_and_nulls_of_ipac_are_believed(text_file):
    table = read_text(text_file(IPAC, "t.tbl"))
    assert table["ra"].unit == u.deg
    assert table["ra"].tolist() == [150.1, None]
    assert table["name"].tolist() == ["007", "c"]
    assert table["n"].tolist() == [7, None]


MRT = """Byte-by-byte Description of file: table1.dat
--------------------------------------------------------------------------------
 Bytes Format Units  Label  Explanations
--------------------------------------------------------------------------------
 1- 3 A3     ---    Name   Name
 5- 6 I2     h      RAh    Hours
 8-11 F4.1   mag    rmag   ?=-9.9 Magnitude
--------------------------------------------------------------------------------
007 09 18.0
012 10 -9.9
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_padding_of_declared_integers_is_no_part_of_them(text_file, tmp_path, end):
    path = text_file(MRT.replace("\n", end), "t.mrt")
    table = read_text(path)
    assert table["Name"].tolist() == ["007", "012"]
    assert table["RAh"].tolist() == [9, 10]
    assert table["rmag"].tolist() == [18.0, None]
    kept = read_catalogue(path, as_text=True)
    write_catalogue(kept, tmp_path / "o.csv")
    assert (tmp_path / "o.csv").read_text() == "Name,RAh,rmag\n007,09,18.0\n012,10,\n"
    write_catalogue(kept, tmp_path / "o.fits")
    assert read_catalogue(tmp_path / "o.fits")["RAh"].tolist() == [9, 10]


def test_gaia_archive_with_a_byte_order_mark_is_ecsv(text_file):
    header = "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n# - {name: n, datatype: int16}\n"
    content = f"{header}# - {{name: flag, datatype: bool}}\nn,flag\nnull,True\n3,False\n"
    table = read_catalogue(text_file(gzip.compress(content.encode("utf-8-sig"))))
    assert table["n"].tolist() == [None, 3]
    assert table["flag"].tolist() == [True, False]


def test_numbers_of_latex_that_would_change_stay_text(text_file):
    lines = ["obj & ra & z", " & deg & ", "00123 & 150.10 & 0.1", "2012 & 151.5 & \\nodata"]
    content = "\\begin{tabular}{ccc}\n" + " \\\\\n".join(lines) + " \\\\\n\\end{tabular}\n"
    table = read_text(text_file(content, "t.tex"))
    assert table["obj"].tolist() == ["00123", "2012"]
    assert table["z"].tolist() == [0.1, None]
    assert table["ra"].unit == u.deg


def test_latex_that_does_not_fit_is_said(text_file):
    content = "\\begin{tabular}{cc}\na & b \\\\\n1 \\\\\n\\end{tabular}\n"
    with pytest.raises(CatalogueError, match="LaTeX table whose rows do not fit"):
        read_catalogue(text_file(content))


@pytest.mark.parametrize("rows", ["1,2,\n3,4,\n", "1,2\n3,4\n"])
def test_separator_at_the_end_of_lines_makes_no_column(text_file, rows):
    assert rows_of(text_file(f"ra,dec,\n{rows}" if rows[3] == "," else f"ra,dec\n{rows}")) == (
        ["ra", "dec"],
        [(1, 2), (3, 4)],
    )


def test_names_stay_where_rows_end_with_a_separator(text_file):
    assert rows_of(text_file("ra,dec\n1,2,\n3,4,\n")) == (["ra", "dec"], [(1, 2), (3, 4)])


@pytest.mark.parametrize("content", ["\n\n  \n", "# made up\n# by me\n"])
def test_text_without_rows_is_said(text_file, content):
    with pytest.raises(CatalogueError, match="pass a catalogue with at least one row"):
        read_catalogue(text_file(content))


def test_comma_that_may_stand_between_thousands_is_no_decimal_point(text_file):
    table = read_text(text_file("ra\tdec\tcounts\n1.5\t2.5\t1,234\n3.5\t4.5\t12,345\n", "t.tsv"))
    assert table["counts"].tolist() == ["1,234", "12,345"]


def test_one_decimal_comma_in_a_table_decides_of_the_others(text_file):
    table = read_text(text_file("ra;dec;z\n150,123;2,456;0,1\n151,123;3,456;0,25\n"))
    assert table["ra"].tolist() == [150.123, 151.123]
    assert table["z"].tolist() == [0.1, 0.25]
