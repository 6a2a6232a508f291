"""Find the positions and DESI TARGETIDs in a table.

Positions are a SkyCoord column of any frame, or a pair of columns, recognised by name or UCD.
Their frame is ICRS, unless the catalogue or the user says another, from which they are transformed.
J2000 in a name alone is taken as ICRS, which is right to about 20 mas.
"""

from __future__ import annotations

from warnings import warn

import numpy as np
from astropy.table import Table

from astroclip_astro.errors import AssumedUnitWarning, AstroclipWarning, CatalogueError
from astroclip_astro.records import Targets
from astroclip_astro.sky.arguments import check_table
from astroclip_astro.sky.column_choice import choose_columns
from astroclip_astro.sky.column_positions import ColumnPositions, is_coord, read_positions
from astroclip_astro.sky.frame_names import other_pairs
from astroclip_astro.sky.pairs import PASS, best_pairs, explain_absence, listing
from astroclip_astro.sky.split_columns import split_columns
from astroclip_astro.sky.targetids import TARGETID_NAMES, TargetIds, read_targetids


def find_targets(
    table: Table, *, ra: str | None = None, dec: str | None = None, frame: str | None = None
) -> Targets:
    """Return the positions and TARGETIDs of every row of a catalogue.

    Parameters
    ----------
    table : Table
        Table or QTable. Never changed.
    ra, dec : str, optional
        The columns of RA and Dec. Found when not given: a SkyCoord column, or the best pair as
        `~astroclip_astro.sky.pairs.best_pairs` ranks them. A SkyCoord column can be named as ``ra``
        alone.
    frame : str, optional
        The frame of the columns, as `~astroclip_astro.sky.frames.parse_frame` reads it; ``ra`` and
        ``dec`` are longitude and latitude in ``galactic`` and the like. By default what the table's
        metadata say, else ICRS.

    Returns
    -------
    Targets
        One for each row, in order. RA from -180 to 0 is wrapped. A row whose RA or Dec is masked,
        not finite, not understood or out of range (RA -180 to 360, Dec -90 to 90) has NaN in
        both. TARGETIDs come from an integer column (or digits in strings) called ``TARGETID`` or
        ``DESI_TARGETID`` in any case; masked ones and -9999 to 0, which DESI gives to no target,
        are none. Without RA and Dec, TARGETIDs suffice.

    Raises
    ------
    CatalogueError
        Where the table is empty; no RA/Dec, several candidates, an unknown frame, radians or
        hours (see `~astroclip_astro.sky.angles.check_degrees`) are found; a named column does not
        exist or holds no angles; TARGETIDs are floats; or no row has a position or a TARGETID.

    Warns
    -----
    AssumedUnitWarning
        Where RA states no unit and is below 24 in every row, so that it may be in hours.
    AstroclipWarning
        Where TARGETIDs look as if a float column or a spreadsheet had rounded them.

    Examples
    --------
    >>> table = Table({"RA": [150.1, -10.0, 999.0], "DEC": [2.2, 0.5, 0.0], "mag": [18.0, 19, 20]})
    >>> targets = find_targets(table)
    >>> targets.ra
    array([150.1, 350. ,   nan])
    >>> targets.good
    array([ True,  True, False])
    """
    targets, _, assumed, ids = _find(table, ra, dec, frame)
    if assumed:
        warn(f"{assumed}.", AssumedUnitWarning, stacklevel=2)
    if ids.doubt and ids.certain:
        warn(f"{ids.doubt}.", AstroclipWarning, stacklevel=2)
    return targets


def describe_positions(
    table: Table, *, ra: str | None = None, dec: str | None = None, frame: str | None = None
) -> str:
    """Say in one line where positions and TARGETIDs come from.

    Parameters
    ----------
    table, ra, dec, frame
        As for `find_targets`.

    Returns
    -------
    str
        For summaries.

    Raises
    ------
    CatalogueError
        As `find_targets`.

    Examples
    --------
    >>> describe_positions(Table({"ra": [150.1], "dec": [2.2]}))
    "RA/Dec from columns 'ra', 'dec' (ICRS degrees)"
    """
    _, words, assumed, ids = _find(table, ra, dec, frame)
    return "; ".join(filter(None, [words, assumed, ids.doubt]))


def has_target_columns(table: Table) -> bool:
    """Return whether a table's columns, by their names and UCDs, can say where its rows are.

    Parameters
    ----------
    table : Table
        It may be without rows.

    Returns
    -------
    bool
        Whether there is a SkyCoord column, RA and Dec, or a column of TARGETIDs.

    Examples
    --------
    >>> has_target_columns(Table(names=["RA", "DEC"])), has_target_columns(Table(names=["x"]))
    (True, False)
    """
    found = any(name.lower() in TARGETID_NAMES or is_coord(table[name]) for name in table.colnames)
    return found or bool(best_pairs(table) or split_columns(table) or other_pairs(table))


def _find(
    table: Table, ra: str | None, dec: str | None, frame: str | None
) -> tuple[Targets, str, str, TargetIds]:
    """Return the targets, where they come from, what had to be assumed, and the TARGETIDs."""
    if len(check_table(table)) == 0:
        raise CatalogueError("The table has no rows, expected at least one with RA and Dec.")
    ids = read_targetids(table)
    names = choose_columns(table, ra, dec, frame)
    if not names and not ids.known.any():
        raise CatalogueError(f"{explain_absence(table)}.")
    nowhere = np.full(len(table), np.nan)
    found = ColumnPositions(nowhere, nowhere.copy(), "No RA/Dec")
    if names:
        found = read_positions(table, names, frame)
    targets = Targets(
        found.ra,
        found.dec,
        ids.values,
        ids.known,
        positioned=bool(names),
        frame=found.frame,
        bad_targetid=ids.bad,
    )
    if not targets.good.any():
        raise CatalogueError(
            f"None of the {len(table)} rows of {listing(names)} has a good position, expected RA "
            f"0 to 360 (or -180 to 180) and Dec -90 to 90 degrees, finite and not masked; correct "
            f"the columns, or {PASS}."
        )
    return targets, "; ".join(filter(None, [found.words, ids.words])), found.assumed, ids
