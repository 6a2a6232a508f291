"""The SPARCL client against a small fake of the service, a trap at a time."""

import json
import pickle
import threading
import uuid
from urllib.parse import parse_qs, urlsplit

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astroquery.query import BaseQuery
from hypothesis import HealthCheck, given, settings, strategies as st
from wire import connect

from astroclip_astro.config import conf
from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.fetch.sparcl import SparclClass
from astroclip_astro.fetch.sparcl.core import BLOCK
from astroclip_astro.fetch.transport import BadReplyError, Transport
from astroclip_astro.records import WAVELENGTH

URL = "https://sparcl.example/api"
JSON = {"Content-Type": "application/json"}
BINARY = {"Content-Type": "application/octet-stream"}
HTML = {"Content-Type": "text/html"}


@pytest.fixture(autouse=True)
def _hurry():
    with conf.set_temp("backoff", 0.001):
        yield


class Service:
    """SPARCL, in as far as the client uses it; ``find`` and ``spectra`` may be tampered with."""

    def __init__(self, positions, *, release="DESI-DR1", json=True, targets=None):
        self.entries = [
            {
                "sparcl_id": str(uuid.UUID(int=i)),
                "targetid": 100 + i if targets is None else targets[i],
                "ra": float(ra),
                "dec": float(dec),
                "redshift": 0.1,
                "redshift_warning": 0,
                "spectype": "GALAXY",
                "specprimary": True,
                "data_release": release,
                "survey": "main",
                "program": "bright",
            }
            for i, (ra, dec) in enumerate(positions)
        ]
        self.json = json
        self.find = self.spectra = lambda entries: entries
        self.calls = []
        self.lock = threading.Lock()

    def spectrum(self, entry):
        """The whole record; its flux is recognisable."""
        brightness = np.float32(entry["targetid"]) / 7
        flux = brightness * np.linspace(1, 2, 7781, dtype=np.float32)
        arrays = {"flux": flux, "ivar": np.ones(7781, np.float32), "wavelength": WAVELENGTH}
        return entry | arrays

    def __call__(self, request):
        parts = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = json.loads(request.body)
        with self.lock:
            self.calls.append((parts.path, query, body))
        if parts.path == "/api/find/":
            return self.answer_find(query, body)
        assert parts.path == "/api/spectras/"
        if query["format"] == "json" and not self.json:
            return 400, JSON, b'{"errorCode": "BAD", "errorMessage": "Unknown format json"}'
        fields = query["include"].split(",")
        entries = [
            {name: whole[name] for name in fields}
            for entry in self.entries
            if entry["sparcl_id"] in body
            and entry["data_release"] in query["dataset_list"].split(",")
            for whole in [self.spectrum(entry)]
        ]
        entries = self.spectra(entries[: int(query["limit"])])
        if query["format"] == "pkl":
            return 200, BINARY, pickle.dumps([{"status": {}}, *entries])
        return 200, JSON, json.dumps([{"status": {}}, *entries], default=np.ndarray.tolist).encode()

    def answer_find(self, query, body):
        found = self.entries
        for field, *values in body["search"]:
            if len(values) == 2 and not isinstance(values[0], str):
                found = [e for e in found if values[0] <= e[field] <= values[1]]
            else:
                found = [e for e in found if e[field] in values]
        found = [{name: e[name] for name in body["outfields"]} for e in found]
        found = self.find(found[: int(query["limit"])])
        return 200, JSON, json.dumps([{"status": {}}, *found]).encode()


def client(service, **options):
    """A client of a fake service."""
    transport = Transport(URL)
    connect(transport, service)
    return SparclClass(transport, **options)


def targets(records):
    """The TARGETIDs of some records, in order."""
    return sorted(record.targetid for record in records)


def is_of(record, spectra):
    """Whether the delivered flux is that of the record, to the bit."""
    flux, ivar = spectra[record.sparcl_id]
    expected = Service([]).spectrum({"targetid": record.targetid})
    return np.array_equal(flux, expected["flux"]) and np.array_equal(ivar, expected["ivar"])


# ------------------------------------------------------------------ the class


def test_it_is_a_query_class_like_astroquerys():
    sparcl = SparclClass()
    assert isinstance(sparcl, BaseQuery)
    assert sparcl._session is sparcl.transport.session
    assert (sparcl.name, sparcl.transport.url) == ("Sparcl", conf.sparcl_url)


@pytest.mark.parametrize("releases", [[], "DESI-DR1"])
def test_releases_are_a_list(releases):
    with pytest.raises(InputError, match="Releases"):
        SparclClass(releases=releases)


def test_requests_are_what_the_service_expects():
    service = Service([(10, 20)])
    sparcl = client(service, releases=["DESI-EDR", "DESI-DR1"])
    [record] = sparcl.query_box(9, 11, 19, 21)
    sparcl.get_spectra([record])
    (find, limit, body), (spectras, query, ids) = service.calls
    assert (find, limit) == ("/api/find/", {"limit": "5000"})
    releases, *box = body["search"]
    assert (releases, box) == (
        ["data_release", "DESI-EDR", "DESI-DR1"],
        [["ra", 9, 11], ["dec", 19, 21]],
    )
    assert (spectras, ids) == ("/api/spectras/", [record.sparcl_id])
    assert query["dataset_list"] == "DESI-EDR,DESI-DR1"
    assert (query["format"], query["limit"]) == ("json", "1")


# ------------------------------------------------------------------ boxes


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((359, 361, -1, 1), [0, 1, 2]),
        ((-1, 1, -1, 1), [0, 1, 2]),
        ((719, 721, -1, 1), [0, 1, 2]),
        ((0, 1, -1, 1), [0, 1]),
        ((359, 360, -1, 1), [2]),
        ((0, 360, -90, 90), [0, 1, 2, 3]),
        ((-500, 500, -90, 90), [0, 1, 2, 3]),
        ((100, 101, 89, 95), [3]),
        ((0.5, 0.5, 0, 0), [1]),
        ((20, 30, -1, 1), []),
    ],
)
def test_ra_may_go_around(limits, expected):
    service = Service([(0.1, 0), (0.5, 0), (359.5, 0), (100.5, 90)])
    assert targets(client(service).query_box(*limits)) == [100 + i for i in expected]


def test_no_sky_beyond_the_poles_is_asked_for():
    service = Service([])
    client(service).query_box(0, 1, -91, 91)
    assert service.calls[0][2]["search"][-1] == ["dec", -90, 90]


@pytest.mark.parametrize(
    "limits",
    [(1, 0, 0, 1), (0, 1, 1, 0), (float("nan"), 1, 0, 1), (0, float("inf"), 0, 1)],
)
def test_limits_are_finite_and_in_order(limits):
    service = Service([])
    with pytest.raises(InputError, match="finite and in order"):
        client(service).query_box(*limits)
    assert service.calls == []


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(0, 359.9), st.floats(-89, 89)),
        max_size=40,
        unique_by=lambda position: (round(position[0], 3), round(position[1], 3)),
    ),
    st.integers(6, 10),
)
def test_nothing_is_lost_to_the_limit(positions, limit):
    sparcl = client(Service(positions))
    sparcl.ROW_LIMIT = limit
    found = sparcl.query_box(0, 360, -90, 90)
    assert sorted((r.ra, r.dec) for r in found) == sorted(positions)


def test_as_many_records_as_the_limit_may_be_cut():
    service = Service([(1, 1), (2, 1), (3, 1)])
    sparcl = client(service)
    sparcl.ROW_LIMIT = 3
    assert targets(sparcl.query_box(0, 4, 0, 2)) == [100, 101, 102]
    assert len(service.calls) > 1


def test_too_many_in_one_place_are_an_error():
    service = Service([(1, 1)] * 3)
    sparcl = client(service)
    sparcl.ROW_LIMIT = 3
    with pytest.raises(BadReplyError, match="more spectra than its limit"):
        sparcl.query_box(0, 2, 0, 2)
    assert len(service.calls) < 100


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lambda entries: [e | {"ra": 5.1} for e in entries], "does not match"),
        (lambda entries: [e | {"dec": -0.1} for e in entries], "does not match"),
        (lambda entries: [e | {"data_release": "SDSS-DR17"} for e in entries], "SDSS-DR17"),
        (lambda entries: [*entries, entries[0] | {"redshift": 2}], "two different records"),
        (lambda entries: [entries[0] | {"ra": None}], "ra is None"),
        (lambda entries: [[]], "expected a list"),
    ],
)
def test_a_wrong_answer_to_find_is_an_error(tamper, message):
    service = Service([(1, 1)])
    service.find = tamper
    with pytest.raises(BadReplyError, match=message) as caught:
        client(service).query_box(0, 5, 0, 5)
    assert str(caught.value).startswith("https://sparcl.example/api/find/: ")
    assert len(service.calls) == conf.attempts


def test_a_rounded_position_on_the_edge_is_right():
    service = Service([(5, 1)])
    service.find = lambda entries: [e | {"ra": 5.0000005} for e in entries]
    assert len(client(service).query_box(0, 5, 0, 5)) == 1


def test_records_sent_twice_are_one():
    service = Service([(1, 1), (2, 2)])
    service.find = lambda entries: entries[::-1] + entries
    assert targets(client(service).query_box(0, 5, 0, 5)) == [100, 101]


def test_find_is_asked_again():
    service = Service([(1, 1)])
    answers = iter([(500, HTML, b""), (200, HTML, b"<html>"), (502, HTML, b"")])
    sparcl = client(lambda request: next(answers, None) or service(request))
    assert len(sparcl.query_box(0, 5, 0, 5)) == 1


def test_what_the_service_says_is_in_the_error():
    body = b'{"errorCode": "UNKFIELD", "errorMessage": "Unknown field program"}'
    with pytest.raises(BadReplyError, match=r"status 400: .*Unknown field program"):
        client(lambda request: (400, JSON, body)).query_box(0, 5, 0, 5)


def test_an_endless_reply_is_cut_off():
    sparcl = client(lambda request: (200, JSON, b"[{}" + b", {}" * 10_000_000))
    with pytest.raises(BadReplyError, match="more than the"):
        sparcl.query_box(0, 5, 0, 5)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(list(Service([(0, 0)]).entries[0])), inner)
        ),
    )
    | st.binary()
)
def test_any_answer_is_a_result_or_a_bad_reply(answer):
    content = answer if isinstance(answer, bytes) else json.dumps([{}, answer]).encode()
    [record] = client(Service([(1, 1)])).query_box(0, 5, 0, 5)
    sparcl = client(lambda request: (200, JSON, content))
    with conf.set_temp("attempts", 1):
        try:
            found = sparcl.query_box(0, 360, -90, 90)
        except BadReplyError:
            found = []
        assert isinstance(found, list)
        assert sparcl.get_spectra([record])[0] == {}


# ------------------------------------------------------------------ around a position


@settings(deadline=None, max_examples=40)
@given(
    ra=st.floats(0, 360, exclude_max=True) | st.sampled_from([0.0, 359.9999]),
    dec=st.floats(-90, 90) | st.sampled_from([90.0, -90.0, 89.9999]),
    radius=st.floats(0, 1) | st.floats(0, 180),
    seed=st.integers(0, 100),
)
def test_region_is_a_circle_anywhere(ra, dec, radius, seed):
    random = np.random.default_rng(seed)
    centre = SkyCoord(ra, dec, unit="deg")
    offsets = random.uniform(0, min(2 * radius, 180), 20) * u.deg
    sky = centre.directional_offset_by(random.uniform(0, 360, 20) * u.deg, offsets)
    positions = list(zip(sky.ra.deg, sky.dec.deg, strict=True))
    table = client(Service(positions)).query_region(centre, radius * u.deg)
    apart = centre.separation(SkyCoord(sky.ra.deg, sky.dec.deg, unit="deg")).deg
    assert sorted(table["targetid"]) == (100 + np.flatnonzero(apart <= radius)).tolist()
    np.testing.assert_allclose(table["separation"], np.sort(apart[apart <= radius]) * 3600)


def test_region_is_a_table_nearest_first():
    service = Service([(10, 20.002), (10, 20.001), (10, 21)])
    service.entries[0]["redshift"] = None
    table = client(service).query_region(SkyCoord(10, 20, unit="deg"), "10 arcsec")
    assert table["targetid"].tolist() == [101, 100]
    assert table["separation"].unit == u.arcsec
    assert table["separation"].tolist() == pytest.approx([3.6, 7.2])
    assert table["redshift"].mask.tolist() == [False, True]


def test_region_without_spectra_is_an_empty_table():
    table = client(Service([])).query_region(SkyCoord(10, 20, unit="deg"), 1 * u.deg)
    assert (len(table), table["separation"].unit) == (0, u.arcsec)


def test_region_takes_any_frame():
    service = Service([(10, 20)])
    centre = SkyCoord(10, 20, unit="deg").galactic
    assert len(client(service).query_region(centre, 1 * u.arcsec)) == 1


@pytest.mark.parametrize(
    ("coordinates", "radius"),
    [
        ("10 20", 1 * u.deg),
        (SkyCoord([10, 11], [20, 21], unit="deg"), 1 * u.deg),
        (SkyCoord(10, 20, unit="deg"), 5),
        (SkyCoord(10, 20, unit="deg"), 5 * u.kpc),
        (SkyCoord(10, 20, unit="deg"), -1 * u.deg),
        (SkyCoord(10, 20, unit="deg"), np.nan * u.deg),
        (SkyCoord(10, 20, unit="deg"), [1, 2] * u.deg),
        (SkyCoord(10, 20, unit="deg"), "wide"),
    ],
)
def test_region_is_one_position_and_one_angle(coordinates, radius):
    with pytest.raises(InputError, match="expected"):
        client(Service([])).query_region(coordinates, radius)


# ------------------------------------------------------------------ TARGETIDs


@pytest.mark.parametrize("ids", [[100], [100, 103], [103, 100], [100, 102, 103], [100, 100, 103]])
def test_two_targetids_are_no_range(ids):
    service = Service([(i, 0) for i in range(5)])
    assert targets(client(service).query_targetids(ids)) == sorted(set(ids))


def test_all_spectra_of_a_targetid_are_found():
    service = Service([(1, 1), (2, 2), (1, 1)], targets=[7, 8, 7])
    found = client(service).query_targetids([7])
    assert [(r.targetid, r.sparcl_id[-1]) for r in found] == [(7, "0"), (7, "2")]


def test_large_targetids_stay_exact():
    ids = [39627866878511337, 39627866878511338, -(2**63), 2**63 - 1]
    service = Service([(1, 1)] * 4, targets=ids)
    assert targets(client(service).query_targetids(np.array(ids))) == sorted(ids)


def test_many_targetids_go_in_blocks():
    service = Service([(1, 1)] * 250)
    found = client(service).query_targetids(range(100, 350))
    assert targets(found) == list(range(100, 350))
    sizes = [len(body["search"][1]) - 1 for _, _, body in service.calls]
    assert sorted(sizes) == [50, 100, 100]


def test_blocks_that_are_cut_off_are_halved():
    sparcl = client(Service([(1, 1)] * 60))
    sparcl.ROW_LIMIT = 7
    assert targets(sparcl.query_targetids(range(100, 160))) == list(range(100, 160))


def test_one_targetid_with_too_many_spectra_is_an_error():
    sparcl = client(Service([(1, 1)] * 8, targets=[7] * 8))
    sparcl.ROW_LIMIT = 7
    with pytest.raises(BadReplyError, match="too many spectra of 7"):
        sparcl.query_targetids([7])


def test_targetids_that_were_not_asked_for_are_an_error():
    service = Service([(1, 1)])
    service.find = lambda entries: [e | {"targetid": 5} for e in entries]
    with pytest.raises(BadReplyError, match="does not match"):
        client(service).query_targetids([100])


def test_no_targetids_are_no_request():
    service = Service([])
    assert client(service).query_targetids([]) == []
    assert service.calls == []


@pytest.mark.parametrize("wrong", [1.0, "7", 2**63, None])
def test_targetids_are_integers(wrong):
    with pytest.raises(InputError, match="TARGETID"):
        client(Service([])).query_targetids([5, wrong])


# ------------------------------------------------------------------ spectra


def found_by(service, **options):
    """A client of a service, and all records of it."""
    sparcl = client(service, **options)
    return sparcl, sparcl.query_box(0, 360, -90, 90)


@pytest.mark.parametrize("with_json", [True, False])
def test_spectra_are_delivered_to_the_bit(with_json):
    sparcl, records = found_by(Service([(i, 0) for i in range(5)], json=with_json))
    spectra, reasons = sparcl.get_spectra(records)
    assert reasons == {}
    assert all(is_of(record, spectra) for record in records)


def test_a_service_without_json_is_asked_for_it_once():
    service = Service([(i, 0) for i in range(5)], json=False)
    sparcl, records = found_by(service)
    for record in records:
        sparcl.get_spectra([record])
    formats = [query["format"] for path, query, _ in service.calls if "spectras" in path]
    assert formats == ["json", *["pkl"] * 5]


def test_a_service_that_ignores_the_format_is_understood():
    service = Service([(i, 0) for i in range(2)])

    def ignore(request):
        request.url = request.url.replace("format=json", "format=pkl")
        return service(request)

    sparcl, records = found_by(ignore)
    seen = []
    connect(sparcl.transport, lambda request: seen.append(request.url) or ignore(request))
    assert len(sparcl.get_spectra(records)[0]) == 2
    assert len(sparcl.get_spectra(records)[0]) == 2
    assert ["format=json" in url for url in seen] == [True, False]


def test_json_is_kept_to_where_a_page_of_html_comes():
    service = Service([(1, 1)])
    sparcl, records = found_by(service)
    pages = iter([(200, HTML, b"<html>"), (500, HTML, b"For more information ask"), None])
    connect(sparcl.transport, lambda request: next(pages, None) or service(request))
    assert len(sparcl.get_spectra(records)[0]) == 1
    assert service.calls[-1][1]["format"] == "json"


def test_several_threads_may_ask_at_once():
    service = Service([(i, 0) for i in range(12)], json=False)
    sparcl, records = found_by(service)
    delivered = {}
    threads = [
        threading.Thread(target=lambda r=r: delivered.update(sparcl.get_spectra([r])[0]))
        for r in records
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(is_of(record, delivered) for record in records)


def test_order_and_copies_do_not_matter():
    service = Service([(i, 0) for i in range(5)])
    sparcl, records = found_by(service)
    service.spectra = lambda entries: [*entries[::-1], entries[2], *entries]
    spectra, reasons = sparcl.get_spectra(records)
    assert reasons == {}
    assert all(is_of(record, spectra) for record in records)


def test_only_what_is_missing_is_asked_for_again():
    service = Service([(i, 0) for i in range(6)])
    sparcl, records = found_by(service)
    service.spectra = lambda entries: entries[: (len(entries) + 1) // 2]
    spectra, reasons = sparcl.get_spectra(records)
    assert [len(ids) for path, _, ids in service.calls if "spectras" in path] == [6, 3, 1]
    assert (len(spectra), reasons) == (6, {})


def wrong_for(number, **changes):
    """A service that sends one spectrum wrong, always."""

    def tamper(entries):
        return [e | changes if e["sparcl_id"].endswith(f"{number}") else e for e in entries]

    return tamper


FLUX = np.ones(7781)


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (lambda entries: [e for e in entries if e["targetid"] != 101], "not in the reply"),
        (wrong_for(1, targetid=102), "TARGETID 102"),
        (wrong_for(1, ra=3.0), "position"),
        (wrong_for(1, dec=3.0), "position"),
        (wrong_for(1, data_release="DESI-EDR"), "DESI-EDR"),
        (wrong_for(1, flux=FLUX[1:]), "shape"),
        (wrong_for(1, wavelength=WAVELENGTH + 1), "off 3600"),
        (wrong_for(1, sparcl_id=str(uuid.UUID(int=99))), "not in the reply"),
        (wrong_for(1, sparcl_id=str(uuid.UUID(int=2))), "not in the reply"),
        (
            lambda entries: [*entries, *(e | {"flux": FLUX} for e in entries if e["ra"] == 1)],
            "different data",
        ),
    ],
)
@pytest.mark.parametrize("with_json", [True, False])
def test_a_spectrum_that_stays_wrong_is_not_delivered(tamper, reason, with_json):
    service = Service([(i, 0) for i in range(4)], json=with_json)
    sparcl, records = found_by(service)
    service.spectra = tamper
    spectra, reasons = sparcl.get_spectra(records)
    assert reason in reasons[records[1].sparcl_id]
    assert spectra.keys() | reasons.keys() == {record.sparcl_id for record in records}
    assert not spectra.keys() & reasons.keys()
    assert all(is_of(record, spectra) for record in records if record.sparcl_id in spectra)
    assert {records[0].sparcl_id, records[3].sparcl_id} <= spectra.keys()


def test_swapped_spectra_are_not_delivered():
    service = Service([(i, 0) for i in range(2)])
    sparcl, records = found_by(service)
    service.spectra = lambda entries: [
        other | {"sparcl_id": entry["sparcl_id"]}
        for entry, other in zip(entries, entries[::-1], strict=True)
    ]
    spectra, reasons = sparcl.get_spectra(records)
    assert spectra == {}
    assert all("TARGETID" in reason for reason in reasons.values())


def test_a_spectrum_that_was_wrong_once_is_delivered():
    service = Service([(i, 0) for i in range(4)])
    sparcl, records = found_by(service)
    tampers = iter([wrong_for(1, ra=9.0), lambda entries: []])
    service.spectra = lambda entries: next(tampers, lambda same: same)(entries)
    spectra, reasons = sparcl.get_spectra(records)
    assert reasons == {}
    assert all(is_of(record, spectra) for record in records)


def test_what_came_before_a_failure_is_kept():
    service = Service([(i, 0) for i in range(2)])
    sparcl, records = found_by(service)
    service.spectra = lambda entries: entries[:1]
    first = iter([True])
    connect(
        sparcl.transport,
        lambda request: service(request) if next(first, None) else (404, HTML, b"gone"),
    )
    spectra, reasons = sparcl.get_spectra(records)
    assert list(spectra) == [records[0].sparcl_id]
    assert "status 404: gone" in reasons[records[1].sparcl_id]


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    class Exploit:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    sparcl, records = found_by(Service([(1, 1)]))
    connect(sparcl.transport, lambda request: (200, BINARY, pickle.dumps([{}, {"a": Exploit()}])))
    spectra, reasons = sparcl.get_spectra(records)
    assert spectra == {}
    assert "pickle: names" in reasons[records[0].sparcl_id]
    assert not (tmp_path / "ran").exists()


def test_a_service_that_is_down_is_an_error_of_the_run():
    sparcl, records = found_by(Service([(1, 1)]))
    connect(sparcl.transport, lambda request: (503, HTML, b""))
    with conf.set_temp("give_up_after", 2):
        _, reasons = sparcl.get_spectra(records)
        assert "status 503" in reasons[records[0].sparcl_id]
        with pytest.raises(SourceError, match="2 questions in a row"):
            sparcl.get_spectra(records)


def test_spectra_come_in_blocks():
    sparcl, records = found_by(Service([(1, 1)] * (BLOCK + 1)))
    with pytest.raises(InputError, match="at most 100"):
        sparcl.get_spectra(records)


def test_a_full_block_fits():
    sparcl, records = found_by(Service([(1, 1)] * BLOCK))
    assert len(sparcl.get_spectra(records)[0]) == BLOCK
