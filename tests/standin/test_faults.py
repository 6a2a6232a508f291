"""Faults happen as often as asked, the same for the same seed, and are what they say."""

import io
from datetime import timedelta

import numpy as np
import pytest
import requests
from astropy.io import fits
from waiting import HANGS

from astroclip_astro import standin
from astroclip_astro.errors import InputError
from astroclip_astro.fetch.sparcl.plain_pickle import load
from astroclip_astro.standin.faults import FAULTS, Faults, disturb

SKY = standin.painted_sky(30)
FIELDS = "sparcl_id,targetid,ra,dec,flux,ivar"
TRIES, RATE = 120, 0.3
TOLERANCE = 4 * (RATE * (1 - RATE) / TRIES) ** 0.5


def cutout(session, url, number=0, **options):
    position = {"ra": SKY.ra[number], "dec": SKY.dec[number], "size": 16, "bands": "grz"}
    return session.get(f"{url}/viewer/fits-cutout", params=position | options, timeout=HANGS)


def find(session, url):
    question = {
        "outfields": ["sparcl_id", "targetid"],
        "search": [["data_release", "DESI-DR1"], ["specprimary", True]],
    }
    return session.post(f"{url}/api/find/", json=question, timeout=HANGS)


def spectra(session, url, names):
    address = f"{url}/api/spectras/?format=pkl&include={FIELDS}"
    return session.post(address, json=names, timeout=HANGS)


@pytest.fixture(scope="module")
def names():
    """Names of the primary spectra, by object."""
    with standin.serve(sky=SKY) as url, requests.Session() as session:
        records = find(session, url).json()[1:]
    return [record["sparcl_id"] for record in sorted(records, key=lambda r: r["targetid"])]


def outcome(session, url):
    """What a client sees of one cutout."""
    try:
        reply = cutout(session, url)
    except requests.exceptions.ChunkedEncodingError as error:
        return "reset" if "ConnectionResetError" in str(error) else "truncated"
    except requests.ConnectionError:
        return "reset"
    if reply.status_code != 200:
        return f"http_{reply.status_code}"
    return "html_200" if reply.headers["Content-Type"].startswith("text/html") else "image"


@pytest.mark.parametrize("fault", ["http_429", "http_500", "html_200", "reset", "truncated"])
def test_reply_fault_comes_as_often_as_asked(fault):
    with standin.serve(sky=SKY, faults={fault: RATE}) as url, requests.Session() as session:
        outcomes = [outcome(session, url) for _ in range(TRIES)]
    assert set(outcomes) == {fault, "image"}
    assert outcomes.count(fault) / TRIES == pytest.approx(RATE, abs=TOLERANCE)


def outcomes_with(seed):
    faults = {"http_429": 0.2, "http_500": 0.2, "truncated": 0.2}
    with standin.serve(sky=SKY, faults=faults, seed=seed) as url, requests.Session() as session:
        return [outcome(session, url) for _ in range(40)]


def test_same_seed_same_faults():
    assert outcomes_with(1) == outcomes_with(1)


def test_other_seed_other_faults():
    assert outcomes_with(1) != outcomes_with(2)


@pytest.mark.parametrize("fault", FAULTS)
def test_probability_one_is_always_and_zero_never(fault):
    always, never = Faults({fault: 1}), Faults({fault: 0})
    assert all(fault in always.draw() and fault not in never.draw() for _ in range(50))


def test_reordered_is_never_the_same_order():
    for seed in range(20):
        draw = Faults({"reordered": 1}, seed=seed).draw()
        assert disturb([1, 2], draw) == [2, 1]


def test_faults_are_independent():
    draws = [Faults({"http_429": 0.5, "slow": 0.5}, seed=seed).draw().names for seed in range(400)]
    both = sum(names == {"http_429", "slow"} for names in draws)
    assert both / 400 == pytest.approx(0.25, abs=0.09)


def test_one_fault_does_not_move_another():
    alone, beside = Faults({"slow": 0.5}, seed=3), Faults({"slow": 0.5, "reset": 0.5}, seed=3)
    assert ["slow" in alone.draw() for _ in range(50)] == [
        "slow" in beside.draw() for _ in range(50)
    ]


@pytest.mark.parametrize(
    "faults", [{"http_404": 0.5}, {"slow": 1.5}, {"slow": -0.1}, {"slow": "0.1"}, {"slow": np.nan}]
)
def test_error_lists_the_faults_there_are(faults):
    with pytest.raises(InputError, match=", ".join(FAULTS)):
        standin.Standin(faults=faults)


def test_429_of_viewer_says_how_long():
    with standin.serve(sky=SKY, faults={"http_429": 1}, retry_after=7) as url:
        reply = cutout(requests, url)
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "7")


def test_429_of_sparcl_says_how_long_in_words_too():
    with standin.serve(sky=SKY, faults={"http_429": 1}, retry_after=7) as url:
        reply = requests.get(f"{url}/api/version/", timeout=HANGS)
    detail = {"detail": "Request was throttled. Expected available in 7 seconds."}
    assert (reply.headers["Retry-After"], reply.json()) == ("7", detail)


@pytest.mark.parametrize(
    ("fault", "status"), [("http_429", 429), ("http_500", 500), ("html_200", 200)]
)
def test_tap_has_faults_too(fault, status):
    with standin.serve(sky=SKY, faults={fault: 1}) as url:
        reply = requests.get(f"{url}/tap/capabilities", timeout=HANGS)
    assert (reply.status_code, "text/html" in reply.headers["Content-Type"]) == (status, True)


def test_slow_waits_then_answers():
    with standin.serve(sky=SKY, faults={"slow": 1}, slow=0.2) as url:
        reply = cutout(requests, url)
    assert reply.elapsed >= timedelta(seconds=0.2)
    assert reply.status_code == 200


def test_truncated_claims_more_than_comes():
    with (
        standin.serve(sky=SKY, faults={"truncated": 1}) as url,
        pytest.raises(requests.exceptions.ChunkedEncodingError, match="more expected"),
    ):
        requests.get(f"{url}/api/datafields/", timeout=HANGS)


def faulty_cutouts(fault, number=7, tries=10):
    """Primary HDUs served with a fault."""
    with standin.serve(sky=SKY, faults={fault: 1}) as url, requests.Session() as session:
        for _ in range(tries):
            with fits.open(io.BytesIO(cutout(session, url, number).content)) as hdus:
                yield hdus[0].header, hdus[0].data


def test_wrong_bands_are_in_pixels_and_header():
    for header, data in faulty_cutouts("wrong_bands"):
        assert header["BANDS"] != "grz"
        planes = data.reshape(-1, *data.shape[-2:])
        value = 1 + 7 / 2**20
        expected = [value * 2 ** "grz".index(band) for band in header["BANDS"]]
        assert planes.mean(axis=(1, 2)).tolist() == pytest.approx(expected)


def test_zero_planes_are_one_or_more():
    counts = {int((~data.any(axis=(1, 2))).sum()) for _, data in faulty_cutouts("zero_planes")}
    assert counts == {1, 2, 3}


def test_wrong_position_is_another_objects_image_and_says_so():
    for header, data in faulty_cutouts("wrong_position"):
        number = standin.painted_number(data)
        assert number != 7
        assert (header["CRVAL1"], header["CRVAL2"]) == (SKY.ra[number], SKY.dec[number])


def test_wrong_position_in_a_sky_of_one_object():
    sky = standin.painted_sky(1)
    position = {"ra": sky.ra[0], "dec": sky.dec[0]}
    with standin.serve(sky=sky, faults={"wrong_position": 1}) as url:
        reply = requests.get(f"{url}/viewer/fits-cutout", params=position, timeout=HANGS)
    with fits.open(io.BytesIO(reply.content)) as hdus:
        assert abs(hdus[0].header["CRVAL2"] - sky.dec[0]) == pytest.approx(0.01)


def faulty_spectra(fault, names, rate=1.0, tries=1):
    """Records of replies with a fault."""
    with standin.serve(sky=SKY, faults={fault: rate}) as url, requests.Session() as session:
        for _ in range(tries):
            # Our own server on this machine: nothing else has written this pickle.
            yield load(spectra(session, url, names).content)[1:]


def test_wrong_position_swaps_one_records_content(names):
    (records,) = faulty_spectra("wrong_position", names[:6])
    wrong = []
    for record in records:
        asked = names.index(record["sparcl_id"])
        number = standin.painted_number_of_flux(record["flux"])
        assert record["targetid"] % 10**6 == number
        assert (record["ra"], record["dec"]) == (SKY.ra[number], SKY.dec[number])
        wrong.append(asked != number)
    assert wrong.count(True) == 1


def test_missing_leaves_out_at_least_one(names):
    for records in faulty_spectra("missing", names[:3], tries=8):
        assert len(records) < 3
        assert {record["sparcl_id"] for record in records} <= set(names[:3])


def test_duplicated_repeats_whole_records(names):
    (records,) = faulty_spectra("duplicated", names[:5])
    assert len(records) > 5
    assert {record["sparcl_id"] for record in records} == set(names[:5])


@pytest.mark.parametrize("fault", ["missing", "duplicated"])
def test_record_fault_comes_as_often_as_asked(names, fault):
    counts = [len(records) for records in faulty_spectra(fault, names[:3], RATE, TRIES)]
    assert np.mean(np.array(counts) != 3) == pytest.approx(RATE, abs=TOLERANCE)


@pytest.mark.parametrize("fault", ["reordered", "duplicated"])
def test_find_has_faults_of_records_too(names, fault):
    with standin.serve(sky=SKY, faults={fault: 1}) as url:
        found = [record["sparcl_id"] for record in find(requests, url).json()[1:]]
    with standin.serve(sky=SKY) as url:
        usual = [record["sparcl_id"] for record in find(requests, url).json()[1:]]
    assert set(found) == set(usual)
    assert found != usual


def test_faults_of_spectra_leave_cutouts_alone():
    with standin.serve(sky=SKY) as url:
        usual = cutout(requests, url, 7)
    faults = dict.fromkeys(["reordered", "duplicated", "missing"], 1)
    with standin.serve(sky=SKY, faults=faults) as url:
        reply = cutout(requests, url, 7)
    assert reply.content == usual.content
