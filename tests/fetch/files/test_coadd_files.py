import gzip
import shutil

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.fetch.files.coadd_files import read_spectra, recognise_coadd
from astroclip_astro.fetch.files.fits_file import DamagedFileError, open_fits
from astroclip_astro.records import WAVELENGTH


def recognise(path):
    with open_fits(path) as hdus:
        return recognise_coadd(path, list(hdus))


def spectrum(path, row=0):
    return read_spectra(recognise(path), [row])[row]


@pytest.fixture
def one(tmp_path, write_coadd):
    """Return a function that writes a coadd of two targets, edited, and returns its path."""

    def write(change=None, **options):
        path = tmp_path / "coadd-1.fits"
        target = {"targetid": [10, -20], "ra": [1, 2], "dec": [3, 4]}
        return write_coadd(path, change=change, **target | options)

    return write


def test_targets_are_read(one):
    file = recognise(one())
    assert file.targetid.tolist() == [10, -20]
    assert (file.ra.tolist(), file.dec.tolist()) == ([1, 2], [3, 4])
    assert file.exposure.tolist() == [1000, 1000]
    assert file.damage is None


def test_fibre_status_and_object_type_are_read(one):
    file = recognise(one(COADD_FIBERSTATUS=np.array([0, 520]), OBJTYPE=np.array(["TGT", "SKY"])))
    assert file.good_fibre.tolist() == [True, False]
    assert file.is_target.tolist() == [True, False]


def test_columns_of_other_releases_may_be_absent(one):
    file = recognise(one(COADD_FIBERSTATUS=None, OBJTYPE=None, COADD_EXPTIME=None))
    assert [file.quality(row) for row in (0, 1)] == [None, None]
    assert file.is_target.all()
    assert file.exposure.tolist() == [0, 0]


def test_unknown_exposure_is_zero(one):
    assert recognise(one(COADD_EXPTIME=np.array([np.nan, 5]))).exposure.tolist() == [0, 5]


def test_without_fibermap_it_is_no_coadd(one):
    def drop(hdus):
        del hdus["FIBERMAP"]

    assert recognise(one(drop)) is None


def test_without_camera_it_is_no_coadd(one):
    assert recognise(one(cameras="")) is None


def test_camera_without_one_of_its_parts_is_damage(one):
    def drop(hdus):
        del hdus["B_IVAR"]

    assert recognise(one(drop)).damage == "B_IVAR is missing"


@pytest.mark.parametrize("name", ["TARGETID", "TARGET_RA"])
def test_fibermap_without_needed_column_is_damaged(one, name):
    with pytest.raises(DamagedFileError, match=name):
        recognise(one(**{name: None}))


def test_rows_are_not_mixed_up(one):
    spectra = read_spectra(recognise(one(flux=[3, 5])), [1, 0, 1])
    assert {row: set(flux) for row, (flux, _) in spectra.items()} == {0: {3.0}, 1: {5.0}}


def test_spectrum_is_on_the_grid_in_float32(one):
    for array in spectrum(one()):
        assert (array.shape, array.dtype) == ((len(WAVELENGTH),), np.float32)


def test_overlap_is_the_weighted_mean(one):
    def edit(hdus):
        hdus["R_FLUX"].data[:], hdus["R_IVAR"].data[:] = 7, 1

    flux, ivar = spectrum(one(edit, flux=[2, 2]))
    # B ends at 5800, R begins at 5760.
    overlap = (WAVELENGTH > 5759.9) & (WAVELENGTH < 5800.1)
    assert overlap.sum() == 51
    np.testing.assert_allclose(flux[overlap], (2 * 4 + 7 * 1) / 5)
    np.testing.assert_allclose(ivar[overlap], 5)
    assert set(flux[WAVELENGTH < 5759.9]) == {2}


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
def test_sample_without_weight_has_no_flux(one, value):
    def edit(hdus):
        hdus["B_IVAR"].data[0, 10] = value

    flux, ivar = spectrum(one(edit))
    assert (flux[10], ivar[10]) == (0, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_sample_without_flux_has_no_weight(one, value):
    def edit(hdus):
        hdus["B_FLUX"].data[0, 10] = value

    flux, ivar = spectrum(one(edit))
    assert (flux[10], ivar[10]) == (0, 0)


def test_camera_without_data_leaves_the_overlap_to_the_other(one):
    def edit(hdus):
        hdus["B_FLUX"].data[:] = np.nan

    flux, ivar = spectrum(one(edit, flux=[2, 2]))
    assert not flux[WAVELENGTH < 5759.9].any()
    assert set(flux[WAVELENGTH > 5759.9]) == {2}
    assert set(ivar[(WAVELENGTH > 5759.9) & (WAVELENGTH < 5800.1)]) == {4}


@pytest.mark.parametrize("cameras", ["B", "RZ", "BZ"])
def test_missing_cameras_leave_zeros(one, cameras):
    ranges = {"B": (3600, 5800), "R": (5760, 7620), "Z": (7520, 9824)}
    expected = np.zeros(len(WAVELENGTH), bool)
    for camera in cameras:
        low, high = ranges[camera]
        expected |= (low - 0.1 < WAVELENGTH) & (high + 0.1 > WAVELENGTH)
    flux, ivar = spectrum(one(cameras=cameras))
    np.testing.assert_array_equal(flux > 0, expected)
    np.testing.assert_array_equal(ivar > 0, expected)


@pytest.mark.parametrize("part", ["FLUX", "IVAR"])
@pytest.mark.parametrize("cut", [np.s_[:1], np.s_[:, 1:]], ids=["rows", "samples"])
def test_shapes_that_disagree_are_damage(one, part, cut):
    def edit(hdus):
        hdus[f"R_{part}"].data = hdus[f"R_{part}"].data[cut]

    assert f"R_{part} has shape" in recognise(one(edit)).damage


@pytest.mark.parametrize(
    "change", [lambda w: w + 0.1, lambda w: w * 1.0001, lambda w: w + 800, lambda w: w[::-1]]
)
def test_wavelengths_off_the_grid_are_damage(one, change):
    def edit(hdus):
        hdus["Z_WAVELENGTH"].data = change(hdus["Z_WAVELENGTH"].data) * 1.0

    with pytest.raises(DamagedFileError, match="Z_WAVELENGTH"):
        spectrum(one(edit, cameras="Z"))


def test_wavelengths_nearly_on_the_grid_are_taken(one):
    def edit(hdus):
        hdus["Z_WAVELENGTH"].data += 0.005

    assert spectrum(one(edit))[0].all()


@pytest.mark.parametrize("name", ["B_FLUX", "R_WAVELENGTH", "Z_IVAR"])
def test_file_cut_short_is_damaged(one, name, cut_in):
    path = one()
    cut_in(path, name)
    file = recognise(path)
    assert "cut short" in file.damage
    assert file.targetid.tolist() == [10, -20]


def test_file_cut_short_behind_its_spectra_is_not_damaged(one, cut_in):
    def edit(hdus):
        hdus.append(fits.ImageHDU(np.ones(5000), name="SCORES"))

    path = one(edit)
    cut_in(path, "SCORES")
    assert recognise(path).damage is None


def test_file_cut_short_before_its_other_cameras_is_damaged(one, cut_in):
    def edit(hdus):
        hdus.insert(5, fits.ImageHDU(np.ones(5000), name="B_MASK"))

    path = one(edit)
    cut_in(path, "B_MASK")
    assert "B_MASK" in recognise(path).damage


def test_fibermap_cut_short_is_damage(tmp_path, write_coadd, cut_in):
    many = np.arange(100)
    path = write_coadd(tmp_path / "coadd.fits", many, many, many / 2)
    cut_in(path, "FIBERMAP")
    with pytest.raises(DamagedFileError, match="FIBERMAP"):
        recognise(path)


@pytest.mark.parametrize("suffix", [".gz", ".fz"])
def test_packed_coadds_are_read(one, suffix):
    plain = one(flux=[3, 5])
    packed = plain.with_name(plain.name + suffix)
    if suffix == ".gz":
        with plain.open("rb") as stream, gzip.open(packed, "wb") as out:
            shutil.copyfileobj(stream, out)
    else:
        with fits.open(plain) as hdus:
            for number in (3, 4):
                hdu = hdus[number]
                hdus[number] = fits.CompImageHDU(
                    hdu.data, hdu.header, compression_type="GZIP_1", quantize_level=0
                )
            hdus.writeto(packed)
    np.testing.assert_array_equal(spectrum(packed, 1), spectrum(plain, 1))


def exposures(one, status, values, **columns):
    """Write exposures of one target at one place, and return the path."""
    count = len(values)
    return one(
        flux=values,
        targetid=[10] * count,
        ra=[1] * count,
        dec=[3] * count,
        COADD_FIBERSTATUS=None,
        COADD_EXPTIME=None,
        OBJTYPE=np.full(count, "TGT"),
        FIBERSTATUS=None if status is None else np.array(status),
        EXPTIME=np.full(count, 300.0),
        **columns,
    )


def test_good_exposures_are_combined_by_inverse_variance(one):
    def edit(hdus):
        for camera in "BRZ":
            hdus[f"{camera}_IVAR"].data[1], hdus[f"{camera}_IVAR"].data[2] = 1, 3

    path = exposures(one, [512, 0, 0], [9, 2, 6], change=edit)
    file = recognise(path)
    assert [file.quality(row) for row in range(3)] == [False, True, True]
    assert file.exposure.tolist() == [300, 600, 600]
    flux, ivar = spectrum(path, 2)
    outside = WAVELENGTH < 5700  # camera B alone
    assert set(flux[outside]) == {(1 * 2 + 3 * 6) / 4}
    assert set(ivar[outside]) == {4}
    assert set(spectrum(path, 0)[0]) == {9}


def test_exposures_of_unknown_quality_are_combined_and_stay_unknown(one):
    path = exposures(one, None, [2, 4])
    assert recognise(path).quality(0) is None
    assert set(spectrum(path)[0]) == {3}


def test_coadds_of_one_targetid_are_not_combined(one):
    path = one(flux=[2, 4], targetid=[10, 10], ra=[1, 1], dec=[3, 3])
    assert (set(spectrum(path, 0)[0]), set(spectrum(path, 1)[0])) == ({2.0}, {4.0})


@pytest.mark.parametrize("dtype", [np.int32, np.uint32])
def test_masked_samples_have_no_data(one, dtype):
    def edit(hdus):
        mask = np.zeros((2, 2751), dtype)
        mask[0, 10] = 1 << 20
        hdus.insert(5, fits.ImageHDU(mask, name="B_MASK"))

    path = one(edit)
    flux, ivar = spectrum(path)
    assert (flux[10], ivar[10]) == (0, 0)
    assert flux[11] > 0
    assert spectrum(path, 1)[0][10] > 0


def test_exposure_that_is_masked_leaves_a_sample_to_the_others(one):
    def edit(hdus):
        mask = np.zeros((2, 2751), np.int32)
        mask[0, 10] = 1
        hdus.insert(5, fits.ImageHDU(mask, name="B_MASK"))

    flux, ivar = spectrum(exposures(one, [0, 0], [2, 4], change=edit))
    assert (flux[10], ivar[10], flux[11], ivar[11]) == (4, 4, 3, 8)


def test_spectra_combined_across_cameras_are_read(one):
    flux, ivar = spectrum(one(flux=[3, 5], cameras=["BRZ"]), 1)
    assert (set(flux), set(ivar)) == ({5.0}, {4.0})


def test_combined_spectra_do_not_count_beside_the_cameras(one):
    _, ivar = spectrum(one(flux=[3, 5], cameras=["B", "R", "Z", "BRZ"]))
    assert ivar[10] == 4


@pytest.mark.parametrize("name", ["BRZ_FLUX", "BRZ_IVAR"])
def test_file_cut_short_in_its_combined_spectra_is_damaged(one, name, cut_in):
    path = one(cameras=["BRZ"])
    cut_in(path, name)
    assert "cut short" in recognise(path).damage


@pytest.mark.parametrize("name", ["EXP_FIBERMAP", "COADD_FIBERMAP", "fibermap"])
def test_fibermap_may_have_its_other_names(one, name):
    def rename(hdus):
        hdus["FIBERMAP"].header["EXTNAME"] = name

    assert recognise(one(rename)).targetid.tolist() == [10, -20]


def test_names_in_small_letters_are_understood(one):
    def rename(hdus):
        for hdu in hdus[1:]:
            hdu.header["EXTNAME"] = hdu.name.lower()

    assert set(spectrum(one(rename, flux=[3, 5]))[0]) == {3.0}


def test_table_with_the_name_of_a_spectrum_is_none(one):
    def edit(hdus):
        table = np.rec.fromarrays([np.arange(2)], names="A")
        hdus["B_FLUX"] = fits.BinTableHDU(table, name="B_FLUX")

    assert recognise(one(edit)).damage == "B_FLUX is missing"


@pytest.mark.parametrize("unit", ["Jy", "10**-18 W/m2/um", "electron/Angstrom"])
def test_spectra_in_other_units_are_refused(one, unit):
    def edit(hdus):
        hdus["R_FLUX"].header["BUNIT"] = unit

    assert "R_FLUX in" in recognise(one(edit)).damage


@pytest.mark.parametrize(
    "unit", ["10**-17 erg/(s cm2 Angstrom)", "1E-17 erg s-1 cm-2 Angstrom-1", ""]
)
def test_spectra_in_the_unit_of_desi_are_taken(one, unit):
    def edit(hdus):
        hdus["R_FLUX"].header["BUNIT"] = unit

    assert recognise(one(edit)).damage is None


def test_file_that_is_gone_is_damage(one):
    file = recognise(one())
    file.path.unlink()
    with pytest.raises(DamagedFileError, match="FileNotFoundError"):
        read_spectra(file, [0])


# Numbers from the real files.
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "targetid"),
    [
        ("coadd-4-80613-thru20210324.fits", 39633345008634465),
        ("coadd-sv3-dark-26065.fits", 39627866878511337),
    ],
)
def test_cameras_combine_as_published(real_data, name, targetid):
    path = real_data / "desi_coadds" / name
    row = recognise(path).targetid.tolist().index(targetid)
    table = fits.getdata(real_data / "desi_spectra.fits", 1)
    published = table[table["TARGETID"] == targetid][0]
    flux, ivar = spectrum(path, row)
    # To the last bit: the same sums in double precision.
    np.testing.assert_array_equal(flux, published["FLUX"])
    np.testing.assert_array_equal(ivar, published["IVAR"])
