"""What a format cannot hold is found in whatever row it is, before there is anything to lose."""

from io import BytesIO

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from astroclip_astro.catalogue.io import WRITERS
from astroclip_astro.catalogue.trial import check_writable
from astroclip_astro.errors import OutputError

OURS = Table({"astroclip_image": np.zeros((1, 128), "f4"), "astroclip_z": [0.5]})


def ragged(*cells):
    column = np.empty(len(cells), object)
    column[:] = [np.array(cell) for cell in cells]
    return column


EXTREME = MaskedColumn([0, 0, -(2**63)], mask=[True, False, False])
REFUSED = [
    ("FITS", {f"c{n}": [1] for n in range(998)}, "at most 999 columns, and there would be 1000"),
    ("FITS", {"x": ragged([True], [True, False])}, "'x' .*only Parquet holds"),
    ("FITS", {"x": ragged(["a"], ["b", "c"])}, "'x' .*only Parquet holds"),
    ("FITS", {"x": EXTREME}, "'x' has nulls and also holds -9223372036854775808"),
    ("FITS", {"x": ["a", "b", "\ud800"]}, "'x' cannot be written as FITS .*surrogates"),
    ("FITS", {"x": np.array([object(), object()])}, r"'x' holds Python objects \(object\)"),
    ("VOTable", {"x": EXTREME}, "'x' has nulls and also holds"),
    ("VOTable", {"x": ragged(["a"], ["b", "c"])}, "'x' .*only Parquet holds"),
    ("VOTable", {"x": np.zeros((2, 0))}, "'x' holds empty vectors"),
    ("VOTable", {"x": [["a", "b"]] * 2}, "'x' holds vectors of strings"),
    ("VOTable", {"x": [b"a", b"caf\xe9"]}, "'x' holds bytes that are not UTF-8"),
    ("VOTable", {"x": ["a", "\ud800"]}, "'x' cannot be written as VOTable .*surrogates"),
    ("ECSV", {"x": [b"a", b"caf\xe9"]}, "'x' holds bytes that are not UTF-8"),
    ("ECSV", {"x": ragged(["a"], ["b", "c"])}, "'x' .*only Parquet holds"),
    ("ECSV", {"x": np.array([1, 2], "m8[s]")}, "'x' .*only Parquet holds"),
    ("CSV", {"x": [b"a", b"caf\xe9"]}, "'x' holds bytes that are not UTF-8"),
    ("CSV", {"x": ragged([1], [2, 3])}, "'x' holds vectors of different lengths"),
    ("CSV", {"astroclip_image_7": [1, 2]}, "astroclip_image_7 would be there twice"),
    ("Parquet", {"x": [1, 1j]}, "'x' is complex"),
    ("Parquet", {"x": np.array([object(), object()])}, "'x' holds Python objects"),
    ("Parquet", {"x": ragged([1], ["a"])}, "'x' holds arrays of different kinds"),
]


@pytest.mark.parametrize(("form", "columns", "words"), REFUSED)
def test_what_a_format_cannot_hold_is_found(form, columns, words):
    with pytest.raises(OutputError, match=words):
        check_writable(Table(columns), OURS, form)


@pytest.mark.parametrize("form", ["FITS", "ECSV", "Parquet"])
def test_metadata_that_a_format_cannot_hold_are_found(form):
    with pytest.raises(OutputError, match="cannot be written"):
        check_writable(Table({"x": [1.0]}, meta={"thing": object()}), OURS, form)


@pytest.mark.parametrize("form", WRITERS)
def test_what_a_format_holds_passes_and_is_not_changed(form):
    table = QTable(
        {
            "ra": [1.0, 2.0] * u.deg,
            "n": MaskedColumn([1, 2], mask=[True, False]),
            "s": ["a", "é"],
            "b": [b"a", b"b"],
            "v": np.zeros((2, 3)),
            "pos": SkyCoord([1, 2] * u.deg, [1, 2] * u.deg),
            "t": Time([50000.0, 50001.0], format="mjd"),
        }
    )
    before = table.copy()
    check_writable(table, OURS, form)
    assert table.colnames == before.colnames
    assert (table["v"] == before["v"]).all()
    WRITERS[form](table, BytesIO())


def test_column_that_is_going_to_be_replaced_is_not_looked_at():
    check_writable(Table({"x": [1], "Astroclip_Z": [1j]}), OURS, "Parquet")


def test_most_columns_of_fits_pass():
    check_writable(Table({f"c{n}": [1] for n in range(997)}), OURS, "FITS")


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_names_that_are_not_ascii_can_be_written(form):
    table = Table({"\u03c3": [1.0], "caf\xe9": ["x"], "long " * 30: [2]})
    check_writable(table, Table({"more": [1]}), form)
