"""Other views of the same galaxy: what the image encoder must learn to look through."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SIZE = 96  # pixels of a view
PIXEL_SCALE = 0.262  # arcsec
# Extinction in g, r, z by E(B-V), as powers of ten: -0.4 times 3.214, 2.165, 1.211.
REDDENING = (-1.2856, -0.866, -0.4844)
SCALES = (0.9, 1.1)
JITTER = 7  # pixels, either way
# Log-normal distributions (shape, location, scale) and largest values, in g, r, z.
SEEING = ((0.2110, 1.0807, 1.3153), (0.3008, 1.2394, 0.9165), (0.3471, 1.1928, 0.8234))  # arcsec
LARGEST_SEEING = (5.0, 4.5, 4.25)
NOISE = ((0.2265, -0.00067, 0.00376), (0.2431, -0.00237, 0.00674), (0.1335, -0.01434, 0.02608))
LARGEST_NOISE = (0.013, 0.018, 0.061)  # nanomaggies a pixel
LOGNORMAL_EBV = (0.67306, 0.001146, 0.03338)
FWHM = 2 * math.sqrt(2 * math.log(2))
REACH = 20  # pixels; blurring kernels end there


@dataclass(frozen=True)
class Views:
    """What is done to each image of a batch.

    Parameters
    ----------
    ebv : Tensor
        float32 (n,), Galactic reddening added, magnitudes.
    flip : Tensor
        bool (n,), left for right. With any rotation that is all flips there are.
    angle : Tensor
        float32 (n,), rotation in radians, 0 to 2 pi.
    scale : Tensor
        float32 (n,), size over true size.
    seeing : Tensor
        float32 (n, 3), FWHM in g, r, z that images sharper than it are blurred to, arcsec.
    shift : Tensor
        float32 (n, 2), columns and rows, whole pixels.
    noise : Tensor
        float32 (n, 3), deviation of noise added in g, r, z, nanomaggies a pixel.
    """

    ebv: Tensor
    flip: Tensor
    angle: Tensor
    scale: Tensor
    seeing: Tensor
    shift: Tensor
    noise: Tensor


def draw_views(
    count: int, generator: torch.Generator, *, lognormal_reddening: bool = False
) -> Views:
    """Draw what is done to each image.

    Parameters
    ----------
    count : int
        Number of images.
    generator : torch.Generator
        On the CPU.
    lognormal_reddening : bool
        E(B-V) as over the real sky, instead of evenly from 0 to 1.

    Returns
    -------
    Views
        The distributions of Stein et al. (2021, arXiv:2110.13151), section 3.2 and their code.

    Examples
    --------
    >>> views = draw_views(4, torch.Generator().manual_seed(0))
    >>> views.seeing.shape
    torch.Size([4, 3])
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    def lognormal(shape: float, location: float, scale: float) -> Tensor:
        return location + scale * torch.exp(shape * torch.randn(count, generator=generator))

    def bands(parameters: tuple, largest: tuple) -> Tensor:
        columns = [
            lognormal(*one).clamp(0, top) for one, top in zip(parameters, largest, strict=True)
        ]
        return torch.stack(columns, dim=1)  # (count, 3)

    low, high = SCALES
    return Views(
        ebv=lognormal(*LOGNORMAL_EBV) if lognormal_reddening else uniform(count),
        flip=uniform(count) < 0.5,
        angle=2 * math.pi * uniform(count),
        scale=low + (high - low) * uniform(count),
        seeing=bands(SEEING, LARGEST_SEEING),
        shift=torch.randint(-JITTER, JITTER + 1, (count, 2), generator=generator).float(),
        noise=bands(NOISE, LARGEST_NOISE),
    )


def augment(
    images: Tensor, views: Views, pixels: Tensor, *, seeing: Tensor | None = None
) -> Tensor:
    """Return one view of each image.

    Parameters
    ----------
    images : Tensor
        float32 (n, 3, size, size), g, r, z in nanomaggies a pixel of 0.262 arcsec. 152 pixels
        leave no view without data in its corners, but for the smallest scales.
    views : Views
        What is done to each.
    pixels : Tensor
        float32 (n, 3, 96, 96), noise of the views in units of its deviation: standard normal.
        Views are as large as it is.
    seeing : Tensor, optional
        float32 (n, 3), FWHM of ``images``, arcsec. Without it they count as perfectly sharp.

    Returns
    -------
    Tensor
        float32 (n, 3, 96, 96).

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> pixels = torch.randn(2, 3, 96, 96, generator=generator)
    >>> augment(torch.zeros(2, 3, 152, 152), draw_views(2, generator), pixels).shape
    torch.Size([2, 3, 96, 96])
    """
    device = images.device
    powers = torch.tensor(REDDENING, device=device) * views.ebv.to(device)[:, None]  # (n, 3)
    view = images * 10 ** powers[:, :, None, None]
    wanted = views.seeing.to(device)
    own = torch.zeros_like(wanted)
    if seeing is not None:
        own = seeing.to(device) * views.scale.to(device)[:, None]
    view = turn(view, views, pixels.shape[-1])  # (n, 3, 96, 96)
    view = blur(view, (wanted**2 - own**2).clamp(min=0).sqrt() / FWHM / PIXEL_SCALE)
    return view + pixels * views.noise.to(device)[:, :, None, None]


def turn(images: Tensor, views: Views, size: int = SIZE) -> Tensor:
    """Flip, rotate, scale, shift and cut images, in one bilinear interpolation.

    Parameters
    ----------
    images : Tensor
        float32 (n, bands, side, side).
    views : Views
        Of which flip, angle, scale and shift are used.
    size : int
        Side of what is cut out, pixels.

    Returns
    -------
    Tensor
        float32 (n, bands, size, size).
    """
    device, half = images.device, (images.shape[-1] - 1) / 2
    place = torch.arange(size, device=device) - (size - 1) / 2
    row, column = torch.meshgrid(place, place, indexing="ij")  # (96, 96), pixels
    angle, scale = (values.to(device)[:, None, None] for values in (views.angle, views.scale))
    shift = views.shift.to(device)
    right, down = column + shift[:, :1, None], row + shift[:, 1:, None]  # (n, 96, 96)
    x = (torch.cos(angle) * right + torch.sin(angle) * down) / scale
    y = (torch.cos(angle) * down - torch.sin(angle) * right) / scale
    x = torch.where(views.flip.to(device)[:, None, None], -x, x)
    grid = torch.stack([x, y], dim=-1) / half  # (n, 96, 96, 2), -1 to 1
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=True)


def blur(images: Tensor, width: Tensor) -> Tensor:
    """Blur each band of each image by a Gaussian of its own; width in pixels, (n, 3)."""
    place = torch.arange(-REACH, REACH + 1, device=images.device)
    kernel = torch.exp(-0.5 * (place / width[:, :, None].clamp(min=1e-3)) ** 2)
    kernel = (kernel / kernel.sum(dim=-1, keepdim=True)).flatten(0, 1)  # (3 n, 41)
    planes = images.flatten(0, 1)[None]  # (1, 3 n, 96, 96)
    planes = functional.pad(planes, (REACH,) * 4, mode="reflect")
    count = kernel.shape[0]
    planes = functional.conv2d(planes, kernel[:, None, None, :], groups=count)
    planes = functional.conv2d(planes, kernel[:, None, :, None], groups=count)
    return planes[0].reshape(images.shape)
