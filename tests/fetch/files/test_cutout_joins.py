"""Bands of one field in several files; never bands of two."""

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.fetch.local import LocalSource
from astroclip_astro.flags import Flag
from astroclip_astro.records import PIXEL_SCALE

VALUE = {"g": 1.0, "r": 2.0, "i": 9.0, "z": 3.0}
STEP = PIXEL_SCALE / 3600


def sky(height=60, width=60, ra=150.0, dec=2.0, **cards):
    """Header of a native grid whose middle is a position."""
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec})
    header.update(CRPIX1=(width + 1) / 2, CRPIX2=(height + 1) / 2)
    header.update(CD1_1=-STEP, CD1_2=0.0, CD2_1=0.0, CD2_2=STEP)
    header.update(cards)
    return header


@pytest.fixture
def write(tmp_path):
    """Return a function that writes one band of a field into a file of its own."""

    def one_band(name, band, value=None, *, shape=(60, 60), packed=False, invvar=False, **cards):
        kind, unit = ("invvar", "1/nanomaggy^2") if invvar else ("image", "nanomaggy")
        header = sky(*shape, FILTER=f"{band} DECam", FILTERX=band, IMTYPE=kind, BUNIT=unit)
        header.update(cards)
        pixels = np.full(shape, VALUE[band] if value is None else value, "f4")
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make = fits.CompImageHDU if packed else fits.ImageHDU
        fits.HDUList([fits.PrimaryHDU(), make(pixels, header)]).writeto(path)
        return path

    return one_band


@pytest.fixture
def read(tmp_path, at):
    """Return a function that reads a field in the folder, and the values of its bands."""

    def values(ra=150.0, dec=2.0, size=20):
        source = LocalSource(tmp_path)
        [found] = source.cutouts(at(ra, dec), size)
        return [float(plane[size // 2, size // 2]) for plane in found.image], found, source

    return values


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_for_each_band_is_one_field(write, read, packed):
    for band in "zrgi":
        write(f"legacysurvey-1502p020-image-{band}.fits.fz", band, packed=packed)
        write(f"legacysurvey-1502p020-invvar-{band}.fits.fz", band, 4, packed=packed, invvar=True)
    values, found, source = read()
    assert values == [1, 2, 3]
    assert found.complete
    assert source.contents().cutouts == 1


def test_other_bands_of_the_field_are_no_problem(write, read):
    for band in "grz":
        write(f"image-{band}.fits", band)
    write("image-i.fits", "i")
    write("image-W1.fits", "W1", 5, MAGZERO=22.5, BUNIT="")
    _, found, source = read()
    assert found.complete
    assert source.problems == []
    assert [reason for _, reason in source.unused] == [
        f"not used: an image in band {band}, expected some of g, r, z" for band in ("w1", "i")
    ]


@pytest.mark.parametrize("card", ["BAND", "FILTER", "FILTERX"])
def test_any_card_names_the_band_of_a_file(tmp_path, read, card):
    for band in "grz":
        header = sky(**{card: band, "BUNIT": "nanomaggy"})
        fits.writeto(tmp_path / f"{band}.fits", np.full((60, 60), VALUE[band], "f4"), header)
    assert read()[0] == [1, 2, 3]


def test_inverse_variance_of_another_file_counts(write, read):
    for band in "grz":
        write(f"image-{band}.fits", band)
    path = write("invvar-r.fits", "r", 4, invvar=True)
    with fits.open(path, mode="update") as hdus:
        hdus[1].data[30, 30] = 0
    values, found, _ = read()
    assert values == [1, 0, 3]
    assert not found.complete


def test_missing_band_is_incomplete(write, read):
    write("image-g.fits", "g")
    write("image-z.fits", "z")
    values, found, _ = read()
    assert (values, found.complete) == ([1, 0, 3], False)


def test_two_fields_of_one_grid_in_a_folder_are_not_mixed(write, read):
    for name, factor in (("deep", 10), ("wide", 1)):
        for band in "grz":
            write(f"{name}-image-{band}.fits", band, factor * VALUE[band])
    values, _, source = read()
    assert values == [10, 20, 30]
    assert source.contents().cutouts == 2


def test_bands_that_names_do_not_sort_are_not_mixed(write, read):
    for number, band in enumerate("grzgrz"):
        write(f"{number}.fits", band, number + 1)
    values, found, source = read()
    assert (values, found.complete) == ([1, 0, 0], False)
    assert source.contents().cutouts == 6


def test_other_folders_are_other_fields(write, read):
    write("a/image-g.fits", "g")
    write("b/image-r.fits", "r")
    assert read()[0] == [1, 0, 0]


def test_other_grids_are_other_fields(write, read):
    write("image-g.fits", "g")
    write("image-r.fits", "r", CRVAL1=150.00001)
    write("image-z.fits", "z", CRPIX1=30.9)
    assert np.count_nonzero(read()[0]) == 1


def test_tiles_of_one_mosaic_are_fields_of_their_own(write, read):
    for number in range(4):
        for band in "grz":
            write(
                f"tile{number}-{band}.fits",
                band,
                VALUE[band] + 10 * number,
                CRPIX1=30.5 - 60 * number,
            )
    for number in range(4):
        ra = 150 - number * 60 * STEP / np.cos(np.radians(2))
        values, found, source = read(ra)
        assert values == [1 + 10 * number, 2 + 10 * number, 3 + 10 * number]
        assert found.complete
    assert source.contents().cutouts == 4


def test_bands_of_two_tiles_are_not_put_together(write, read):
    write("g.fits", "g")
    write("r.fits", "r", CRPIX1=-29.5)
    _, found, source = read()
    assert source.contents().cutouts == 2
    assert not found.image[1:].any()


@pytest.mark.parametrize("rows", [59, 58, 40])
def test_planes_of_other_sizes_are_padded(write, read, rows):
    write("image-g.fits", "g")
    write("image-r.fits", "r", shape=(rows, 60), CRPIX2=30.5)
    write("image-z.fits", "z", shape=(60, 59), CRPIX1=29.5)
    values, found, _ = read()
    assert values == [1, 2, 3]
    assert found.complete
    whole = read(size=60)[1]
    assert not whole.complete
    assert not whole.image[1, rows:].any()
    assert set(whole.image[1, :rows].ravel()) == {2}
    assert not whole.image[2, :, 0].any()
    assert set(whole.image[2, :, 1:].ravel()) == {3}


def test_inverse_variance_without_image_is_passed_over(write, read, tmp_path):
    for band in "grz":
        write(f"image-{band}.fits", band)
        write(f"other-invvar-{band}.fits", band, 4, invvar=True, CRVAL1=20.0)
    _, found, source = read()
    assert found.complete
    assert {path.name for path, _ in source.unused} == {f"other-invvar-{b}.fits" for b in "grz"}


def test_damaged_file_is_named_and_leaves_its_band_out(write, read, cut_in):
    for band in "grz":
        path = write(f"image-{band}.fits", band)
    with path.open("r+b") as stream:
        stream.truncate(9000)
    values, found, source = read()
    assert (values, found.complete) == ([1, 2, 0], False)
    assert [where for where, _ in source.problems] == [path]


def test_damage_found_only_in_reading_names_the_file(write, read, at, tmp_path):
    for band in "grz":
        path = write(f"image-{band}.fits", band)
    source = LocalSource(tmp_path)
    source.contents()
    fits.PrimaryHDU().writeto(path, overwrite=True)
    [gap] = source.cutouts(at(150, 2), 20)
    assert gap.flag == Flag.NO_IMAGE | Flag.SOURCE_FAILED
    assert gap.reason.startswith(str(path))


def test_masks_and_models_beside_the_images_are_passed_over(write, read):
    for band in "grz":
        write(f"legacysurvey-1502p020-image-{band}.fits.fz", band)
        for kind in ("model", "nexp", "psfsize", "galdepth"):
            write(f"legacysurvey-1502p020-{kind}-{band}.fits.fz", band, 50, IMTYPE=kind)
    write("legacysurvey-1502p020-maskbits.fits.fz", "g", 50, IMTYPE="maskbits")
    values, found, source = read()
    assert (values, found.complete) == ([1, 2, 3], True)
    assert len(source.unused) == 13
    assert source.problems == []


def test_single_zeros_of_a_rounded_image_are_values(write, read, tmp_path):
    noise = np.random.default_rng(4).normal(0, 0.003, (60, 60)).astype("f4")
    for band in "grz":
        header = sky(FILTERX=band, IMTYPE="image", BUNIT="nanomaggy")
        options = {"compression_type": "RICE_1", "quantize_level": -0.001}
        hdu = fits.CompImageHDU(noise, header, **options)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / f"image-{band}.fits.fz")
    _, found, _ = read()
    assert (found.image == 0).any()
    assert found.complete


def test_zero_with_inverse_variance_is_a_value_but_a_zero_band_is_none(write, read):
    for band in "grz":
        path = write(f"image-{band}.fits", band, 0 if band == "z" else None)
        if band == "g":
            with fits.open(path, mode="update") as hdus:
                hdus[1].data[25, 25] = 0
        write(f"invvar-{band}.fits", band, 4, invvar=True)
    _, found, source = read()
    assert not found.complete
    opened = source._index.cutouts[0]
    assert opened.bands == "grz"
    assert found.image[0, 5, 5] == 0
