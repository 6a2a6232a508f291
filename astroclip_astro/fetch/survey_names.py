"""Names of DESI's data releases and of the Legacy Surveys' layers, as people write them."""

from __future__ import annotations

import re

from astroclip_astro.errors import InputError, did_you_mean

RELEASES = ("DESI-EDR", "DESI-DR1")
LAYERS = (  # of the viewer, with images in g, r and z; there are others
    "ls-dr8", "ls-dr8-north", "ls-dr8-south", "ls-dr9", "ls-dr9-north", "ls-dr9-south",
    "ls-dr10", "ls-dr10-grz", "ls-dr10-south",
)  # fmt: skip


def read_releases(text: str) -> tuple[str, ...]:
    """Return the data releases that an option names, the preferred one first.

    Parameters
    ----------
    text : str
        One or more with commas, in any case, with or without ``DESI-``.

    Returns
    -------
    tuple of str
        Some of `RELEASES`.

    Raises
    ------
    InputError
        For any other, with those that there are.

    Examples
    --------
    >>> read_releases("dr1, desi-edr")
    ('DESI-DR1', 'DESI-EDR')
    """
    found = []
    for part in str(text).split(","):
        name = "-".join(part.upper().replace("_", " ").replace("-", " ").split())
        name = name if name.startswith("DESI") else f"DESI-{name}"
        if name not in RELEASES:
            raise InputError(
                f"Release {part.strip()!r}, expected one or more of {', '.join(RELEASES)}"
                f"{did_you_mean(name, RELEASES) or '.'}"
            )
        found.append(name)
    return tuple(dict.fromkeys(found))


def read_layer(text: str) -> str:
    """Return the layer that an option names, as the viewer calls it.

    Parameters
    ----------
    text : str
        In any case; ``dr10`` is ``ls-dr10``. Layers that are not among `LAYERS` pass: the viewer
        knows.

    Returns
    -------
    str

    Examples
    --------
    >>> read_layer("LS-DR10"), read_layer("dr9"), read_layer("sdss")
    ('ls-dr10', 'ls-dr9', 'sdss')
    """
    name = str(text).strip()
    lower = name.lower()
    short = re.fullmatch(r"dr\d+(-\w+)?", lower)
    lower = f"ls-{lower}" if short else lower
    return lower if lower in LAYERS else name
