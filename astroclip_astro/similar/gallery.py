"""Pictures of similar galaxies: thumbnails and spectra, the query first."""

from __future__ import annotations

import numpy as np
from astropy.table import Table

from astroclip_astro.figures.gallery import THUMBNAIL_PIXELS, Panel
from astroclip_astro.records import Cutout, Source, Spectrum, Targets
from astroclip_astro.similar.query import Query, target_at
from astroclip_astro.sky import find_targets

MAX_MATCHES_DRAWN = 20  # matches that are drawn


def collect_panels(
    query: Query,
    matches: Table,
    table: Table,
    source: Source,
    *,
    match_radius: float = 1.0,
    **names: str | None,
) -> list[Panel]:
    """Fetch what there is of the query and its matches, the first `MAX_MATCHES_DRAWN` of them.

    Parameters
    ----------
    query : Query
        The galaxy asked for.
    matches : Table
        Matches within ``table``: ``row``, ``similarity``.
    table : Table
        Where positions are.
    source : Source
        Where images and spectra come from.
    match_radius : float
        Largest distance of a spectrum from its row, arcsec.
    **names
        ``ra``, ``dec`` and ``frame`` of the positions, as `astroclip_astro.sky.find_targets` has
        them.

    Returns
    -------
    list of Panel
        The query, then the matches in order.
    """
    matches = matches[:MAX_MATCHES_DRAWN]
    targets = find_targets(table, **names)
    rows = np.asarray(matches["row"], int)
    titles = [
        f"row {row}, similarity {similarity:.3f}"
        for row, similarity in zip(rows.tolist(), matches["similarity"], strict=True)
    ]
    place = None  # where the query is
    if query.row is not None:
        place = targets[np.array([query.row])]
    elif query.position is not None:
        place = target_at(query.position)
    panels = [Panel(f"query: {query.description}", query.image, query.flux, query.ivar)]
    if place is not None:
        panels = _fetch_panels([panels[0].title], place, source, match_radius)
    return [*panels, *_fetch_panels(titles, targets[rows], source, match_radius)]


def _fetch_panels(
    titles: list[str], targets: Targets, source: Source, radius: float
) -> list[Panel]:
    """Return panels of targets, with what the source has of them."""
    return [
        Panel(
            title,
            image=cutout.image if isinstance(cutout, Cutout) else None,
            flux=spectrum.flux if isinstance(spectrum, Spectrum) else None,
            ivar=spectrum.ivar if isinstance(spectrum, Spectrum) else None,
        )
        for title, spectrum, cutout in zip(titles, *_fetch(targets, source, radius), strict=True)
    ]


def _fetch(targets: Targets, source: Source, radius: float) -> tuple[list, list]:
    """Return spectra and cutouts of targets, None or a gap where there are none."""
    answers: dict[str, list] = {"spectra": [None] * len(targets), "cutouts": [None] * len(targets)}
    for what, good, number in (
        ("spectra", targets.good, radius),
        ("cutouts", targets.has_position, THUMBNAIL_PIXELS),
    ):
        rows = np.flatnonzero(good)
        if len(rows):
            for row, answer in zip(rows, getattr(source, what)(targets[rows], number), strict=True):
                answers[what][row] = answer
    return answers["spectra"], answers["cutouts"]


def heading(matches: Table) -> str:
    """Return what was compared with what, such as ``"image among spectra"``.

    Parameters
    ----------
    matches : Table
        Matches, with what was asked in its header.
    """
    things = {"image": "images", "spectrum": "spectra"}[matches.meta["ACAMONG"]]
    return f"{matches.meta['ACBY']} among {things}"


def match_title(matches: Table, panels: list[Panel]) -> str:
    """Return the title of a picture of matches, of which not all may be drawn.

    Parameters
    ----------
    matches : Table
        All matches.
    panels : list of Panel
        What is drawn, the query first.
    """
    shown = len(panels) - 1
    some = f", the first {shown}" if shown < len(matches) else ""
    return f"Most similar by {heading(matches)}{some}"
