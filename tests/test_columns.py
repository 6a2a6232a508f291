"""The output columns and flag bits are the promised ones and fully described."""

import re
from pathlib import Path

import numpy as np
import pytest

from astroclip_astro import columns
from astroclip_astro.columns import COLUMNS, GROUPS, label_columns, select
from astroclip_astro.flags import FLAGS, Flag, decode

PROMISED = """
astroclip_image astroclip_spectrum
astroclip_z_image astroclip_z_image_err astroclip_z_image_lo astroclip_z_image_hi
astroclip_z_spectrum astroclip_z_spectrum_err astroclip_z_spectrum_lo astroclip_z_spectrum_hi
astroclip_z astroclip_z_err astroclip_z_lo astroclip_z_hi astroclip_z_other
astroclip_logmstar_image astroclip_logmstar_image_err
astroclip_logmstar_image_lo astroclip_logmstar_image_hi
astroclip_logmstar_spectrum astroclip_logmstar_spectrum_err
astroclip_logmstar_spectrum_lo astroclip_logmstar_spectrum_hi
astroclip_logmstar astroclip_logmstar_err astroclip_logmstar_lo astroclip_logmstar_hi
astroclip_novelty_image astroclip_novelty_spectrum astroclip_nearest
astroclip_targetid astroclip_separation astroclip_snr
astroclip_desi_z astroclip_desi_zwarn astroclip_desi_spectype astroclip_flags
""".split()


def test_names_are_the_promised_ones():
    assert sorted(column.name for column in COLUMNS) == sorted(PROMISED)


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "unit"),
    [
        ("astroclip_image", "f4", (128,), None),
        ("astroclip_spectrum", "f4", (128,), None),
        ("astroclip_targetid", "i8", (), None),
        ("astroclip_separation", "f4", (), "arcsec"),
        ("astroclip_flags", "i4", (), None),
        ("astroclip_logmstar", "f4", (), None),
    ],
)
def test_types_are_the_promised_ones(name, dtype, shape, unit):
    column = next(column for column in COLUMNS if column.name == name)
    assert (column.dtype, column.shape, column.unit) == (dtype, shape, unit)


@pytest.mark.parametrize(
    "column", [*COLUMNS, *label_columns("age")], ids=lambda column: column.name
)
def test_column_is_described(column):
    assert column.ucd
    assert column.description
    assert column.description.isascii()
    assert np.dtype(column.dtype)


def test_flag_bits_never_change():
    assert [bit.flag.value for bit in FLAGS] == [2**power for power in range(14)]
    assert [bit.flag.word for bit in FLAGS] == [
        "no_image",
        "no_spectrum",
        "incomplete_image",
        "bad_spectrum",
        "bad_coordinates",
        "source_failed",
        "several_spectra",
        "beyond_reference",
        "beyond_training",
        "redshifts_disagree",
        "outside_imaging",
        "several_redshifts",
        "targetid_elsewhere",
        "bad_targetid",
    ]


def test_every_flag_has_meaning_and_advice():
    assert {bit.flag for bit in FLAGS} == set(Flag)
    assert all(bit.meaning and bit.advice for bit in FLAGS)


def test_flags_are_decoded_bit_by_bit():
    assert decode(np.array([0, 1, 512 | 16], "i4")) == [
        [],
        ["no_image"],
        ["bad_coordinates", "redshifts_disagree"],
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_flags_are_always_written(group):
    assert "astroclip_flags" in {column.name for column in select(["image"], [group])}


def test_everything_is_the_default():
    assert select(["image", "spectrum"], GROUPS) == COLUMNS


def test_columns_of_labels_come_last_and_can_be_left_out():
    pair = label_columns("age", unit="Gyr", description="Age of the stars.")
    assert select(["image", "spectrum"], GROUPS, [pair]) == (*COLUMNS, *pair)
    assert select(["image", "spectrum"], GROUPS[:-1], [pair]) == COLUMNS
    value, error, low, high = pair
    assert (value.name, error.name) == ("astroclip_age", "astroclip_age_err")
    assert (low.name, high.name) == ("astroclip_age_lo", "astroclip_age_hi")
    assert value.unit == error.unit == low.unit == "Gyr"
    assert value.description.startswith("Age of the stars; zero-shot")
    assert value.from_reference
    assert error.from_reference


def test_every_keyword_of_a_header_is_in_the_table():
    """Those of a reference's own file aside."""
    own = {"ACNAM", "ACNAME", "ACDESC", "ACLABEL", "ACLOOSHA"}
    package = Path(columns.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    used = {word for text in texts for word in re.findall(r"\bAC[A-Z_]{2,6}\b", text)}
    assert used - own - {"ACTION", "ACROSS"} == set(columns.KEYWORDS)


def test_a_keyword_that_is_not_in_the_table_is_refused():
    with pytest.raises(KeyError, match="ACNEW"):
        columns.header_keywords(ACNEW=1)
