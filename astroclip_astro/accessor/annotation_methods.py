"""``Table.astroclip.annotate`` and its kin: methods that add columns to a table."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from astropy.table import Table

from astroclip_astro.config import (
    COLUMN_GROUPS,
    DEVICE,
    MATCH_RADIUS,
    MODALITY,
    PRECISION,
    SOURCE,
    WEIGHTS,
)
from astroclip_astro.signatures.method_calls import handed_to

if TYPE_CHECKING:
    import astropy.units as u

    from astroclip_astro.records import Source


class AnnotationMethods:
    """The methods of ``table.astroclip`` that compute: all columns, or one group of them."""

    _table: Table

    @handed_to("annotate.table.annotate")
    def annotate(
        self,
        *,
        source: str | os.PathLike | Source = SOURCE,
        columns: str | Iterable[str] = COLUMN_GROUPS,
        modality: str | Iterable[str] = MODALITY,
        weights: str | os.PathLike = WEIGHTS,
        reference: str | os.PathLike | None = None,
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
        overwrite: bool = False,
        quiet: bool = True,
    ) -> Table:
        """Add embeddings, redshift, stellar mass, novelty, the matched spectrum and flags.

        All values are computed first and added together. Flags, and facts of the matched spectrum,
        are added whatever ``columns`` says.

        Parameters
        ----------
        columns : str or iterable of str
            Any of ``embedding``, ``redshift``, ``mass``, ``novelty``, and ``labels``, which are
            those that a reference of your own has besides. All by default.

        Returns
        -------
        Table
            The same table. It is unchanged where an exception is raised.

        Raises
        ------
        InputError
            For positions, options, weights or a folder that cannot be used; it says what to do.
        SourceError
            Where the source failed for every row.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"ra": [280.0], "dec": [-5.0]})  # in the Galactic plane
        >>> t = t.astroclip.annotate(source="demo", columns="redshift", device="cpu")
        >>> t.astroclip.flags()
        [['no_image', 'no_spectrum', 'outside_imaging']]
        """

    @handed_to("annotate.table.annotate", columns="embedding")
    def embed(
        self,
        *,
        source: str | os.PathLike | Source = SOURCE,
        modality: str | Iterable[str] = MODALITY,
        weights: str | os.PathLike = WEIGHTS,
        reference: str | os.PathLike | None = None,
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
        overwrite: bool = False,
        quiet: bool = True,
    ) -> Table:
        """Add the embeddings of images and spectra, 128 numbers each.

        The columns are ``astroclip_image`` and ``astroclip_spectrum``, facts of the matched
        spectrum, and flags.

        Returns
        -------
        Table
            The same table. It is unchanged where an exception is raised.

        Raises
        ------
        InputError, SourceError
            As `annotate`.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"ra": [359.9], "dec": [-5.0]})
        >>> t = t.astroclip.embed(source="demo", modality="image", device="cpu")
        >>> t["astroclip_image"].shape
        (1, 128)
        """

    @handed_to("annotate.table.annotate", columns="redshift")
    def redshift(
        self,
        *,
        source: str | os.PathLike | Source = SOURCE,
        modality: str | Iterable[str] = MODALITY,
        weights: str | os.PathLike = WEIGHTS,
        reference: str | os.PathLike | None = None,
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
        overwrite: bool = False,
        quiet: bool = True,
    ) -> Table:
        """Add zero-shot redshifts with their errors and intervals.

        The columns are ``astroclip_z``, the same by image and by spectrum alone, facts of the
        matched spectrum, and flags.

        Returns
        -------
        Table
            The same table. It is unchanged where an exception is raised.

        Raises
        ------
        InputError, SourceError
            As `annotate`.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"ra": [359.9], "dec": [-5.0]})
        >>> t = t.astroclip.redshift(source="demo", modality="image", device="cpu")
        >>> bool(0 < t["astroclip_z"][0] < 0.6)
        True
        """

    @handed_to("annotate.table.annotate", columns="mass")
    def stellar_mass(
        self,
        *,
        source: str | os.PathLike | Source = SOURCE,
        modality: str | Iterable[str] = MODALITY,
        weights: str | os.PathLike = WEIGHTS,
        reference: str | os.PathLike | None = None,
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
        overwrite: bool = False,
        quiet: bool = True,
    ) -> Table:
        """Add zero-shot log10 stellar masses, in solar masses, with their errors and intervals.

        The columns are ``astroclip_logmstar``, the same by image and by spectrum alone, facts of
        the matched spectrum, and flags.

        Returns
        -------
        Table
            The same table. It is unchanged where an exception is raised.

        Raises
        ------
        InputError, SourceError
            As `annotate`.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"ra": [359.9], "dec": [-5.0]})
        >>> t = t.astroclip.stellar_mass(source="demo", modality="image", device="cpu")
        >>> bool(8 < t["astroclip_logmstar"][0] < 12)
        True
        """
