"""Every column this package adds to a table, and every bit of its flags, defined once.

The pipeline, the FITS writer, the command's help, the documentation and the tests all read this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntFlag

import numpy as np

__all__ = [
    "COLUMNS",
    "FLAGS",
    "GROUPS",
    "MODALITIES",
    "PREFIX",
    "Flag",
    "FlagBit",
    "OutputColumn",
    "decode",
    "label_columns",
    "select",
]

PREFIX = "astroclip_"
MODALITIES = ("image", "spectrum")
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


def _error(value: OutputColumn) -> OutputColumn:
    """Return the column of the errors of another."""
    return replace(
        value,
        name=f"{value.name}_err",
        ucd="stat.error" if value.ucd == "stat.value" else f"stat.error;{value.ucd}",
        description=f"Error of {value.name}: half the central 68 % of the neighbours",
    )


def _property_columns(group: str, stem: str, words: str, ucd: str) -> list[OutputColumn]:
    """Return the columns of one property: best, image's, spectrum's, each with its error."""
    sources = (
        ("", None, "from the spectrum where there is one, else from the image"),
        ("_image", "image", "from the image"),
        ("_spectrum", "spectrum", "from the spectrum"),
    )
    columns = []
    for suffix, modality, origin in sources:
        shared = {"group": group, "modality": modality, "from_reference": True}
        name = f"{PREFIX}{stem}{suffix}"
        columns.append(
            OutputColumn(name=name, ucd=ucd, description=f"Zero-shot {words} {origin}", **shared)
        )
        columns.append(_error(columns[-1]))
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


def _novelty(modality: str) -> OutputColumn:
    """Return the novelty of one modality."""
    return OutputColumn(
        name=f"{PREFIX}novelty_{modality}",
        ucd="stat.probability",
        description=f"Novelty of the {modality}: fraction of reference galaxies nearer to "
        "their neighbours than this one; 1 is unlike all",
        group="novelty",
        modality=modality,
        from_reference=True,
    )


def _match(name: str, dtype: str, ucd: str, description: str, unit: str | None = None):
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
        description="What to know about this row, bits; 0 is nothing",
        group="flags",
    ),
)


def label_columns(
    label: str, *, unit: str | None = None, description: str | None = None
) -> tuple[OutputColumn, OutputColumn]:
    """Return value and error columns of a label that a user's own reference has.

    Parameters
    ----------
    label, unit, description : str
        As the reference has them; without a description the name has to do.

    Examples
    --------
    >>> [column.name for column in label_columns("age", unit="Gyr")]
    ['astroclip_age', 'astroclip_age_err']
    """
    name, words = f"{PREFIX}{label}", (description or label).rstrip(". ")
    origin = "zero-shot, from the spectrum where there is one, else from the image"
    shared = {"unit": unit or None, "group": "labels", "from_reference": True}
    value = OutputColumn(name=name, ucd="stat.value", description=f"{words}; {origin}", **shared)
    return value, _error(value)


def select(
    modality: Iterable[str],
    groups: Iterable[str],
    labels: Iterable[tuple[OutputColumn, OutputColumn]] = (),
) -> tuple[OutputColumn, ...]:
    """Return the columns that go with modalities and groups, in the order of `COLUMNS`.

    Parameters
    ----------
    modality : iterable of {"image", "spectrum"}
        What is embedded.
    groups : iterable of {"embedding", "redshift", "mass", "novelty", "labels"}
        What is asked for.
    labels : iterable of (OutputColumn, OutputColumn)
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
        for column in (*COLUMNS, *(column for pair in labels for column in pair))
        if column.group in groups and (column.modality is None or column.modality in modality)
    )


class Flag(IntFlag):
    """Bits of ``astroclip_flags``. Numbers never change; new bits are added behind."""

    NO_IMAGE = 1
    NO_SPECTRUM = 2
    INCOMPLETE_IMAGE = 4
    BAD_SPECTRUM = 8
    BAD_COORDINATES = 16
    SOURCE_FAILED = 32
    SEVERAL_SPECTRA = 64
    BEYOND_REFERENCE = 128
    BEYOND_TRAINING = 256
    REDSHIFTS_DISAGREE = 512
    OUTSIDE_IMAGING = 1024

    @property
    def word(self) -> str:
        """The bit's word as `decode` gives it."""
        return self.name.lower()


@dataclass(frozen=True)
class FlagBit:
    """One documented bit: what it means and what to do about it."""

    flag: Flag
    meaning: str
    advice: str


FLAGS: tuple[FlagBit, ...] = (
    FlagBit(
        Flag.NO_IMAGE,
        "No usable image at this position.",
        "Normal outside the imaging; columns from the image are null.",
    ),
    FlagBit(
        Flag.NO_SPECTRUM,
        "No usable spectrum within the match radius, or none with this TARGETID.",
        "Normal: most galaxies have none; columns from the spectrum are null.",
    ),
    FlagBit(
        Flag.INCOMPLETE_IMAGE,
        "A band is missing or zero, pixels are bad, or the cutout does not cover the field.",
        "Look at the image before using values from it.",
    ),
    FlagBit(
        Flag.BAD_SPECTRUM,
        "The spectrum is empty, lacks half a camera, or DESI says that its fibre was bad.",
        "Look at the spectrum before using values from it.",
    ),
    FlagBit(
        Flag.BAD_COORDINATES,
        "RA or Dec is missing, not finite or out of range.",
        "Correct the row in the catalogue and run again.",
    ),
    FlagBit(
        Flag.SOURCE_FAILED,
        "The source has something here but could not deliver it: damaged file, server error, or a "
        "reply that failed a check. The Legacy Surveys viewer answers with an error also where it "
        "has no imaging at all.",
        "Run with --verbose to see why, and run again: such rows are asked for anew.",
    ),
    FlagBit(
        Flag.SEVERAL_SPECTRA,
        "Several spectra match; the primary one or with good fibre status, nearest, longest "
        "exposed, was chosen.",
        "Compare astroclip_targetid and astroclip_separation with what you expect.",
    ),
    FlagBit(
        Flag.BEYOND_REFERENCE,
        "Novelty above 0.99: unlike the reference galaxies.",
        "Do not trust redshift and mass; the object may be interesting.",
    ),
    FlagBit(
        Flag.BEYOND_TRAINING,
        "Beyond what the encoders were trained on: larger than the cutout, or fainter or brighter.",
        "Do not trust redshift and mass.",
    ),
    FlagBit(
        Flag.REDSHIFTS_DISAGREE,
        "Our redshift from the spectrum and DESI's differ by more than 5 % of 1 + z.",
        "Prefer DESI's where astroclip_desi_zwarn is 0.",
    ),
    FlagBit(
        Flag.OUTSIDE_IMAGING,
        "Outside the imaging of the Legacy Surveys by an approximate map; nothing was asked.",
        "Normal; comes with no_image. Inside the map's edge a position may still have no image.",
    ),
)


def decode(flags: Iterable[int]) -> list[list[str]]:
    """Turn flag numbers into words.

    Parameters
    ----------
    flags : iterable of int
        Values of ``astroclip_flags``.

    Returns
    -------
    list of list of str
        Words of the bits that are set, a list for each value.

    Examples
    --------
    >>> decode([0, 3])
    [[], ['no_image', 'no_spectrum']]
    """
    return [[bit.word for bit in Flag if value & bit] for value in np.asarray(flags).tolist()]
