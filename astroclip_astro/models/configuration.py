"""One configuration object that says what a set of weights looks like and what it takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from astroclip_astro.errors import WeightsError, described
from astroclip_astro.records import WAVELENGTH

STRETCHES = ("raw", "rgb", "stein", "asinh")
BLOCKS = ("bottleneck", "basic")
STAGES = 4  # of the residual network
MAX_IMAGE_SIZE = 1024  # pixels; that of the published weights is 96
MAX_WIDTH = 16_384  # numbers in a vector between two layers; at full size 2,048
MAX_LAYERS = 200  # of one encoder; at full size 16 blocks and 6 layers
MAX_NAME_LETTERS = 200
MAX_SIZES = {"image_size": MAX_IMAGE_SIZE, "spectrum_layers": MAX_LAYERS}  # of others MAX_WIDTH


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
    def from_dict(cls, values: object) -> Configuration:
        """Read what `to_dict` wrote.

        Raises
        ------
        WeightsError
            For names that are missing or unknown, values of another type, and sizes that no
            encoder has or that do not go together.
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != known:
            found = sorted(map(str, values)) if isinstance(values, dict) else described(values)
            raise WeightsError(f"Configuration has {found}, expected {sorted(known)}.")
        _check_types(values)
        config = cls(**values | {"image_blocks": tuple(values["image_blocks"])})
        for right, words in config._rules():
            if not right:
                raise WeightsError(f"Configuration: {words}.")
        return config

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        """Return how sizes have to go together, and whether they do."""
        return (
            (
                self.spectrum_samples == len(WAVELENGTH),
                f"spectrum_samples is {self.spectrum_samples}, expected {len(WAVELENGTH)}",
            ),
            (
                self.spectrum_width % self.spectrum_heads == 0,
                "spectrum_heads expected to divide spectrum_width",
            ),
            (
                self.embedding_width % self.head_heads == 0,
                "head_heads expected to divide embedding_width",
            ),
            (
                1 < self.tokens <= self.max_tokens,
                f"max_tokens is {self.max_tokens}, expected at least the number of tokens, "
                f"{self.tokens}, and that at least 2",
            ),
        )


def is_line(value: object) -> bool:
    r"""Return whether a value is a line of text that can be printed, and is not too long.

    Examples
    --------
    >>> is_line("compact"), is_line(""), is_line("two\nlines"), is_line(1)
    (True, False, False, False)
    """
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= MAX_NAME_LETTERS


def _check_types(values: dict[str, Any]) -> None:
    """Raise WeightsError for a value that is of another type, or beyond its bounds."""

    def refuse(name: str, expected: str) -> None:
        raise WeightsError(
            f"Configuration: {name} is {described(values[name])}, expected {expected}."
        )

    def is_size(value: object, most: int) -> bool:
        return type(value) is int and 1 <= value <= most

    if not is_line(values["name"]):
        refuse("name", f"a line of text, at most {MAX_NAME_LETTERS} letters")
    for name, words in (("image_stretch", STRETCHES), ("image_block", BLOCKS)):
        if values[name] not in words:
            refuse(name, f"one of {', '.join(words)}")
    blocks, dropout = values["image_blocks"], values["head_dropout"]
    if (
        not isinstance(blocks, list | tuple)
        or len(blocks) != STAGES
        or not all(is_size(block, MAX_LAYERS) for block in blocks)
        or sum(blocks) > MAX_LAYERS
    ):
        refuse("image_blocks", f"{STAGES} whole numbers from 1 on, {MAX_LAYERS} together at most")
    if type(dropout) not in (int, float) or not 0 <= dropout < 1:
        refuse("head_dropout", "a number from 0 to below 1")
    others = {"name", "image_stretch", "image_block", "image_blocks", "head_dropout"}
    for name in values.keys() - others:
        most = MAX_SIZES.get(name, MAX_WIDTH)
        if not is_size(values[name], most):
            refuse(name, f"a whole number from 1 to {most}")


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
