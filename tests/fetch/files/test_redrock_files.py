import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.fetch.files.coadd_files import recognise_coadd
from astroclip_astro.fetch.files.fits_file import DamagedFileError, open_fits
from astroclip_astro.fetch.files.redrock_files import (
    RedrockFile,
    read_redrock,
    read_redrock_targets,
    recognise_redrock,
)


def redshifts(path):
    with open_fits(path) as hdus:
        return read_redrock(recognise_redrock(path, list(hdus)))


@pytest.mark.parametrize("name", ["REDSHIFTS", "ZBEST"])
def test_redshifts_are_read(tmp_path, write_redrock, name):
    path = write_redrock(tmp_path / "r.fits", [5, -6], [0.25, 2], name=name, zwarn=4)
    assert redshifts(path) == {5: (0.25, 4, "GALAXY"), -6: (2.0, 4, "GALAXY")}


def test_redshifts_are_plain_python(tmp_path, write_redrock):
    facts = redshifts(write_redrock(tmp_path / "r.fits", [5], [0.25]))[5]
    assert [type(value) for value in facts] == [float, int, str]


def test_redshift_that_is_no_number_is_none(tmp_path, write_redrock):
    assert redshifts(write_redrock(tmp_path / "r.fits", [5], [np.nan]))[5][0] is None


def test_first_row_of_a_targetid_stays(tmp_path, write_redrock):
    assert redshifts(write_redrock(tmp_path / "r.fits", [5, 5], [0.25, 0.5]))[5][0] == 0.25


def test_table_cut_short_is_damage(tmp_path, write_redrock, cut_in):
    path = write_redrock(tmp_path / "r.fits", list(range(500)), np.ones(500))
    cut_in(path, "REDSHIFTS")
    with pytest.raises(DamagedFileError, match="REDSHIFTS"):
        read_redrock(RedrockFile(path, 1))


def test_redrock_file_cut_short_behind_its_redshifts_is_read(tmp_path, write_redrock, cut_in):
    path = write_redrock(tmp_path / "r.fits", [5], [0.25])
    with fits.open(path) as hdus:
        table = fits.BinTableHDU(np.rec.fromarrays([np.arange(5000)], names="A"), name="FIBERMAP")
        fits.HDUList([*hdus, table]).writeto(path, overwrite=True)
    cut_in(path, "FIBERMAP")
    with open_fits(path) as hdus:
        assert recognise_coadd(path, list(hdus)) is None
    assert redshifts(path)[5][0] == 0.25
    assert read_redrock_targets(RedrockFile(path, 1)) is None


def test_observations_and_targets_are_read(tmp_path, write_redrock):
    fibermap = {"TARGETID": [5], "TARGET_RA": [1.0], "TARGET_DEC": [2.0], "COADD_EXPTIME": [900.0]}
    path = write_redrock(tmp_path / "r.fits", [5], [0.25], cards={"TILEID": 7}, fibermap=fibermap)
    with open_fits(path) as hdus:
        file = recognise_redrock(path, list(hdus))
    targets = read_redrock_targets(file)
    assert file.identity == {"TILEID": "7"}
    assert (targets.targetid.tolist(), targets.exposure.tolist()) == ([5], [900.0])


def test_coadd_is_no_redrock_file(tmp_path, write_coadd):
    path = write_coadd(tmp_path / "coadd-1.fits", [5], [1], [2])
    with open_fits(path) as hdus:
        assert recognise_redrock(path, list(hdus)) is None


@pytest.mark.real_data
def test_real_redshift(real_data):
    path = real_data / "desi_coadds" / "redrock-4-80613-thru20210324.fits"
    [(redshift, zwarn, spectype)] = [tuple(facts) for facts in redshifts(path).values()]
    assert (round(redshift, 5), zwarn, spectype) == (0.36874, 0, "GALAXY")
