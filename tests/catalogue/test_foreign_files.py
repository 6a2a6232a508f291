"""What is no catalogue is called by its name."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.catalogue.foreign_files import describe_foreign
from astroclip_astro.errors import CatalogueError


def archive():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("xl/workbook.xml", "")
    return stream.getvalue()


def array():
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


FILES = {
    "an Excel workbook or another zip archive": archive(),
    "an array of numpy": array(),
    "a pickle of Python, which is never loaded": pickle.dumps([1]),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n",
    "a PDF document": b"%PDF-1.7",
    "a picture": b"\x89PNG\r\n\x1a\n",
    "a web page": b"\n<!DOCTYPE html><html>",
    "JSON": b'[{"ra": 1.5}]',
}


@pytest.mark.parametrize("kind", FILES)
def test_kind_is_said(kind, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(FILES[kind])
    with pytest.raises(CatalogueError, match=f"is {kind}, which is no catalogue") as caught:
        read_catalogue(path)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(
    "text", [b"ra,dec\n", b"[deg],x\n", b"PKS 0000,1.5\n", b"CDFS,1\n", b"GIF,1"]
)
def test_names_and_objects_are_no_kind(text):
    assert describe_foreign(text) is None
