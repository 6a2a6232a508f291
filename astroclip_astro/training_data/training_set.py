"""A training set: one HDF5 file, one galaxy a row, looked at before it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import h5py

AT_ONCE = 256  # galaxies read at a time
CHUNK_CACHE = 2**27  # bytes a dataset; holds the chunks of a thousand spectra

# What may be in a training set, and the shape of one galaxy's value; None is any length.
KNOWN_DATASETS = {
    "images": (3, None, None),
    "spectrum": (7781,),
    "ivar": (7781,),
    "clean_spectrum": (7781,),
    "psf_size": (3,),
    "redshift": (),
    "log_stellar_mass": (),
    "flux": (3,),
    "ebv": (),
    "ra": (),
    "dec": (),
    "targetid": (),
}
OTHER_NAMES = {"psf_size": "psfsize"}  # in the files of Stein et al.


@dataclass(frozen=True)
class TrainingSet:
    """An HDF5 file with one galaxy a row.

    Parameters
    ----------
    path : Path
        The file: of ``astroclip-simulate``, of Stein et al., or of your own by their names.
    names : frozenset of str
        Which of the known datasets it has.
    rows : int
        Number of galaxies.
    simulated : bool
        Whether the file says that its galaxies are SIMULATED.
    side : int
        Of its images, pixels; 0 without images.
    stored : mapping of str to str
        Names in the file of those datasets that are called otherwise there.
    """

    path: Path
    names: frozenset[str]
    rows: int
    simulated: bool
    side: int = 0
    stored: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> np.ndarray:
        """Return a whole column; for numbers or words, not for images or spectra.

        Parameters
        ----------
        name : str
            A dataset of the file, known or not.

        Returns
        -------
        ndarray
            (n,).

        Raises
        ------
        InputError
            If there is no such dataset, or not one value for each galaxy.
        """
        import h5py

        with h5py.File(self.path) as file:
            if getattr(file.get(name), "shape", None) != (self.rows,):
                columns = [one for one in file if getattr(file[one], "shape", 0) == (self.rows,)]
                raise InputError(
                    f"{self.path} has no column {name!r} with a value for each galaxy, only "
                    f"{', '.join(columns) or 'none'}{did_you_mean(name, columns) or '.'}"
                )
            return file[name][:]

    def read(
        self, names: Sequence[str], rows: np.ndarray
    ) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """Read galaxies in the order asked for, a few at a time.

        Parameters
        ----------
        names : sequence of str
            Known datasets; those that the file has not are left out.
        rows : ndarray
            int64 (n,), which galaxies.

        Yields
        ------
        tuple of slice and dict of str to ndarray
            Which of ``rows``, and their values by dataset, (up to 256, ...).
        """
        import h5py

        places = {name: self.stored.get(name, name) for name in names if name in self.names}
        with h5py.File(self.path, rdcc_nbytes=CHUNK_CACHE) as file:
            for start in range(0, len(rows), AT_ONCE):
                part = slice(start, start + AT_ONCE)
                yield part, {n: rows_of(file[place], rows[part]) for n, place in places.items()}


def open_training_set(path: Path, needed: Sequence[str] = ()) -> TrainingSet:
    """Look at a training set, without reading images or spectra.

    Parameters
    ----------
    path : Path
        An HDF5 file.
    needed : sequence of str
        Datasets that must be there.

    Returns
    -------
    TrainingSet
        All its known datasets have the same number of rows, and the right shapes.

    Raises
    ------
    InputError
        If it is no HDF5 file, lacks a dataset, or one has the wrong shape.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise InputError(f"No training set {path}; make one with astroclip-simulate.")
    try:
        with h5py.File(path) as file:
            stored = {n: o for n, o in OTHER_NAMES.items() if n not in file and o in file}
            names = {n: stored.get(n, n) for n in KNOWN_DATASETS}
            there = {n: file[o] for n, o in names.items() if isinstance(file.get(o), h5py.Dataset)}
            shapes = {name: dataset.shape for name, dataset in there.items()}
            words = [name for name, dataset in there.items() if dataset.dtype.kind not in "fiu"]
            simulated = bool(file.attrs.get("SIMULATED", False))
    except OSError as error:
        raise InputError(f"{path} cannot be read as HDF5 ({error}); is it complete?") from None
    if words:
        raise InputError(f"{', '.join(words)} of {path} hold no real numbers.")
    missing = [name for name in needed if name not in shapes]
    if missing:
        raise InputError(
            f"Training set {path} has no dataset {', '.join(missing)}, only "
            f"{', '.join(sorted(shapes)) or 'none that is known'}; this stage needs it."
        )
    for name, shape in shapes.items():
        right = len(shape) == len(KNOWN_DATASETS[name]) + 1 and all(
            expected in (None, found)
            for expected, found in zip(KNOWN_DATASETS[name], shape[1:], strict=True)
        )
        if not right:
            wanted = ", ".join(
                "any" if one is None else str(one) for one in ("n", *KNOWN_DATASETS[name])
            )
            raise InputError(f"{name} of {path} has shape {shape}, expected ({wanted}).")
    lengths = {shape[0] for shape in shapes.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(
            f"Datasets of {path} have {sorted(lengths) or 'no'} rows; expected one number for all."
        )
    side = min(shapes["images"][2:]) if "images" in shapes else 0
    return TrainingSet(path, frozenset(shapes), lengths.pop(), simulated, side, stored)


def rows_of(dataset: h5py.Dataset, rows: np.ndarray) -> np.ndarray:
    """Return some rows in the order asked for; HDF5 reads them in theirs."""
    order = np.argsort(rows)
    values = np.empty((len(rows), *dataset.shape[1:]), dataset.dtype.newbyteorder("="))
    for place in order:  # one by one is faster than h5py's lists of rows
        values[place] = dataset[rows[place]]
    return values
