"""From the labelled galaxies of a file to a reference, and the scores of those held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from astroclip_astro.columns import MODALITIES
from astroclip_astro.config import DEVICE, PRECISION, WEIGHTS
from astroclip_astro.models.card import check_aligned
from astroclip_astro.models.model import BATCH_SIZE, Model, load_model
from astroclip_astro.prepare.photometry import aperture_flux_r, spectrum_snr
from astroclip_astro.records import sample_name
from astroclip_astro.reference.labelled_file import (
    LabelledFile,
    Split,
    open_labelled_file,
    split_galaxies,
)
from astroclip_astro.training_data.split import HoldOut
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies
from astroclip_astro.zeroshot.metrics import score
from astroclip_astro.zeroshot.reference import Reference
from astroclip_astro.zeroshot.reference_checks import check_header_text

__all__ = ["ReferenceOptions", "build_reference", "embed_galaxies", "make_reference"]


@dataclass(frozen=True)
class ReferenceOptions:
    """How a reference is made.

    Parameters
    ----------
    weights : str or Path
        Bundled name, file, or folder of a training run.
    labels : tuple of str
        Datasets of the file that are labels besides ``redshift`` and ``log_stellar_mass``.
    holdout : HoldOut
        Which galaxies are held out, to score the reference with.
    description : str, optional
        Which galaxies these are and where their labels are from, in one sentence.
    device, precision : str
        Where and in what number format to compute.
    batch_size : int
        Galaxies embedded at once.
    """

    weights: str | Path = WEIGHTS
    labels: tuple[str, ...] = ()
    holdout: HoldOut = field(default_factory=HoldOut)
    description: str | None = None
    device: str = DEVICE
    precision: str = PRECISION
    batch_size: int = BATCH_SIZE


@dataclass(frozen=True)
class BuiltReference:
    """A reference that was made, and how good it is.

    Parameters
    ----------
    reference : Reference
        To be saved with `astroclip_astro.zeroshot.reference_file.save_reference`.
    scores : dict or None
        From `astroclip_astro.zeroshot.metrics.score`, on the galaxies held out; None without.
    without_labels, without_data : int
        Galaxies rejected because redshift or mass is missing, or image and spectrum are empty.
    """

    reference: Reference
    scores: dict[str, float | str] | None
    without_labels: int
    without_data: int


def build_reference(
    data: str | Path, name: str, options: ReferenceOptions, *, quiet: bool = True
) -> BuiltReference:
    """Embed the labelled galaxies of a file into a reference, and score it on those held out.

    Parameters
    ----------
    data : str or path
        HDF5 file with the datasets ``images``, ``spectrum``, ``redshift`` and
        ``log_stellar_mass``, one galaxy a row.
    name : str
        Short name of the reference, for texts.
    options : ReferenceOptions
        How it is made.
    quiet : bool
        Whether to show no progress.

    Returns
    -------
    BuiltReference

    Raises
    ------
    InputError
        For a file, label, split, name, weights or device that cannot be used.
    """
    labelled = open_labelled_file(data, options.labels)
    split = split_galaxies(labelled, options.holdout)
    check_header_text(name, reference_description(labelled, options.description))
    model = load_model(options.weights, device=options.device, precision=options.precision)
    check_aligned(model.card)
    embedded, test = embed_split(labelled, split, model, options.batch_size, quiet=quiet)
    made = make_reference(embedded, labelled, model, name=name, description=options.description)
    scores = None
    if options.holdout.fraction:
        scores = score(embedded, test, sample_name=sample_name(labelled.simulated))
    lost = len(split.reference) + len(split.test) - len(embedded) - len(test)
    return BuiltReference(made, scores, split.unlabelled, lost)


def embed_split(
    labelled: LabelledFile, split: Split, model: Model, batch_size: int, *, quiet: bool
) -> list[EmbeddedGalaxies]:
    """Embed the galaxies of the reference and those held out, with a progress bar."""
    total = len(split.reference) + len(split.test)
    with tqdm(total=total, unit="galaxy", disable=quiet, dynamic_ncols=True) as bar:
        return [
            embed_galaxies(labelled, rows, model, batch_size=batch_size, advance=bar.update)
            for rows in (split.reference, split.test)
        ]


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
        kind = sample_name(galaxies.simulated)
        unknown = ", simulated or not," if galaxies.simulated is None else ""
        return f"{kind[0].upper()}{kind[1:]}{unknown} of {file}"
    if galaxies.simulated and "simulated" not in description.lower():
        return f"{sample_name(True)}: {description}"
    return description
