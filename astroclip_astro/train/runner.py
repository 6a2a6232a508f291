"""One stage of training from its options to its weights: the entry point."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from astroclip_astro.errors import AstroclipError, InputError, OutputError, WeightsError
from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.checkpoint import load_weights
from astroclip_astro.models.embed import choose_device, choose_precision
from astroclip_astro.train.configuration_file import check_sizes
from astroclip_astro.train.contrastive import AlignStage
from astroclip_astro.train.distributed import Processes, joined
from astroclip_astro.train.export import release
from astroclip_astro.train.loop import Data, Loop, run_loop
from astroclip_astro.train.masked import SpectrumStage
from astroclip_astro.train.moco import ImageStage
from astroclip_astro.train.run_folder import open_run
from astroclip_astro.train.sanity_checks import EarlyChecks, check_early
from astroclip_astro.train.settings import STAGES, TRAINING, TrainingConfiguration
from astroclip_astro.train.stage import Stage
from astroclip_astro.training_data.split import held_out, sky_groups
from astroclip_astro.training_data.training_set import TrainingSet, open_training_set

PACKAGES = ("h5py", "astropy_healpix", "matplotlib", "tomli_w")
# What of a configuration decides what an encoder computes; names begin so.
DECIDES = {
    "spectrum_encoder": ("spectrum", "window", "max_tokens"),
    "image_encoder": ("image", "embedding_width"),
}
KINDS: dict[str, type[Stage]] = {
    stage.name: stage for stage in (SpectrumStage, ImageStage, AlignStage)
}


@dataclass(frozen=True, kw_only=True)
class Training:
    """Options of a training, the same for all stages.

    Parameters
    ----------
    data : path
        Training set, HDF5.
    output : path
        Folder of the run.
    configuration : TrainingConfiguration
        Sizes and settings.
    seed : int
        Of everything random.
    device : {"auto", "cpu", "cuda", "cuda:N", "mps"}
        Where to compute.
    precision : {"auto", "float32", "bfloat16"}
        Number format inside the networks; ``auto`` is bfloat16 on GPUs and processors that have
        instructions for it, else float32.
    checkpoint_every : float
        Seconds between checkpoints.
    resume : bool
        Go on from the last checkpoint.
    holdout : float
        Fraction of the galaxies that are not trained on, but validated with; 0 for none.
    holdout_by : str
        ``sky``, or the dataset whose values say which galaxies belong together.
    progress : callable
        Called with stage, steps done, steps in all and the log's line.
    """

    data: str | os.PathLike
    output: str | os.PathLike
    configuration: TrainingConfiguration = field(default_factory=lambda: TRAINING["compact"])
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    checkpoint_every: float = 120.0
    resume: bool = False
    holdout: float = 0.05
    holdout_by: str = "sky"
    progress: Callable[[str, int, int, dict[str, float]], object] = lambda *_: None


def train_stage(
    name: str,
    training: Training,
    *,
    spectrum_encoder: str | os.PathLike | None = None,
    image_encoder: str | os.PathLike | None = None,
) -> Path:
    """Train one stage and write its weights.

    Parameters
    ----------
    name : {"spectrum", "image", "align"}
        The stage.
    training : Training
        Options.
    spectrum_encoder, image_encoder : str or path, optional
        Weights that the encoders begin with; a run's folder stands for its weights. ``align``
        needs both.

    Returns
    -------
    Path
        The weights, ``weights.safetensors`` in the folder of the run, their card beside it.

    Raises
    ------
    InputError
        For options that cannot be met: a training set without what the stage needs, a folder
        that is taken, weights of other sizes.
    TrainingError
        If a loss or a gradient is no number.
    KeyboardInterrupt
        When interrupted; the message says how many steps are kept.
    """
    check_packages()
    with joined(choose_device(training.device)) as processes:
        stage, model, data, cards, loop = prepare(
            name, training, processes, spectrum_encoder, image_encoder
        )
        configuration = training.configuration
        facts = {
            "stage": name,
            "seed": training.seed,
            "data": {"rows": data.training_set.rows, "datasets": sorted(data.training_set.names)},
            "holdout": [training.holdout, training.holdout_by],
            "precision": str(loop.precision).removeprefix("torch."),
            "encoders": {part: card["sha256"] for part, card in cards.items()},
        }
        output = Path(training.output)
        if processes.first:
            folder = open_run(output, configuration.to_dict(), facts, resume=training.resume)
        processes.wait()
        if not processes.first:
            folder = open_run(output, configuration.to_dict(), facts, resume=True)
        if not folder.finished:
            run_loop(stage, data, folder, loop)
            if processes.first:
                release(model.cpu(), stage, folder, data, configuration, cards)
            processes.wait()
        return folder.weights


def check_stage(
    name: str,
    training: Training,
    *,
    spectrum_encoder: str | os.PathLike | None = None,
    image_encoder: str | os.PathLike | None = None,
) -> EarlyChecks:
    """Try a stage on one batch; nothing is written.

    Parameters and errors are those of `train_stage`; the folder is not used.

    Returns
    -------
    EarlyChecks
        With `EarlyChecks.failures`.
    """
    check_packages()
    processes = Processes(0, 1, choose_device(training.device))
    stage, _, data, _, loop = prepare(name, training, processes, spectrum_encoder, image_encoder)
    return check_early(stage, data, loop)


def train_all(training: Training) -> Path:
    """Train the three stages in turn, each in a folder of its own below that of the run.

    Parameters
    ----------
    training : Training
        Options; stages that are finished are not trained again.

    Returns
    -------
    Path
        Weights of the last stage.
    """
    output = Path(training.output)
    encoders: dict[str, Path] = {}
    with joined(choose_device(training.device)) as processes:
        if processes.first:
            open_runs(output, resume=training.resume)
        processes.wait()
        for name in STAGES:
            stage = replace(training, output=output / name, resume=True)
            weights = train_stage(name, stage, **(encoders if name == "align" else {}))
            if name != "align":
                encoders[f"{name}_encoder"] = weights
    return weights


def open_runs(output: Path, *, resume: bool) -> None:
    """Make the folder of the runs of all stages, or find that of interrupted ones."""
    try:
        there = {one.name for one in output.iterdir()} if output.is_dir() else set()
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"Folder {output} cannot be made: {error.strerror}.") from None
    if there & set(STAGES) and not resume:
        raise OutputError(
            f"{output} holds a training run; go on with --resume, or choose another folder."
        )
    if there and not there & set(STAGES):
        raise OutputError(
            f"{output} is not empty and holds no run of all stages; choose another folder."
        )


def prepare(
    name: str,
    training: Training,
    processes: Processes,
    spectrum_encoder: str | os.PathLike | None,
    image_encoder: str | os.PathLike | None,
) -> tuple[Stage, AstroCLIP, Data, dict[str, dict], Loop]:
    """Return all that a stage needs, everything checked before any work."""
    configuration = training.configuration
    settings = getattr(configuration, name)
    precision = choose_precision(training.precision, processes.device, training=True)
    processes.rows(settings.batch_size)
    given = {"spectrum_encoder": spectrum_encoder, "image_encoder": image_encoder}
    missing = [part for part, weights in given.items() if weights is None]
    if name == "align" and missing:
        raise InputError(
            f"align needs pretrained encoders, {' and '.join(missing)} not given: "
            "--spectrum-encoder and --image-encoder take the folders of their runs, weights files, "
            "or bundled weights."
        )
    if not 0 <= training.seed < 2**63:
        raise InputError(f"Seed is {training.seed}, expected a number from 0 to below 2**63.")
    check_sizes(configuration.model, f"Configuration {configuration.model.name}")
    torch.manual_seed(training.seed)
    try:
        model = AstroCLIP(configuration.model)
    except RuntimeError as error:
        raise InputError(f"Encoders of these sizes cannot be made: {error}.") from None
    cards = {
        part: load_encoder(model, part, weights)
        for part, weights in given.items()
        if weights is not None
    }
    stage = KINDS[name](model, settings)
    training_set = open_training_set(Path(training.data), stage.needs)
    side = configuration.model.image_size
    if "images" in stage.needs and training_set.side < side:
        raise InputError(
            f"Images of {training_set.path} are {training_set.side} pixels wide, expected at "
            f"least {side}."
        )
    data = split(training_set, training, settings.batch_size)
    loop = Loop(
        processes=processes,
        precision=precision,
        seed=training.seed,
        checkpoint_every=training.checkpoint_every,
        progress=training.progress,
    )
    return stage, model, data, cards, loop


def load_encoder(model: AstroCLIP, encoder: str, weights: str | os.PathLike) -> dict:
    """Give one encoder the parameters of other weights, and return their card."""
    pretrained, card = load_weights(weights)
    different = [
        f"{name} ({value}, not {getattr(model.config, name)})"
        for name, value in pretrained.config.to_dict().items()
        if name.startswith(DECIDES[encoder]) and value != model.config.to_dict()[name]
    ]
    if different:
        raise WeightsError(
            f"The {encoder.replace('_', ' ')} of {weights} ({pretrained.config.name}) has other "
            f"sizes than the configuration {model.config.name}: {', '.join(different)}; give "
            "--config the one it was trained with."
        )
    getattr(model, encoder).load_state_dict(getattr(pretrained, encoder).state_dict())
    return card


def check_packages() -> None:
    """Find out now whether a package is missing that is needed in the end."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise AstroclipError(
            f"Training needs {', '.join(missing)}; pip install 'astroclip-astro[train]'."
        )


def split(training_set: TrainingSet, training: Training, batch_size: int) -> Data:
    """Hold out whole groups of galaxies."""
    out = np.zeros(training_set.rows, bool)
    if training.holdout:
        if training.holdout_by == "sky":
            groups = sky_groups(training_set.column("ra"), training_set.column("dec"))
        else:
            groups = training_set.column(training.holdout_by)
        out = held_out(groups, training.holdout, seed=training.seed)
    rows = np.flatnonzero(~out)
    if len(rows) < batch_size:
        raise InputError(
            f"{training_set.path} leaves {len(rows)} galaxies to train on, fewer than a batch of "
            f"{batch_size}; give a smaller --batch-size."
        )
    return Data(training_set, rows, np.flatnonzero(out))
