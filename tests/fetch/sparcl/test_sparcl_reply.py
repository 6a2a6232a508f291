"""What SPARCL answers is either right in every field or refused."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from astroclip_astro.fetch.sparcl.field import array, number, word
from astroclip_astro.fetch.sparcl.record import (
    SpectrumRecord,
    read_record,
    records_table,
    unique_records,
)
from astroclip_astro.fetch.sparcl.reply import read_entries, read_spectra, read_spectrum
from astroclip_astro.fetch.transport import BadReplyError, Reply
from astroclip_astro.records import WAVELENGTH

ID = "00000f0b-07db-4234-892a-6e347db79c89"
FOUND = {
    "sparcl_id": ID,
    "targetid": 39627866878511337,
    "ra": 150.1,
    "dec": 2.2,
    "redshift": 0.35,
    "redshift_warning": 4,
    "spectype": "GALAXY",
    "specprimary": True,
    "data_release": "DESI-DR1",
    "survey": "main",
    "program": "dark",
}
RECORD = SpectrumRecord(
    ID, 39627866878511337, 150.1, 2.2, 0.35, 4, "GALAXY", True, "DESI-DR1", "main", "dark"
)
FLUX = np.linspace(-1, 1, 7781, dtype=np.float32)
IVAR = np.linspace(1, 2, 7781, dtype=np.float32)
SPECTRUM = {name: FOUND[name] for name in ("sparcl_id", "targetid", "ra", "dec", "data_release")}
SPECTRUM |= {"flux": FLUX, "ivar": IVAR, "wavelength": WAVELENGTH}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(list(FOUND)), inner)
    ),
    max_leaves=20,
)


def reply(content, kind="application/json"):
    return Reply(kind, content, "https://sparcl.example/api/find/")


# ------------------------------------------------------------------ entries


def test_entries_follow_the_header():
    assert read_entries(reply(b'[{}, {"ra": 1}, {"ra": 2}]')) == [{"ra": 1}, {"ra": 2}]


def test_a_pickle_is_known_by_its_first_byte():
    content = pickle.dumps([{}, {"flux": FLUX}])
    [entry] = read_entries(reply(content, "text/html"))
    np.testing.assert_array_equal(entry["flux"], FLUX)


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"<html>maintenance</html>", "text/html", "content type 'text/html'"),
        (b"[{}]", "text/plain", "content type"),
        (b"<html>maintenance</html>", "application/json", "no JSON"),
        (b"", "application/json", "no JSON"),
        (b'[{}, {"ra": 1}', "application/json", "no JSON"),
        (b"[" * 100_000, "application/json", "no JSON"),
        (b"[{}, " + b"9" * 5000 + b"]", "application/json", "no JSON"),
        (b"\xff\xfe", "application/json", "no JSON"),
        (b"[]", "application/json", "expected a list"),
        (b"{}", "application/json", "expected a list"),
        (b"[{}, [1]]", "application/json", "expected a list"),
        (b"[{}, null]", "application/json", "expected a list"),
        (pickle.dumps(print), "application/json", "pickle: names"),
        (pickle.dumps([{}, 1]), "application/octet-stream", "expected a list"),
    ],
)
def test_other_replies_are_refused(content, kind, message):
    with pytest.raises(BadReplyError, match=message):
        read_entries(reply(content, kind))


# ------------------------------------------------------------------ records


def test_a_record_is_read():
    assert read_record(FOUND, ["DESI-DR1"]) == RECORD


def test_numpy_scalars_are_numbers_and_words():
    entry = FOUND | {"ra": np.float64(150.1), "targetid": np.int64(RECORD.targetid)}
    entry |= {"specprimary": np.True_, "survey": np.str_("main")}
    record = read_record(entry, ["DESI-DR1"])
    assert record == RECORD
    assert (type(record.ra), type(record.specprimary), type(record.survey)) == (float, bool, str)


@pytest.mark.parametrize("value", [0, 1, True, False])
def test_specprimary_may_be_a_number(value):
    assert read_record(FOUND | {"specprimary": value}, ["DESI-DR1"]).specprimary is bool(value)


@pytest.mark.parametrize("name", ["redshift", "redshift_warning", "spectype", "survey", "program"])
@pytest.mark.parametrize("how", ["null", "missing"])
def test_some_fields_may_be_unknown(name, how):
    entry = FOUND | {name: None}
    if how == "missing":
        del entry[name]
    field = {"redshift_warning": "zwarn"}.get(name, name)
    assert getattr(read_record(entry, ["DESI-DR1"]), field) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sparcl_id", None),
        ("sparcl_id", "39627866878511337"),
        ("sparcl_id", ID.upper()),
        ("sparcl_id", ID + "\n"),
        ("sparcl_id", [ID]),
        ("targetid", None),
        ("targetid", 1.0),
        ("targetid", "39627866878511337"),
        ("targetid", True),
        ("targetid", 2**63),
        ("ra", None),
        ("ra", float("nan")),
        ("ra", -0.001),
        ("ra", 360.001),
        ("ra", "150.1"),
        ("ra", True),
        ("ra", np.array([1.0, 2.0])),
        ("dec", 90.001),
        ("dec", float("-inf")),
        ("redshift", float("inf")),
        ("redshift", -2),
        ("redshift_warning", -1),
        ("redshift_warning", 0.5),
        ("spectype", "GALAXIES"),
        ("spectype", 7),
        ("specprimary", None),
        ("specprimary", 2),
        ("specprimary", "true"),
        ("data_release", "DESI-EDR"),
        ("data_release", None),
        ("survey", "m\u00e4in"),
        ("survey", "\ud800"),
        ("survey", "ma\nin"),
        ("survey", np.array(["main", "sv3"])),
        ("program", "x" * 41),
        ("program", {"name": "dark"}),
    ],
)
def test_a_wrong_field_is_refused(name, value):
    with pytest.raises(BadReplyError, match=name if name != "data_release" else "DESI|release"):
        read_record(FOUND | {name: value}, ["DESI-DR1"])


@given(st.dictionaries(st.sampled_from(list(FOUND)), JSON), st.booleans())
def test_any_entry_is_a_record_or_a_bad_reply(changes, complete):
    entry = FOUND | changes if complete else changes
    try:
        record = read_record(entry, ["DESI-DR1"])
    except BadReplyError:
        return
    assert 0 <= record.ra <= 360
    assert record.release == "DESI-DR1"


def test_records_sent_twice_are_merged():
    other = read_record(FOUND | {"sparcl_id": ID.replace("0b", "0c")}, ["DESI-DR1"])
    assert unique_records([RECORD, other, RECORD]) == [RECORD, other]


def test_two_records_with_one_id_are_refused():
    other = read_record(FOUND | {"targetid": 5}, ["DESI-DR1"])
    with pytest.raises(BadReplyError, match="two different records"):
        unique_records([RECORD, other])


def test_table_masks_what_is_unknown():
    unknown = read_record(FOUND | {"redshift": None, "survey": None}, ["DESI-DR1"])
    table = records_table([RECORD, unknown])
    assert table["redshift"].mask.tolist() == [False, True]
    assert table["survey"].mask.tolist() == [False, True]
    assert table["targetid"].tolist() == [RECORD.targetid] * 2
    assert str(table["dec"].unit) == "deg"


# ------------------------------------------------------------------ spectra


@pytest.mark.parametrize("form", ["float32", "float64", ">f4", "list"])
def test_a_spectrum_is_read_to_the_bit(form):
    change = (lambda a: a.tolist()) if form == "list" else (lambda a: a.astype(form))
    flux, ivar = read_spectrum(SPECTRUM | {"flux": change(FLUX), "ivar": change(IVAR)}, RECORD)
    assert (flux.dtype, ivar.dtype) == (np.float32, np.float32)
    assert (flux.tobytes(), ivar.tobytes()) == (FLUX.tobytes(), IVAR.tobytes())


def test_a_spectrum_is_our_own_to_change():
    flux, _ = read_spectrum(SPECTRUM, RECORD)
    flux[0] = 7
    assert FLUX[0] == -1


def test_json_carries_a_spectrum_to_the_bit():
    lists = {name: SPECTRUM[name].tolist() for name in ("flux", "ivar", "wavelength")}
    [entry] = read_entries(reply(json.dumps([{}, SPECTRUM | lists]).encode()))
    flux, ivar = read_spectrum(entry, RECORD)
    assert (flux.tobytes(), ivar.tobytes()) == (FLUX.tobytes(), IVAR.tobytes())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flux", np.nan),
        ("flux", np.inf),
        ("flux", 1e39),  # beyond float32
        ("ivar", np.nan),
        ("ivar", np.inf),
        ("ivar", -1.0),
        ("ivar", 0.0),
        ("ivar", 1e-50),  # below float32
    ],
)
@pytest.mark.parametrize("as_list", [False, True])
def test_a_pixel_without_data_is_zero_in_both(name, value, as_list):
    values = SPECTRUM[name].astype(float)
    values[5] = value
    flux, ivar = read_spectrum(SPECTRUM | {name: values.tolist() if as_list else values}, RECORD)
    assert flux[5] == ivar[5] == 0
    assert np.flatnonzero(ivar == 0).tolist() == [5]


def test_null_is_a_pixel_without_data():
    flux, ivar = read_spectrum(SPECTRUM | {"flux": [None, *FLUX[1:].tolist()]}, RECORD)
    assert (flux[0], ivar[0]) == (0, 0)


@pytest.mark.parametrize("wavelength", [None, WAVELENGTH.tolist(), WAVELENGTH.astype(np.float32)])
def test_wavelengths_may_be_missing_or_rounded(wavelength):
    assert len(read_spectrum(SPECTRUM | {"wavelength": wavelength}, RECORD)[0]) == 7781


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targetid": 5}, "TARGETID 5"),
        ({"targetid": float(RECORD.targetid)}, "targetid"),
        ({"ra": 150.100002}, "position"),
        ({"dec": 2.199998}, "position"),
        ({"dec": None}, "dec"),
        ({"data_release": "DESI-EDR"}, "DESI-EDR"),
        ({"wavelength": WAVELENGTH + 0.02}, "off 3600"),
        ({"wavelength": WAVELENGTH[::-1]}, "off 3600"),
        ({"wavelength": np.full(7781, np.nan)}, "off 3600"),
        ({"wavelength": WAVELENGTH[:-1]}, "wavelength has shape"),
        ({"flux": FLUX[:-1]}, "flux has shape"),
        ({"flux": FLUX[None]}, "flux has shape"),
        ({"flux": []}, "flux has shape"),
        ({"flux": None}, "flux is None"),
        ({"flux": "flux"}, "flux is 'flux'"),
        ({"flux": [[1.0]] * 7781}, "other things than numbers"),
        ({"flux": [True] * 7781}, "other things than numbers"),
        ({"flux": ["1"] * 7781}, "other things than numbers"),
        ({"flux": [10**400] * 7781}, "beyond all floats"),
        ({"flux": np.ones(7781, bool)}, "an array bool"),
        ({"ivar": np.full(7781, "1")}, "an array <U1"),
        ({"ivar": {"0": 1}}, "ivar is"),
    ],
)
def test_another_objects_or_a_broken_spectrum_is_refused(changes, message):
    with pytest.raises(BadReplyError, match=message):
        read_spectrum(SPECTRUM | changes, RECORD)


def test_positions_are_compared_across_ra_0():
    record = read_record(FOUND | {"ra": 0.0}, ["DESI-DR1"])
    assert len(read_spectrum(SPECTRUM | {"ra": 359.9999999}, record)[0]) == 7781


def test_lists_in_lists_are_refused_before_numpy_sees_them():
    value = [1.0]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(BadReplyError, match="other things"):
        array({"flux": value}, "flux", 2)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(list(SPECTRUM)), JSON, min_size=1))
def test_any_entry_is_the_spectrum_or_a_bad_reply(changes):
    good, bad = read_spectra([SPECTRUM | changes], {ID: RECORD})
    assert good.keys() | bad.keys() == {ID}
    if good:
        assert good[ID][0].tobytes() == FLUX.tobytes()


OTHER = SPECTRUM | {"flux": FLUX + 1}


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], "not in the reply"),
        ([SPECTRUM | {"sparcl_id": "another"}], "not in the reply"),
        ([SPECTRUM | {"sparcl_id": None}], "not in the reply"),
        ([SPECTRUM | {"sparcl_id": [ID]}], "not in the reply"),
        ([SPECTRUM, OTHER], "sent twice, with different data"),
        ([SPECTRUM, OTHER, SPECTRUM], "sent twice, with different data"),
        ([SPECTRUM, SPECTRUM | {"targetid": 5}], "TARGETID 5"),
        ([SPECTRUM | {"targetid": 5}, SPECTRUM], "TARGETID 5"),
    ],
)
def test_a_spectrum_that_is_not_certain_is_not_delivered(entries, reason):
    good, bad = read_spectra(entries, {ID: RECORD})
    assert good == {}
    assert reason in bad[ID]


def test_the_same_spectrum_twice_is_fine():
    good, bad = read_spectra([SPECTRUM, dict(SPECTRUM)], {ID: RECORD})
    assert (list(good), bad) == ([ID], {})


def test_a_number_that_must_be_whole_stays_exact():
    assert number({"targetid": 2**53 + 1}, "targetid", 0, 2**63, whole=True) == 2**53 + 1


def test_messages_stay_short_whatever_was_sent():
    with pytest.raises(BadReplyError) as caught:
        word({"survey": "x" * 100_000}, "survey", 40)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "header",
    [
        {"status": {"success": False, "warnings": ["database is down"]}},
        {"errorCode": "DBERR", "errorMessage": "down"},
        {"sparcl_id": "a record in place of the header"},
    ],
)
def test_a_header_that_speaks_of_failure_is_no_answer(header):
    with pytest.raises(BadReplyError, match="expected a header"):
        read_entries(Reply("application/json", json.dumps([header]).encode(), "https://sparcl"))


def test_a_redshift_that_is_nan_is_unknown():
    assert number({"redshift": float("nan")}, "redshift", -1, 100, optional=True) is None
