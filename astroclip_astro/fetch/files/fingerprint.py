"""What a folder of files holds, as a short text: by it an interrupted run is known again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from astroclip_astro.errors import InputError
from astroclip_astro.storage.packed import GZIP


def header_checksum(path: Path, hdus: Sequence) -> str:
    """Return a checksum of a FITS file's headers.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    hdus : sequence of HDU
        All of it, each header read, the file still open.

    Returns
    -------
    str
        Of the bytes of all headers. Of a gzipped file the checksum of its whole content that gzip
        itself keeps, since to reach the headers everything would be unpacked once more.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.io import fits
    >>> path = Path(tempfile.mkdtemp()) / "a.fits"
    >>> fits.PrimaryHDU().writeto(path)
    >>> with fits.open(path) as hdus:
    ...     len(header_checksum(path, hdus))
    32
    """
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb", buffering=0) as file:
        if file.read(2) == GZIP:
            file.seek(-8, os.SEEK_END)
            digest.update(file.read(8))
            return digest.hexdigest()
        for hdu in hdus:
            if (place := hdu.fileinfo()) is None:
                continue  # not of the file
            file.seek(place["hdrLoc"])
            digest.update(file.read(place["datLoc"] - place["hdrLoc"]))
    return digest.hexdigest()


def content_key(folder: Path, checksums: Mapping[Path, str], *, verify: bool = False) -> str:
    """Return a short text that changes with what the files of a folder hold.

    Parameters
    ----------
    folder : pathlib.Path
        The folder; where it is, and what it is called, does not count.
    checksums : mapping of pathlib.Path to str
        The files that count, with the checksums of their headers.
    verify : bool
        Whether to read all of every file. By default a file is known by its name in the folder, its
        size, the time it was last changed (to the nanosecond) and the checksum of its headers.

    Returns
    -------
    str
        64 hexadecimal digits. Those of verified files never equal those of others.

    Raises
    ------
    InputError
        Where a file has gone or cannot be read any more.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.fits").write_bytes(b"some")
    >>> key = content_key(folder, {folder / "a.fits": "00"}, verify=True)
    >>> _ = (folder / "a.fits").write_bytes(b"more")
    >>> key == content_key(folder, {folder / "a.fits": "00"}, verify=True)
    False
    """
    digest = hashlib.sha256(b"content" if verify else b"headers")
    for path in sorted(checksums):
        try:
            if verify:
                with path.open("rb") as file:
                    known = hashlib.file_digest(file, "sha256").hexdigest()
            else:
                found = path.stat()
                known = f"{found.st_size} {found.st_mtime_ns} {checksums[path]}"
        except OSError as error:
            raise InputError(
                f"File {path} of the source cannot be read any more ({error.strerror}); put it "
                "back, or take it out of the folder and run the command again."
            ) from None
        name = os.fsencode(path.relative_to(folder))
        digest.update(b"%d %b %b\n" % (len(name), name, known.encode()))
    return digest.hexdigest()
