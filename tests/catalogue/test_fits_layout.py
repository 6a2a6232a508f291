"""Headers of FITS files are counted before anything is built from them."""

import gzip
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import Table
from pyarrow import parquet

from astroclip_astro.catalogue.fits_layout import iterate_parts
from astroclip_astro.catalogue.fits_table import read_fits
from astroclip_astro.errors import CatalogueError
from astroclip_astro.storage.packed import open_unpacked

MEASURE = """
import resource, sys, time
from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.errors import CatalogueError
for path in sys.argv[1:]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    try:
        read_catalogue(path)
        words = "READ"
    except CatalogueError as error:
        words = str(error)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(time.process_time() - start, grown, words)
"""
BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
)


def content(cards=(), rows=3):
    """A FITS file with one table, some of whose cards are other ones."""
    numbers = np.arange(rows, dtype=">f8")
    header = fits.BinTableHDU(Table({"ra": numbers, "dec": numbers})).header
    data = np.stack([numbers, numbers], axis=1).astype(">f8").tobytes()
    text = header.tostring()
    for key, value in dict(cards).items():
        card = f"{key:8}= {value:>20}".ljust(80)
        at = text.find(f"{key:8}=")
        text = text[:at] + card + text[at + 80 :] if at >= 0 else _with(text, card)
    return (
        fits.PrimaryHDU().header.tostring().encode()
        + text.encode()
        + data
        + bytes(-len(data) % 2880)
    )


def _with(text, card):
    """A header with one more card."""
    cards = [text[at : at + 80] for at in range(0, len(text), 80)]
    cards.insert(next(i for i, one in enumerate(cards) if one.startswith("END ")), card)
    lines = "".join(cards).rstrip()
    return lines + " " * (-len(lines) % 2880)


def block(yaml):
    """A table whose header has astropy's block of YAML."""
    hdu = fits.BinTableHDU(Table({"ra": [1.0], "dec": [2.0]}))
    lines = ["--BEGIN-ASTROPY-SERIALIZED-COLUMNS--", *yaml.split("\n")]
    for line in [*lines, "--END-ASTROPY-SERIALIZED-COLUMNS--"]:
        parts = [line[at : at + 70] for at in range(0, len(line), 70)]
        for number, part in enumerate(parts, start=1):
            hdu.header.add_comment(part + "\\" * (number < len(parts)))
    primary = fits.PrimaryHDU().header.tostring() + hdu.header.tostring()
    return primary.encode() + hdu.data.tobytes().ljust(2880, b"\0")


def with_parquet_metadata(yaml):
    table = pa.table({"ra": [1.0], "dec": [2.0]})
    table = table.replace_schema_metadata({"table_meta_yaml": yaml})
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def ecsv(yaml):
    head = "%ECSV 1.0\n---\ndatatype:\n- {name: ra, datatype: float64}\n" + yaml
    return ("".join(f"# {line}\n" for line in head.split("\n")) + "ra\n1\n").encode()


IMAGE = fits.ImageHDU(np.zeros(4)).header.tostring().encode()
CLAIMS = {
    "negative axis": (content({"NAXIS1": -16}), "NAXIS1 = -16"),
    "negative rows": (content({"NAXIS2": -3}), "NAXIS2 = -3"),
    "negative axes": (content({"NAXIS": -2}), "NAXIS = -2"),
    "negative heap": (content({"PCOUNT": -5760}), "PCOUNT = -5760"),
    "negative groups": (content({"GCOUNT": -1}), "GCOUNT = -1"),
    "negative columns": (content({"TFIELDS": -1}), "TFIELDS = -1"),
    "back to the beginning": (content({"PCOUNT": -100000}), "PCOUNT = -100000"),
    "image before, negative": (
        content()[:2880]
        + IMAGE.replace(b"NAXIS1  =                    4", b"NAXIS1  =                -9999")
        + content()[2880:],
        "NAXIS1 = -9999",
    ),
    "heap": (content({"PCOUNT": 10**15}), "is truncated"),
    "rows": (content({"NAXIS2": 10**15}), "is truncated"),
    "rows of no bytes": (content({"NAXIS1": 0, "NAXIS2": 10**15}), "rows of no bytes"),
    "rows beyond 64 bits": (content({"NAXIS2": 10**19}), "is truncated"),
    "columns": (content({"TFIELDS": 10**9}), "TFIELDS = 1000000000"),
    "axes": (content({"NAXIS": 10**9}), "NAXIS = 1000000000"),
    "no number": (content({"NAXIS2": "'many'"}), "NAXIS2 = 'many'"),
    "a fraction": (content({"NAXIS2": 2.5}), "NAXIS2 = 2.5"),
    "logical": (content({"NAXIS2": "T"}), "NAXIS2 = True"),
    "bits": (content({"BITPIX": 7}), "BITPIX = 7"),
    "letters in a cell": (content({"TFORM1": "'99999999999A'"}), "not understood"),
    "header without end": (content()[:2880] + b"XTENSION".ljust(2880) * 2500, "no END card"),
    "YAML in FITS": (block(BOMB), "aliases stand for more"),
    "YAML in FITS, gzipped": (gzip.compress(block(BOMB)), "aliases stand for more"),
    "YAML in ECSV": (ecsv(BOMB), "aliases stand for more"),
    "YAML in other text": (b"\n" + ecsv(BOMB), "aliases stand for more"),
    "YAML in gzipped ECSV": (gzip.compress(ecsv(f"meta: {'[' * 9999}")), "levels deep"),
    "YAML in Parquet": (with_parquet_metadata(BOMB), "aliases stand for more"),
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Seconds, megabytes of the process, and the message of each claim."""
    folder = tmp_path_factory.mktemp("claims")
    paths = []
    for number, (claim, _) in enumerate(CLAIMS.values()):
        paths.append(folder / str(number))
        paths[-1].write_bytes(claim)
    result = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)],
        **{"capture_output": True, "text": True, "check": True, "timeout": 100},
    )
    lines = [line.split(" ", 2) for line in result.stdout.splitlines()]
    return dict(zip(CLAIMS, lines, strict=True))


@pytest.mark.parametrize("claim", CLAIMS)
def test_claims_are_refused_before_anything_is_built(measured, claim):
    seconds, grown, words = measured[claim]
    assert CLAIMS[claim][1] in words
    assert float(seconds) < 1
    assert float(grown) < 100


def test_parts_are_counted_as_astropy_does(tmp_path):
    text = fits.Column("b", "I4", ascii=True, array=[1])
    hdus = [
        fits.PrimaryHDU(np.ones((30, 40), "i2")),
        fits.ImageHDU(),
        fits.BinTableHDU(Table({"a": [1]})),
        fits.CompImageHDU(np.ones((50, 50), "i2")),
        fits.TableHDU.from_columns([text]),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "t.fits")
    with open_unpacked(tmp_path / "t.fits") as stream, fits.open(tmp_path / "t.fits") as there:
        parts = list(iterate_parts(tmp_path / "t.fits", stream))
        places = [there[number].fileinfo()["datLoc"] for number in range(len(there))]
    assert [part.data for part in parts] == places
    assert [part.is_table for part in parts] == [False, False, True, False, True]


def test_rubbish_behind_the_last_part_is_left(tmp_path):
    (tmp_path / "t.fits").write_bytes(content() + b"junk" * 2000)
    assert read_fits(tmp_path / "t.fits")["ra"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("packed", [False, True])
def test_cut_between_tables_is_explained(tmp_path, packed):
    """The table with positions is the second, and the first is cut off."""
    first = fits.BinTableHDU(Table({"night": np.arange(5000)}))
    fits.HDUList([fits.PrimaryHDU(), first]).writeto(tmp_path / "t.fits")
    cut = (tmp_path / "t.fits").read_bytes()[:20000]
    (tmp_path / "t.fits").write_bytes(gzip.compress(cut) if packed else cut)
    with pytest.raises(CatalogueError, match="truncated: its header claims 5000 rows"):
        read_fits(tmp_path / "t.fits")


def test_gzipped_file_that_is_cut_off_is_explained(tmp_path):
    noise = np.random.default_rng(0).normal(size=5000)
    hdu = fits.BinTableHDU(Table({"ra": noise, "dec": noise}))
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "t.fits")
    packed = gzip.compress((tmp_path / "t.fits").read_bytes())
    (tmp_path / "t.fits").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CatalogueError, match="truncated: its header claims 5000 rows"):
        read_fits(tmp_path / "t.fits")
