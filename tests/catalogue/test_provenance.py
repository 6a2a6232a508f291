"""What made each group of columns: kept through several calls, refused where groups differ."""

import numpy as np
import pytest
from astropy.table import Table

from astroclip_astro.catalogue.provenance import (
    check_same_origin,
    column_group,
    group_columns,
    record_provenance,
    weights_of,
)
from astroclip_astro.columns import COLUMN_GROUP_WORDS, COLUMNS, GROUPS, select
from astroclip_astro.errors import WeightsError

A, B = "a" * 64, "b" * 64


def call(name, sha256, reference="ref", source="demo"):
    return {
        "ACWEIGHT": name, "ACWSHA": sha256, "ACREF": reference, "ACREFSHA": sha256,
        "ACREFSIM": "SIMULATED", "ACSOURCE": source,
    }  # fmt: skip


def add(table, columns, **keywords):
    for column in columns:
        table[column.name] = np.zeros((len(table), *column.shape), column.dtype)
    record_provenance(table, columns, keywords)


@pytest.fixture
def table():
    return Table({"ra": [1.0, 2.0]})


def test_every_column_but_flags_and_matches_has_a_group_with_words():
    for column in COLUMNS:
        group = column_group(column)
        assert (group is None) == (column.group in ("match", "flags"))
        assert group is None or group in COLUMN_GROUP_WORDS


def test_two_calls_with_other_weights_are_told_apart(table):
    add(table, select(["image", "spectrum"], ["embedding"]), **call("one", A))
    add(table, select(["image", "spectrum"], ["redshift"]), **call("two", B, source="archive"))
    assert weights_of(table, "IMG") == weights_of(table, "SPC") == ("one", A)
    assert weights_of(table, "Z") == weights_of(table, "ZIMG") == ("two", B)
    assert table.meta["ACS_IMG"] == "demo"
    assert table.meta["ACS_ZSPC"] == "archive"
    assert table.meta["ACR_Z"] == f"ref {B}"
    assert "ACR_IMG" not in table.meta
    for key in ("ACWEIGHT", "ACWSHA", "ACSOURCE"):
        assert table.meta[key] == "several"
    assert table.meta["ACREF"] == "ref"


def test_one_call_keeps_the_keywords_of_the_whole_table(table):
    add(table, select(["image", "spectrum"], GROUPS), **call("one", A))
    assert (table.meta["ACWEIGHT"], table.meta["ACWSHA"]) == ("one", A)
    assert len({value for key, value in table.meta.items() if key.startswith("ACW_")}) == 1


def test_overwriting_every_group_forgets_the_earlier_weights(table):
    add(table, select(["image"], ["embedding"]), **call("one", A))
    add(table, select(["image"], ["embedding"]), **call("two", B))
    assert table.meta["ACWEIGHT"] == "two"
    assert weights_of(table, "IMG") == ("two", B)


def test_groups_whose_columns_were_removed_count_no_longer(table):
    add(table, select(["image", "spectrum"], ["embedding"]), **call("one", A))
    table.remove_columns(["astroclip_image", "astroclip_spectrum"])
    add(table, select(["image"], ["mass"]), **call("two", B))
    assert "ACW_IMG" not in table.meta
    assert table.meta["ACWEIGHT"] == "two"


def test_table_of_an_earlier_version_gets_groups_of_what_it_says_of_all(table):
    table["astroclip_image"] = np.zeros((2, 128), "f4")
    table.meta.update(call("one", A))
    assert weights_of(table, "IMG") == ("one", A)
    add(table, select(["image"], ["redshift"]), **call("two", B))
    assert weights_of(table, "IMG") == ("one", A)
    assert weights_of(table, "ZIMG") == ("two", B)


def test_same_origin_is_accepted_and_unknown_origin_too(table):
    add(table, select(["image", "spectrum"], ["embedding"]), **call("one", A))
    check_same_origin(table, ["IMG", "SPC", "Z"], "compared")
    check_same_origin(Table(), ["IMG", "SPC"], "compared")


def test_other_weights_are_refused_with_both_names(table):
    add(table, select(["image"], ["embedding"]), **call("one", A))
    add(table, select(["spectrum"], ["embedding"]), **call("two", B))
    with pytest.raises(WeightsError) as error:
        check_same_origin(table, ["IMG", "SPC"], "compared")
    for words in ("astroclip_image", "astroclip_spectrum", "one", "two", A[:12], B[:12]):
        assert words in str(error.value)


def test_other_reference_is_refused(table):
    add(table, select(["image"], ["redshift"]), **call("one", A, reference="mine"))
    add(table, select(["spectrum"], ["mass"]), **(call("one", A) | {"ACREFSHA": A}))
    with pytest.raises(WeightsError, match=r"reference mine .* reference ref"):
        check_same_origin(table, ["ZIMG", "MSPC"], "calibrated")


def test_columns_of_a_group_are_those_that_are_there(table):
    table["astroclip_z_image_err"] = [0.1, 0.1]
    assert group_columns(table) == {"ZIMG": ["astroclip_z_image_err"]}
