"""Labels land on the galaxy whose they are, or on none."""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from hypothesis import given, settings, strategies as st

from astroclip_astro.dataset.labels import clean_labels, read_labels
from astroclip_astro.errors import InputError

LARGE = 39627866878511337  # does not survive a float


def labels_of(ids, values, mask=None, *, known=None, positive=()):
    table = Table({"m": MaskedColumn(np.array(values, float), mask=mask)})
    known = np.ones(len(ids), bool) if known is None else np.array(known)
    return clean_labels(
        table, np.array(ids, np.int64), known, datasets={"label": "m"}, positive=positive
    )


VALUES = st.sampled_from([1.0, 2.0, 3.0, -1.0, np.nan, np.inf])
SELDOM = st.sampled_from([False] * 5 + [True])
ROWS = st.lists(
    st.tuples(st.integers(0, 4), VALUES, SELDOM, SELDOM.map(lambda seldom: not seldom)),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(rows=ROWS, asked=st.lists(st.integers(-2, 7), max_size=20), positive=st.booleans())
def test_join_is_that_of_a_dictionary(rows, asked, positive):
    right = {}
    for targetid, value, masked, known in rows:
        if known and not masked and np.isfinite(value) and (value > 0 or not positive):
            right.setdefault(LARGE + targetid, set()).add(value)
    right = {targetid: values.pop() for targetid, values in right.items() if len(values) == 1}
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    labels = labels_of(
        [LARGE + number for number in columns[0]],
        columns[1],
        np.array(columns[2], bool),
        known=np.array(columns[3], bool),
        positive=["m"] if positive else (),
    )
    wanted = np.array([LARGE + number for number in asked], np.int64)
    at, found = labels.find(wanted)
    assert found.tolist() == [targetid in right for targetid in wanted.tolist()]
    for targetid, row, here in zip(wanted.tolist(), at, found, strict=True):
        if here:
            assert labels.values["label"][row] == right[targetid]
    assert sum(labels.why_not(wanted[~found]).values()) == (~found).sum()


def test_neighbouring_targetids_are_told_apart():
    labels = labels_of([LARGE, LARGE + 1, LARGE + 2], [1, 2, 3])
    at, found = labels.find(np.array([LARGE + 2, LARGE, LARGE + 3]))
    assert found.tolist() == [True, True, False]
    assert labels.values["label"][at[:2]].tolist() == [3, 1]


def test_rows_that_agree_are_one_and_rows_that_do_not_are_none():
    labels = labels_of([5, 6, 5, 6], [1, 2, 1, 3])
    assert labels.targetid.tolist() == [5]
    assert labels.why_not(np.array([6])) == {"rows of labels that disagree": 1}


def test_reasons_are_told_apart():
    labels = labels_of([1, 2, 3, 4], [1, np.nan, -9, 2], [0, 0, 0, 1], positive=["m"])
    assert labels.targetid.tolist() == [1]
    assert labels.why_not(np.array([2, 3, 4, 5])) == {
        "no value of m": 2,
        "m not above 0": 1,
        "no row in the table of labels": 1,
    }


def write(path, **columns):
    Table(columns).write(path)
    return path


def test_provabgs_cuts_are_made(tmp_path):
    path = write(
        tmp_path / "p.fits",
        TARGETID=LARGE + np.arange(5),
        PROVABGS_LOGMSTAR_BF=[10.0, -99, 10.2, 10.3, 10.4],
        LOGMSTAR=[1.0, 1, 1, 1, 1],
        MAG_G=[19.0, 19, -1, 19, np.nan],
        MAG_R=[18.0, 18, 18, 0, 18],
        MAG_Z=[17.0, 17, 17, 17, 17],
        Z_HP=[0.1, 0.2, 0.3, 0.4, 0.5],
    )
    labels = read_labels(path, ["Z_HP"])
    assert labels.targetid.tolist() == [LARGE]
    assert labels.values["log_stellar_mass"].tolist() == [10]
    assert labels.values["Z_HP"].tolist() == [0.1]
    field = labels.fields["log_stellar_mass"]
    assert (field.dtype, field.unit) == ("f4", "dex(solMass)")
    assert field.description == "PROVABGS_LOGMSTAR_BF of p.fits"


def test_vectors_are_labels_too(tmp_path):
    lines = np.arange(12.0).reshape(4, 3)
    lines[1, 2] = np.nan
    path = write(tmp_path / "v.fits", TARGETID=np.arange(1, 5), LINES=lines)
    labels = read_labels(path, ["LINES"])
    assert labels.targetid.tolist() == [1, 3, 4]
    assert labels.values["LINES"].tolist() == lines[[0, 2, 3]].tolist()
    assert labels.fields["LINES"].shape == (3,)


@pytest.mark.parametrize(
    ("columns", "wanted", "words"),
    [
        ({"z": [1.0]}, ["Z"], r"No column 'Z' in .*only 'TARGETID', 'z'"),
        ({"z": [1.0]}, [], "no column of stellar masses .*--label-columns"),
        ({"z": ["a"]}, ["z"], "holds .*expected numbers"),
        ({"ra": [1.0]}, ["ra"], "the name is taken"),
        ({"a/b": [1.0]}, ["a/b"], "cannot become a dataset"),
        ({"flux": [1.0]}, ["flux"], r"training set's flux has \(3,\)"),
    ],
)
def test_columns_that_cannot_be_labels_are_refused(tmp_path, columns, wanted, words):
    path = write(tmp_path / "t.fits", TARGETID=[5], **columns)
    with pytest.raises(InputError, match=words):
        read_labels(path, wanted)
