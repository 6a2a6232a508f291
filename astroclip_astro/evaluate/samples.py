"""What astroclip-evaluate evaluates: galaxies, and objects that are none, as vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astroclip_astro.errors import AstroclipError, InputError
from astroclip_astro.records import origin_word, sample_name
from astroclip_astro.sky.cell_values import read_floats
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies

if TYPE_CHECKING:
    from astropy.table import Table

    from astroclip_astro.models.model import Model
    from astroclip_astro.reference.labelled_file import LabelledFile
    from astroclip_astro.simulate import Templates


SIMULATED_AT_ONCE = 50  # objects simulated before they are embedded
DISTANT = 0.8  # redshift, from which on a galaxy of a table is of a kind of its own


def describe_weights(model: Model) -> str:
    """Return what weights are, in words for a report."""
    simulated = model.card["training"].get("simulated")
    kind = f"trained on {sample_name(simulated)}" if simulated else ""
    return ", ".join(
        filter(None, [model.card["name"], kind, f"sha256 {model.card['sha256'][:12]}"])
    )


def sample_galaxies(
    labelled: LabelledFile,
    rows: np.ndarray,
    model: Model,
    before: dict[str, Model],
    **options: Any,
) -> EmbeddedGalaxies:
    """Return the vectors and labels of some galaxies.

    Parameters
    ----------
    labelled : LabelledFile
        The file.
    rows : ndarray
        int64 (n,), which of its galaxies.
    model : Model
        Aligned weights.
    before : dict of str to Model
        From `astroclip_astro.models.pretrained.load_pretrained`.
    **options
        ``batch_size`` and ``advance``, as `embed_galaxies` has them.

    Returns
    -------
    EmbeddedGalaxies
    """
    from astroclip_astro.evaluate.table import LABELS, rows_of_file
    from astroclip_astro.reference.build import embed_galaxies
    from astroclip_astro.reference.features import backbone_features

    embedded = embed_galaxies(labelled, rows, model, **options)
    vectors, kept = dict(embedded.vectors), rows_of_file(embedded)
    for modality, one in before.items():
        vectors[f"unaligned_{modality}"] = backbone_features(
            labelled, kept, modality, one, **options
        )
    return replace(
        embedded, vectors=vectors, labels={label: embedded.labels[label] for label in LABELS}
    )


def sample_simulated_objects(
    count: int,
    model: Model,
    *,
    seed: int,
    batch_size: int,
    advance: Callable[[int], object] = lambda count: None,
) -> dict[str, EmbeddedGalaxies]:
    """Simulate objects that are no ordinary galaxies, and embed them.

    Parameters
    ----------
    count : int
        Of each kind.
    model : Model
        Aligned weights.
    seed : int
        Of the simulation.
    batch_size : int
        Objects embedded at once.
    advance : callable
        Called with the number of objects each time some are done.

    Returns
    -------
    dict of str to EmbeddedGalaxies
        For each kind, such as ``simulated star``.

    Raises
    ------
    InputError
        Where what simulates them is not installed.
    """
    from astroclip_astro import simulate
    from astroclip_astro.prepare.photometry import aperture_flux_r, spectrum_snr

    try:
        templates = simulate.load_templates()
    except AstroclipError as error:
        raise InputError(
            f"{error}; or leave such objects out with --out-of-distribution 0."
        ) from None
    found = {}
    for kind in simulate.KINDS:
        parts: dict[str, list[np.ndarray]] = {"image": [], "spectrum": []}
        bright: dict[str, list[np.ndarray]] = {"image": [], "spectrum": []}
        for images, flux, ivar in _simulated_batches(templates, kind, count, seed):
            parts["image"].append(model.embed_images(images, batch_size=batch_size))
            parts["spectrum"].append(model.embed_spectra(flux, ivar, batch_size=batch_size))
            bright["image"].append(aperture_flux_r(images, model.config.image_size))
            bright["spectrum"].append(spectrum_snr(flux, ivar))
            advance(len(images))
        found[f"simulated {kind}"] = EmbeddedGalaxies(
            {name: np.concatenate(values) for name, values in parts.items()},
            covariates={name: np.concatenate(values) for name, values in bright.items()},
        )
    return found


def _simulated_batches(
    templates: Templates, kind: str, count: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Simulate objects of one kind, a few at a time: images, fluxes and inverse variances."""
    from astroclip_astro import simulate

    for start in range(0, count, SIMULATED_AT_ONCE):
        some = [
            simulate.simulate_ood_object(templates, kind, seed, index)
            for index in range(start, min(start + SIMULATED_AT_ONCE, count))
        ]
        images, flux, ivar = (
            np.stack([one[name] for one in some]) for name in ("images", "spectrum", "ivar")
        )
        yield images.astype(np.float32), flux, ivar


def sample_objects_of_table(
    path: Path, model: Model, *, batch_size: int
) -> dict[str, EmbeddedGalaxies]:
    """Read spectra of a table, and embed them by kind.

    Parameters
    ----------
    path : Path
        FITS table with FLUX (7781), IVAR (7781; null where there is none), SPECTYPE, and Z where
        it is known.
    model : Model
        Aligned weights.
    batch_size : int
        Spectra embedded at once.

    Returns
    -------
    dict of str to EmbeddedGalaxies
        ``real star``, ``real qso``, ``real galaxy`` and ``real galaxy, z > 0.8``; spectra without
        SPECTYPE are left out. Files that say SIMULATD in their header are called simulated.

    Raises
    ------
    InputError
        For a file without these columns, with others in their place, or without any SPECTYPE.
    """
    from astroclip_astro.prepare.photometry import spectrum_snr

    table, flux, ivar = _read_spectra(path, model.config.spectrum_samples)
    kind = _spectral_kinds(table, path)
    has_ivar = np.any(ivar > 0, axis=1)
    ivar = np.where(has_ivar[:, None], ivar, 1.0)  # no noise known: all alike
    bright = np.where(has_ivar, spectrum_snr(flux, ivar), np.nan)
    vectors = model.embed_spectra(flux, ivar, batch_size=batch_size)
    source = origin_word(bool(table.meta.get("SIMULATD", False))).lower()
    return {
        f"{source} {one}": EmbeddedGalaxies(
            {"spectrum": vectors[kind == one]}, covariates={"spectrum": bright[kind == one]}
        )
        for one in sorted(set(kind.tolist()) - {""})
    }


def _read_spectra(path: Path, samples: int) -> tuple[Table, np.ndarray, np.ndarray]:
    """Return a table of spectra, with their flux and their inverse variance, 0 where unknown."""
    from astropy.table import Table

    try:
        table = Table.read(path, format="fits")
    except (OSError, ValueError) as error:
        raise InputError(
            f"Objects {path} cannot be read, expected a FITS table: {error}."
        ) from None
    missing = [name for name in ("FLUX", "IVAR", "SPECTYPE") if name not in table.colnames]
    if missing:
        raise InputError(f"{path} has no columns {missing} among {table.colnames}.")
    flux, ivar = (read_floats(table, one, vectors=True) for one in ("FLUX", "IVAR"))
    if flux.shape != (len(table), samples) or ivar.shape != flux.shape:
        raise InputError(
            f"FLUX and IVAR of {path} have shapes {flux.shape} and {ivar.shape}, expected "
            f"({len(table)}, {samples})."
        )
    return table, flux, np.where(np.isfinite(ivar) & (ivar > 0), ivar, 0.0)


def _spectral_kinds(table: Table, path: Path) -> np.ndarray:
    """Return SPECTYPE of each spectrum in lower case, empty for none; distant galaxies apart."""
    redshift = read_floats(table, "Z") if "Z" in table.colnames else np.full(len(table), np.nan)
    kind = np.char.lower(np.char.strip(np.asarray(table["SPECTYPE"]).astype(str)))
    if not (kind != "").any():
        raise InputError(f"No spectrum of {path} has a SPECTYPE, expected STAR, QSO or GALAXY.")
    return np.where((kind == "galaxy") & (redshift > DISTANT), f"galaxy, z > {DISTANT}", kind)
