"""``astroclip-train``: the three stages of training, one by one or in turn."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm.auto import tqdm

from astroclip_astro.cli.options import (
    FAILED_STATUS,
    add_options,
    compute_options,
    holdout_options,
    interrupted,
    quiet_option,
    run_command,
    seed_option,
)
from astroclip_astro.cli.terminal import say
from astroclip_astro.errors import InputError
from astroclip_astro.version import __version__

if TYPE_CHECKING:
    from astroclip_astro.train.sanity_checks import EarlyChecks

TRAINING_OPTIONS = (
    click.option(
        "--data", type=click.Path(path_type=Path), required=True, help="Training set, an HDF5 file."
    ),
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        required=True,
        metavar="RUN",
        help="Folder of the run: checkpoints, log, loss plot, configuration and weights.",
    ),
    click.option(
        "--config",
        default="full",
        show_default=True,
        metavar="full|compact|FILE",
        help="Sizes and settings: as published (full, for GPUs), a size that two CPU cores can "
        "train (compact), or a TOML file.",
    ),
    click.option(
        "--steps", type=int, help="Total number of steps.  [default: that of the configuration]"
    ),
    click.option(
        "--batch-size",
        type=int,
        help="Number of galaxies in a step, over all processes.  [default: that of the "
        "configuration]",
    ),
    click.option(
        "--accumulate",
        type=int,
        metavar="N",
        help="Compute each batch in N parts, which needs less memory and gives the same gradient.  "
        "[default: 1]",
    ),
    seed_option,
    holdout_options(0.05, "Fraction of the galaxies that are held out for validation; 0 for none."),
    compute_options,
    click.option(
        "--checkpoint-every",
        type=float,
        default=120.0,
        show_default=True,
        metavar="SECONDS",
        help="Time between checkpoints.",
    ),
    click.option("--resume", is_flag=True, help="Continue from the last checkpoint in RUN."),
    click.option(
        "--check",
        is_flag=True,
        help="Only check the training on one batch; nothing is written.",
    ),
    quiet_option,
)
ENCODER = "the folder of a training run, a .safetensors file, or the name of bundled weights."


training_options = add_options(TRAINING_OPTIONS)


@click.group(name="astroclip-train", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="astroclip-train")
def train() -> None:
    """Train encoders of your own, or repeat the training of the bundled ones.

    Each stage writes RUN/weights.safetensors, which --weights of the other commands takes. An
    interrupted run is continued with --resume. To train with several processes, run torchrun
    --nproc-per-node N --no-python astroclip-train ...

    Exit status: 0 done, 1 the training or its early check failed, 2 a mistake in the input,
    130 interrupted.
    """


@train.command()
@training_options
@click.option("--spectrum-encoder", metavar="RUN|WEIGHTS", help=f"Encoder to start from: {ENCODER}")
def spectrum(spectrum_encoder: str | None, **options: Any) -> int:
    """Pretrain the spectrum encoder by reconstructing masked parts of spectra."""
    return work("spectrum", options, {"spectrum_encoder": spectrum_encoder})


@train.command()
@training_options
@click.option("--image-encoder", metavar="RUN|WEIGHTS", help=f"Encoder to start from: {ENCODER}")
def image(image_encoder: str | None, **options: Any) -> int:
    """Pretrain the image encoder by contrasting views of galaxies (MoCo v2)."""
    return work("image", options, {"image_encoder": image_encoder})


@train.command()
@training_options
@click.option("--spectrum-encoder", metavar="RUN|WEIGHTS", help=f"Pretrained encoder: {ENCODER}")
@click.option("--image-encoder", metavar="RUN|WEIGHTS", help=f"Pretrained encoder: {ENCODER}")
@click.option(
    "--unfreeze/--freeze",
    default=None,
    help="Whether the encoders are trained too, and not only their heads.  [default: that of the "
    "configuration]",
)
def align(
    spectrum_encoder: str | None,
    image_encoder: str | None,
    unfreeze: bool | None,
    **options: Any,
) -> int:
    """Align both encoders, so that image and spectrum of a galaxy have similar embeddings."""
    encoders = {"spectrum_encoder": spectrum_encoder, "image_encoder": image_encoder}
    return work("align", options, encoders, unfreeze=unfreeze)


@train.command(name="all")
@training_options
def everything(**options: Any) -> int:
    """Train the three stages one after the other, in RUN/spectrum, RUN/image and RUN/align."""
    return work("all", options, {})


def work(
    stage: str, options: dict[str, Any], encoders: dict[str, str | None], **changes: Any
) -> int:
    """Train with a progress bar; say what came of it."""
    from dataclasses import replace  # torch is loaded here, not for --help

    from astroclip_astro.train.configuration_file import read_configuration
    from astroclip_astro.train.runner import Training, check_stage, train_all, train_stage
    from astroclip_astro.train.settings import STAGES

    check, quiet = options.pop("check"), options.pop("quiet") or os.environ.get("RANK", "0") != "0"
    changes |= {name: options.pop(name) for name in ("steps", "batch_size", "accumulate")}
    changes = {name: value for name, value in changes.items() if value is not None}
    configuration = read_configuration(options.pop("config"))
    for name in STAGES if stage == "all" else (stage,):
        changed = replace(getattr(configuration, name), **changes)
        configuration = replace(configuration, **{name: changed})
    if check and stage == "all":
        raise InputError(
            "--check is for one stage; run spectrum --check, image --check and align --check."
        )
    try:
        with closing(Bar(quiet=quiet)) as bar:
            training = Training(configuration=configuration, progress=bar.show, **options)
            if check:
                return print_checks(check_stage(stage, training, **encoders))
            if stage == "all":
                weights = train_all(training)
            else:
                weights = train_stage(stage, training, **encoders)
    except KeyboardInterrupt as stop:
        saved = str(stop) or "no new checkpoint was written"
        return interrupted("astroclip-train", f"{saved}. Continue with --resume")
    if not quiet:
        say(f"Wrote {weights} and its card; the loss is in {weights.parent / 'loss.png'}")
    return 0


def print_checks(checks: EarlyChecks) -> int:
    """Print what the early checks found."""
    say(f"loss before the first step   {checks.first:.4f}, expected {checks.expected:.4f}")
    say(f"loss after overfitting       {checks.last:.4f}")
    say(f"gradients                    {'finite' if checks.finite else 'NOT FINITE'}")
    say(f"effective rank of embeddings {checks.rank:.1f}")
    failures = checks.failures()
    for words in failures:
        say(f"astroclip-train: {words}", err=True)
    return FAILED_STATUS if failures else 0


class Bar:
    """A progress bar in steps, with the loss and the galaxies a second; one for each stage.

    Parameters
    ----------
    quiet : bool
        Whether to show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.quiet, self.stage = quiet, ""
        self.bar: tqdm | None = None

    def show(self, stage: str, step: int, steps: int, row: dict[str, float]) -> None:
        """Show the steps done of a stage; steps of an earlier run count as done, not as work."""
        if self.bar is None or stage != self.stage:
            self.close()
            self.stage = stage
            self.bar = tqdm(
                desc=stage,
                total=steps,
                initial=step - 1,
                unit="step",
                disable=self.quiet,
                dynamic_ncols=True,
            )
        self.bar.set_postfix_str(
            f"loss {row['loss']:.4f}, {row['rate']:.0f} galaxies/s", refresh=False
        )
        self.bar.update(step - self.bar.n)

    def close(self) -> None:
        """Leave the bar as it is, and go to the next line."""
        if self.bar is not None:
            self.bar.close()


def main() -> None:
    """Run the command."""
    run_command(train)


if __name__ == "__main__":
    main()
