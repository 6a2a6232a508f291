"""The DESI catalogue's client against the stand-in's TAP service on loopback."""

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from hypothesis import HealthCheck, given, settings, strategies as st
from tap_server import serve_service
from waiting import HANGS, Clock

from astroclip_astro.config import conf
from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.fetch.bad_reply import UnreachableError
from astroclip_astro.fetch.desi_catalogue import DesiCatalogueClass, core, tap_query
from astroclip_astro.fetch.transport import BadReplyError, Transport
from astroclip_astro.standin import serve
from astroclip_astro.standin.messages import Answer
from astroclip_astro.standin.tap import TapService

LARGE = 39627866878511337  # does not survive a float
ANSWER = ["targetid", "mean_fiber_ra", "mean_fiber_dec", "z", "spectype"]


def make_zpix():
    """Targets all over the sky, more where coordinates are odd; every third has two rows."""
    rng = np.random.default_rng(11)
    ra = [rng.uniform(0, 360, 400), rng.uniform(-1, 1, 100) % 360, rng.uniform(0, 360, 100)]
    dec = [np.degrees(np.arcsin(rng.uniform(-1, 1, 400))), rng.uniform(-1, 1, 100)]
    dec.append(90 - rng.exponential(0.5, 100))
    ra, dec = np.concatenate([*ra, ra[2]]), np.concatenate([*dec, -dec[2]])
    ra[:4], dec[:4] = [0, 0, 0, 359.9999999], [90, -90, 0, 0]
    twice = np.concatenate([np.arange(len(ra)), np.arange(0, len(ra), 3)])
    second = np.arange(len(twice)) >= len(ra)
    return Table(
        {
            "targetid": LARGE + twice,
            "survey": np.where(second, "sv3", "main"),
            "program": np.full(len(twice), "bright"),
            "mean_fiber_ra": ra[twice],
            "mean_fiber_dec": dec[twice],
            "z": rng.uniform(0, 1, len(twice)),
            "zerr": np.where(twice % 5, 1e-4, np.nan),
            "zwarn": twice % 2,
            "deltachi2": rng.uniform(0, 100, len(twice)),
            "spectype": np.where(twice % 7, "GALAXY", "QSO"),
            "coadd_fiberstatus": (twice % 4).astype("i4"),
            "zcat_primary": ~second,
            "sv_primary": np.where(second, "f", "t"),
            "other": twice,
        }
    )


ZPIX = make_zpix()
PLACES = SkyCoord(ZPIX["mean_fiber_ra"], ZPIX["mean_fiber_dec"], unit="deg")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No pauses worth the name."""
    monkeypatch.setattr(tap_query, "FIRST_PAUSE", 0.01)
    temporary = (("backoff", 0.005), ("timeout", HANGS), ("deadline", HANGS))
    with ExitStack() as stack:
        for name, value in temporary:
            stack.enter_context(conf.set_temp(name, value))
        yield


@pytest.fixture(scope="module")
def url():
    service = TapService({"desi_dr1.zpix": ZPIX, "desi_edr.zpix": ZPIX[::2]})
    with serve_service(service) as url:
        yield url
    service.close()


@pytest.fixture
def catalogue(url):
    with opened(url) as catalogue:
        yield catalogue


@contextmanager
def opened(url, **options):
    """Yield a catalogue whose connections are closed at the end."""
    transport = Transport(url)
    with transport.session:
        yield DesiCatalogueClass(transport, **options)


@contextmanager
def reading(spoil=None, *, rows=100_000, tables=None):
    """Yield the catalogue of a service whose answers are spoiled."""
    service = TapService(tables or {"desi_dr1.zpix": ZPIX}, rows=rows)
    with serve_service(service, spoil=spoil) as url, opened(url) as catalogue:
        yield catalogue
    service.close()


def keys(table):
    """Rows of a table as a sorted list, so that duplicates show."""
    return sorted(zip(table["targetid"].tolist(), table["survey"].tolist(), strict=True))


def refused(words):
    """Expect a reply to be refused."""
    return pytest.raises(BadReplyError, match=words)


def near(position, radius, *, primary=False):
    """Keys of the rows around a position, by brute force."""
    mask = PLACES.separation(position) <= radius
    return keys(ZPIX[mask & (ZPIX["zcat_primary"] if primary else True)])


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    ra=st.one_of(st.floats(0, 360), st.sampled_from([0.0, 359.9999, 360.0])),
    dec=st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, -89.9, 89.9999, 90.0])),
    radius=st.sampled_from([1 / 3600, 0.3, 2, 20, 89]),
)
def test_region_has_exactly_what_is_near(catalogue, ra, dec, radius):
    position = SkyCoord(ra, dec, unit="deg")
    found = catalogue.query_region(position, radius * u.deg, primary=False)
    assert keys(found) == near(position, radius * u.deg)


@pytest.mark.parametrize("row", [0, 1, 2, 3, 450, 550, 650])
def test_region_finds_a_target_within_an_arcsecond(catalogue, row):
    position = PLACES[row].directional_offset_by(70 * u.deg, 0.99 * u.arcsec)
    found = catalogue.query_region(position, 1 * u.arcsec)
    assert LARGE + row in found["targetid"]
    assert found["separation"][found["targetid"] == LARGE + row][0] == pytest.approx(0.99, 1e-3)


def test_several_positions_have_their_rows(catalogue, monkeypatch):
    monkeypatch.setattr(core, "POSITIONS", 3)
    positions = SkyCoord([0, 0.2, 359.9, 180, 7, 0, 12], [0, 0, 0.1, 89.9, -90, 0, 50], unit="deg")
    found = catalogue.query_region(positions, "0.4 deg")
    for row, position in enumerate(positions):
        part = found[found["row"] == row]
        assert keys(part) == near(position, 0.4 * u.deg, primary=True)
        assert part["separation"].tolist() == sorted(part["separation"])
    assert found["row"].tolist() == sorted(found["row"])
    assert found["separation"].unit == u.arcsec


def test_one_position_has_no_row(catalogue):
    assert "row" not in catalogue.query_region(PLACES[5], 1 * u.arcsec).colnames


def test_one_query_for_positions_of_one_block():
    asked = []
    with reading(lambda request, answer: asked.append(request) or answer) as catalogue:
        catalogue.query_region(PLACES[:50], 1 * u.arcsec)
    assert sum((request.method, request.path) == ("POST", "/async") for request in asked) == 1


def test_positions_in_another_frame_are_transformed(catalogue):
    found = catalogue.query_region(PLACES[17].galactic, 1 * u.arcsec)
    assert found["targetid"].tolist() == [LARGE + 17]


def test_rows_are_as_the_catalogue_has_them(catalogue):
    found = catalogue.query_targetids([LARGE + 10])[0]
    assert found["mean_fiber_ra"] == ZPIX["mean_fiber_ra"][10]
    assert np.isnan(found["zerr"])
    assert (found["spectype"], found["zcat_primary"]) == ("GALAXY", True)


def test_columns_and_types(catalogue):
    found = catalogue.query_targetids([LARGE])
    kinds = {name: found[name].dtype.kind for name in found.colnames}
    assert list(kinds) == ZPIX.colnames[:12]
    assert "".join(kinds.values()) == "iUUffffifUib".replace("f" * 4 + "i", "ffffi")


def test_edr_has_a_column_and_a_table_of_its_own(url):
    with opened(url, release="DESI-EDR") as catalogue:
        found = catalogue.query_targetids(LARGE + np.arange(6))
    assert found["targetid"].tolist() == [LARGE, LARGE + 2, LARGE + 4]
    assert found["sv_primary"].tolist() == [True] * 3


def test_targets_are_found_by_id(catalogue, monkeypatch):
    monkeypatch.setattr(core, "TARGETS", 2)
    ids = [LARGE + 6, LARGE + 1, LARGE + 6, 5, LARGE + 3, LARGE + 9]
    found = catalogue.query_targetids(ids, primary=False)
    assert keys(found) == keys(ZPIX[np.isin(ZPIX["targetid"], ids)])


@pytest.mark.parametrize("primary", [True, False])
def test_secondary_spectra_come_where_asked_for(catalogue, primary):
    found = catalogue.query_targetids([LARGE, LARGE + 3], primary=primary)
    assert found["zcat_primary"].tolist() == [True, True] if primary else [True, False] * 2


@pytest.mark.parametrize("ids", [[], [5], np.zeros(0, int)])
def test_no_target_is_an_empty_table(catalogue, ids):
    found = catalogue.query_targetids(ids)
    assert (len(found), found.colnames) == (0, ZPIX.colnames[:12])


def test_nothing_near_is_an_empty_table(catalogue):
    found = catalogue.query_region(SkyCoord([33.3], [44.4], unit="deg"), 0.01 * u.arcsec)
    assert (len(found), found.colnames[-2:]) == (0, ["row", "separation"])


def test_no_position_is_an_empty_table(catalogue):
    found = catalogue.query_region(SkyCoord([], [], unit="deg"), 1 * u.arcsec)
    assert (len(found), found["separation"].unit) == (0, u.arcsec)


@pytest.mark.parametrize(
    ("ra", "dec"), [((10, 50), (-30, 20)), ((359, 1), (-1, 1)), ((0, 360), (89, 90))]
)
def test_box_has_exactly_what_is_within(catalogue, ra, dec):
    found = catalogue.query_box(ra * u.deg, dec * u.deg, primary=False)
    x, y = ZPIX["mean_fiber_ra"], ZPIX["mean_fiber_dec"]
    within = (x >= ra[0]) & (x <= ra[1]) if ra[0] < ra[1] else (x >= ra[0]) | (x <= ra[1])
    assert keys(found) == keys(ZPIX[within & (y >= dec[0]) & (y <= dec[1])])


@pytest.mark.parametrize(
    ("radius", "ids", "box"),
    [
        (0 * u.deg, [1.5], [[1, 2], [2, 1]]),
        (91 * u.deg, np.array([2**63], np.uint64), [[1, 2], [-91, 0]]),
        (np.nan * u.deg, MaskedColumn([1, 2], mask=[True, False]), [[1, np.nan], [0, 1]]),
        (1 * u.m, [[1, 2], [3, 4]], [[1, 2, 3], [0, 1]]),
        ([1, 2] * u.deg, ["1"], [[1], [0]]),
    ],
)
def test_bad_input_is_refused(catalogue, radius, ids, box):
    with pytest.raises(InputError, match="expected"):
        catalogue.query_region(PLACES[0], radius)
    with pytest.raises(InputError, match="expected"):
        catalogue.query_targetids(ids)
    with pytest.raises(InputError, match="expected"):
        catalogue.query_box(*(limits * u.deg for limits in map(np.array, box)))


@pytest.mark.parametrize("ra", [np.nan, [1.0, np.nan], [[1.0]]])
def test_bad_positions_are_refused(catalogue, ra):
    with pytest.raises(InputError, match="expected"):
        catalogue.query_region(SkyCoord(ra, np.zeros(np.shape(ra)), unit="deg"), 1 * u.arcsec)


def test_unknown_release_is_refused():
    with pytest.raises(InputError, match="DESI-DR1"):
        DesiCatalogueClass(release="DR1")


@pytest.mark.parametrize("rows", [15, 40])
def test_overflow_is_asked_for_in_parts(rows):
    position, radius = SkyCoord(0.1, 0, unit="deg"), 0.6 * u.deg
    with reading(rows=rows) as catalogue:
        found = catalogue.query_region(position, radius, primary=False)
        ids = catalogue.query_targetids(LARGE + np.arange(50))
    assert keys(found) == near(position, radius)
    assert len(ids) == 50


def test_as_many_rows_as_asked_for_may_not_be_all(monkeypatch):
    monkeypatch.setattr(core, "ROWS", 5)

    def keep_quiet(request, answer):
        return replace(answer, body=answer.body.replace(b'value="OVERFLOW"', b'value="OK"'))

    with reading(keep_quiet) as catalogue:
        assert len(catalogue.query_targetids(LARGE + np.arange(12))) == 12


def test_service_that_never_gives_all_is_refused():
    def spoil(request, answer):
        return replace(answer, body=answer.body.replace(b'value="OK"', b'value="OVERFLOW"'))

    with reading(spoil) as catalogue:
        with refused("not all rows"):
            catalogue.query_targetids([LARGE, LARGE + 1])
        with refused("not all rows"):
            catalogue.query_region(PLACES[:2], 0.1 * u.arcsec)


def once_for_each(change):
    """Return a spoiler of the first answer to each kind of request."""
    met = set()

    def spoil(request, answer):
        kind = (request.method, request.path.count("/"))
        if kind in met or request.method == "DELETE":
            return answer
        met.add(kind)
        return change(answer)

    return spoil


FAULTS = {
    "500": lambda answer: Answer(500, "text/html", b"<h1>Sorry</h1>"),
    "503": lambda answer: Answer(503, "text/html", b"", {"Retry-After": "0"}),
    "429": lambda answer: Answer(429, "text/plain", b"", {"Retry-After": "0"}),
    "no answer": lambda answer: None,
    "truncated": lambda answer: replace(
        answer,
        body=answer.body[:-40],
        headers=answer.headers | {"Content-Length": str(len(answer.body))},
    ),
    "cut": lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
    "html": lambda answer: Answer(200, "text/html", b"<html><body>Login</body></html>"),
    "garbage": lambda answer: replace(answer, body=bytes(range(256)) * 9),
    "empty": lambda answer: replace(answer, body=b""),
}


@pytest.mark.parametrize("change", FAULTS.values(), ids=FAULTS)
def test_passing_fault_does_no_harm(change):
    with reading(once_for_each(change)) as catalogue:
        assert catalogue.query_targetids([LARGE, 5])["targetid"].tolist() == [LARGE]


@pytest.mark.parametrize("change", FAULTS.values(), ids=FAULTS)
def test_lasting_fault_is_an_error(change):
    with reading(lambda request, answer: change(answer)) as catalogue, refused("127"):
        catalogue.query_targetids([LARGE])


@pytest.mark.parametrize("change", FAULTS.values(), ids=FAULTS)
def test_lasting_fault_of_the_result_is_an_error(change):
    def spoil(request, answer):
        return change(answer) if request.path.endswith("/result") else answer

    with reading(spoil) as catalogue, pytest.raises(BadReplyError):
        catalogue.query_targetids([LARGE])


def test_service_that_goes_down_is_a_source_error():
    with conf.set_temp("give_up_after", 1), reading(lambda *_: None) as catalogue:
        catalogue.transport.contact.note_reply(None)  # it has answered before
        with pytest.raises(SourceError, match="try again"):
            catalogue.query_targetids([LARGE])


def test_service_that_never_answers_cannot_be_reached():
    with reading(lambda *_: None) as catalogue, pytest.raises(UnreachableError):
        catalogue.query_targetids([LARGE])


def test_job_is_deleted_whatever_happens():
    asked = []

    def spoil(request, answer):
        asked.append(request)
        return Answer(500, "", b"") if request.path.endswith("/result") else answer

    with reading(spoil) as catalogue, pytest.raises(BadReplyError):
        catalogue.query_targetids([LARGE])
    assert asked[-1].method == "DELETE"


def test_job_that_cannot_be_deleted_does_no_harm():
    def spoil(request, answer):
        return None if request.method == "DELETE" else answer

    with reading(spoil) as catalogue:
        assert len(catalogue.query_targetids([LARGE])) == 1


def with_phase(phase):
    """Return a spoiler that has every job in one phase."""

    def spoil(request, answer):
        body = answer.body
        for word in (b"QUEUED", b"EXECUTING", b"COMPLETED"):
            body = body.replace(b"<uws:phase>" + word, b"<uws:phase>" + phase)
        return replace(answer, body=body)

    return spoil


@pytest.mark.parametrize("phase", [b"EXECUTING", b"PENDING"])
def test_job_that_never_ends_is_left(phase, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(tap_query, "time", clock.module)
    limit = conf.set_temp("deadline", 300)
    with reading(with_phase(phase)) as catalogue, limit, refused("after 300 s"):
        catalogue.query_targetids([LARGE])
    assert 200 < clock.now <= 300


@pytest.mark.parametrize("phase", [b"ARCHIVED", b"ABORTED", b"NONSENSE", b""])
def test_job_that_ends_otherwise_is_an_error(phase):
    with reading(with_phase(phase)) as catalogue, refused("127"):
        catalogue.query_targetids([LARGE])


def test_job_that_waits_to_be_run_is_run():
    def forget(request):
        return replace(request, query={k: v for k, v in request.query.items() if k != "PHASE"})

    service = TapService({"desi_dr1.zpix": ZPIX})
    answer = service.answer
    service.answer = lambda request: answer(
        forget(request) if request.path == "/async" else request
    )
    with serve_service(service) as url, opened(url) as catalogue:
        assert len(catalogue.query_targetids([LARGE])) == 1
    service.close()


def test_error_of_the_service_is_told():
    tables = {"desi_dr1.zpix": ZPIX["targetid", "z"]}
    with reading(tables=tables) as catalogue, refused("no such column"):
        catalogue.query_targetids([LARGE])


RESULTS = {
    "other targets": (lambda body: body.replace(b"511337<", b"511338<"), "not asked for"),
    "float": (lambda body: body.replace(b'"long" name="zwarn"', b'"double" name="zwarn"'), "zwarn"),
    "missing": (lambda body: body.replace(b'name="z"', b'name="x"'), r"no column \['z'\]"),
    "overlong": (lambda body: body + b" " * 2_000_000, "bytes expected"),
}


@pytest.mark.parametrize(("change", "words"), RESULTS.values(), ids=RESULTS)
def test_result_that_is_not_the_one_asked_for_is_refused(monkeypatch, change, words):
    monkeypatch.setattr(core, "ROWS", 100)

    def spoil(request, answer):
        result = request.path.endswith("/result")
        return replace(answer, body=change(answer.body)) if result else answer

    with reading(spoil) as catalogue, refused(words):
        catalogue.query_targetids([LARGE])


@pytest.mark.parametrize("name", ["zwarn", "mean_fiber_ra"])
def test_null_where_desi_has_none_is_refused(name):
    table = ZPIX[:5].copy()
    table[name] = MaskedColumn(table[name], mask=np.arange(5) == 0)
    with reading(tables={"desi_dr1.zpix": table}) as catalogue, refused("null|nan"):
        catalogue.query_targetids([LARGE])


def test_positions_elsewhere_are_refused():
    def spoil(request, answer):
        return replace(answer, body=answer.body.replace(b"<TD>359.", b"<TD>300."))

    with reading(spoil) as catalogue, refused("not asked for"):
        catalogue.query_region(PLACES[3], 1 * u.arcsec)


def test_address_of_the_result_is_not_taken_from_the_job():
    def spoil(request, answer):
        body = answer.body.replace(b"/results/result", b"/elsewhere")
        return answer if request.path.endswith("/result") else replace(answer, body=body)

    with reading(spoil) as catalogue:
        assert len(catalogue.query_targetids([LARGE])) == 1


@pytest.fixture(scope="module")
def demo_url():
    with serve() as url:
        yield f"{url}/tap"


def test_demo_sky_is_found_by_position_and_by_target(demo_url):
    with opened(demo_url) as catalogue:
        everything = catalogue.query_box([0, 360] * u.deg, [-90, 90] * u.deg)
        places = SkyCoord(everything["mean_fiber_ra"], everything["mean_fiber_dec"])
        by_place = catalogue.query_region(places, 0.1 * u.arcsec)
        by_target = catalogue.query_targetids(everything["targetid"])
    assert len(everything) >= 40
    assert set(everything["targetid"]) == set(by_place["targetid"]) == set(by_target["targetid"])


def test_faults_cost_rows_but_never_change_them(demo_url):
    names = ["http_429", "http_500", "html_200", "reset", "truncated"]
    with opened(demo_url) as catalogue:
        right = catalogue.query_box([0, 360] * u.deg, [-90, 90] * u.deg)
    faulty = serve(faults=dict.fromkeys(names, 0.2), seed=3, retry_after=0)
    answered = 0
    with faulty as url, opened(f"{url}/tap") as catalogue:
        for row in right[:12]:
            with suppress(BadReplyError):
                found = catalogue.query_targetids([row["targetid"]])
                assert found[ANSWER].as_array().tolist() == [tuple(row[name] for name in ANSWER)]
                answered += 1
    assert answered >= 4


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:{port}/precious", "http://elsewhere.example/tap/async/1"]
)
def test_nothing_but_a_job_of_the_service_is_ever_deleted(place):
    asked = []

    def spoil(request, answer):
        asked.append((request.method, request.path))
        if request.method == "POST" and request.path == "/async":
            port = request.base.split(":")[2].split("/")[0]
            return replace(answer, headers={"Location": place.format(port=port)})
        return answer

    with reading(spoil) as catalogue, pytest.raises(BadReplyError, match="no job of"):
        catalogue.query_targetids([1])
    assert "DELETE" not in {method for method, _ in asked}
