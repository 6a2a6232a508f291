"""Columns as other readers see them in what is written: fitsio, STILTS, pandas, polars, pyarrow."""

import csv
import shutil
import subprocess

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from pyarrow import parquet

from astroclip_astro.catalogue import read_catalogue, write_catalogue

BIG = 39627000000000001
TEXT = f"""id,code,mag,n,name
{BIG},007,19.50,1,NGC 1
{BIG + 1},12,null,nan,"a, b"
{BIG + 2},2012_01,20.25,3, M 31
"""
NAMES = ["id", "code", "mag", "n", "name"]
CODES = ["007", "12", "2012_01"]
TITLES = ["NGC 1", "a, b", " M 31"]
STILTS = shutil.which("stilts")


@pytest.fixture
def written(tmp_path):
    """Return a function that writes the text table in a format, as the command does."""
    (tmp_path / "in.csv").write_text(TEXT)
    table = read_catalogue(tmp_path / "in.csv", as_text=True)
    table["id"].description, table["mag"].meta["ucd"] = "an identifier", "phot.mag"
    table["mag"].unit = "mag"
    table["emb"] = np.arange(6, dtype="f4").reshape(3, 2)
    table["flag"] = MaskedColumn([5, 6, 7], mask=[False, True, False], dtype="i4")

    def write(suffix):
        path = tmp_path / f"out.{suffix}"
        write_catalogue(table, path)
        return path

    return write


def test_fitsio_sees_digits_text_nulls_units_and_vectors(written):
    fitsio = pytest.importorskip("fitsio")
    path = written("fits")
    rows, header = fitsio.read(str(path), ext=1, header=True)
    assert rows["id"].dtype.kind == "i"
    assert rows["id"].tolist() == [BIG, BIG + 1, BIG + 2]
    assert [code.strip() for code in rows["code"].tolist()] == CODES
    assert rows["mag"][[0, 2]].tolist() == [19.5, 20.25]
    assert np.isnan(rows["mag"][1])
    number = list(rows.dtype.names).index("n") + 1
    assert rows["n"].tolist() == [1, header[f"TNULL{number}"], 3]
    assert [name.rstrip() for name in rows["name"].tolist()] == TITLES
    assert rows["emb"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert header[f"TUNIT{list(rows.dtype.names).index('mag') + 1}"] == "mag"


@pytest.mark.skipif(STILTS is None, reason="stilts is not installed")
@pytest.mark.parametrize("suffix", ["fits", "vot"])
def test_stilts_sees_digits_text_and_nulls(written, suffix):
    command = [STILTS, "tpipe", f"in={written(suffix)}", "cmd=delcols emb", "ofmt=csv"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names, *rows = csv.reader(output.splitlines())
    assert names == [*NAMES, "flag"]
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    assert columns["id"] == (str(BIG), str(BIG + 1), str(BIG + 2))
    assert list(columns["code"]) == CODES
    assert columns["mag"] == ("19.5", "", "20.25")
    assert columns["n"] == ("1", "", "3")
    assert [name.strip() for name in columns["name"]] == [name.strip() for name in TITLES]
    assert columns["flag"] == ("5", "", "7")


def seen_by_pandas(path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(path, dtype_backend="pyarrow")
    return {name: [None if one is pandas.NA else one for one in frame[name]] for name in frame}


def seen_by_polars(path):
    return pytest.importorskip("polars").read_parquet(path).to_dict(as_series=False)


def seen_by_pyarrow(path):
    return parquet.read_table(path).to_pydict()


@pytest.mark.parametrize("seen", [seen_by_pandas, seen_by_polars, seen_by_pyarrow])
def test_readers_of_parquet_see_digits_text_and_nulls(written, seen):
    columns = seen(written("parquet"))
    assert list(columns) == [*NAMES, "emb", "flag"]
    assert columns["id"] == [BIG, BIG + 1, BIG + 2]
    assert columns["code"] == CODES
    assert columns["mag"] == [19.5, None, 20.25]
    assert columns["n"] == [1, None, 3]
    assert columns["name"] == TITLES
    assert columns["flag"] == [5, None, 7]
    assert [list(row) for row in columns["emb"]] == [[0, 1], [2, 3], [4, 5]]


def test_python_sees_the_same_lines_in_csv(written):
    with written("csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert [row[:5] for row in rows] == list(csv.reader(TEXT.splitlines()))


@pytest.mark.parametrize("suffix", ["fits", "vot", "ecsv", "parquet"])
def test_we_see_what_we_wrote(written, suffix):
    back = read_catalogue(written(suffix))
    assert back["id"].tolist() == [BIG, BIG + 1, BIG + 2]
    assert back["code"].tolist() == CODES
    assert np.ma.filled(back["mag"], np.nan)[[0, 2]].tolist() == [19.5, 20.25]
    assert back["n"].tolist() == [1, None, 3]
    assert (back["id"].description, str(back["mag"].unit)) == ("an identifier", "mag")
    assert back["mag"].meta["ucd"] == "phot.mag"


def test_table_of_numbers_alone_is_the_same_in_every_format(tmp_path):
    table = Table({"x": [0.1, np.nan], "n": np.array([1, 2], "u2"), "b": [True, False]})
    for suffix in ("fits", "vot", "ecsv", "parquet", "csv"):
        write_catalogue(table, tmp_path / f"t.{suffix}")
        back = read_catalogue(tmp_path / f"t.{suffix}")
        assert np.ma.filled(back["x"].astype(float), np.nan)[0] == 0.1
        assert back["n"].tolist() == [1, 2]
