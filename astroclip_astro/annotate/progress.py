"""A progress bar that says what is being done, the same for the command and in Python."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

from astroclip_astro.errors import visible

if TYPE_CHECKING:
    from tqdm import tqdm


STAGE_FORMAT = "{desc}"
ROW_FORMAT = "{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} {unit} [{elapsed}<{remaining}] {desc}"
WORDS_WIDTH = 36  # the bar keeps its length while words change


class Progress:
    """Say what a run is doing, and how much of it is done, on standard error or in a notebook.

    Until the number of rows is known there are words only. From `start` on there is a bar, which
    moves within a chunk of rows too: each stage of a chunk is worth a share of its rows. In a
    notebook the bar is a widget where ipywidgets is installed, else text.

    Parameters
    ----------
    unit : str
        What is counted, in the plural.
    quiet : bool
        Whether to show nothing.

    Examples
    --------
    >>> with Progress(quiet=True) as progress:
    ...     progress.stage("loading weights")
    ...     progress.start(10)
    ...     progress.stage("embedding images", rows=10)
    ...     progress.count("embedding images", 4, 10)
    ...     progress.complete(10)
    >>> progress.done
    10
    """

    def __init__(self, *, unit: str = "rows", quiet: bool = False) -> None:
        self.unit, self.quiet = unit, quiet
        self.done = 0  # rows completed
        self._bar: tqdm | None = None
        self._words = ""
        self._begun = self._share = 0.0  # where the stage began, and how many rows it is worth

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def stage(self, words: str, *, rows: float = 0.0) -> None:
        """Say what is done from now on; what was said before is finished.

        Parameters
        ----------
        words : str
            A few words, ``"loading weights"`` for example.
        rows : float
            How many rows of work this is, of those given to `start`.
        """
        self._begun += self._share
        self._share, self._words = rows, words
        self._show(self._begun, words, now=True)

    def start(self, total: int) -> None:
        """Begin to count rows: words become a bar.

        Parameters
        ----------
        total : int
            Rows in all.
        """
        self._begun = self._share = 0.0
        if (bar := self._open()) is not None:
            bar.bar_format, bar.leave, bar.unit = ROW_FORMAT, True, self.unit
            bar.set_description_str("", refresh=False)
            bar.reset(total)

    def count(self, words: str, done: int, total: int) -> None:
        """Say how much of the stage is done; the bar moves within the share of the stage.

        Parameters
        ----------
        words : str
            What is being done, ``"fetching images"`` for example.
        done, total : int
            How many of them are done, and how many there are.
        """
        place = self._begun + self._share * done / max(total, 1)
        self._show(place, f"{words} {done}/{total}", now=False)

    def complete(self, rows: int) -> None:
        """Say that a chunk of rows is done, whatever its stages were worth.

        Parameters
        ----------
        rows : int
            How many rows.
        """
        self.done += rows
        self._begun, self._share = float(self.done), 0.0
        self._show(self._begun, self._words, now=False)

    def write(self, line: str) -> None:
        """Print a line on standard error, above the bar where there is one."""
        line = visible(line, lines=False)
        if self._bar is None:
            print(line, file=sys.stderr)
        else:
            self._bar.write(line, file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is, without words; words alone vanish."""
        if self._bar is not None:
            self._bar.set_description_str("", refresh=False)
            self._bar.close()
            self._bar = None

    def _open(self) -> tqdm | None:
        """Return the bar, which is made when it is first needed; None where all is quiet."""
        if self._bar is None and not self.quiet:
            self._bar = bar_class()(
                bar_format=STAGE_FORMAT,
                leave=False,
                dynamic_ncols=True,
                smoothing=0,
                miniters=0,  # words change while the bar stands
            )
        return self._bar

    def _show(self, place: float, words: str, *, now: bool) -> None:
        """Move the bar to a place, never back, and show words; at once, or when it is time."""
        words = visible(words, lines=False)
        if (bar := self._open()) is not None:
            if bar.total is None:
                bar.set_description_str(words)
                return
            bar.set_description_str(f"{words:<{WORDS_WIDTH}}", refresh=False)
            bar.update(max(min(place, bar.total) - bar.n, 0))  # drawn now and then, not every time
            if now:
                bar.refresh()


def bar_class() -> type[tqdm]:
    """Return the bar that suits the place: a widget in a notebook that has them, else text."""
    if "IPython" not in sys.modules:
        from tqdm import tqdm

        return tqdm
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # that there is no ipywidgets
        from tqdm.auto import tqdm

        return tqdm
