"""The picture of what training does to images, ``docs/static/training/augmentations.png``.

``python benchmarks/augmentation_mosaic.py survey.h5 -o docs/static/training/augmentations.png``

One row a galaxy: as simulated, each augmentation alone, then three views as training sees them.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import h5py
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from astroclip_astro.prepare.images import stretch
from astroclip_astro.train.augment import SIZE, Views, augment, draw_views

GALAXIES, VIEWS = 5, 3
SEED = 2928  # every augmentation can be seen with it
LOOKED_AT = 2000  # galaxies of the file, of which some of the brightest are shown
BRIGHTER = 30  # nanomaggies in r: bright enough to see something
COLOURS = 144  # of the PNG, which is small then
COLUMNS = {
    "reddening": ("ebv",),
    "flip, rotation": ("flip", "angle"),
    "size": ("scale",),
    "seeing": ("seeing",),
    "shift": ("shift",),
    "noise": ("noise",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("survey", type=Path, help="of astroclip-simulate")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a PNG file")
    parser.add_argument("--seed", type=int, default=SEED, help="of galaxies and views")
    options = parser.parse_args()
    images, seeing = read(options.survey, options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    columns = [("original", *one(images, seeing, nothing(seeing)))]
    drawn = draw_views(len(images), generator)
    for title, names in COLUMNS.items():
        some = nothing(seeing)
        alone = Views(**(vars(some) | {name: getattr(drawn, name) for name in names}))
        columns.append((title, *one(images, seeing, alone, title)))
    for number in range(VIEWS):
        views = draw_views(len(images), generator)
        columns.append((f"view {number + 1}", *one(images, seeing, views)))
    draw(columns, options.output)


def read(path: Path, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and their seeing of some bright galaxies of a SIMULATED survey."""
    with h5py.File(path) as file:
        if not file.attrs.get("SIMULATED"):
            raise SystemExit(f"{path} does not say that it is simulated, as the picture would.")
        bright = np.flatnonzero(file["flux"][:LOOKED_AT, 1] > BRIGHTER)
        rows = np.sort(np.random.default_rng(seed).choice(bright, GALAXIES, replace=False))
        images = np.stack([file["images"][row] for row in rows])
        seeing = file["psf_size"][:LOOKED_AT][rows]
    return torch.from_numpy(images).float(), torch.from_numpy(seeing).float()


def nothing(seeing: torch.Tensor) -> Views:
    """Return views that change nothing."""
    none = torch.zeros(len(seeing))
    return Views(
        ebv=none,
        flip=none.bool(),
        angle=none,
        scale=torch.ones(len(seeing)),
        seeing=torch.zeros_like(seeing),
        shift=torch.zeros(len(seeing), 2),
        noise=torch.zeros_like(seeing),
    )


def one(
    images: torch.Tensor, seeing: torch.Tensor, views: Views, title: str = ""
) -> tuple[np.ndarray, list[str]]:
    """Return pictures (n, 96, 96, 3) of views, and what was drawn for each in words."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(len(images), 3, SIZE, SIZE, generator=generator)
    seen = stretch(augment(images, views, pixels, seeing=seeing), "rgb")
    return seen.movedim(1, 3).numpy(), [words(title, views, seeing, n) for n in range(len(images))]


def words(title: str, views: Views, seeing: torch.Tensor, row: int) -> str:
    """Say what was drawn for a galaxy."""
    turned = f"{np.degrees(float(views.angle[row])):.0f}°"
    right, down = (int(-value) for value in views.shift[row])
    return {
        "reddening": f"E(B-V) {views.ebv[row]:.2f}",
        "flip, rotation": f"flip, {turned}" if views.flip[row] else turned,
        "size": f"x {views.scale[row]:.2f}",
        "seeing": f"r {seeing[row, 1]:.1f}'' to {max(seeing[row, 1], views.seeing[row, 1]):.1f}''",
        "shift": f"{right:+d}, {-down:+d} px",
        "noise": f"r +{views.noise[row, 1]:.4f} nmgy",
    }.get(title, "")


def draw(columns: list[tuple[str, np.ndarray, list[str]]], output: Path) -> None:
    """Draw the mosaic."""
    figure = Figure(figsize=(1.12 * len(columns), 1.12 * GALAXIES + 0.55))
    FigureCanvasAgg(figure)
    panels = figure.subplots(GALAXIES, len(columns))
    figure.subplots_adjust(
        left=0.003, right=0.997, bottom=0.005, top=0.895, wspace=0.03, hspace=0.03
    )
    figure.suptitle("SIMULATED galaxies, and what training makes of them", fontsize=12, y=0.985)
    for column, (title, pictures, labels) in enumerate(columns):
        panels[0, column].set_title(title, fontsize=9.5, pad=3)
        for axes, picture, label in zip(panels[:, column], pictures, labels, strict=True):
            axes.imshow(picture, interpolation="nearest")
            axes.set_axis_off()
            axes.text(3, 92, label, color="white", fontsize=7.5)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    picture = Image.open(drawn).convert("RGB")
    palette = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1)
    output.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(output, optimize=True)


if __name__ == "__main__":
    main()
