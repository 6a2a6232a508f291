"""What `fuzz.py` tries damaged files on: every path from a file, or a reply, to a message."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fuzz_inputs

from astroclip_astro.errors import AstroclipError


@dataclass(frozen=True)
class Surface:
    """One kind of input.

    Parameters
    ----------
    files : callable
        Gives the files that are damaged.
    attempt : callable
        Reads one, written to a path; raises only exceptions of this package.
    count : int
        How many inputs are tried.
    suffix : str
        Of the path.
    """

    files: Callable[[], list[bytes]]
    attempt: Callable[[Path], object]
    count: int
    suffix: str


def read_table(path: Path) -> None:
    """Read a catalogue, find its positions, and write what was read."""
    from astroclip_astro.catalogue import read_catalogue
    from astroclip_astro.sky import describe_positions

    describe_positions(read_catalogue(path))


def read_cutout(path: Path) -> None:
    """Read a cutout as --image has it, and as a folder has it."""
    from astroclip_astro.fetch.files.one_galaxy import read_one_cutout

    read_one_cutout(path, 48)


def read_coadd(path: Path) -> None:
    """Read the spectrum of a coadd as --spectrum has it."""
    from astroclip_astro.fetch.files.one_galaxy import read_one_spectrum

    read_one_spectrum(path, 7)


def read_weights_card(path: Path) -> None:
    """Read the card of weights and all that a run takes from it."""
    from astroclip_astro.models.card import check_aligned, read_card
    from astroclip_astro.models.configuration import Configuration

    card = read_card(path.with_suffix(".safetensors"))
    check_aligned(card)
    Configuration.from_dict(card["configuration"])
    repr(card)


def read_reference(path: Path) -> None:
    """Read a reference."""
    from astroclip_astro.zeroshot.reference_file import load_reference

    load_reference(path)


def read_viewer_reply(path: Path) -> None:
    """Read what the viewer of the Legacy Surveys may answer."""
    from astroclip_astro.fetch.legacy_survey import read_image

    read_image(path.read_bytes(), 150.0, 2.0, 48, origin="http://127.0.0.1/cutout")


def read_sparcl_reply(path: Path) -> None:
    """Read what SPARCL may answer."""
    from astroclip_astro.fetch.sparcl.record import SpectrumRecord
    from astroclip_astro.fetch.sparcl.reply import read_entries, read_spectra
    from astroclip_astro.fetch.transport import Reply

    content = path.read_bytes()
    record = SpectrumRecord("id", 7, 150.0, 2.0, None, None, None, True, "DESI-DR1", "", "")
    reply = Reply("application/octet-stream", content, "http://127.0.0.1/spectras")
    read_spectra(read_entries(reply), {"id": record})


def read_tap_reply(path: Path) -> None:
    """Read what the TAP service may answer."""
    from astroclip_astro.fetch.desi_catalogue.votable_reply import read_votable
    from astroclip_astro.fetch.transport import Reply

    reply = Reply("text/xml", path.read_bytes(), "http://127.0.0.1/tap/sync")
    read_votable(reply, rows=10)


SURFACES = {
    "text": Surface(fuzz_inputs.text_files, read_table, 10_000, ".csv"),
    "FITS": Surface(fuzz_inputs.fits_tables, read_table, 10_000, ".fits"),
    "VOTable": Surface(fuzz_inputs.votables, read_table, 10_000, ".vot"),
    "Parquet": Surface(fuzz_inputs.parquet_files, read_table, 2_000, ".parquet"),
    "cutouts": Surface(fuzz_inputs.cutouts, read_cutout, 2_000, ".fits"),
    "coadds": Surface(fuzz_inputs.coadds, read_coadd, 2_000, ".fits"),
    "cards": Surface(fuzz_inputs.cards, read_weights_card, 5_000, ".json"),
    "references": Surface(fuzz_inputs.references, read_reference, 2_000, ".fits"),
    "viewer": Surface(fuzz_inputs.cutouts, read_viewer_reply, 2_000, ".bin"),
    "SPARCL": Surface(fuzz_inputs.sparcl_replies, read_sparcl_reply, 5_000, ".bin"),
    "TAP": Surface(fuzz_inputs.votables, read_tap_reply, 5_000, ".bin"),
}


def leak(surface: Surface, path: Path) -> str | None:
    """Return what leaked when a file was read: the exception in a line, None where none did.

    Parameters
    ----------
    surface : Surface
        What reads it.
    path : Path
        The file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            surface.attempt(path)
    except AstroclipError:
        return None
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return None
