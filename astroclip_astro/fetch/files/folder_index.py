"""What a folder holds: cutouts, coadds and redrock files, by their headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from astroclip_astro.fetch.files.coadd_files import CoaddFile, recognise_coadd
from astroclip_astro.fetch.files.cutout_files import CutoutFile, recognise_cutout
from astroclip_astro.fetch.files.fingerprint import header_checksum
from astroclip_astro.fetch.files.fits_file import all_hdus, open_fits
from astroclip_astro.fetch.files.redrock_files import RedrockFile, recognise_redrock


@dataclass(frozen=True)
class Contents:
    """How much a folder holds: cutout files, coadd files, and spectra in the coadds."""

    cutouts: int
    coadds: int
    spectra: int


@dataclass
class FolderIndex:
    """What the headers in a folder say, files ordered by path.

    Parameters
    ----------
    cutouts, coadds, redrocks : list
        Files of each kind, as far as their headers tell.
    checksums : dict of Path to str
        Those of the headers of all these files.
    """

    cutouts: list[CutoutFile] = field(default_factory=list)
    coadds: list[CoaddFile] = field(default_factory=list)
    redrocks: list[RedrockFile] = field(default_factory=list)
    checksums: dict[Path, str] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Look at one file; others than cutouts, coadds and redrock files are passed over."""
        with open_fits(path) as hdus:
            headers = all_hdus(hdus)
            if coadd := recognise_coadd(path, headers):
                self.coadds.append(coadd)
            elif redrock := recognise_redrock(path, headers):
                self.redrocks.append(redrock)
            elif cutout := recognise_cutout(path, headers):
                self.cutouts.append(cutout)
            else:
                return
            self.checksums[path] = header_checksum(path, headers)
