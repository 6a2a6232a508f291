"""Reference sets as FITS tables.

A file holds one binary table with the columns ``image`` and ``spectrum`` (128 floats, unit
vectors, all NaN where a galaxy lacks the modality), ``redshift`` and ``log_stellar_mass``; and,
where known, how bright image and spectrum are, ``aperture_flux_r`` and ``snr``. Its header says
``SIMULATD`` (whether the galaxies are simulated), ``ACWSHA`` (sha256 of the weights that made the
embeddings), ``ACNAME`` and ``ACDESC`` (name and description), and in ``ACLABEL1``, ``ACLABEL2``,
... which other columns are labels too, NaN where a galaxy has none; each may be absent. Other
columns are ignored. A second table holds leave-one-out predictions; a file without it is complete,
but every run computes them anew until `complete_reference` has stored them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from dataclasses import replace
from io import BufferedReader
from pathlib import Path

import numpy as np
from astropy import log
from astropy.io import fits

from astroclip_astro.columns import EMBEDDING_WIDTH, MODALITIES
from astroclip_astro.errors import OutputError, WeightsError, did_you_mean, visible
from astroclip_astro.storage.atomic import whole_file
from astroclip_astro.storage.fits_parts import check_parts
from astroclip_astro.zeroshot.leave_one_out import predict_leave_one_out
from astroclip_astro.zeroshot.leave_one_out_file import (
    EXTENSION,
    leave_one_out_table,
    read_leave_one_out,
)
from astroclip_astro.zeroshot.reference import COVARIATE_COLUMNS, LABELS, Reference
from astroclip_astro.zeroshot.reference_checks import (
    MAX_LABELS,
    check_label_names,
    check_leave_one_out,
    check_reference,
    check_suffix,
)
from astroclip_astro.zeroshot.reference_location import bundled_references, reference_path

__all__ = ["load_reference", "save_reference"]

# What astropy raises for headers that make no sense, besides OSError.
DAMAGE = (ValueError, TypeError, LookupError, ArithmeticError, fits.VerifyError)
COLUMN_DESCRIPTIONS = {  # column -> (UCD, description)
    "image": ("stat.value", "AstroCLIP embedding of the image, unit vector"),
    "spectrum": ("stat.value", "AstroCLIP embedding of the spectrum, unit vector"),
    "redshift": ("src.redshift", "Redshift"),
    "log_stellar_mass": ("phys.mass", "Stellar mass, log10 of solar masses"),
    "aperture_flux_r": ("phot.flux", "r flux within 3 arcsec of the image's centre"),
    "snr": ("stat.snr", "Median signal-to-noise per 0.8 Angstrom of the spectrum"),
}


def load_reference(name_or_path: str | os.PathLike) -> Reference:
    """Read a bundled reference by name, or one of your own from a FITS file.

    Parameters
    ----------
    name_or_path : str or path
        Name of a bundled reference, such as ``"compact"``, else the path of a FITS file.

    Returns
    -------
    Reference
        Checked: widths, unit lengths to 1e-3, finite redshifts and masses, enough galaxies.

    Raises
    ------
    WeightsError
        Where there is no such reference or its file is damaged or not as described above.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> angle = np.linspace(0, 1, 50)
    >>> embedding = np.zeros((50, 128), np.float32)
    >>> embedding[:, 0], embedding[:, 1] = np.cos(angle), np.sin(angle)
    >>> labels = {"redshift": angle / 2, "log_stellar_mass": 10 + angle}
    >>> mine = Reference(name="arc", image=embedding, spectrum=embedding, labels=labels,
    ...                  simulated=True)
    >>> with TemporaryDirectory() as directory:
    ...     save_reference(mine, Path(directory) / "arc.fits")
    ...     reference = load_reference(Path(directory) / "arc.fits")
    >>> reference.title, len(reference), reference.image.shape
    ('simulated reference arc', 50, (50, 128))
    """
    path = reference_path(name_or_path)
    if path.exists() and not path.is_file():
        raise WeightsError(f"Reference {path} cannot be read: it is no file; give a FITS file.")
    try:
        with path.open("rb") as file:
            reference = _read(file, path)
    except WeightsError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise WeightsError(
            f"No reference {str(name_or_path)!r}: bundled are {sorted(bundled_references())}, "
            "and there is no file of that path; give a name or the path of a FITS file"
            f"{did_you_mean(name_or_path, bundled_references()) or '.'}"
        ) from None
    except fits.verify.VerifyWarning:
        raise WeightsError(
            f"{path} is truncated: it has {path.stat().st_size} bytes, its header claims more "
            "tables than are whole; copy it again."
        ) from None
    except (*DAMAGE, OSError) as error:
        raise WeightsError(
            f"Reference {path} cannot be read, expected a FITS table: {error}."
        ) from error
    check_reference(reference, str(path))
    check_leave_one_out(reference, str(path))
    return reference


def save_reference(reference: Reference, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a reference as `load_reference` reads it.

    The same reference gives the same bytes; the file appears when it is complete.

    Parameters
    ----------
    reference : Reference
        What to write; its ``sha256`` is not.
    path : str or path
        Where, a FITS file.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    WeightsError
        Where `load_reference` would refuse the file.
    OutputError
        Where the file exists, cannot be written, or has a name that is not that of a FITS file.
    """
    path = Path(path)
    check_suffix(path)
    check_reference(reference, reference.name)
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists; pass overwrite=True or another path.")
    held_out = reference.valid_leave_one_out or predict_leave_one_out(reference)
    tables = [fits.PrimaryHDU(), _reference_table(reference), leave_one_out_table(held_out)]
    try:
        with whole_file(path) as scratch:
            fits.HDUList(tables).writeto(scratch, overwrite=True)
    except OSError as error:
        raise OutputError(f"Reference {path} cannot be written: {error}.") from error


def _reference_table(reference: Reference) -> fits.BinTableHDU:
    """Return embeddings, labels and covariates as a table, with all that its header says."""
    embedding = f"{EMBEDDING_WIDTH}E"
    table = fits.BinTableHDU.from_columns(
        [
            *(fits.Column(m, embedding, array=getattr(reference, m)) for m in MODALITIES),
            *(
                fits.Column(name, "D", array=values, unit=reference.units.get(name))
                for name, values in reference.labels.items()
            ),
            *(
                fits.Column(COVARIATE_COLUMNS[way], "E", array=values)
                for way, values in reference.covariates.items()
            ),
        ],
        name="REFERENCE",
    )
    for number, name in enumerate(table.columns.names, start=1):
        if name in COLUMN_DESCRIPTIONS:
            ucd, words = COLUMN_DESCRIPTIONS[name]
            table.header[f"TUCD{number}"], table.header[f"TCOMM{number}"] = ucd, words
        elif reference.descriptions.get(name):
            table.header[f"TCOMM{number}"] = reference.descriptions[name]
    for number, name in enumerate(reference.user_labels, start=1):
        long = "HIERARCH " * (number > 9)  # more than eight letters
        table.header[f"{long}ACLABEL{number}"] = (name, "column that is a label")
    table.header["ACNAME"] = (reference.name, "name of the reference")
    if reference.simulated is not None:
        table.header["SIMULATD"] = (reference.simulated, "whether the galaxies are simulated")
    if reference.weights_sha256 is not None:
        table.header["ACWSHA"] = reference.weights_sha256  # fills the card, no room for a comment
    table.header["ACDESC"] = reference.description
    return table


def complete_reference(reference: Reference, path: str | Path) -> Reference:
    """Make sure that a reference holds leave-one-out predictions, and its file too.

    A file of an earlier version, or one that was made by other software, gets them once. A message
    says so.

    Parameters
    ----------
    reference : Reference
        As it was read.
    path : str or path
        The file it was read from.

    Returns
    -------
    Reference
        With leave-one-out predictions; where these were stored, its ``sha256`` is that of the new
        file.

    Examples
    --------
    >>> complete_reference(load_reference("compact"), reference_path("compact")).name
    'compact'
    """
    if reference.valid_leave_one_out is not None:
        return reference
    log.info(
        f"Reference {reference.name} holds no leave-one-out predictions of its {len(reference):,} "
        "galaxies yet. They are computed now, once."
    )
    held_out = predict_leave_one_out(reference)
    where = visible(str(path))
    try:
        _append_table(Path(path).resolve(), leave_one_out_table(held_out))
    except OSError as error:
        log.info(
            f"They cannot be stored in {where} ({error.strerror or error}), so that the next run "
            "computes them again."
        )
        return replace(reference, leave_one_out=held_out)
    log.info(f"They are stored in {where}, in a table of their own; nothing else has changed.")
    return load_reference(path)


def _append_table(path: Path, table: fits.BinTableHDU) -> None:
    """Write a table behind all others of a FITS file, in place of one that no longer fits."""
    with fits.open(path) as hdus:
        last = hdus[-1]
        end = last.fileinfo()["hdrLoc"] if last.name == EXTENSION else path.stat().st_size
    with whole_file(path) as scratch:
        shutil.copyfile(path, scratch)
        with scratch.open("r+b") as file:
            file.truncate(end)
        with fits.open(scratch, mode="append") as hdus:
            hdus.append(table)
        shutil.copymode(path, scratch)


def _read(file: BufferedReader, path: Path) -> Reference:
    """Return the reference in a file's first binary table, its formats checked, not its values."""
    if file.read(6) != b"SIMPLE":
        raise WeightsError(f"{path} is not an uncompressed FITS file; give a FITS table.")
    check_parts(path, error=WeightsError)
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    with warnings.catch_warnings():
        # The size has been checked, and it was said what is missing.
        warnings.filterwarnings("ignore", message="File may have been truncated")
        warnings.filterwarnings("error", message="Error validating header")
        with fits.open(file, memmap=True) as hdus:
            table = next((hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)), None)
            if table is None:
                raise WeightsError(f"{path} holds no binary table; save_reference writes one.")
            own = _own_labels(table.header, path)
            floats = {name for name in table.columns.names if table.data.dtype[name].kind == "f"}
            measures = {m: c for m, c in COVARIATE_COLUMNS.items() if c in floats}
            columns = _copy_columns(table, (*MODALITIES, *LABELS, *own, *measures.values()), path)
            numbers = {name: table.columns.names.index(name) + 1 for name in own}
            return Reference(
                name=_text(table.header, "ACNAME", path) or path.stem,
                image=columns.pop("image"),
                spectrum=columns.pop("spectrum"),
                covariates={m: columns.pop(name) for m, name in measures.items()},
                labels=columns,
                simulated=_logical(table.header, "SIMULATD", path),
                weights_sha256=_text(table.header, "ACWSHA", path) or None,
                description=_text(table.header, "ACDESC", path) or "",
                units=_words(table.header, "TUNIT", numbers, path),
                descriptions=_words(table.header, "TCOMM", numbers, path),
                sha256=sha256,
                leave_one_out=read_leave_one_out(hdus, path),
            )


def _own_labels(header: fits.Header, path: Path) -> list[str]:
    """Return the names of the columns that the header calls labels, in the order of its cards."""
    names: list[str] = []
    while (
        len(names) <= MAX_LABELS
        and (name := _text(header, f"ACLABEL{len(names) + 1}", path)) is not None
    ):
        names.append(name)
    check_label_names(names)
    return names


def _words(header: fits.Header, key: str, numbers: dict[str, int], path: Path) -> dict[str, str]:
    """Return what the header says of columns, given their numbers, where it says anything."""
    found = {name: _text(header, f"{key}{number}", path) for name, number in numbers.items()}
    return {name: words for name, words in found.items() if words}


def _copy_columns(
    table: fits.BinTableHDU, names: tuple[str, ...], path: Path
) -> dict[str, np.ndarray]:
    """Return embeddings as float32 and labels as float64, none read before its format is known."""
    missing = [name for name in names if name not in table.columns.names]
    if missing:
        raise WeightsError(
            f"{path} has no columns {missing} among {table.columns.names}; "
            f"a reference has {list(names)}."
        )
    columns = {}
    for name in names:
        stored = table.data.dtype[name]
        kind, shape = ("f4", (EMBEDDING_WIDTH,)) if name in MODALITIES else ("f8", ())
        if stored.base.kind != "f" or stored.shape != shape:
            raise WeightsError(
                f"Column {name} of {path} has the FITS format {table.columns[name].format}, "
                f"expected floats of shape {shape} in each row."
            )
        columns[name] = np.array(table.data[name], kind)
    return columns


def _text(header: fits.Header, key: str, path: Path) -> str | None:
    """Return a string of the header, None where it is absent."""
    value = header.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _wrong_type(key, value, "a string", path)


def _logical(header: fits.Header, key: str, path: Path) -> bool | None:
    """Return a FITS logical of the header, None where it is absent."""
    value = header.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong_type(key, value, "T or F (a FITS logical)", path)


def _wrong_type(key: str, value: object, expected: str, path: Path) -> WeightsError:
    """Return what to say of a header value of another type."""
    return WeightsError(f"{key} in the header of {path} is {value!r}, expected {expected}.")
