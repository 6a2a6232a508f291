"""The one door to the terminal: what files, servers and users say is shown there, never obeyed.

A name of a column, a cell or a server's header may hold sequences that move the cursor, rename the
window or colour all that follows. Control characters are therefore written out.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

from astroclip_astro.errors import visible


def say(line: str, *, err: bool = False) -> None:
    r"""Print one line, control characters and the ends of lines within it written out.

    Parameters
    ----------
    line : str
        What is said.
    err : bool
        Whether it goes to standard error.

    Examples
    --------
    >>> say("Wrote \x1b[31mred.fits")
    Wrote \x1b[31mred.fits
    """
    click.echo(visible(line, lines=False), err=err)


def say_lines(text: str, *, err: bool = False) -> None:
    """Print lines of text, control characters within them written out.

    Parameters
    ----------
    text : str
        What is said, `join_lines` for example.
    err : bool
        Whether it goes to standard error.
    """
    click.echo(visible(text), err=err)


def join_lines(lines: Iterable[str]) -> str:
    r"""Return lines as one text, those within a line written out: a line is a line.

    Parameters
    ----------
    lines : iterable of str
        What each says.

    Examples
    --------
    >>> print(join_lines(["name  z", "two\nlines  0.1"]))
    name  z
    two\nlines  0.1
    """
    return "\n".join(visible(line, lines=False) for line in lines)
