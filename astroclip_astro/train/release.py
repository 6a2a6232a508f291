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

from .loop import Data
from .run_folder import RunFolder
from .settings import TrainingConfiguration
from .stage import Stage

__all__ = ["plot_losses", "release"]

MEASURED = 5_000  # galaxies
SIDE = 96  # pixels that brightness is measured in
RANGE = (0.05, 99.95)  # per cent
WIDE = 5.0  # largest loss over smallest, above which the axis is logarithmic


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
        How.
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
        found = {}
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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    log, validation = folder.rows(folder.log), folder.rows(folder.validation)
    if not log:
        return
    step, loss = (np.array([float(row[key]) for row in log]) for key in ("step", "loss"))
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(step, loss, color="0.75", lw=0.8, label="each step")
    width = max(1, len(loss) // 100)
    if width > 1:
        smooth = np.convolve(loss, np.ones(width) / width, "valid")
        axes.plot(step[width - 1 :], smooth, color="C0", label=f"mean of {width}")
    if validation:
        x, y = (np.array([float(row[key]) for row in validation]) for key in ("step", "loss"))
        axes.plot(x, y, color="C1", marker=".", label="held out")
    axes.set(xlabel="step", ylabel="loss")
    if loss.min() > 0 and loss.max() > WIDE * loss.min():
        axes.set_yscale("log")
    axes.legend(frameon=False)
    folder.replace(folder.path / "loss.png", lambda new: figure.savefig(new, dpi=120, format="png"))
