"""A progress bar for files of galaxies that are made in parts."""

from __future__ import annotations

import time

from tqdm.auto import tqdm


class GalaxyBar:
    """A progress bar in galaxies; those of an earlier run count as done, not as work.

    Parameters
    ----------
    total : int
        Galaxies in all.
    quiet : bool
        Whether to show nothing.
    """

    def __init__(self, total: int, *, quiet: bool) -> None:
        self.total, self.quiet = total, quiet
        self.bar: tqdm | None = None
        self.start = self.seconds = 0.0
        self.made = 0

    def show(self, done: int, made: int) -> None:
        """Show how many are finished, ``made`` of them by this run; the first call starts."""
        if self.bar is None:
            self.start = time.monotonic()
            self.bar = tqdm(
                total=self.total,
                unit="galaxy",
                disable=self.quiet,
                dynamic_ncols=True,
                smoothing=0,  # the mean rate: parts come in bursts
            )
        self.made, self.seconds = made, time.monotonic() - self.start
        self.bar.initial = done - made
        self.bar.n = done
        if done == self.total:
            self.bar.set_description_str("joining", refresh=False)
        self.bar.refresh()

    def rate(self) -> str:
        """Return the galaxies a second in words, nothing where none had to be made."""
        return f", {self.made / self.seconds:.1f} galaxies a second" if self.made else ""

    def close(self) -> None:
        """Take the bar from the screen's last line."""
        if self.bar is not None:
            self.bar.set_description_str("", refresh=False)
            self.bar.close()
