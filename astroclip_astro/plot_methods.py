"""``Table.astroclip.plot_...``: plots of a row of a table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from astropy.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PlotMethods"]


class PlotMethods:
    """The plots among what ``table.astroclip`` offers; they leave the table as it is."""

    _table: Table

    def plot_attention(
        self, row: int, *, source: str | os.PathLike = "archive", **options: object
    ) -> Figure:
        """Draw which parts of a row's spectrum each head of the cross-attention looks at.

        Parameters
        ----------
        row : int
            Row of this table, from 0.
        source : str or path
            Where the spectrum comes from, as for `annotate`.
        **options
            ``redshift`` (at which lines are marked), ``path`` (where the figure is saved),
            ``weights`` and others, as `astroclip_astro.object_plots.plot_attention` has them.

        Returns
        -------
        matplotlib.figure.Figure
            The spectrum, with line names, and a panel for each head.

        Raises
        ------
        InputError
            For a row without a spectrum, or an option that cannot be met; says what to do.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"ra": [359.9], "dec": [-5.0]})
        >>> figure = t.astroclip.plot_attention(0, source="demo", device="cpu")
        >>> len(figure.axes)
        5
        """
        from astroclip_astro.object_plots import plot_attention

        return plot_attention(self._table, row, source=source, **options)

    def plot_masked(
        self, row: int, *, source: str | os.PathLike = "archive", **options: object
    ) -> Figure:
        """Hide parts of a row's spectrum, and draw how they are filled in.

        Parameters
        ----------
        row, source
            As for `plot_attention`.
        **options
            ``unaligned`` (weights from before alignment, which changes what fills in), ``seed`` (of
            the hidden places), ``redshift``, ``path`` and others, as
            `astroclip_astro.object_plots.plot_masked` has them.

        Returns
        -------
        matplotlib.figure.Figure
            The spectrum and its reconstruction, and an inset of each hidden stretch.

        Raises
        ------
        InputError
            For a row without a spectrum, or weights that cannot fill; says what to do.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"ra": [359.9], "dec": [-5.0]})
        >>> figure = t.astroclip.plot_masked(0, source="demo", device="cpu")
        >>> len(figure.axes)
        7
        """
        from astroclip_astro.object_plots import plot_masked

        return plot_masked(self._table, row, source=source, **options)

    def plot_similar(
        self, row: int, *, k: int = 5, source: str | os.PathLike = "archive", **options: object
    ) -> Figure:
        """Draw a row and the k galaxies of this table most like it: images and spectra.

        Parameters
        ----------
        row : int
            Row of this table, from 0; it must have an embedding.
        k : int
            Number of galaxies.
        source : str or path
            Where images and spectra come from, as for `annotate`.
        **options
            ``query`` and ``target`` as for `similar`, ``path`` and others, as
            `astroclip_astro.similar_plot.plot_similar` has them.

        Returns
        -------
        matplotlib.figure.Figure
            An image and a spectrum in each row, the galaxy asked for first.

        Raises
        ------
        InputError
            For a question that has no answer; says what to do.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"ra": [359.9, 359.925], "dec": [-5.0, -5.0]})
        >>> t["astroclip_image"] = [[0.6, 0.8], [0.8, 0.6]]
        >>> figure = t.astroclip.plot_similar(0, source="demo")
        >>> figure.axes[3].get_title(loc="left")
        'row 1, similarity 0.960'
        """
        from astroclip_astro.similar_plot import plot_similar

        return plot_similar(self._table, row, k=k, source=source, **options)
