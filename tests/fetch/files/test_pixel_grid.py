import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import given, strategies as st

from astroclip_astro.fetch.files.pixel_grid import (
    crop_start,
    grid_of,
    inside,
    is_native,
    native_grid,
    native_matrix,
    whole_shift,
)
from astroclip_astro.records import PIXEL_SCALE


def test_matrix_of_a_finer_turned_mirrored_grid():
    grid = WCS(naxis=2)
    grid.wcs.ctype, grid.wcs.crval = ["RA---TAN", "DEC--TAN"], [80, -40]
    # x to the north, y to the east, half the native pixel
    grid.wcs.cd = np.array([[0, 1], [1, 0]]) * PIXEL_SCALE / 2 / 3600
    np.testing.assert_allclose(native_matrix(grid, 80, -40), [[0, 2], [-2, 0]], atol=1e-6)


@pytest.mark.parametrize("dec", [90.0, -90.0, 0.0])
def test_native_grid_agrees_with_itself_at_the_poles(dec):
    np.testing.assert_allclose(native_matrix(native_grid(30, dec), 30, dec), np.eye(2), atol=1e-6)


def test_edges_are_inside():
    x = np.array([-0.5, 9.5, 9.6, 5.0])
    y = np.array([4.5, -0.5, 0.0, np.nan])
    assert inside(x, y, (5, 10)).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.diag([1, 1]), True),
        (np.diag([1.004, 0.996]), True),
        (np.diag([1.006, 1]), False),
        (np.diag([-1, 1]), False),
        (np.array([[1, 0.004], [-0.004, 1]]), True),
        (np.array([[1, 0.006], [-0.006, 1]]), False),
        (np.array([[0, 1], [1, 0]]), False),
    ],
)
def test_which_grids_are_native(matrix, expected):
    assert is_native(matrix) is expected


@given(side=st.integers(1, 5000), size=st.integers(1, 5000), noise=st.floats(-0.009, 0.009))
def test_crop_about_the_middle_is_the_centre_crop(side, size, noise):
    assert crop_start((side - 1) / 2 + noise, size) == (side - size) // 2


@given(centre=st.floats(-100, 5000), size=st.integers(1, 500))
def test_crop_is_the_nearest(centre, size):
    middle = crop_start(centre, size) + (size - 1) / 2
    assert abs(middle - centre) <= 0.5 + 0.011


@pytest.mark.parametrize(
    ("shift", "same"), [(0.0, True), (7.0, True), (-3.0, True), (0.5, False), (0.02, False)]
)
@pytest.mark.parametrize("start", [0.0, 0.25, 30.5, -739.5])
def test_grids_are_one_where_they_are_shifted_by_whole_pixels(start, shift, same):
    header = native_grid(150, 2).to_header()
    header["CRPIX2"] = start
    other = header.copy()
    other["CRPIX2"] += shift
    assert (grid_of(header) == grid_of(other)) == same
    if same:
        assert whole_shift(header, other) == (shift, 0)


def test_grid_with_another_direction_is_another():
    header = native_grid(150, 2).to_header()
    other = header.copy()
    other["CDELT1"] = -header["CDELT1"]
    assert grid_of(header) != grid_of(other)
