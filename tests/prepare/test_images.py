import numpy as np
import pytest
from hypothesis import given, strategies as st

from astroclip_astro.errors import InputError
from astroclip_astro.prepare.images import centre_crop, stretch


@given(side=st.integers(1, 40), size=st.integers(1, 40))
def test_crop_leaves_as_much_on_either_side_or_one_more_high(side, size):
    if size > side:
        return
    pixels = np.broadcast_to(np.arange(side), (1, 3, side, side))
    crop = centre_crop(pixels, size)[0, 0, 0]
    low, high = crop[0], side - 1 - crop[-1]
    assert high - low in (0, 1)


def test_crop_treats_height_and_width_apart():
    images = np.arange(3 * 4 * 7).reshape(1, 3, 4, 7)
    np.testing.assert_array_equal(centre_crop(images, 2), images[:, :, 1:3, 2:4])


def test_crop_of_the_same_size_is_the_image():
    images = np.random.default_rng(0).normal(size=(2, 3, 8, 8))
    np.testing.assert_array_equal(centre_crop(images, 8), images)


def test_crop_of_no_images_is_no_images():
    assert centre_crop(np.zeros((0, 3, 9, 9)), 8).shape == (0, 3, 8, 8)


@pytest.mark.parametrize("shape", [(1, 3, 95, 200), (1, 3, 200, 95)])
def test_crop_of_too_small_an_image_says_what_is_wanted(shape):
    with pytest.raises(InputError, match=r"200.*at least 96 x 96"):
        centre_crop(np.zeros(shape), 96)


@pytest.mark.parametrize("shape", [(3, 96, 96), (2, 96, 96, 3), (1, 4, 96, 96)])
def test_crop_of_another_layout_says_what_is_wanted(shape):
    with pytest.raises(InputError, match=r"\(n, 3, h, w\)"):
        centre_crop(np.zeros(shape), 64)


@pytest.mark.parametrize("name", ["raw", "rgb", "stein", "asinh"])
def test_stretch_keeps_shape_and_makes_float32(name):
    images = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    stretched = stretch(images, name)
    assert (stretched.shape, stretched.dtype) == (images.shape, np.float32)


def test_asinh_is_linear_far_below_the_sky_noise():
    faint = np.full((3, 1, 1), 1e-5, np.float32)
    np.testing.assert_allclose(
        stretch(faint, "asinh").ravel(), faint.ravel() / [0.01, 0.015, 0.03], rtol=1e-5
    )


@pytest.mark.parametrize("name", ["rgb", "stein"])
def test_colour_composites_stay_between_0_and_1(name):
    images = np.random.default_rng(0).normal(0, 10, (3, 8, 8))
    stretched = stretch(images, name)
    assert stretched.min() >= 0
    assert stretched.max() <= 1


def test_rgb_puts_z_first():
    images = np.zeros((3, 1, 1))
    images[2] = 1
    assert stretch(images, "rgb").argmax() == 0


def test_stretch_of_zero_is_finite():
    assert np.isfinite(
        stretch(np.full((3, 1, 1), -0.03 / np.array([6, 3.4, 2.2])[:, None, None]), "rgb")
    ).all()


def test_unknown_stretch_lists_the_known():
    with pytest.raises(ValueError, match="'raw', 'rgb', 'stein' or 'asinh'"):
        stretch(np.zeros((3, 1, 1)), "sqrt")
