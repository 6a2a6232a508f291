"""Which spectrum is a row's: asked once, chosen well, kept, never guessed."""

from types import SimpleNamespace

import numpy as np
import pytest

from astroclip_astro.fetch.cache import NO_CACHE, DiskCache
from astroclip_astro.fetch.sparcl.record import SpectrumRecord
from astroclip_astro.fetch.spectrum_search import SpectrumSearch
from astroclip_astro.fetch.transport import BadReplyError
from astroclip_astro.records import Targets

ARCSEC = 1 / 3600


def record(number, ra=10.0, dec=0.0, **changes):
    facts = {
        "sparcl_id": f"id-{number}", "targetid": number, "ra": ra, "dec": dec, "redshift": 0.1,
        "zwarn": 0, "spectype": "GALAXY", "specprimary": True, "release": "DESI-DR1",
        "survey": "main", "program": "bright",
    }  # fmt: skip
    return SpectrumRecord(**facts | changes)


class Sparcl:
    """A client that knows some records and counts what it is asked."""

    def __init__(self, *records, releases=("DESI-DR1",)):
        self.records, self.releases, self.asked = records, releases, []
        self.failing = False
        self.transport = SimpleNamespace(url="fake")

    def query_box(self, *box):
        self.asked.append(box)
        if self.failing:
            raise BadReplyError("out of order")
        return list(self.records)  # more than asked for: the search must cut by itself

    def query_targetids(self, ids):
        self.asked.append(ids)
        if self.failing:
            raise BadReplyError("out of order")
        return [r for r in self.records if r.targetid in ids]


def gather(ask, items, receive, what):
    for item in items:
        try:
            answer = ask(item)
        except BadReplyError as error:
            answer = error
        receive(item, answer)


def at(*places, targetids=None):
    ra, dec = np.array(places, float).T
    has = np.array([t is not None for t in targetids or [None] * len(ra)])
    ids = np.array([t or 0 for t in targetids or [None] * len(ra)])
    return Targets(ra, dec, ids, has)


def find(sparcl, targets, radius=1.0, cache=NO_CACHE):
    return SpectrumSearch(sparcl, cache, "fake").find(targets, radius, gather)


def numbers(matches):
    return [match and match.record.targetid for match in matches]


def test_nearest_within_the_radius():
    sparcl = Sparcl(record(1, dec=0.9 * ARCSEC), record(2, dec=-0.5 * ARCSEC), record(3, dec=1.0))
    (match,) = find(sparcl, at((10, 0)))
    assert (match.record.targetid, match.matches) == (2, 2)
    assert match.separation == pytest.approx(0.5)


def test_exactly_at_the_radius_counts():
    assert numbers(find(Sparcl(record(1, dec=1.0 * ARCSEC)), at((10, 0)))) == [1]
    assert numbers(find(Sparcl(record(1, dec=1.001 * ARCSEC)), at((10, 0)))) == [None]


def test_primary_comes_before_nearer():
    sparcl = Sparcl(record(1, specprimary=False), record(2, dec=0.8 * ARCSEC))
    assert numbers(find(sparcl, at((10, 0)))) == [2]


def test_a_tenth_of_an_arcsec_is_no_difference():
    sparcl = Sparcl(
        record(1, dec=0.31 * ARCSEC, release="DESI-EDR"),
        record(2, dec=0.33 * ARCSEC, release="DESI-DR1"),
        releases=("DESI-DR1", "DESI-EDR"),
    )
    assert numbers(find(sparcl, at((10, 0)))) == [2], "the release named first"


def test_equals_are_settled_by_id_whatever_their_order():
    first, second = record(1, sparcl_id="a"), record(2, sparcl_id="b")
    assert numbers(find(Sparcl(first, second), at((10, 0)))) == [1]
    assert numbers(find(Sparcl(second, first), at((10, 0)))) == [1]


def test_across_ra_0():
    sparcl = Sparcl(record(1, ra=359.9999, dec=0.0))
    assert numbers(find(sparcl, at((0.0001, 0)), radius=1)) == [1]


def test_at_a_pole():
    sparcl = Sparcl(record(1, ra=180.0, dec=90 - 0.4 * ARCSEC))
    (match,) = find(sparcl, at((0.0, 90 - 0.4 * ARCSEC)))
    assert match.separation == pytest.approx(0.8, abs=1e-3)


def test_targetid_and_nothing_else():
    sparcl = Sparcl(record(1), record(2, ra=200.0))
    near, far = find(sparcl, at((10, 0), (10, 0), targetids=[None, 2]))
    assert numbers([near, far]) == [1, 2]
    assert far.separation > 10


def test_rows_without_position_have_no_separation():
    (match,) = find(Sparcl(record(1)), at((np.nan, np.nan), targetids=[1]))
    assert np.isnan(match.separation)


def test_equal_questions_are_asked_once():
    sparcl = Sparcl(record(1))
    assert numbers(find(sparcl, at(*[(10, 0)] * 5, targetids=[None] * 4 + [1]))) == [1] * 5
    assert len(sparcl.asked) == 2


def test_many_targetids_are_asked_in_blocks():
    sparcl = Sparcl(*map(record, range(1, 251)))
    targets = at(*[(np.nan, np.nan)] * 250, targetids=list(range(1, 251)))
    assert numbers(find(sparcl, targets)) == list(range(1, 251))
    assert [len(ids) for ids in sparcl.asked] == [100, 100, 50]


def test_answers_are_kept_also_that_there_is_none(tmp_path):
    cache = DiskCache(tmp_path, limit=10**6)
    targets = at((10, 0), (50, 50), (np.nan, np.nan), targetids=[None, None, 1])
    sparcl = Sparcl(record(1))
    first = find(sparcl, targets, cache=cache)
    asked = len(sparcl.asked)
    assert numbers(first) == [1, None, 1]
    again = find(sparcl, targets, cache=cache)
    assert again[:2] == first[:2]
    assert len(sparcl.asked) == asked


def test_failures_are_not_kept_and_concern_their_rows_only(tmp_path):
    cache = DiskCache(tmp_path, limit=10**6)
    sparcl = Sparcl(record(1))
    find(sparcl, at((10, 0)), cache=cache)
    sparcl.failing = True
    kept, failed = find(sparcl, at((10, 0), (11, 0)), cache=cache)
    assert numbers([kept]) == [1]
    assert isinstance(failed, BadReplyError)
    sparcl.failing = False
    assert numbers(find(sparcl, at((11, 0)), cache=cache)) == [None]


def test_another_radius_or_release_is_another_question(tmp_path):
    cache = DiskCache(tmp_path, limit=10**6)
    sparcl = Sparcl(record(1, dec=2 * ARCSEC))
    assert numbers(find(sparcl, at((10, 0)), 1.0, cache)) == [None]
    assert numbers(find(sparcl, at((10, 0)), 3.0, cache)) == [1]
    sparcl.releases = ("DESI-DR1", "DESI-EDR")
    count = len(sparcl.asked)
    find(sparcl, at((10, 0)), 3.0, cache)
    assert len(sparcl.asked) == count + 1


@pytest.mark.parametrize("content", [b"junk", b"{}", b"[1]", b'[{"ra": 1}]', b"\xff"])
def test_an_answer_of_another_version_is_asked_again(tmp_path, content):
    cache = DiskCache(tmp_path, limit=10**6)
    sparcl = Sparcl(record(1))
    search = SpectrumSearch(sparcl, cache, "fake")
    (key,) = search.keys(at((10, 0)), 1.0)
    cache.put(key, content)
    assert numbers(find(sparcl, at((10, 0)), cache=cache)) == [1]
    assert len(sparcl.asked) == 1
