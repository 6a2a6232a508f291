"""Cutouts whose bands are in several files of a folder, put together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from astroclip_astro.fetch.files.cutout_files import CutoutFile, place_layers
from astroclip_astro.fetch.files.fits_file import DamagedFileError
from astroclip_astro.fetch.files.image_layers import BAND_NAME, INVVAR
from astroclip_astro.fetch.files.pixel_grid import grid_fraction

# Pixels: by how much images of one field may differ in where they begin. Neighbouring tiles of one
# mosaic, which have its grid too, lie farther apart.
EDGE = 32


def join_bands(
    files: Iterable[CutoutFile],
) -> tuple[list[CutoutFile], list[tuple[Path, str]]]:
    """Put together what several files of a folder have of one field.

    Files belong together where they are in one folder and on one pixel grid, begin at about the
    same pixel, and hold different bands, or flux and inverse variance. Where a band comes twice,
    only files whose names differ in nothing but the band are put together.

    Parameters
    ----------
    files : iterable of CutoutFile
        Ordered by path.

    Returns
    -------
    files : list of CutoutFile
        One for each field, ordered by path; damaged files are left alone.
    unused : list of (pathlib.Path, str)
        Files that hold inverse variance for no image, and why they are not used.

    Examples
    --------
    >>> join_bands([])
    ([], [])
    """
    whole: list[CutoutFile] = []
    clusters: list[list[CutoutFile]] = []
    cells: dict[tuple, list[list[CutoutFile]]] = defaultdict(list)
    for file in files:
        if file.damage:
            whole.append(file)
            continue
        y, x = _corner(file)
        known = next(
            (
                cluster
                for i in (-1, 0, 1)
                for j in (-1, 0, 1)
                for cluster in cells.get((*_place(file), y // EDGE + i, x // EDGE + j), ())
                if _near(cluster[0], file)
            ),
            None,
        )
        if known is None:
            known = []
            clusters.append(known)
            cells[(*_place(file), y // EDGE, x // EDGE)].append(known)
        known.append(file)
    unused: list[tuple[Path, str]] = []
    for cluster in clusters:
        for field in _joined(cluster):
            if field.bands:
                whole.append(field)
            else:
                reason = "not used: inverse variance of no image on the same grid in its folder"
                unused += [(path, reason) for path in field.paths]
    return sorted(whole, key=lambda file: file.path), unused


def _place(file: CutoutFile) -> tuple:
    """Return folder and grid of a file."""
    return file.path.parent, file.grid


def _corner(file: CutoutFile) -> tuple[int, int]:
    """Return where an image's first pixel (y, x) is on its grid, to a constant of the grid."""
    x, y = np.round(grid_fraction(file.grid) - file.wcs.wcs.crpix).astype(int).tolist()
    return y, x


def _near(one: CutoutFile, other: CutoutFile) -> bool:
    """Return whether two images of one grid begin and end at about the same pixels."""
    corners = np.abs(np.subtract(_corner(one), _corner(other)))
    sizes = np.abs(np.subtract(one.shape, other.shape))
    return bool(max(*corners, *sizes) <= EDGE)


def _joined(files: Sequence[CutoutFile]) -> list[CutoutFile]:
    """Put files of one place together where no band comes twice, or where names say how."""
    if len(files) == 1:
        return list(files)
    if not _twice(files):
        return _join(files)
    named: dict[tuple[str, ...], list[CutoutFile]] = defaultdict(list)
    for file in files:
        named[_name_without_band(file.path)].append(file)
    found: list[CutoutFile] = []
    for group in named.values():
        found += group if _twice(group) else _join(group)
    return found


def _twice(files: Sequence[CutoutFile]) -> bool:
    """Return whether some band, of flux or of inverse variance, comes in two of the files."""
    contents = [{(layer.band, layer.invvar) for layer in file.layers} for file in files]
    return sum(map(len, contents)) > len(set().union(*contents))


def _join(files: Sequence[CutoutFile]) -> list[CutoutFile]:
    """Return one field of all layers; the files as they are where the sky ends between them."""
    if len(files) == 1:
        return list(files)
    first = min(files, key=lambda file: not file.bands)  # the field is known by an image's path
    y, x = _corner(first)
    layers = []
    for file in (first, *(other for other in files if other is not first)):
        top, left = np.subtract(_corner(file), (y, x)).tolist()
        layers += [
            layer._replace(top=layer.top + top, left=layer.left + left) for layer in file.layers
        ]
    try:
        return [place_layers(layers, first.wcs, None, first.grid)]
    except DamagedFileError:
        return list(files)


def _name_without_band(path: Path) -> tuple[str, ...]:
    """Return the words of a file's name but those for band and kind."""
    words = re.split(r"[^a-z0-9]+", path.name.lower().rsplit(".fit", 1)[0])
    kinds = {"image", *INVVAR}
    return tuple(word for word in words if word not in kinds and not BAND_NAME.fullmatch(word))
