import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.fetch.files.cutout_files import recognise_cutouts
from astroclip_astro.fetch.files.cutout_pixels import read_cutout
from astroclip_astro.fetch.files.fits_file import open_fits
from astroclip_astro.prepare.images import centre_crop
from astroclip_astro.records import PIXEL_SCALE

RA, DEC = 150.0, 2.0
NOISE = np.random.default_rng(1).normal(size=(3, 60, 60)).astype(np.float32)


def read(path, ra=RA, dec=DEC, size=16):
    with open_fits(path) as hdus:
        [file] = recognise_cutouts(path, list(hdus))
        return read_cutout({path: hdus}, file, ra, dec, size)


def blob(side, scale, sigma=1.5, east=0.0, north=0.0):
    """A Gaussian of surface brightness 1 per native pixel at its peak, offsets in arcsec."""
    axis = (np.arange(side) - (side - 1) / 2) * scale
    y, x = np.meshgrid(axis, axis, indexing="ij")
    plane = np.exp(-((x + east) ** 2 + (y - north) ** 2) / (2 * sigma**2))
    return np.broadcast_to(plane + 1e-12, (3, side, side)).astype(np.float32)


def centroid(plane):
    """Offset of the light from the middle, native pixels: y up, x right."""
    axis = np.arange(len(plane)) - (len(plane) - 1) / 2
    return (plane.sum(1) @ axis) / plane.sum(), (plane.sum(0) @ axis) / plane.sum()


@pytest.fixture
def cutout(tmp_path, write_cutout):
    """Return a function that writes a cutout around (RA, DEC) and returns its path."""
    return lambda image, **options: write_cutout(tmp_path / "a.fits", image, RA, DEC, **options)


@pytest.mark.parametrize("layout", ["cube", "bands", "tiled"])
@pytest.mark.parametrize("side", [59, 60])
@pytest.mark.parametrize("size", [15, 16])
def test_native_cutout_is_the_centre_crop(cutout, layout, side, size):
    image = NOISE[:, :side, :side]
    found = read(cutout(image, layout=layout), size=size)
    np.testing.assert_array_equal(found.image, centre_crop(image[None], size)[0])
    assert found.complete


def test_positions_of_six_decimals_crop_alike(tmp_path, write_cutout):
    ra, dec = 211.123456789, -33.987654321
    path = write_cutout(tmp_path / "a.fits", NOISE[:, :59, :59], ra, dec)
    np.testing.assert_array_equal(
        read(path, ra, dec).image, read(path, round(ra, 6), round(dec, 6)).image
    )


@pytest.mark.parametrize(("north", "east"), [(3, 0), (0, 3), (-2, 5)])
def test_native_crop_is_the_nearest(cutout, north, east):
    path = cutout(NOISE)
    dec = DEC + (north + 0.3) * PIXEL_SCALE / 3600
    ra = RA + (east - 0.3) * PIXEL_SCALE / 3600 / np.cos(np.radians(dec))
    expected = NOISE[:, 22 + north : 38 + north, 22 - east : 38 - east]
    np.testing.assert_array_equal(read(path, ra, dec).image, expected)


def test_scale_within_tolerance_is_not_interpolated(cutout):
    path = cutout(NOISE, scale=PIXEL_SCALE * 1.004, rotation=0.2)
    np.testing.assert_array_equal(read(path).image, NOISE[:, 22:38, 22:38])


def test_scale_beyond_tolerance_is_interpolated(cutout):
    path = cutout(NOISE, scale=PIXEL_SCALE * 1.01)
    assert not np.isin(read(path).image, NOISE).all()


def test_image_has_the_dtype_and_byte_order_of_the_machine(cutout):
    assert read(cutout(NOISE)).image.dtype == np.dtype(np.float32)


def test_bands_come_in_the_order_g_r_z(cutout):
    np.testing.assert_array_equal(
        read(cutout(NOISE, bands="zgr")).image, NOISE[[1, 2, 0], 22:38, 22:38]
    )


def test_missing_band_is_zero_and_incomplete(cutout):
    found = read(cutout(NOISE[:2], bands="gz"))
    assert not found.image[1].any()
    assert not found.complete


def test_field_beyond_the_edge_is_zero_and_incomplete(cutout):
    dec = DEC + 25 * PIXEL_SCALE / 3600
    found = read(cutout(NOISE), RA, dec)
    np.testing.assert_array_equal(found.image[:, :13], NOISE[:, 47:60, 22:38])
    assert not found.image[:, 13:].any()
    assert not found.complete


def test_field_larger_than_the_file_is_filled_with_zeros(cutout):
    found = read(cutout(NOISE), size=64)
    np.testing.assert_array_equal(found.image[:, 2:62, 2:62], NOISE)
    assert np.count_nonzero(found.image) == NOISE.size
    assert not found.complete


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0])
def test_bad_pixel_is_zero_and_incomplete(cutout, value):
    image = NOISE.copy()
    image[1, 30, 30] = value
    found = read(cutout(image))
    expected = NOISE[:, 22:38, 22:38].copy()
    expected[1, 8, 8] = 0
    np.testing.assert_array_equal(found.image, expected)
    assert not found.complete


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
@pytest.mark.parametrize("layout", ["cube", "bands"])
def test_pixel_without_weight_is_zero_and_incomplete(cutout, value, layout):
    invvar = np.ones_like(NOISE)
    invvar[2, 30, 30] = value
    found = read(cutout(NOISE, invvar=invvar, layout=layout))
    expected = NOISE[:, 22:38, 22:38].copy()
    expected[2, 8, 8] = 0
    np.testing.assert_array_equal(found.image, expected)
    assert not found.complete


def test_bad_pixel_outside_the_field_does_not_matter(cutout):
    image = NOISE.copy()
    image[:, 0, 0] = np.nan
    assert read(cutout(image)).complete


@pytest.mark.parametrize("scale", [PIXEL_SCALE, 0.1])
def test_nothing_but_zeros_is_no_image(cutout, scale):
    assert read(cutout(np.zeros((3, 60, 60)), scale=scale)) is None


@pytest.mark.parametrize("scale", [0.05, 0.1, 0.13, 0.2, 0.3, 0.4])
def test_light_is_kept_from_any_pixel(cutout, scale):
    side = round(30 / scale)
    found = read(cutout(blob(side, scale), scale=scale), size=64)
    # Surface brightness per native pixel: the sum counts native pixels.
    expected = 2 * np.pi * 1.5**2 / PIXEL_SCALE**2
    np.testing.assert_allclose(found.image.sum(axis=(1, 2)), expected, rtol=0.01)
    assert found.complete


@pytest.mark.parametrize("scale", [0.05, 0.1, 0.2, 0.5])
def test_flat_sky_keeps_its_brightness(cutout, scale):
    found = read(cutout(np.full((3, 200, 200), 5.0), scale=scale))
    np.testing.assert_allclose(found.image, 5, rtol=1e-6)


@pytest.mark.parametrize("rotation", [0, 30, 90, 180, 250.5])
@pytest.mark.parametrize("mirror", [False, True])
def test_north_is_up_and_east_left(cutout, rotation, mirror):
    # Light 2" to the north and 1" to the east, on a grid turned and mirrored.
    path = cutout(np.full((3, 200, 200), 1e-12), scale=0.2, rotation=rotation, mirror=mirror)
    with open_fits(path) as hdus:
        wcs = recognise_cutouts(path, list(hdus))[0].wcs
    dec = DEC + 2 / 3600
    x, y = wcs.world_to_pixel_values(RA + 1 / 3600 / np.cos(np.radians(dec)), dec)
    grid_y, grid_x = np.indices((200, 200))
    with fits.open(path, mode="update") as hdus:
        hdus[0].data[:] += np.exp(-((grid_x - x) ** 2 + (grid_y - y) ** 2) / (2 * 5**2))
    up, right = centroid(read(path, size=64).image[0])
    assert (up, right) == pytest.approx((2 / PIXEL_SCALE, -1 / PIXEL_SCALE), abs=0.02)


def test_resampled_field_is_centred_on_the_position(cutout):
    dec = DEC + 1.234 / 3600
    path = cutout(blob(300, 0.1, north=1.234), scale=0.1)
    assert centroid(read(path, RA, dec, size=64).image[0]) == pytest.approx((0, 0), abs=0.01)


def test_fine_pixels_are_averaged(cutout):
    noise = np.random.default_rng(2).normal(size=(3, 400, 400))
    found = read(cutout(noise, scale=PIXEL_SCALE / 4), size=64)
    # 16 pixels to a native one; linear interpolation between them averages a little more.
    assert found.image.std() == pytest.approx(1 / 4, rel=0.1)


@pytest.mark.parametrize("scale", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("value", [np.nan, 0, 1e30])
def test_bad_pixel_is_not_smeared(cutout, scale, value):
    image = np.full((3, 120, 120), 5, np.float32)
    invvar = np.ones_like(image)
    image[0, 60, 60] = value
    if value == 1e30:
        invvar[0, 60, 60] = 0
    found = read(cutout(image, invvar=invvar, scale=scale))
    good = found.image[0] != 0
    assert not good.all()
    assert np.count_nonzero(~good) <= 16
    np.testing.assert_allclose(found.image[0][good], 5, rtol=1e-5)
    np.testing.assert_allclose(found.image[1:], 5, rtol=1e-6)
    assert not found.complete


def test_resampled_field_beyond_the_edge_is_zero_and_incomplete(cutout):
    path = cutout(np.full((3, 100, 100), 5.0), scale=PIXEL_SCALE / 2)
    found = read(path, RA, DEC + 20 * PIXEL_SCALE / 3600)
    assert set(np.unique(found.image.round(4))) == {0, 5}
    np.testing.assert_allclose(found.image[:, :13], 5, rtol=1e-5)
    assert not found.image[:, 13:].any()
    assert not found.complete


def test_fine_file_of_just_the_field_is_complete(cutout):
    found = read(cutout(np.full((3, 32, 32), 5.0), scale=PIXEL_SCALE / 2))
    assert found.complete


@pytest.mark.parametrize("layout", ["cube", "tiled"])
def test_only_the_window_is_read(cutout, layout, monkeypatch):
    path = cutout(np.tile(NOISE, (1, 10, 10)), layout=layout)
    expected = read(path).image

    def whole(hdu):
        raise MemoryError("the whole image was read")

    for kind in (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU):
        monkeypatch.setattr(kind, "data", property(whole))
    np.testing.assert_array_equal(read(path).image, expected)


# The real files: name, position, whether the field is complete.
REAL = [
    ("decals-dr3_146.7142_-1.0413_oversampled.fits", 146.714208787, -1.04128156958, True),
    ("decals-dr5_0.0044_0.5413.fits", 0.00436690011903631, 0.541320833484327, True),
    ("decals-dr5_bad_pixels_oversampled.fits", 147.456742041, 1.09255093644, False),
    ("ls-dr9-south_59.1067_-30.4848.fits", 59.1067, -30.4848, True),
]


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "ra", "dec", "complete"), REAL)
def test_real_cutout_is_read(real_data, name, ra, dec, complete):
    found = read(real_data / "cutouts" / name, ra, dec, 96)
    assert found.image.shape == (3, 96, 96)
    assert np.isfinite(found.image).all()
    assert found.complete == complete
    # The galaxy is in the middle, brighter than its surroundings in the band that is whole.
    assert found.image[2, 44:52, 44:52].mean() > 3 * np.median(found.image[2])


@pytest.mark.real_data
def test_real_native_cutout_is_its_centre_crop(real_data):
    path = real_data / "cutouts" / REAL[1][0]
    image = fits.getdata(path)
    np.testing.assert_array_equal(
        read(path, *REAL[1][1:3], 96).image, centre_crop(image[None], 96)[0]
    )


@pytest.mark.real_data
def test_real_oversampled_cutout_keeps_its_light(real_data):
    path = real_data / "cutouts" / REAL[0][0]
    found = read(path, *REAL[0][1:3], 96)
    # The same 96 native pixels in pixels of 0.1 arcsec, cut by hand: 251.5 of them.
    raw = fits.getdata(path)[:, 86:338, 86:338].astype(float)
    expected = raw.sum(axis=(1, 2)) * (0.1 / PIXEL_SCALE) ** 2
    np.testing.assert_allclose(found.image.sum(axis=(1, 2)), expected, rtol=0.01)
