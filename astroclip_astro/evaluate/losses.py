"""The losses of training runs, as a report draws them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.figures import Figures


def loss_figures(runs: Sequence[Path]) -> Figures:
    """Draw the losses of training runs, each the folder of one stage or of all.

    Raises
    ------
    InputError
        Where a folder holds no log, or one that cannot be read, or comes twice.
    """
    from astroclip_astro.figures.losses import losses_figure

    logs, validation = {}, {}
    for run in runs:
        folders = [run / stage for stage in ("spectrum", "image", "align")]
        found = [one for one in folders if (one / "log.csv").is_file()]
        found = found or [run] * (run / "log.csv").is_file()
        if not found:
            raise InputError(
                f"{run} holds no log.csv, nor does a folder of a stage in it; pass the folder of "
                "a run of astroclip-train."
            )
        for one in found:
            name = one.resolve().name
            if name in logs:  # the same stage of another run
                name = f"{one.resolve().parent.name}/{name}"
            if name in logs:
                raise InputError(f"Two runs of --losses are called {name}; leave one of them out.")
            logs[name] = read_log(one / "log.csv")
            if (one / "validation.csv").is_file():
                validation[name] = read_log(one / "validation.csv")
    if not logs:
        return {}
    figure = losses_figure(
        logs, title="Losses while the weights were trained", validation=validation
    )
    return {"losses": (figure, "Loss of each step of training, and of galaxies held out.")}


def read_log(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and losses of a log."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(float(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        raise InputError(
            f"{path} cannot be read, expected CSV with the columns step and loss; pass the folder "
            "of a run of astroclip-train."
        ) from None
    steps, losses = np.array(rows, float).reshape(-1, 2).T
    return steps, losses
