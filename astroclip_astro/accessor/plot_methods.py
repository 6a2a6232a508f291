"""``Table.astroclip.plot_...``: plots of a row of a table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from astropy.table import Table

from astroclip_astro.config import DEVICE, MATCH_RADIUS, PLOTTED, PRECISION, SOURCE, WEIGHTS
from astroclip_astro.signatures.method_calls import handed_to

if TYPE_CHECKING:
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from matplotlib.figure import Figure

    from astroclip_astro.records import Source


class PlotMethods:
    """The plots among what ``table.astroclip`` offers; they leave the table as it is."""

    _table: Table

    @handed_to("interpret.plots.plot_attention")
    def plot_attention(
        self,
        row: int,
        *,
        source: str | os.PathLike | Source = SOURCE,
        weights: str | os.PathLike = WEIGHTS,
        redshift: float | None = None,
        match_radius: float | u.Quantity = MATCH_RADIUS,
        device: str = DEVICE,
        precision: str = PRECISION,
        layer: str | None = None,
        release: str | None = None,
        jobs: int | None = None,
        cache: str | os.PathLike | None = None,
        cache_limit: str | float | u.Quantity | None = None,
        ra: str | None = None,
        dec: str | None = None,
        frame: str | None = None,
        path: str | os.PathLike | None = None,
        overwrite: bool = False,
    ) -> Figure:
        """Draw which parts of a row's spectrum each head of the cross-attention looks at.

        Parameters
        ----------
        row : int
            Row of this table, counted from 0.
        redshift : float, optional
            Redshift at which lines are marked. By default the first that is known of DESI's, in the
            table or with the spectrum, and ``astroclip_z``; without any, none are.
        overwrite : bool
            Whether the file at ``path`` may be replaced.

        Returns
        -------
        matplotlib.figure.Figure
            The spectrum, with names of lines, and a panel for each head.

        Raises
        ------
        InputError
            For a row without a spectrum, or an option that cannot be met; it says what to do.
        SourceError
            Where the source has a spectrum and cannot deliver it.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"ra": [359.9], "dec": [-5.0]})
        >>> figure = t.astroclip.plot_attention(0, source="demo", device="cpu")
        >>> len(figure.axes)
        5
        """

    @handed_to("interpret.plots.plot_masked")
    def plot_masked(
        self,
        row: int,
        *,
        source: str | os.PathLike | Source = SOURCE,
        weights: str | os.PathLike = WEIGHTS,
        unaligned: str | os.PathLike | None = None,
        seed: int = 0,
        chunks: int | None = None,
        chunk_width: int | None = None,
        redshift: float | None = None,
        match_radius: float | u.Quantity = MATCH_RADIUS,
        device: str = DEVICE,
        precision: str = PRECISION,
        layer: str | None = None,
        release: str | None = None,
        jobs: int | None = None,
        cache: str | os.PathLike | None = None,
        cache_limit: str | float | u.Quantity | None = None,
        ra: str | None = None,
        dec: str | None = None,
        frame: str | None = None,
        path: str | os.PathLike | None = None,
        overwrite: bool = False,
    ) -> Figure:
        """Hide parts of a row's spectrum, and draw how they are filled in.

        Parameters
        ----------
        row : int
            Row of this table, counted from 0.
        unaligned : str or path, optional
            Weights from before alignment, which changes what fills in: a bundled name, a file, or
            the folder of a run of ``astroclip-train spectrum``. By default the bundled ones that
            belong to ``weights``.
        seed : int
            Seed of the hidden places.
        chunks : int, optional
            Number of hidden chunks; by default as in training.
        chunk_width : int, optional
            Tokens in each chunk; by default as in training.
        redshift : float, optional
            Redshift at which lines are marked, as for `plot_attention`.
        overwrite : bool
            Whether the file at ``path`` may be replaced.

        Returns
        -------
        matplotlib.figure.Figure
            The spectrum and its reconstruction, and an inset of each hidden stretch.

        Raises
        ------
        InputError
            For a row without a spectrum, or weights that cannot fill; it says what to do.
        SourceError
            Where the source has a spectrum and cannot deliver it.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"ra": [359.9], "dec": [-5.0]})
        >>> figure = t.astroclip.plot_masked(0, source="demo", device="cpu")
        >>> len(figure.axes)
        7
        """

    @handed_to("similar.plot.plot_similar")
    def plot_similar(
        self,
        row: int | None = None,
        *,
        position: SkyCoord | tuple[float, float] | None = None,
        id: str | int | None = None,
        id_column: str | None = None,
        k: int = PLOTTED,
        query: str | None = None,
        target: str | None = None,
        method: str = "exact",
        source: str | os.PathLike | Source = SOURCE,
        weights: str | os.PathLike | None = None,
        match_radius: float | u.Quantity = MATCH_RADIUS,
        device: str = DEVICE,
        precision: str = PRECISION,
        layer: str | None = None,
        release: str | None = None,
        jobs: int | None = None,
        cache: str | os.PathLike | None = None,
        cache_limit: str | float | u.Quantity | None = None,
        ra: str | None = None,
        dec: str | None = None,
        frame: str | None = None,
        path: str | os.PathLike | None = None,
        overwrite: bool = False,
    ) -> Figure:
        """Draw a galaxy and the k galaxies of this table most like it: images and spectra.

        Ask by exactly one of ``row``, ``id`` and ``position``.

        Parameters
        ----------
        row : int, optional
            Row of this table, counted from 0; it must have an embedding.
        position : SkyCoord or (ra, dec), optional
            A position in ICRS degrees: the nearest row within ``match_radius``, else what the
            source has there.
        id : str or int, optional
            Name or number of a galaxy of this table.
        id_column : str, optional
            Column that holds ``id``, as for `similar`.
        k : int
            Number of galaxies.
        query : {"image", "spectrum"}, optional
            What of the galaxy asked for is compared; by default what there is, the image first.
        target : {"image", "spectrum"}, optional
            What of the others it is compared with; by default the same.
        method : {"exact", "approximate"}
            How to search, as for `similar`.
        weights : str or path, optional
            Weights that embed what the source has at a position; by default those that the table
            names.
        overwrite : bool
            Whether the file at ``path`` may be replaced.

        Returns
        -------
        matplotlib.figure.Figure
            An image and a spectrum in each row, the galaxy asked for first.

        Raises
        ------
        InputError
            For a question that has no answer; it says what to do.
        SourceError
            Where the source fails.

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
