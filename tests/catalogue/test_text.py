"""CSV and ECSV, and text as astropy guesses it."""

import io

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.ascii import InconsistentTableError
from astropy.table import Column, MaskedColumn, Table

from astroclip_astro.catalogue.text import read_csv, read_ecsv, read_text, write_csv, write_ecsv
from astroclip_astro.errors import OutputError


def lines(table):
    """The lines of a table written as CSV."""
    stream = io.BytesIO()
    write_csv(table, stream)
    return stream.getvalue().decode().splitlines()


@pytest.fixture
def csv_file(tmp_path):
    def make(content):
        path = tmp_path / "t.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


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


def test_csv_comes_back(csv_file):
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
    back = read_csv(csv_file(stream.getvalue()))
    for name in table.colnames:
        np.testing.assert_equal(back[name].tolist(), table[name].tolist())


def test_byte_order_mark_is_no_part_of_a_name(csv_file):
    assert read_csv(csv_file("\ufeffra,dec\n1,2\n".encode())).colnames == ["ra", "dec"]


def test_short_line_is_refused(csv_file):
    with pytest.raises(InconsistentTableError, match="inconsistent"):
        read_csv(csv_file("ra,dec\n1.5,2.5\n3.5\n"))


def test_other_text_is_guessed(csv_file):
    table = read_text(csv_file("# ra dec name\n1.5 2.5 'M 31'\n"))
    assert [column[0] for column in table.itercols()] == [1.5, 2.5, "M 31"]


def test_ecsv_keeps_everything(tmp_path):
    table = Table({"pos": SkyCoord([1.5] * u.deg, [2.5] * u.deg)}, meta={"a": {"b": 1}})
    table["x"] = MaskedColumn([[1, 2]], mask=[[True, False]], unit="Jy", description="σ")
    table["y"] = Column([1.23456789], format="%.2f", meta={"ucd": "phot.flux"})
    with (tmp_path / "t.ecsv").open("wb") as stream:
        write_ecsv(table, stream)
    back = read_ecsv(tmp_path / "t.ecsv")
    assert isinstance(back["pos"], SkyCoord)
    assert (back["x"].tolist(), back["x"].unit, back["x"].description) == ([[None, 2]], u.Jy, "σ")
    assert (back["y"][0], back["y"].meta, back.meta) == (
        1.23456789,
        {"ucd": "phot.flux"},
        {"a": {"b": 1}},
    )


def test_what_ecsv_cannot_hold_is_refused():
    with pytest.raises(OutputError, match="cannot be written as ECSV"):
        write_ecsv(Table({"x": [1]}, meta={"thing": object()}), io.BytesIO())
