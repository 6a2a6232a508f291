"""Everything a run needs besides the rows: source, model, reference and what is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from astroclip_astro.columns import COLUMNS, GROUPS, OutputColumn, header_keywords
from astroclip_astro.records import Source, origin_word
from astroclip_astro.version import __version__
from astroclip_astro.zeroshot.calibrated import CalibratedEstimator
from astroclip_astro.zeroshot.estimator import KNNEstimator, fit_calibrated_estimator
from astroclip_astro.zeroshot.reference import Reference

if TYPE_CHECKING:
    from astroclip_astro.models.model import Model


@dataclass(frozen=True)
class Job:
    """Everything a run needs besides the rows.

    Parameters
    ----------
    source : Source
        Where images and spectra come from.
    model : Model
        The encoders.
    reference : Reference
        The labelled galaxies whose neighbours give redshift and mass.
    estimators : dict of str to KNNEstimator
        Look-up in the reference, one for each modality.
    columns : tuple of OutputColumn
        What is written.
    modality : tuple of str
        What is embedded.
    match_radius : float
        Largest distance of a spectrum, arcsec.
    """

    source: Source
    model: Model
    reference: Reference
    estimators: dict[str, KNNEstimator]
    columns: tuple[OutputColumn, ...]
    modality: tuple[str, ...]
    match_radius: float

    @cached_property
    def calibrated(self) -> dict[str, CalibratedEstimator]:
        """Calibrated estimators of the labels that are written, made when first needed."""
        groups = {column.group for column in self.columns}
        wanted = {"redshift": "redshift", "log_stellar_mass": "mass"}
        return {
            label: fit_calibrated_estimator(self.estimators, label)
            for label in self.reference.labels
            if wanted.get(label, "labels") in groups
        }

    def close(self) -> None:
        """Let go of what the source holds: connections, the server of the demo."""
        close(self.source)

    def describe(self, column: OutputColumn) -> str:
        """Return a column's description, saying whose galaxies its values come from."""
        if not column.from_reference:
            return column.description
        return f"{column.description} ({self.reference.title})"

    def options(self) -> dict[str, object]:
        """Return the options that decide the values, for the header and for resuming."""
        return {
            "modality": ",".join(self.modality),
            "columns": ",".join(column.name for column in self.columns),
            "match_radius": self.match_radius,
            "device": str(self.model.device),
            "precision": self.model.precision,
        }

    def provenance(self, names: Iterable[str]) -> dict[str, object]:
        """Return the header keywords that say where the columns called ``names`` come from."""
        card = self.model.card
        options = self.options()
        names = set(names)
        present = {column.group for column in (*COLUMNS, *self.columns) if column.name in names}
        return header_keywords(
            ACVERS=f"astroclip-astro {__version__}",
            ACDATE=datetime.now(UTC).isoformat(timespec="seconds"),
            ACWEIGHT=card["name"],
            ACWSHA=card["sha256"],
            ACREF=self.reference.name,
            ACREFSHA=self.reference.sha256,
            ACREFSIM=origin_word(self.reference.simulated),
            ACSOURCE=self.source.name,
            ACMODAL=options["modality"],
            ACCOLS=",".join(group for group in GROUPS if group in present),
            ACRADIUS=self.match_radius,
            ACDEVICE=options["device"],
            ACPRECIS=options["precision"],
        )


def close(source: Source) -> None:
    """Let go of what a source holds: connections, the server of the demo."""
    if hasattr(source, "close"):  # a source of the user's own need not have it
        source.close()
