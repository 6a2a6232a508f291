"""Where the bundled ``weights/`` and ``catalogs/`` are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from astroclip_astro.errors import AstroclipError


def folder(name: str) -> Path:
    """Return one of the data folders that install with the package.

    Parameters
    ----------
    name : {"weights", "catalogs"}
        Which of the two data folders.

    Returns
    -------
    pathlib.Path
        Inside the installed package, else beside ``setup.py`` in a checkout.

    Raises
    ------
    AstroclipError
        Where neither exists: the installation is damaged.

    Examples
    --------
    >>> (folder("catalogs") / "demo.fits").exists()
    True
    """
    package = Path(str(files("astroclip_astro")))
    checkout = package.parent
    installed = package / name
    if installed.is_dir():
        return installed
    if (checkout / "setup.py").is_file() and (checkout / name).is_dir():
        return checkout / name
    raise AstroclipError(
        f"Bundled folder {name!r} found neither in {package} nor beside setup.py in {checkout}; "
        "install the package again."
    )
