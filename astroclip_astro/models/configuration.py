"""One configuration object that says what a set of weights looks like and what it takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from astroclip_astro.errors import WeightsError

STRETCHES = ("raw", "rgb", "stein", "asinh")
BLOCKS = ("bottleneck", "basic")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Sizes of the two encoders and the recipe of their inputs.

    Every set of weights carries one, so that nothing about its inputs has to be guessed.

    Parameters
    ----------
    name : str
        Name of the size, such as ``"full"``.
    image_size : int
        Side of the square image, pixels of 0.262 arcsec.
    image_stretch : {"raw", "rgb", "stein", "asinh"}
        Function from nanomaggies to the network's input (`astroclip_astro.prepare.images.stretch`).
    image_block : {"bottleneck", "basic"}
        Residual block: three convolutions (ResNet-50) or two (ResNet-18).
    image_blocks : tuple of int
        Number of blocks in each of the four stages.
    image_width : int
        Channels of the first stage.
    spectrum_samples : int
        Samples of the input spectrum, observed frame, 3600-9824 Angstrom in steps of 0.8.
    window, window_step : int
        Length and spacing of the spectrum's windows, samples.
    spectrum_width, spectrum_layers, spectrum_heads : int
        Width, depth and attention heads of the spectrum transformer.
    max_tokens : int
        Number of learned positions.
    embedding_width : int
        Dimensions of the shared space.
    head_heads, head_hidden : int
        Attention heads and hidden width of the spectrum's cross-attention head.
    head_dropout : float
        Dropout of the head while training.

    Notes
    -----
    The full size is that of Lanusse et al. 2023 (arXiv:2310.03024, section 3).

    Examples
    --------
    >>> from astroclip_astro.models.configuration import FULL
    >>> FULL.tokens, FULL.token_width
    (778, 22)
    """

    name: str
    image_size: int
    image_stretch: str
    image_block: str
    image_blocks: tuple[int, ...]
    image_width: int
    spectrum_samples: int = 7781
    window: int
    window_step: int
    spectrum_width: int
    spectrum_layers: int
    spectrum_heads: int
    max_tokens: int
    embedding_width: int = 128
    head_heads: int = 4
    head_hidden: int
    head_dropout: float = 0.1

    @property
    def token_width(self) -> int:
        """Numbers a token holds: mean and deviation, then the window."""
        return 2 + self.window

    @property
    def tokens(self) -> int:
        """Tokens of one spectrum, the one with mean and deviation included."""
        return 1 + window_count(self.spectrum_samples, self.window, self.window_step)

    def to_dict(self) -> dict:
        """Return plain values that JSON can hold."""
        return asdict(self) | {"image_blocks": list(self.image_blocks)}

    @classmethod
    def from_dict(cls, values: dict) -> Configuration:
        """Read what `to_dict` wrote; names that are missing or unknown raise `WeightsError`."""
        known = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != known:
            found = sorted(values) if isinstance(values, dict) else type(values).__name__
            raise WeightsError(f"Configuration has {found}, expected {sorted(known)}.")
        config = cls(**values | {"image_blocks": tuple(values["image_blocks"])})
        if config.image_stretch not in STRETCHES:
            raise WeightsError(
                f"Unknown image stretch {config.image_stretch!r}, expected one of {STRETCHES}."
            )
        if config.image_block not in BLOCKS:
            raise WeightsError(
                f"Unknown residual block {config.image_block!r}, expected one of {BLOCKS}."
            )
        return config


def window_count(samples: int, window: int, step: int) -> int:
    """Return how many windows of a spectrum are kept.

    The published code always drops the last start, whether its window is full or not; weights
    trained with it expect that count.

    Examples
    --------
    >>> [window_count(n, 20, 10) for n in (7780, 7781, 7790, 7791, 40, 30)]
    [776, 777, 777, 778, 2, 1]
    """
    return max(len(range(0, samples - (window - step), step)) - 1, 0)


FULL = Configuration(
    name="full",
    image_size=96,
    image_stretch="raw",
    image_block="bottleneck",
    image_blocks=(3, 4, 6, 3),
    image_width=64,
    window=20,
    window_step=10,
    spectrum_width=768,
    spectrum_layers=6,
    spectrum_heads=6,
    max_tokens=800,
    head_hidden=512,
)

COMPACT = Configuration(
    name="compact",
    image_size=96,
    image_stretch="asinh",
    image_block="basic",
    image_blocks=(2, 2, 2, 2),
    image_width=48,
    window=80,
    window_step=40,
    spectrum_width=160,
    spectrum_layers=4,
    spectrum_heads=4,
    max_tokens=200,
    head_hidden=512,
)

CONFIGURATIONS = {config.name: config for config in (FULL, COMPACT)}
