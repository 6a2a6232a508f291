"""The Legacy Surveys observe a galaxy: flux, noise, dust, and each artefact as promised."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate import field
from astroclip_astro.simulate.artefacts import RATES, Artefact
from astroclip_astro.simulate.images import (
    EXTINCTION,
    Conditions,
    GalaxyModel,
    draw_conditions,
    model_galaxy,
    observe_image,
)
from astroclip_astro.simulate.profiles import FRAME, sersic
from astroclip_astro.simulate.structure import draw_structure

DARK = np.zeros((2, 3))
LIGHT = np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]])
PIXELS = 152 * 152
IMAGED = (
    Artefact.BLANK_BAND
    | Artefact.BAD_PIXELS
    | Artefact.SATURATED_STAR
    | Artefact.GRADIENT
    | Artefact.TRAIL
    | Artefact.MERGER
)


def conditions(sky=1e-9, correlation=0.1, seeing=1.2):
    return Conditions("S", np.full(3, seeing), np.full(3, sky), correlation)


@pytest.fixture(scope="module")
def model():
    disc = sersic(1.0, 1.0, 0.8, 0.3, (0.05, 0.0))
    bulge = sersic(2.5, 0.5, 0.9, 0.3, (0.05, 0.0))
    return GalaxyModel(bulge, np.broadcast_to(disc, (3, *disc.shape)))


@pytest.fixture
def alone(monkeypatch):
    """Leave the field without neighbours and stars, and take the noise of photons away."""
    monkeypatch.setattr(field, "GALAXIES", 0.0)
    monkeypatch.setattr(field, "STARS", 0.0)


@pytest.fixture
def noiseless(alone, monkeypatch):
    monkeypatch.setattr("astroclip_astro.simulate.images.PHOTONS", (1e30, 1e30, 1e30))


@pytest.fixture
def happens(monkeypatch):
    """Return a function after which just the artefacts named happen, and always."""

    def only(*names):
        for artefact in RATES:
            monkeypatch.setitem(RATES, artefact, (float(artefact in names), RATES[artefact][1]))

    return only


def observe(model, light=LIGHT, seed=0, ebv=0.0, given=None, **options):
    rng = np.random.default_rng(seed)
    return observe_image(model, light, given or conditions(), ebv=ebv, rng=rng, **options)


def test_an_isolated_galaxy_has_its_flux(noiseless, model):
    image, wrong = observe(model, artefacts=False)
    assert wrong == Artefact(0)
    assert np.allclose(image.sum(axis=(1, 2), dtype=float), LIGHT.sum(axis=0), rtol=0.01)


def test_image_is_in_the_order_and_shape_of_the_surveys(model):
    image, _ = observe(model)
    assert image.shape == (3, 152, 152)
    assert image.dtype == np.float32


def test_the_galaxy_is_in_the_middle(noiseless, model):
    image, _ = observe(model, artefacts=False)
    row, column = np.unravel_index(image[1].argmax(), image[1].shape)
    assert row in (75, 76)
    assert column in (75, 76)


def test_bulge_and_disc_take_their_own_light(noiseless, model):
    only_bulge = np.array([[1.0, 1.0, 1.0], [0, 0, 0]])
    bulge, _ = observe(model, only_bulge, artefacts=False)
    disc, _ = observe(model, only_bulge[::-1], artefacts=False)
    both, _ = observe(model, np.ones((2, 3)), artefacts=False)
    assert bulge[1].max() > 1.5 * disc[1].max()
    assert np.allclose(both, bulge + disc, atol=1e-6)


def test_galactic_dust_dims_each_band_by_its_own(noiseless, model):
    clear, dusty = (
        observe(model, ebv=ebv, artefacts=False)[0].sum(axis=(1, 2), dtype=float)
        for ebv in (0.0, 0.2)
    )
    assert np.allclose(-2.5 * np.log10(dusty / clear), 0.2 * EXTINCTION, atol=1e-4)


def test_dust_of_the_image_is_dust_of_the_spectrum(templates):
    """Extinction at each band's mean wavelength, by the curve the spectra are dimmed with."""
    curve = np.interp(templates.filters.effective, WAVELENGTH, templates.spectrographs.reddening)
    assert np.allclose(curve, EXTINCTION, rtol=0.04)


@pytest.mark.parametrize("correlation", [0.04, 0.14])
def test_sky_noise_is_as_conditions_say(alone, model, correlation):
    given = Conditions("S", np.full(3, 1.2), np.array([0.002, 0.003, 0.01]), correlation)
    image, _ = observe(model, DARK, given=given, artefacts=False)
    rms = image.std(axis=(1, 2))
    assert np.allclose(rms, given.sky, rtol=0.03)
    assert np.all(np.abs(image.mean(axis=(1, 2))) < 0.05 * given.sky)
    for band in image.astype(float):
        along = np.corrcoef(band[:, 1:].ravel(), band[:, :-1].ravel())[0, 1]
        down = np.corrcoef(band[1:].ravel(), band[:-1].ravel())[0, 1]
        expected = 2 * correlation / (1 + 2 * correlation**2)
        assert (along, down) == pytest.approx((expected, expected), abs=0.03)


def test_bands_have_noise_of_their_own(alone, model):
    g, r, _ = observe(model, DARK, given=conditions(sky=0.003), artefacts=False)[0]
    assert abs(np.corrcoef(g.ravel(), r.ravel())[0, 1]) < 5 / np.sqrt(PIXELS)


def test_photons_of_the_galaxy_add_noise(alone, model):
    bright = 1000 * LIGHT
    images = np.array([observe(model, bright, seed, artefacts=False)[0][1] for seed in range(60)])
    mean, variance = images.mean(axis=0), images.var(axis=0)
    shining = mean > 0.2 * mean.max()
    assert np.mean(variance[shining] / (mean[shining] / 2600)) == pytest.approx(1, abs=0.15)


def test_images_are_finite_for_all_kinds_of_galaxies():
    rng = np.random.default_rng(0)
    for _ in range(200):
        stars = SimpleNamespace(log_ssfr=rng.uniform(-13, -8.3))
        mass, redshift = rng.uniform(7, 12), rng.uniform(0.01, 0.6)
        structure = draw_structure(stars, mass, redshift, rng.uniform(0.2, 6.7), rng)
        image, _ = observe_image(
            model_galaxy(structure, rng),
            rng.uniform(0, 1e4, (2, 3)),
            draw_conditions(rng.uniform(-20, 80), True, rng),
            ebv=rng.uniform(0, 0.3),
            rng=rng,
        )
        assert image.dtype == np.float32
        assert np.all(np.isfinite(image))


def test_model_has_unit_flux_in_every_band():
    stars = SimpleNamespace(log_ssfr=-10.0)
    structure = draw_structure(stars, 10.0, 0.1, 1.8, np.random.default_rng(0))
    model = model_galaxy(structure, np.random.default_rng(0))
    assert model.bulge.sum(dtype=float) == pytest.approx(1, abs=0.005)
    assert np.allclose(model.disc.sum(axis=(1, 2), dtype=float), 1, atol=0.005)


def test_fibre_parts_are_those_of_bulge_and_disc(model):
    bulge, disc = model.fibre_fractions(1.0)
    assert 0.2 < disc < bulge < 1


def test_hemispheres_are_divided_at_dec_32():
    rng = np.random.default_rng(0)
    assert draw_conditions(33.0, True, rng).hemisphere == "N"
    assert draw_conditions(33.0, False, rng).hemisphere == "S"
    assert draw_conditions(32.0, True, rng).hemisphere == "S"


@pytest.mark.parametrize(
    ("dec", "seeing", "sky"),
    [
        (0.0, (1.29, 1.18, 1.11), (0.0020, 0.0029, 0.0093)),
        (60.0, (1.61, 1.47, 1.01), (0.0030, 0.0046, 0.0125)),
    ],
)
def test_conditions_scatter_about_the_medians(dec, seeing, sky):
    rng = np.random.default_rng(0)
    drawn = [draw_conditions(dec, True, rng) for _ in range(600)]
    assert np.allclose(np.median([c.seeing for c in drawn], axis=0), seeing, rtol=0.03)
    assert np.allclose(np.median([c.sky for c in drawn], axis=0), sky, rtol=0.05)
    assert np.std(np.log([c.sky for c in drawn])) > 0.1


def test_a_blank_band_is_one_band_and_no_other(happens, model):
    happens(Artefact.BLANK_BAND)
    blank = set()
    for seed in range(20):
        image, wrong = observe(model, seed=seed, given=conditions(sky=0.003))
        empty = [band for band in range(3) if not image[band].any()]
        assert wrong == Artefact.BLANK_BAND
        assert len(empty) == 1
        assert not (np.delete(image, empty, axis=0) == 0).any()
        blank.update(empty)
    assert blank == {0, 1, 2}


def test_bad_pixels_are_zero_in_one_band(happens, model):
    happens(Artefact.BAD_PIXELS)
    for seed in range(40):
        image, wrong = observe(model, seed=seed, given=conditions(sky=0.003))
        zeros = image == 0
        assert wrong == Artefact.BAD_PIXELS
        assert zeros.any(axis=(1, 2)).sum() == 1
        rows, columns = zeros.any(axis=(0, 2)).sum(), zeros.any(axis=(0, 1)).sum()
        assert zeros.sum() == rows * columns  # one rectangle
        assert zeros.sum() < 0.1 * PIXELS


def difference(model, happens, artefact, seed=0, light=DARK):
    """Return what an artefact changes in the image of a dark field."""
    happens()
    before, _ = observe(model, light, seed, given=conditions(sky=0.003))
    happens(artefact)
    after, wrong = observe(model, light, seed, given=conditions(sky=0.003))
    assert wrong == artefact
    return after.astype(float) - before


def test_a_gradient_is_a_plane_in_each_band(happens, model):
    for seed in range(10):
        plane = difference(model, happens, Artefact.GRADIENT, seed)
        assert np.abs(np.diff(plane, 2, axis=1)).max() < 1e-5
        assert np.abs(np.diff(plane, 2, axis=2)).max() < 1e-5
        assert np.ptp(plane, axis=(1, 2)).min() > 0
        assert np.abs(plane).max() < 10 * 0.003


def test_a_trail_crosses_one_band(happens, model):
    for seed in range(10):
        added = difference(model, happens, Artefact.TRAIL, seed)
        assert ((added > 1e-6).sum(axis=(1, 2)) > 0).sum() == 1
        assert added.min() > -1e-6
        assert 2 < added.max() / 0.003 < 41


def test_a_saturated_star_outshines_the_field(happens, model):
    """It may stand in the margin, where it only shines in."""
    brightest = []
    for seed in range(30):
        happens(Artefact.SATURATED_STAR)
        image, wrong = observe(model, DARK, seed, given=conditions(sky=0.003))
        assert wrong == Artefact.SATURATED_STAR
        brightest.append(image.max() / 0.003)
    assert np.mean(np.array(brightest) > 1000) > 0.5


def test_a_merger_adds_light_near_the_galaxy(happens, alone, model):
    row, column = np.mgrid[:152, :152] - 75.5
    near = np.hypot(row, column) * 0.262 < 8
    for seed in range(10):
        happens(Artefact.MERGER)
        merged, wrong = observe(model, seed=seed, radius=1.0)
        assert wrong == Artefact.MERGER
        added = merged[:, near].sum(axis=1) / LIGHT.sum(axis=0) - 1
        assert np.all((added > 0.08) & (added < 1.1))


def test_a_star_does_not_shine_around_the_edge(noiseless):
    """A bright star just outside the right edge leaves the left edge dark."""
    star = np.zeros((FRAME, FRAME), np.float32)
    star[FRAME // 2, FRAME - 1] = 1
    image, _ = observe(
        GalaxyModel(star, np.zeros((3, FRAME, FRAME), np.float32)), LIGHT, artefacts=False
    )
    assert image[:, :, 0].sum() < image[:, :, 40].sum()


@pytest.mark.slow
def test_each_artefact_happens_at_its_rate(model):
    count = 600
    found = np.array([observe(model, seed=seed)[1] for seed in range(count)], int)
    assert np.all((found & ~int(IMAGED)) == 0)
    for artefact in IMAGED:
        times = int(np.sum((found & artefact) > 0))
        assert stats.binomtest(times, count, RATES[artefact][0]).pvalue > 1e-4, artefact
