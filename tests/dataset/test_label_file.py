"""Tables of labels in every format, TARGETIDs whole."""

import h5py
import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from astroclip_astro.catalogue import write_catalogue
from astroclip_astro.dataset.label_file import read_columns, read_targetids
from astroclip_astro.dataset.labels import read_labels
from astroclip_astro.errors import CatalogueError

LARGE = 39627866878511337  # does not survive a float
IDS = LARGE + np.array([2, 0, 1])


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".ecsv", ".csv", ".parquet", ".fits.gz"])
def test_format_keeps_targetids(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    write_catalogue(Table({"TARGETID": IDS, "LOGMSTAR": [12.0, 10, 11]}), path)
    labels = read_labels(path)
    assert labels.targetid.tolist() == [LARGE, LARGE + 1, LARGE + 2]
    assert labels.values["log_stellar_mass"].tolist() == [10, 11, 12]
    assert read_targetids(path) == (LARGE, LARGE + 1, LARGE + 2)


def compound(file, name="__astropy_table__"):
    rows = np.zeros(3, [("TARGETID", "i8"), ("PROVABGS_LOGMSTAR_BF", "f4"), ("MCMC", "f4", (9,))])
    rows["TARGETID"], rows["PROVABGS_LOGMSTAR_BF"] = IDS, [12, 10, 11]
    file[name] = rows


def columns(group):
    group["TARGETID"], group["PROVABGS_LOGMSTAR_BF"] = IDS, np.array([12.0, 10, 11])
    group["PROVABGS_MCMC"] = np.zeros((3, 9))


@pytest.mark.parametrize(
    "fill",
    [compound, columns, lambda file: columns(file.create_group("provabgs"))],
    ids=["compound", "columns", "group"],
)
def test_hdf5_is_read_however_it_is_laid_out(tmp_path, fill):
    with h5py.File(tmp_path / "p.hdf5", "w") as file:
        fill(file)
    labels = read_labels(tmp_path / "p.hdf5")
    assert labels.targetid.tolist() == [LARGE, LARGE + 1, LARGE + 2]
    assert labels.values["log_stellar_mass"].tolist() == [10, 11, 12]


def test_two_tables_in_a_file_are_one_too_many(tmp_path):
    with h5py.File(tmp_path / "p.h5", "w") as file:
        compound(file, "one")
        compound(file, "two")
    with pytest.raises(CatalogueError, match="2 tables with a column TARGETID, expected one"):
        read_labels(tmp_path / "p.h5")


def test_damaged_hdf5_is_a_mistake_of_the_file(tmp_path):
    with h5py.File(tmp_path / "p.h5", "w") as file:
        columns(file)
    content = (tmp_path / "p.h5").read_bytes()
    (tmp_path / "p.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(CatalogueError, match="cannot be read as HDF5"):
        read_labels(tmp_path / "p.h5")


def test_columns_of_different_lengths_are_refused(tmp_path):
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["TARGETID"], file["LOGMSTAR"] = IDS, np.ones(2)
    with pytest.raises(CatalogueError, match=r"have \[2, 3\] rows"):
        read_labels(tmp_path / "p.h5")


def test_rows_without_targetid_have_none(tmp_path):
    ids = MaskedColumn(np.append(IDS, [-9999, 5]), mask=[0, 0, 0, 0, 1])
    Table({"TARGETID": ids, "m": np.arange(5.0)}).write(tmp_path / "t.ecsv")
    table, targetid, known = read_columns(tmp_path / "t.ecsv", lambda names: ["m"])
    assert (known.tolist(), table.colnames) == ([True] * 3 + [False] * 2, ["m"])
    assert targetid[:3].tolist() == IDS.tolist()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"TARGETID": [float(LARGE)]}, "cannot hold every TARGETID"),
        ({"id": [5]}, "has 0 columns TARGETID among 'id'"),
        ({"TARGETID": [5], "targetid": [6]}, "has 2 columns TARGETID"),
        ({"TARGETID": [-9999]}, "no row with a TARGETID"),
    ],
)
def test_table_without_usable_targetids_is_refused(tmp_path, table, words):
    Table(table).write(tmp_path / "t.ecsv")
    with pytest.raises(CatalogueError, match=words):
        read_targetids(tmp_path / "t.ecsv")


def test_absent_file_is_said(tmp_path):
    with pytest.raises(CatalogueError, match="does not exist"):
        read_labels(tmp_path / "none.h5")


def test_table_of_the_real_sample_is_read(real_data):
    labels = read_labels(real_data / "desi_bgs_labels.fits", ["Z"])
    assert 70_000 < len(labels.targetid) <= 78_156
    assert (np.diff(labels.targetid) > 0).all()
