"""The spectrum of a row is the row's, and lines are marked at the best redshift there is."""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from stubs import StubSource, mark

from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.flags import Flag
from astroclip_astro.interpret.spectrum import fetch_spectrum

FAILED = Flag.NO_SPECTRUM | Flag.SOURCE_FAILED


@pytest.fixture
def table():
    ra = [10.0, 20.0, np.nan]
    return Table({"ra": ra, "dec": [1.0, 2.0, 3.0]}, units={"ra": "deg", "dec": "deg"})


def source(**facts):
    return StubSource(spectrum=facts)


def test_spectrum_is_that_of_the_row(table):
    found = fetch_spectrum(table, 1, StubSource())
    assert found.flux[0] == pytest.approx(mark(20.0, 2.0))
    assert found.ivar[0] == 4
    assert "stub" in found.description


def test_source_is_closed(table):
    opened = StubSource()
    fetch_spectrum(table, 0, opened)
    assert opened.closed


def test_radius_and_names_of_columns_are_passed_on(table):
    radii = []

    class Noting(StubSource):
        def spectra(self, targets, radius):
            radii.append(radius)
            return super().spectra(targets, radius)

    table.rename_columns(["ra", "dec"], ["here", "there"])
    fetch_spectrum(table, 0, Noting(), ra="here", dec="there", match_radius=3)
    assert radii == [3]


@pytest.mark.parametrize(
    ("given", "columns", "fact", "expected", "words"),
    [
        (0.7, {"desi_z": 0.2, "z": 0.3}, 0.1, 0.7, "as given"),
        (None, {"desi_z": 0.2, "z": 0.3}, 0.1, 0.2, "astroclip_desi_z"),
        (None, {"desi_z": np.nan, "z": 0.3}, 0.1, 0.1, "of DESI"),
        (None, {"desi_z": np.nan, "z": 0.3}, None, 0.3, "zero-shot, astroclip_z"),
        (None, {"z": 0.3}, np.nan, 0.3, "zero-shot, astroclip_z"),
        (None, {"z": np.nan}, None, None, "no redshift is known"),
        (None, {}, None, None, "no redshift is known"),
        (0.0, {"z": 0.3}, None, 0.0, "as given"),
    ],
)
def test_redshift_is_the_best_known(table, given, columns, fact, expected, words):
    for name, value in columns.items():
        table[f"astroclip_{name}"] = [value, 9.0, 9.0]
    found = fetch_spectrum(table, 0, source(redshift=fact), given)
    assert found.redshift == expected
    assert words in found.description
    if expected is not None:
        assert f"{expected:.4f}" in found.description


def test_masked_redshift_is_none(table):
    table["astroclip_desi_z"] = MaskedColumn([0.2, 0.4, 0.4], mask=[True, False, False])
    assert fetch_spectrum(table, 0, source(redshift=None)).redshift is None
    assert fetch_spectrum(table, 1, source(redshift=None)).redshift == 0.4


def test_doubtful_redshift_is_called_that(table):
    assert "ZWARN 4" in fetch_spectrum(table, 0, source(zwarn=4)).description
    assert "ZWARN" not in fetch_spectrum(table, 0, source(zwarn=0)).description


def test_simulated_table_makes_the_data_simulated(table):
    assert "SIMULATED" not in fetch_spectrum(table, 0, StubSource()).description
    table.meta["SIMULATD"] = True
    assert "stub (SIMULATED)" in fetch_spectrum(table, 0, StubSource()).description


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (2, "Row 2 has no good position and no TARGETID.*another row"),
        (3, "row is 3, expected 0 to 2"),
        (-1, "row is -1, expected 0 to 2"),
        (1.0, "expected a whole number"),
        (True, "expected a whole number"),
    ],
)
def test_row_that_cannot_be_asked_for_is_refused(table, row, words):
    with pytest.raises(InputError, match=words):
        fetch_spectrum(table, row, StubSource())


def test_row_without_a_spectrum_says_what_was_found_and_what_to_do(table):
    gap = StubSource(gaps={Flag.NO_SPECTRUM: [10.0]})
    with pytest.raises(InputError, match=r"Row 0 has no spectrum.*made to fail.*stub.*another row"):
        fetch_spectrum(table, 0, gap)
    assert gap.closed


def test_source_that_fails_is_no_mistake_of_the_user(table):
    with pytest.raises(SourceError, match="made to fail"):
        fetch_spectrum(table, 0, StubSource(gaps={FAILED: [10.0]}))


def test_empty_spectrum_is_refused(table):
    with pytest.raises(InputError, match=r"row 0.*is empty"):
        fetch_spectrum(table, 0, source(ivar=np.zeros(7781, np.float32)))


@pytest.mark.parametrize("redshift", [np.nan, -1, np.inf, "high"])
def test_redshift_that_is_none_is_refused(table, redshift):
    with pytest.raises(InputError, match="redshift is"):
        fetch_spectrum(table, 0, StubSource(), redshift)
