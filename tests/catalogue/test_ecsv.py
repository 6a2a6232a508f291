"""ECSV keeps everything; archives' null is null."""

import io

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, Table

from astroclip_astro.catalogue.ecsv import read_ecsv, write_ecsv
from astroclip_astro.errors import OutputError


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


GAIA = """# %ECSV 1.0
# ---
# delimiter: ','
# datatype:
# - {name: ra, datatype: float64, unit: deg}
# - {name: n, datatype: int64}
# - {name: s, datatype: string}
# - {name: b, datatype: bool}
ra,n,s,b
1.5,3,"a","True"
null,null,"null",null
"""


def test_word_null_is_null_in_numbers_and_a_word_in_text(tmp_path):
    (tmp_path / "gaia.ecsv").write_text(GAIA)
    table = read_ecsv(tmp_path / "gaia.ecsv")
    assert table["ra"].unit == u.deg
    assert table["ra"].tolist() == [1.5, None]
    assert table["n"].tolist() == [3, None]
    assert table["n"].dtype.kind == "i"
    assert table["s"].tolist() == ["a", "null"]
    assert table["b"].tolist() == [True, None]


def test_other_words_than_null_are_an_error(tmp_path):
    (tmp_path / "t.ecsv").write_text(GAIA.replace("null,null", "zero,null"))
    with pytest.raises(ValueError, match="failed to convert"):
        read_ecsv(tmp_path / "t.ecsv")
