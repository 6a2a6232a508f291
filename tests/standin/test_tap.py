"""pyvo's own client and plain requests use the stand-in's TAP service as they would any."""

import warnings
from datetime import UTC, datetime, timedelta
from io import BytesIO

import astropy.units as u
import numpy as np
import pytest
import pyvo
import requests
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse
from astropy.table import MaskedColumn, Table
from pyvo.dal.exceptions import DALOverflowWarning
from tap_server import serve_service, session_for_pyvo
from waiting import HANGS, finishes, wait_until

from astroclip_astro.errors import InputError
from astroclip_astro.standin import serve
from astroclip_astro.standin.messages import Request
from astroclip_astro.standin.tap import TapService

LARGE = 39627866878511337  # does not survive a float
HALF_MINUTE = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
)


def make_zpix(count=200):
    """A catalogue of random positions."""
    rng = np.random.default_rng(3)
    table = Table(
        {
            "targetid": LARGE + np.arange(count),
            "survey": rng.choice(["main", "sv3"], count),
            "mean_fiber_ra": rng.uniform(0, 360, count) * u.deg,
            "mean_fiber_dec": np.degrees(np.arcsin(rng.uniform(-1, 1, count))) * u.deg,
            "z": rng.uniform(0, 1, count),
            "flux": rng.normal(size=count).astype("f4"),
            "zwarn": MaskedColumn(np.arange(count), mask=np.arange(count) % 3 == 0),
            "zcat_primary": np.arange(count) % 2 == 0,
        }
    )
    table["z"].description = "Redshift <by> redrock"
    return table


@pytest.fixture(scope="module")
def zpix():
    return make_zpix()


@pytest.fixture(scope="module")
def service(zpix):
    service = TapService({"desi_dr1.zpix": zpix, "desi_edr.zpix": zpix[:5]}, seconds=HANGS)
    yield service
    service.close()


@pytest.fixture
def hasty(zpix):
    """Address of a service that gives a query half a second, an endless one in this file."""
    service = TapService({"desi_dr1.zpix": zpix}, seconds=0.5)
    with serve_service(service) as url:
        yield url
    service.close()


@pytest.fixture(scope="module")
def url(service):
    with serve_service(service) as url:
        yield url


@pytest.fixture
def tap(url):
    with session_for_pyvo() as session:
        yield pyvo.dal.TAPService(url, session=session)


def test_sync_result_is_the_table(tap, zpix):
    found = tap.search("SELECT * FROM desi_dr1.zpix").to_table()
    assert found.colnames == zpix.colnames
    for name in zpix.colnames:
        assert found[name].tolist() == zpix[name].tolist(), name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("targetid", "i8"),
        ("mean_fiber_ra", "f8"),
        ("flux", "f4"),
        ("zwarn", "i8"),
        ("zcat_primary", "?"),
    ],
)
def test_type_survives(tap, name, kind):
    assert tap.search(f"SELECT {name} AS x FROM desi_dr1.zpix").to_table()["x"].dtype == kind


def test_unit_and_description_survive_an_alias(tap):
    query = "SELECT q.mean_fiber_ra AS ra, q.z AS redshift FROM desi_dr1.zpix AS q"
    found = tap.search(query).to_table()
    assert (found["ra"].unit, found["redshift"].description) == (u.deg, "Redshift <by> redrock")


def test_expressions_have_the_type_of_their_values(tap):
    query = "SELECT count(*) AS n, avg(z) AS mean, min(survey) AS first FROM desi_dr1.zpix"
    found = tap.search(query).to_table()
    assert [found[name].dtype.kind for name in ("n", "mean", "first")] == ["i", "f", "U"]


def test_columns_of_one_name_are_kept_apart(tap):
    found = tap.search("SELECT z, z, targetid AS z FROM desi_edr.zpix").to_table()
    assert found.colnames == ["z", "z_2", "z_3"]


def test_empty_result_has_the_columns(tap):
    found = tap.search("SELECT targetid, survey FROM desi_dr1.zpix WHERE z > 5").to_table()
    assert (len(found), found.colnames) == (0, ["targetid", "survey"])


def test_result_says_it_is_simulated(url):
    reply = requests.get(f"{url}/sync", {"QUERY": "SELECT z FROM desi_edr.zpix"}, timeout=HANGS)
    assert "SIMULATED" in parse(BytesIO(reply.content)).description


def test_top_is_no_overflow(tap):
    found = tap.search("SELECT TOP 7 targetid FROM desi_dr1.zpix ORDER BY z")
    assert (len(found), found.query_status) == (7, "OK")


def test_maxrec_overflows(tap):
    found = tap.search("SELECT targetid FROM desi_dr1.zpix", maxrec=7)
    assert (len(found), found.query_status) == (7, "OVERFLOW")


def test_maxrec_that_is_just_enough_does_not_overflow(tap):
    assert tap.search("SELECT z FROM desi_edr.zpix", maxrec=5).query_status == "OK"


def test_maxrec_zero_gives_the_columns_only(url):
    ask = {"QUERY": "SELECT z FROM desi_edr.zpix", "MAXREC": "0"}
    reply = requests.post(f"{url}/sync", ask, timeout=HANGS)
    assert (b'name="z"' in reply.content, b"<TR>" in reply.content) == (True, False)


def test_own_limit_of_the_service_overflows(zpix):
    service = TapService({"desi_dr1.zpix": zpix}, rows=10)
    with serve_service(service) as url, session_for_pyvo() as session:
        tap = pyvo.dal.TAPService(url, session=session)
        with pytest.warns(DALOverflowWarning):
            found = tap.search("SELECT z FROM desi_dr1.zpix")
    service.close()
    assert (len(found), found.query_status) == (10, "OVERFLOW")


@pytest.mark.parametrize("form", ["{}", "'t' = {}", "{} = 't'", "{} = true"])
def test_q3c_finds_what_lies_in_a_circle(tap, zpix, form):
    where = form.format("q3c_radial_query(mean_fiber_ra, mean_fiber_dec, 1.5, -60, 40)")
    found = tap.search(f"SELECT targetid FROM desi_dr1.zpix WHERE {where}")
    places = SkyCoord(zpix["mean_fiber_ra"], zpix["mean_fiber_dec"])
    near = places.separation(SkyCoord(1.5, -60, unit="deg")) < 40 * u.deg
    assert set(found["targetid"]) == set(zpix["targetid"][near])


@pytest.mark.parametrize("where", ["zcat_primary", "zcat_primary = 't'", "zcat_primary = TRUE"])
def test_booleans_are_as_postgresql_has_them(tap, where):
    found = tap.search(f"SELECT zcat_primary FROM desi_dr1.zpix WHERE {where}").to_table()
    assert found["zcat_primary"].tolist() == [True] * 100


def test_maths_are_adqls(tap):
    query = "SELECT TOP 1 LOG(EXP(2)) AS a, LOG10(100) AS b, POWER(2, 3) AS c FROM desi_edr.zpix"
    assert list(tap.search(query).to_table()[0]) == pytest.approx([2, 2, 8])


ENDLESS = "SELECT count(*) FROM " + ", ".join(f"desi_dr1.zpix AS t{i}" for i in range(9))
BAD = {
    "circle": (
        "SELECT z FROM desi_dr1.zpix WHERE 1 = CONTAINS(POINT('ICRS', mean_fiber_ra, "
        "mean_fiber_dec), CIRCLE('ICRS', 1, 2, 3))",
        "no such function",
    ),
    "column": ("SELECT ra FROM desi_dr1.zpix", "no such column: ra"),
    "table": ("SELECT z FROM desi_dr2.zpix", "no such table"),
    "syntax": ("SELECT FROM", "syntax error"),
    "drop": ("DROP TABLE desi_dr1.zpix", "not authorized"),
    "delete": ("DELETE FROM desi_dr1.zpix", "not authorized"),
    "attach": ("ATTACH 'file.db' AS other", "not authorized"),
    "pragma": ("PRAGMA database_list", "not authorized"),
    "two": ("SELECT 1; DROP TABLE desi_dr1.zpix", "one statement"),
    "parameter": ("SELECT ? FROM desi_dr1.zpix", "binding"),
    "comment": ("-- nothing", "expected a SELECT"),
    "recursive": (HALF_MINUTE, "not authorized"),
    "huge": ("SELECT zeroblob(1000000000) FROM desi_dr1.zpix", "too big"),
}


@pytest.mark.parametrize(("query", "words"), BAD.values(), ids=BAD)
def test_bad_query_fails_at_once(url, query, words):
    reply = requests.get(f"{url}/sync", {"QUERY": query}, timeout=HANGS)
    info = parse(BytesIO(reply.content)).resources[0].infos[0]
    assert (reply.status_code, info.value) == (400, "ERROR")
    assert words in info.content


@pytest.mark.parametrize(("query", "words"), BAD.values(), ids=BAD)
def test_bad_query_fails_as_a_job(tap, query, words):
    with pytest.raises(pyvo.dal.DALQueryError, match=words.replace("(", r"\(")):
        tap.run_async(query)


def test_query_that_takes_too_long_is_stopped(hasty):
    reply = requests.get(f"{hasty}/sync", {"QUERY": ENDLESS}, timeout=HANGS)
    assert reply.status_code == 400
    assert "after 0.5 s" in parse(BytesIO(reply.content)).resources[0].infos[0].content


def test_job_that_takes_too_long_is_stopped(hasty):
    with (
        session_for_pyvo() as session,
        pytest.raises(pyvo.dal.DALQueryError, match=r"after 0\.5 s"),
    ):
        pyvo.dal.TAPService(hasty, session=session).run_async(ENDLESS)


def test_table_is_still_there_after_all_that(tap):
    with pytest.raises(pyvo.dal.DALQueryError):
        tap.search("DELETE FROM desi_dr1.zpix")
    found = tap.search("SELECT count(*) AS n FROM desi_dr1.zpix")
    assert found["n"][0] == 200


@pytest.mark.parametrize(
    "parameter",
    [
        {"LANG": "SQL"},
        {"MAXREC": "-1"},
        {"REQUEST": "getCapabilities"},
        {"UPLOAD": "t,http://127.0.0.1/t"},
        {"RESPONSEFORMAT": "fits"},
        {"QUERY": " "},
    ],
    ids=lambda parameter: next(iter(parameter)),
)
def test_bad_parameter_is_refused(url, parameter):
    query = {"query": "SELECT z FROM desi_edr.zpix"} | parameter
    query = {"QUERY": query.pop("QUERY", query.pop("query", None))} | query
    assert requests.get(f"{url}/sync", query, timeout=HANGS).status_code == 400


def test_job_is_run_waited_for_fetched_and_deleted(tap):
    job = tap.submit_job("SELECT targetid FROM desi_edr.zpix WHERE z >= 0")
    assert job.phase == "PENDING"
    job.run().wait()
    job.raise_if_error()
    assert job.fetch_result()["targetid"].tolist() == list(range(LARGE, LARGE + 5))
    assert "z >= 0" in job.query
    job.delete()
    assert not tap.get_job_list()


def test_run_async_leaves_no_job(tap):
    assert len(tap.run_async("SELECT z FROM desi_edr.zpix", maxrec=3)) == 3
    assert not tap.get_job_list()


def test_jobs_can_be_listed_by_phase(tap):
    with tap.submit_job("SELECT 1 AS a") as first, tap.submit_job("SELECT 2 AS a") as second:
        first.run().wait()
        assert [job.jobid for job in tap.get_job_list(phases=["PENDING"])] == [second.job_id]
        assert [job.jobid for job in tap.get_job_list(last=1)] == [second.job_id]
        assert tap.get_job(first.job_id).phase == "COMPLETED"


def test_job_can_be_changed_before_it_runs(tap):
    with tap.submit_job("SELECT 1 AS a") as job:
        job.query = "SELECT 2 AS a"
        job.execution_duration = 77
        later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        job.destruction = later
        assert job.execution_duration.value == 77
        assert job.destruction.to_datetime(timezone=UTC) == later
        job.run().wait()
        assert job.fetch_result()["a"][0] == 2


def test_job_that_runs_can_be_stopped(tap):
    with tap.submit_job(ENDLESS) as job:
        job.run()
        wait_until(lambda: job.phase == "EXECUTING")
        job.abort()
        assert job.phase == "ABORTED"


def test_job_starts_with_the_request_that_makes_it(url):
    with requests.Session() as session:
        ask = {"QUERY": "SELECT z FROM desi_edr.zpix", "LANG": "ADQL", "PHASE": "RUN"}
        reply = session.post(f"{url}/async", ask, timeout=HANGS)
        place = reply.url
        session.get(place, params={"WAIT": "-1"}, timeout=HANGS)
        assert session.get(f"{place}/phase", timeout=HANGS).text == "COMPLETED"
        assert b"<TD>" in session.get(f"{place}/results/result", timeout=HANGS).content
        session.delete(place, timeout=HANGS)
        assert session.get(place, timeout=HANGS).status_code == 404


def test_error_of_a_job_is_a_document(url):
    with requests.Session() as session:
        place = session.post(f"{url}/async", {"QUERY": "SELECT", "PHASE": "RUN"}, timeout=HANGS).url
        session.get(place, params={"WAIT": "-1"}, timeout=HANGS)
        reply = session.get(f"{place}/error", timeout=HANGS)
        assert session.get(f"{place}/results/result", timeout=HANGS).status_code == 404
        session.post(place, {"ACTION": "DELETE"}, timeout=HANGS)
    assert parse(BytesIO(reply.content)).resources[0].infos[0].value == "ERROR"


def test_service_describes_itself(tap, url):
    capability = tap.get_tap_capability()
    assert tap.maxrec == 100_000
    assert capability.interfaces[0].accessurls[0].content == url
    assert capability.get_adql().get_udf("q3c_radial_query").form.endswith("-> BOOLEAN")


def test_service_is_available(tap):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyvo deprecates the question
        assert tap.available


def test_tables_are_described(tap, zpix):
    assert {"desi_dr1.zpix", "desi_edr.zpix", "tap_schema.columns"} <= set(tap.tables.keys())
    columns = {column.name: column for column in tap.tables["desi_dr1.zpix"].columns}
    assert list(columns) == zpix.colnames
    assert columns["mean_fiber_ra"].unit == "deg"
    assert columns["z"].description == "Redshift <by> redrock"


def test_one_table_can_be_asked_for(url):
    reply = requests.get(f"{url}/tables/desi_edr.zpix", timeout=HANGS)
    assert b"<name>targetid</name>" in reply.content


def test_tap_schema_lists_the_columns(tap, zpix):
    query = (
        "SELECT column_name FROM tap_schema.columns WHERE table_name = 'desi_dr1.zpix' "
        "AND datatype = 'long'"
    )
    assert set(tap.search(query)["column_name"]) == {"targetid", "zwarn"}


@pytest.mark.parametrize("path", ["/", "/syncs", "/async/nothing", "/tables/nothing", "/examples"])
def test_nothing_is_nowhere_else(url, path):
    assert requests.get(url + path, timeout=HANGS).status_code == 404


@pytest.mark.parametrize("name", ["zpix", "a-b.zpix", "desi.zpix; DROP", "desi."])
def test_table_without_a_plain_name_is_refused(name, zpix):
    with pytest.raises(InputError, match=r"desi_dr1\.zpix"):
        TapService({name: zpix})


def test_column_of_arrays_is_refused():
    with pytest.raises(InputError, match="several values"):
        TapService({"a.b": Table({"flux": np.zeros((2, 3))})})


@pytest.mark.parametrize("phase", ["QUEUED", "EXECUTING"])
def test_close_does_not_wait_for_a_job(phase):
    """A queued one has another before it."""
    service = TapService({"a.b": Table({"x": np.arange(300)})}, seconds=100 * HANGS)
    query = "SELECT count(*) FROM " + ", ".join(f"a.b AS t{i}" for i in range(9))
    begin = Request("POST", "/async", {"QUERY": [query], "PHASE": ["RUN"]})
    begun = [service.answer(begin).headers["Location"] for _ in range(1 + (phase == "QUEUED"))]
    look = Request("GET", f"/async/{begun[-1].rsplit('/', 1)[1]}/phase", {})
    wait_until(lambda: service.answer(look).body == phase.encode())
    assert finishes(service.close)


def test_job_that_is_stopped_makes_way_for_the_next(tap):
    with tap.submit_job(ENDLESS) as first, tap.submit_job("SELECT 1 AS a") as second:
        first.run()
        second.run()
        first.abort()
        second.wait(timeout=HANGS)
        assert (first.phase, second.phase) == ("ABORTED", "COMPLETED")


@pytest.mark.parametrize("release", ["edr", "dr1"])
def test_demo_sky_is_served_to_pyvo(release):
    query = f"SELECT * FROM desi_{release}.zpix WHERE mean_fiber_dec BETWEEN -90 AND 90"
    with serve() as url, session_for_pyvo() as session:
        tap = pyvo.dal.TAPService(f"{url}/tap", session=session)
        at_once, as_job = tap.run_sync(query), tap.run_async(query)
        assert tap.get_tap_capability().interfaces[0].accessurls[0].content == f"{url}/tap"
    assert len(at_once) >= 10
    assert at_once["targetid"].tolist() == as_job["targetid"].tolist()
