"""Whose spectra a file holds, by whatever name its columns have; nothing unknown is good."""

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, strategies as st

from astroclip_astro.fetch.files.fibermap import (
    Fibermap,
    exposures_of_targets,
    find_fibermap,
    read_fibermap,
)
from astroclip_astro.fetch.files.fits_file import DamagedFileError, open_fits

COLUMNS = {"TARGETID": [7, 8], "TARGET_RA": [1.0, 2.0], "TARGET_DEC": [3.0, 4.0]}


def table(columns, name="FIBERMAP"):
    arrays = [np.asarray(values) for values in columns.values()]
    return fits.BinTableHDU(np.rec.fromarrays(arrays, names=list(columns)), name=name)


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a FIBERMAP of columns and reads it."""

    def through_a_file(**columns):
        path = tmp_path / "fibermap.fits"
        table(COLUMNS | columns).writeto(path, overwrite=True)
        with open_fits(path) as hdus:
            return read_fibermap(hdus[1], path)

    return through_a_file


@pytest.mark.parametrize("name", ["FIBERMAP", "fibermap", "COADD_FIBERMAP", "EXP_FIBERMAP"])
def test_table_is_found_by_any_of_its_names(name):
    hdu = table(COLUMNS)
    hdu.header["EXTNAME"] = name
    assert find_fibermap([fits.PrimaryHDU(), hdu]) is hdu


def test_of_two_tables_the_one_with_a_row_a_spectrum_is_taken():
    coadd, single = table(COLUMNS, "COADD_FIBERMAP"), table({"TARGETID": [7, 7, 8]}, "FIBERMAP")
    hdus = [fits.PrimaryHDU(), single, coadd]
    assert find_fibermap(hdus, 2) is coadd
    assert find_fibermap(hdus, 3) is single
    assert find_fibermap(hdus) is single


def test_an_image_of_that_name_is_no_table():
    assert find_fibermap([fits.PrimaryHDU(), fits.ImageHDU(name="FIBERMAP")]) is None


@pytest.mark.parametrize("name", ["COADD_FIBERSTATUS", "FIBERSTATUS", "fiberstatus"])
def test_fibre_status_is_found_by_any_of_its_names(read, name):
    fibermap = read(**{name: [0, 520]})
    assert fibermap.good_fibre.tolist() == [True, False]
    assert fibermap.known_fibre.all()


def test_status_of_the_coadd_comes_before_that_of_an_exposure(read):
    assert read(FIBERSTATUS=[1, 1], COADD_FIBERSTATUS=[0, 0]).good_fibre.all()


def test_absent_fibre_status_is_unknown_and_not_good(read):
    fibermap = read()
    assert not fibermap.known_fibre.any()
    assert not fibermap.good_fibre.any()


def test_positions_of_the_fibres_stand_in_for_those_of_the_targets(tmp_path):
    path = tmp_path / "a.fits"
    table({"TARGETID": [7], "FIBER_RA": [1.0], "FIBER_DEC": [3.0]}).writeto(path)
    with open_fits(path) as hdus:
        assert read_fibermap(hdus[1], path).ra.tolist() == [1.0]


@pytest.mark.parametrize("gone", ["TARGETID", "TARGET_DEC"])
def test_what_is_missing_is_named(tmp_path, gone):
    path = tmp_path / "a.fits"
    table({name: value for name, value in COLUMNS.items() if name != gone}).writeto(path)
    with open_fits(path) as hdus, pytest.raises(DamagedFileError, match=f"FIBERMAP has no.*{gone}"):
        read_fibermap(hdus[1], path)


@pytest.mark.parametrize(
    ("columns", "single"),
    [
        ({"FIBERSTATUS": [0, 0]}, True),
        ({"EXPID": [1, 2]}, True),
        ({"COADD_NUMEXP": [1, 2], "FIBERSTATUS": [0, 0]}, False),
        ({}, False),
    ],
)
def test_rows_are_exposures_or_not(read, columns, single):
    assert read(**columns).single == single


def fibermap_of(targetid, status, dec=None):
    """Single exposures; status None is unknown."""
    count = len(targetid)
    return Fibermap(
        targetid=np.asarray(targetid),
        ra=np.zeros(count),
        dec=np.zeros(count) if dec is None else np.asarray(dec),
        good_fibre=np.array([value == 0 for value in status], bool),
        known_fibre=np.array([value is not None for value in status], bool),
        is_target=np.ones(count, bool),
        exposure=np.ones(count),
        single=True,
    )


def combined(fibermap):
    return {row: rows.tolist() for row, rows in exposures_of_targets(fibermap).items()}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ([512, 0, 0], {1: [1, 2], 2: [1, 2]}),
        ([0, 512, 512], {}),
        ([512, 512, 1], {}),
        ([None, None, 512], {0: [0, 1], 1: [0, 1]}),
        ([None, 0, 0], {1: [1, 2], 2: [1, 2]}),
        ([None, 0, 512], {}),
    ],
)
def test_good_exposures_are_combined_and_unknown_ones_only_without_good_ones(status, expected):
    assert combined(fibermap_of([7, 7, 7], status)) == expected


def test_a_targetid_that_stands_for_nothing_combines_nothing():
    assert combined(fibermap_of([0, 0, 0], [0, 0, 0], dec=[1.0, 2.0, 3.0])) == {}


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0, 512, None])), max_size=12))
def test_rows_are_combined_with_their_own_target_and_quality_alone(rows):
    fibermap = fibermap_of([target for target, _ in rows], [status for _, status in rows])
    for row, group in combined(fibermap).items():
        assert row in group
        assert len(group) > 1
        assert {rows[other] for other in group} == {rows[row]}
        assert rows[row][1] != 512
