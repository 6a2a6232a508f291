"""What a reference must be like so that it can be searched, and what its labels may be called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.columns import COLUMNS, EMBEDDING_WIDTH, MODALITIES, label_columns
from astroclip_astro.errors import OutputError, WeightsError
from astroclip_astro.search.exact import UNIT_TOLERANCE, K
from astroclip_astro.zeroshot.reference import COVARIATE_COLUMNS, LABELS

if TYPE_CHECKING:
    from astroclip_astro.zeroshot.reference import Reference


MAX_LABELS = 100  # besides redshift and mass; each takes minutes of leave-one-out predictions
NAME = r"[A-Za-z][A-Za-z0-9_]{0,49}"  # with our prefix and _err still a name for any format


def check_label_names(names: Sequence[str]) -> None:
    """Refuse names of labels that cannot become columns of a reference, or of a user's table.

    Parameters
    ----------
    names : sequence of str
        Labels besides redshift and stellar mass.

    Raises
    ------
    WeightsError
        For a name that is not letters, digits and underscores, or one that is taken; FITS and
        TOPCAT do not tell names apart that differ only in case. For more than `MAX_LABELS`.

    Examples
    --------
    >>> check_label_names(["age", "SFR"])
    >>> check_label_names(["z"])
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.WeightsError: Label 'z' would become the column astroclip_z, which ...
    """
    if len(names) > MAX_LABELS:
        raise WeightsError(
            f"A reference has more than {MAX_LABELS} labels besides redshift and mass, expected "
            "fewer; make one without those that you do not need."
        )
    taken = {column.name.lower() for column in COLUMNS}
    for name in names:
        if not re.fullmatch(NAME, name):
            raise WeightsError(
                f"Label {name!r} cannot be a column's name, expected a letter, then letters, "
                "digits or _, 50 in all; rename it."
            )
        if name.lower() in (*MODALITIES, *LABELS, *COVARIATE_COLUMNS.values()):
            raise WeightsError(
                f"Label {name!r} has the name of a column that every reference has "
                f"({', '.join((*MODALITIES, *LABELS, *COVARIATE_COLUMNS.values()))}); rename it."
            )
        for column in label_columns(name):
            if column.name.lower() in taken:
                raise WeightsError(
                    f"Label {name!r} would become the column {column.name}, which there is "
                    "already; rename it."
                )
            taken.add(column.name.lower())


def check_header_text(name: str, description: str) -> None:
    """Refuse a name or a description that a FITS header cannot hold.

    Raises
    ------
    WeightsError
        Unless each is a line of ASCII.
    """
    texts = f"{name}: {description}"
    if not (texts.isascii() and texts.isprintable()):
        raise WeightsError(f"Name and description are {texts!r}, expected a line of ASCII each.")


def check_suffix(path: str | Path) -> None:
    """Refuse a name that does not say FITS for a file of references.

    Parameters
    ----------
    path : str or path
        The file to be written.

    Raises
    ------
    OutputError
        For any suffix but ``.fits`` and ``.fit``.

    Examples
    --------
    >>> check_suffix("mine.fits")
    """
    if Path(path).suffix.lower() not in (".fits", ".fit"):
        raise OutputError(
            f"A reference is a FITS file, but {Path(path).name!r} does not end in .fits; choose "
            "such a name."
        )


def check_reference(reference: Reference, where: str) -> None:
    """Refuse a reference in which not everything can be searched.

    Parameters
    ----------
    reference : Reference
        Any.
    where : str
        What messages call it.

    Raises
    ------
    WeightsError
        For wrong shapes, vectors not of unit length, labels that are missing or not finite, or
        fewer galaxies than neighbours are looked for.
    """
    for modality in MODALITIES:
        _check_embeddings(getattr(reference, modality), modality, len(reference), where)
    missing = [name for name in LABELS if name not in reference.labels]
    if missing:
        raise WeightsError(f"Reference {where} lacks the labels {missing}.")
    check_label_names(reference.user_labels)
    for name in reference.labels:
        _check_label(reference, name, where)
    for modality, values in reference.covariates.items():
        if modality not in MODALITIES or np.shape(values) != (len(reference),):
            raise WeightsError(
                f"Brightness {modality!r} of reference {where} has shape {np.shape(values)}, "
                f"expected ({len(reference)},) for one of {', '.join(MODALITIES)}."
            )
    check_header_text(reference.name, reference.description)
    sha256 = reference.weights_sha256
    if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", sha256):
        raise WeightsError(f"ACWSHA of {where} is {sha256!r}, expected 64 digits of 0-9, a-f.")


def check_leave_one_out(reference: Reference, where: str) -> None:
    """Refuse leave-one-out predictions that say to be of a reference and cannot be.

    Parameters
    ----------
    reference : Reference
        Any. Predictions of other galaxies pass: they are not used.
    where : str
        What messages call it.

    Raises
    ------
    WeightsError
        For rows that there are not, labels without predictions, and numbers that are infinite.
    """
    held_out = reference.valid_leave_one_out
    if held_out is None:
        return
    wanted = {(label, modality) for label in reference.labels for modality in MODALITIES}
    missing = sorted(wanted - held_out.predictions.keys())
    numbers = [*held_out.distances.values()]
    for prediction in held_out.predictions.values():
        numbers += [prediction.value, prediction.scatter, prediction.secondary]
    if (
        missing
        or int(held_out.rows[-1]) >= len(reference)
        or any(np.isinf(values).any() for values in numbers)
    ):
        what = f"lack {missing[:3]}" if missing else "have rows or numbers that cannot be"
        raise WeightsError(
            f"Leave-one-out predictions of reference {where} {what}, expected those of its "
            f"{len(reference)} galaxies; remove that table, and it will be made again."
        )


def _check_label(reference: Reference, name: str, where: str) -> None:
    """Raise WeightsError unless a label is finite; those of the user's own may be NaN in places."""
    values = reference.labels[name]
    if np.shape(values) != (len(reference),):
        raise WeightsError(
            f"Label {name} of reference {where} has shape {np.shape(values)}, "
            f"expected ({len(reference)},)."
        )
    wrong = np.flatnonzero(~np.isfinite(values) if name in LABELS else np.isinf(values))
    if len(wrong):
        raise WeightsError(
            f"Label {name} of reference {where} is not finite in {len(wrong)} rows, the first "
            f"are {wrong[:5].tolist()}; leave those rows out."
        )
    for modality in MODALITIES:
        embedded = ~np.isnan(getattr(reference, modality)).any(axis=1)
        usable = int((embedded & ~np.isnan(values)).sum())
        if usable < K + 1:
            raise WeightsError(
                f"Label {name} of reference {where} is known for {usable} galaxies with "
                f"{modality}, expected at least {K + 1}."
            )
    words = f"{reference.units.get(name, '')} {reference.descriptions.get(name, '')}"
    if not (words.isascii() and words.isprintable()):
        raise WeightsError(
            f"Unit and description of label {name} are {words!r}, expected a line of ASCII each."
        )


def _check_embeddings(embeddings: np.ndarray, modality: str, rows: int, where: str) -> None:
    """Raise WeightsError unless embeddings are enough unit vectors, all NaN where missing."""
    if np.shape(embeddings) != (rows, EMBEDDING_WIDTH):
        raise WeightsError(
            f"Column {modality} of reference {where} has shape {np.shape(embeddings)}, "
            f"expected ({rows}, {EMBEDDING_WIDTH})."
        )
    absent = np.isnan(embeddings).all(axis=1)
    length = np.sqrt(np.square(embeddings, dtype=float).sum(axis=1))
    wrong = np.flatnonzero(~absent & ~(np.abs(length - 1) <= UNIT_TOLERANCE))
    if len(wrong):
        raise WeightsError(
            f"Column {modality} of reference {where}: {len(wrong)} rows are not unit vectors, the "
            f"first are {wrong[:5].tolist()}; divide by the length, or set all of the row to NaN."
        )
    usable = rows - int(absent.sum())
    if usable < K + 1:
        raise WeightsError(
            f"Reference {where} has {usable} usable rows in {modality}, expected at least {K + 1}."
        )
