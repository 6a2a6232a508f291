"""The SPARCL client against the stand-in, with and without faults.

The flux of every object of the painted sky carries the object's number: a spectrum that ends in
the wrong row would be seen.
"""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from astroclip_astro import standin
from astroclip_astro.config import conf
from astroclip_astro.fetch.connections import in_parallel
from astroclip_astro.fetch.sparcl import SparclClass
from astroclip_astro.fetch.transport import Transport

COUNT = 60
FIRST = 800_000_000_000_000  # TARGETID of the first painted object
HURT = ("reordered", "duplicated", "missing", "wrong_position", "truncated", "html_200")
HURT += ("http_500", "http_429", "reset")


@pytest.fixture(scope="module")
def sky():
    return standin.painted_sky(COUNT)


@pytest.fixture(autouse=True)
def _hurry():
    with conf.set_temp("backoff", 0.001), conf.set_temp("attempts", 40):
        yield


@pytest.fixture
def serve(sky):
    """Return a function that connects a client to a stand-in."""
    running = []

    def start(**options):
        server = standin.Standin(sky=sky, retry_after=0, **options)
        transport = Transport(server.url + "/api")
        running.append((server, transport))
        return SparclClass(transport, releases=["DESI-EDR", "DESI-DR1"])

    yield start
    for server, transport in running:
        transport.session.close()
        server.close()


def rows(sky):
    """Row of the sky's table by TARGETID, release and program."""
    names = ("targetid", "data_release", "program")
    keys = zip(*(sky.spectra[name].tolist() for name in names), strict=True)
    return {key: row for row, key in enumerate(keys)}


def is_right(record, spectrum, sky):
    """Whether a spectrum is the record's, to the bit."""
    row = rows(sky)[record.targetid, record.release, record.program]
    number = standin.painted_number_of_flux(spectrum[0])
    return number == record.targetid - FIRST and all(
        map(np.array_equal, spectrum, sky.flux_ivar(row))
    )


def test_the_whole_sky_is_found(serve, sky):
    found = serve().query_box(0, 360, -90, 90)
    keys = [(record.targetid, record.release, record.program) for record in found]
    assert sorted(keys) == sorted(rows(sky))


def test_a_low_limit_loses_nothing(serve, sky):
    sparcl = serve()
    sparcl.ROW_LIMIT = 7
    assert len(sparcl.query_box(-180, 180, -90, 90)) == len(sky.spectra)


def test_every_object_is_found_at_its_position(serve, sky):
    sparcl = serve()
    for number in (0, 9, 19, 33, 59):  # 9 and 19 are near the poles
        centre = SkyCoord(sky.ra[number], sky.dec[number], unit="deg")
        table = sparcl.query_region(centre, "1 arcsec")
        assert set(table["targetid"]) == {FIRST + number}


@pytest.mark.parametrize("numbers", [[3], [3, 50], [3, 4, 50], range(COUNT)])
def test_targetids_are_found(serve, numbers):
    found = serve().query_targetids([FIRST + number for number in numbers])
    assert {record.targetid - FIRST for record in found} == set(numbers)


def test_two_spectra_of_a_target_stay_apart(serve):
    found = serve().query_targetids([FIRST + 4])
    kinds = {(r.release, r.program, r.specprimary) for r in found}
    assert kinds == {
        (release, program, program == "bright")
        for release in ("DESI-EDR", "DESI-DR1")
        for program in ("bright", "dark")
    }


@pytest.mark.parametrize("with_json", [True, False])
def test_spectra_are_delivered_to_the_bit(serve, sky, with_json):
    sparcl = serve(json=with_json)
    records = sparcl.query_targetids(range(FIRST, FIRST + 20))
    spectra, reasons = sparcl.get_spectra(records)
    assert reasons == {}
    assert all(is_right(record, spectra[record.sparcl_id], sky) for record in records)


@pytest.mark.parametrize("with_json", [True, False])
@pytest.mark.parametrize("fault", HURT)
def test_one_fault_half_of_the_time_changes_nothing(serve, sky, fault, with_json):
    sparcl = serve(faults={fault: 0.5}, seed=1, json=with_json)
    records = sparcl.query_targetids(range(FIRST, FIRST + 8))
    spectra, reasons = sparcl.get_spectra(records)
    assert reasons == {}
    assert len(records) >= 8
    assert all(is_right(record, spectra[record.sparcl_id], sky) for record in records)


@pytest.mark.parametrize("fault", ["missing", "wrong_position"])
def test_a_fault_that_never_ends_gives_reasons_and_nothing_wrong(serve, sky, fault):
    sparcl = serve(faults={fault: 1}, seed=1)
    with conf.set_temp("attempts", 3):
        records = sparcl.query_targetids(range(FIRST, FIRST + 8))
        spectra, reasons = sparcl.get_spectra(records)
    assert len(spectra) + len(reasons) == len(records)
    assert reasons
    assert all(
        is_right(record, spectra[record.sparcl_id], sky)
        for record in records
        if record.sparcl_id in spectra
    )


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("faults", [HURT, [fault for fault in HURT if fault != "http_500"]])
def test_all_faults_at_once_in_several_threads(serve, sky, seed, faults):
    records = serve().query_box(-180, 180, -90, 90)
    sparcl = serve(faults=dict.fromkeys(faults, 0.2), seed=seed)
    blocks = [records[start : start + 10] for start in range(0, len(records), 10)]
    delivered, why_not = {}, {}
    for _, (spectra, reasons) in in_parallel(sparcl.get_spectra, blocks, connections=4):
        delivered |= spectra
        why_not |= reasons
    assert delivered.keys() ^ why_not.keys() == {record.sparcl_id for record in records}
    # Only after status 500 are there fewer attempts than the forty of this test.
    assert all("http_500" in faults and "status 500" in reason for reason in why_not.values())
    assert delivered
    assert all(
        is_right(record, delivered[record.sparcl_id], sky)
        for record in records
        if record.sparcl_id in delivered
    )
