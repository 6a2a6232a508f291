"""Galaxies of a file, embedded: what a reference is made of, and what it is scored with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from astroclip_astro.columns import MODALITIES
from astroclip_astro.models.model import BATCH_SIZE, Model
from astroclip_astro.prepare.photometry import aperture_flux_r, spectrum_snr
from astroclip_astro.reference.labelled_file import LabelledFile
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies
from astroclip_astro.zeroshot.reference import Reference

__all__ = ["embed_galaxies", "make_reference", "reference_description"]


def embed_galaxies(
    galaxies: LabelledFile,
    rows: np.ndarray,
    model: Model,
    *,
    batch_size: int = BATCH_SIZE,
    advance: Callable[[int], object] = lambda count: None,
) -> EmbeddedGalaxies:
    """Embed images and spectra of some galaxies, a few at a time.

    Parameters
    ----------
    galaxies : LabelledFile
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
    EmbeddedGalaxies
        In the order of ``rows``, without those of which neither image nor spectrum holds
        anything.

    Raises
    ------
    InputError
        For images that are too small, or a device that is not there.
    """
    width = model.config.embedding_width
    image, spectrum = np.empty((2, len(rows), width), np.float32)
    covariates = {modality: np.empty(len(rows)) for modality in MODALITIES}
    for part, read in galaxies.data.read(("images", "spectrum", "ivar"), rows):
        flux, ivar = read["spectrum"], read.get("ivar")
        covariates["image"][part] = aperture_flux_r(read["images"], model.config.image_size)
        covariates["spectrum"][part] = spectrum_snr(flux, ivar)
        image[part] = model.embed_images(read["images"], batch_size=batch_size)
        spectrum[part] = model.embed_spectra(flux, ivar, batch_size=batch_size)
        advance(len(flux))
    kept = ~(np.isnan(image).any(axis=1) & np.isnan(spectrum).any(axis=1))
    rows, photometry = rows[kept], galaxies.photometry
    vectors = {"image": image[kept], "spectrum": spectrum[kept]}
    if photometry is not None:
        vectors["photometry"] = photometry[rows]
    return EmbeddedGalaxies(
        vectors,
        labels={label: values[rows] for label, values in galaxies.labels.items()},
        rows=rows,
        covariates={modality: values[kept] for modality, values in covariates.items()},
        magnitude=None if photometry is None else photometry[rows, 2],
    )


def make_reference(
    embedded: EmbeddedGalaxies,
    galaxies: LabelledFile,
    model: Model,
    *,
    name: str,
    description: str | None = None,
) -> Reference:
    """Return embedded galaxies as a reference.

    Parameters
    ----------
    embedded : EmbeddedGalaxies
        From `embed_galaxies`.
    galaxies : LabelledFile
        The file they are from.
    model : Model
        What embedded them; whoever uses the reference needs the same weights.
    name : str
        Short name, for texts.
    description : str, optional
        Which galaxies, labels from where, in one sentence; see `reference_description`.

    Returns
    -------
    Reference
    """
    return Reference(
        name=name,
        image=embedded.vectors["image"],
        spectrum=embedded.vectors["spectrum"],
        labels=dict(embedded.labels),
        simulated=galaxies.simulated,
        weights_sha256=model.card["sha256"],
        description=reference_description(galaxies, description),
        units=galaxies.units,
        descriptions=galaxies.descriptions,
        covariates=dict(embedded.covariates),
    )


def reference_description(galaxies: LabelledFile, description: str | None = None) -> str:
    """Return the description of a reference, which always calls simulated galaxies simulated.

    Parameters
    ----------
    galaxies : LabelledFile
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
