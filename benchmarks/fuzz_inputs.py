"""Files to be damaged, and ways of damaging them: what `fuzz.py` tries on every reader.

The files are small ones of each kind that the package reads. Damage is drawn by hypothesis: bytes
flipped, cut out, doubled, values of headers, fields and attributes replaced by hostile ones.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
from functools import cache

import numpy as np
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from hypothesis import strategies as st

HOSTILE = [
    b"", b"0", b"-1", b"-2147483648", b"9223372036854775807", b"200000000000", b"1e400", b"nan",
    b"null", b"--", b"inf", b"'", b'"', b"\x00", b"\xff\xfe", b"\x1b[2J", b"%s%n", b"../../etc",
    b"\n", b"\r\n", b"\t", b",", b";", b"\xe9", "é".encode(), b"1_0", b"0x10", b"T", b"F",
    b"A" * 300, b"[" * 200, b"{" * 50, b"&a;", b"<!DOCTYPE x>", b"]]>", b"#", b"\\begin{tabular}",
    b"12 34 56.7", b"J123456.7-010203", b"10PD(9)", b"999999999D", b"K", b"1e-400", b"-0",
]  # fmt: skip
CARD = 80  # bytes of a card of a FITS header


def _written(table: Table, form: str, **options: object) -> bytes:
    """Return a table as astropy writes it."""
    if form in ("fits", "votable"):
        stream = io.BytesIO()
        table.write(stream, format=form, **options)
        return stream.getvalue()
    text = io.StringIO()
    table.write(text, format=form, **options)
    return text.getvalue().encode()


def _table() -> Table:
    """Return a small catalogue with columns of every kind."""
    table = Table(
        {
            "name": ["NGC 1", "b", "", "d"],
            "RA": [150.1, 150.2, 150.3, 150.4],
            "DEC": [2.1, -2.2, 2.3, 2.4],
            "TARGETID": np.array([39627000000000001, 2, 3, 39627000000000004]),
            "flag": [True, False, True, True],
        }
    )
    table["n"] = MaskedColumn([1, 2, 3, 4], mask=[False, True, False, False], dtype="i2")
    table["RA"].unit = table["DEC"].unit = "deg"
    table.meta["OBSERVER"] = "nobody"
    return table


@cache
def text_files() -> list[bytes]:
    """Return text tables of many kinds."""
    plain = _table()
    plain.meta.clear()
    forms = ("ascii.csv", "ascii.tab", "ascii.ipac", "ascii.mrt", "ascii.latex", "ascii.ecsv")
    files = [_written(plain["RA", "DEC", "TARGETID"], form) for form in forms]
    files += [
        b"ra;dec;name\n150.1;2.1;a\n150.2;-2.2;b\n",
        b"#Table1\nobjid,ra,dec,z\n1237648720693755918,150.1,2.1,0.1\n2,150.2,2.2,null\n",
        b"#\n#   VizieR\n#\n_RAJ2000\t_DEJ2000\tMag\ndeg\tdeg\tmag\n--------\t-------\t---\n"
        b"150.1\t2.1\t19.5\n150.2\t-2.2\t \n",
        b"150.1 2.1 19\n150.2 2.2 20\n",
        "name,R.A.,Decl.\nCaf\xe9,10:00:24.0,-02:12:00\n".encode("latin-1"),
        b"\xef\xbb\xbfid,ra,dec\r\n00123,150.1,2.1\r\n",
    ]
    return [*files, gzip.compress(files[0], mtime=0)]


@cache
def fits_tables() -> list[bytes]:
    """Return FITS catalogues: plain, ASCII, two tables, vectors of different lengths, gzipped."""
    plain = _written(_table(), "fits")
    columns = [
        fits.Column("RA", "D", array=[150.1, 150.2]),
        fits.Column("DEC", "D", array=[2.1, 2.2]),
        fits.Column("v", "PD()", array=np.array([np.ones(2), np.ones(3)], object)),
    ]
    ragged = fits.BinTableHDU.from_columns(columns)
    text = fits.TableHDU.from_columns([fits.Column("RA", "F8.3", array=[150.1, 150.2])])
    wide = fits.BinTableHDU.from_columns(
        [
            fits.Column("RA", "3D", array=[[1.0, 2, 3]]),
            fits.Column("DEC", "3D", array=[[1.0, 2, 3]]),
        ]
    )
    several = [_hdus(one) for one in (ragged, text, wide)]
    return [plain, *several, gzip.compress(plain, mtime=0)]


def _hdus(*hdus: object) -> bytes:
    """Return a FITS file."""
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(stream)
    return stream.getvalue()


@cache
def votables() -> list[bytes]:
    """Return VOTables in every serialisation, one with a COOSYS, one that reports an error."""
    forms = ("tabledata", "binary", "binary2")
    table = _table()
    table.replace_column("n", table["n"].filled(-1))  # astropy writes no null in binary
    files = [_written(table, "votable", tabledata_format=form) for form in forms]
    frame = (
        b'<?xml version="1.0"?>'
        b'<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
        b'<COOSYS ID="s" system="eq_FK5" equinox="J2000"/><TABLE nrows="1">'
        b'<PARAM name="p" datatype="char" arraysize="3x2" value="abcdef"/>'
        b'<FIELD name="RA" ref="s" datatype="double" unit="deg"/>'
        b'<FIELD name="DEC" ref="s" datatype="double" unit="deg"/>'
        b"<DATA><TABLEDATA><TR><TD>150.1</TD><TD>2.1</TD></TR></TABLEDATA></DATA>"
        b"</TABLE></RESOURCE></VOTABLE>"
    )
    failed = frame.replace(
        b"<RESOURCE>", b'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">no</INFO>'
    )
    return [*files, frame, failed]


@cache
def parquet_files() -> list[bytes]:
    """Return Parquet files: with lists and records within columns, and one of this package."""
    import pyarrow as pa
    from pyarrow import parquet

    from astroclip_astro.catalogue.parquet import write_parquet

    plain, ours = io.BytesIO(), io.BytesIO()
    columns = {"RA": [150.1, 150.2], "DEC": [2.1, None], "v": [[1.0], [1.0, 2.0]]}
    parquet.write_table(pa.table(columns | {"s": [{"a": 1}, {"a": 2}]}), plain)
    write_parquet(_table(), ours)
    return [plain.getvalue(), ours.getvalue()]


@cache
def cutouts() -> list[bytes]:
    """Return FITS cutouts in g, r, z."""
    from astroclip_astro.fetch.files.pixel_grid import native_grid

    header = native_grid(150.0, 2.0).to_header()
    header.update(BANDS="grz", CRPIX1=24.5, CRPIX2=24.5)
    pixels = np.random.default_rng(0).normal(1, 0.1, (3, 48, 48)).astype("f4")
    plain = io.BytesIO()
    fits.PrimaryHDU(pixels, header).writeto(plain)
    bands = []
    for band, plane in zip("grz", pixels, strict=True):
        hdu = fits.ImageHDU(plane, header)
        hdu.header["BAND"] = band
        del hdu.header["BANDS"]
        bands.append(hdu)
    packed = fits.CompImageHDU(pixels[0], header)
    return [plain.getvalue(), _hdus(*bands), _hdus(packed)]


@cache
def coadds() -> list[bytes]:
    """Return DESI coadds of two spectra."""
    hdus = []
    for camera, (first, last) in {"B": (3600, 3700), "R": (5760, 5860), "Z": (7520, 7620)}.items():
        wave = np.arange(first, last, 0.8)
        flux = np.ones((2, len(wave)), "f4")
        hdus.append(fits.ImageHDU(wave, name=f"{camera}_WAVELENGTH"))
        hdus += [fits.ImageHDU(flux, name=f"{camera}_{kind}") for kind in ("FLUX", "IVAR")]
    fibres = Table({"TARGETID": [7, 8], "TARGET_RA": [150.0, 150.1], "TARGET_DEC": [2.0, 2.1]})
    fibres["COADD_FIBERSTATUS"] = [0, 0]
    return [_hdus(fits.BinTableHDU(fibres, name="FIBERMAP"), *hdus)]


@cache
def cards() -> list[bytes]:
    """Return the cards of the bundled weights."""
    from astroclip_astro.resources import folder

    return [path.read_bytes() for path in sorted(folder("weights").glob("*.json"))]


@cache
def references() -> list[bytes]:
    """Return a small reference as a FITS file."""
    from tempfile import TemporaryDirectory

    from astroclip_astro.zeroshot.reference import Reference
    from astroclip_astro.zeroshot.reference_file import save_reference

    angle = np.linspace(0, 1, 40)
    points = np.zeros((40, 128), np.float32)
    points[:, 0], points[:, 1] = np.cos(angle), np.sin(angle)
    labels = {"redshift": angle / 2, "log_stellar_mass": 10 + angle}
    reference = Reference(name="arc", image=points, spectrum=points, labels=labels, simulated=True)
    with TemporaryDirectory() as folder:
        path = f"{folder}/arc.fits"
        save_reference(reference, path)
        with open(path, "rb") as file:
            return [file.read()]


@cache
def sparcl_replies() -> list[bytes]:
    """Return replies of SPARCL: JSON, and the pickles that it sends."""
    entry = {
        "sparcl_id": "id", "targetid": 7, "ra": 150.0, "dec": 2.0, "data_release": "DESI-DR1",
        "flux": [1.0, 2.0, 3.0], "ivar": [1.0, 1.0, 1.0], "wavelength": [3600.0, 3600.8, 3601.6],
    }  # fmt: skip
    head = {"status": {"success": True}}
    arrays = entry | {"flux": np.ones(4), "ivar": np.ones(4, "f4")}
    pickles = [pickle.dumps([head, one], protocol=4) for one in (entry, arrays)]
    return [json.dumps([head, entry]).encode(), *pickles]


@st.composite
def damaged(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """Draw one of some files, damaged up to four times."""
    content = draw(st.sampled_from(files))
    for _ in range(draw(st.integers(1, 4))):
        change = draw(st.sampled_from(CHANGES))
        content = change(draw, content)
    return content


def _place(draw: st.DrawFn, content: bytes) -> int:
    """Draw a place in a file, more often near its beginning, where headers are."""
    size = max(len(content) - 1, 0)
    return draw(st.integers(0, min(size, 4000)) | st.integers(0, size))


def _flip(draw: st.DrawFn, content: bytes) -> bytes:
    place = _place(draw, content)
    return content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]


def _cut(draw: st.DrawFn, content: bytes) -> bytes:
    place = _place(draw, content)
    return content[:place] + content[place + draw(st.integers(1, 3000)) :]


def _end(draw: st.DrawFn, content: bytes) -> bytes:
    return content[: _place(draw, content)]


def _double(draw: st.DrawFn, content: bytes) -> bytes:
    place, length = _place(draw, content), draw(st.integers(1, 3000))
    return content[: place + length] + content[place:]


def _insert(draw: st.DrawFn, content: bytes) -> bytes:
    place = _place(draw, content)
    return content[:place] + draw(st.sampled_from(HOSTILE)) + content[place:]


def _card(draw: st.DrawFn, content: bytes) -> bytes:
    """Replace the value of a card of a FITS header."""
    place = _place(draw, content) // CARD * CARD
    value = draw(st.sampled_from(HOSTILE))[:70]
    card = content[place : place + 10] + value.rjust(20)
    return content[:place] + card[:CARD].ljust(CARD) + content[place + CARD :]


def _field(draw: st.DrawFn, content: bytes) -> bytes:
    """Replace what stands between two separators or quotes."""
    place = _place(draw, content)
    ends = [content.find(mark, place) for mark in (b",", b'"', b"<", b"\n", b"\t", b";", b" ")]
    stop = min((end for end in ends if end >= 0), default=len(content))
    return content[:place] + draw(st.sampled_from(HOSTILE)) + content[stop:]


CHANGES = (_flip, _cut, _end, _double, _insert, _card, _field, _field, _card)
