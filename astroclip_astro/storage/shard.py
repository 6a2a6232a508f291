"""One part of an HDF5 file of galaxies: what is settled of 64 of them, as a file of its own."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.errors import AstroclipError
from astroclip_astro.storage.hdf5 import FORMAT, Field, storage

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True)
class Shard:
    """What is settled of the galaxies of one part.

    Parameters
    ----------
    galaxies : mapping of int to mapping
        Each galaxy's value for every field, of exactly the field's shape and dtype, by its place
        in the part, counted from 0.
    rejected : mapping of int to str
        Why there will be nothing of others, by their place. A place in neither is still to be
        settled.
    """

    galaxies: Mapping[int, Mapping[str, np.ndarray]]
    rejected: Mapping[int, str]

    def __len__(self) -> int:
        """Return how many galaxies are settled."""
        return len(self.galaxies) + len(self.rejected)


def pack_shard(shard: Shard, fields: Mapping[str, Field], n: int, *, run_metadata: str) -> bytes:
    """Return a part as the content of a file.

    Parameters
    ----------
    shard : Shard
        The part.
    fields : mapping of str to Field
        Every dataset.
    n : int
        Galaxies in the file that it will be joined to, which decides the layout.
    run_metadata : str
        What it will be known again by.

    Returns
    -------
    bytes
        Built in memory: HDF5 does not survive a disk that fills while it writes.

    Raises
    ------
    AstroclipError
        Where a galaxy is not as the fields say.

    Examples
    --------
    >>> fields = {"redshift": Field((), "f4", "", "Redshift")}
    >>> part = Shard({3: {"redshift": np.float32(0.5)}}, {0: "no image"})
    >>> pack_shard(part, fields, 64, run_metadata="{}")[1:4]
    b'HDF'
    """
    import h5py

    places = sorted(shard.galaxies)
    with h5py.File("part", "w", driver="core", backing_store=False, libver=FORMAT) as file:
        file.attrs["facts"] = run_metadata
        file.attrs["places"] = json.dumps(places)
        file.attrs["left_out"] = json.dumps(sorted(shard.rejected.items()))
        for name, field in fields.items():
            values = _stack([shard.galaxies[place][name] for place in places], name, field)
            stored = np.zeros((_stored_rows(field, len(values), n), *field.shape), field.dtype)
            stored[: len(values)] = values
            dataset = file.create_dataset(name, data=stored, **storage(field, n))
            dataset.attrs["crc32"] = zlib.crc32(stored.data)
        file.flush()
        return file.id.get_file_image()


def read_places(file: h5py.File) -> list[int]:
    """Return the places that the galaxies of a part have in it, in order."""
    return json.loads(file.attrs["places"])


def read_rejected(file: h5py.File) -> dict[int, str]:
    """Return why galaxies of a part are left out, by their place in it."""
    return dict(json.loads(file.attrs["left_out"]))


def read_shard(file: h5py.File, fields: Mapping[str, Field], n: int) -> Shard:
    """Read a part, sure that it is as it was written.

    Parameters
    ----------
    file : h5py.File
        The part's file.
    fields, n
        As for `pack_shard`.

    Returns
    -------
    Shard

    Raises
    ------
    ValueError
        Where a dataset is laid out otherwise or changed. Libraries notice other damage in other
        ways.
    """
    places = read_places(file)
    values = {}
    for name, field in fields.items():
        dataset = file[name]
        stored = dataset[()]
        shape = (_stored_rows(field, len(places), n), *field.shape)
        layout = (dataset.shape, dataset.dtype, dataset.chunks)
        if layout != (shape, np.dtype(field.dtype), storage(field, n).get("chunks")):
            raise ValueError(f"{name} is laid out as {layout}")
        if zlib.crc32(stored) != dataset.attrs["crc32"]:
            raise ValueError(f"{name} has changed")
        values[name] = stored
    galaxies = {
        place: {name: values[name][row] for name in fields} for row, place in enumerate(places)
    }
    return Shard(galaxies, read_rejected(file))


def copy_rows(shard: h5py.Dataset, output: h5py.Dataset, first: int, rows: int) -> None:
    """Copy a dataset of one part to its place, chunks as they are where they end alike.

    Parameters
    ----------
    shard, output : h5py.Dataset
        From where, and where to.
    first : int
        The row of the output.
    rows : int
        How many.
    """
    step = output.chunks[0] if output.chunks else 0
    alike = step and shard.chunks == output.chunks and first % step == 0
    if not alike or (rows % step and first + rows != len(output)):
        output[first : first + rows] = shard[:rows]
        return
    rest = (0,) * (output.ndim - 1)
    for row in range(0, rows, step):
        mask, chunk = shard.id.read_direct_chunk((row, *rest))
        output.id.write_direct_chunk((first + row, *rest), chunk, mask)


def _stack(values: Sequence[np.ndarray], name: str, field: Field) -> np.ndarray:
    """Return galaxies' values of one field as an array (rows, ...), or raise."""
    shape = (len(values), *field.shape)
    stacked = np.stack(values) if values else np.zeros(shape, field.dtype)
    if stacked.dtype != field.dtype or stacked.shape != shape:
        raise AstroclipError(
            f"A galaxy's {name} is {stacked.dtype} {stacked.shape[1:]}, expected "
            f"{field.dtype} {tuple(field.shape)}."
        )
    return stacked


def _stored_rows(field: Field, rows: int, n: int) -> int:
    """Return the rows of a part's dataset: whole chunks, the last one filled with zeros."""
    step = storage(field, n).get("chunks", (1,))[0]
    return max(1, -(-rows // step)) * step
