"""Finding and retrieving spectra as SPARCL does it, traps included."""

import uuid

import numpy as np
import pytest
import requests
from waiting import HANGS

from astroclip_astro import standin
from astroclip_astro.fetch.sparcl.plain_pickle import load
from astroclip_astro.records import WAVELENGTH

COUNT = 600
SKY = standin.painted_sky(COUNT)
FIRST = 800_000_000_000_000
VECTORS = ("flux", "ivar", "mask", "wavelength")
FACTS = (
    "sparcl_id,specid,targetid,survey,program,ra,dec,redshift,redshift_err,redshift_warning,"
    "spectype,specprimary,data_release"
).split(",")


@pytest.fixture(scope="module")
def api():
    with standin.serve(sky=SKY) as url:
        yield f"{url}/api"


@pytest.fixture(scope="module")
def pickles_only():
    with standin.serve(sky=SKY, json=False) as url:
        yield f"{url}/api"


def find(api, *search, outfields=("targetid",), limit=None):
    question = {"outfields": list(outfields), "search": [list(constraint) for constraint in search]}
    params = {} if limit is None else {"limit": limit}
    return requests.post(f"{api}/find/", params=params, json=question, timeout=HANGS)


def found(*args, **options):
    reply = find(*args, **options)
    assert reply.status_code == 200, reply.text
    return reply.json()[1:]


@pytest.fixture(scope="module")
def names(api):
    """Names of the primary spectra of DR1, by object."""
    records = found(
        api,
        ("data_release", "DESI-DR1"),
        ("specprimary", True),
        outfields=("sparcl_id", "targetid"),
        limit=COUNT,
    )
    return [record["sparcl_id"] for record in sorted(records, key=lambda r: r["targetid"])]


def retrieve(api, body, **params):
    return requests.post(f"{api}/spectras/", params=params, json=body, timeout=HANGS)


def unpacked(reply):
    """Meta and records of a reply from our own server: nobody else has written its pickle."""
    assert reply.status_code == 200, reply.text
    if reply.headers["Content-Type"] == "application/json":
        meta, *records = reply.json()
    else:
        meta, *records = load(reply.content)
    return meta, records


def test_version_and_fields(api):
    assert isinstance(requests.get(f"{api}/version/", timeout=HANGS).json(), float)
    fields = requests.get(f"{api}/datafields/", timeout=HANGS).json()
    assert [f["newdp"] for f in fields if f["data_release"] == "DESI-DR1"] == [
        *("sparcl_id", "survey", "program", "spectype", "data_release"),
        *("targetid", "specid", "ra", "dec", "redshift", "redshift_err", "redshift_warning"),
        *("specprimary", *VECTORS),
    ]


def test_find_answers_meta_then_records(api):
    meta, record, *more = find(api, ("targetid", FIRST + 7), outfields=FACTS, limit=5).json()
    assert meta["status"]["success"]
    assert not more
    assert uuid.UUID(record.pop("sparcl_id"))
    assert (
        record.pop("redshift")
        == SKY.spectra["redshift"][np.flatnonzero(SKY.spectra["targetid"] == FIRST + 7)[0]]
    )
    assert record == {
        "specid": FIRST + 7,
        "targetid": FIRST + 7,
        "survey": "main",
        "program": "bright",
        "ra": SKY.ra[7],
        "dec": SKY.dec[7],
        "redshift_err": 1e-5,
        "redshift_warning": 0,
        "spectype": "GALAXY",
        "specprimary": True,
        "data_release": "DESI-DR1",
    }


def test_find_keeps_to_its_box(api):
    box = (("ra", 0.02, 0.1), ("dec", 1.95, 2.05), ("data_release", "DESI-DR1"))
    inside = (SKY.ra >= 0.02) & (SKY.ra <= 0.1) & (SKY.dec >= 1.95) & (SKY.dec <= 2.05)
    targets = {record["targetid"] - FIRST for record in found(api, *box)}
    assert targets == set(np.flatnonzero(inside).tolist()) != set()


def test_find_does_not_wrap_at_ra_zero(api):
    assert found(api, ("ra", 359.9, 0.1)) == []
    assert found(api, ("ra", 359.9, 360.1)) != []


def test_find_two_numbers_are_a_range_even_for_identifiers(api):
    records = found(api, ("targetid", FIRST + 1, FIRST + 5), ("data_release", "DESI-DR1"))
    assert {record["targetid"] - FIRST for record in records} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("numbers", [(11,), (1, 3, 5), (1, 3, 5, 7)])
def test_find_other_counts_of_numbers_are_a_list(api, numbers):
    records = found(api, ("targetid", *(FIRST + number for number in numbers)))
    assert [record["targetid"] - FIRST for record in records] == list(numbers)


def test_find_strings_are_always_a_list(api, names):
    chosen = {names[5], names[2]}
    records = found(api, ("sparcl_id", *chosen), outfields=("sparcl_id",))
    assert {record["sparcl_id"] for record in records} == chosen


@pytest.mark.parametrize(("limit", "count"), [(None, 500), (7, 7), (5000, 1020)])
def test_find_cuts_off_silently(api, limit, count):
    # 600 objects and 60 second spectra in DR1; 300 and 60 of them in EDR too.
    meta, *records = find(api, ("ra", 0, 360), limit=limit).json()
    assert len(records) == count
    assert meta["status"]["warnings"] == []


def test_releases_give_the_same_object_other_names(api):
    records = found(api, ("targetid", FIRST + 2), outfields=("sparcl_id", "data_release"))
    assert [record["data_release"] for record in records] == ["DESI-EDR", "DESI-DR1"]
    assert records[0]["sparcl_id"] != records[1]["sparcl_id"]


def test_names_are_the_same_on_every_server(names):
    with standin.serve(sky=SKY) as url:
        (record,) = found(f"{url}/api", ("targetid", FIRST + 1), outfields=("sparcl_id",))
    assert record["sparcl_id"] == names[1]


@pytest.mark.parametrize("form", ["json", "pkl"])
def test_spectra_come_with_what_was_included(api, names, form):
    fields = ("sparcl_id", "targetid", *VECTORS)
    _, (record,) = unpacked(retrieve(api, [names[17]], format=form, include=",".join(fields)))
    assert tuple(record) == fields
    assert record["targetid"] == FIRST + 17
    assert standin.painted_number_of_flux(np.array(record["flux"])) == 17
    assert np.allclose(record["ivar"], 4 * np.array(record["flux"]))
    assert not np.any(record["mask"])
    assert np.array_equal(record["wavelength"], WAVELENGTH)


def test_pickle_holds_float64_arrays(api, names):
    reply = retrieve(api, names[:1], format="pkl", include=",".join(VECTORS))
    assert reply.headers["Content-Type"] == "application/octet-stream"
    _, (record,) = unpacked(reply)
    kinds = {name: (record[name].shape, record[name].dtype.str) for name in VECTORS}
    floats = ((7781,), "<f8")
    assert kinds == {
        "flux": floats,
        "ivar": floats,
        "wavelength": floats,
        "mask": ((7781,), "<i4"),
    }


def test_json_floats_are_exact_in_float32():
    sky = standin.demo_sky()
    with standin.serve(sky=sky) as url:
        api = f"{url}/api"
        search = (("data_release", "DESI-EDR"), ("specprimary", True))
        names = [r["sparcl_id"] for r in found(api, *search, outfields=("sparcl_id",))]
        _, records = unpacked(
            retrieve(api, names[:3], format="json", include="sparcl_id,targetid,flux,ivar")
        )
    assert len(records) == 3
    for record in records:
        row = np.flatnonzero(sky.spectra["targetid"] == record["targetid"])[0]
        for name, stored in zip(("flux", "ivar"), sky.flux_ivar(row), strict=True):
            assert np.array_equal(np.array(record[name]).astype(np.float32), stored)


def test_spectra_come_in_another_order(api, names):
    _, records = unpacked(retrieve(api, names[:20]))
    order = [record["sparcl_id"] for record in records]
    assert sorted(order) == sorted(names[:20])
    assert order != names[:20]


def test_order_is_the_same_for_the_same_seed(names):
    orders = []
    for _ in range(2):
        with standin.serve(sky=SKY, seed=9) as url:
            orders.append(unpacked(retrieve(f"{url}/api", names[:20]))[1])
    assert orders[0] == orders[1]


def test_each_name_comes_once(api, names):
    _, records = unpacked(retrieve(api, [names[0], names[0]]))
    assert len(records) == 1


def test_unknown_names_are_not_there_and_said(api, names):
    unknown = str(uuid.uuid4())
    meta, records = unpacked(retrieve(api, [names[0], unknown]))
    assert [record["sparcl_id"] for record in records] == [names[0]]
    assert unknown in meta["status"]["warnings"][0]


def test_datasets_not_listed_are_not_searched(api, names):
    assert unpacked(retrieve(api, names[:2], dataset_list="DESI-EDR"))[1] == []
    both = retrieve(api, names[:2], dataset_list="DESI-EDR,DESI-DR1")
    assert len(unpacked(both)[1]) == 2


@pytest.mark.parametrize(("limit", "count"), [({}, 500), ({"limit": 550}, 550)])
def test_spectra_are_cut_off_silently(api, names, limit, count):
    _, records = unpacked(retrieve(api, names, **limit))
    assert len(records) == count


def test_server_with_pickles_only_refuses_json(pickles_only, names):
    reply = retrieve(pickles_only, names[:1], format="json")
    assert (reply.status_code, reply.json()["errorCode"]) == (400, "BADFORMAT")
    assert len(unpacked(retrieve(pickles_only, names[:1], format="pkl"))[1]) == 1


@pytest.mark.parametrize(
    ("search", "fields", "code"),
    [
        ([["magnitude", 1, 2]], ["targetid"], "UNKFIELD"),
        ([["flux", 1, 2]], ["targetid"], "UNKFIELD"),
        ([], ["flux"], "UNKFIELD"),
        ([["ra"]], ["targetid"], "BADCONST"),
        ([["ra", "1", "2"]], ["targetid"], "BADCONST"),
        ([["ra", True, False]], ["targetid"], "BADCONST"),
        ([["survey", 1]], ["targetid"], "BADCONST"),
        ([["survey", ["sv3"]]], ["targetid"], "BADCONST"),
        (["ra"], ["targetid"], "BADCONST"),
        ("ra", ["targetid"], "BADSPEC"),
        ([], "targetid", "BADSPEC"),
    ],
)
def test_bad_search_is_400_with_a_code(api, search, fields, code):
    question = {"outfields": fields, "search": search}
    reply = requests.post(f"{api}/find/", json=question, timeout=HANGS)
    assert (reply.status_code, reply.json()["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    ("params", "body", "code"),
    [
        ({"include": "flux,colour"}, [], "UNKFIELD"),
        ({"dataset_list": "SDSS-DR17"}, [], "BADDATASET"),
        ({"format": "fits"}, [], "BADFORMAT"),
        ({"limit": "many"}, [], "BADLIMIT"),
        ({"limit": 0}, [], "BADLIMIT"),
        ({}, {}, "BADBODY"),
        ({}, [1], "BADIDS"),
        ({}, ["x"] * 24_001, "BADIDS"),
    ],
)
def test_bad_request_for_spectra_is_400_with_a_code(api, params, body, code):
    reply = retrieve(api, body, **params)
    assert (reply.status_code, reply.json()["errorCode"]) == (400, code)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[", b"null"])
def test_body_that_is_no_list_is_400(api, body):
    reply = requests.post(f"{api}/spectras/", data=body, timeout=HANGS)
    assert (reply.status_code, reply.json()["errorCode"]) == (400, "BADBODY")
