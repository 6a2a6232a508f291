"""FITS files of a folder, opened with suspicion: whatever is wrong with one is one exception."""

from __future__ import annotations

import gzip
import os
import re
import stat
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from astroclip_astro.errors import AstroclipError
from astroclip_astro.fetch.files.file_damage import describe_error, diagnose
from astroclip_astro.storage.fits_parts import check_axes
from astroclip_astro.storage.packed import is_packed

NAMES = re.compile(r"\.fits?(\.gz|\.fz)?$", re.IGNORECASE)
# Deflate cannot do better than 1032:1, so a packed file cannot hold more than this many times
# its size; a header that claims more is lying, and nothing of that size is ever allocated.
BEST_COMPRESSION = 1100
EXACT = 2**53  # above it float64 has not every whole number
HDU: TypeAlias = fits.PrimaryHDU | fits.hdu.base.ExtensionHDU  # any HDU of an open file


class DamagedFileError(AstroclipError):
    """A file that cannot be used: unreadable, cut short, or not what its header says.

    Never leaves the package: it becomes a gap with `Flag.SOURCE_FAILED`.

    Parameters
    ----------
    *words : str
        What is wrong.
    path : pathlib.Path, optional
        Which file it is, where several were open.
    """

    def __init__(self, *words: str, path: Path | None = None) -> None:
        super().__init__(*words)
        self.path = path


@contextmanager
def reading(path: Path | None = None) -> Iterator[None]:
    """Turn whatever goes wrong inside the block into `DamagedFileError`.

    Parameters
    ----------
    path : pathlib.Path, optional
        The file that is read, for the error.

    Raises
    ------
    DamagedFileError
        For any exception inside the block.

    Examples
    --------
    >>> with reading():
    ...     raise KeyError("FLUX")
    Traceback (most recent call last):
        ...
    astroclip_astro.fetch.files.fits_file.DamagedFileError: KeyError: 'FLUX'
    """
    try:
        with warnings.catch_warnings():
            # Truncation and odd headers are found and reported by our own checks.
            warnings.simplefilter("ignore", AstropyWarning)
            yield
    except DamagedFileError:
        raise
    except Exception as error:
        # What astropy, zlib and numpy raise on damaged bytes is an open list, and one bad file
        # must never stop a catalogue; the type stays in the message.
        raise DamagedFileError(describe_error(error), path=path) from error


@contextmanager
def open_fits(path: Path) -> Iterator[fits.HDUList]:
    """Open a FITS file for reading parts of it.

    Parameters
    ----------
    path : pathlib.Path
        The file; gzip and tile compression are seen by content.

    Yields
    ------
    astropy.io.fits.HDUList
        Memory-mapped where the file is plain; arrays must be copied before the block ends.

    Raises
    ------
    DamagedFileError
        For anything wrong, here or inside the block.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "empty.fits"
    >>> fits.PrimaryHDU().writeto(path)
    >>> with open_fits(path) as hdus:
    ...     hdus[0].name
    'PRIMARY'
    """
    # Of a file that it refuses, astropy would leave its own handle open. Files are memory-mapped by
    # default; asked for it, astropy would refuse images of scaled integers.
    with reading(), path.open("rb") as stream:
        check_claims(stream)
        try:
            hdus = fits.open(stream, lazy_load_hdus=True)
        except Exception as error:  # astropy's list is open; what the file is says more
            if reason := diagnose(path):
                raise DamagedFileError(reason) from error
            raise
        with hdus:
            yield hdus


def check_claims(stream: BinaryIO) -> None:
    """Raise `DamagedFileError` for a file, packed by gzip or not, that claims too many axes."""
    try:
        if is_packed(stream):
            with gzip.GzipFile(fileobj=stream) as unpacked:
                check_axes(cast(BinaryIO, unpacked))
        else:
            check_axes(stream)
    except (EOFError, OSError, zlib.error):
        pass  # damaged in another way, which its reader says
    except ValueError as problem:
        raise DamagedFileError(str(problem)) from None
    finally:
        stream.seek(0)


def all_hdus(hdus: fits.HDUList) -> list[HDU]:
    """Return all HDUs of an open file, each header read.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
        From `open_fits`.

    Returns
    -------
    list of HDU

    Raises
    ------
    DamagedFileError
        Where a header's sizes send the reader back: it would go round in circles for ever.

    Examples
    --------
    >>> len(all_hdus(fits.HDUList([fits.PrimaryHDU()])))
    1
    """
    found: list[HDU] = []
    reached = -1
    for hdu in hdus:
        place = (hdu.fileinfo() or {}).get("hdrLoc", reached + 1)
        if place <= reached:
            raise DamagedFileError(f"HDU {len(found)} begins before the one in front of it ends")
        found.append(hdu)
        reached = place
    return found


def find_fits(folder: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Find the FITS files in a tree.

    Parameters
    ----------
    folder : pathlib.Path
        Where to look. Linked folders are followed, each folder once, so loops end.

    Returns
    -------
    files : list of pathlib.Path
        Ordered by name; a file that several links reach is listed once.
    problems : list of (pathlib.Path, str)
        What could not be looked at, and why.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("b.FITS", "a.fits.fz", "notes.txt"):
    ...     (folder / name).touch()
    >>> [path.name for path in find_fits(folder)[0]]
    ['a.fits.fz', 'b.FITS']
    """
    files: dict[str, Path] = {}
    problems: list[tuple[Path, str]] = []
    visited: set[str] = set()

    def note(error: OSError) -> None:
        problems.append((Path(error.filename), f"cannot be looked into: {error.strerror}"))

    for place, subfolders, names in os.walk(folder, onerror=note, followlinks=True):
        if os.path.realpath(place) in visited:
            subfolders.clear()
            continue
        visited.add(os.path.realpath(place))
        subfolders.sort()
        for name in sorted(filter(NAMES.search, names)):
            path = Path(place) / name
            try:
                # Opening a pipe or a device would wait for ever.
                if stat.S_ISREG(path.stat().st_mode):
                    files.setdefault(os.path.realpath(path), path)
            except OSError as error:
                problems.append((path, f"cannot be reached: {error.strerror}"))
    return sorted(files.values()), problems


def overrun(hdu: HDU, path: Path) -> str | None:
    """Say whether a header claims more data than the file can hold.

    Parameters
    ----------
    hdu : astropy.io.fits HDU
        From an open file.
    path : pathlib.Path
        That file.

    Returns
    -------
    str or None
        One line, None where the data fit.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "cut.fits"
    >>> fits.PrimaryHDU(np.zeros((100, 100))).writeto(path)
    >>> os.truncate(path, 40_000)
    >>> with open_fits(path) as hdus:
    ...     overrun(hdus[0], path)
    "cut short or header wrong: 40000 bytes long, HDU 'PRIMARY' needs 82880"
    """
    size = path.stat().st_size
    start = hdu.fileinfo()["datLoc"]
    with path.open("rb") as stream:
        zipped = is_packed(stream)
    tiled = isinstance(hdu, fits.CompImageHDU)
    # A tiled image's own size is what it unpacks to; in the file stands its table of tiles.
    stored = start + (hdu.fileinfo()["datSpan"] if tiled else hdu.size)
    if tiled and hdu.size > size * BEST_COMPRESSION:
        stored = hdu.size
    if stored <= size * (BEST_COMPRESSION if zipped else 1):
        return None
    return f"cut short or header wrong: {size} bytes long, HDU {hdu.name!r} needs {stored}"


def numbers_by_name(hdus: Sequence) -> dict[str, int]:
    """Look up HDUs by name.

    Parameters
    ----------
    hdus : sequence of HDU
        All of a file.

    Returns
    -------
    dict
        Number of each name in capitals, the first where one comes twice.

    Examples
    --------
    >>> numbers_by_name([fits.PrimaryHDU(), fits.ImageHDU(name="b_flux")])
    {'B_FLUX': 1, 'PRIMARY': 0}
    """
    # Names are in capitals where astropy sets them, and as they stand where it reads them.
    return {hdu.name.strip().upper(): len(hdus) - 1 - i for i, hdu in enumerate(reversed(hdus))}


def column(hdu: fits.BinTableHDU, name: str, dtype: type) -> np.ndarray:
    """Read one column of numbers or words, in memory and in the machine's byte order.

    Parameters
    ----------
    hdu : astropy.io.fits.BinTableHDU
        The table.
    name : str
        Column.
    dtype : type
        ``np.int64``, ``np.float64`` or ``str``.

    Returns
    -------
    ndarray
        Of ``dtype``, (n,); words without blanks around them.

    Raises
    ------
    KeyError
        Where there is no such column.
    ValueError
        Where it is not one value a row.
    DamagedFileError
        Where it is not of numbers; where whole numbers as long as a TARGETID stand there as
        floating-point numbers, which have lost some of their digits.

    Examples
    --------
    >>> table = fits.BinTableHDU.from_columns([fits.Column("Z", "D", array=[0.1, 0.2])])
    >>> column(table, "Z", np.float64)
    array([0.1, 0.2])
    """
    values = hdu.data[name]
    if values.ndim != 1:
        raise ValueError(f"column {name} has shape {values.shape}, expected one value a row")
    if dtype is str:
        return np.char.strip(np.asarray(values, dtype=str))
    try:
        numbers: np.ndarray = np.array(values, dtype=dtype)  # (n,)
    except ValueError:
        raise DamagedFileError(f"column {name} holds words, expected numbers") from None
    if dtype is np.int64 and values.dtype.kind == "f" and (np.abs(values) > EXACT).any():
        raise DamagedFileError(
            f"column {name} holds floating-point numbers, which have lost digits of it"
        )
    return numbers
