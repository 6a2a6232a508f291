"""Reference files that are damaged, or not references: each is refused, and why is said."""

import os

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from refusals import refused_quickly

from astroclip_astro.errors import WeightsError
from astroclip_astro.zeroshot import reference_file
from astroclip_astro.zeroshot.leave_one_out_file import DIGEST, EXTENSION
from astroclip_astro.zeroshot.reference import Reference
from astroclip_astro.zeroshot.reference_file import load_reference, save_reference


def unit_vectors(number: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((number, 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def table() -> Table:
    """A good reference, to be spoilt."""
    return Table(
        {
            "image": unit_vectors(40, 1),
            "spectrum": unit_vectors(40, 2),
            "redshift": np.linspace(0, 1, 40),
            "log_stellar_mass": np.linspace(8, 12, 40),
        }
    )


@pytest.fixture
def saved(table, tmp_path):
    labels = {name: np.array(table[name]) for name in ("redshift", "log_stellar_mass")}
    image, spectrum = np.array(table["image"]), np.array(table["spectrum"])
    path = tmp_path / "toy.fits"
    save_reference(
        Reference(name="toy", image=image, spectrum=spectrum, labels=labels, simulated=True), path
    )
    return path


def write(table: Table, path, **keywords):
    table.meta.update(keywords)
    table.write(path, overwrite=True)
    return path


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(saved, kept):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(WeightsError, match=r"truncated: it has \d+ bytes, its header claims"):
        load_reference(saved)


def test_a_row_count_beyond_the_file_is_refused(saved):
    whole = saved.read_bytes()
    claim = b"NAXIS2  =                   40"
    saved.write_bytes(whole.replace(claim, b"NAXIS2  =              9000000"))
    with pytest.raises(WeightsError, match="truncated"):
        load_reference(saved)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"SIMULATD=                    T", b"SIMULATD=                    Q"),
        (b"TFORM1  = '128E    '", b"TFORM1  = '12?E    '"),
    ],
)
def test_a_damaged_header_is_refused(saved, old, new):
    whole = saved.read_bytes()
    where = whole.index(old, 2880)
    saved.write_bytes(whole[:where] + new + whole[where + len(new) :])
    with pytest.raises(WeightsError, match="cannot be read, expected a FITS table"):
        load_reference(saved)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"TFIELDS =                    4", b"TFIELDS =                  4.5", "TFIELDS = '4.5'"),
        (b"TFIELDS =                    4", b"TFIELDS =             90000000", "TFIELDS = 90000"),
        (b"NAXIS2  =                   40", b"NAXIS2  =        9000000000000", "header claims 93"),
        (b"NAXIS2  =                   40", b"NAXIS2  =                  -40", "NAXIS2 = -40"),
        (b"NAXIS1  =                 1040", b"NAXIS1  =        1040000000000", "header claims 41"),
        (b"PCOUNT  =                    0", b"PCOUNT  =             -9000000", "PCOUNT = -9000"),
        (b"PCOUNT  =                    0", b"PCOUNT  =        9000000000000", "header claims 90"),
        (b"GCOUNT  =                    1", b"GCOUNT  =        1000000000000", "header claims 41"),
        (b"BITPIX  =                    8", b"BITPIX  =                   80", "BITPIX = 80"),
        (b"NAXIS   =                    2", b"NAXIS   =                  999", "has no NAXIS3"),
        (b"END" + b" " * 77, b"FIN" + b" " * 77, "truncated|no END|NAXIS"),
    ],
)
def test_a_claim_that_cannot_be_is_refused_before_anything_is_built(saved, old, new, words):
    whole = saved.read_bytes()
    where = whole.index(old, 2880)
    saved.write_bytes(whole[:where] + new + whole[where + len(new) :])
    with refused_quickly(words):
        load_reference(saved)


def test_a_header_without_end_is_refused_however_long_the_file_is(tmp_path):
    path = tmp_path / "endless.fits"
    card = b"COMMENT" + b" " * 73
    with path.open("wb") as file:
        file.write(b"SIMPLE  =                    T".ljust(80) + 35 * card)
        for _ in range(8000):
            file.write(36 * card)
    with refused_quickly("no END in its first 2000 blocks"):
        load_reference(path)


def test_many_parts_are_refused(saved):
    with saved.open("ab") as file:
        cards = (b"XTENSION= 'IMAGE   '", b"BITPIX  = 8", b"NAXIS   = 0", b"END")
        file.write(b"".join(card.ljust(80) for card in cards).ljust(2880) * 5000)
    with refused_quickly("more than 100 parts"):
        load_reference(saved)


def test_many_labels_are_refused(table, tmp_path):
    for number in range(101):
        table[f"label{number}"] = np.ones(40)
    path = write(table, tmp_path / "many.fits")
    with fits.open(path, mode="update") as hdus:
        for number in range(101):
            hierarch = "HIERARCH " * (number >= 9)
            hdus[1].header[f"{hierarch}ACLABEL{number + 1}"] = f"label{number}"
    with refused_quickly("more than 100 labels"):
        load_reference(path)


def test_nothing_is_computed_for_a_reference_whose_second_table_is_cut_off(saved, monkeypatch):
    monkeypatch.setattr(reference_file, "predict_leave_one_out", forbidden)
    content = saved.read_bytes()
    saved.write_bytes(content[:-2880])
    with refused_quickly("truncated"):
        load_reference(saved)


def forbidden(*_):
    raise AssertionError("nothing may be computed")


def change_leave_one_out(path, change):
    """Change the stored predictions; their checksum goes on to say that they belong here."""
    with fits.open(path) as hdus:
        held_out = Table(hdus[2].data)
        digest = hdus[2].header[DIGEST]
    change(held_out)
    with fits.open(path, mode="update") as hdus:
        hdus[2] = fits.BinTableHDU(held_out, name=EXTENSION)
        hdus[2].header[DIGEST] = digest


def test_predictions_that_lack_a_label_are_refused(saved):
    names = [f"redshift_image_{part}" for part in ("value", "scatter", "other")]
    change_leave_one_out(saved, lambda table: table.remove_columns(names))
    with pytest.raises(WeightsError, match=r"lack \[\('redshift', 'image'\), .*made again"):
        load_reference(saved)


def test_predictions_of_rows_that_there_are_not_are_refused(saved):
    change_leave_one_out(saved, lambda table: table["row"].__setitem__(-1, 40))
    with pytest.raises(WeightsError, match=r"rows or numbers that cannot be.*its 40 galaxies"):
        load_reference(saved)


def test_infinite_predictions_are_refused(saved):
    change_leave_one_out(saved, lambda table: table["distance_image"].__setitem__(3, np.inf))
    with pytest.raises(WeightsError, match="rows or numbers that cannot be"):
        load_reference(saved)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.fits")
    with pytest.raises(WeightsError, match="it is no file"):
        load_reference(tmp_path / "pipe.fits")


@pytest.mark.parametrize("content", [b"", b"redshift,image\n", b"\x1f\x8b\x08\x00", b"\x80\x04."])
def test_another_format_is_refused(tmp_path, content):
    path = tmp_path / "other.fits"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not an uncompressed FITS file"):
        load_reference(path)


def test_an_image_is_refused(tmp_path):
    fits.writeto(tmp_path / "image.fits", np.zeros((4, 4)))
    with pytest.raises(WeightsError, match="no binary table"):
        load_reference(tmp_path / "image.fits")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        load_reference(tmp_path)


@pytest.mark.parametrize("name", ["image", "spectrum", "redshift", "log_stellar_mass"])
def test_a_missing_column_is_named(table, tmp_path, name):
    table.remove_column(name)
    with pytest.raises(WeightsError, match=rf"no columns \['{name}'\] among"):
        load_reference(write(table, tmp_path / "bad.fits"))


@pytest.mark.parametrize(
    ("name", "values", "form"),
    [
        ("image", np.ones((40, 64), np.float32), "64E"),
        ("spectrum", np.ones((40, 128), np.int32), "128J"),
        ("redshift", np.ones((40, 2)), "2D"),
        ("redshift", np.array(["0.1"] * 40), "3A"),
        ("log_stellar_mass", np.ones(40, bool), "L"),
    ],
)
def test_a_column_of_another_format_is_refused(table, tmp_path, name, values, form):
    table[name] = values
    with pytest.raises(WeightsError, match=f"Column {name} of .* has the FITS format {form},"):
        load_reference(write(table, tmp_path / "bad.fits"))


def test_a_variable_length_column_is_refused(tmp_path):
    ragged = fits.Column("image", "PE()", array=np.array([np.ones(128, "f4")] * 40, dtype=object))
    others = [
        fits.Column(name, form, array=values)
        for name, form, values in (
            ("spectrum", "128E", unit_vectors(40, 2)),
            ("redshift", "D", np.ones(40)),
            ("log_stellar_mass", "D", np.ones(40)),
        )
    ]
    fits.BinTableHDU.from_columns([ragged, *others]).writeto(tmp_path / "ragged.fits")
    with pytest.raises(WeightsError, match=r"Column image of .* has the FITS format PE"):
        load_reference(tmp_path / "ragged.fits")


@pytest.mark.parametrize("wrong", [0, 0.99, 1.01, np.inf])
def test_embeddings_that_are_not_unit_vectors_are_refused(table, tmp_path, wrong):
    image = np.array(table["image"])
    image[7] = wrong * np.eye(128)[0] if np.isfinite(wrong) else wrong
    table["image"] = image
    with pytest.raises(WeightsError, match=r"1 rows are not unit vectors, the first are \[7\]"):
        load_reference(write(table, tmp_path / "bad.fits"))


def test_an_embedding_that_is_partly_nan_is_refused(table, tmp_path):
    image = np.array(table["image"])
    image[7, 100] = np.nan
    table["image"] = image
    with pytest.raises(WeightsError, match=r"not unit vectors, the first are \[7\]"):
        load_reference(write(table, tmp_path / "bad.fits"))


def test_lengths_within_the_tolerance_pass(table, tmp_path):
    table["image"] = np.array(table["image"]) * np.float32(1.0009)
    assert len(load_reference(write(table, tmp_path / "good.fits"))) == 40


@pytest.mark.parametrize("rows", [0, 1, 16])
def test_too_few_galaxies_are_refused(table, tmp_path, rows):
    with pytest.raises(WeightsError, match=f"{rows} usable rows in image, expected at least 17"):
        load_reference(write(table[:rows], tmp_path / "bad.fits"))


def test_seventeen_galaxies_are_enough(table, tmp_path):
    assert len(load_reference(write(table[:17], tmp_path / "good.fits"))) == 17


def test_labels_that_are_not_finite_are_refused(table, tmp_path):
    table["redshift"][[3, 9]] = np.nan
    with pytest.raises(WeightsError, match=r"redshift .* 2 rows, the first are \[3, 9\]"):
        load_reference(write(table, tmp_path / "bad.fits"))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"SIMULATD": "yes"}, "SIMULATD .* is 'yes', expected T or F"),
        ({"SIMULATD": 1}, "SIMULATD .* is 1, expected T or F"),
        ({"ACNAME": 3}, "ACNAME .* is 3, expected a string"),
        ({"ACWSHA": "abc"}, "ACWSHA .* is 'abc', expected 64 digits"),
    ],
)
def test_a_keyword_of_another_type_is_refused(table, tmp_path, keywords, message):
    with pytest.raises(WeightsError, match=message):
        load_reference(write(table, tmp_path / "bad.fits", **keywords))
