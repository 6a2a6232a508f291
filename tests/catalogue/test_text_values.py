"""Which columns of text tables are numbers, and what each format gets of the others."""

import numpy as np
import pyarrow as pa
from astropy.table import Column, Table
from hypothesis import given, strategies as st

from astroclip_astro.catalogue.text_values import (
    as_column,
    as_numbers,
    ready_to_write,
    text_notes,
)
from astroclip_astro.sky.cell_values import AS_WRITTEN


def marked(texts, mark="."):
    return Column(texts, meta={AS_WRITTEN: mark, "ucd": "meta.id"}, description="a", unit="mag")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_floats_as_python_writes_them_survive(values):
    assert as_numbers(pa.array(list(map(repr, values)))).tolist() == values


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5))
def test_integers_of_64_bits_survive(values):
    assert as_numbers(pa.array(list(map(str, values)))).tolist() == values


@given(st.lists(st.from_regex(r"[+-]?[0-9.e_]{1,20}", fullmatch=True), min_size=1, max_size=4))
def test_a_number_gives_back_the_digits_of_its_text(texts):
    numbers = as_numbers(pa.array(texts))
    if numbers is None or numbers.dtype.kind == "i":
        assert numbers is None or list(map(str, numbers.tolist())) == texts
        return
    for text, value in zip(texts, numbers.tolist(), strict=True):
        assert float(text) == value
        assert "_" not in text


def test_numbers_that_are_written_alike_need_no_mark():
    column = as_column(pa.array(["1.5", "", "2.25"]), as_text=True)
    assert column.tolist() == [1.5, None, 2.25]
    assert AS_WRITTEN not in column.meta


def test_numbers_that_are_written_otherwise_stay_text_with_a_mark():
    column = as_column(pa.array(["1.50", "2.25"]), as_text=True)
    assert (column.tolist(), column.meta) == (["1.50", "2.25"], {AS_WRITTEN: "."})


def test_formats_with_numbers_get_numbers_and_all_that_is_said_of_them():
    table = Table({"z": marked(["0.50", "--"]), "id": marked(["007", "8"]), "n": [1, 2]})
    table.meta["OBSERVER"] = "me"
    made = ready_to_write(table, "FITS")
    assert made["z"].tolist() == [0.5, None]
    assert made["id"].tolist() == ["007", "8"]
    for name in ("z", "id"):
        info = made[name].info
        assert (info.description, str(info.unit), info.meta) == ("a", "mag", {"ucd": "meta.id"})
    assert made.meta["OBSERVER"] == "me"
    assert table["z"].meta[AS_WRITTEN] == "."


def test_csv_gets_the_text_as_it_was():
    assert ready_to_write(Table({"z": marked(["0.50", "--"])}), "CSV")["z"].tolist() == [
        "0.50",
        "--",
    ]


def test_strings_of_other_tables_are_left_alone():
    table = Table({"id": ["1", "2"]})
    assert ready_to_write(table, "FITS") is table


def test_decimal_commas_become_points_in_numbers_only():
    table = Table({"z": marked(["0,50", "1,25"], ",")})
    assert ready_to_write(table, "FITS")["z"].tolist() == [0.5, 1.25]
    assert ready_to_write(table, "CSV")["z"].tolist() == ["0,50", "1,25"]


def test_columns_that_stay_text_are_counted_and_named():
    table = Table(
        {"id": marked(["007", "8"]), "name": marked(["a", "b"]), "z": marked(["1.0", ""])}
    )
    assert text_notes(table, "FITS") == [
        "2 of 3 columns stay text: id, name (numbers in id would change)"
    ]
    assert text_notes(table, "CSV") == []
    assert text_notes(Table({"z": [1.0]}), "FITS") == []


def test_a_column_of_nothing_is_text():
    assert as_numbers(pa.array(["", "null", "--"])) is None
    assert as_column(pa.array(["", ""]), as_text=False).dtype.kind == "U"


def test_infinity_is_a_number_and_overflow_is_none():
    assert np.isinf(as_numbers(pa.array(["inf", "1.5"]))[0])
    assert as_numbers(pa.array(["1e999", "1.5"])) is None
