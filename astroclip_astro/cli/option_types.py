"""Kinds of values that options of the commands take, beyond click's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from astroclip_astro.errors import InputError


class DeviceType(click.ParamType):
    """A device that PyTorch may compute on; whether it is there is found out later.

    Examples
    --------
    >>> DeviceType().convert("CUDA:1", None, None)
    'cuda:1'
    """

    name = "device"
    words = ("auto", "cpu", "cuda", "mps")

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return what the help shows in place of a value."""
        return "auto|cpu|cuda|cuda:N|mps"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return a device's name in lower case, or fail with those that there can be."""
        name = str(value).strip().lower()
        if name not in self.words and not re.fullmatch(r"cuda:\d+", name):
            self.fail(
                f"{value!r} is no device, expected auto, cpu, cuda, cuda:N (the NVIDIA GPU number "
                "N, counted from 0) or mps.",
                param,
                ctx,
            )
        return name

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin as what is typed already."""
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete.lower())]


class CoordinateType(click.ParamType):
    """RA or Dec as it is typed, in degrees or sexagesimal.

    Parameters
    ----------
    axis : {"RA", "Dec"}
        Which of the two.

    Examples
    --------
    >>> CoordinateType("RA").convert("10h00m24s", None, None)
    150.1
    """

    name = "coordinate"

    def __init__(self, axis: str) -> None:
        self.axis = axis

    def convert(
        self,
        value: str | float,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return degrees, or fail saying what is understood."""
        from astroclip_astro.sky.given_positions import read_coordinate

        try:
            return read_coordinate(str(value), self.axis)
        except InputError as error:
            self.fail(str(error), param, ctx)


class RenamedOption(click.Option):
    """An option that is also understood by its former name, which help and completion leave out.

    Parameters
    ----------
    declarations : sequence of str
        Names, as of any option.
    former : str
        The name that it had before.
    **attributes
        As of any option.
    """

    def __init__(self, declarations: Sequence[str], *, former: str, **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.former = former

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser understand both names; help and completion have the new one alone."""
        names = self.opts
        self.opts = [*names, self.former]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = names


DEVICE_TYPE = DeviceType()
POSITION_TYPE = (CoordinateType("RA"), CoordinateType("Dec"))
