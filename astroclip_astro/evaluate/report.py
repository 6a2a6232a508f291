"""What an evaluation report says: scores, predictions and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from astroclip_astro.evaluate.coverage import CoverageCheck
from astroclip_astro.evaluate.scores import Score
from astroclip_astro.evaluate.table import TableOne
from astroclip_astro.zeroshot.calibrated import BEST

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PREDICTED_BY = ("spectrum_knn", "image_knn", "photometry_mlp")  # the first there is


@dataclass(frozen=True)
class Report:
    """All that a report says.

    Parameters
    ----------
    title : str
        Of the page; calls simulated galaxies simulated.
    run_metadata : mapping of str to str
        What was evaluated and how, in words, for the page.
    simulated : bool or None
        Whether the galaxies are; None where nothing says so.
    table : TableOne
        The rows.
    sections : mapping of str to mapping
        Further sections, ``retrieval`` for example: for each row its quantities.
    predicted : mapping of str to mapping
        For each label, predictions as astroclip-annotate makes them; empty for photometry alone.
    figures : mapping of str to (Figure, str)
        For each file name, without suffix, a figure and what it shows.
    """

    title: str
    run_metadata: Mapping[str, str]
    simulated: bool | None
    table: TableOne
    sections: Mapping[str, Mapping[str, Mapping[str, Score]]] = field(default_factory=dict)
    predicted: Mapping[str, Mapping[str, CoverageCheck]] = field(default_factory=dict)
    figures: Mapping[str, tuple[Figure, str]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """``SIMULATED``, ``observed`` or ``unknown``."""
        return {True: "SIMULATED", False: "observed", None: "unknown"}[self.simulated]

    @property
    def predicted_by(self) -> str:
        """Whose predictions are listed: ``best``, as astroclip_z is, or a row of photometry."""
        if self.predicted:
            return BEST
        return next(name for name in PREDICTED_BY if name in self.table.predictions)
