import shutil
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.local import Contents, LocalSource
from astroclip_astro.flags import Flag
from astroclip_astro.records import PIXEL_SCALE, Cutout, MissingData, Source, Spectrum, Targets

FAILED_IMAGE = Flag.NO_IMAGE | Flag.SOURCE_FAILED
FAILED_SPECTRUM = Flag.NO_SPECTRUM | Flag.SOURCE_FAILED


def flat(value, side=40, bands=3):
    return np.full((bands, side, side), value, float)


def truncate(path, size=8000):
    with path.open("r+b") as stream:
        stream.truncate(size)


def test_it_is_a_source(tmp_path):
    assert isinstance(LocalSource(tmp_path), Source)
    assert LocalSource(str(tmp_path)).name == str(tmp_path)


def test_folder_that_does_not_exist_is_the_users_mistake(tmp_path):
    with pytest.raises(InputError, match="found nothing there, expected a folder"):
        LocalSource(tmp_path / "none")


def test_file_in_place_of_a_folder_is_the_users_mistake(tmp_path):
    (tmp_path / "a.fits").touch()
    with pytest.raises(InputError, match="found a file there, expected a folder"):
        LocalSource(tmp_path / "a.fits")


def wrong_image(folder):
    fits.PrimaryHDU(np.ones((3, 3))).writeto(folder / "image.fits")


def damaged_file(folder):
    (folder / "bad.fits").write_text("nonsense")


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (lambda folder: None, "found no FITS file in this folder, expected image cutouts"),
        (lambda folder: (folder / "notes.txt").touch(), "found no FITS file in this folder"),
        (wrong_image, "found 1 FITS file in this folder"),
        (damaged_file, r"found 1 FITS file \(1 cannot be read: bad.fits: .*\) in this"),
    ],
    ids=["empty", "no fits", "wrong", "damaged"],
)
def test_folder_without_anything_of_use_is_the_users_mistake(tmp_path, fill, words):
    fill(tmp_path)
    source = LocalSource(tmp_path)
    for _ in range(2):
        with pytest.raises(InputError, match=words):
            source.contents()
    assert len(source.problems) == (fill is damaged_file)


def test_most_frequent_reason_is_said_of_a_folder_without_anything_of_use(tmp_path, write_cutout):
    for number, unit in enumerate(["Jy", "adu", "adu"]):
        with fits.open(write_cutout(tmp_path / f"{number}.fits", flat(1)), mode="update") as hdus:
            hdus[0].header["BUNIT"] = unit
    wrong_image(tmp_path)
    with pytest.raises(InputError) as raised:
        LocalSource(tmp_path).contents()
    assert "3 cannot be read, 2 of them as this one: 1.fits: image in 'adu'" in str(raised.value)
    named = [line.partition(": ")[0] for line in raised.value.details]
    assert named == [str(tmp_path / name) for name in ("0.fits", "1.fits", "2.fits", "image.fits")]


def test_most_frequent_reason_of_rows_that_failed(tmp_path, write_cutout, at):
    for number in range(3):
        truncate(write_cutout(tmp_path / f"{number}.fits", flat(1), ra=number), 8000 + number)
    source = LocalSource(tmp_path)
    assert source.main_failure == ""
    source.cutouts(at([0, 1, 1], [2, 2, 2]), 10)
    assert source.main_failure.startswith("cut short or header wrong")
    assert source.main_failure.endswith("(3 of 3)")


def test_what_is_passed_over_has_a_reason_and_is_no_problem(tmp_path, write_cutout, write_redrock):
    write_cutout(tmp_path / "a.fits", flat(1))
    wrong_image(tmp_path)
    write_redrock(tmp_path / "table.fits", [1], [0.5], name="OTHER")
    source = LocalSource(tmp_path)
    assert source.contents().cutouts == 1
    assert source.problems == []
    assert [path.name for path, _ in source.unused] == ["image.fits", "table.fits"]


def test_nothing_is_read_before_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("astroclip_astro.fetch.local.find_fits", pytest.fail)
    assert LocalSource(tmp_path).problems == []


def test_headers_are_read_once(tmp_path, write_cutout, at, monkeypatch):
    write_cutout(tmp_path / "a.fits", flat(1))
    source = LocalSource(tmp_path)
    assert source.contents().cutouts == 1
    monkeypatch.setattr("astroclip_astro.fetch.local.find_fits", pytest.fail)
    assert isinstance(source.cutouts(at(150, 2), 10)[0], Cutout)


def test_any_tree_is_counted_and_other_files_ignored(
    tmp_path, write_cutout, write_coadd, write_redrock
):
    write_cutout(tmp_path / "a" / "b" / "1.fits", flat(1))
    write_cutout(tmp_path / "2.fit", flat(1))
    write_coadd(tmp_path / "c" / "coadd-1.fits", [1, 2, 3], [0, 1, 2], [0, 0, 0])
    write_redrock(tmp_path / "redrock-9.fits", [1], [0.5])
    write_redrock(tmp_path / "table.fits", [1], [0.5], name="OTHER")
    (tmp_path / "notes.txt").write_text("nothing")
    source = LocalSource(tmp_path)
    assert source.contents() == Contents(cutouts=2, coadds=1, spectra=3)
    assert source.problems == []


def test_damaged_files_stop_nothing_and_are_told(tmp_path, write_cutout):
    write_cutout(tmp_path / "good.fits", flat(1))
    truncate(write_cutout(tmp_path / "cut.fits", flat(1), ra=20))
    (tmp_path / "empty.fits").touch()
    (tmp_path / "link.fits").symlink_to(tmp_path / "gone")
    write_cutout(tmp_path / "units.fits", flat(1), ra=30).touch()
    with fits.open(tmp_path / "units.fits", mode="update") as hdus:
        hdus[0].header["BUNIT"] = "Jy"
    source = LocalSource(tmp_path)
    assert source.contents().cutouts == 1
    assert sorted(path.name for path, _ in source.problems) == [
        "cut.fits",
        "empty.fits",
        "link.fits",
        "units.fits",
    ]


def test_cutout_says_where_it_comes_from(tmp_path, write_cutout, at):
    path = write_cutout(tmp_path / "a" / "1.fits", flat(1))
    [found] = LocalSource(tmp_path).cutouts(at(150, 2), 10)
    assert found.origin == str(path)
    assert found.complete


def test_rows_get_their_own_cutouts_in_any_order(tmp_path, write_cutout, at):
    for i in range(5):
        write_cutout(tmp_path / f"{i}.fits", flat(i + 1), ra=10 * i, dec=20 * i - 40)
    order = np.array([3, 0, 4, 3, 2, 1])
    found = LocalSource(tmp_path).cutouts(at(10 * order, 20 * order - 40), 10)
    assert [cutout.image[0, 0, 0] for cutout in found] == (order + 1).tolist()


@pytest.mark.parametrize("dec", [0.0, 60.0, 89.999, 90.0, -90.0])
@pytest.mark.parametrize("ra", [0.0, 359.9999, 180.0])
def test_cutouts_across_the_seam_and_at_the_poles(tmp_path, write_cutout, at, ra, dec):
    write_cutout(tmp_path / "a.fits", flat(1), ra=ra, dec=dec)
    inside = np.clip(dec - 3 / 3600, -90, 90)
    around = at([ra, (ra + 1e-4) % 360, (ra - 1e-4) % 360], [dec, inside, inside])
    assert [type(found) for found in LocalSource(tmp_path).cutouts(around, 10)] == [Cutout] * 3


def test_position_without_cutout_is_a_gap(tmp_path, write_cutout, at):
    write_cutout(tmp_path / "a.fits", flat(1))
    beyond = 2 + 21 * PIXEL_SCALE / 3600
    found = LocalSource(tmp_path).cutouts(at([150, 30, np.nan], [beyond, 2, np.nan]), 10)
    assert [gap.flag for gap in found] == [Flag.NO_IMAGE] * 3


def test_no_rows_are_no_cutouts(tmp_path, write_cutout, at):
    write_cutout(tmp_path / "a.fits", flat(1))
    assert LocalSource(tmp_path).cutouts(at([], []), 10) == []


def chosen(folder, at, ra=150.0, dec=2.0, size=20):
    """Value of the cutout that was chosen."""
    [found] = LocalSource(folder).cutouts(at(ra, dec), size)
    return found.image[2].max()


def test_image_that_covers_the_field_comes_first(tmp_path, write_cutout, at):
    write_cutout(tmp_path / "a.fits", flat(1, side=19))
    write_cutout(tmp_path / "b.fits", flat(2, side=100), dec=2 + 9 / 3600)
    assert chosen(tmp_path, at) == 2


def test_then_the_image_centred_nearest(tmp_path, write_cutout, at):
    write_cutout(tmp_path / "a.fits", flat(1, side=100), dec=2 + 3 / 3600)
    write_cutout(tmp_path / "b.fits", flat(2, side=100), dec=2 + 2 / 3600)
    assert chosen(tmp_path, at) == 2


def test_then_the_first_by_path(tmp_path, write_cutout, at):
    for value, name in ((1, "b/a.fits"), (2, "a/b.fits"), (3, "c.fits")):
        write_cutout(tmp_path / name, flat(value))
    assert chosen(tmp_path, at) == 2


def test_image_in_all_bands_comes_before_one_in_some(tmp_path, write_cutout, at):
    write_cutout(tmp_path / "a.fits", flat(1, bands=1), bands="z")
    write_cutout(tmp_path / "b.fits", flat(2), dec=2 + 1 / 3600)
    assert chosen(tmp_path, at) == 2


def test_readable_image_comes_before_a_damaged_one(tmp_path, write_cutout, at):
    truncate(write_cutout(tmp_path / "a.fits", flat(1)))
    write_cutout(tmp_path / "b.fits", flat(2), dec=2 + 2 / 3600)
    assert chosen(tmp_path, at) == 2


def test_image_with_data_comes_before_an_empty_one(tmp_path, write_cutout, at):
    write_cutout(tmp_path / "a.fits", flat(0))
    write_cutout(tmp_path / "b.fits", flat(2), dec=2 + 2 / 3600)
    assert chosen(tmp_path, at) == 2


def test_empty_image_is_a_gap(tmp_path, write_cutout, at):
    write_cutout(tmp_path / "a.fits", flat(0))
    [gap] = LocalSource(tmp_path).cutouts(at(150, 2), 10)
    assert (gap.flag, gap.reason.endswith("empty here")) == (Flag.NO_IMAGE, True)


@pytest.mark.parametrize("empty", ["0.fits", "z.fits"])
def test_damaged_image_is_a_failure_whatever_else_is_empty(tmp_path, write_cutout, at, empty):
    truncate(write_cutout(tmp_path / "a.fits", flat(1)))
    write_cutout(tmp_path / empty, flat(0))
    [gap] = LocalSource(tmp_path).cutouts(at(150, 2), 10)
    assert gap.flag == FAILED_IMAGE
    assert "a.fits" in gap.reason


def test_damage_found_only_in_reading_is_a_failure(tmp_path, write_cutout, at):
    path = write_cutout(tmp_path / "a.fits", flat(1))
    other = write_cutout(tmp_path / "b.fits", flat(1), ra=10)
    source = LocalSource(tmp_path)
    assert source.contents().cutouts == 2
    path.write_bytes(b"")
    gap, good = source.cutouts(at([150, 10], [2, 2]), 10)
    assert gap.flag == FAILED_IMAGE
    assert good.origin == str(other)
    assert [problem[0] for problem in source.problems] == [path]


def test_one_bad_tile_spoils_only_its_rows(tmp_path, write_cutout, at, monkeypatch):
    write_cutout(tmp_path / "a.fits", flat(1, side=200))
    import astroclip_astro.fetch.local as local

    def read(hdus, file, ra, dec, size):
        if dec > 2:
            raise OSError("bad tile")
        return real(hdus, file, ra, dec, size)

    real = local.read_cutout
    monkeypatch.setattr(local, "read_cutout", read)
    gap, good = LocalSource(tmp_path).cutouts(at([150, 150], [2.001, 1.999]), 10)
    assert gap.flag == FAILED_IMAGE
    assert isinstance(good, Cutout)


def test_many_cutouts_and_rows_open_few_files(tmp_path, write_cutout, at, monkeypatch):
    import astroclip_astro.fetch.local as local

    for i in range(20):
        write_cutout(tmp_path / f"{i}.fits", flat(1), ra=i)
    source = LocalSource(tmp_path)
    assert source.contents().cutouts == 20
    opened = []

    def count(path):
        opened.append(path)
        return real(path)

    real = local.open_fits
    monkeypatch.setattr(local, "open_fits", count)
    rows = np.random.default_rng(0).choice([3.0, 5.0], 50)
    source.cutouts(at(rows, np.full(50, 2.0)), 10)
    assert len(opened) == 2


# ---------------------------------------------------------------- spectra


def test_spectrum_by_position(tmp_path, write_coadd, write_redrock, at):
    path = write_coadd(tmp_path / "coadd-1.fits", [10, -20], [50, 50], [1, 1.01])
    write_redrock(tmp_path / "redrock-1.fits", [-20, 10], [0.5, 0.25], zwarn=4)
    [found] = LocalSource(tmp_path).spectra(at(50, 1.01 + 0.5 / 3600), 1)
    assert (found.targetid, found.good_fibre, found.matches) == (-20, True, 1)
    assert (found.ra, found.dec) == (50, 1.01)
    assert found.separation == pytest.approx(0.5)
    assert (found.redshift, found.zwarn, found.spectype) == (0.5, 4, "GALAXY")
    assert found.origin == str(path)
    assert set(found.flux) == {2.0}


def test_facts_are_plain_python(tmp_path, write_coadd, write_redrock, at):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    write_redrock(tmp_path / "redrock-1.fits", [10], [0.25])
    [found] = LocalSource(tmp_path).spectra(at(50, 1), 1)
    names = "targetid ra dec separation good_fibre matches redshift zwarn spectype origin".split()
    kinds = [type(getattr(found, name)) for name in names]
    assert kinds == [int, float, float, float, bool, int, float, int, str, str]


def test_no_redshift_without_redrock(tmp_path, write_coadd, at):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    [found] = LocalSource(tmp_path).spectra(at(50, 1), 1)
    assert (found.redshift, found.zwarn, found.spectype) == (None, None, None)


def single_exposures(status, seconds):
    """Columns of a file of single exposures."""
    return {
        "COADD_FIBERSTATUS": None,
        "COADD_EXPTIME": None,
        "FIBERSTATUS": np.array(status),
        "EXPTIME": np.array(seconds),
    }


def test_bad_exposure_does_not_answer_for_good_ones(tmp_path, write_coadd, at):
    columns = single_exposures([512, 0, 0], [300.0, 300, 900])
    write_coadd(tmp_path / "spectra-1.fits", [10] * 3, [50] * 3, [1] * 3, [9, 2, 4], **columns)
    [found] = LocalSource(tmp_path).spectra(at(50, 1), 1)
    assert (found.good_fibre, found.matches, set(found.flux)) == (True, 3, {3.0})


def test_target_with_bad_exposures_alone_says_so(tmp_path, write_coadd, at):
    columns = single_exposures([512, 512], [300.0, 900])
    write_coadd(tmp_path / "spectra-1.fits", [10] * 2, [50] * 2, [1] * 2, [2, 4], **columns)
    [found] = LocalSource(tmp_path).spectra(at(50, 1), 1)
    assert (found.good_fibre, found.matches, set(found.flux)) == (False, 2, {4.0})


def test_coadd_comes_before_the_exposures_that_it_was_made_of(tmp_path, write_coadd, at):
    columns = single_exposures([0, 0], [300.0, 900])
    write_coadd(tmp_path / "a-1.fits", [10] * 2, [50] * 2, [1] * 2, [2, 4], **columns)
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1], [7], COADD_EXPTIME=np.array([1200.0]))
    [found] = LocalSource(tmp_path).spectra(at(50, 1), 1)
    assert (found.matches, set(found.flux)) == (3, {7.0})


def test_fibre_of_which_nothing_is_known_is_unknown(tmp_path, write_coadd, at):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1], COADD_FIBERSTATUS=None)
    [found] = LocalSource(tmp_path).spectra(at(50, 1), 1)
    assert found.good_fibre is None


def test_redshift_of_another_coadd_is_not_taken(tmp_path, write_coadd, write_redrock, at):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    write_coadd(tmp_path / "coadd-2.fits", [10], [90], [1])
    write_redrock(tmp_path / "redrock-2.fits", [10], [0.25])
    found = LocalSource(tmp_path).spectra(at([50, 90], [1, 1]), 1)
    assert [spectrum.redshift for spectrum in found] == [None, 0.25]


def test_damaged_redrock_file_is_a_problem_not_a_failure(tmp_path, write_coadd, write_redrock, at):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    path = write_redrock(tmp_path / "redrock-1.fits", list(range(500)), np.ones(500))
    truncate(path, 10_000)
    source = LocalSource(tmp_path)
    assert source.spectra(at(50, 1), 1)[0].redshift is None
    assert [problem[0] for problem in source.problems] == [path]


def test_gap_beyond_the_radius(tmp_path, write_coadd, at):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    found = LocalSource(tmp_path).spectra(at([50, 50], [1 + 1 / 3600, 1 + 1.01 / 3600]), 1)
    assert [type(answer) for answer in found] == [Spectrum, MissingData]
    assert found[1].flag == Flag.NO_SPECTRUM
    assert "within 1 arcsec" in found[1].reason


def test_row_with_targetid_gets_that_or_nothing(tmp_path, write_coadd, at):
    write_coadd(tmp_path / "coadd-1.fits", [10, -20], [50, 60], [1, 1])
    by_id, far, none = LocalSource(tmp_path).spectra(
        at([50, np.nan, 50], [1, np.nan, 1], targetid=[-20, 10, 30]), 1
    )
    assert (by_id.targetid, far.targetid) == (-20, 10)
    assert by_id.separation > 1000
    assert np.isnan(far.separation)
    assert none.flag == Flag.NO_SPECTRUM


def test_row_without_position_and_targetid_is_a_gap(tmp_path, write_coadd, at):
    write_coadd(tmp_path / "coadd-1.fits", [0], [50], [1])
    [gap] = LocalSource(tmp_path).spectra(at(np.nan, np.nan), 1)
    assert gap.flag == Flag.NO_SPECTRUM


def test_matches_count_the_spectra_within_the_radius(tmp_path, write_coadd, at):
    write_coadd(tmp_path / "a" / "coadd-1.fits", [10, 10, 10], [50, 50, 60], [1, 1, 1], [7, 8, 9])
    write_coadd(tmp_path / "b" / "coadd-2.fits", [11], [50], [1 + 0.4 / 3600])
    by_position, by_id = LocalSource(tmp_path).spectra(
        Targets(
            np.array([50.0, np.nan]), np.array([1.0, np.nan]), np.array([0, 10]), np.arange(2) > 0
        ),
        1,
    )
    assert (by_position.matches, by_id.matches) == (3, 3)
    assert set(by_position.flux) == {7.0}


def test_linked_copy_is_not_another_spectrum(tmp_path, write_coadd, at):
    path = write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    (tmp_path / "coadd-2.fits").symlink_to(path)
    assert LocalSource(tmp_path).spectra(at(50, 1), 1)[0].matches == 1


def test_damaged_coadd_is_passed_over_for_a_readable_one(tmp_path, write_coadd, at):
    truncate(write_coadd(tmp_path / "coadd-1.fits", [10, 20], [50, 60], [1, 1]), 50_000)
    write_coadd(tmp_path / "coadd-2.fits", [10], [50], [1 + 0.5 / 3600])
    found, gap = LocalSource(tmp_path).spectra(at([50, 60], [1, 1]), 1)
    assert (found.matches, found.origin) == (2, str(tmp_path / "coadd-2.fits"))
    assert gap.flag == FAILED_SPECTRUM
    assert "cut short" in gap.reason


def test_folder_of_cutouts_has_no_spectra(tmp_path, write_cutout, at):
    write_cutout(tmp_path / "a.fits", flat(1))
    source = LocalSource(tmp_path)
    assert source.contents() == Contents(1, 0, 0)
    assert [gap.flag for gap in source.spectra(at([150], [2]), 1)] == [Flag.NO_SPECTRUM]


def test_folder_of_spectra_has_no_images(tmp_path, write_coadd, at):
    write_coadd(tmp_path / "coadd-1.fits", [10], [50], [1])
    assert [gap.flag for gap in LocalSource(tmp_path).cutouts(at(50, 1), 9)] == [Flag.NO_IMAGE]


def test_shuffled_rows_give_shuffled_spectra(tmp_path, write_coadd, at):
    random = np.random.default_rng(3)
    ra, dec = random.uniform(0, 360, 30), random.uniform(-90, 90, 30)
    for part in range(3):
        write_coadd(
            tmp_path / f"coadd-{part}.fits", np.arange(30)[part::3], ra[part::3], dec[part::3]
        )
    order = random.permutation(30)
    found = LocalSource(tmp_path).spectra(at(ra[order], dec[order]), 1)
    assert [spectrum.targetid for spectrum in found] == order.tolist()


def large_coadd(path, write_coadd, count):
    """Write a coadd of many empty spectra: as long as a real one, and sparse on disk."""
    small = write_coadd(path.with_suffix(".small"), np.arange(1), [0], [0])
    targets = write_coadd(
        path.with_suffix(".none"),
        np.arange(count),
        np.arange(count) / 1e3,
        np.zeros(count),
        cameras="",
    )
    with fits.open(small) as hdus, fits.open(targets) as fibermap, path.open("wb") as stream:
        for hdu in (*fibermap, *hdus[2:]):
            header = hdu.header.copy()
            if header["NAXIS"] == 2 and header["XTENSION"] == "IMAGE":
                header["NAXIS2"] = count
            stream.write(header.tostring().encode())
            if header["NAXIS"] == 2 and header["XTENSION"] == "IMAGE":
                length = header["NAXIS1"] * count * 4
                stream.seek(length + -length % 2880, 1)
            elif hdu.data is not None:
                content = hdu.data.astype(hdu.data.dtype.newbyteorder(">")).tobytes()
                stream.write(content + bytes(-len(content) % 2880))
        stream.truncate()
    for other in (small, targets):
        other.unlink()
    return path


def test_large_coadd_is_read_by_row(tmp_path, write_coadd, at, monkeypatch):
    count = 4000
    path = large_coadd(tmp_path / "coadd-1.fits", write_coadd, count)
    assert path.stat().st_size > 250e6
    whole = fits.ImageHDU.data

    def small_only(hdu):
        if len(hdu.shape) > 1:
            raise MemoryError("a whole array was asked for")
        return whole.__get__(hdu)

    monkeypatch.setattr(fits.ImageHDU, "data", property(small_only, fdel=lambda hdu: None))
    tracemalloc.start()
    try:
        [found] = LocalSource(tmp_path).spectra(at(targetid=[3999]), 1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found, Spectrum), found
    assert found.targetid == 3999
    assert peak < 20e6


# ---------------------------------------------------------------- real files

REAL_CUTOUTS = {
    "decals-dr3_146.7142_-1.0413_oversampled.fits": (146.714208787, -1.04128156958),
    "decals-dr5_0.0044_0.5413.fits": (0.00436690011903631, 0.541320833484327),
    "decals-dr5_bad_pixels_oversampled.fits": (147.456742041, 1.09255093644),
    "ls-dr9-south_59.1067_-30.4848.fits": (59.1067, -30.4848),
    "truncated.fits": (18.066262308, -6.05180745469),
}


@pytest.fixture(scope="module")
def real(real_data):
    return LocalSource(real_data)


@pytest.mark.real_data
def test_real_folder_is_understood(real):
    assert real.contents() == Contents(cutouts=4, coadds=2, spectra=6)
    assert [path.name for path, _ in real.problems] == ["truncated.fits"]


@pytest.mark.real_data
def test_real_cutouts_are_found_by_position(real, at):
    found = real.cutouts(at(*zip(*REAL_CUTOUTS.values(), strict=True)), 96)
    for name, answer in zip(REAL_CUTOUTS, found, strict=True):
        if name == "truncated.fits":
            assert answer.flag == FAILED_IMAGE
        else:
            assert answer.origin.endswith(name)
            assert answer.complete == ("bad_pixels" not in name)


@pytest.mark.real_data
def test_real_targets_are_found_by_position_and_by_targetid(real, real_data, at):
    tables = [fits.getdata(path, "FIBERMAP") for path in (real_data / "desi_coadds").glob("coadd*")]
    ra, dec, targetid, kind = (
        np.concatenate([table[name] for table in tables])
        for name in ("TARGET_RA", "TARGET_DEC", "TARGETID", "OBJTYPE")
    )
    by_position, by_id = real.spectra(at(ra, dec), 1), real.spectra(at(targetid=targetid), 1)
    assert [spectrum.targetid for spectrum in by_position] == targetid.tolist()
    assert [spectrum.targetid for spectrum in by_id] == targetid.tolist()
    for spectrum, word in zip(by_position, kind, strict=True):
        assert np.isfinite(spectrum.flux).all()
        assert spectrum.flux.any() == (word == "TGT")
        assert spectrum.good_fibre == (word == "TGT")


@pytest.mark.real_data
def test_real_redshift(real, at):
    [found] = real.spectra(at(targetid=[39633345008634465]), 1)
    assert (round(found.redshift, 5), found.zwarn, found.spectype) == (0.36874, 0, "GALAXY")


@pytest.mark.real_data
def test_real_copy_in_another_tree_is_one_more_match(real_data, tmp_path, at):
    name = "coadd-4-80613-thru20210324.fits"
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copyfile(real_data / "desi_coadds" / name, tmp_path / folder / name)
    [found] = LocalSource(tmp_path).spectra(at(105.48977452, 56.66930006), 1)
    assert (found.matches, found.origin) == (2, str(tmp_path / "a" / name))
