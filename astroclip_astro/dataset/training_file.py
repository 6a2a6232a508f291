"""What is in the HDF5 file of a training set of observed galaxies."""

from __future__ import annotations

import json
from collections.abc import Mapping

from astroclip_astro.errors import InputError
from astroclip_astro.storage.hdf5 import FLUX_UNIT, GRIDS, IVAR_UNIT, Field
from astroclip_astro.version import __version__

IMAGE_PIXELS = 152  # pixels, as Stein et al. 2021 have them
SMALLEST, LARGEST = 32, 512  # pixels
OBSERVED = {
    "spectrum": Field(
        (7781,), "f4", FLUX_UNIT, "DESI, 3600 + 0.8 i Angstrom, with Galactic reddening"
    ),
    "ivar": Field((7781,), "f4", IVAR_UNIT, "inverse variance of spectrum, 0 if masked"),
    "ra": Field((), "f8", "deg", "right ascension of the target, ICRS; the centre of its image"),
    "dec": Field((), "f8", "deg", "declination of the target, ICRS"),
    "targetid": Field((), "i8", "", "DESI TARGETID"),
    "redshift": Field((), "f4", "", "spectroscopic redshift (redrock)"),
}
PACKAGE_DATASETS = frozenset({"images", *OBSERVED})


def training_fields(size: int, labels: Mapping[str, Field]) -> dict[str, Field]:
    """Return the datasets of a training set.

    Parameters
    ----------
    size : int
        Side of the images, pixels.
    labels : mapping of str to Field
        Datasets of labels.

    Returns
    -------
    dict of str to Field

    Raises
    ------
    InputError
        For a size that no image should have.

    Examples
    --------
    >>> training_fields(152, {})["images"].shape
    (3, 152, 152)
    """
    if not SMALLEST <= size <= LARGEST:
        raise InputError(f"size is {size} pixels, expected {SMALLEST} to {LARGEST}.")
    words = "g, r, z, 0.262 arcsec pixels, with Galactic reddening"
    images = Field((3, size, size), "f2", "nanomaggy", words)
    return {"images": images} | OBSERVED | dict(labels)


def describe(
    *,
    galaxies: int,
    left_out: Mapping[str, int],
    provenance: Mapping[str, str],
    simulated: bool,
) -> dict[str, object]:
    """Return the attributes of the file.

    Parameters
    ----------
    galaxies : int
        How many are in it.
    left_out : mapping of str to int
        How many of the selection are not, by reason.
    provenance : mapping of str to str
        Where they come from: source, release, layer, selection, labels.
    simulated : bool
        Whether the source says that its galaxies are.

    Returns
    -------
    dict of str to object

    Examples
    --------
    >>> describe(galaxies=9, left_out={"no image": 1}, provenance={}, simulated=False)["left_out"]
    '{"no image": 1}'
    """
    kind = "SIMULATED galaxies, not observed ones" if simulated else "Observed galaxies"
    return {
        **({"SIMULATED": True} if simulated else {}),
        "description": f"{kind}: Legacy Surveys images, DESI spectra and redshifts.",
        "n": galaxies,
        "left_out": json.dumps(dict(left_out)),
        **provenance,
        "creator": "astroclip-astro",
        "version": __version__,
        **GRIDS,
    }
