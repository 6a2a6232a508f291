"""Where references are: those that install with the package have names, others are files."""

from __future__ import annotations

import os
from pathlib import Path

from astroclip_astro.errors import WeightsError, described
from astroclip_astro.resources import folder
from astroclip_astro.storage.atomic import check_path


def bundled_references() -> dict[str, Path]:
    """Return name -> file of the references that install with the package.

    Examples
    --------
    >>> bundled_references()["compact"].name
    'reference-compact.fits'
    """
    files = folder("catalogs").glob("reference-*.fits")
    return {file.stem.removeprefix("reference-"): file for file in files}


def reference_path(name_or_path: str | os.PathLike) -> Path:
    """Return the file of a bundled reference, or of one of your own.

    Examples
    --------
    >>> reference_path("mine.fits").name
    'mine.fits'
    """
    given = check_path(name_or_path, "reference")
    return bundled_references().get(str(given)) or Path(given)


def bundled_reference(weights: str) -> str:
    """Return the name of the bundled reference that goes with weights.

    What a card or a table's header calls weights is taken as a name, and never as the path of a
    file.

    Parameters
    ----------
    weights : str
        Name of the weights.

    Returns
    -------
    str
        For `astroclip_astro.zeroshot.reference_file.load_reference`.

    Raises
    ------
    WeightsError
        Where none is bundled.

    Examples
    --------
    >>> bundled_reference("compact")
    'compact'
    """
    known = bundled_references()
    if weights not in known:
        raise WeightsError(
            f"No reference is bundled for weights {described(weights)}, only for "
            f"{', '.join(sorted(known))}; make one with astroclip-reference build and pass it "
            "(--reference FILE, reference=... in Python)."
        )
    return weights
