"""The proof tells values from texts, and lets dates and versions pass."""

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SUFFIXES = ("fits", "vot", "ecsv", "parquet")


@pytest.fixture
def proof(monkeypatch):
    """The script as a module."""
    pytest.importorskip("h5py")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import house_proof

    return house_proof


@pytest.fixture
def differences(proof, tmp_path):
    """Return a function that writes a table twice, the second time changed, and compares."""
    from astroclip_astro.catalogue import write_catalogue

    def compare(suffix, change):
        sides = []
        for name in ("before", "after"):
            table = Table({"z": np.array([0.1, np.nan]), "n": [1, 2]})
            table["z"].description = "Redshift"
            table["z"].meta["ucd"] = "src.redshift"
            table.meta.update(ACWEIGHT="compact", ACDATE="2026-01-01", ACVERS="1")
            if name == "after":
                change(table)
            path = tmp_path / f"{name}.{suffix}"
            write_catalogue(table, path)
            sides.append(proof.read_output(path))
        return proof.differences(*sides)

    return compare


def change_value(table):
    table["z"][0] = np.nextafter(0.1, 1)


def change_null(table):
    table["z"][1] = 0.5


def change_unit(table):
    table["z"].unit = "km"


def change_ucd(table):
    table["z"].meta["ucd"] = "src.class"


def change_name(table):
    table.rename_column("n", "m")


def change_keyword(table):
    table.meta["ACWEIGHT"] = "other"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "change",
    [change_value, change_null, change_unit, change_ucd, change_name, change_keyword],
    ids=lambda change: change.__name__,
)
def test_what_must_stay_is_a_value(differences, suffix, change):
    assert differences(suffix, change)["value"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_description_is_a_text(differences, suffix):
    def change(table):
        table["z"].description = "Zero-shot redshift"

    found = differences(suffix, change)
    assert not found["value"]
    assert ("Redshift", "Zero-shot redshift") in [(old, new) for _, old, new in found["text"]]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_dates_and_versions_pass(differences, suffix):
    def change(table):
        table.meta.update(ACDATE="2027-02-02", ACVERS="2")

    assert differences(suffix, change) == {"value": [], "text": []}


def test_a_line_of_a_csv_is_a_value(proof, tmp_path):
    paths = [tmp_path / "one.csv", tmp_path / "two.csv"]
    paths[0].write_text("step,loss,rate\n1,2.5,100\n")
    paths[1].write_text("step,loss,rate\n1,2.5,99\n")
    same = proof.differences(*map(proof.read_output, paths))
    assert same == {"value": [], "text": []}
    paths[1].write_text("step,loss,rate\n1,2.50,99\n")
    assert proof.differences(*map(proof.read_output, paths))["value"]


def test_report_lists_a_text_once(proof):
    found = {"value": [], "text": [("a", "old", "new"), ("b", "old", "new")]}
    assert proof.report(found, 2).endswith("- a and 1 more\n  - before: old\n  - after: new")
