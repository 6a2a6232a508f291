"""``Table.astroclip``: the package's methods on every Astropy table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from astropy.table import Table

from .columns import GROUPS, PREFIX
from .errors import CatalogueError
from .flags import decode
from .plot_methods import PlotMethods

if TYPE_CHECKING:
    from .embedding import Model

__all__ = ["Accessor", "TableMethods", "load_model"]


def load_model(
    name: str | os.PathLike = "compact", *, device: str = "auto", precision: str = "auto"
) -> Model:
    """Load bundled or self-trained weights; see `astroclip_astro.embedding.load_model`.

    Parameters
    ----------
    name : str or path
        Name of bundled weights, or a ``.safetensors`` file with its ``.json`` card beside it.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute; ``auto`` prefers a GPU.
    precision : {"auto", "float32", "bfloat16"}
        Number format inside the network.

    Returns
    -------
    Model
        ``embed_images``, ``embed_spectra`` (numpy in, float32 (n, 128) unit vectors out) and
        ``card``.

    Raises
    ------
    WeightsError
        For weights that are unknown, damaged or of the wrong shape.

    Examples
    --------
    >>> import astroclip_astro
    >>> astroclip_astro.load_model("compact", device="cpu").card["name"]
    'compact'
    """
    from .embedding import load_model  # torch is loaded here, not on import

    return load_model(name, device=device, precision=precision)


class TableMethods(PlotMethods):
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

    def annotate(
        self,
        *,
        source: str | os.PathLike = "archive",
        columns: str | tuple[str, ...] = GROUPS,
        ra: str | None = None,
        dec: str | None = None,
        overwrite: bool = False,
        quiet: bool = True,
        **options: object,
    ) -> Table:
        """Add embeddings, redshift, stellar mass, novelty, the matched spectrum and flags.

        Parameters
        ----------
        source : str or path
            ``"archive"`` (Legacy Surveys and DESI), ``"demo"`` (the same clients on the bundled
            simulated sky), an address of a server that speaks as the archives do, or a folder of
            local cutouts and DESI coadds.
        columns : str or tuple of str
            Any of ``embedding``, ``redshift``, ``mass``, ``novelty``, and ``labels`` that a
            reference of your own has; all by default. Flags, and facts of the matched spectrum,
            are always added.
        ra, dec : str, optional
            Names of the position columns where they cannot be told.
        overwrite : bool
            Replace columns whose names are taken.
        quiet : bool
            False shows a progress bar, which says what is being done.
        **options
            ``modality``, ``weights``, ``reference``, ``match_radius`` (arcsec), ``device``,
            ``precision``: as `astroclip_astro.job.prepare_job` has them. ``layer``, ``release``,
            ``jobs``, ``cache``, ``cache_limit``: as `astroclip_astro.sources.open_source` has
            them.

        Returns
        -------
        Table
            The same table. It is unchanged where an exception is raised.

        Raises
        ------
        InputError
            For positions, options, weights or a folder that cannot be used; says what to do.
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
        from contextlib import closing

        from .job import prepare_job
        from .pipeline import annotate_targets
        from .progress import Progress
        from .results import add_columns, check_names
        from .sky import find_targets

        targets = find_targets(self._table, ra=ra, dec=dec)
        with Progress(quiet=quiet) as progress:
            job = prepare_job(source=source, columns=columns, progress=progress, **options)
            with closing(job):
                check_names(self._table, job.columns, overwrite=overwrite)
                rows = annotate_targets(targets, job, progress=progress)
        return add_columns(self._table, rows, job)

    def embed(self, **options: object) -> Table:
        """Add ``astroclip_image`` and ``astroclip_spectrum``; options as `annotate` has them."""
        return self.annotate(columns="embedding", **options)

    def redshift(self, **options: object) -> Table:
        """Add zero-shot redshifts and their errors; options as `annotate` has them."""
        return self.annotate(columns="redshift", **options)

    def stellar_mass(self, **options: object) -> Table:
        """Add zero-shot log10 stellar masses and errors; options as `annotate` has them."""
        return self.annotate(columns="mass", **options)

    def calibrate(self, **known: str) -> Table:
        """Make errors and intervals right for galaxies like those whose values you know.

        Parameters
        ----------
        **known
            For each label the column of true values: ``redshift="Z_SPEC"``,
            ``log_stellar_mass="LOGM"``, or a label of your own reference. Rows without a number
            there are not known; 30 are needed, hundreds are better.

        Returns
        -------
        Table
            The same table, with ``_err``, ``_lo`` and ``_hi`` of these labels replaced for all
            rows; see `astroclip_astro.own_calibration.calibrate`.

        Raises
        ------
        CatalogueError, InputError
            Where columns are absent or too few rows are known.

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
        from .own_calibration import calibrate

        return calibrate(self._table, known)

    def similar(
        self,
        row: int | None = None,
        *,
        k: int = 10,
        query: str | None = None,
        target: str | None = None,
        within: str = "table",
        **options: object,
    ) -> Table:
        """Return the k galaxies most like one, as a new table; this one is not changed.

        Parameters
        ----------
        row : int, optional
            Row of this table, from 0. Or ask by ``position=(ra, dec)``, ``embedding=``,
            ``image=`` or ``spectrum=``: by exactly one.
        k : int
            Number of galaxies.
        query, target : {"image", "spectrum"}, optional
            What of the galaxy is compared, and with what of the others; by default what there
            is, the image first, with the same of the others.
        within : {"table", "reference"}
            Where to search.
        **options
            As `astroclip_astro.similar.similar` has them.

        Returns
        -------
        Table
            ``row``, ``similarity`` (cosine) and this table's other columns, the most similar
            first; a galaxy asked for by row or position is itself left out.

        Raises
        ------
        InputError
            For a question that has no answer; says what to do.

        Examples
        --------
        >>> import astroclip_astro
        >>> from astropy.table import Table
        >>> t = Table({"name": list("abc"), "astroclip_image": [[1.0, 0], [0, 1], [0.6, 0.8]]})
        >>> t.astroclip.similar(0, k=1)["name"][0]
        np.str_('c')
        """
        from .similar import similar

        return similar(self._table, row, k=k, query=query, target=target, within=within, **options)

    def flags(self) -> list[list[str]]:
        """Return the words of each row's flags, an empty list for a row without any.

        Raises
        ------
        CatalogueError
            Where the table has no ``astroclip_flags`` yet.
        """
        name = f"{PREFIX}flags"
        if name not in self._table.colnames:
            raise CatalogueError(f"No column {name} yet; call .astroclip.annotate() first.")
        return decode(self._table[name])

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
        """
        from .catalogue import write_catalogue

        write_catalogue(self._table, path, overwrite=overwrite)


class Accessor:
    """Descriptor that makes ``table.astroclip`` on each access and keeps nothing."""

    __doc__ = TableMethods.__doc__

    def __get__(self, table: Table | None, owner: type | None = None):
        """Return the methods of a table, or their class where asked of the class."""
        return TableMethods if table is None else TableMethods(table)

    def __set__(self, table: Table, value: object) -> None:
        """Refuse to be replaced."""
        raise AttributeError("table.astroclip cannot be set; columns are table['astroclip_...'].")
