"""Galaxies of a file, embedded: what a reference is made of, and what it is scored with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from astroclip_astro.columns import MODALITIES
from astroclip_astro.models.model import BATCH_SIZE, Model
from astroclip_astro.prepare.photometry import image_brightness, spectrum_brightness
from astroclip_astro.reference.labelled_file import LabelledSet
from astroclip_astro.zeroshot.metrics import Labelled
from astroclip_astro.zeroshot.reference import Reference

__all__ = ["embed_galaxies", "make_reference", "reference_words"]


def embed_galaxies(
    galaxies: LabelledSet,
    rows: np.ndarray,
    model: Model,
    *,
    batch_size: int = BATCH_SIZE,
    advance: Callable[[int], object] = lambda count: None,
) -> Labelled:
    """Embed images and spectra of some galaxies, a few at a time.

    Parameters
    ----------
    galaxies : LabelledSet
        The file.
    rows : ndarray
        int64 (n,), which of its galaxies.
    model : Model
        Encoders.
    batch_size : int
        Galaxies computed at once.
    advance : callable
        Called with the number of galaxies each time some are done.

    Returns
    -------
    Labelled
        In the order of ``rows``, without those of which neither image nor spectrum holds
        anything.

    Raises
    ------
    InputError
        For images that are too small, or a device that is not there.
    """
    width = model.config.embedding_width
    image, spectrum = np.empty((2, len(rows), width), np.float32)
    brightness = {modality: np.empty(len(rows)) for modality in MODALITIES}
    for part, read in galaxies.data.read(("images", "spectrum", "ivar"), rows):
        flux, ivar = read["spectrum"], read.get("ivar")
        brightness["image"][part] = image_brightness(read["images"], model.config.image_size)
        brightness["spectrum"][part] = spectrum_brightness(flux, ivar)
        image[part] = model.embed_images(read["images"], batch_size=batch_size)
        spectrum[part] = model.embed_spectra(flux, ivar, batch_size=batch_size)
        advance(len(flux))
    kept = ~(np.isnan(image).any(axis=1) & np.isnan(spectrum).any(axis=1))
    rows, photometry = rows[kept], galaxies.photometry
    return Labelled(
        image=image[kept],
        spectrum=spectrum[kept],
        labels={label: values[rows] for label, values in galaxies.labels.items()},
        photometry=None if photometry is None else photometry[rows],
        brightness={modality: values[kept] for modality, values in brightness.items()},
        rows=rows,
    )


def make_reference(
    embedded: Labelled,
    galaxies: LabelledSet,
    model: Model,
    *,
    name: str,
    description: str | None = None,
) -> Reference:
    """Return embedded galaxies as a reference.

    Parameters
    ----------
    embedded : Labelled
        From `embed_galaxies`.
    galaxies : LabelledSet
        The file they are from.
    model : Model
        What embedded them; whoever uses the reference needs the same weights.
    name : str
        Short name, for texts.
    description : str, optional
        Which galaxies, labels from where, in one sentence; see `reference_words`.

    Returns
    -------
    Reference
    """
    return Reference(
        name=name,
        image=embedded.image,
        spectrum=embedded.spectrum,
        labels=dict(embedded.labels),
        simulated=galaxies.simulated,
        weights_sha256=model.card["sha256"],
        description=reference_words(galaxies, description),
        units=galaxies.units,
        descriptions=galaxies.descriptions,
        brightness=dict(embedded.brightness),
    )


def reference_words(galaxies: LabelledSet, description: str | None = None) -> str:
    """Return the description of a reference, which always calls simulated galaxies simulated.

    Parameters
    ----------
    galaxies : LabelledSet
        The file they are from.
    description : str, optional
        The user's; by default the file's name has to do.

    Returns
    -------
    str
        One sentence.
    """
    if description is None:
        file = galaxies.data.path.name.encode("ascii", "replace").decode()
        kind = {True: "SIMULATED galaxies", False: "Galaxies", None: "Galaxies, simulated or not,"}
        return f"{kind[galaxies.simulated]} of {file}"
    if galaxies.simulated and "simulated" not in description.lower():
        return f"SIMULATED galaxies: {description}"
    return description
