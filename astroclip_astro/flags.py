"""Every bit of ``astroclip_flags``, defined once.

The pipeline, the command's help, the documentation and the tests all read this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

import numpy as np

__all__ = ["Flag", "decode"]


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
    SEVERAL_REDSHIFTS = 2048
    TARGETID_ELSEWHERE = 4096
    BAD_TARGETID = 8192

    @property
    def word(self) -> str:
        """The bit's word as `decode` gives it."""
        return (self.name or "").lower()


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
        "exposed, was chosen. Good single exposures of it were combined.",
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
    FlagBit(
        Flag.SEVERAL_REDSHIFTS,
        "The neighbours have two different redshifts, or image and spectrum have.",
        "astroclip_z is the likelier one, astroclip_z_other the other; do not average them.",
    ),
    FlagBit(
        Flag.TARGETID_ELSEWHERE,
        "The spectrum of the row's TARGETID lies farther from its position than the match radius "
        "and 3 arcsec: image and spectrum are of different objects.",
        "astroclip_z, astroclip_logmstar and labels are those of the spectrum alone. Correct "
        "TARGETID or position.",
    ),
    FlagBit(
        Flag.BAD_TARGETID,
        "The row's TARGETID is no whole number, so that its spectrum was matched by position; or "
        "it looks rounded: no spectrum has it, and one of another TARGETID lies at the position.",
        "Correct the TARGETID: read it as a 64-bit integer or as text, never as a float.",
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
