"""How each stage is trained: published settings by default, others from a small file."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from astroclip_astro.errors import InputError
from astroclip_astro.models.configuration import COMPACT, FULL, Configuration

STAGES = ("spectrum", "image", "align")
# What a word may be; anything else would be found out hours later.
CHOICES = {
    "optimiser": ("adamw", "sgd"),
    "target": ("observed", "clean"),
    "masked": ("zeroed", "dropped"),
    "reddening": ("uniform", "lognormal"),
    "rotation": ("any", "quarter"),
}
# The least and the most that a number may be.
LARGE = 1e9
RANGES = {
    "steps batch_size accumulate chunks chunk_width queue group": (1, LARGE),
    "warmup shift learning_rate weight_decay clip encoder_rate": (0, LARGE),
    "visible_weight line_weight noise": (0, LARGE),
    "final_rate momentum": (0, 1),
    "temperature scale": (1e-6, LARGE),
}


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """What all stages have: how many steps of what size.

    Parameters
    ----------
    steps : int
        Optimiser steps in all; the learning rate falls along a cosine over them.
    batch_size : int
        Galaxies in a step, of all processes together.
    accumulate : int
        Parts a process computes its batch in, one after the other, where memory is short. The
        gradient is that of the whole batch.
    optimiser : {"adamw", "sgd"}
        ``sgd`` has a momentum of 0.9.
    learning_rate, final_rate : float
        Largest learning rate, and the last as a fraction of it.
    warmup : int
        Steps in which the learning rate grows from 0.
    weight_decay : float
        Of all parameters.
    betas : tuple of float
        Of AdamW.
    clip : float
        Largest length of the gradient; 0 for any.
    """

    steps: int
    batch_size: int
    accumulate: int = 1
    optimiser: str = "adamw"
    learning_rate: float
    final_rate: float = 0.0
    warmup: int = 0
    weight_decay: float
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name, known[0]) not in known:
                raise InputError(
                    f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}."
                )
        for names, (lowest, highest) in RANGES.items():
            for name in names.split():
                value = getattr(self, name, lowest)
                if not lowest <= value <= highest:
                    raise InputError(f"{name} is {value}, expected {lowest} to {highest:g}.")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas are {self.betas}, expected two numbers from 0 to below 1.")
        if self.batch_size % self.accumulate:
            raise InputError(
                f"A batch of {self.batch_size} cannot be cut in {self.accumulate} equal parts."
            )


@dataclass(frozen=True, kw_only=True)
class SpectrumSettings(StageSettings):
    """Mask-filling; defaults of Parker et al. 2024 (arXiv:2310.03024, section 4.2) and their code.

    Parameters
    ----------
    chunks, chunk_width : int
        Stretches hidden of each spectrum, and tokens in each.
    masked : {"zeroed", "dropped"}
        Whether hidden tokens are zeros, or enter only in the last layer.
    target : {"observed", "clean"}
        What is to be filled in: the spectrum, or, of SIMULATED galaxies, the noiseless one.
    visible_weight : float
        Weight of the error where nothing was hidden.
    line_weight : float
        Weight of the error of lines: windows less their own straight lines.
    noise : float
        Largest noise added to spectra, over their own.
    """

    steps: int = 100_000
    batch_size: int = 64
    learning_rate: float = 1e-5
    warmup: int = 2000
    weight_decay: float = 0.1
    chunks: int = 6
    chunk_width: int = 30
    masked: str = "zeroed"
    target: str = "observed"
    visible_weight: float = 0.0
    line_weight: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ImageSettings(StageSettings):
    """MoCo v2; defaults of Stein et al. 2021 (arXiv:2110.00023).

    Parameters
    ----------
    queue : int
        Earlier images that each one is contrasted with.
    momentum : float
        Share of the encoder of keys that stays at each step.
    temperature : float
        Of the similarities.
    reddening : {"uniform", "lognormal"}
        Distribution of the E(B-V) that views are reddened by.
    group : int
        Images that share batch statistics: 256 on eight GPUs as published, 32 on each.
    """

    steps: int = 150_000
    batch_size: int = 256
    optimiser: str = "sgd"
    learning_rate: float = 0.24
    weight_decay: float = 1e-4
    clip: float = 0.0
    queue: int = 65_536
    momentum: float = 0.996
    temperature: float = 0.2
    reddening: str = "uniform"
    group: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.queue < self.batch_size:
            raise InputError(
                f"A queue of {self.queue} does not hold a batch of {self.batch_size}; make it "
                "longer, or the batch smaller."
            )


@dataclass(frozen=True, kw_only=True)
class AlignSettings(StageSettings):
    """InfoNCE; defaults of Lanusse et al. 2023 (arXiv:2310.03024v1, section 3).

    Parameters
    ----------
    scale : float
        Inverse temperature, fixed.
    unfreeze : bool
        Whether the pretrained encoders learn too, not only the heads on top of them.
    encoder_rate : float
        Learning rate of the unfrozen encoders, as a fraction of that of the heads.
    group : int
        Images that share batch statistics where the image encoder is unfrozen.
    rotation : {"any", "quarter"}
        Angles images are turned by; quarter turns leave their pixels as they are.
    shift : int
        Largest shift of images, pixels.
    noise : float
        Largest noise added to spectra, over their own.
    """

    steps: int = 15_000
    batch_size: int = 512
    learning_rate: float = 5e-5
    weight_decay: float = 0.2
    betas: tuple[float, float] = (0.9, 0.999)
    scale: float = 15.5
    unfreeze: bool = False
    encoder_rate: float = 1.0
    group: int = 32
    rotation: str = "any"
    shift: int = 0
    noise: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainingConfiguration:
    """Everything that decides a training: sizes of the encoders, settings of the stages."""

    model: Configuration
    spectrum: SpectrumSettings
    image: ImageSettings
    align: AlignSettings

    def to_dict(self) -> dict:
        """Return plain values, as `.configuration_file.read_configuration` takes them."""
        model = self.model.to_dict()
        stages = {stage: asdict(getattr(self, stage)) for stage in STAGES}
        for stage in stages.values():
            stage["betas"] = list(stage["betas"])
        return {"name": model.pop("name"), "base": "full", "model": model, **stages}


TRAINING = {
    "full": TrainingConfiguration(
        model=FULL, spectrum=SpectrumSettings(), image=ImageSettings(), align=AlignSettings()
    ),
    "compact": TrainingConfiguration(
        model=COMPACT,
        spectrum=SpectrumSettings(
            steps=7_500,
            learning_rate=1e-3,
            final_rate=0.02,
            warmup=100,
            weight_decay=0.05,
            chunk_width=14,  # 43 % of a spectrum, which most layers are then spared
            masked="dropped",
            target="clean",
            visible_weight=0.3,
            line_weight=0.1,
            noise=0.5,
        ),
        image=ImageSettings(
            steps=300,
            learning_rate=0.06,
            final_rate=0.02,
            warmup=50,
            queue=8_192,
            momentum=0.99,
            reddening="lognormal",  # as over the sky: colours are worth keeping
        ),
        align=AlignSettings(
            steps=900,
            batch_size=256,
            learning_rate=8e-4,
            final_rate=0.02,
            warmup=100,
            weight_decay=0.1,
            betas=(0.9, 0.95),
            unfreeze=True,
            encoder_rate=0.4,
            rotation="quarter",
            shift=2,
            noise=0.5,
        ),
    ),
}
