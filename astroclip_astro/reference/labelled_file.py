"""The galaxies of an HDF5 file as numbers: labels, groups, photometry; which make a reference."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import K
from astroclip_astro.training_data.split import HoldOut, sky_groups
from astroclip_astro.training_data.training_set import TrainingSet, open_training_set
from astroclip_astro.zeroshot.metrics import colours
from astroclip_astro.zeroshot.reference import LABELS
from astroclip_astro.zeroshot.reference_checks import check_label_names

if TYPE_CHECKING:
    import h5py

__all__ = ["open_labelled_file", "split_galaxies"]


@dataclass(frozen=True, kw_only=True)
class LabelledFile:
    """All that a reference needs of a file besides images and spectra.

    Parameters
    ----------
    data : TrainingSet
        The file.
    simulated : bool or None
        Whether it says that its galaxies are simulated; None where it does not say.
    labels : dict of str to ndarray
        float64 (n,): redshift, log_stellar_mass, then the user's own; NaN where there is none.
    units, descriptions : dict of str to str
        Of the user's own labels, from the attributes of their datasets.
    photometry : ndarray or None
        float64 (n, 3), g - r, r - z, r; None where the file has no dataset ``flux``.
    """

    data: TrainingSet
    simulated: bool | None
    labels: dict[str, np.ndarray]
    units: dict[str, str]
    descriptions: dict[str, str]
    photometry: np.ndarray | None

    @property
    def labelled(self) -> np.ndarray:
        """Whether a galaxy has redshift and mass, bool (n,)."""
        return np.logical_and.reduce([np.isfinite(self.labels[name]) for name in LABELS])


def open_labelled_file(path: str | os.PathLike, label_columns: Sequence[str] = ()) -> LabelledFile:
    """Read labels and photometry of a file, and make sure of the rest.

    Parameters
    ----------
    path : str or path
        HDF5 file with images, spectra, ``redshift`` and ``log_stellar_mass``, one galaxy a row.
    label_columns : sequence of str
        Datasets that are labels too: one number for each galaxy.

    Returns
    -------
    LabelledFile

    Raises
    ------
    InputError
        For a file without what is needed, or a label that is no number or cannot be named so.
    """
    import h5py

    data = open_training_set(Path(path), ("images", "spectrum", *LABELS))
    own = tuple(dict.fromkeys(name for name in label_columns if name not in LABELS))
    check_label_names(own)
    labels: dict[str, np.ndarray] = {}
    units: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    with h5py.File(data.path) as file:
        simulated = file.attrs.get("SIMULATED")
        for name in (*LABELS, *own):
            labels[name] = numbers(file, name, data)
        for name in own:
            for attribute, words in (("unit", units), ("description", descriptions)):
                if text := file[name].attrs.get(attribute):
                    words[name] = (text.decode() if isinstance(text, bytes) else str(text)).strip()
        photometry = colours(file["flux"][:]) if "flux" in file else None
    return LabelledFile(
        data=data,
        simulated=None if simulated is None else bool(simulated),
        labels=labels,
        units=units,
        descriptions=descriptions,
        photometry=photometry,
    )


def numbers(file: h5py.File, name: str, data: TrainingSet) -> np.ndarray:
    """Return a dataset of one number for each galaxy, float64 (n,); what is not finite is NaN."""
    import h5py

    def suits(one: h5py.Dataset | h5py.Group) -> bool:
        return (
            isinstance(one, h5py.Dataset) and one.shape == (data.rows,) and one.dtype.kind in "fiu"
        )

    if name not in file:
        suitable = ", ".join(sorted(other for other in file if suits(file[other])))
        raise InputError(
            f"{data.path} has no dataset {name!r}; those with a number for each galaxy are: "
            f"{suitable}."
        )
    if not suits(file[name]):
        found = getattr(file[name], "dtype", "a group"), getattr(file[name], "shape", "")
        raise InputError(
            f"Dataset {name!r} of {data.path} is {found[0]} {found[1]}, expected one number for "
            f"each galaxy, ({data.rows},)."
        )
    values = file[name][:].astype(float)
    return np.where(np.isfinite(values), values, np.nan)


@dataclass(frozen=True)
class Split:
    """Which galaxies go where.

    Parameters
    ----------
    reference, test : ndarray
        int64, rows of the file in ascending order; no group has galaxies in both.
    unlabelled : int
        How many of the file are in neither because redshift or mass is missing.
    """

    reference: np.ndarray
    test: np.ndarray
    unlabelled: int


def split_galaxies(galaxies: LabelledFile, holdout: HoldOut | None = None) -> Split:
    """Return the galaxies of a reference, and those held out of it to score it with.

    Parameters
    ----------
    galaxies : LabelledFile
        What there is.
    holdout : HoldOut, optional
        How it is split; by default all are in the reference.

    Returns
    -------
    Split

    Raises
    ------
    InputError
        For a fraction, dataset or count that will not do.
    """
    holdout, labelled = holdout or HoldOut(), galaxies.labelled
    groups = holdout_groups(galaxies.data, holdout.by) if holdout.fraction else None
    reference, test = holdout.split(groups, labelled)
    if len(reference) <= K:
        raise InputError(
            f"{len(reference)} galaxies of {galaxies.data.path} would be in the reference, "
            f"expected more than {K}; {int((~labelled).sum())} of {len(labelled)} lack redshift "
            f"or mass, and a fraction of {holdout.fraction:g} is held out."
        )
    if holdout.fraction and len(test) < 2:
        raise InputError(
            f"{len(test)} galaxies with redshift and mass are held out, too few to score with; "
            "hold out a larger fraction, or by something else."
        )
    return Split(reference, test, int((~labelled).sum()))


def holdout_groups(data: TrainingSet, by: str) -> np.ndarray:
    """Return which galaxies belong together, (n,)."""
    import h5py

    with h5py.File(data.path) as file:
        needed = ("ra", "dec") if by == "sky" else (by,)
        for name in needed:
            if name not in file or file[name].shape != (data.rows,):
                raise InputError(
                    f"{data.path} has no dataset {name!r} of one value for each galaxy to hold "
                    f"out by; choose another with --holdout-by."
                )
        values = [file[name][:] for name in needed]
    return sky_groups(*values) if by == "sky" else values[0]
