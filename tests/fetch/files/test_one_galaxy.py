"""One cutout or spectrum of one file; what is wrong with a file is said."""

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.files.one_galaxy import read_one_cutout, read_one_spectrum

IMAGE = np.random.default_rng(2).normal(size=(3, 60, 60)).astype(np.float32)


def test_middle_of_a_cutout_is_read(tmp_path, write_cutout):
    cutout = read_one_cutout(write_cutout(tmp_path / "a.fits", IMAGE), 20)
    np.testing.assert_array_equal(cutout.image, IMAGE[:, 20:40, 20:40])
    assert cutout.complete


def test_cutout_that_is_too_small_is_incomplete(tmp_path, write_cutout):
    assert not read_one_cutout(write_cutout(tmp_path / "a.fits", IMAGE), 96).complete


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path, write: path, "No such file"),
        (lambda path, write: write(path, 0 * IMAGE), "no pixel around its centre"),
        (lambda path, write: write(path, IMAGE, bands="uyj"), "expected some of g, r, z"),
        (lambda path, write: fits.writeto(path, IMAGE) or path, "no image with named bands"),
        (lambda path, write: path.write_text("no") and path, "expected a FITS cutout"),
    ],
)
def test_file_that_is_no_cutout_is_refused(tmp_path, write_cutout, make, words):
    path = tmp_path / "a.fits"
    make(path, write_cutout)
    with pytest.raises(InputError, match=words):
        read_one_cutout(path, 20)


def test_truncated_cutout_is_refused(tmp_path, write_cutout):
    path = write_cutout(tmp_path / "a.fits", IMAGE)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(InputError, match="cannot be used"):
        read_one_cutout(path, 20)


def test_only_spectrum_of_a_coadd_is_read(tmp_path, write_coadd):
    spectrum = read_one_spectrum(write_coadd(tmp_path / "c.fits", [7], [10], [20], [3.5]))
    assert (spectrum.targetid, spectrum.ra, spectrum.dec) == (7, 10, 20)
    assert np.allclose(spectrum.flux, 3.5)
    assert np.isnan(spectrum.separation)


def test_sky_fibres_are_no_choice(tmp_path, write_coadd):
    path = write_coadd(
        tmp_path / "c.fits", [5, 7], [0, 10], [0, 20], OBJTYPE=np.array(["SKY", "TGT"])
    )
    assert read_one_spectrum(path).targetid == 7


def test_targetid_chooses(tmp_path, write_coadd):
    path = write_coadd(tmp_path / "c.fits", [5, 7, 9], [0, 1, 2], [0, 0, 0], [1, 2, 3])
    assert read_one_spectrum(path, 7).flux[100] == 2


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, 1),
        ({"COADD_EXPTIME": np.array([1.0, 9, 5])}, 2),
        ({"COADD_EXPTIME": np.array([1.0, 9, 5]), "COADD_FIBERSTATUS": np.array([0, 1, 0])}, 3),
    ],
)
def test_best_of_several_with_one_targetid_is_read(tmp_path, write_coadd, columns, expected):
    path = write_coadd(tmp_path / "c.fits", [7, 7, 7], [1, 1, 1], [0, 0, 0], [1, 2, 3], **columns)
    spectrum = read_one_spectrum(path)
    assert spectrum.flux[100] == expected
    assert spectrum.matches == 3


def test_exposures_of_one_targetid_are_combined(tmp_path, write_coadd):
    path = write_coadd(
        tmp_path / "spectra.fits",
        *([7] * 3, [1] * 3, [0] * 3, [9, 2, 4]),
        COADD_FIBERSTATUS=None,
        COADD_EXPTIME=None,
        FIBERSTATUS=np.array([512, 0, 0]),
    )
    spectrum = read_one_spectrum(path, 7)
    assert (spectrum.flux[100], spectrum.good_fibre, spectrum.matches) == (3, True, 3)


@pytest.mark.parametrize(
    ("targetid", "words"),
    [(None, r"2 targets \(5, 7, ...\); say which: --targetid"), (6, "no TARGETID 6 among its 2")],
)
def test_spectrum_that_is_not_told_is_refused(tmp_path, write_coadd, targetid, words):
    with pytest.raises(InputError, match=words):
        read_one_spectrum(write_coadd(tmp_path / "c.fits", [5, 7], [0, 1], [0, 0]), targetid)


@pytest.mark.parametrize("content", [b"nothing", None])
def test_file_that_is_no_coadd_is_refused(tmp_path, content):
    path = tmp_path / "c.fits"
    if content:
        path.write_bytes(content)
    else:
        fits.writeto(path, np.zeros((3, 3)))
    with pytest.raises(InputError, match="expected a DESI coadd"):
        read_one_spectrum(path)
