"""A second call on a table: flags of what it does not compute stay, its own are written anew."""

import numpy as np
import pytest
from astropy.table import Table

from astroclip_astro.annotate.output import add_columns
from astroclip_astro.annotate.rows import empty_rows
from astroclip_astro.columns import FLAG_GROUPS, GROUPS, MODALITIES
from astroclip_astro.flags import Flag


@pytest.fixture
def annotate(make_job):
    """Write columns of chosen modalities with chosen flags."""

    def call(table, flags, modality=MODALITIES, groups=GROUPS):
        job = make_job(modality=tuple(modality), groups=tuple(groups))
        rows = empty_rows(job.columns, len(table))
        rows["astroclip_flags"] = flags
        return add_columns(table, rows, job)

    return call


@pytest.fixture
def table():
    return Table({"ra": [1.0, 2.0], "dec": [0.0, 0.0]})


def flags_of(table):
    return [Flag(value) for value in table["astroclip_flags"].tolist()]


def test_every_flag_says_what_it_belongs_to():
    assert set(FLAG_GROUPS) == set(Flag)
    assert {owner for owners in FLAG_GROUPS.values() for owner in owners} <= {
        *MODALITIES,
        *GROUPS,
    }


def test_call_with_the_other_modality_keeps_the_flags_of_the_first(table, annotate):
    annotate(table, [int(Flag.INCOMPLETE_IMAGE), int(Flag.NO_IMAGE)], ["image"])
    annotate(table, [int(Flag.BAD_SPECTRUM), 0], ["spectrum"])
    assert flags_of(table) == [Flag.INCOMPLETE_IMAGE | Flag.BAD_SPECTRUM, Flag.NO_IMAGE]


def test_call_with_the_same_modality_clears_its_flags(table, annotate):
    annotate(table, [int(Flag.NO_IMAGE | Flag.SOURCE_FAILED), 0], ["image"])
    annotate(table, [0, int(Flag.INCOMPLETE_IMAGE)], ["image"])
    assert flags_of(table) == [Flag(0), Flag.INCOMPLETE_IMAGE]


@pytest.mark.parametrize(
    "shared", [Flag.SOURCE_FAILED, Flag.BEYOND_REFERENCE, Flag.BEYOND_TRAINING]
)
def test_flag_of_either_modality_stays_while_columns_of_the_other_stay(table, annotate, shared):
    annotate(table, [int(shared), 0], ["image"])
    annotate(table, [0, 0], ["spectrum"])
    assert flags_of(table)[0] == shared
    annotate(table, [0, 0])
    assert flags_of(table)[0] == Flag(0)


def test_second_redshift_stays_where_only_masses_are_computed(table, annotate):
    annotate(table, [int(Flag.SEVERAL_REDSHIFTS), 0], groups=["redshift"])
    annotate(table, [0, 0], groups=["mass"])
    assert flags_of(table)[0] == Flag.SEVERAL_REDSHIFTS
    annotate(table, [0, 0], groups=["redshift"])
    assert flags_of(table)[0] == Flag(0)


def test_bad_coordinates_are_of_the_row_and_follow_it(table, annotate):
    annotate(table, [int(Flag.BAD_COORDINATES), 0], ["image"])
    annotate(table, [0, int(Flag.BAD_COORDINATES)], ["spectrum"])
    assert flags_of(table) == [Flag(0), Flag.BAD_COORDINATES]


def test_flags_that_are_not_ours_are_not_mixed_in(table, annotate):
    table["astroclip_flags"] = np.array([4, 4], np.int32)  # no ACVERS in the header
    annotate(table, [0, 0], ["spectrum"])
    assert flags_of(table) == [Flag(0), Flag(0)]
