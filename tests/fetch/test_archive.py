"""The archives as a source: every row gets its own object, or says why it has none."""

import io
import warnings
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest

from astroclip_astro import standin
from astroclip_astro.config import conf
from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.fetch.archive import ArchiveSource
from astroclip_astro.fetch.cache import DiskCache
from astroclip_astro.fetch.sparcl import record
from astroclip_astro.flags import Flag
from astroclip_astro.records import WAVELENGTH, Cutout, MissingData, Source, Spectrum, Targets
from astroclip_astro.standin.faults import FAULTS
from astroclip_astro.standin.sky import PAINTED_ID

COUNT = 120
FAILED_IMAGE = Flag.NO_IMAGE | Flag.SOURCE_FAILED
FAILED_SPECTRUM = Flag.NO_SPECTRUM | Flag.SOURCE_FAILED


@pytest.fixture(autouse=True)
def _hurry():
    with conf.set_temp("backoff", 0.001), conf.set_temp("connect_timeout", 2.0):
        yield


@pytest.fixture(scope="module")
def sky():
    return standin.painted_sky(COUNT)


@contextmanager
def opened(sky, faults=None, **options):
    """Serve a sky and open it as a source; ls-dr8 has no map, so the poles are asked for too."""
    serving = {name: options.pop(name) for name in ("seed", "slow", "json") if name in options}
    server = standin.Standin(sky=sky, faults=faults, retry_after=0, **serving)
    source = ArchiveSource.at(server.url, server=server, **{"layer": "ls-dr8"} | options)
    source.server = server
    try:
        yield source
    finally:
        source.close()


def at(ra, dec):
    ra, dec = np.atleast_1d(ra).astype(float), np.atleast_1d(dec).astype(float)
    return Targets(ra, dec, np.zeros(len(ra), int), np.zeros(len(ra), bool))


def by_id(*targetids):
    count = len(targetids)
    nowhere = np.full(count, np.nan)
    return Targets(nowhere, nowhere, np.array(targetids), np.ones(count, bool), positioned=False)


def image_numbers(answers):
    """The object each answer's pixels say it is, None for a gap."""
    return [
        standin.painted_number(answer.image) if isinstance(answer, Cutout) else None
        for answer in answers
    ]


def flux_numbers(answers):
    return [
        standin.painted_number_of_flux(answer.flux) if isinstance(answer, Spectrum) else None
        for answer in answers
    ]


def paths(source):
    return Counter(path for _, path, _ in source.server.requests)


def test_it_is_a_source(sky):
    with opened(sky) as source:
        assert isinstance(source, Source)


def test_every_row_gets_its_own_object(sky):
    order = np.random.default_rng(1).permutation(COUNT)
    with opened(sky) as source:
        targets = at(sky.ra[order], sky.dec[order])
        assert image_numbers(source.cutouts(targets, 96)) == order.tolist()
        spectra = source.spectra(targets, 1.0)
    assert flux_numbers(spectra) == order.tolist()
    assert [s.targetid - PAINTED_ID for s in spectra] == order.tolist()
    assert max(s.separation for s in spectra) < 1e-3


def test_facts_of_the_spectrum_come_with_it(sky):
    with opened(sky) as source:
        (spectrum,) = source.spectra(at(sky.ra[0], sky.dec[0] + 0.5 / 3600), 1.0)
    row = list(sky.spectra["targetid"]).index(PAINTED_ID)
    assert spectrum.redshift == pytest.approx(sky.spectra["redshift"][row])
    assert (spectrum.zwarn, spectrum.spectype, spectrum.good_fibre) == (0, "GALAXY", True)
    assert spectrum.separation == pytest.approx(0.5, abs=1e-3)
    assert len(spectrum.flux) == len(WAVELENGTH)
    assert np.array_equal(spectrum.ivar, 4 * spectrum.flux)


@pytest.mark.parametrize(("bit", "good"), [(0, True), (4, True), (1 << 9, False), (1 << 11, False)])
def test_warnings_about_the_fibre_are_heeded(bit, good):
    warned = standin.painted_sky(3)
    warned.spectra["redshift_warning"] = bit
    with opened(warned) as source:
        (spectrum,) = source.spectra(at(warned.ra[0], warned.dec[0]), 1.0)
    assert (spectrum.zwarn, spectrum.good_fibre) == (bit, good)


def test_fibre_without_redshift_warnings_is_unknown(sky, monkeypatch):
    def without_warnings(entry, name, *arguments, **options):
        found = number(entry, name, *arguments, **options)
        return None if name == "redshift_warning" else found

    number = record.number
    monkeypatch.setattr(record, "number", without_warnings)
    with opened(sky) as source:
        (spectrum,) = source.spectra(at(sky.ra[0], sky.dec[0]), 1.0)
    assert (spectrum.zwarn, spectrum.good_fibre) == (None, None)


def test_radius_is_inclusive_and_no_wider(sky):
    offsets = np.array([0.0, 0.9, 1.1, 3.0]) / 3600
    with opened(sky) as source:
        answers = source.spectra(at(np.full(4, sky.ra[3]), sky.dec[3] + offsets), 1.0)
    assert flux_numbers(answers) == [3, 3, None, None]
    assert answers[2].flag == Flag.NO_SPECTRUM


def test_primary_spectrum_is_preferred_and_others_are_counted(sky):
    with opened(sky) as source:
        twice, once = source.spectra(at(sky.ra[[4, 5]], sky.dec[[4, 5]]), 1.0)
    assert (twice.matches, once.matches) == (2, 1)
    assert flux_numbers([twice]) == [4]


def test_targetid_decides(sky):
    with opened(sky) as source:
        answers = source.spectra(by_id(PAINTED_ID + 7, PAINTED_ID + 8, 42), 1.0)
    assert flux_numbers(answers) == [7, 8, None]
    assert np.isnan(answers[0].separation)
    assert (answers[0].ra, answers[0].dec) == pytest.approx((sky.ra[7], sky.dec[7]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_targetids_are_no_range(sky, count):
    ids = [PAINTED_ID + 2, PAINTED_ID + 90, PAINTED_ID + 30][:count]
    with opened(sky) as source:
        answers = source.spectra(by_id(*ids), 1.0)
    assert [a.targetid for a in answers] == ids


def test_targetid_far_from_the_position_is_taken_and_its_distance_said(sky):
    targets = Targets(sky.ra[:1], sky.dec[:1], np.array([PAINTED_ID + 1]), np.ones(1, bool))
    with opened(sky) as source:
        (answer,) = source.spectra(targets, 1.0)
    assert answer.targetid == PAINTED_ID + 1
    assert answer.separation > 10


def test_release_decides(sky):
    with opened(sky, releases=["DESI-EDR"]) as source:  # even objects only
        assert flux_numbers(source.spectra(at(sky.ra[:4], sky.dec[:4]), 1.0)) == [0, None, 2, None]
    with opened(sky, releases=["DESI-EDR", "DESI-DR1"]) as source:
        answers = source.spectra(at(sky.ra[:2], sky.dec[:2]), 1.0)
    assert flux_numbers(answers) == [0, 1]
    assert [answer.matches for answer in answers] == [1, 1], "one release's spectra are counted"


def test_rows_at_one_position_share_a_request(sky):
    rows = np.array([5, 6, 5, 5, 6])
    with opened(sky) as source:
        targets = at(sky.ra[rows], sky.dec[rows])
        assert image_numbers(source.cutouts(targets, 96)) == rows.tolist()
        assert flux_numbers(source.spectra(targets, 1.0)) == rows.tolist()
        assert paths(source)["/viewer/fits-cutout"] == 2


def test_spectra_come_in_blocks_and_positions_in_groups(sky):
    near = [n for n in range(COUNT) if n % 10 != 9][:60]
    with opened(sky) as source:
        source.spectra(at(sky.ra[near], sky.dec[near]), 1.0)
        asked = paths(source)
    assert asked["/api/spectras/"] <= 1 + 60 // 25 + 1
    assert asked["/api/find/"] < 20


def test_wavelengths_are_sent_once_for_each_release(sky):
    with opened(sky, releases=["DESI-EDR", "DESI-DR1"], connections=1) as source:
        for rows in ([0, 2], [4, 6], [1, 3], [5, 7]):  # even objects are in EDR
            source.spectra(at(sky.ra[rows], sky.dec[rows]), 1.0)
        asked = [q["include"][0] for _, path, q in source.server.requests if "spectras" in path]
    assert ["wavelength" in include for include in asked] == [True, False, True, False]


def test_outside_the_imaging_nothing_is_asked(sky):
    with opened(sky, layer="ls-dr9") as source:
        (answer,) = source.cutouts(at(280.0, -5.0), 96)
        assert not source.server.requests
    assert answer.flag == Flag.NO_IMAGE | Flag.OUTSIDE_IMAGING


def test_outside_every_brick_is_a_failure_because_the_viewer_says_no_more(sky):
    with opened(sky) as source:
        (answer,) = source.cutouts(at(100.0, 30.0), 96)
    assert answer.flag == FAILED_IMAGE
    assert "status 500" in answer.reason


def test_unknown_layer_is_the_users_mistake(sky):
    with opened(sky, layer="ls-dr99") as source, pytest.raises(InputError, match="no such layer"):
        source.cutouts(at(sky.ra[:1], sky.dec[:1]), 96)


def test_server_without_json_is_understood(sky):
    with opened(sky, json=False) as source:
        assert flux_numbers(source.spectra(at(sky.ra[:30], sky.dec[:30]), 1.0)) == [*range(30)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_fault_at_once(sky, seed):
    faults = dict.fromkeys(FAULTS, 0.2)
    rows = np.arange(60)
    with (
        conf.set_temp("attempts", 15),  # a clean reply is one in three: some want patience
        conf.set_temp("longest_wait", 0.02),
        opened(sky, faults, seed=seed, slow=0.01) as source,
    ):
        targets = at(sky.ra[rows], sky.dec[rows])
        cutouts, spectra = source.cutouts(targets, 96), source.spectra(targets, 1.0)
    for number, cutout in enumerate(cutouts):
        if isinstance(cutout, MissingData):
            assert cutout.flag in (FAILED_IMAGE, Flag.NO_IMAGE)
        else:
            assert standin.painted_number(cutout.image) == number
            assert cutout.complete == bool(cutout.image.all())
    for number, spectrum in enumerate(spectra):
        if isinstance(spectrum, MissingData):
            assert spectrum.flag == FAILED_SPECTRUM
        else:
            assert flux_numbers([spectrum]) == [number]
            assert spectrum.targetid == PAINTED_ID + number
    assert sum(isinstance(c, Cutout) for c in cutouts) > 20
    assert sum(isinstance(s, Spectrum) for s in spectra) > 20


@pytest.mark.parametrize("fault", ["reordered", "duplicated", "slow"])
def test_what_does_no_harm_is_borne(sky, fault):
    with opened(sky, {fault: 1.0}, slow=0.01) as source:
        targets = at(sky.ra[:30], sky.dec[:30])
        assert flux_numbers(source.spectra(targets, 1.0)) == [*range(30)]
        assert image_numbers(source.cutouts(targets, 96)) == [*range(30)]


@pytest.mark.parametrize("fault", ["http_500", "html_200", "truncated", "wrong_position"])
def test_what_never_becomes_right_is_flagged(sky, fault):
    with opened(sky, {fault: 1.0}) as source:
        targets = at(sky.ra[:3], sky.dec[:3])
        assert {gap.flag for gap in source.cutouts(targets, 96)} == {FAILED_IMAGE}
        spectra = source.spectra(targets, 1.0)
    wrong = [a for a in spectra if isinstance(a, MissingData)]
    assert {gap.flag for gap in wrong} == {FAILED_SPECTRUM}
    right = [a for a in spectra if isinstance(a, Spectrum)]
    assert all(flux_numbers([a]) == [a.targetid - PAINTED_ID] for a in right)


@pytest.mark.parametrize("fault", ["http_429", "reset"])
def test_a_service_that_goes_down_ends_the_run(sky, fault):
    rows = np.arange(COUNT)
    targets = at(sky.ra[rows], sky.dec[rows])
    with opened(sky, {fault: 1.0}) as source, conf.set_temp("attempts", 2):
        source.viewer.transport.contact.note_reply(None)  # it has answered before
        with pytest.raises(SourceError, match="no answer to 20 questions in a row"):
            source.cutouts(targets, 96)


def test_a_host_that_is_not_there_is_asked_no_more_and_the_others_are(sky):
    rows = np.arange(COUNT)
    targets = at(sky.ra[rows], sky.dec[rows])
    with opened(sky) as source, standin.serve() as other:
        source.viewer.transport.url = f"{other}/viewer"
        source.viewer.transport.contact.fail("connection refused")
        source.start_run(["image", "spectrum"])
        assert source.unreachable == "", "what was before the run does not count"

        source.viewer.transport.contact.fail("connection refused")
        gaps = source.cutouts(targets, 96)
        assert {(gap.flag, gap.reason) for gap in gaps} == {
            (FAILED_IMAGE, f"{source.viewer.transport.contact.host} cannot be reached: "
             "connection refused")
        }  # fmt: skip
        assert "/viewer/fits-cutout" not in paths(source)
        assert flux_numbers(source.spectra(targets, 1.0)) == rows.tolist()
        assert source.unreachable.count("cannot be reached") == 1
        assert not source.offline


def test_wrong_bands_are_flagged(sky):
    with opened(sky, {"wrong_bands": 1.0}) as source:
        (gap,) = source.cutouts(at(sky.ra[:1], sky.dec[:1]), 96)
    assert gap.flag == FAILED_IMAGE
    assert "expected" in gap.reason


def test_empty_planes_are_incomplete(sky):
    with opened(sky, {"zero_planes": 1.0}) as source:
        answers = source.cutouts(at(sky.ra[:20], sky.dec[:20]), 96)
    assert all(
        a.flag == Flag.NO_IMAGE if isinstance(a, MissingData) else not a.complete for a in answers
    )
    assert any(isinstance(a, Cutout) for a in answers)


def test_all_spectra_missing_are_flagged_and_asked_for_again(sky):
    with opened(sky, {"missing": 1.0}) as source:
        answers = source.spectra(at(sky.ra[:3], sky.dec[:3]), 1.0)
        assert paths(source)["/api/spectras/"] > 1
    assert all(
        a.flag == FAILED_SPECTRUM if isinstance(a, MissingData) else flux_numbers([a]) == [row]
        for row, a in enumerate(answers)
    )


def test_what_was_fetched_is_not_fetched_again(sky, tmp_path):
    cache = DiskCache(tmp_path, limit=10**8)
    targets = at([*sky.ra[:9], 30.0], [*sky.dec[:9], 40.0])  # nothing at the last one
    with opened(sky, cache=cache, identity="sky") as source:
        spectra = source.spectra(targets, 1.0)
        cutouts = source.cutouts(targets[:9], 96)
    with opened(sky, cache=cache, identity="sky") as source:
        again = source.spectra(targets, 1.0)
        assert image_numbers(source.cutouts(targets[:9], 96)) == image_numbers(cutouts)
        assert not source.server.requests
    assert flux_numbers(again) == flux_numbers(spectra) == [*range(9), None]
    assert [a.separation for a in again[:9]] == [s.separation for s in spectra[:9]]
    assert np.array_equal(again[0].flux, spectra[0].flux)


def test_failures_are_never_kept(sky, tmp_path):
    cache = DiskCache(tmp_path, limit=10**8)
    targets = at(sky.ra[:5], sky.dec[:5])
    for fault in ("http_500", "html_200", "truncated", "wrong_position"):
        with opened(sky, {fault: 1.0}, cache=cache, identity="sky") as source:
            source.cutouts(targets, 96)
            source.spectra(targets, 1.0)
    with opened(sky, cache=cache, identity="sky") as source:
        assert image_numbers(source.cutouts(targets, 96)) == [*range(5)]
        assert flux_numbers(source.spectra(targets, 1.0)) == [*range(5)]
        assert paths(source)["/viewer/fits-cutout"] == 5


def test_what_is_not_ours_in_the_cache_is_fetched_again(sky, tmp_path):
    cache = DiskCache(tmp_path, limit=10**8)
    targets = at(sky.ra[:2], sky.dec[:2])
    with opened(sky, cache=cache, identity="sky") as source:
        (spectrum, _) = source.spectra(targets, 1.0)
        name = spectrum.origin.split()[-1]
        short = io.BytesIO()
        np.save(short, np.ones((2, 10), np.float32))
        for content in (b"junk", np.zeros(7).tobytes(), short.getvalue()):
            cache.put(source._spectra._key(name), content)
            cache.put(source._images._key((sky.ra[0], sky.dec[0]), 96), content)
            assert flux_numbers(source.spectra(targets, 1.0)) == [0, 1]
            assert image_numbers(source.cutouts(targets, 96)) == [0, 1]


def test_a_spectrum_that_is_gone_is_looked_for_anew(sky, tmp_path):
    cache = DiskCache(tmp_path, limit=10**8)
    targets = at(sky.ra[:1], sky.dec[:1])
    with opened(sky, cache=cache, identity="sky") as source:
        (key,) = source._spectra._search.keys(targets, 1.0)
        (spectrum,) = source.spectra(targets, 1.0)
        name = spectrum.origin.split()[-1]
        # The archive was filled anew: what the cache knows is an id that it has no more.
        gone = name[:-12] + "0" * 12
        cache.put(key, cache.get(key).replace(name.encode(), gone.encode()))
        assert flux_numbers(source.spectra(targets, 1.0)) == [None]
        assert flux_numbers(source.spectra(targets, 1.0)) == [0]


def test_warnings_are_not_switched_off_for_good(sky):
    before = list(warnings.filters)
    with opened(sky, connections=8) as source:
        for _ in range(3):
            source.cutouts(at(sky.ra[:40], sky.dec[:40]), 96)
    assert warnings.filters == before


def test_many_positions_outside_every_brick_are_not_insisted_on(sky):
    ra = 100 + np.arange(40) * 0.1
    with opened(sky) as source:
        assert {a.flag for a in source.cutouts(at(ra, np.full(40, 30.0)), 96)} == {FAILED_IMAGE}
        assert paths(source)["/viewer/fits-cutout"] < 40 + 2 * 15


def test_another_server_layer_size_and_radius_are_other_data(sky, tmp_path):
    cache = DiskCache(tmp_path, limit=10**8)
    here = at(sky.ra[:1], sky.dec[:1] + 2 / 3600)
    with opened(sky, cache=cache, identity="sky") as source:
        source.cutouts(here, 96)
        assert flux_numbers(source.spectra(here, 1.0)) == [None]
    changes = [{"identity": "other"}, {"identity": "sky", "layer": "ls-dr10"}]
    for change in changes:
        with opened(sky, cache=cache, **change) as source:
            source.cutouts(here, 96)
            assert paths(source)["/viewer/fits-cutout"] == 1
    with opened(sky, cache=cache, identity="sky") as source:
        assert source.cutouts(here, 64)[0].image.shape == (3, 64, 64)
        assert flux_numbers(source.spectra(here, 3.0)) == [0]


def test_preview_says_what_is_cached_and_asks_nothing(sky, tmp_path):
    cache = DiskCache(tmp_path, limit=10**8)
    targets = at([*sky.ra[:6], 280.0], [*sky.dec[:6], -5.0])
    with opened(sky, cache=cache, identity="sky", layer="ls-dr9") as source:
        source.cutouts(targets[:4], 96)
        source.spectra(targets[:2], 1.0)
        before = len(source.server.requests)
        lines = source.preview(targets, modality=("image", "spectrum"), radius=1.0, size=96)
        assert len(source.server.requests) == before
    assert str(tmp_path) in lines[0]
    assert lines[1:] == [
        "spectra     2 of 7 cached",
        "images      4 of 6 cached; outside the imaging, nothing to ask: 1",
    ]


def test_progress_is_told(sky):
    told = []
    with opened(sky) as source:
        source.note = lambda *words: told.append(words)
        source.cutouts(at(sky.ra[:3], sky.dec[:3]), 96)
    assert told == [("fetching images", count, 3) for count in (1, 2, 3)]


def test_an_error_of_ours_is_not_taken_for_the_servers(sky, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    with opened(sky) as source:
        monkeypatch.setattr(source.viewer, "get_cutout", broken)
        with pytest.raises(ZeroDivisionError):
            source.cutouts(at(sky.ra[:2], sky.dec[:2]), 96)


def test_addresses_of_the_archives_come_from_the_configuration():
    with conf.set_temp("viewer_url", "https://a.example/v"):
        source = ArchiveSource.at()
    assert source.viewer.transport.url == "https://a.example/v"
    assert source.sparcl.transport.url == conf.sparcl_url
    assert source.name == "archive (ls-dr9, DESI-DR1)"
