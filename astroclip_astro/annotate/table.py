"""A table in memory gets our columns: what ``table.astroclip.annotate`` does."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any

from astropy.table import Table

from astroclip_astro.annotate.job import close
from astroclip_astro.annotate.output import add_columns, check_names
from astroclip_astro.annotate.pipeline import annotate_targets
from astroclip_astro.annotate.progress import Progress
from astroclip_astro.annotate.setup import check_options
from astroclip_astro.config import COLUMN_GROUPS
from astroclip_astro.sky import find_targets
from astroclip_astro.sky.stated_frames import note_frame


def annotate(
    table: Table,
    *,
    columns: str | Iterable[str] = COLUMN_GROUPS,
    ra: str | None = None,
    dec: str | None = None,
    frame: str | None = None,
    overwrite: bool = False,
    quiet: bool = True,
    **options: Any,
) -> Table:
    """Add our columns to a table, in place, all together.

    Parameters
    ----------
    table : Table
        With positions or TARGETIDs.
    columns : str or iterable of str
        As `astroclip_astro.annotate.setup.check_options` has them.
    ra, dec, frame : str, optional
        Columns of positions and their frame, as `astroclip_astro.sky.find_targets` has them.
    overwrite : bool
        Whether columns whose names are taken may be replaced.
    quiet : bool
        Whether to show no progress.
    **options
        Further ones of `astroclip_astro.annotate.setup.check_options`.

    Returns
    -------
    Table
        The same table. It is unchanged where an exception is raised.

    Raises
    ------
    InputError
        For a table, positions, options, weights or a folder that cannot be used.
    SourceError
        Where the source failed for every row.

    Examples
    --------
    >>> table = Table({"ra": [280.0], "dec": [-5.0]})  # in the Galactic plane
    >>> annotate(table, source="demo", columns="embedding", device="cpu").astroclip.flags()
    [['no_image', 'no_spectrum', 'outside_imaging']]
    """
    with Progress(quiet=quiet) as progress:
        progress.stage("checking options")
        targets = find_targets(table, ra=ra, dec=dec, frame=frame)
        checked = check_options(columns=columns, **options)
        try:
            check_names(table, checked.columns, overwrite=overwrite)
        except BaseException:
            close(checked.source)
            raise
        job = checked.load(progress)
        with closing(job):
            rows = annotate_targets(targets, job, progress=progress)
    return note_frame(add_columns(table, rows, job), targets.frame)
