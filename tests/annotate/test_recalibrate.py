"""Errors calibrated on the user's own rows."""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from hypothesis import given, strategies as st

from astroclip_astro.annotate.recalibrate import (
    MIN_CALIBRATION_ROWS,
    calibrate,
    calibrations,
    check_label_columns,
    forget,
    parse_label_columns,
)
from astroclip_astro.errors import CatalogueError, InputError, WeightsError


def annotated(count: int, seed: int, *, known: int | None = None, scatter: float = 0.06) -> Table:
    """Redshifts whose stated errors of 0.01 are far too small; some rows have a true value."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(0.1, 0.5, count)
    ours = true + scatter * rng.normal(size=count)
    table = Table({"Z_SPEC": MaskedColumn(true, mask=np.arange(count) >= (known or count))})
    table["astroclip_z"] = ours.astype("f4")
    for name, values in (("err", 0.01), ("lo", ours - 0.01), ("hi", ours + 0.01)):
        table[f"astroclip_z_{name}"] = np.broadcast_to(values, count).astype("f4")
        table[f"astroclip_z_{name}"].info.description = "Something (simulated reference compact)"
        table[f"astroclip_z_{name}"].info.meta = {"ucd": f"stat.{name}"}
    table.meta["true"] = true
    return table


def test_intervals_of_other_rows_cover_68_per_cent():
    table = calibrate(annotated(6000, 1, known=2000), {"redshift": "Z_SPEC"})
    true = table.meta["true"][2000:]
    low, high = table["astroclip_z_lo"][2000:], table["astroclip_z_hi"][2000:]
    assert abs(((low <= true) & (true <= high)).mean() - 0.68) < 0.03
    np.testing.assert_allclose(table["astroclip_z_err"], (high[0] - low[0]) / 2, rtol=0.3)


def test_values_stay_and_lie_in_their_intervals():
    before = annotated(300, 2)
    table = calibrate(before.copy(), {"redshift": "Z_SPEC"})
    np.testing.assert_array_equal(table["astroclip_z"], before["astroclip_z"])
    assert (table["astroclip_z_lo"] <= table["astroclip_z"]).all()
    assert (table["astroclip_z_hi"] >= table["astroclip_z"]).all()


def test_columns_say_what_they_were_calibrated_on():
    table = calibrate(annotated(300, 2, known=80), {"redshift": "Z_SPEC"})
    info = table["astroclip_z_hi"].info
    assert info.description == "Something (calibrated on 80 rows of Z_SPEC)"
    assert info.meta == {"ucd": "stat.hi"}
    assert table["astroclip_z_hi"].dtype == np.float32
    assert table.meta["ACCAL1"] == "redshift: Z_SPEC, 80 rows"
    assert table.colnames == annotated(3, 2).colnames


def test_rows_without_a_value_stay_without_error():
    table = annotated(300, 3)
    for name in ("", "_err", "_lo", "_hi"):
        table[f"astroclip_z{name}"][7] = np.nan
    calibrate(table, {"redshift": "Z_SPEC"})
    assert [bool(table[f"astroclip_z{end}"].mask[7]) for end in ("_err", "_lo", "_hi")] == [
        True
    ] * 3
    assert table["astroclip_z_err"].mask.sum() == 1


def test_a_way_with_too_few_known_rows_keeps_its_errors():
    table = annotated(300, 4)
    for name in ("", "_err", "_lo", "_hi"):
        column = np.full(300, np.nan, "f4")
        column[:5] = table[f"astroclip_z{name}"][:5]
        table[f"astroclip_z_image{name}"] = column
    before = table["astroclip_z_image_err"].copy()
    calibrate(table, {"redshift": "Z_SPEC"})
    np.testing.assert_array_equal(table["astroclip_z_image_err"], before)
    assert table["astroclip_z_err"][0] > 0.03


@pytest.mark.parametrize(
    ("known", "kind", "message"),
    [
        ({"redshift": "NO"}, CatalogueError, "No column NO in"),
        ({"age": "Z_SPEC"}, CatalogueError, "No column astroclip_age yet"),
        ({"redshift": "name"}, CatalogueError, "Column name holds 'x' in row 0"),
        ({"redshift": "pair"}, CatalogueError, "expected one number a row"),
        ({"redshift": "few"}, InputError, f"expected at least {MIN_CALIBRATION_ROWS} with both"),
    ],
)
def test_what_cannot_be_calibrated_changes_nothing(known, kind, message):
    table = annotated(100, 5)
    table["name"], table["pair"] = ["x"] * 100, np.zeros((100, 2))
    table["few"] = np.where(np.arange(100) < MIN_CALIBRATION_ROWS - 1, 0.2, np.nan)
    before = table.copy()
    with pytest.raises(kind, match=message):
        calibrate(table, {"redshift": "Z_SPEC"} | known)
    for name in before.colnames:
        np.testing.assert_array_equal(table[name], before[name])
    assert "ACCAL1" not in table.meta


def test_too_few_numbers_are_found_before_anything_is_computed():
    table = annotated(MIN_CALIBRATION_ROWS + 5, 6, known=MIN_CALIBRATION_ROWS - 1)
    with pytest.raises(InputError, match=f"Column Z_SPEC has {MIN_CALIBRATION_ROWS - 1} numbers"):
        check_label_columns(table, {"redshift": "Z_SPEC"})
    check_label_columns(annotated(MIN_CALIBRATION_ROWS, 6), {"redshift": "Z_SPEC"})


def test_integers_and_quantities_are_numbers():
    table = annotated(100, 7)
    table["Z_SPEC"].unit = ""
    table["astroclip_logmstar"] = np.linspace(9, 11, 100)
    for end, values in (("err", 0.1), ("lo", 8.0), ("hi", 12.0)):
        table[f"astroclip_logmstar_{end}"] = np.full(100, values)
    table["LOGM"] = np.arange(100) % 3 + 9
    calibrate(table, {"redshift": "Z_SPEC", "log_stellar_mass": "LOGM"})
    assert table.meta["ACCAL2"] == "log_stellar_mass: LOGM, 100 rows"


def test_pairs_are_read():
    assert parse_label_columns(" redshift = Z , age=AGE") == {"redshift": "Z", "age": "AGE"}
    assert parse_label_columns("") == {}


@pytest.mark.parametrize("given", ["redshift", "=Z", "redshift=", "redshift=A,redshift=B"])
def test_other_words_are_refused(given):
    with pytest.raises(InputError, match="expected LABEL=COLUMN"):
        parse_label_columns(given)


@given(st.integers(MIN_CALIBRATION_ROWS, 400), st.floats(0.001, 10))
def test_errors_follow_the_scatter_whatever_was_stated(count, scatter):
    table = calibrate(annotated(count, 8, scatter=scatter), {"redshift": "Z_SPEC"})
    error = float(np.median(np.asarray(table["astroclip_z_err"])))
    assert 0.5 * scatter < error < 1.8 * scatter


def test_units_are_converted_and_others_refused():
    table = annotated(100, 9)
    for end, values in (("", 5.0), ("_err", 0.1), ("_lo", 4.9), ("_hi", 5.1)):
        table[f"astroclip_age{end}"] = MaskedColumn(np.full(100, values), unit="Gyr")
    rng = np.random.default_rng(1)
    table["AGE"] = MaskedColumn(5000 + 700 * rng.normal(size=100), unit="Myr")
    calibrate(table, {"age": "AGE"})
    assert 0.4 < float(table["astroclip_age_err"][0]) < 1
    table["AGE"].unit = "km"
    with pytest.raises(CatalogueError, match="in km, which cannot be converted to Gyr"):
        calibrate(table, {"age": "AGE"})


@pytest.mark.parametrize("unknown", [-1.0, -99.0])
def test_numbers_that_stand_for_unknown_do_not_count(unknown):
    table = annotated(400, 10)
    table["Z_SPEC"][60:] = unknown
    calibrate(table, {"redshift": "Z_SPEC"})
    assert float(table["astroclip_z_err"][0]) < 0.2
    assert table.meta["ACCAL1"] == "redshift: Z_SPEC, 60 rows"


def test_the_header_remembers_each_label_once_and_forgets_what_is_written_anew():
    table = annotated(100, 11)
    for end, values in (("", 10.0), ("_err", 0.1), ("_lo", 9.9), ("_hi", 10.1)):
        table[f"astroclip_logmstar{end}"] = np.full(100, values)
    table["LOGM"] = np.linspace(9, 11, 100)
    calibrate(table, {"redshift": "Z_SPEC"})
    calibrate(table, {"log_stellar_mass": "LOGM"})
    calibrate(table, {"redshift": "Z_SPEC"})
    assert calibrations(table) == ["log_stellar_mass: LOGM, 100 rows", "redshift: Z_SPEC, 100 rows"]
    forget(table, ["astroclip_z", "astroclip_z_err"])
    assert calibrations(table) == ["log_stellar_mass: LOGM, 100 rows"]
    assert [key for key in table.meta if key.startswith("ACCAL")] == ["ACCAL1"]


def test_an_own_label_has_no_ways_of_another_s_name():
    table = annotated(100, 12)
    for name in ("age", "age_image"):
        for end, values in (("", 5.0), ("_err", 0.1), ("_lo", 4.9), ("_hi", 5.1)):
            table[f"astroclip_{name}{end}"] = np.full(100, values)
    table["AGE"] = np.linspace(1, 9, 100)
    calibrate(table, {"age": "AGE"})
    assert float(table["astroclip_age_err"][0]) > 1
    assert float(table["astroclip_age_image_err"][0]) == 0.1


def test_values_of_different_weights_are_refused_with_both_names():
    table = Table({"Z": [0.1] * 40, "astroclip_z": [0.2] * 40, "astroclip_z_spectrum": [0.2] * 40})
    table.meta.update({"ACW_Z": f"one {'a' * 64}", "ACW_ZSPC": f"two {'b' * 64}"})
    with pytest.raises(WeightsError, match=r"astroclip_z .*one.*astroclip_z_spectrum .*two"):
        calibrate(table, {"redshift": "Z"})


def test_labels_of_different_weights_are_not_calibrated_in_one_call():
    table = Table({"Z": [0.1] * 40, "M": [10.0] * 40})
    table["astroclip_z"], table["astroclip_logmstar"] = [0.2] * 40, [10.1] * 40
    table.meta.update({"ACW_Z": f"one {'a' * 64}", "ACW_M": f"two {'b' * 64}"})
    with pytest.raises(WeightsError, match=r"astroclip_z .*astroclip_logmstar"):
        calibrate(table, {"redshift": "Z", "log_stellar_mass": "M"})
