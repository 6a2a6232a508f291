import astropy.units as u
import numpy as np
import pytest
from astropy.table import Column, MaskedColumn
from astropy.time import Time
from astropy.utils.masked import Masked

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.cell_values import is_blank, read_text, read_values


@pytest.mark.parametrize(
    "column",
    [
        MaskedColumn([1.0, 2.0], mask=[False, True]),
        Masked([1.0, 2.0] * u.deg, mask=[False, True]),
        Masked(np.array([1.0, 2.0]), mask=[False, True]),
    ],
    ids=["MaskedColumn", "masked Quantity", "masked array"],
)
def test_values_and_mask_are_plain_arrays(column):
    values, mask = read_values(column, "ra", "numbers")
    assert type(values) is np.ndarray
    assert values[0] == 1.0
    assert mask.tolist() == [False, True]


def test_column_without_mask_hides_nothing():
    assert not read_values(Column([1, 2]), "ra", "numbers")[1].any()


def test_several_values_a_row_are_refused_with_their_shape():
    with pytest.raises(CatalogueError, match=r"'ra' has values of shape \(3,\).*one value a row"):
        read_values(Column(np.zeros((2, 3))), "ra", "numbers")


def test_times_are_refused_with_their_type():
    with pytest.raises(CatalogueError, match="'ra' is a Time column, expected numbers"):
        read_values(Time([1.0], format="mjd"), "ra", "numbers")


@pytest.mark.parametrize(
    ("cell", "text"), [(None, ""), (b" 12 ", "12"), ("x ", "x"), (1.5, "1.5"), (b"\xff", "\ufffd")]
)
def test_cells_become_text(cell, text):
    assert read_text(cell) == text


@pytest.mark.parametrize("text", ["", "nan", "NULL", "None", "--", "N/A", "<NA>"])
def test_words_for_nothing_are_blank(text):
    assert is_blank(text)


def test_zero_is_not_blank():
    assert not is_blank("0")
