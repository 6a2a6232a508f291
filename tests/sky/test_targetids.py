"""TARGETIDs that a float column or a spreadsheet has rounded are noticed; others are not."""

import numpy as np
import pytest
from astropy.table import Table

from astroclip_astro.errors import AstroclipWarning
from astroclip_astro.sky import describe_positions, find_targets
from astroclip_astro.sky.targetids import describe_rounding, read_targetids, rounding

IDS = 39627000000012345 + 977 * np.arange(50)


def excel(ids):
    """Keep 15 digits."""
    return np.array([int(f"{int(one):.14e}".split("e")[0].replace(".", "")) * 100 for one in ids])


@pytest.mark.parametrize("rounded", [IDS.astype(float).astype(np.int64), excel(IDS)])
def test_rounded_targetids_are_warned_of(rounded):
    with pytest.warns(
        AstroclipWarning, match=r"all 50 of 50 TARGETIDs in 'TARGETID' beyond 2\*\*53"
    ):
        find_targets(Table({"TARGETID": rounded}))
    assert "read the column as 64-bit integers" in describe_positions(Table({"TARGETID": rounded}))


def test_targetids_rounded_in_strings_are_warned_of():
    with pytest.warns(AstroclipWarning, match="a multiple of 8"):
        find_targets(Table({"TARGETID": [f"{one:.1f}" for one in IDS.astype(float)]}))


def test_half_of_a_long_column_suffices():
    mixed = np.where(np.arange(50) % 3, IDS.astype(float).astype(np.int64), IDS)
    words, certain = describe_rounding(mixed, "TARGETID")
    assert "of 50 TARGETIDs" in words
    assert certain


def test_one_rounded_targetid_is_described_but_may_be_chance():
    table = Table({"TARGETID": [int(float(IDS[0]))]})
    assert "a multiple of 8" in describe_positions(table)
    assert find_targets(table).has_targetid.all()  # without a warning


@pytest.mark.parametrize("ids", [IDS, [8, 16, 24], [-8, -16], IDS[:1]])
def test_other_targetids_are_not_suspect(ids):
    assert read_targetids(Table({"TARGETID": ids})).doubt == ""


def test_odds_depend_on_the_size():
    large = 2**59 + 128 * 3
    np.testing.assert_array_equal(
        rounding(np.array([large, large + 8, -IDS[0], 0])), [128, 1, 1, 1]
    )
