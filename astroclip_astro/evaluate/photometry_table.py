"""Any table of fluxes or magnitudes, for the rows of photometry."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.errors import CatalogueError, InputError, did_you_mean
from astroclip_astro.sky.cell_values import read_floats
from astroclip_astro.sky.targets import find_targets
from astroclip_astro.training_data.split import HoldOut, sky_groups
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies
from astroclip_astro.zeroshot.metrics import colours

BANDS = ("g", "r", "z")
LABEL_NAMES = {
    "redshift": ("redshift", "z", "z_spec", "zspec", "z_true"),
    "log_stellar_mass": ("log_stellar_mass", "logmstar", "log_mstar", "log_mass", "logmass"),
}
PREFIXES = ("flux_", "mag_", "dered_flux_", "dered_mag_")
ADVICE = "; name another with --columns."
KINDS = ("auto", "nanomaggy", "mag")
ZERO_POINT = 22.5  # AB magnitude of a nanomaggy


@dataclass(frozen=True)
class PhotometryTable:
    """EmbeddedGalaxies with colours and labels.

    Parameters
    ----------
    table : astropy.table.Table
        As read.
    photometry : ndarray
        float64 (n, 3), g - r, r - z, r; NaN where a band has none.
    labels : dict of str to ndarray
        float64 (n,): ``redshift``, and ``log_stellar_mass`` where the table has it.
    description : str
        Which columns were taken, and as what.
    simulated : bool or None
        What the table says; None where it says nothing.
    """

    table: Table
    photometry: np.ndarray
    labels: dict[str, np.ndarray]
    description: str
    simulated: bool | None


def parse_columns(given: str) -> dict[str, str]:
    """Return which column is what, from ``g=FLUX_G,redshift=Z``.

    Parameters
    ----------
    given : str
        Pairs with commas; any of g, r, z, redshift and log_stellar_mass before the ``=``.

    Returns
    -------
    dict of str to str

    Raises
    ------
    InputError
        For what is no pair, or names something else.

    Examples
    --------
    >>> parse_columns("g=FLUX_G, redshift=Z")
    {'g': 'FLUX_G', 'redshift': 'Z'}
    """
    pairs = {}
    for part in filter(None, (part.strip() for part in given.split(","))):
        what, equals, column = (one.strip() for one in part.partition("="))
        if not equals or not column or what not in (*BANDS, *LABEL_NAMES):
            raise InputError(
                f"Columns have {part!r}, expected WHAT=NAME with WHAT one of "
                f"{', '.join((*BANDS, *LABEL_NAMES))}, for example g=FLUX_G,redshift=Z."
            )
        pairs[what] = column
    return pairs


def read_photometry(
    path: str | os.PathLike, *, columns: Mapping[str, str] | None = None, unit: str = "auto"
) -> PhotometryTable:
    r"""Read photometry and labels from a catalogue.

    Parameters
    ----------
    path : str or path
        FITS, VOTable, ECSV, CSV, Parquet or another text table.
    columns : mapping of str to str, optional
        Which column is ``g``, ``r``, ``z``, ``redshift``, ``log_stellar_mass``; those left out are
        found by usual names, such as FLUX_G or mag_g, Z and LOGMSTAR, upper or lower case.
    unit : {"auto", "nanomaggy", "mag"}
        What the photometry is; ``auto`` decides by the columns' units, then by their names.

    Returns
    -------
    PhotometryTable

    Raises
    ------
    CatalogueError
        For a file that cannot be read, a column that is absent or holds no numbers, several that
        could be meant, or photometry of which one cannot tell what it is.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("mag_g,mag_r,mag_z,z\n20,19,18.5,0.2\n")
    >>> found = read_photometry(path)
    >>> found.photometry.round(6).tolist(), list(found.labels)
    ([[1.0, 0.5, 19.0]], ['redshift'])
    """
    if unit not in KINDS:
        raise InputError(f"Unknown unit {unit!r}, expected one of {', '.join(KINDS)}.")
    table, columns = read_catalogue(path), dict(columns or {})
    bands, kind, flux = read_flux(table, columns, unit)
    names, labels = read_labels(table, columns)
    words = ", ".join(f"{what} from {name}" for what, name in (bands | names).items())
    says = {key.upper(): value for key, value in table.meta.items()}
    simulated = says.get("SIMULATD", says.get("SIMULATED"))
    return PhotometryTable(
        table=table,
        photometry=colours(flux),
        labels=labels,
        description=f"{words}; as {'AB magnitudes' if kind == 'mag' else 'nanomaggies'}",
        simulated=None if simulated is None else bool(simulated),
    )


def split_photometry(
    galaxies: PhotometryTable, holdout: HoldOut
) -> tuple[EmbeddedGalaxies, EmbeddedGalaxies]:
    """Return galaxies to learn from and galaxies that are held out, in whole groups.

    Parameters
    ----------
    galaxies : PhotometryTable
        What there is.
    holdout : HoldOut
        How it is split: by ``sky``, for parts of the sky by the table's positions, or by a column.

    Returns
    -------
    reference, test : EmbeddedGalaxies
        Those with colours and redshift.

    Raises
    ------
    InputError
        For a fraction, column or count that will not do.
    """
    good = np.isfinite(galaxies.photometry).all(axis=1) & np.isfinite(galaxies.labels["redshift"])
    if holdout.by == "sky":
        targets = find_targets(galaxies.table)
        good &= np.isfinite(targets.ra) & np.isfinite(targets.dec)
        groups = np.zeros(len(good), np.int64)
        groups[good] = sky_groups(targets.ra[good], targets.dec[good])
    else:
        groups = group_column(galaxies.table, holdout.by)
    if not good.any():
        raise InputError("No galaxy has positive flux in all bands and a redshift; see --columns.")
    rows = np.flatnonzero(good)
    reference, test = (
        EmbeddedGalaxies(
            {"photometry": galaxies.photometry[some]},
            {label: values[some] for label, values in galaxies.labels.items()},
            some,
        )
        for some in (rows[part] for part in holdout.split(groups[rows]))
    )
    return reference, test


def read_flux(
    table: Table, given: Mapping[str, str], unit: str
) -> tuple[dict[str, str], str, np.ndarray]:
    """Return the columns of g, r and z, what they hold, and their flux in nanomaggies, (n, 3)."""
    bands = {
        band: find_column(table, given.get(band), [prefix + band for prefix in PREFIXES], band)
        for band in BANDS
    }
    kinds = {kind_of(table, name, unit) for name in bands.values()}
    if len(kinds) > 1:
        raise CatalogueError(
            f"Of {', '.join(bands.values())} some are fluxes and some magnitudes, expected all of "
            "one kind; name others with --columns."
        )
    kind = kinds.pop()
    values = np.column_stack([read_floats(table, name, advice=ADVICE) for name in bands.values()])
    if kind == "mag":
        with np.errstate(over="ignore"):
            values = 10 ** (0.4 * (ZERO_POINT - values))
    return bands, kind, values


def read_labels(
    table: Table, given: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Return the columns of the labels and their values; all but redshift may be absent."""
    names, labels = {}, {}
    for label, usual in LABEL_NAMES.items():
        needed = label == "redshift" or label in given
        if needed or usual_columns(table, usual):
            names[label] = find_column(table, given.get(label), usual, label)
            labels[label] = read_floats(table, names[label], advice=ADVICE)
    return names, labels


def usual_columns(table: Table, usual: Sequence[str]) -> list[str]:
    """Return the columns that have one of the usual names, in upper or lower case."""
    return [name for name in table.colnames if name.lower() in usual]


def find_column(table: Table, given: str | None, usual: Sequence[str], what: str) -> str:
    """Return the column that is named, or the one of a usual name."""
    if given is not None:
        if given not in table.colnames:
            raise CatalogueError(
                f"No column {given!r} for {what} in {table.colnames}; name one of these with "
                f"--columns {what}=NAME{did_you_mean(given, table.colnames) or '.'}"
            )
        return given
    found = usual_columns(table, usual)
    if len(found) == 1:
        return found[0]
    raise CatalogueError(
        f"{len(found)} columns could be {what} ({', '.join(found) or 'none'}) in "
        f"{table.colnames}, expected one of the names {', '.join(usual)}; name it with --columns "
        f"{what}=NAME."
    )


def kind_of(table: Table, name: str, unit: str) -> str:
    """Return whether a column holds ``nanomaggy`` or ``mag``."""
    if unit != "auto":
        return unit
    for words in (str(table[name].unit or "").lower(), name.lower()):
        if "mag" in words and not ("maggy" in words or "mgy" in words):
            return "mag"
        if any(word in words for word in ("maggy", "mgy", "flux")):
            return "nanomaggy"
    raise CatalogueError(
        f"Neither unit nor name of column {name!r} says whether it holds nanomaggies or AB "
        "magnitudes; say so with --unit."
    )


def group_column(table: Table, name: str) -> np.ndarray:
    """Return the values of the column that galaxies are held out by."""
    if name not in table.colnames or table[name].ndim != 1:
        raise CatalogueError(
            f"No column {name!r} of one value for each galaxy in {table.colnames}; choose another "
            f"with --holdout-by{did_you_mean(name, table.colnames) or '.'}"
        )
    return np.asarray(np.ma.asarray(table[name]).filled())
