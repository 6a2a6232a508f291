"""Every column this package adds to a table, defined once; `flags` has the bits of one of them.

The pipeline, the FITS writer, the command's help, the documentation and the tests all read this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from astroclip_astro.flags import Flag

PREFIX = "astroclip_"
MODALITIES = ("image", "spectrum")
COLUMN_ROOTS = {"redshift": "z", "log_stellar_mass": "logmstar"}  # others go by their own names
GROUPS = ("embedding", "redshift", "mass", "novelty", "labels")
EMBEDDING_WIDTH = 128


@dataclass(frozen=True, kw_only=True)
class OutputColumn:
    """One output column.

    Parameters
    ----------
    name : str
        Full name, with the prefix ``astroclip_``.
    dtype : str
        numpy dtype of one element.
    shape : tuple of int
        Shape of one cell; ``()`` for a number.
    unit : str or None
        Unit as astropy spells it.
    ucd : str
        IVOA unified content descriptor.
    description : str
        One sentence for the header and the documentation.
    group : str
        What ``--columns`` calls it; ``"match"`` and ``"flags"`` are always written.
    modality : str or None
        The modality it needs, None for columns of either.
    from_reference : bool
        Whether its values come from the reference set, so that the description says which.
    """

    name: str
    dtype: str = "f4"
    shape: tuple[int, ...] = ()
    unit: str | None = None
    ucd: str
    description: str
    group: str
    modality: str | None = None
    from_reference: bool = False


def _errors(value: OutputColumn) -> list[OutputColumn]:
    """Return the columns of the errors of another: half the interval, and its ends."""
    about = "" if value.ucd == "stat.value" else f";{value.ucd}"
    kinds = (
        ("err", "stat.error", "Error of {}: half the width of its 68 % interval"),
        ("lo", "stat.min", "Lower end of the 68 % interval of {}"),
        ("hi", "stat.max", "Upper end of the 68 % interval of {}"),
    )
    return [
        replace(
            value,
            name=f"{value.name}_{kind}",
            ucd=ucd + about,
            description=words.format(value.name),
        )
        for kind, ucd, words in kinds
    ]


def _property_columns(group: str, root: str, description: str, ucd: str) -> list[OutputColumn]:
    """Return the columns of one property: best, image's, spectrum's, each with its errors."""
    sources = (
        (
            "",
            None,
            "from image and spectrum, where available, weighted by the ratio of their errors",
        ),
        ("_image", "image", "from the image"),
        ("_spectrum", "spectrum", "from the spectrum"),
    )
    columns = []
    for suffix, modality, origin in sources:
        value = OutputColumn(
            name=f"{PREFIX}{root}{suffix}",
            ucd=ucd,
            description=f"Zero-shot {description} {origin}",
            group=group,
            modality=modality,
            from_reference=True,
        )
        columns += [value, *_errors(value)]
    return columns


def _embedding(modality: str) -> OutputColumn:
    """Return the embedding of one modality."""
    return OutputColumn(
        name=f"{PREFIX}{modality}",
        shape=(EMBEDDING_WIDTH,),
        ucd="stat.value",
        description=f"AstroCLIP embedding of the {modality}, unit vector",
        group="embedding",
        modality=modality,
    )


NOVELTY_COVARIATES = {"image": "by aperture flux", "spectrum": "by S/N"}


def _novelty(modality: str) -> OutputColumn:
    """Return the novelty of one modality."""
    return OutputColumn(
        name=f"{PREFIX}novelty_{modality}",
        ucd="stat.probability",
        description=f"Novelty of the {modality}: fraction of reference galaxies that are no more "
        f"unusual, by distance to their neighbours or {NOVELTY_COVARIATES[modality]}; 1 is unlike "
        "all of them",
        group="novelty",
        modality=modality,
        from_reference=True,
    )


def _match(
    name: str, dtype: str, ucd: str, description: str, unit: str | None = None
) -> OutputColumn:
    """Return one column about the matched DESI spectrum."""
    return OutputColumn(
        name=PREFIX + name,
        dtype=dtype,
        unit=unit,
        ucd=ucd,
        description=description,
        group="match",
        modality="spectrum",
    )


COLUMNS: tuple[OutputColumn, ...] = (
    *map(_embedding, MODALITIES),
    *_property_columns("redshift", "z", "redshift", "src.redshift"),
    OutputColumn(
        name=f"{PREFIX}z_other",
        ucd="src.redshift",
        description="Secondary redshift where two are plausible; astroclip_z is not their average "
        "(flag several_redshifts)",
        group="redshift",
        from_reference=True,
    ),
    *_property_columns(
        "mass", "logmstar", "stellar mass, log10 of solar masses (dimensionless),", "phys.mass"
    ),
    *map(_novelty, MODALITIES),
    OutputColumn(
        name=f"{PREFIX}nearest",
        dtype="i4",
        ucd="meta.record",
        description="Row (from 0) of the nearest galaxy in the reference, by spectrum where "
        "there is one, else by image",
        group="novelty",
        from_reference=True,
    ),
    _match("targetid", "i8", "meta.id", "DESI TARGETID of the matched spectrum"),
    _match(
        "separation",
        "f4",
        "pos.angDistance",
        "Distance between the row's position and the matched spectrum's target",
        "arcsec",
    ),
    _match(
        "snr", "f4", "stat.snr", "Median signal-to-noise per 0.8 Angstrom pixel of the spectrum"
    ),
    _match("desi_z", "f8", "src.redshift", "Redshift by DESI (redrock) of the matched spectrum"),
    _match("desi_zwarn", "i8", "meta.code.qual", "DESI's redshift warning bits, 0 is good"),
    _match("desi_spectype", "U6", "src.class", "DESI's spectral type: GALAXY, QSO or STAR"),
    OutputColumn(
        name=f"{PREFIX}flags",
        dtype="i4",
        ucd="meta.code.qual",
        description="Quality flags of this row as bits; 0 means that no flag is set",
        group="flags",
    ),
)


def label_columns(
    label: str, *, unit: str | None = None, description: str | None = None
) -> tuple[OutputColumn, ...]:
    """Return the columns of a label that a user's own reference has: value and errors.

    Parameters
    ----------
    label, unit, description : str
        As the reference has them; without a description the name has to do.

    Examples
    --------
    >>> [column.name for column in label_columns("age", unit="Gyr")]
    ['astroclip_age', 'astroclip_age_err', 'astroclip_age_lo', 'astroclip_age_hi']
    """
    name, words = f"{PREFIX}{label}", (description or label).rstrip(". ")
    origin = (
        "zero-shot, from image and spectrum, where available, weighted by the ratio of their errors"
    )
    value = OutputColumn(
        name=name,
        unit=unit or None,
        ucd="stat.value",
        description=f"{words}; {origin}",
        group="labels",
        from_reference=True,
    )
    return value, *_errors(value)


def select(
    modality: Iterable[str],
    groups: Iterable[str],
    labels: Iterable[tuple[OutputColumn, ...]] = (),
) -> tuple[OutputColumn, ...]:
    """Return the columns that go with modalities and groups, in the order of `COLUMNS`.

    Parameters
    ----------
    modality : iterable of {"image", "spectrum"}
        What is embedded.
    groups : iterable of {"embedding", "redshift", "mass", "novelty", "labels"}
        What is asked for.
    labels : iterable of tuple of OutputColumn
        From `label_columns`, for each label that the reference has of its own; they come last.

    Returns
    -------
    tuple of OutputColumn
        Flags always, facts of the matched spectrum wherever spectra are asked for.

    Examples
    --------
    >>> [column.name for column in select(["image"], ["embedding"])]
    ['astroclip_image', 'astroclip_flags']
    """
    modality, groups = set(modality), {*groups, "match", "flags"}
    return tuple(
        column
        for column in (*COLUMNS, *(column for own in labels for column in own))
        if column.group in groups and (column.modality is None or column.modality in modality)
    )


# Which modality or group of columns each bit of the flags belongs to; none: it is of the row.
FLAG_GROUPS: dict[Flag, tuple[str, ...]] = {
    Flag.NO_IMAGE: ("image",),
    Flag.NO_SPECTRUM: ("spectrum",),
    Flag.INCOMPLETE_IMAGE: ("image",),
    Flag.BAD_SPECTRUM: ("spectrum",),
    Flag.BAD_COORDINATES: (),
    Flag.SOURCE_FAILED: MODALITIES,
    Flag.SEVERAL_SPECTRA: ("spectrum",),
    Flag.BEYOND_REFERENCE: MODALITIES,
    Flag.BEYOND_TRAINING: MODALITIES,
    Flag.REDSHIFTS_DISAGREE: ("spectrum",),
    Flag.OUTSIDE_IMAGING: ("image",),
    Flag.SEVERAL_REDSHIFTS: ("redshift",),
    Flag.TARGETID_ELSEWHERE: ("spectrum",),
    Flag.BAD_TARGETID: ("spectrum",),
}

# Groups of columns that one call makes, as keywords of the header end; their columns in words.
COLUMN_GROUP_WORDS = {
    "IMG": "embedding of the image",
    "SPC": "embedding of the spectrum",
    "Z": "redshift",
    "ZIMG": "redshift from the image",
    "ZSPC": "redshift from the spectrum",
    "M": "stellar mass",
    "MIMG": "stellar mass from the image",
    "MSPC": "stellar mass from the spectrum",
    "N": "nearest galaxy",
    "NIMG": "novelty of the image",
    "NSPC": "novelty of the spectrum",
    "LAB": "labels that only the reference has",
}

# Keywords of a table's header, and what each says. `ACCAL` has a number behind it, those that end
# in an underscore have a group of `COLUMN_GROUP_WORDS`.
KEYWORDS = {
    "ACVERS": "version of this package",
    "ACDATE": "date and time, UTC",
    "ACWEIGHT": "name of the weights",
    "ACWSHA": "SHA-256 of the weights",
    "ACREF": "name of the reference",
    "ACREFSHA": "SHA-256 of the reference",
    "ACREFSIM": "whether the reference is SIMULATED, real or unknown",
    "ACSOURCE": "source of images and spectra",
    "ACMODAL": "modalities that were embedded",
    "ACCOLS": "groups of columns that were written",
    "ACFRAME": "frame of the positions before they were transformed to ICRS, and their columns",
    "ACRADIUS": "largest distance of a spectrum, arcsec",
    "ACDEVICE": "device that computed",
    "ACPRECIS": "number format of the computation",
    "ACW_": "name and SHA-256 of the weights that made a group of columns",
    "ACR_": "name and SHA-256 of the reference that made a group of columns",
    "ACS_": "source of images and spectra behind a group of columns",
    "ACCAL": "label that was calibrated, on which column, rows and how",
    "ACQUERY": "what was searched for",
    "ACBY": "modality of the query",
    "ACAMONG": "modality that was searched",
    "ACWITHIN": "whether table or reference was searched",
    "ACSEARCH": "method of the search: exact or approximate",
}


def header_keywords(**values: object) -> dict[str, object]:
    """Return keywords of a header with their values, sure that each is one of `KEYWORDS`.

    Raises
    ------
    KeyError
        For a keyword that the table does not have.

    Examples
    --------
    >>> header_keywords(ACBY="image")
    {'ACBY': 'image'}
    """
    keys = {re.sub(f"(?<=_)({'|'.join(COLUMN_GROUP_WORDS)})$", "", key) for key in values}
    if unknown := keys - KEYWORDS.keys():
        raise KeyError(f"Keywords {sorted(unknown)} are not among those of columns.KEYWORDS.")
    return values
