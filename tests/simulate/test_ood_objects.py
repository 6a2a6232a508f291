"""What is no galaxy of the survey: the same seed, the same object; each kind is what it says."""

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate import (
    FIELDS,
    KINDS,
    simulate_galaxy,
    simulate_ood_object,
    simulate_ood_objects,
)
from astroclip_astro.simulate.damage import IN_IMAGES, IN_SPECTRA, damage_image, damage_spectrum
from astroclip_astro.simulate.distant import (
    MAGNITUDES,
    REDSHIFTS,
    make_distant,
    place as place_in_universe,
)
from astroclip_astro.simulate.images import Conditions, observe_image
from astroclip_astro.simulate.lines import NAMES
from astroclip_astro.simulate.ood_objects import SIMULATORS, make_point
from astroclip_astro.simulate.profiles import blur
from astroclip_astro.simulate.quasars import LINES, draw_quasar, forest, quasar_spectrum
from astroclip_astro.simulate.stars import TEMPERATURES, draw_star, star_spectrum
from astroclip_astro.simulate.wavelengths import OBSERVED

SEED, COUNT = 7, 24
POINTS = {"star": (15, 20), "quasar": (16.5, 22)}


@pytest.fixture(scope="module")
def strangers(templates):
    """Some objects of every kind."""
    return {kind: simulate_ood_objects(templates, kind, COUNT, SEED) for kind in KINDS}


def source(templates, kind, number, r=17.0):
    rng = np.random.default_rng(number)
    spectrum = {"star": draw_star, "quasar": draw_quasar}[kind](rng)[0]
    return make_point(templates, spectrum, r, rng)


def see(model, light):
    """Return an image without dust and artefacts, of a dark sky and good seeing."""
    conditions = Conditions("S", np.array([1.3, 1.2, 1.1]), np.full(3, 1e-6), 0.0)
    rng = np.random.default_rng(3)
    return observe_image(model, light, conditions, ebv=0.0, rng=rng, artefacts=False)[0]


def width(image, reach=12):
    """Return the rms width (pixels) of the light within some pixels of the middle."""
    first = (image.shape[-1] - 2 * reach) // 2
    light = image[first : first + 2 * reach, first : first + 2 * reach].astype(float)
    row, column = np.mgrid[: 2 * reach, : 2 * reach]
    y, x = (light * row).sum() / light.sum(), (light * column).sum() / light.sum()
    return np.sqrt((light * ((row - y) ** 2 + (column - x) ** 2)).sum() / light.sum() / 2)


def test_every_kind_is_described_and_made():
    assert list(KINDS) == list(SIMULATORS)
    assert all(KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_object(templates, strangers, kind):
    simulate_ood_object(templates, kind, SEED + 1, 5)
    again = simulate_ood_object(templates, kind, SEED, 3)
    for name, values in strangers[kind].items():
        assert np.array_equal(again[name], values[3], equal_nan=True), name


@pytest.mark.parametrize("kind", KINDS)
def test_other_numbers_seeds_and_kinds_are_other_objects(templates, strangers, kind):
    spectra = [strangers[kind]["spectrum"][:3]]
    spectra.append(simulate_ood_object(templates, kind, SEED + 1, 0)["spectrum"][None])
    spectra.extend(strangers[other]["spectrum"][:1] for other in KINDS if other != kind)
    assert len(np.unique(np.concatenate(spectra), axis=0)) == 4 + len(KINDS) - 1


def test_a_stranger_is_not_a_galaxy_of_the_same_survey(templates, strangers):
    survey = {float(simulate_galaxy(templates, SEED, n)["redshift"]) for n in range(COUNT)}
    assert not survey & set(strangers["artefact"]["redshift"].tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_those_of_galaxies(strangers, kind):
    assert set(strangers[kind]) == {"images", "spectrum", "ivar", "redshift"}
    for name, values in strangers[kind].items():
        assert values.shape == (COUNT, *FIELDS[name].shape), name
        assert values.dtype == np.dtype(FIELDS[name].dtype), name
        if name != "redshift":
            assert np.all(np.isfinite(values)), name
    assert np.all(strangers[kind]["ivar"] >= 0)
    assert np.all(strangers[kind]["spectrum"][strangers[kind]["ivar"] == 0] == 0)
    assert np.all((strangers[kind]["ivar"] > 0).any(axis=1))


def test_redshifts_are_of_the_kind(strangers):
    assert np.all(np.abs(strangers["star"]["redshift"]) < 0.001)
    assert np.all((strangers["quasar"]["redshift"] > 0.3) & (strangers["quasar"]["redshift"] < 3.5))
    assert np.all((strangers["distant"]["redshift"] > 0.8) & (strangers["distant"]["redshift"] < 2))
    assert np.all(strangers["artefact"]["redshift"] <= 0.6)
    for kind in ("blank", "noise"):
        assert np.all(np.isnan(strangers[kind]["redshift"]))


@pytest.mark.parametrize("kind", ["galaxy", "", "Star"])
def test_unknown_kinds_are_refused_with_those_there_are(templates, kind):
    with pytest.raises(InputError, match=f"{kind!r}; choose one of star, quasar, .*noise"):
        simulate_ood_object(templates, kind, SEED, 0)


def test_none_at_all_is_refused(templates):
    with pytest.raises(InputError, match="0 objects"):
        simulate_ood_objects(templates, "star", 0, SEED)


@pytest.mark.parametrize("kind", POINTS)
def test_magnitudes_are_in_range(templates, strangers, kind):
    """The brightest pixel of a point holds a fifth to a fiftieth of its light."""
    bright, faint = (10 ** (0.4 * (22.5 - r)) for r in POINTS[kind])
    middle = strangers[kind]["images"][:, 1, 72:80, 72:80].max(axis=(1, 2))
    assert np.median(middle) > 0.02 * faint
    assert middle.max() < 0.2 * bright


@pytest.mark.parametrize("kind", POINTS)
def test_point_sources_have_the_width_of_the_seeing(templates, kind, monkeypatch):
    monkeypatch.setattr("astroclip_astro.simulate.field.GALAXIES", 0.0)
    monkeypatch.setattr("astroclip_astro.simulate.field.STARS", 0.0)
    perfect = np.zeros((192, 192), np.float32)
    perfect[95:97, 95:97] = 0.25
    for number in range(3):
        found = source(templates, kind, number)
        image = see(found.model, found.light)
        for band, seeing in enumerate((1.3, 1.2, 1.1)):
            assert width(image[band]) == pytest.approx(width(blur(perfect, seeing)), rel=0.05)


def test_galaxies_are_wider_than_points(templates, monkeypatch):
    monkeypatch.setattr("astroclip_astro.simulate.field.GALAXIES", 0.0)
    monkeypatch.setattr("astroclip_astro.simulate.field.STARS", 0.0)
    star = source(templates, "star", 0)
    narrow = width(see(star.model, star.light)[1])
    distant = [make_distant(templates, number) for number in range(6)]
    assert np.median([width(see(g.model, g.light)[1]) for g in distant]) > 1.05 * narrow


@pytest.mark.parametrize("kind", POINTS)
def test_image_has_the_photometry_of_the_spectrum(templates, kind, monkeypatch):
    monkeypatch.setattr("astroclip_astro.simulate.field.GALAXIES", 0.0)
    monkeypatch.setattr("astroclip_astro.simulate.field.STARS", 0.0)
    for number in range(3):
        found = source(templates, kind, number, r=16.0)
        synthetic = templates.band_weights @ found.spectrum
        assert synthetic[1] == pytest.approx(10 ** (0.4 * 6.5), rel=1e-4)
        assert np.allclose(found.light.sum(axis=0), synthetic, rtol=1e-5)
        image = see(found.model, found.light).sum(axis=(1, 2), dtype=float)
        assert np.allclose(image, synthetic, rtol=0.01)
        assert np.allclose(found.in_fibre(1.1), found.spectrum, rtol=0.1)


def test_light_in_the_fibre_agrees_with_the_image(strangers, templates):
    """Stars observed: r from the spectrum beside r from the image; dust dims both."""
    stars = strangers["star"]
    weights = np.interp(WAVELENGTH, OBSERVED, templates.band_weights[1] / OBSERVED)
    weights *= 0.8 / np.log(OBSERVED[1] / OBSERVED[0])
    from_spectrum = stars["spectrum"] @ weights
    middle = stars["images"][:, 1, 56:96, 56:96].astype(float).sum(axis=(1, 2))
    assert np.median(middle / from_spectrum) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("temperature", "g_r", "r_z"),
    [(3100, 1.45, 1.9), (4500, 1.0, 0.5), (5800, 0.5, 0.15), (9700, -0.2, -0.4)],
)
def test_stars_lie_near_the_stellar_locus(templates, temperature, g_r, r_z):
    """Roughly M5, K4, G2 and A0 on the locus of Covey et al. (2007, AJ 134, 2398)."""
    g, r, z = -2.5 * np.log10(templates.band_weights @ star_spectrum(temperature))
    assert g - r == pytest.approx(g_r, abs=0.15)
    assert r - z == pytest.approx(r_z, abs=0.25)


def depth(light, low, high):
    """Return how far light dips between two wavelengths below the line that joins its ends."""
    inside = (low < OBSERVED) & (high > OBSERVED)
    ends = np.interp(OBSERVED[inside], [low, high], np.interp([low, high], OBSERVED, light))
    return float(np.max(1 - light[inside] / ends))


def test_stars_have_the_lines_of_their_temperature():
    hot, solar, cool = (star_spectrum(t) for t in (9500.0, 5500.0, 3200.0))
    hbeta, calcium, titanium = (4800, 4925), (3915, 3950), (7040, 7400)
    assert depth(hot, *hbeta) > 0.4 > 0.2 > depth(cool, *hbeta)
    assert depth(solar, *calcium) > 0.5 > 0.2 > depth(hot, *calcium)
    assert depth(cool, *titanium) > 0.4 > 0.05 > depth(solar, *titanium)


def test_stars_move():
    still, moved = star_spectrum(9500.0), star_spectrum(9500.0, redshift=0.002)
    near = np.abs(OBSERVED - 4865) < 60
    places = [OBSERVED[near][light[near].argmin()] for light in (still, moved)]
    assert places[0] == pytest.approx(4862.7, abs=1.0)
    assert places[1] / places[0] - 1 == pytest.approx(0.002, abs=3e-4)


def test_drawn_stars_are_within_limits():
    for number in range(20):
        spectrum, temperature, redshift = draw_star(np.random.default_rng(number))
        assert TEMPERATURES[0] <= temperature <= TEMPERATURES[1]
        assert abs(redshift) < 0.001
        assert spectrum.min() >= 0


@pytest.mark.parametrize(
    ("name", "redshift"),
    [("LYALPHA", 2.4), ("CIV", 2.0), ("CIII]", 1.5), ("MGII", 0.9), ("HBETA", 0.5),
     ("[OIII]5007", 0.4), ("HALPHA", 0.35)],
)  # fmt: skip
def test_lines_of_quasars_are_where_the_redshift_says(name, redshift):
    light = quasar_spectrum(redshift)
    centre, _, sigma = LINES[name]
    near = np.abs(OBSERVED / (1 + redshift) - centre) < 1.5 * sigma
    peak = OBSERVED[near][light[near].argmax()]
    assert peak / (1 + redshift) == pytest.approx(centre, abs=0.25 * sigma)


def test_lines_of_quasars_have_their_equivalent_widths():
    redshift = 1.9
    centre, area, sigma = LINES["CIV"]
    with_lines = quasar_spectrum(redshift)
    without = quasar_spectrum(redshift, strength=0.0)
    rest = OBSERVED / (1 + redshift)
    near = np.abs(rest - centre) < 4 * sigma
    found = np.trapezoid((with_lines / without - 1)[near], rest[near])
    assert found == pytest.approx(area, rel=0.03)


def test_quasars_have_the_slope_asked_for():
    light = quasar_spectrum(1.0, slope=-0.6, strength=0.0)
    near, far = np.interp([1650.0 * 2, 2000.0 * 2], OBSERVED, light)
    low, high = np.interp([1750.0 * 2, 2000.0 * 2], OBSERVED, light)
    assert np.log(high / low) / np.log(2000 / 1750) == pytest.approx(-1.4, abs=0.02)
    assert near > far


def test_forest_lets_through_what_it_should():
    through = np.mean([forest(3.4, np.random.default_rng(n)) for n in range(20)], axis=0)
    absorber = OBSERVED / 1215.67
    expected = np.exp(-0.0023 * absorber**3.65)
    inside = (OBSERVED > 4200) & (OBSERVED < 5300)
    assert through[inside].mean() == pytest.approx(expected[inside].mean(), abs=0.03)
    assert np.all(through[OBSERVED > 1216 * 4.4] == 1)


def test_blanks_have_nothing_in_the_middle(strangers):
    images = strangers["blank"]["images"].astype(float)
    middle = np.median(images[:, :, 71:81, 71:81].mean(axis=(2, 3)), axis=0)
    aside = np.median(images[:, :, 21:31, 71:81].mean(axis=(2, 3)), axis=0)
    assert np.all(np.abs(middle - aside) < [0.002, 0.003, 0.009])
    stars = strangers["star"]["images"].astype(float)
    assert np.all(np.median(stars[:, :, 71:81, 71:81].mean(axis=(2, 3)), axis=0) > 0.05)


def test_blank_spectra_are_noise_around_nothing(strangers):
    blank = strangers["blank"]
    scaled = blank["spectrum"] * np.sqrt(blank["ivar"])
    assert abs(np.median(scaled)) < 0.05
    spread = 1.4826 * np.median(np.abs(scaled), axis=1)
    assert np.median(spread) == pytest.approx(1.0, abs=0.1)


def test_noise_is_white_and_gaussian(strangers):
    noise = strangers["noise"]
    scaled = noise["spectrum"] * np.sqrt(noise["ivar"])
    assert scaled.mean() == pytest.approx(0, abs=0.01)
    assert scaled.std() == pytest.approx(1, abs=0.01)
    assert np.mean(scaled[:, 1:] * scaled[:, :-1]) == pytest.approx(0, abs=0.01)
    images = noise["images"].astype(float)
    images /= images.std(axis=(2, 3), keepdims=True)
    assert images.mean() == pytest.approx(0, abs=0.01)
    assert np.mean(images[..., 1:] * images[..., :-1]) == pytest.approx(0, abs=0.01)
    assert np.mean(np.abs(images) > 2) == pytest.approx(0.0455, abs=0.003)


def test_noise_is_as_bright_as_galaxies(templates, strangers):
    galaxies = [simulate_galaxy(templates, SEED, number) for number in range(30)]
    level = np.median([np.median(np.abs(galaxy["clean_spectrum"])) for galaxy in galaxies])
    noise = np.median(strangers["noise"]["spectrum"].std(axis=1))
    assert 1 / 3 < noise / level < 3


def test_distant_galaxies_have_their_redshift_in_the_spectrum(templates):
    kinds = {"early": 0, "late": 0}
    for number in range(20):
        galaxy = make_distant(templates, number)
        rest = OBSERVED / (1 + galaxy.properties.redshift)
        above = (rest > 4050) & (rest < 4250)
        below = (rest > 3750) & (rest < 3950)
        if galaxy.structure.early:
            kinds["early"] += 1
            stars = galaxy.components[[0, 2]].sum(axis=0)
            assert stars[above].mean() / stars[below].mean() > 1.4  # the break
        elif galaxy.stars.log_ssfr > -9.3:
            kinds["late"] += 1
            near = np.abs(rest - 3728.5) < 25
            light = galaxy.spectrum[near]
            assert rest[near][light.argmax()] == pytest.approx(3728.5, abs=2.5)
            assert light.max() > 1.5 * np.median(light)
            widths = galaxy.equivalent_widths(1.1)
            assert 5 < widths[NAMES.index("OII_3726")] + widths[NAMES.index("OII_3729")] < 200
    assert min(kinds.values()) > 2


def test_distant_galaxies_are_beyond_the_survey_and_faint(templates):
    lowest = min(low for low, _ in REDSHIFTS.values())
    bright, faint = np.array(list(MAGNITUDES.values())).T
    for number in range(10):
        galaxy = make_distant(templates, number)
        assert galaxy.properties.redshift >= lowest > templates.distances.redshift[-1]
        assert bright.min() <= galaxy.properties.r <= faint.max() + 1e-6
        synthetic = templates.band_weights @ galaxy.spectrum
        assert np.allclose(synthetic, galaxy.properties.flux, rtol=1e-4)
        assert np.allclose(galaxy.light.sum(axis=0), synthetic, rtol=1e-4)


def test_cosmology_is_that_of_the_survey(templates):
    dimming, scale, age = place_in_universe(0.5)
    assert dimming == pytest.approx(templates.distances.dimming(0.5), rel=1e-3)
    assert scale == pytest.approx(templates.distances.scale(0.5), rel=1e-3)
    assert age == pytest.approx(templates.distances.age_at(0.5), rel=1e-3)


@pytest.fixture(scope="module")
def galaxy(templates):
    """A bright one, so that a camera's step is more than its noise."""
    galaxies = [simulate_galaxy(templates, SEED, number) for number in range(10)]
    return max(galaxies, key=lambda galaxy: galaxy["fibre_flux"])


@pytest.mark.parametrize("kind", IN_IMAGES)
def test_image_damage_reaches_the_galaxy(galaxy, kind):
    """Within 10 pixels (2.6 arcsec) of the middle, where most of the light is."""
    clean = galaxy["images"].astype(np.float32)
    for number in range(4):
        image = clean.copy()
        seeing = galaxy["psf_size"].astype(float)
        assert damage_image(image, seeing, np.random.default_rng(number), kind=kind) == kind
        changed = np.abs(image - clean)[:, 66:86, 66:86].max(axis=0)
        assert np.mean(changed > 0.002) > 0.2


@pytest.mark.parametrize("kind", IN_SPECTRA)
def test_spectrum_damage_is_seen(galaxy, kind):
    for number in range(4):
        spectrum, ivar = galaxy["spectrum"].copy(), galaxy["ivar"].copy()
        assert damage_spectrum(spectrum, ivar, np.random.default_rng(number), kind=kind) == kind
        sigma = np.median(1 / np.sqrt(galaxy["ivar"][galaxy["ivar"] > 0]))
        away = np.abs(spectrum - galaxy["spectrum"]) / sigma
        assert np.mean(away**2) > 1 or np.mean(ivar == 0) > 0.1
        assert np.any(ivar > 0)
        assert np.all(spectrum[ivar == 0] == 0)


def test_every_damage_is_drawn(galaxy):
    rng = np.random.default_rng(0)
    images, spectra = set(), set()
    for _ in range(40):
        image = galaxy["images"].astype(np.float32)
        images.add(damage_image(image, np.full(3, 1.2), rng))
        spectra.add(damage_spectrum(galaxy["spectrum"].copy(), galaxy["ivar"].copy(), rng))
    assert images == set(IN_IMAGES)
    assert spectra == set(IN_SPECTRA)
