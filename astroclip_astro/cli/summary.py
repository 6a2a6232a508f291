"""What the commands say before and after their work."""

from __future__ import annotations

import numpy as np
from astropy.table import Table

from astroclip_astro.columns import PREFIX
from astroclip_astro.flags import FLAGS, Flag
from astroclip_astro.run import Run

__all__ = ["describe_plan", "describe_result"]

LOOK = (
    "astroclip_z",
    "astroclip_z_err",
    "astroclip_logmstar",
    "astroclip_logmstar_err",
    "astroclip_flags",
)
FIRST_COLUMNS = 3
LOOK_ROWS = 5


def reference_line(run: Run) -> str:
    """Return what the reference is, and that it is simulated where it is."""
    reference = run.job.reference
    count = f"{len(reference.image):,}"
    own = f", with labels {', '.join(reference.own_labels)}" if reference.own_labels else ""
    if reference.simulated:
        return f"{reference.name}, {count} SIMULATED galaxies{own}; not calibrated on real ones"
    kind = "real" if reference.simulated is False else "unlabelled (simulated or real)"
    return f"{reference.name}, {count} {kind} galaxies{own}"


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def size(count: int) -> str:
    """Return a number of bytes as people say it."""
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.0f} MB"


def describe_plan(run: Run) -> str:
    """Return what a run would do, how much and how long; nothing is written.

    Parameters
    ----------
    run : Run
        From `astroclip_astro.run.prepare_run`.

    Returns
    -------
    str
        Several lines.
    """
    total, good = len(run.targets), int(run.targets.good.sum())
    left = total - run.store.rows()
    rate = run.seconds_per_row()
    first, *more = run.preview()
    lines = [
        f"Would annotate {run.catalogue} and write {run.output.resolve()}",
        f"  rows        {total}, {good} with good coordinates; {total - left} done already",
        f"  positions   {run.positions}",
        f"  source      {first}",
        *(f"              {line}" for line in more),
        f"  weights     {run.job.model.card['name']} on {run.job.model.device}",
        f"  reference   {reference_line(run)}",
        f"  columns     {len(run.job.columns)}, about {size(run.disk_bytes())}",
        f"  time        about {duration(rate * left)} to embed {left} rows at "
        f"{1 / rate:.0f} a second (reading and fetching not counted)",
    ]
    return "\n".join(lines)


def describe_result(run: Run, rows: np.ndarray, seconds: float) -> str:
    """Return where the output is, a look at it, and what became of the rows.

    Parameters
    ----------
    run : Run
        The finished run.
    rows : ndarray
        What it wrote, (n,).
    seconds : float
        How long it took.

    Returns
    -------
    str
        Several lines.
    """
    flags = rows["astroclip_flags"]
    counts = []
    usable = np.zeros(len(flags), bool)
    for modality in run.job.modality:
        has = (flags & Flag[f"NO_{modality.upper()}"]) == 0
        usable |= has
        counts.append(f"{has.sum()} with {modality}")
    lines = [
        f"Wrote {run.output.resolve()}",
        "",
        look(run.table, [column.name for column in run.job.columns if column.group == "labels"]),
        "",
        f"  rows annotated  {usable.sum()} of {len(flags)} ({', '.join(counts)})",
        f"  rows flagged    {(flags != 0).sum()}",
    ]
    for bit in FLAGS:
        count = int(((flags & bit.flag) != 0).sum())
        if count:
            lines.append(f"    {count:>6} {bit.flag.word}")
    if (flags != 0).any():
        lines.append("    what the flags mean: docs/columns.md, or .astroclip.flags() in Python")
    if unreachable := getattr(run.job.source, "unreachable", ""):
        lines.append(f"  not reached     {unreachable}")
    lines.append(f"  positions       {run.positions}")
    lines.append(f"  time            {duration(seconds)}")
    lines.append(f"  reference       {reference_line(run)}")
    return "\n".join(lines)


def look(table: Table, labels: list[str]) -> str:
    """Return the first rows: the user's first columns and our main ones, names cut to fit."""
    own = [
        name
        for name in table.colnames
        if not name.startswith(PREFIX) and not getattr(table[name], "shape", ())[1:]
    ]
    names = [*own[:FIRST_COLUMNS], *(name for name in (*LOOK, *labels) if name in table.colnames)]
    shown = table[names][:LOOK_ROWS]
    for name in names:
        if getattr(shown[name], "dtype", np.dtype(object)).kind == "f":
            shown[name].info.format = "{:.4f}" if name in own else "{:.3f}"
        if name not in own and name.removeprefix(PREFIX) not in names:
            shown.rename_column(name, name.removeprefix(PREFIX))
    lines = shown.pformat(max_lines=-1, max_width=-1)
    head = f"First rows, without the prefix {PREFIX} of our columns:"
    return "\n".join([head, "", *("  " + line for line in lines)])
