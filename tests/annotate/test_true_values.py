"""True values of a label: what stands for none is left out, counted and named; the rest is kept."""

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, strategies as st

from astroclip_astro.annotate.recalibrate import calibrate, check_label_columns
from astroclip_astro.annotate.true_values import (
    check_limits,
    likely_sentinels,
    parse_limits,
    read_true_values,
)
from astroclip_astro.errors import AstroclipWarning, InputError


def spread(count=200, low=0.05, high=0.5):
    """Distinct redshifts."""
    return np.random.default_rng(count).uniform(low, high, count)


def annotated(true, scatter=0.03):
    """A table of ours with true values, whose errors are right but for numbers that are none."""
    known = np.where((true > 0) & (true < 1), true, 0.2)
    ours = known + scatter * np.random.default_rng(1).normal(size=len(true))
    table = Table({"Z": true, "astroclip_z": ours})
    for end, values in (("err", scatter), ("lo", ours - scatter), ("hi", ours + scatter)):
        table[f"astroclip_z_{end}"] = values
    return table


@pytest.mark.parametrize("sentinel", [99.0, 9.9999, 999.0, 7.0])
def test_numbers_too_large_for_redshifts_are_left_out_and_counted(sentinel):
    true = spread()
    true[::3] = sentinel
    table = annotated(true)
    with pytest.warns(
        AstroclipWarning, match=rf"left out 67 values not .*\({sentinel:g} in 67 rows"
    ):
        calibrate(table, {"redshift": "Z"})
    assert 0.02 < float(np.median(np.asarray(table["astroclip_z_err"]))) < 0.045
    assert table.meta["ACCAL1"] == "redshift: Z, 133 rows"


@pytest.mark.parametrize("sentinel", [0.0, 5.0, 6.9963, 1.0, 0.0011])
def test_value_repeated_as_no_measurement_is_left_out_and_named(sentinel):
    true = spread()
    true[::10] = sentinel
    with pytest.warns(AstroclipWarning, match=f"left out 20 rows with {sentinel:g}, which is repe"):
        calibrate(annotated(true), {"redshift": "Z"})
    assert read_true_values(Table({"Z": true}), "redshift", "Z").count == 180


@pytest.mark.parametrize("sentinel", [99.0, -99.0, 0.0, 13.5, 4.0])
def test_masses_that_are_none_are_left_out(sentinel):
    mass = np.append(spread(100, 8, 12), np.full(30, sentinel))
    assert read_true_values(Table({"M": mass}), "log_stellar_mass", "M").count == 100


def test_several_sentinels_are_all_found():
    true = np.concatenate([spread(100), np.full(12, 5.0), np.full(13, 6.0), np.full(14, 0.0)])
    assert likely_sentinels(true, "redshift") == [0, 5, 6]


@pytest.mark.parametrize(
    "values",
    [
        spread(1000, 0.0, 0.2).round(2),
        np.random.default_rng(2).normal(0.3, 0.05, 3000).round(2),
        np.random.default_rng(3).normal(0.3, 0.05, 300).round(1),
        np.random.default_rng(4).normal(0.231, 0.003, 400).round(3),
        np.repeat([0.1, 0.23, 0.31, 0.42], 50),
        np.full(100, 0.231),
        np.random.default_rng(5).normal(10, 0.7, 500).round(),
        np.append(spread(36), [0.1, 0.1, 0.2, 0.2]),
    ],
    ids=[
        "two decimals",
        "peaked, two decimals",
        "one decimal",
        "cluster members",
        "clusters' redshifts",
        "one cluster's redshift",
        "whole masses",
        "small table",
    ],
)
def test_rounded_values_clusters_and_small_tables_stay(values):
    assert likely_sentinels(values) == []


def test_sentinel_among_rounded_redshifts_is_found():
    values = np.append(np.random.default_rng(6).normal(0.5, 0.1, 900).round(2), np.full(100, 6.0))
    assert likely_sentinels(values) == [6.0]
    coarse = np.append(np.random.default_rng(7).uniform(0.1, 0.9, 400).round(1), np.full(40, 6.0))
    assert likely_sentinels(coarse) == [6.0]


@given(st.integers(30, 500), st.integers(0, 1000))
def test_distinct_values_are_never_suspect(count, seed):
    assert likely_sentinels(np.random.default_rng(seed).uniform(0.01, 1, count), "redshift") == []


def test_limits_of_the_user_go_before_ours():
    true = np.concatenate([spread(60), np.full(30, 8.0), [9.5]])
    found = read_true_values(Table({"Z": true}), "redshift", "Z", (0, 9))
    assert found.count == 90
    assert found.words == (
        "left out 1 value not between 0 and 9 (9.5 in 1 row); 8 is repeated as no measurement is, "
        "and was kept because limits are given"
    )


def test_own_labels_have_no_limits_of_ours():
    ages = np.append(spread(100, 1, 13), np.full(20, 99.0))
    assert read_true_values(Table({"AGE": ages[:100] * 10}), "age", "AGE").count == 100
    assert read_true_values(Table({"AGE": ages}), "age", "AGE").count == 100


def test_too_few_that_are_left_say_what_was_left_out_and_what_to_do():
    table = Table({"Z": np.append(spread(20), np.full(100, 99.0))})
    with pytest.raises(
        InputError,
        match=r"has 20 numbers .*left out 100 .*99 in 100 rows.*--calibrate-limits",
    ):
        check_label_columns(table, {"redshift": "Z"})


def test_nothing_is_said_where_nothing_surprises():
    true = spread()
    true[::4] = np.nan
    assert read_true_values(Table({"Z": true}), "redshift", "Z").words == ""
    calibrate(annotated(true), {"redshift": "Z"})


@pytest.mark.parametrize("given", ["redshift", "redshift=1", "redshift=a:b", "redshift=1-2"])
def test_other_words_are_no_limits(given):
    with pytest.raises(InputError, match="expected LABEL=LOW:HIGH"):
        parse_limits(given)


def test_limits_are_read():
    assert parse_limits(" redshift=-0.5:9,age=0:14") == {"redshift": (-0.5, 9), "age": (0, 14)}
    assert parse_limits("") == {}


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"age": (0, 1)}, "Limits of label 'age', which is not calibrated"),
        ({"redshift": (2, 1)}, "Limits of redshift are"),
        ({"redshift": 3}, "Limits of redshift are 3, expected two numbers"),
        (3, "limits is 3, expected a mapping"),
    ],
)
def test_wrong_limits_are_refused(limits, words):
    with pytest.raises(InputError, match=words):
        check_limits(limits, {"redshift": "Z"})
