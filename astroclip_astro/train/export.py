"""A finished stage -> weights, their card, and the plot of its losses."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from astroclip_astro.errors import OutputError
from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.checkpoint import save_weights
from astroclip_astro.prepare.images import centre_crop, clean_images
from astroclip_astro.prepare.photometry import measure_images, measure_spectra
from astroclip_astro.prepare.spectra import clean_spectra
from astroclip_astro.train.loop import Data
from astroclip_astro.train.run_folder import RunFolder
from astroclip_astro.train.settings import TrainingConfiguration
from astroclip_astro.train.stage import Stage

MEASURED = 5_000  # galaxies
SIDE = 96  # pixels that brightness is measured in
RANGE = (0.05, 99.95)  # per cent


def release(
    model: AstroCLIP,
    stage: Stage,
    folder: RunFolder,
    data: Data,
    configuration: TrainingConfiguration,
    cards: dict[str, dict],
) -> None:
    """Write the weights of a finished stage and their card.

    Parameters
    ----------
    model : AstroCLIP
        On the CPU.
    stage : Stage
        The stage.
    folder : RunFolder
        Where to.
    data : Data
        What it was trained on.
    configuration : TrainingConfiguration
        The settings of the run.
    cards : dict of str to dict
        Cards of the encoders it began with.

    Raises
    ------
    OutputError
        If the disk is full; once there is room, the same run can be released.
    """
    before: dict[str, object] = {}
    for card in cards.values():
        before |= card["training"].get("stages", {})
    simulated = data.training_set.simulated
    kind = "SIMULATED" if simulated else "observed (or not stated to be simulated)"
    facts = {
        "task": stage.task,
        "galaxies": len(data.rows),
        "simulated": simulated,
        "minutes": round(minutes(folder, stage.settings.batch_size), 1),
    }
    stages = before | {stage.name: facts | asdict(stage.settings)}
    training = {
        "simulated": simulated or any(c["training"].get("simulated") for c in cards.values()),
        "data": f"{len(data.rows):,} {kind} galaxies; {len(data.held_out):,} held out",
        "stages": stages,
        "labels_in_loss": "none",
        "range": trained_range(data),
    }
    card = {"name": configuration.model.name, "training": training, "scores": {}}
    plot_losses(folder)
    try:
        save_weights(model, folder.weights, card)
    except OSError as error:
        raise OutputError(
            f"{folder.weights} cannot be written: {error.strerror}; the last checkpoint is kept. "
            "Make room, then go on with --resume."
        ) from None


def minutes(folder: RunFolder, batch_size: int) -> float:
    """Return how long all steps took, from their rates in the log."""
    return sum(batch_size / float(row["rate"]) for row in folder.rows(folder.log)) / 60


def trained_range(data: Data) -> dict[str, list[float]]:
    """Return the range of brightness and extent of what was trained on."""
    names = ("images",) if data.training_set.side >= SIDE else ()
    step = max(1, len(data.rows) // MEASURED)
    measures: dict[str, list[np.ndarray]] = {}
    for _, read in data.training_set.read((*names, "spectrum", "ivar"), data.rows[::step]):
        found: dict[str, np.ndarray] = {}
        if "images" in read:
            found |= measure_images(centre_crop(clean_images(read["images"]), SIDE))
        if "spectrum" in read:
            found |= measure_spectra(clean_spectra(read["spectrum"], read.get("ivar")))
        for measure, values in found.items():
            measures.setdefault(measure, []).append(values)
    limits = {}
    for measure, parts in measures.items():
        values = np.concatenate(parts)
        values[values == 0] = np.nan  # a band or a spectrum that is missing has no brightness
        if np.isnan(values).all():
            continue
        low, high = np.nanpercentile(values, RANGE)
        limits[measure] = [float(f"{low:.4g}"), float(f"{high:.4g}")]
    return limits


def plot_losses(folder: RunFolder) -> None:
    """Draw the loss over the steps, with that of the galaxies held out, as ``loss.png``."""
    from astroclip_astro.figures.losses import losses_figure

    log, held_out = folder.rows(folder.log), folder.rows(folder.validation)
    if not log:
        return
    stage = folder.path.name
    figure = losses_figure(
        {stage: curve(log)}, title="", validation={stage: curve(held_out)} if held_out else None
    )
    folder.replace(folder.path / "loss.png", lambda new: figure.savefig(new, format="png"))


def curve(rows: list[dict[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and losses of a log."""
    step, loss = (np.array([float(row[key]) for row in rows]) for key in ("step", "loss"))
    return step, loss
