"""A redshift belongs to the spectrum that it was measured on, and to no other."""

import shutil

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.fetch.local import LocalSource

HEALPIX = {"SURVEY": "main", "PROGRAM": "dark", "SPGRP": "healpix", "HPXPIXEL": 26065}
TILE = {"TILEID": 80613, "PETAL": 4, "SPGRPVAL": 20210324}
TARGETS = {"TARGETID": [10], "TARGET_RA": [50.0], "TARGET_DEC": [1.0], "COADD_EXPTIME": [1000.0]}


@pytest.fixture
def redshift(tmp_path, at):
    """Return a function that reads the folder: the target's redshift, and what is said."""

    def read():
        source = LocalSource(tmp_path)
        [found] = source.spectra(at(50, 1), 1)
        assert found.targetid == 10
        return found.redshift, " ".join(reason for _, reason in source.problems)

    return read


@pytest.mark.parametrize(
    ("coadd", "redrock"),
    [
        ("coadd-1.fits", "redrock-1.fits"),
        ("coadd-1.fits", "zbest-1.fits"),
        ("coadd-1.fits", "REDROCK-1.fits"),
        ("spectra-1.fits", "redrock-1.fits"),
        ("coadd-main-dark-26065.fits", "redrock-main-dark-26065.fits"),
        ("my_coadd.fits", "my_zbest.fits"),
    ],
)
def test_files_of_one_name_are_a_pair(
    tmp_path, write_coadd, write_redrock, redshift, coadd, redrock
):
    write_coadd(tmp_path / coadd, [10], [50], [1])
    write_redrock(tmp_path / redrock, [10], [0.25])
    assert redshift() == (0.25, "")


def test_redrock_comes_before_the_older_zbest(tmp_path, write_coadd, write_redrock, redshift):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    write_redrock(tmp_path / "zbest-1.fits", [10], [0.5], name="ZBEST")
    write_redrock(tmp_path / "redrock-1.fits", [10], [0.25])
    assert redshift() == (0.25, "")


@pytest.mark.parametrize(
    "name", ["redrock-2.fits", "zbest-9.fits", "redshifts.fits", "sub/redrock-1.fits"]
)
def test_targetid_alone_makes_no_pair(tmp_path, write_coadd, write_redrock, redshift, name):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    (tmp_path / "sub").mkdir()
    write_redrock(tmp_path / name, [10], [0.25])
    found, said = redshift()
    assert found is None
    assert ("not used for coadd-1.fits" in said) == (not name.startswith("sub"))


def test_redrock_file_of_another_coadd_of_the_folder_is_no_news(
    tmp_path, write_coadd, write_redrock, redshift
):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    write_coadd(tmp_path / "coadd-2.fits", [10], [90], [1])
    write_redrock(tmp_path / "redrock-2.fits", [10], [0.25])
    assert redshift() == (None, "")


@pytest.mark.parametrize("cards", [HEALPIX, TILE, TILE | {"SPECTRO": 4, "NIGHT": 20210324}])
def test_headers_make_a_pair_whatever_the_names(
    tmp_path, write_coadd, write_redrock, redshift, cards
):
    write_coadd(tmp_path / "mine.fits", [10], [50], [1], cards=cards)
    write_redrock(tmp_path / "redshifts.fits", [10], [0.25], cards=cards)
    write_redrock(tmp_path / "a.fits", [10], [0.75], cards=cards | {"SURVEY": "sv1", "TILEID": 3})
    assert redshift()[0] == 0.25


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (HEALPIX, HEALPIX | {"HPXPIXEL": 26066}, "HPXPIXEL 26065 and 26066"),
        (HEALPIX, HEALPIX | {"PROGRAM": "bright"}, "PROGRAM dark and bright"),
        (HEALPIX, {"SURVEY": "sv3"}, "SURVEY main and sv3"),
        (TILE, TILE | {"SPGRPVAL": 20210401}, "SPGRPVAL 20210324 and 20210401"),
        (TILE, TILE | {"PETAL": 5}, "PETAL 4 and 5"),
        (
            {"DEPNAM00": "SPECPROD", "DEPVER00": "iron"},
            {"DEPNAM03": "SPECPROD", "DEPVER03": "fuji"},
            "SPECPROD iron and fuji",
        ),
    ],
)
def test_headers_that_differ_separate_files_of_one_name(
    tmp_path, write_coadd, write_redrock, redshift, ours, theirs, words
):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1], cards=ours)
    write_redrock(tmp_path / "redrock-1.fits", [10], [0.25], cards=theirs)
    found, said = redshift()
    assert found is None
    assert words in said


def test_headers_find_the_file_that_belongs_where_names_mislead(
    tmp_path, write_coadd, write_redrock, redshift
):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1], cards=TILE)
    write_redrock(tmp_path / "redrock-1.fits", [10], [0.75], cards=TILE | {"PETAL": 5})
    write_redrock(tmp_path / "redrock-9.fits", [10], [0.25], cards=TILE)
    found, said = redshift()
    assert found == 0.25
    assert "PETAL 4 and 5" in said


def test_pair_without_a_common_target_is_said(tmp_path, write_coadd, write_redrock, redshift):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    write_redrock(tmp_path / "redrock-1.fits", [11], [0.25])
    assert redshift() == (None, "has no redshift for coadd-1.fits")


def test_a_common_card_that_does_not_say_it_all_makes_no_pair(
    tmp_path, write_coadd, write_redrock, redshift
):
    write_coadd(tmp_path / "mine.fits", [10], [50], [1], cards={"SURVEY": "main"})
    write_redrock(tmp_path / "redshifts.fits", [10], [0.25], cards={"SURVEY": "main"})
    assert redshift()[0] is None


def test_fibermap_with_the_same_exposures_makes_a_pair(
    tmp_path, write_coadd, write_redrock, redshift
):
    write_coadd(tmp_path / "mine.fits", [10], [50], [1])
    write_redrock(tmp_path / "redshifts.fits", [10], [0.25], fibermap=TARGETS)
    assert redshift() == (0.25, "")


def test_fibermap_that_fits_two_coadds_makes_no_pair(
    tmp_path, write_coadd, write_redrock, redshift
):
    for name in ("mine.fits", "other.fits"):
        write_coadd(tmp_path / name, [10], [50], [1])
    write_redrock(tmp_path / "redshifts.fits", [10], [0.25], fibermap=TARGETS)
    assert redshift()[0] is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"TARGET_DEC": [1 + 3 / 3600]}, "different positions"),
        ({"COADD_EXPTIME": [300.0]}, "different exposure times"),
    ],
)
def test_target_that_is_another_in_the_pair_has_no_redshift(
    tmp_path, write_coadd, write_redrock, redshift, change, words
):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    write_redrock(tmp_path / "redrock-1.fits", [10], [0.25], fibermap=TARGETS | change)
    found, said = redshift()
    assert found is None
    assert words in said


def test_other_targets_of_the_pair_keep_their_redshifts(tmp_path, write_coadd, write_redrock, at):
    write_coadd(tmp_path / "coadd-1.fits", [10, 20, 30], [50, 60, 70], [1, 1, 1])
    fibermap = {
        "TARGETID": [20, 10],
        "TARGET_RA": [60.0, 55.0],
        "TARGET_DEC": [1.0, 1.0],
        "OBJTYPE": ["TGT", "TGT"],
    }
    path = tmp_path / "redrock-1.fits"
    write_redrock(path, [20, 10, 30], [0.2, 0.1, 0.3], fibermap=fibermap)
    found = LocalSource(tmp_path).spectra(at(targetid=[10, 20, 30]), 1)
    assert [spectrum.redshift for spectrum in found] == [None, 0.2, 0.3]


def test_redshifts_are_those_of_the_same_reduction_of_exposures(
    tmp_path, write_coadd, write_redrock, redshift
):
    """A redrock file stands beside the coadd and the exposures that it was made of."""
    single = {"COADD_FIBERSTATUS": None, "COADD_EXPTIME": None}
    write_coadd(
        tmp_path / "spectra-1.fits", [10, 10], [50, 50], [1, 1], EXPTIME=np.full(2, 500.0), **single
    )
    write_redrock(tmp_path / "redrock-1.fits", [10], [0.25], fibermap=TARGETS)
    assert redshift() == (0.25, "")


@pytest.mark.real_data
def test_real_pair_is_known_by_its_headers(real_data, tmp_path, at):
    folder = real_data / "desi_coadds"
    shutil.copy(folder / "coadd-4-80613-thru20210324.fits", tmp_path / "mine.fits")
    shutil.copy(folder / "redrock-4-80613-thru20210324.fits", tmp_path / "redshifts.fits")
    source = LocalSource(tmp_path)
    [found] = source.spectra(at(targetid=[39633345008634465]), 1)
    assert round(found.redshift, 5) == 0.36874
    assert source.problems == []


@pytest.mark.real_data
def test_real_redrock_file_gives_nothing_to_another_coadd(real_data, tmp_path, at):
    folder = real_data / "desi_coadds"
    shutil.copy(folder / "coadd-sv3-dark-26065.fits", tmp_path / "coadd-1.fits")
    path = tmp_path / "redrock-1.fits"
    with fits.open(folder / "redrock-4-80613-thru20210324.fits") as hdus:
        hdus["REDSHIFTS"].data["TARGETID"] = 39627866878511337
        hdus.writeto(path)
    source = LocalSource(tmp_path)
    [found] = source.spectra(at(targetid=[39627866878511337]), 1)
    assert found.redshift is None
    [(where, reason)] = source.problems
    assert where == path
    assert "SPECPROD fuji and iron" in reason
