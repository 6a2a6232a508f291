from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings, strategies as st

from astroclip_astro.fetch.files.coadd_files import CoaddFile
from astroclip_astro.fetch.files.matching import SpectrumIndex, pairs_within, queues, sky_tree

# Any position, the seam and the poles more often than chance has them.
ANY_RA = st.one_of(st.floats(0, 360, exclude_max=True), st.sampled_from([0.0, 359.9999]))
ANY_DEC = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 89.9999]))


def coadd(ra, dec, **changes):
    count = len(ra)
    facts = {
        "path": Path("coadd.fits"),
        "targetid": np.arange(count),
        "ra": np.asarray(ra, float),
        "dec": np.asarray(dec, float),
        "good_fibre": np.ones(count, bool),
        "known_fibre": np.ones(count, bool),
        "is_target": np.ones(count, bool),
        "exposure": np.zeros(count),
        "cameras": (),
        "damage": None,
    }
    return CoaddFile(**facts | {name: np.asarray(value) for name, value in changes.items()})


def best(candidates):
    """Row in the file of each row's best candidate."""
    return [queue[0][1][0] if queue else None for queue in candidates]


@settings(max_examples=60, deadline=None)
@given(
    centre=st.tuples(ANY_RA, ANY_DEC),
    seed=st.integers(0, 1000),
    radius=st.floats(0.1, 1e5),
)
def test_pairs_are_those_of_brute_force(centre, seed, radius):
    random = np.random.default_rng(seed)
    middle = SkyCoord(*centre, unit="deg")
    sky = middle.directional_offset_by(
        random.uniform(0, 360, 20) * u.deg, random.uniform(0, 2 * radius, 20) * u.arcsec
    )
    ra, dec = sky.ra.deg, sky.dec.deg
    asked, found = pairs_within(sky_tree(ra[5:], dec[5:]), ra[:5], dec[:5], radius / 3600)
    got = set(zip(asked.tolist(), found.tolist(), strict=True))
    apart = sky[:5, None].separation(sky[None, 5:]).arcsec
    sure = {tuple(pair) for pair in np.argwhere(apart <= radius).tolist()}
    possible = {tuple(pair) for pair in np.argwhere(apart <= radius + 1e-5).tolist()}
    assert sure <= got <= possible


@given(ra=ANY_RA, dec=ANY_DEC, offset=st.floats(0.1, 100), angle=st.floats(0, 360))
def test_match_radius_is_inclusive(at, ra, dec, offset, angle):
    here = SkyCoord(ra, dec, unit="deg")
    there = here.directional_offset_by(angle * u.deg, offset * u.arcsec)
    radius = here.separation(there).arcsec
    index = SpectrumIndex([coadd([there.ra.deg], [there.dec.deg])])
    assert best(index.candidates(at(ra, dec), radius)) == [0]
    assert best(index.candidates(at(ra, dec), 0.9999 * radius)) == [None]


@given(ra=ANY_RA, dec=ANY_DEC, offset=st.floats(0, 5), angle=st.floats(0, 360))
def test_separation_is_that_of_astropy(at, ra, dec, offset, angle):
    here = SkyCoord(ra, dec, unit="deg")
    there = here.directional_offset_by(angle * u.deg, offset * u.arcsec)
    [[(_, (_, separation))]] = SpectrumIndex([coadd([there.ra.deg], [there.dec.deg])]).candidates(
        at(ra, dec), 6
    )
    assert separation == pytest.approx(here.separation(there).arcsec, abs=1e-8)


def test_nothing_to_match_and_nobody_who_asks(at):
    assert SpectrumIndex([]).candidates(at([1.0], [2.0]), 1) == [[]]
    assert SpectrumIndex([coadd([1], [2])]).candidates(at([], []), 1) == []


def test_rows_without_position_match_nothing(at):
    assert SpectrumIndex([coadd([1], [2])]).candidates(at([np.nan], [2.0]), 1) == [[]]


def test_fibres_without_position_are_found_by_targetid(at):
    index = SpectrumIndex([coadd([np.nan, 5], [np.nan, 5], targetid=[-7, 8])])
    assert best(index.candidates(at(targetid=[-7, 8, 9]), 1)) == [0, 1, None]


def test_targetid_is_strict_whatever_lies_at_the_position(at):
    index = SpectrumIndex([coadd([1, 200], [2, 2], targetid=[10, 20])])
    [[(_, (line, separation))], none] = index.candidates(at([1, 1], [2, 2], targetid=[20, 30]), 1)
    apart = SkyCoord(1, 2, unit="deg").separation(SkyCoord(200, 2, unit="deg")).arcsec
    assert (line, none) == (1, [])
    assert separation == pytest.approx(apart)


def test_all_spectra_of_a_targetid_are_candidates(at):
    index = SpectrumIndex([coadd([1, 2, 3], [0, 0, 0], targetid=[5, 4, 5])])
    [queue] = index.candidates(at(targetid=[5]), 1)
    assert [line for _, (line, _) in queue] == [0, 2]
    assert np.isnan([separation for _, (_, separation) in queue]).all()


# Of two spectra 0.3" (first) and 0.6" (second) away.
@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({}, 0),
        ({"good_fibre": [False, True]}, 1),
        ({"good_fibre": [False, True], "known_fibre": [False, True]}, 1),
        ({"good_fibre": [False, False], "known_fibre": [True, False]}, 1),
        ({"is_target": [False, True]}, 1),
        ({"is_target": [False, True], "good_fibre": [True, False]}, 1),
        ({"exposure": [100.0, 5000.0]}, 0),
        ({"dec": [0.3 / 3600, 0.31 / 3600], "exposure": [100.0, 5000.0]}, 1),
        ({"dec": [0.31 / 3600, 0.3 / 3600]}, 0),
    ],
    ids=[
        "nearest",
        "fibre",
        "good, unknown",
        "unknown, bad",
        "target",
        "bad target, good sky",
        "nearer",
        "exposure",
        "first",
    ],
)
def test_best_of_several(at, changes, chosen):
    facts = {"ra": [0, 0], "dec": [0.3 / 3600, 0.6 / 3600]} | changes
    index = SpectrumIndex([coadd(**facts)])
    assert best(index.candidates(at(0.0, 0.0), 1)) == [chosen]


def test_first_file_decides_between_equals(at):
    index = SpectrumIndex([coadd([9], [9]), coadd([1], [2]), coadd([1], [2])])
    [queue] = index.candidates(at(1.0, 2.0), 1)
    assert [number for number, _ in queue] == [1, 2]


def test_queues_of_no_rows():
    assert queues(0, np.zeros(0, int), np.zeros(0)) == []
