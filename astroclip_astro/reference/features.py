"""Backbone features of labelled galaxies: what the encoders know below their heads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.models.model import BATCH_SIZE, Model
from astroclip_astro.reference.labelled_file import LabelledFile


def backbone_features(
    galaxies: LabelledFile,
    rows: np.ndarray,
    modality: str,
    model: Model,
    *,
    batch_size: int = BATCH_SIZE,
    advance: Callable[[int], object] = lambda count: None,
) -> np.ndarray:
    """Return the vectors of some galaxies below the head, a few at a time.

    Parameters
    ----------
    galaxies : LabelledFile
        The file.
    rows : ndarray
        int64 (n,), which of its galaxies.
    modality : {"image", "spectrum"}
        Images give what goes into the projection, spectra the mean of their tokens.
    model : Model
        Encoders.
    batch_size : int
        Galaxies computed at once.
    advance : callable
        Called with the number of galaxies each time some are done.

    Returns
    -------
    ndarray
        float32 (n, width); NaN where there is nothing to see.

    Raises
    ------
    InputError
        For no rows at all.
    """
    if not len(rows):
        raise InputError(f"None of the galaxies of {galaxies.data.path} can be embedded.")
    options = {"batch_size": batch_size, "backbone_features": True}
    names = ("images",) if modality == "image" else ("spectrum", "ivar")
    parts = []
    for _, read in galaxies.data.read(names, rows):
        if modality == "image":
            parts.append(model.embed_images(read["images"], **options))
        else:
            parts.append(model.embed_spectra(read["spectrum"], read.get("ivar"), **options))
        advance(len(parts[-1]))
    return np.concatenate(parts)
