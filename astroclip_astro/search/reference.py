"""Reference sets: galaxies with embeddings and known properties, kept as FITS tables.

A file holds one binary table with the columns ``image`` and ``spectrum`` (128 floats, unit
vectors, all NaN where a galaxy lacks the modality), ``redshift`` and ``log_stellar_mass``; and,
where known, how bright image and spectrum are, ``aperture_flux_r`` and ``snr``. Its header says
``SIMULATD`` (whether the galaxies are simulated), ``ACWSHA`` (sha256 of the weights that made the
embeddings), ``ACNAME`` and ``ACDESC`` (name and description), and in ``ACLABEL1``, ``ACLABEL2``,
... which other columns are labels too, NaN where a galaxy has none; each may be absent. Other
columns are ignored.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from astropy.io import fits

from astroclip_astro.columns import EMBEDDING_WIDTH, MODALITIES
from astroclip_astro.destination import whole_file
from astroclip_astro.errors import OutputError, WeightsError
from astroclip_astro.resources import folder

from .reference_checks import BRIGHTNESS, LABELS, check_label_names, check_reference

__all__ = ["LABELS", "WORDS", "Reference", "check_weights", "load_reference", "save_reference"]

# What astropy raises for headers that make no sense, besides OSError.
DAMAGE = (ValueError, TypeError, LookupError, ArithmeticError, fits.VerifyError)
WORDS = {  # column -> (UCD, description)
    "image": ("stat.value", "AstroCLIP embedding of the image, unit vector"),
    "spectrum": ("stat.value", "AstroCLIP embedding of the spectrum, unit vector"),
    "redshift": ("src.redshift", "Redshift"),
    "log_stellar_mass": ("phys.mass", "Stellar mass, log10 of solar masses"),
    "aperture_flux_r": ("phot.flux", "r flux within 3 arcsec of the image's centre"),
    "snr": ("stat.snr", "Median signal-to-noise per 0.8 Angstrom of the spectrum"),
}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Galaxies with embeddings and known properties.

    Parameters
    ----------
    name : str
        Short name, such as ``"compact"``.
    image, spectrum : ndarray
        float32 (m, 128) unit vectors; a row is all NaN where the galaxy lacks the modality.
    labels : dict of str to ndarray
        float64 (m,) each: ``redshift``, ``log_stellar_mass`` (log10 of solar masses), and labels
        of the user's own; those are NaN where a galaxy has none.
    simulated : bool or None
        Whether the galaxies are simulated; None where the file does not say.
    weights_sha256 : str or None
        sha256 of the weights file the embeddings were made with; None where unknown.
    description : str
        One sentence: which galaxies, labels from where.
    units, descriptions : dict of str to str
        Of the user's own labels, as far as they have any.
    brightness : dict of str to ndarray
        float64 (m,), how bright the ``image`` is (r flux within 3 arcsec, nanomaggies) and the
        ``spectrum`` (median signal-to-noise), as far as known; NaN where a galaxy has none. With
        them, errors are those of galaxies as bright.
    sha256 : str or None
        sha256 of the file it was read from; None for one that was not read from a file.
    """

    name: str
    image: np.ndarray
    spectrum: np.ndarray
    labels: dict[str, np.ndarray]
    simulated: bool | None
    weights_sha256: str | None = None
    description: str = ""
    units: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    brightness: dict[str, np.ndarray] = field(default_factory=dict)
    sha256: str | None = None

    def __len__(self) -> int:
        """Return the number of galaxies."""
        return len(self.image)

    @property
    def own_labels(self) -> tuple[str, ...]:
        """Names of the labels besides redshift and mass."""
        return tuple(name for name in self.labels if name not in LABELS)

    @property
    def title(self) -> str:
        """What texts call it, such as ``"simulated reference compact"``."""
        if self.simulated is None:
            return f"reference {self.name} (not stated whether simulated)"
        return f"{'simulated ' if self.simulated else ''}reference {self.name}"


def load_reference(name_or_path: str | Path) -> Reference:
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
    bundled = _bundled()
    path = bundled.get(str(name_or_path)) or Path(name_or_path)
    try:
        with path.open("rb") as file:
            reference = _read(file, path)
    except WeightsError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise WeightsError(
            f"No reference {str(name_or_path)!r}: bundled are {sorted(bundled)}, "
            "and there is no file of that path; give a name or the path of a FITS file."
        ) from None
    except (*DAMAGE, OSError) as error:
        raise WeightsError(
            f"Reference {path} cannot be read, expected a FITS table: {error}."
        ) from error
    check_reference(reference, str(path))
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
        Where the file exists or cannot be written.
    """
    path = Path(path)
    check_reference(reference, reference.name)
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists; pass overwrite=True or another path.")
    embedding = f"{EMBEDDING_WIDTH}E"
    table = fits.BinTableHDU.from_columns(
        [
            *(fits.Column(m, embedding, array=getattr(reference, m)) for m in MODALITIES),
            *(
                fits.Column(name, "D", array=values, unit=reference.units.get(name))
                for name, values in reference.labels.items()
            ),
            *(
                fits.Column(BRIGHTNESS[way], "E", array=values)
                for way, values in reference.brightness.items()
            ),
        ],
        name="REFERENCE",
    )
    for number, name in enumerate(table.columns.names, start=1):
        if name in WORDS:
            table.header[f"TUCD{number}"], table.header[f"TCOMM{number}"] = WORDS[name]
        elif reference.descriptions.get(name):
            table.header[f"TCOMM{number}"] = reference.descriptions[name]
    for number, name in enumerate(reference.own_labels, start=1):
        table.header[f"ACLABEL{number}"] = (name, "column that is a label")
    table.header["ACNAME"] = (reference.name, "name of the reference")
    if reference.simulated is not None:
        table.header["SIMULATD"] = (reference.simulated, "whether the galaxies are simulated")
    if reference.weights_sha256 is not None:
        table.header["ACWSHA"] = reference.weights_sha256  # fills the card, no room for a comment
    table.header["ACDESC"] = reference.description
    try:
        with whole_file(path) as scratch:
            table.writeto(scratch, overwrite=True)
    except OSError as error:
        raise OutputError(f"Reference {path} cannot be written: {error}.") from error


def check_weights(reference: Reference, sha256: str) -> None:
    """Refuse a reference whose embeddings were made with other weights than those in use.

    Parameters
    ----------
    reference : Reference
        The reference; one that does not name its weights passes.
    sha256 : str
        sha256 of the weights in use.

    Raises
    ------
    WeightsError
        Where the two differ.

    Examples
    --------
    >>> one = np.ones((1, 128)) / 128**0.5
    >>> reference = Reference(name="mine", image=one, spectrum=one, labels={}, simulated=False)
    >>> check_weights(reference, "0" * 64)
    """
    if reference.weights_sha256 not in (None, sha256):
        raise WeightsError(
            f"Reference {reference.name} was embedded with weights of sha256 "
            f"{reference.weights_sha256:.12}..., not these of {sha256:.12}...; "
            "use weights and reference that go together."
        )


def _bundled() -> dict[str, Path]:
    """Return name -> file of the references that install with the package."""
    files = folder("catalogs").glob("reference-*.fits")
    return {file.stem.removeprefix("reference-"): file for file in files}


def _read(file: BinaryIO, path: Path) -> Reference:
    """Return the reference in a file's first binary table, its formats checked, not its values."""
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    if file.read(6) != b"SIMPLE":
        raise WeightsError(f"{path} is not an uncompressed FITS file; give a FITS table.")
    file.seek(0)
    with warnings.catch_warnings():
        # The size is checked below, where it can be said what is missing.
        warnings.filterwarnings("ignore", message="File may have been truncated")
        with fits.open(file, memmap=True) as hdus:
            table = next((hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)), None)
            if table is None:
                raise WeightsError(f"{path} holds no binary table; save_reference writes one.")
            size, needed = path.stat().st_size, table.fileinfo()["datLoc"] + table.size
            if needed > size:
                raise WeightsError(
                    f"{path} is truncated: it has {size} bytes, its header claims {needed}; "
                    "copy it again."
                )
            own = _own_labels(table.header, path)
            floats = {name for name in table.columns.names if table.data.dtype[name].kind == "f"}
            measures = {m: c for m, c in BRIGHTNESS.items() if c in floats}
            columns = _copy_columns(table, (*MODALITIES, *LABELS, *own, *measures.values()), path)
            numbers = {name: table.columns.names.index(name) + 1 for name in own}
            return Reference(
                name=_keyword(table.header, "ACNAME", str, path) or path.stem,
                image=columns.pop("image"),
                spectrum=columns.pop("spectrum"),
                brightness={m: columns.pop(name) for m, name in measures.items()},
                labels=columns,
                simulated=_keyword(table.header, "SIMULATD", bool, path),
                weights_sha256=_keyword(table.header, "ACWSHA", str, path) or None,
                description=_keyword(table.header, "ACDESC", str, path) or "",
                units=_words(table.header, "TUNIT", numbers, path),
                descriptions=_words(table.header, "TCOMM", numbers, path),
                sha256=sha256,
            )


def _own_labels(header: fits.Header, path: Path) -> list[str]:
    """Return the names of the columns that the header calls labels, in the order of its cards."""
    names = []
    while (name := _keyword(header, f"ACLABEL{len(names) + 1}", str, path)) is not None:
        names.append(name)
    check_label_names(names)
    return names


def _words(header: fits.Header, key: str, numbers: dict[str, int], path: Path) -> dict[str, str]:
    """Return what the header says of columns, given their numbers, where it says anything."""
    found = {
        name: _keyword(header, f"{key}{number}", str, path) for name, number in numbers.items()
    }
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


def _keyword(header: fits.Header, key: str, kind: type, path: Path) -> str | bool | None:
    """Return a header value of the expected type, None where it is absent."""
    value = header.get(key)
    if value is not None and not isinstance(value, kind):
        words = {bool: "T or F (a FITS logical)", str: "a string"}
        raise WeightsError(f"{key} in the header of {path} is {value!r}, expected {words[kind]}.")
    return value
