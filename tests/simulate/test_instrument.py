"""DESI observes a spectrum: noise as the ivar says, and each artefact as promised."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import median_filter

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate import instrument
from astroclip_astro.simulate.artefacts import RATES, Artefact
from astroclip_astro.simulate.instrument import CAMERAS, Visit, draw_visit, observe_spectrum
from astroclip_astro.simulate.wavelengths import OBSERVED

FLAT = np.full(len(OBSERVED), 3.0, np.float32)
SPECTRAL = (
    Artefact.DEAD_CAMERA
    | Artefact.COSMIC_RAY
    | Artefact.MASKED_STRETCH
    | Artefact.CAMERA_STEP
    | Artefact.SKY_RESIDUALS
    | Artefact.STRONG_TILT
)


@pytest.fixture
def happens(monkeypatch):
    """Return a function after which just the artefacts named happen, and always."""

    def only(*names):
        for artefact in RATES:
            rate = float(artefact in names)
            monkeypatch.setitem(RATES, artefact, (rate, RATES[artefact][1]))

    return only


@pytest.fixture
def exact(monkeypatch):
    """Calibrate without error, unless an artefact says otherwise."""
    monkeypatch.setattr(instrument, "CALIBRATION_ERROR", (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def visit(templates):
    return draw_visit(templates.spectrographs, np.random.default_rng(4))


@pytest.fixture
def observe(templates, visit):
    def observe(seed=0, spectrum=FLAT, ebv=0.0, visit=visit, **options):
        rng = np.random.default_rng(seed)
        return observe_spectrum(
            templates.spectrographs, spectrum, visit, ebv=ebv, rng=rng, **options
        )

    return observe


def test_noise_is_what_the_ivar_says(observe):
    seen = [observe(seed, artefacts=False) for seed in range(20)]
    pull = np.concatenate([(s.flux - s.clean) * np.sqrt(s.ivar) for s in seen])
    assert abs(pull.mean()) < 5 / np.sqrt(len(pull))
    assert pull.std() == pytest.approx(1, abs=5 / np.sqrt(2 * len(pull)))
    assert stats.kstest(pull, "norm").pvalue > 1e-4


def test_noise_differs_from_pixel_to_pixel(observe):
    seen = observe(artefacts=False)
    pull = (seen.flux - seen.clean) * np.sqrt(seen.ivar)
    assert abs(np.corrcoef(pull[1:], pull[:-1])[0, 1]) < 5 / np.sqrt(len(pull))


def test_everything_is_finite_and_float32(observe):
    for seed in range(50):
        seen = observe(seed)
        for values in (seen.flux, seen.ivar, seen.clean):
            assert values.shape == (7781,)
            assert values.dtype == np.float32
            assert np.all(np.isfinite(values))


def test_nothing_wrong_is_said_where_nothing_can_go_wrong(observe):
    seen = observe(artefacts=False)
    assert seen.artefacts == Artefact(0)
    assert seen.ivar.min() > 0


def test_clean_is_the_light_through_resolution_and_dust(templates, observe):
    seen = observe(ebv=0.1)
    expected = 3.0 * 10 ** (-0.04 * templates.spectrographs.reddening)
    assert np.allclose(seen.clean, expected, rtol=1e-4)


def test_bright_galaxies_have_noise_of_their_own(templates, observe, visit):
    faint, bright = (observe(spectrum=FLAT * part, artefacts=False) for part in (0, 100))
    assert np.allclose(faint.ivar, visit.ivar, rtol=1e-4)
    photons = templates.spectrographs.counts * visit.exposure_time * instrument.LOSSES
    added = 1 / bright.ivar.astype(float) - 1 / visit.ivar
    assert np.allclose(added, 300 / photons, rtol=0.01)


def pixels(low, high):
    return (low <= WAVELENGTH) & (high > WAVELENGTH)


# Where no other camera of DESI sees.
ALONE = {"B": (3600, 5760), "R": (5800, 7520), "Z": (7620, 9825)}


def test_a_dead_camera_is_blank_and_nothing_else_is(happens, observe):
    happens(Artefact.DEAD_CAMERA)
    dead = {}
    for seed in range(20):
        seen = observe(seed)
        assert seen.artefacts == Artefact.DEAD_CAMERA
        (camera,) = [
            name for name, ends in ALONE.items() if np.array_equal(seen.ivar == 0, pixels(*ends))
        ]
        assert np.all(seen.flux[seen.ivar == 0] == 0)
        assert np.all(seen.clean > 0)
        dead[camera] = True
    assert set(dead) == set(CAMERAS)


def test_masked_stretches_have_neither_flux_nor_ivar(happens, observe):
    happens(Artefact.MASKED_STRETCH)
    for seed in range(30):
        seen = observe(seed)
        masked = seen.ivar == 0
        assert seen.artefacts == Artefact.MASKED_STRETCH
        assert np.all(seen.flux[masked] == 0)
        starts = np.flatnonzero(np.diff(np.concatenate([[0], masked])) == 1)
        assert 1 <= len(starts) <= 3
        assert 10 <= masked.sum() <= 3 * 400


def spikes(happens, observe, seed):
    """Return what cosmic rays add to a spectrum, and the spectrum."""
    happens()
    quiet = observe(seed)
    happens(Artefact.COSMIC_RAY)
    struck = observe(seed)
    assert quiet.artefacts == Artefact(0)
    assert struck.artefacts == Artefact.COSMIC_RAY
    assert np.array_equal(struck.ivar, quiet.ivar)
    return struck.flux.astype(float) - quiet.flux, struck


def test_cosmic_rays_are_positive_spikes_that_nobody_masked(happens, observe):
    for seed in range(30):
        added, struck = spikes(happens, observe, seed)
        assert struck.ivar.min() > 0
        assert added.min() > -1e-4
        height = added * np.sqrt(struck.ivar)
        struck_pixels = height > 0.5
        starts = np.diff(np.concatenate([[0], struck_pixels])) == 1
        assert 1 <= starts.sum() <= 4
        assert 1.4 < height.max() < 450  # sigma changes by a factor of a few under a spike
        assert 1 <= struck_pixels.sum() <= 20


def factor(seed=0):
    return instrument.calibration(np.random.default_rng(seed))


def test_one_camera_is_stepped(happens, exact):
    happens(Artefact.CAMERA_STEP)
    stepped = set()
    for seed in range(30):
        factors, wrong = factor(seed)
        assert wrong == Artefact.CAMERA_STEP
        levels = {name: factors[pixels(*ends)] for name, ends in ALONE.items()}
        assert all(np.ptp(level) < 1e-12 for level in levels.values())
        off = [name for name, level in levels.items() if abs(level[0] - 1) > 0.029]
        assert len(off) == 1
        assert abs(levels[off[0]][0] - 1) < 0.151
        stepped.update(off)
    assert stepped == set(CAMERAS)


def test_overlaps_lie_between_the_cameras(happens, exact):
    happens(Artefact.CAMERA_STEP)
    for seed in range(20):
        factors, _ = factor(seed)
        for before, overlap, after in ((5750, 5780, 5810), (7510, 7570, 7630)):
            left, middle, right = np.interp([before, overlap, after], WAVELENGTH, factors)
            assert min(left, right) - 1e-12 <= middle <= max(left, right) + 1e-12


def test_calibration_tilts_end_to_end(happens, exact):
    happens(Artefact.STRONG_TILT)
    tilts = []
    for seed in range(60):
        factors, wrong = factor(seed)
        assert wrong == Artefact.STRONG_TILT
        tilts.append(factors[-1] - factors[0])
    assert np.all((np.abs(tilts) > 0.08) & (np.abs(tilts) < 0.34))  # cameras differ by 0.005
    assert np.min(tilts) < 0 < np.max(tilts)


def test_calibration_errs_by_what_is_stated(happens):
    happens()
    factors = np.array([factor(seed)[0] for seed in range(500)])
    at_middle = factors[:, np.searchsorted(WAVELENGTH, 6712)]
    assert at_middle.std() == pytest.approx(np.hypot(0.02, 0.005), rel=0.15)
    assert factors.mean() == pytest.approx(1, abs=0.01)


def test_sky_residuals_follow_the_bright_lines(happens, visit):
    happens(Artefact.SKY_RESIDUALS)
    variance = 1 / visit.ivar
    height = variance / median_filter(variance, 401)
    lines, between = (height > 8) & (height < 20), height < 1.1
    assert lines.sum() > 50
    added = []
    for seed in range(50):
        residual, wrong = instrument.sky_residuals(variance, np.random.default_rng(seed))
        assert wrong == Artefact.SKY_RESIDUALS
        sigmas = np.abs(residual) / np.sqrt(variance)
        added.append((np.median(sigmas[lines]), np.median(sigmas[between])))
    at_lines, elsewhere = np.median(added, axis=0)
    assert at_lines > 1
    assert elsewhere < 0.1


@pytest.mark.slow
def test_each_artefact_happens_at_its_rate(observe, templates):
    count = 3000
    found = np.array([observe(seed).artefacts for seed in range(count)], int)
    assert np.all((found & ~int(SPECTRAL)) == 0)
    for artefact in SPECTRAL:
        times = int(np.sum((found & artefact) > 0))
        assert stats.binomtest(times, count, RATES[artefact][0]).pvalue > 1e-4, artefact


def test_bits_say_what_was_masked(observe):
    for seed in range(300):
        seen = observe(seed)
        said = bool(seen.artefacts & (Artefact.DEAD_CAMERA | Artefact.MASKED_STRETCH))
        assert bool((seen.ivar == 0).any()) == said


@pytest.fixture(scope="module")
def simple(templates):
    """Spectrographs of one moonless night of 100 effective seconds."""
    return replace(
        templates.spectrographs,
        depth=np.ones((2, 7781)),
        effective_time=np.array([100.0]),
        exposure_time=np.array([180.0]),
        moonlight=np.zeros((1, 3)),
        seeing=np.array([1.1]),
    )


def test_visits_are_one_to_three_exposures(simple):
    visits = [draw_visit(simple, np.random.default_rng(seed)) for seed in range(1000)]
    exposures = np.array([round(visit.exposure_time / 180) for visit in visits])
    depth = np.array([visit.ivar.mean() for visit in visits])
    assert np.allclose(depth, exposures * 100 * instrument.DEPTH)
    counts = np.bincount(exposures, minlength=4)[1:]
    assert stats.chisquare(counts, 1000 * np.array(instrument.VISITS)).pvalue > 1e-4
    assert all(visit.seeing == 1.1 for visit in visits)


def test_moonlight_dims_the_blue_most(simple):
    bright = replace(simple, moonlight=np.array([[6.0, 2.0, 0.5]]))
    dark, moon = (draw_visit(night, np.random.default_rng(0)).ivar for night in (simple, bright))
    ratio = moon / dark
    assert ratio[0] < ratio[4000] < ratio[-1]


def test_real_nights_give_positive_depth(templates):
    for seed in range(30):
        drawn = draw_visit(templates.spectrographs, np.random.default_rng(seed))
        assert isinstance(drawn, Visit)
        assert np.all(np.isfinite(drawn.ivar) & (drawn.ivar > 0))
        assert 0.8 <= drawn.seeing <= 1.8
