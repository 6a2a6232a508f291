"""Which galaxies are chosen: all that were asked for, each once, never silently fewer."""

from contextlib import contextmanager
from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack
from tap_server import serve_service

from astroclip_astro.config import conf
from astroclip_astro.dataset import Selection, read_labels
from astroclip_astro.dataset.plan import plan_training_set
from astroclip_astro.dataset.selection import GOOD_GALAXIES, subsample
from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.fetch.desi_catalogue import Cuts
from astroclip_astro.standin.objects import zpix
from astroclip_astro.standin.sky import PAINTED_ID
from astroclip_astro.standin.tap import TapService

ALL = Selection(boxes=((0, 360, -90, 90),))


class Address:
    """As much of a source as a plan needs."""

    def __init__(self, tap_url):
        self.tap_url = tap_url


@contextmanager
def catalogue(table, *, rows=100_000, spoil=None):
    """Serve a table as DR1's catalogue."""
    service = TapService({"desi_dr1.zpix": table}, rows=rows)
    with serve_service(service, spoil=spoil) as url:
        yield Address(url)
    service.close()


@pytest.fixture(scope="session")
def table(sky):
    return zpix(sky, "DESI-DR1")


def numbers(plan):
    return (plan.targets.targetid - PAINTED_ID).tolist()


def test_box_through_ra_0_has_what_lies_in_it(server, sky, planned):
    west, east, south, north = 359.95, 0.04, 1.95, 2.03
    ra = (sky.ra + 180) % 360 - 180
    inside = (ra >= -0.05) & (ra <= east) & (sky.dec >= south) & (sky.dec <= north)
    assert (ra[inside] < 0).any()
    assert (ra[inside] > 0).any()
    plan = planned(server, Selection(boxes=((west, east, south, north),)))
    assert numbers(plan) == np.flatnonzero(inside).tolist()
    assert plan.simulated


def test_boxes_that_overlap_have_each_target_once(server, sky, planned):
    boxes = ((359, 1, 1.9, 2.0), (359, 1, 1.95, 2.1))
    inside = (np.abs(sky.dec - 2) <= 0.1) & (np.arange(len(sky.dec)) % 10 != 9)
    assert numbers(planned(server, Selection(boxes=boxes))) == np.flatnonzero(inside).tolist()


def test_cone_is_a_circle(server, sky, planned):
    places = SkyCoord(sky.ra, sky.dec, unit="deg")
    near = places.separation(SkyCoord(0, 2, unit="deg")) <= 0.05 * u.deg
    plan = planned(server, Selection(cone=(0, 2, 0.05)))
    assert 5 < near.sum() < 100
    assert numbers(plan) == np.flatnonzero(near).tolist()


def test_targetids_are_taken_instead(server, planned):
    ids = (PAINTED_ID + 7, PAINTED_ID + 3, PAINTED_ID + 999)
    plan = planned(server, Selection(targetids=ids))
    assert numbers(plan) == [3, 7]
    assert plan.rejected == {"not in the catalogue, or does not pass the cuts": 1}


def test_labels_thin_and_are_joined(server, planned, labels_file):
    table = Table.read(labels_file)
    table[table["TARGETID"] != PAINTED_ID + 4].write(labels_file, overwrite=True)
    labels = read_labels(labels_file)
    ids = tuple(PAINTED_ID + number for number in (8, 4, 2))
    plan = planned(server, Selection(targetids=ids), labels=labels)
    assert numbers(plan) == [2, 8]
    assert plan.labels["log_stellar_mass"].tolist() == [8 + 2 / 64, 8 + 8 / 64]
    assert plan.rejected == {"no row in the table of labels": 1}


def test_limit_is_of_what_has_labels(server, planned, labels_file):
    table = Table.read(labels_file)
    table[table["TARGETID"] % 5 == 0].write(labels_file, overwrite=True)
    plan = planned(server, Selection(boxes=ALL.boxes, limit=9), labels=read_labels(labels_file))
    assert len(plan) == 9
    assert plan.rejected["beyond the limit"] == 30 - 9


def test_more_galaxies_hold_fewer_whatever_the_order():
    ids = np.arange(1000, dtype=np.int64) * 7919 + 39627866878511337
    few, more = ids[subsample(ids, 50)], ids[subsample(ids, 200)]
    assert set(few) < set(more)
    assert set(ids[::-1][subsample(ids[::-1], 50)]) == set(few)
    assert 0.3 < np.mean(few < np.median(ids)) < 0.7, "these are the first, not any"
    assert len(subsample(ids, None)) == len(subsample(ids, 5000)) == 1000


@pytest.mark.parametrize(
    ("cuts", "right"),
    [
        (Cuts(survey=("main",)), lambda t: t["survey"] == "main"),
        (Cuts(survey=("main", "sv3"), program=("bright",)), lambda t: t["program"] == "bright"),
        (Cuts(spectype=("QSO",)), lambda t: t["spectype"] == "QSO"),
        (Cuts(z_min=0.2, z_max=0.4), lambda t: (t["z"] >= 0.2) & (t["z"] <= 0.4)),
        (Cuts(good_redshift=True), lambda t: t["zwarn"] == 0),
        (Cuts(good_fibre=True), lambda t: t["coadd_fiberstatus"] == 0),
        (Cuts(), lambda t: t["z"] > -9),
        (
            GOOD_GALAXIES,
            lambda t: (t["spectype"] == "GALAXY") & (t["zwarn"] + t["coadd_fiberstatus"] == 0),
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, Cuts) else "",
)
def test_cuts_are_exact(table, cuts, right):
    table = table.copy()
    table["spectype"] = np.where(np.arange(len(table)) % 3, "GALAXY", "QSO")
    table["zwarn"], table["coadd_fiberstatus"] = (
        np.arange(len(table)) % 4,
        np.arange(len(table)) % 5,
    )
    table["z"][:2] = 0.2, np.nextafter(0.2, 0)
    good = right(table) & (table["zcat_primary"] == 1)
    with catalogue(table) as source:
        plan = plan_training_set(source, Selection(boxes=ALL.boxes, cuts=cuts), release="DESI-DR1")
    assert plan.targets.targetid.tolist() == sorted(table["targetid"][good])


def test_limit_of_the_service_is_gone_round(table):
    with catalogue(table, rows=70) as source:
        plan = plan_training_set(source, ALL, release="DESI-DR1")
    assert numbers(plan) == list(range(150))


SOME = Selection(targetids=tuple(PAINTED_ID + number for number in range(9)))


@pytest.mark.parametrize("selection", [ALL, Selection(cone=(0, 2, 5)), SOME], ids=str)
def test_limit_that_is_not_spoken_of_is_found(table, selection):
    def silence(request, answer):
        words = b'<INFO name="QUERY_STATUS" value="OVERFLOW"/>'
        return replace(answer, body=answer.body.replace(words, b""))

    with (
        catalogue(table, rows=5, spoil=silence) as source,
        conf.set_temp("attempts", 1),
        pytest.raises(SourceError, match=r"5 rows where it counts \d+"),
    ):
        plan_training_set(source, selection, release="DESI-DR1")


def test_target_with_two_primary_spectra_is_left_out(table):
    second = table[:1].copy()
    second["survey"] = "sv1"
    with catalogue(vstack([table, second])) as source:
        plan = plan_training_set(source, ALL, release="DESI-DR1")
    assert numbers(plan) == list(range(1, 150))
    assert plan.rejected == {"several primary spectra in the catalogue": 1}


def test_target_without_redshift_is_left_out(table):
    table = table.copy()
    table["z"][3] = np.nan
    with catalogue(table) as source:
        plan = plan_training_set(source, ALL, release="DESI-DR1")
    assert 3 not in numbers(plan)
    assert plan.rejected == {"no redshift in the catalogue": 1}


def test_nothing_found_says_why(server, planned, labels_file):
    with pytest.raises(InputError, match="No galaxy in DESI-DR1 where RA 100 to 101"):
        planned(server, Selection(boxes=((100, 101, 0, 1),)))
    Table({"TARGETID": [5], "LOGMSTAR": [9.0]}).write(labels_file, overwrite=True)
    with pytest.raises(InputError, match="150 no row in the table of labels"):
        planned(server, ALL, labels=read_labels(labels_file))


def test_source_without_catalogue_is_refused():
    with pytest.raises(InputError, match="a folder has no catalogue"):
        plan_training_set(object(), ALL)


def test_several_releases_are_refused(server):
    with pytest.raises(InputError, match="expected one: a training set has one spectrum"):
        plan_training_set(Address(f"{server.url}/tap"), ALL, release="DESI-EDR,DESI-DR1")


def test_catalogue_that_is_not_there_is_a_failure_of_the_source():
    words = "127.0.0.1 port 9 cannot be reached: connection refused. Is this machine online"
    with pytest.raises(SourceError, match=words):
        plan_training_set(Address("http://127.0.0.1:9/tap"), ALL, release="DESI-DR1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "0 of box, cone and targets are given"),
        ({"boxes": ALL.boxes, "cone": (0, 0, 1)}, "2 of box, cone and targets"),
        ({"boxes": ALL.boxes, "limit": 0}, "limit is 0"),
    ],
)
def test_selection_that_is_none_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        Selection(**options)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(boxes=((0, 1, 5, 2),)), "Dec from 5.0 to 2.0"),
        (Selection(cone=(0, 95, 1)), "Cone around RA 0, Dec 95"),
        (Selection(cone=(0, 5, 0)), "Radius 0.0 deg"),
    ],
)
def test_place_that_is_none_is_refused(server, planned, selection, words):
    with pytest.raises(InputError, match=words):
        planned(server, selection)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"survey": ("main' OR '1'='1",)}, "expected a plain word"),
        ({"z_min": 0.5, "z_max": 0.1}, "expected in order"),
        ({"z_min": float("nan")}, "expected in order"),
    ],
)
def test_cuts_that_are_none_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        Cuts(**options)
