"""``Table.astroclip``: the package's methods on every Astropy table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from astropy.table import Table

from astroclip_astro.accessor.annotation_methods import AnnotationMethods
from astroclip_astro.accessor.plot_methods import PlotMethods
from astroclip_astro.columns import PREFIX
from astroclip_astro.config import DEVICE, MATCH_RADIUS, PRECISION, WEIGHTS, K
from astroclip_astro.errors import CatalogueError, did_you_mean
from astroclip_astro.flags import decode
from astroclip_astro.signatures.method_calls import checked, handed_to

if TYPE_CHECKING:
    import astropy.units as u
    import numpy as np
    from astropy.coordinates import SkyCoord

    from astroclip_astro.models.model import Model
    from astroclip_astro.records import Source
    from astroclip_astro.similar.options import Flux, Image
    from astroclip_astro.zeroshot.reference import Reference

__all__ = ["TableMethods"]


@handed_to("models.model.load_model")
def load_model(
    name: str | os.PathLike = WEIGHTS, *, device: str = DEVICE, precision: str = PRECISION
) -> Model:
    """Load bundled or self-trained weights, which embed arrays of images and spectra.

    Parameters
    ----------
    name : str or path
        Name of bundled weights, a ``.safetensors`` file with its ``.json`` card beside it, or the
        folder of a finished training run.

    Returns
    -------
    Model
        ``embed_images``, ``embed_spectra`` (numpy in, float32 (n, 128) unit vectors out) and
        ``card``; see `astroclip_astro.models.model.Model`.

    Raises
    ------
    WeightsError
        For weights that are unknown, damaged or of the wrong shape.
    InputError
        For a device that is not there.

    Examples
    --------
    >>> import astroclip_astro
    >>> astroclip_astro.load_model("compact", device="cpu").card["name"]
    'compact'
    """


class TableMethods(AnnotationMethods, PlotMethods):
    """What ``table.astroclip`` offers: methods that add columns in place, search, draw and write.

    Parameters
    ----------
    table : Table
        The user's table; only a reference is kept.

    Examples
    --------
    >>> import astroclip_astro
    >>> from astropy.table import Table
    >>> t = Table({"ra": [150.1], "dec": [2.2]})
    >>> t["astroclip_flags"] = [3]
    >>> t.astroclip.flags()
    [['no_image', 'no_spectrum']]
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def __repr__(self) -> str:
        return f"<astroclip methods of a table with {len(self._table)} rows>"

    def __getattr__(self, name: str) -> object:
        """Name the nearest method for one that there is not."""
        known = [] if name.startswith("_") else [one for one in dir(self) if one[0] != "_"]
        listed = f"; there are {', '.join(known)}." if known else "."
        raise AttributeError(
            f"table.astroclip has no {name!r}{did_you_mean(name, known) or listed}",
            name=name,
            obj=self,
        )

    @checked(hint="columns of labels of your own go into labels={'LABEL': 'COLUMN'}")
    def calibrate(
        self,
        *,
        redshift: str | None = None,
        log_stellar_mass: str | None = None,
        labels: Mapping[str, str] | None = None,
        limits: Mapping[str, tuple[float, float]] | None = None,
    ) -> Table:
        """Make errors and intervals right for galaxies like those whose values you know.

        Parameters
        ----------
        redshift : str, optional
            Column of true redshifts. Rows without a number there are not known; 30 are needed,
            hundreds are better. Numbers that stand for no value, such as 99 or one that is
            repeated as no measurement is, are left out, and a warning counts them.
        log_stellar_mass : str, optional
            Column of true log10 stellar masses, in solar masses.
        labels : mapping of str to str, optional
            For labels of your own reference their columns of true values:
            ``labels={"age": "AGE"}``.
        limits : mapping of str to (float, float), optional
            For labels the limits of their true values: all numbers between are used, and no others.
            By default redshifts are between -0.01 and 7, log10 masses between 4 and 13.5.

        Returns
        -------
        Table
            The same table, with ``_err``, ``_lo`` and ``_hi`` of these labels replaced for all
            rows; see `astroclip_astro.annotate.recalibrate.calibrate`.

        Raises
        ------
        CatalogueError, InputError
            Where no label is given, columns are absent or too few rows are known.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"Z": [0.1], "astroclip_z": [0.2]})
        >>> t.astroclip.calibrate(redshift="Z_SPEC")
        Traceback (most recent call last):
            ...
        astroclip_astro.errors.CatalogueError: No column Z_SPEC in ['Z', 'astroclip_z']; name ...
        """
        from astroclip_astro.annotate.recalibrate import calibrate, label_columns_of

        known = label_columns_of(labels, redshift=redshift, log_stellar_mass=log_stellar_mass)
        return calibrate(self._table, known, limits)

    @handed_to("similar.search.similar")
    def similar(
        self,
        row: int | None = None,
        *,
        position: SkyCoord | tuple[float, float] | None = None,
        embedding: np.ndarray | None = None,
        image: Image | None = None,
        spectrum: Flux | None = None,
        targetid: int | None = None,
        id: str | int | None = None,
        id_column: str | None = None,
        k: int = K,
        query: str | None = None,
        target: str | None = None,
        within: str = "table",
        reference: str | os.PathLike | Reference | None = None,
        method: str = "exact",
        weights: str | os.PathLike | None = None,
        source: str | os.PathLike | Source | None = None,
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
    ) -> Table:
        """Return the k galaxies most like one, as a new table; this one is not changed.

        Ask by exactly one of ``row``, ``id``, ``position``, ``embedding``, ``image`` and
        ``spectrum``. A galaxy of the table is not among its own matches.

        Parameters
        ----------
        row : int, optional
            Row of this table, counted from 0.
        position : SkyCoord or (ra, dec), optional
            A position in ICRS degrees: the nearest row within ``match_radius``. Where there is no
            row and a ``source`` is given, what the source has there is embedded.
        embedding : ndarray, optional
            (128,), a unit vector made with the weights of this table.
        image : ndarray, Cutout or path, optional
            (3, h, w): g, r, z in nanomaggies per pixel of 0.262 arcsec; or a FITS cutout.
        spectrum : ndarray, (ndarray, ndarray), Spectrum or path, optional
            (7781,) flux, or flux and inverse variance, as
            `astroclip_astro.models.model.Model.embed_spectra` takes them; or a DESI coadd.
        targetid : int, optional
            Which spectrum of the coadd, where it holds several.
        id : str or int, optional
            Name or number of a galaxy of this table.
        id_column : str, optional
            Column that holds ``id``. It is found where exactly one column has a usual name, such as
            ``name``, ``id``, ``TARGETID`` or ``source_id``.
        k : int
            Number of galaxies; all there are where there are fewer.
        query : {"image", "spectrum"}, optional
            What of the galaxy asked for is compared; by default what there is, the image first.
        target : {"image", "spectrum"}, optional
            What of the others it is compared with; by default the same.
        within : {"table", "reference"}
            Where to search.
        reference : str, path or Reference, optional
            Labelled galaxies to search in: the name of a bundled reference or a file. By default
            those that belong to the weights.
        method : {"exact", "approximate"}
            How to search. ``approximate`` is for many millions of rows, and needs the extra
            ``[scale]``.
        weights : str or path, optional
            Weights that embed what is given; by default those that the table names.
        source : str, path or Source, optional
            Where a galaxy at a position that the table lacks is fetched, as for `annotate`; by
            default nothing is fetched.
        match_radius : float or Quantity
            Largest distance of a row, or of a spectrum, from the position; a plain number is in
            arcsec.

        Returns
        -------
        Table
            ``row``, ``similarity`` (cosine) and this table's other columns, the most similar
            first.

        Raises
        ------
        InputError
            For a question that has no answer; it says what to do.
        SourceError
            Where the source has something at the position and cannot deliver it.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"name": list("abc"), "astroclip_image": [[1.0, 0], [0, 1], [0.6, 0.8]]})
        >>> t.astroclip.similar(0, k=1)["name"][0]
        np.str_('c')
        """

    @checked
    def flags(self) -> list[list[str]]:
        """Return the words of each row's flags, an empty list for a row without any.

        Returns
        -------
        list of list of str
            One list for each row.

        Raises
        ------
        CatalogueError
            Where the table has no ``astroclip_flags`` yet.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> Table({"astroclip_flags": [0, 3]}).astroclip.flags()
        [[], ['no_image', 'no_spectrum']]
        """
        name = f"{PREFIX}flags"
        if name not in self._table.colnames:
            raise CatalogueError(f"No column {name} yet; call .astroclip.annotate() first.")
        return decode(self._table[name])

    @checked
    def write(self, path: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the table so that TOPCAT sees names, units, UCDs, descriptions and nulls.

        Parameters
        ----------
        path : str or path
            The suffix says the format: ``.fits``, ``.vot``, ``.ecsv``, ``.csv``, ``.parquet``.
        overwrite : bool
            Replace an existing file.

        Raises
        ------
        OutputError
            For an existing file, an unknown suffix, or a place that cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> path = Path(tempfile.mkdtemp()) / "mine.fits"
        >>> Table({"ra": [150.1], "dec": [2.2]}).astroclip.write(path)
        >>> path.exists()
        True
        """
        from astroclip_astro.catalogue import write_catalogue

        write_catalogue(self._table, path, overwrite=overwrite)


class Accessor:
    """Descriptor that makes ``table.astroclip`` on each access and keeps nothing."""

    __doc__ = TableMethods.__doc__

    def __get__(
        self, table: Table | None, owner: type | None = None
    ) -> TableMethods | type[TableMethods]:
        """Return the methods of a table, or their class where asked of the class."""
        return TableMethods if table is None else TableMethods(table)

    def __set__(self, table: Table, value: object) -> None:
        """Refuse to be replaced."""
        raise AttributeError("table.astroclip cannot be set; columns are table['astroclip_...'].")
