"""What the commands say before and after their work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.table import Column, Table

from astroclip_astro.annotate.plan import SMALL, Plan
from astroclip_astro.annotate.run import Run
from astroclip_astro.annotate.true_values import read_true_values
from astroclip_astro.catalogue import check_output
from astroclip_astro.catalogue.arrow_types import conversions
from astroclip_astro.catalogue.streams import FORMATS
from astroclip_astro.catalogue.text_values import text_notes
from astroclip_astro.cli.endpoints import Endpoints
from astroclip_astro.cli.terminal import join_lines
from astroclip_astro.columns import PREFIX
from astroclip_astro.flags import FLAGS, Flag, decode
from astroclip_astro.records import sample_name
from astroclip_astro.zeroshot.reference import Reference

LOOK = (
    "astroclip_z",
    "astroclip_z_err",
    "astroclip_logmstar",
    "astroclip_logmstar_err",
    "astroclip_flags",
)
FIRST_COLUMNS = 3
LOOK_ROWS = 5


def reference_line(reference: Reference) -> str:
    """Return what the reference is, and that it is simulated where it is."""
    count = f"{len(reference.image):,}"
    own = f", with labels {', '.join(reference.user_labels)}" if reference.user_labels else ""
    if reference.simulated:
        galaxies = f"{count} {sample_name(True)}{own}"
        return f"{reference.name}, {galaxies}; not calibrated on real ones"
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


def describe_plan(plan: Plan, run: Run | None, ends: Endpoints) -> str:
    """Return what a run would do, how much and how long; nothing is written.

    Parameters
    ----------
    plan : Plan
        From `astroclip_astro.annotate.plan.make_plan`.
    run : Run or None
        The same with the model loaded; None where that is not needed to describe it.
    ends : Endpoints
        Where the rows come from and go.

    Returns
    -------
    str
        Several lines.
    """
    total, good = len(plan.targets), int(plan.targets.good.sum())
    completed = run.completed if run else 0
    device = run.job.model.device if run else plan.options.device
    on = "a GPU if there is one, else the CPU" if device == "auto" else device
    first, *more = plan.preview()
    lines = [
        f"Would annotate {ends.origin} and {ends.destination(plan.output)}",
        *(f"  needs       --overwrite: {obstacle}" for obstacle in plan.obstacles()),
        f"  rows        {total}, {good} with good coordinates; {completed} completed already",
        *(f"  catalogue   {words}" for words in plan.notes),
        f"  positions   {plan.positions}",
        *(f"  converted   {words}" for words in converted(plan, ends)),
        f"  source      {first}",
        *(f"              {line}" for line in more),
        f"  weights     {plan.options.card['name']} on {on}",
        f"  reference   {reference_line(plan.options.reference)}",
        f"  columns     {len(plan.options.columns)}, about {size(plan.disk_bytes())}",
        *(f"  calibrated  {line}" for line in calibration_lines(plan)),
        f"  time        {time_line(run, total - completed)}",
    ]
    return join_lines(lines)


def converted(plan: Plan, ends: Endpoints) -> list[str]:
    """Return what the output's format makes of columns that only Parquet holds as they are."""
    if ends.form is not None:
        form = FORMATS[ends.form]
    else:
        form = check_output(plan.output, overwrite=True) if plan.output is not None else "Parquet"
    changed = [] if form == "Parquet" else conversions(plan.table)
    return changed + text_notes(plan.table, form)


def calibration_lines(plan: Plan) -> list[str]:
    """Return for each label that is calibrated on how many rows, and what was left out."""
    lines = []
    for label, name in plan.known.items():
        true = read_true_values(plan.table, label, name, plan.limits.get(label))
        used = f"{label} on {true.count} rows of {name}"
        lines.append(f"{used}; {true.words}" if true.words else used)
    return lines


def time_line(run: Run | None, left: int) -> str:
    """Return how long the rows that are left take to embed."""
    if run is None:
        return f"not measured for fewer than {SMALL} rows"
    rate = run.seconds_per_row()
    return (
        f"about {duration(rate * left)} to embed {left} rows at {1 / rate:.0f} a second "
        "(reading and fetching not counted)"
    )


def describe_result(
    run: Run, ends: Endpoints, rows: np.ndarray, seconds: float, *, quiet: bool = False
) -> str:
    """Return where the output is, a look at it, and what became of the rows.

    Parameters
    ----------
    run : Run
        The finished run.
    ends : Endpoints
        Where the rows came from and went.
    rows : ndarray
        What it wrote, (n,).
    seconds : float
        How long it took.
    quiet : bool
        Whether the rows alone are shown.

    Returns
    -------
    str
        Several lines.
    """
    labels = [column.name for column in run.job.columns if column.group == "labels"]
    if ends.typed:
        shown = look(run.plan.table, labels, count=len(run.plan.table), digits=5, words=True)
    else:
        shown = f"First rows, without the prefix {PREFIX} of our columns:\n\n"
        shown += look(run.plan.table, labels, count=LOOK_ROWS, digits=4)
    if quiet:
        return shown
    wrote = (
        f"{ends.form} to standard output" if run.plan.output is None else run.plan.output.resolve()
    )
    lines = [
        *([] if run.plan.output is None and ends.form is None else [f"Wrote {wrote}", ""]),
        *shown.split("\n"),
        "",
        *flag_lines(rows["astroclip_flags"], run.job.modality),
    ]
    if unreachable := getattr(run.job.source, "unreachable", ""):
        lines.append(f"  not reached     {unreachable}")
    if not ends.typed:
        lines += [f"  catalogue       {words}" for words in run.plan.notes]
        lines.append(f"  positions       {run.plan.positions}")
        lines += [f"  converted       {words}" for words in converted(run.plan, ends)]
    lines += [f"  calibrated      {line}" for line in calibration_lines(run.plan)]
    lines.append(f"  time            {duration(seconds)}")
    lines.append(f"  reference       {reference_line(run.job.reference)}")
    return join_lines(lines)


def flag_lines(flags: np.ndarray, modalities: Sequence[str]) -> list[str]:
    """Return how many rows were annotated and how many flagged, with a line for each flag."""
    counts = []
    usable = np.zeros(len(flags), bool)
    for modality in modalities:
        has = (flags & Flag[f"NO_{modality.upper()}"]) == 0
        usable |= has
        counts.append(f"{has.sum()} with {modality}")
    lines = [
        f"  rows annotated  {usable.sum()} of {len(flags)} ({', '.join(counts)})",
        f"  rows flagged    {(flags != 0).sum()}",
    ]
    for bit in FLAGS:
        count = int(((flags & bit.flag) != 0).sum())
        if count:
            lines.append(f"    {count:>6} {bit.flag.word}")
    if (flags != 0).any():
        lines.append("    what the flags mean: docs/columns.md, or .astroclip.flags() in Python")
    return lines


def look(table: Table, labels: list[str], *, count: int, digits: int, words: bool = False) -> str:
    """Return the first rows: the user's first columns and our main ones, names cut to fit.

    ``digits`` are those of the user's columns; ``words`` writes flags out.
    """
    own = [
        name
        for name in table.colnames
        if not name.startswith(PREFIX) and not getattr(table[name], "shape", ())[1:]
    ]
    names = [*own[:FIRST_COLUMNS], *(name for name in (*LOOK, *labels) if name in table.colnames)]
    shown = table[names][:count]
    if words:
        flags = [" ".join(found) or "none" for found in decode(shown[f"{PREFIX}flags"])]
        shown.replace_column(f"{PREFIX}flags", Column(flags, name=f"{PREFIX}flags"))
    for name in names:
        if getattr(shown[name], "dtype", np.dtype(object)).kind == "f":
            shown[name].info.format = f"{{:.{digits}f}}" if name in own else "{:.3f}"
        if name not in own and name.removeprefix(PREFIX) not in names:
            shown.rename_column(name, name.removeprefix(PREFIX))
    lines = shown.pformat(max_lines=-1, max_width=-1)
    return join_lines("  " + line for line in lines)
