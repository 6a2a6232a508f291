"""A folder of the user's own as source: what is not used is named, and why a run has failed."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from astroclip_astro.records import PIXEL_SCALE

STEP = PIXEL_SCALE / 3600


@pytest.fixture
def folder(tmp_path):
    """An empty folder."""
    path = tmp_path / "sky"
    path.mkdir()
    return path


@pytest.fixture
def positions(tmp_path):
    """A catalogue of three positions."""
    path = tmp_path / "mine.csv"
    Table({"ra": [10.0, 20, 30], "dec": [2.0, 2, 2]}).write(path)
    return path


def write_cutout(path, ra, **cards):
    """Write a cutout of noise around a position."""
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": 2.0})
    header.update(CRPIX1=50.5, CRPIX2=50.5, CD1_1=-STEP, CD1_2=0.0, CD2_1=0.0, CD2_2=STEP)
    header.update(BANDS="grz", **cards)
    noise = np.random.default_rng(1).normal(0, 0.01, (3, 100, 100)).astype("f4")
    fits.writeto(path, noise, header)


def write_others(folder):
    """Write files that are no cutouts: a page, a mask, and one in another unit."""
    (folder / "page.fits").write_text("<html>404</html>")
    write_cutout(folder / "mask.fits", 10, IMAGETYP="maskbits")
    write_cutout(folder / "unit.fits", 10, BUNIT="Jy")
    write_cutout(folder / "unit2.fits", 20, BUNIT="Jy")


def annotate(run, positions, folder, *options):
    columns = ("--modality", "image", "--columns", "redshift")
    return run(positions, "--source", folder, *columns, *options)


@pytest.mark.parametrize("verbose", [False, True])
def test_useless_folder_is_described_by_its_most_frequent_reason(run, positions, folder, verbose):
    write_others(folder)
    result = annotate(run, positions, folder, *["--verbose"] * verbose)
    assert result.status == 2
    *lines, last = result.err.strip().splitlines()
    assert "3 cannot be read, 2 of them as this one: unit.fits: image in 'Jy' (BUNIT)" in last
    named = [line for line in lines if line.startswith(str(folder))]
    assert (
        named
        == [
            f"{folder}/page.fits: not FITS but a web page, which a server sent in its place",
            f"{folder}/unit.fits: image in 'Jy' (BUNIT), expected nanomaggies a pixel",
            f"{folder}/unit2.fits: image in 'Jy' (BUNIT), expected nanomaggies a pixel",
            f"{folder}/mask.fits: not used: an image of kind maskbits, not of the sky",
        ]
        * verbose
    )


@pytest.mark.parametrize("verbose", [False, True])
def test_files_that_are_not_used_are_named(run, positions, folder, verbose):
    write_others(folder)
    write_cutout(folder / "good.fits", 10)
    result = annotate(run, positions, folder, *["--verbose"] * verbose)
    assert result.status == 0
    for name in ("page.fits", "unit.fits", "unit2.fits", "mask.fits"):
        assert (f"{folder}/{name}: " in result.err) == verbose
    assert "good.fits: " not in result.err


def test_run_in_which_every_row_fails_ends_with_the_most_frequent_reason(run, positions, folder):
    for ra in (10, 20, 30):
        path = folder / f"{ra}.fits"
        write_cutout(path, ra)
        with path.open("r+b") as stream:
            stream.truncate(20000)
    result = annotate(run, positions, folder)
    assert result.status == 3
    last = result.err.strip().splitlines()[-1]
    assert "no data for any of 3 rows" in last
    assert "The most frequent reason: cut short or header wrong" in last
    assert "(3 of 3)" in last
