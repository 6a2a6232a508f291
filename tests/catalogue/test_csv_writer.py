"""CSV: a column for each number, and the values of the table."""

import io

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, Table

from astroclip_astro.catalogue.csv_writer import write_csv
from astroclip_astro.errors import OutputError


def lines(table):
    """The lines of a table written as CSV."""
    stream = io.BytesIO()
    write_csv(table, stream)
    return stream.getvalue().decode().splitlines()


def test_vectors_become_columns_one_for_each_element():
    table = Table({"id": [1], "emb": np.array([[0.5, np.nan]]), "m": np.array([[[1, 2], [3, 4]]])})
    assert lines(table) == ["id,emb_0,emb_1,m_0_0,m_0_1,m_1_0,m_1_1", "1,0.5,nan,1,2,3,4"]


def test_no_element_of_a_wide_vector_is_lost():
    table = Table({"emb": np.arange(256.0).reshape(2, 128)})
    assert lines(table)[0] == ",".join(f"emb_{i}" for i in range(128))
    assert lines(table)[2] == ",".join(str(float(i)) for i in range(128, 256))


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(OutputError, match="x_0 would be there twice"):
        lines(Table({"x": [[1, 2]], "x_0": [3]}))


def test_vectors_without_elements_are_refused():
    with pytest.raises(OutputError, match="'x' holds vectors"):
        lines(Table({"x": np.zeros((2, 0))}))


def test_nulls_are_empty_fields():
    table = Table({"n": MaskedColumn([1, 2], mask=[True, False]), "s": ["a", "b"]}, masked=True)
    table["s"].mask = [False, True]
    assert lines(table) == ["n,s", ",a", "2,"]


def test_numbers_are_written_whole_whatever_their_display():
    column = Column([1.23456789], format="%.2f")
    assert lines(Table({"x": column, "y": np.array([0.1], "f4")}))[1] == "1.23456789,0.1"


def test_sky_coordinates_are_two_columns():
    table = Table({"pos": SkyCoord([1.5] * u.deg, [2.5] * u.deg)})
    assert lines(table) == ["pos.ra,pos.dec", "1.5,2.5"]


def test_more_rows_than_are_text_at_a_time_are_written():
    assert lines(Table({"x": np.arange(10_000)}))[-1] == "9999"
