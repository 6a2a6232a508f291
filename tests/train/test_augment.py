"""Views of galaxies: each distribution is the published one, and each does what it says."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from astroclip_astro.train import augment as module
from astroclip_astro.train.augment import Views, augment, draw_views

COUNT = 4000
SAME = {
    "ebv": torch.zeros(2),
    "flip": torch.zeros(2, dtype=torch.bool),
    "angle": torch.zeros(2),
    "scale": torch.ones(2),
    "seeing": torch.zeros(2, 3),
    "shift": torch.zeros(2, 2),
    "noise": torch.zeros(2, 3),
}


@pytest.fixture(scope="module")
def views():
    return draw_views(COUNT, torch.Generator().manual_seed(1))


def view(images, **changed):
    """One view of two images, with nothing done but what is asked for."""
    return augment(images, Views(**(SAME | changed)), pixels(2))


def pixels(count):
    """Noise before it is scaled."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 3, module.SIZE, module.SIZE, generator=generator)


def spot(row, column, size=152):
    """Two images with a small round spot, rows and columns counted from the middle."""
    place = torch.arange(size) - (size - 1) / 2
    light = torch.exp(-0.5 * ((place[:, None] - row) ** 2 + (place[None] - column) ** 2) / 2**2)
    return light.expand(2, 3, size, size).clone()


def centre(image):
    """Row and column of the light's middle, counted from the middle of the image."""
    place = torch.arange(image.shape[-1]) - (image.shape[-1] - 1) / 2
    total = image.sum()
    return float(place @ image.sum(1) / total), float(place @ image.sum(0) / total)


def same_distribution(values, distribution):
    return stats.kstest(np.asarray(values, float), distribution.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("ebv", stats.uniform(0, 1)),
        ("angle", stats.uniform(0, 2 * math.pi)),
        ("scale", stats.uniform(0.9, 0.2)),
    ],
)
def test_one_number_a_galaxy(views, name, distribution):
    assert same_distribution(getattr(views, name), distribution)


@pytest.mark.parametrize(
    ("band", "shape", "location", "scale", "largest"),
    [
        (0, 0.2110, 1.0807, 1.3153, 5.0),
        (1, 0.3008, 1.2394, 0.9165, 4.5),
        (2, 0.3471, 1.1928, 0.8234, 4.25),
    ],
)
def test_seeing(views, band, shape, location, scale, largest):
    assert same_distribution(views.seeing[:, band], stats.lognorm(shape, location, scale))
    assert views.seeing[:, band].max() <= largest


@pytest.mark.parametrize(
    ("band", "shape", "location", "scale", "largest"),
    [
        (0, 0.2265, -0.00067, 0.00376, 0.013),
        (1, 0.2431, -0.00237, 0.00674, 0.018),
        (2, 0.1335, -0.01434, 0.02608, 0.061),
    ],
)
def test_noise(views, band, shape, location, scale, largest):
    assert same_distribution(views.noise[:, band], stats.lognorm(shape, location, scale))
    assert 0 <= views.noise[:, band].min() <= views.noise[:, band].max() <= largest


def test_reddening_of_the_real_sky():
    drawn = draw_views(COUNT, torch.Generator().manual_seed(2), lognormal_reddening=True)
    assert same_distribution(drawn.ebv, stats.lognorm(0.67306, 0.001146, 0.03338))


def test_half_are_flipped(views):
    assert stats.binomtest(int(views.flip.sum()), COUNT, 0.5).pvalue > 1e-3


def test_shifts_are_whole_and_even(views):
    numbers, counts = np.unique(views.shift.numpy(), return_counts=True)
    assert np.array_equal(numbers, np.arange(-7, 8))
    assert stats.chisquare(counts).pvalue > 1e-3


def test_nothing_done_is_the_middle():
    images = torch.rand(2, 3, 152, 152, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(view(images), images[:, :, 28:124, 28:124], atol=1e-4)


def test_reddening_dims_each_band():
    seen = view(torch.ones(2, 3, 152, 152), ebv=torch.tensor([0.0, 0.5]))
    dimmed = 10 ** (-0.4 * 0.5 * np.array([3.214, 2.165, 1.211]))
    assert np.allclose(seen[1].mean(dim=(1, 2)), dimmed, rtol=1e-4)
    assert np.allclose(seen[0], 1)


def test_flip_is_left_for_right():
    seen = view(spot(10, 20), flip=torch.tensor([False, True]))
    assert centre(seen[0, 0]) == pytest.approx((10, 20), abs=0.05)
    assert centre(seen[1, 0]) == pytest.approx((10, -20), abs=0.05)


def test_rotation_keeps_the_distance():
    row, column = centre(view(spot(10, 20), angle=torch.full((2,), 0.7))[0, 0])
    assert math.hypot(row, column) == pytest.approx(math.hypot(10, 20), abs=0.05)
    assert math.atan2(row, column) - math.atan2(10, 20) == pytest.approx(0.7, abs=0.01)


def test_scale_moves_outwards():
    seen = view(spot(10, 20), scale=torch.tensor([0.9, 1.1]))
    assert centre(seen[0, 0]) == pytest.approx((9, 18), abs=0.05)
    assert centre(seen[1, 0]) == pytest.approx((11, 22), abs=0.05)


def test_shift_moves_by_pixels():
    seen = view(spot(10, 20), shift=torch.tensor([[7.0, 0.0], [0.0, -7.0]]))
    assert centre(seen[0, 0]) == pytest.approx((10, 13), abs=0.05)
    assert centre(seen[1, 0]) == pytest.approx((17, 20), abs=0.05)


def test_blur_widens_to_the_seeing_wanted_and_keeps_the_light():
    """A spot of 2 pixels and a Gaussian of 2 arcsec add in quadrature."""
    sharp = view(spot(0, 0))[0, 0]
    blurred = view(spot(0, 0), seeing=torch.full((2, 3), 2.0))[0, 0]
    place = torch.arange(96) - 47.5
    variance = float(place**2 @ blurred.sum(0) / blurred.sum())
    assert variance == pytest.approx(2**2 + (2.0 / 2.3548 / 0.262) ** 2, rel=0.01)
    assert float(blurred.sum()) == pytest.approx(float(sharp.sum()), rel=1e-3)


def test_image_blurred_already_is_left_alone():
    images, poor = spot(5, 5), torch.full((2, 3), 2.5)
    drawn = Views(**(SAME | {"seeing": torch.full((2, 3), 2.0)}))
    seen = augment(images, drawn, pixels(2), seeing=poor)
    assert torch.allclose(seen, view(images), atol=1e-6)


def test_noise_has_the_deviation_drawn():
    seen = view(torch.zeros(2, 3, 152, 152), noise=torch.tensor([[0.01, 0.02, 0.03]] * 2))
    assert np.allclose(seen.std(dim=(0, 2, 3)), [0.01, 0.02, 0.03], rtol=0.03)


def test_same_generator_same_views():
    images = torch.rand(3, 3, 152, 152, generator=torch.Generator().manual_seed(5))

    def once():
        generator = torch.Generator().manual_seed(6)
        return augment(images, draw_views(3, generator), pixels(3))

    assert torch.equal(once(), once())
    assert once().shape == (3, 3, module.SIZE, module.SIZE)
