"""What a folder holds: cutouts, coadds and redrock files, by their headers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.files.coadd_files import CoaddFile, recognise_coadd
from astroclip_astro.fetch.files.cutout_files import CutoutFile, recognise_cutouts
from astroclip_astro.fetch.files.cutout_joins import join_bands
from astroclip_astro.fetch.files.fingerprint import header_checksum
from astroclip_astro.fetch.files.fits_file import all_hdus, open_fits
from astroclip_astro.fetch.files.image_layers import UNUSED, describe_unused
from astroclip_astro.fetch.files.redrock_files import RedrockFile, recognise_redrock


@dataclass(frozen=True)
class Contents:
    """How much a folder holds: cutout files, coadd files, and spectra in the coadds."""

    cutouts: int
    coadds: int
    spectra: int


def kind_of_reason(reason: str) -> str:
    """Return a reason without its numbers, which differ from file to file.

    Examples
    --------
    >>> kind_of_reason("cut short or header wrong: 40000 bytes long")
    'cut short or header wrong: N bytes long'
    """
    return re.sub(r"-?\d[\d.,e+-]*", "N", reason)


@dataclass
class FolderIndex:
    """What the headers in a folder say, files ordered by path.

    Parameters
    ----------
    cutouts, coadds, redrocks : list
        Files of each kind, as far as their headers tell.
    checksums : dict of Path to str
        Those of the headers of all these files.
    unused : list of (pathlib.Path, str)
        Files that were passed over, and why.
    """

    cutouts: list[CutoutFile] = field(default_factory=list)
    coadds: list[CoaddFile] = field(default_factory=list)
    redrocks: list[RedrockFile] = field(default_factory=list)
    checksums: dict[Path, str] = field(default_factory=dict)
    unused: list[tuple[Path, str]] = field(default_factory=list)

    def add(self, path: Path) -> None:
        """Look at one file; others than cutouts, coadds and redrock files are passed over."""
        with open_fits(path) as hdus:
            headers = all_hdus(hdus)
            if coadd := recognise_coadd(path, headers):
                self.coadds.append(coadd)
            elif redrock := recognise_redrock(path, headers):
                self.redrocks.append(redrock)
            elif cutouts := recognise_cutouts(path, headers):
                self.cutouts += cutouts
            else:
                self.unused.append((path, describe_unused(headers, path)))
                return
            self.checksums[path] = header_checksum(path, headers)

    def join(self) -> None:
        """Put together the bands of one field that are in several files."""
        self.cutouts, unused = join_bands(self.cutouts)
        self.unused += unused


def useless_folder(
    name: str,
    count: int,
    problems: Sequence[tuple[Path, str]],
    unused: Sequence[tuple[Path, str]],
) -> InputError:
    """Say of a folder without cutouts and coadds what is in it, the most frequent reason first.

    Parameters
    ----------
    name : str
        The folder as it was given.
    count : int
        How many FITS files there are.
    problems, unused : sequence of (pathlib.Path, str)
        Files that cannot be read, and files that were passed over, and why.

    Returns
    -------
    InputError
        Its details name every file.

    Examples
    --------
    >>> str(useless_folder("sky", 0, [], []))[:60]
    "Source 'sky': found no FITS file in this folder, expected im"
    """
    found = f"{count} FITS file{'s' * (count != 1)}" if count else "no FITS file"
    here = " in this folder"
    if left := problems or unused:
        most, times = Counter(kind_of_reason(reason) for _, reason in left).most_common(1)[0]
        path, reason = next(pair for pair in left if kind_of_reason(pair[1]) == most)
        same = f", {times} of them as this one" * (times > 1)
        words = f"{same}: {path.name}: {reason.removeprefix(UNUSED)[:200]})"
        here = (
            f" ({len(left)} cannot be read{words}{here}"
            if problems
            else f"{here} ({len(left)} passed over{words}"
        )
    error = InputError(
        f"Source {name!r}: found {found}{here}, expected image cutouts (with celestial WCS and "
        "BANDS) or DESI coadds (with FIBERMAP and cameras); give a folder that holds some."
    )
    error.details = tuple(f"{path}: {reason}" for path, reason in (*problems, *unused))
    return error
