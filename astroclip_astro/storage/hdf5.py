"""HDF5 files of galaxies: their layout, and how to write them on a disk that may fill."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astroclip_astro.errors import OutputError
from astroclip_astro.records import PIXEL_SCALE, WAVELENGTH
from astroclip_astro.storage.atomic import check_destination
from astroclip_astro.storage.interrupts import interrupts_held

if TYPE_CHECKING:
    import h5py
    from _typeshed import ReadableBuffer


SUFFIXES = (".h5", ".hdf5")
SHARD_ROWS = 64  # galaxies; about a second of work, and what a kill can cost
CHUNK_BYTES = 131_072  # of a chunk; one random galaxy costs no more than this
SMALL_ROW = 4096  # bytes; columns of smaller rows are not chunked
FORMAT = "v110"  # of the HDF5 file: checksummed, and quick to look up in with many chunks
FLUX_UNIT = "1e-17 erg / (s cm2 Angstrom)"
IVAR_UNIT = "1e34 s2 cm4 Angstrom2 / erg2"
GRIDS = {  # attributes that say what pixels and samples are
    "bands": "grz",
    "pixel_scale": PIXEL_SCALE,
    "pixel_scale_unit": "arcsec",
    "wavelength_start": WAVELENGTH[0],
    "wavelength_step": 0.8,
    "wavelength_unit": "Angstrom",
    "wavelength_medium": "vacuum",
}


@dataclass(frozen=True)
class Field:
    """A dataset of the file.

    Parameters
    ----------
    shape : tuple of int
        For one galaxy.
    dtype : str
        As numpy spells it.
    unit : str
        Empty where there is none.
    description : str
        One line.
    """

    shape: tuple[int, ...]
    dtype: str
    unit: str
    description: str


def check_hdf5_output(path: Path, *, overwrite: bool) -> Path:
    """Return where a file will be, absolute, sure that it can be written there.

    Parameters
    ----------
    path : Path
        ``.h5`` or ``.hdf5``.
    overwrite : bool
        Whether it may be there already.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    OutputError
        For another suffix, or as `astroclip_astro.storage.atomic.check_destination`.

    Examples
    --------
    >>> check_hdf5_output(Path("survey.fits"), overwrite=False)
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.OutputError: Output survey.fits has no suffix .h5 or .hdf5; add one.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"Output {path} has no suffix {' or '.join(SUFFIXES)}; add one.")
    return check_destination(path, overwrite=overwrite)


def storage(field: Field, n: int) -> dict[str, Any]:
    """Return how a dataset is laid out; the one rule for all files.

    Long rows are chunked, a few galaxies to a chunk, so that any one is cheap to read. Those of
    four bytes and more a number are compressed: shuffle and gzip 1 take a quarter off spectra.
    float16 pixels are not: noise fills them, an eighth could be gained and reading would be ten
    times slower.

    Parameters
    ----------
    field : Field
        Shape and dtype of one galaxy's value.
    n : int
        Galaxies in the file.

    Returns
    -------
    dict
        Arguments for `h5py.Group.create_dataset`.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> storage(SimpleNamespace(shape=(7781,), dtype="float32"), 1000)["chunks"]
    (4, 7781)
    >>> storage(SimpleNamespace(shape=(), dtype="float64"), 1000)
    {}
    """
    dtype = np.dtype(field.dtype)
    size = dtype.itemsize * math.prod(field.shape)
    if size < SMALL_ROW:
        return {}
    fitting = max(1, min(CHUNK_BYTES // size, SHARD_ROWS))
    rows = 2 ** int(math.log2(fitting))  # so that chunks end where parts end
    layout: dict[str, Any] = {"chunks": (min(rows, n), *field.shape)}
    if dtype.itemsize >= 4:
        layout |= {"shuffle": True, "compression": "gzip", "compression_opts": 1}
    return layout


class Disk(io.FileIO):
    """A file for HDF5 to write to, in which no write ever fails.

    Where one does fail, because the disk is full or the file too large for it, HDF5 cannot close
    its file, and ends the process when Python ends. So a failure is kept here, and what HDF5
    writes after it goes nowhere.

    Parameters
    ----------
    path : Path
        The file; what is there is replaced.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self.failure: OSError | None = None

    def write(self, data: ReadableBuffer) -> int:
        """Write all of ``data``, or nothing once a write has failed."""
        rest = whole = memoryview(data)
        try:
            while rest and self.failure is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.failure = error
        return len(whole)

    def truncate(self, size: int | None = None) -> int:
        """Set the file's length, unless a write has failed."""
        try:
            if self.failure is None:
                super().truncate(size)
        except OSError as error:
            self.failure = error
        return self.tell() if size is None else size

    def check(self) -> None:
        """Raise what a write has failed with.

        Raises
        ------
        OSError
        """
        if self.failure is not None:
            raise self.failure


@contextmanager
def new_file(path: Path) -> Iterator[tuple[h5py.File, Disk]]:
    """Open a new HDF5 file, and the disk below it that is to be checked now and then.

    Parameters
    ----------
    path : Path
        The file; what is there is replaced.

    Yields
    ------
    tuple of h5py.File and Disk
        At the end of the block they are closed, and all is on the disk.

    Raises
    ------
    OSError
        Where something could not be written.
    """
    import h5py

    with Disk(path) as disk:
        with interrupts_held():
            file = h5py.File(disk, "w", libver=FORMAT)
        try:
            yield file, disk
        finally:
            with interrupts_held():
                file.close()
        disk.check()
        os.fsync(disk.fileno())
