"""Names and options become checked objects, and these a job."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u

from astroclip_astro.annotate.job import Job, close
from astroclip_astro.annotate.progress import Progress
from astroclip_astro.columns import (
    GROUPS,
    MODALITIES,
    OutputColumn,
    label_columns,
    select,
)
from astroclip_astro.config import (
    COLUMN_GROUPS,
    DEVICE,
    MATCH_RADIUS,
    MODALITY,
    PRECISION,
    SOURCE,
    WEIGHTS,
)
from astroclip_astro.errors import InputError, did_you_mean
from astroclip_astro.fetch.open import open_source
from astroclip_astro.models.card import Card, check_aligned, locate, read_card
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.models.weights_file import check_weights_file
from astroclip_astro.records import Source
from astroclip_astro.sky.position import arcseconds
from astroclip_astro.zeroshot.estimator import KNNEstimator
from astroclip_astro.zeroshot.reference import Reference, check_weights
from astroclip_astro.zeroshot.reference_file import (
    complete_reference,
    load_reference,
)
from astroclip_astro.zeroshot.reference_location import bundled_reference, reference_path


def parse_words(given: str | Iterable[str], known: tuple[str, ...], option: str) -> tuple[str, ...]:
    """Return the words of an option, in the known order; unknown ones raise."""
    if not isinstance(given, Iterable):
        raise InputError(f"{option} is {given!r}, expected one or more of {', '.join(known)}.")
    parts = given.split(",") if isinstance(given, str) else list(given)
    found = [str(part).strip() for part in parts]
    unknown = [part for part in found if part not in known]
    if unknown or not found:
        near = did_you_mean(unknown[0], known) if unknown else ""
        raise InputError(
            f"{option} has {unknown or 'nothing'}, expected one or more of {', '.join(known)}"
            f"{near or '.'}"
        )
    return tuple(word for word in known if word in found)


def columns_of_labels(reference: Reference) -> list[tuple[OutputColumn, ...]]:
    """Return the columns of each label that a reference has of its own."""
    return [
        label_columns(
            label,
            unit=reference.units.get(label),
            description=reference.descriptions.get(label),
        )
        for label in reference.user_labels
    ]


@dataclass(frozen=True)
class Options:
    """The options of a run, checked, with all that can be read without loading torch.

    Parameters
    ----------
    source : Source
        Where images and spectra come from, opened.
    weights, device, precision : str
        As `check_options` has them.
    card : Card
        That of the weights.
    image_size : int
        Side of the images that they embed, pixels.
    reference : Reference
        The labelled galaxies, which belong to the weights.
    reference_file : Path
        Where they were read from.
    columns : tuple of OutputColumn
        What is to be written.
    modality : tuple of str
        What is embedded.
    match_radius : float
        Largest distance of a spectrum, arcsec.
    """

    source: Source
    weights: str | os.PathLike
    device: str
    precision: str
    card: Card
    image_size: int
    reference: Reference
    reference_file: Path
    columns: tuple[OutputColumn, ...]
    modality: tuple[str, ...]
    match_radius: float

    def load(self, progress: Progress | None = None) -> Job:
        """Load the model and return what a run needs.

        Parameters
        ----------
        progress : Progress, optional
            Says what is being done; by default nothing does.

        Raises
        ------
        InputError
            For damaged weights, or a device that is not there; the source is closed.
        """
        progress = progress or Progress(quiet=True)
        try:
            progress.stage("loading weights")
            from astroclip_astro.models.model import load_model

            model = load_model(self.weights, device=self.device, precision=self.precision)
            if self.reference.valid_leave_one_out is None:
                progress.stage("comparing the reference with itself")
            reference = complete_reference(self.reference, self.reference_file)
        except BaseException:
            close(self.source)
            raise
        return Job(
            source=self.source,
            model=model,
            reference=reference,
            estimators={name: KNNEstimator(reference, name) for name in self.modality},
            columns=self.columns,
            modality=self.modality,
            match_radius=self.match_radius,
        )


def read_reference(
    weights: str | os.PathLike, reference: str | os.PathLike | None, groups: tuple[str, ...]
) -> tuple[Card, Reference, Path]:
    """Return the card of weights, the reference that goes with them, and the latter's file."""
    weights_file = locate(weights)
    card = read_card(weights_file)
    check_aligned(card)
    check_weights_file(weights_file, card)
    name_or_path = bundled_reference(card["name"]) if reference is None else reference
    reference_file = reference_path(name_or_path)
    chosen = load_reference(name_or_path)
    check_weights(chosen, card["sha256"])
    if "labels" in groups and groups != GROUPS and not chosen.user_labels:
        raise InputError(
            f"columns has 'labels', but reference {chosen.name} has none besides redshift and "
            "mass; make one that has: astroclip-reference build --label-columns."
        )
    return card, chosen, reference_file


def check_options(
    *,
    source: str | os.PathLike | Source = SOURCE,
    modality: str | Iterable[str] = MODALITY,
    weights: str | os.PathLike = WEIGHTS,
    reference: str | os.PathLike | None = None,
    columns: str | Iterable[str] = COLUMN_GROUPS,
    match_radius: float | u.Quantity = MATCH_RADIUS,
    device: str = DEVICE,
    precision: str = PRECISION,
    layer: str | None = None,
    release: str | None = None,
    jobs: int | None = None,
    cache: str | os.PathLike | None = None,
    cache_limit: str | float | u.Quantity | None = None,
) -> Options:
    """Check the options of the command and of the methods before anything slow is done.

    Parameters
    ----------
    source, modality, weights, reference, match_radius, device, precision
        As `astroclip_astro.config.OPTION_DESCRIPTIONS` has them.
    columns : str or iterable of str
        Any of ``embedding``, ``redshift``, ``mass``, ``novelty``, ``labels``; the last are labels
        that a reference of the user's own has besides redshift and mass.
    layer, release, jobs, cache, cache_limit
        Of the source, as `astroclip_astro.fetch.open.open_source` has them.

    Returns
    -------
    Options
        Whose source is open; `Options.load` makes a `Job` of them.

    Raises
    ------
    InputError
        For any option that cannot be met; the message says what could.
    """
    modality = parse_words(modality, MODALITIES, "modality")
    groups = parse_words(columns, GROUPS, "columns")
    radius = arcseconds(match_radius)
    card, chosen, reference_file = read_reference(weights, reference, groups)
    opened = open_source(
        source, layer=layer, release=release, jobs=jobs, cache=cache, cache_limit=cache_limit
    )
    return Options(
        source=opened,
        weights=weights,
        device=device,
        precision=precision,
        card=card,
        image_size=Configuration.from_dict(card["configuration"]).image_size,
        reference=chosen,
        reference_file=reference_file,
        columns=select(modality, groups, columns_of_labels(chosen)),
        modality=modality,
        match_radius=radius,
    )
