"""The whole pipe on real cutouts and real DESI spectra."""

import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

import astroclip_astro
from astroclip_astro.annotate.plan import make_plan
from astroclip_astro.annotate.run import start_run
from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.flags import Flag

pytestmark = pytest.mark.real_data

BROKEN = [(np.nan, 10.0), (10.0, 95.0), (400.0, 0.0)]
ABSENT = [(200.0, -80.0), (12.3, 45.6)]


def centre(path):
    """The sky position at the middle of a cutout."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a truncated file, a CD matrix without its zeros
        with fits.open(path, ignore_missing_end=True) as hdus:
            header = next(hdu.header for hdu in hdus if "CRVAL1" in hdu.header)
        wcs = WCS(header).celestial
    ra, dec = wcs.all_pix2world((header["NAXIS1"] - 1) / 2, (header["NAXIS2"] - 1) / 2, 0)
    return float(ra), float(dec)


@pytest.fixture(scope="module")
def catalogue(real_data):
    """All cutouts, all coadd targets, broken and absent rows."""
    rows = []
    for path in sorted((real_data / "cutouts").glob("*.fits")):
        rows.append(("cutout", path.name, 0, *centre(path)))
    for path in sorted((real_data / "desi_coadds").glob("coadd*.fits")):
        fibermap = Table.read(path, hdu="FIBERMAP")
        for target in fibermap:
            rows.append(
                (
                    "coadd",
                    path.name,
                    target["TARGETID"],
                    target["TARGET_RA"],
                    target["TARGET_DEC"],
                )
            )
    rows += [("broken", "", 0, *place) for place in BROKEN]
    rows += [("absent", "", 0, *place) for place in ABSENT]
    return Table(rows=rows, names=["kind", "file", "expected", "ra", "dec"])


@pytest.fixture(scope="module")
def annotated(catalogue, real_data, tmp_path_factory):
    """The catalogue as the command annotates it."""
    folder = tmp_path_factory.mktemp("real")
    catalogue.write(folder / "cat.ecsv")
    start_run(make_plan(folder / "cat.ecsv", source=str(real_data), device="cpu")).annotate()
    return read_catalogue(folder / "cat_astroclip.fits")


def values(table, name):
    """The values of a float column, NaN where null."""
    return np.ma.MaskedArray(table[name]).filled(np.nan)


def null(table, name):
    """Which rows are null: masked, NaN in a column of floats, or an empty string."""
    column = np.ma.MaskedArray(table[name])
    gone = np.ma.getmaskarray(column)
    if column.dtype.kind == "f":
        gone = gone | np.isnan(column.data)
    elif column.dtype.kind in "US":
        gone = gone | (column.data == "")
    return gone.reshape(len(table), -1).all(1)


def with_data(real_data, table):
    """Which coadd rows have any data in their spectrum."""
    chosen = []
    for index in np.flatnonzero(table["kind"] == "coadd"):
        with fits.open(real_data / "desi_coadds" / str(table["file"][index])) as hdus:
            row = np.flatnonzero(hdus["FIBERMAP"].data["TARGETID"] == table["expected"][index])[0]
            if any((hdus[f"{camera}_IVAR"].data[row] > 0).any() for camera in "BRZ"):
                chosen.append(index)
    return np.array(chosen)


def test_every_coadd_target_gets_its_own_targetid(annotated):
    coadds = annotated["kind"] == "coadd"
    np.testing.assert_array_equal(
        np.asarray(annotated["astroclip_targetid"][coadds]),
        np.asarray(annotated["expected"][coadds]),
    )
    assert (annotated["astroclip_separation"][coadds] < 0.1).all()


def test_every_readable_spectrum_has_finite_values(annotated, real_data):
    rows = with_data(real_data, annotated)
    assert len(rows) == 3
    for name in ("spectrum", "z_spectrum", "z_spectrum_err", "logmstar_spectrum", "snr", "z"):
        assert np.isfinite(values(annotated[rows], f"astroclip_{name}")).all(), name


def test_empty_fibres_are_flagged_and_null(annotated, real_data):
    coadds = np.flatnonzero(annotated["kind"] == "coadd")
    empty = np.setdiff1d(coadds, with_data(real_data, annotated))
    assert len(empty) == 3
    flags = np.asarray(annotated["astroclip_flags"][empty])
    assert (flags & Flag.BAD_SPECTRUM).all()
    assert (flags & Flag.NO_SPECTRUM).all()
    assert null(annotated, "astroclip_z_spectrum")[empty].all()


def test_every_readable_cutout_has_finite_values(annotated):
    rows = (annotated["kind"] == "cutout") & (annotated["file"] != "truncated.fits")
    for name in ("image", "z_image", "z_image_err", "logmstar_image", "novelty_image", "z"):
        assert np.isfinite(values(annotated[rows], f"astroclip_{name}")).all(), name
    assert not (annotated["astroclip_flags"][rows] & Flag.NO_IMAGE).any()


def test_truncated_cutout_is_flagged(annotated):
    row = int(np.flatnonzero(annotated["file"] == "truncated.fits")[0])
    assert annotated["astroclip_flags"][row] & Flag.SOURCE_FAILED
    assert annotated["astroclip_flags"][row] & Flag.NO_IMAGE
    assert null(annotated, "astroclip_image")[row]


def test_bad_pixels_are_flagged(annotated):
    row = annotated["file"] == "decals-dr5_bad_pixels_oversampled.fits"
    assert annotated["astroclip_flags"][row][0] & Flag.INCOMPLETE_IMAGE


def test_whole_cutouts_are_not_flagged_as_incomplete(annotated):
    for name in ("decals-dr5_0.0044_0.5413.fits", "ls-dr9-south_59.1067_-30.4848.fits"):
        row = annotated["file"] == name
        assert not annotated["astroclip_flags"][row][0] & Flag.INCOMPLETE_IMAGE


def test_desi_redshift_comes_from_the_file_beside(annotated):
    row = np.asarray(annotated["expected"]) == 39633345008634465
    assert annotated["astroclip_desi_z"][row][0] == pytest.approx(0.36874, abs=1e-5)
    assert annotated["astroclip_desi_zwarn"][row][0] == 0
    assert annotated["astroclip_desi_spectype"][row][0] == "GALAXY"


def test_broken_rows_are_flagged(annotated):
    flags = np.asarray(annotated["astroclip_flags"][annotated["kind"] == "broken"])
    assert (flags & Flag.BAD_COORDINATES).all()


def test_absent_objects_are_flagged_without_data(annotated):
    rows = np.isin(annotated["kind"], ["absent", "broken"])
    flags = np.asarray(annotated["astroclip_flags"][rows])
    assert (flags & (Flag.NO_IMAGE | Flag.NO_SPECTRUM) == Flag.NO_IMAGE | Flag.NO_SPECTRUM).all()
    for name in ("astroclip_z", "astroclip_targetid", "astroclip_image", "astroclip_nearest"):
        assert null(annotated, name)[rows].all(), name


def test_shuffled_rows_give_shuffled_results(annotated, catalogue, real_data):
    order = np.random.default_rng(4).permutation(len(catalogue))
    shuffled = catalogue[order].astroclip.annotate(source=str(real_data), device="cpu")
    for name in annotated.colnames:
        if not name.startswith("astroclip_"):
            continue
        if annotated[name].dtype.kind == "f":
            np.testing.assert_allclose(
                values(shuffled, name), values(annotated, name)[order], atol=1e-5, err_msg=name
            )
        else:
            np.testing.assert_array_equal(null(shuffled, name), null(annotated, name)[order])
            assert (shuffled[name] == annotated[name][order])[~null(shuffled, name)].all(), name


def test_method_gives_the_command_s_columns(annotated, catalogue, real_data):
    table = catalogue.copy().astroclip.annotate(source=str(real_data), device="cpu")
    assert table.colnames == annotated.colnames
    np.testing.assert_allclose(
        values(table, "astroclip_z"), values(annotated, "astroclip_z"), atol=1e-6
    )


def test_embedding_of_a_cutout_file_is_the_row_s(annotated, real_data):
    name = "decals-dr5_0.0044_0.5413.fits"
    model = astroclip_astro.load_model("compact", device="cpu")
    image = fits.getdata(real_data / "cutouts" / name)
    row = annotated["file"] == name
    np.testing.assert_allclose(
        model.embed_images(image[None])[0], annotated["astroclip_image"][row][0], atol=1e-6
    )


def test_targetid_catalogue_needs_no_positions(annotated, catalogue, real_data):
    ids = catalogue["expected"][catalogue["kind"] == "coadd"]
    table = Table({"TARGETID": ids}).astroclip.annotate(source=str(real_data), device="cpu")
    np.testing.assert_array_equal(np.asarray(table["astroclip_targetid"]), np.asarray(ids))
    rows = annotated["kind"] == "coadd"
    np.testing.assert_allclose(
        values(table, "astroclip_z_spectrum"),
        values(annotated[rows], "astroclip_z_spectrum"),
        atol=1e-6,
    )
