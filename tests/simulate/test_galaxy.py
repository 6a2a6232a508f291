"""One galaxy: the label written is the label drawn, and the same seed gives the same bits."""

import hashlib
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from scipy import stats

from astroclip_astro.errors import AstroclipError, InputError
from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate import (
    FIELDS,
    Properties,
    draw_properties,
    load_templates,
    make_galaxy,
    packages,
    simulate_galaxy,
)
from astroclip_astro.simulate.artefacts import RATES, Artefact
from astroclip_astro.simulate.galaxy import POINT_IN_FIBRE, draw_place, galactic_latitude
from astroclip_astro.simulate.instrument import draw_visit
from astroclip_astro.simulate.lines import LINES, NAMES
from astroclip_astro.simulate.packages import PACKAGES
from astroclip_astro.simulate.wavelengths import OBSERVED

SEED = 11
WANTED = Properties(redshift=0.1, log_stellar_mass=10.5, r=17.5, g_r=0.8, r_z=0.4)


def digest(galaxy):
    """Return a hash of everything a simulated galaxy holds."""
    parts = hashlib.sha256()
    for name in FIELDS:
        value = np.asarray(galaxy[name])
        parts.update(f"{name} {value.dtype} {value.shape}".encode())
        parts.update(value.tobytes())
    return parts.hexdigest()


@pytest.fixture(scope="module")
def survey(templates):
    """The first 60 galaxies of a survey."""
    return [simulate_galaxy(templates, SEED, index) for index in range(60)]


@pytest.fixture(scope="module")
def galaxy(templates):
    return make_galaxy(templates, WANTED, seed=1)


def test_same_seed_same_bits(templates, survey):
    for index in (0, 7):
        assert digest(simulate_galaxy(templates, SEED, index)) == digest(survey[index])


@pytest.mark.slow
def test_same_seed_same_bits_in_another_process(survey):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from astroclip_astro.simulate import load_templates, simulate_galaxy, FIELDS\n"
        "import hashlib, numpy as np\n"
        "galaxy, parts = simulate_galaxy(load_templates(), 11, 3), hashlib.sha256()\n"
        "for name in FIELDS:\n"
        "    value = np.asarray(galaxy[name])\n"
        "    parts.update(f'{name} {value.dtype} {value.shape}'.encode())\n"
        "    parts.update(value.tobytes())\n"
        "print(parts.hexdigest())\n"
    )
    path = find_spec("astroclip_astro").submodule_search_locations[0]
    said = subprocess.run(
        [sys.executable, "-c", code, path.rsplit("/", 1)[0]],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split()[-1] == digest(survey[3])


def test_other_numbers_and_seeds_are_other_galaxies(templates, survey):
    assert len({digest(galaxy) for galaxy in survey}) == len(survey)
    assert digest(simulate_galaxy(templates, SEED + 1, 0)) != digest(survey[0])


def test_galaxies_do_not_depend_on_those_before(templates, survey):
    simulate_galaxy(templates, 5, 99)
    assert digest(simulate_galaxy(templates, SEED, 1)) == digest(survey[1])


def test_label_written_is_the_label_drawn(templates, survey):
    """The first of the six streams of SeedSequence(seed, spawn_key=(index,))."""
    for index, found in enumerate(survey):
        stream = np.random.SeedSequence(SEED, spawn_key=(index, 0))
        drawn = draw_properties(templates.population, np.random.default_rng(stream))
        assert found["redshift"] == np.float32(drawn.redshift)
        assert found["log_stellar_mass"] == np.float32(drawn.log_stellar_mass)
        assert np.array_equal(found["flux"], drawn.flux.astype(np.float32))


def test_what_is_returned_is_what_fields_say(survey):
    for found in survey[:10]:
        assert set(found) == set(FIELDS)
        for name, field in FIELDS.items():
            value = np.asarray(found[name])
            assert value.shape == field.shape, name
            assert value.dtype == np.dtype(field.dtype), name


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_described(name):
    assert FIELDS[name].description
    if FIELDS[name].unit:
        units.Unit(FIELDS[name].unit)


def test_description_of_the_artefacts_names_every_bit():
    for artefact in RATES:
        assert f"{artefact.value} {artefact.name.lower()}" in FIELDS["artefacts"].description


def test_all_values_are_finite(survey):
    for found in survey:
        for name in set(FIELDS) - {"hemisphere", "targetid"}:
            assert np.all(np.isfinite(found[name])), name
        assert np.all(found["ivar"] >= 0)
        assert np.all(found["spectrum"][found["ivar"] == 0] == 0)


def test_targetids_are_those_of_mocks(survey):
    targetids = np.array([found["targetid"] for found in survey])
    assert len(set(targetids.tolist())) == len(targetids)
    assert np.all(targetids > 0)
    assert np.all(targetids >> 58 == 1)  # bit 58 and none above it
    assert np.array_equal(targetids & ((1 << 42) - 1), np.arange(len(targetids)))
    assert np.all((targetids >> 42) & 0xFFFF == SEED)


def test_large_seeds_still_give_positive_targetids(templates):
    targetid = simulate_galaxy(templates, 2**63 - 1, 0)["targetid"]
    assert targetid > 0
    assert targetid >> 58 == 1


@pytest.fixture(scope="module")
def remade(templates):
    """Galaxies of the survey, and what the fibre saw, made again step by step."""

    def stream(index, number):
        return np.random.SeedSequence(SEED, spawn_key=(index, number))

    galaxies = []
    for index in range(20):
        properties, night, fibre = (
            np.random.default_rng(stream(index, number)) for number in (0, 3, 4)
        )
        galaxy = make_galaxy(
            templates, draw_properties(templates.population, properties), stream(index, 1)
        )
        seeing = draw_visit(templates.spectrographs, night).seeing
        galaxies.append((galaxy, seeing, float(np.exp(fibre.normal(0.0, 0.2)))))
    return galaxies


def test_clean_spectrum_is_the_light_in_the_fibre(templates, survey, remade):
    spectrographs = templates.spectrographs
    for found, (galaxy, seeing, gas) in zip(survey, remade, strict=False):
        light = spectrographs.resolution @ galaxy.in_fibre(seeing, gas)
        expected = light * 10 ** (-0.4 * found["ebv"] * spectrographs.reddening)
        assert np.allclose(found["clean_spectrum"], expected, rtol=1e-4, atol=1e-5)


def test_widths_written_are_of_the_lines_named(survey, remade):
    for found, (galaxy, seeing, gas) in zip(survey, remade, strict=False):
        widths = dict(zip(NAMES, galaxy.equivalent_widths(seeing, gas), strict=True))
        doublet = widths["OII_3726"] + widths["OII_3729"]
        expected = [widths["HALPHA"], doublet, widths["OIII_5007"], widths["HBETA"]]
        assert np.allclose(found["equivalent_widths"], expected, rtol=1e-5)


def test_bits_of_image_and_spectrum_are_both_written(survey):
    bits = np.bitwise_or.reduce([int(found["artefacts"]) for found in survey])
    assert bits & Artefact.GRADIENT  # one in ten
    assert bits & Artefact.COSMIC_RAY  # one in five
    masking = Artefact.DEAD_CAMERA | Artefact.MASKED_STRETCH
    for found in survey:
        assert bool(found["artefacts"] & masking) == bool((found["ivar"] == 0).any())


def test_spectrum_scatters_about_the_clean_one(survey):
    bright = max(survey, key=lambda found: np.median(found["clean_spectrum"]))
    good = bright["ivar"] > 0
    ratio = bright["spectrum"][good] / bright["clean_spectrum"][good]
    assert np.median(ratio) == pytest.approx(1, abs=0.1)


def test_fibre_holds_less_light_than_the_galaxy(survey):
    for found in survey:
        assert 0 < found["fibre_flux"] < 0.8 * found["flux"][1]


def test_places_are_in_the_surveys(survey):
    for found in survey:
        assert 0 <= found["ra"] < 360
        assert -18 < found["dec"] < 80
        sky = SkyCoord(found["ra"], found["dec"], unit="deg").galactic
        assert abs(sky.b.deg) > 20
        assert 0 < found["ebv"] <= 0.3
        assert (found["hemisphere"] == b"N") == (found["dec"] > 32.375 and sky.b.deg > 0)


def test_galactic_latitude_is_astropys():
    rng = np.random.default_rng(0)
    for ra, dec in zip(rng.uniform(0, 360, 50), rng.uniform(-90, 90, 50), strict=True):
        expected = SkyCoord(ra, dec, unit="deg").galactic.b.deg
        assert galactic_latitude(ra, dec) == pytest.approx(expected, abs=0.001)


def test_places_are_even_over_the_footprint():
    rng = np.random.default_rng(0)
    found = np.array([draw_place(rng)[:2] for _ in range(2000)])
    ra, dec = rng.uniform(0, 360, 20_000), np.degrees(np.arcsin(rng.uniform(-0.3, 1, 20_000)))
    inside = (dec < 80) & (np.abs(SkyCoord(ra, dec, unit="deg").galactic.b.deg) > 20)
    assert stats.ks_2samp(found[:, 0], ra[inside]).pvalue > 1e-4
    assert stats.ks_2samp(found[:, 1], dec[inside]).pvalue > 1e-4


def test_light_sums_to_the_flux_asked_for(templates, galaxy):
    assert np.allclose(galaxy.light.sum(axis=0), WANTED.flux, rtol=1e-3)
    assert galaxy.light.min() >= 0
    assert np.allclose(templates.band_weights @ galaxy.spectrum, WANTED.flux, rtol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_every_seed_has_the_photometry_asked_for(templates, seed):
    galaxy = make_galaxy(templates, WANTED, seed)
    assert np.allclose(templates.band_weights @ galaxy.spectrum, WANTED.flux, rtol=1e-3)


def test_parts_add_up_to_the_spectrum(galaxy):
    assert galaxy.components.shape == (4, len(OBSERVED))
    assert np.allclose(galaxy.components.sum(axis=0), galaxy.spectrum, rtol=1e-5)


def test_whole_galaxy_in_the_fibre_is_the_spectrum(galaxy):
    bulge, disc = galaxy.model.fibre_fractions(1.0)
    light = galaxy.in_fibre(1.0)
    stars = bulge * galaxy.components[:2].sum(axis=0) + disc * galaxy.components[2:].sum(axis=0)
    assert np.allclose(light, stars, rtol=1e-4)
    assert light.sum() < galaxy.spectrum.sum()


def test_gas_in_the_fibre_moves_the_lines_only(galaxy):
    more, less = galaxy.in_fibre(1.0, gas=2.0), galaxy.in_fibre(1.0, gas=1.0)
    _, disc = galaxy.model.fibre_fractions(1.0)
    assert np.allclose(more - less, disc * galaxy.components[3], atol=1e-5)


def test_equivalent_widths_are_of_named_lines(galaxy):
    widths = galaxy.equivalent_widths(1.0)
    assert widths.shape == (len(LINES),)
    assert widths[NAMES.index("HALPHA")] > widths[NAMES.index("HBETA")]


def test_same_seed_same_galaxy(templates, galaxy):
    again = make_galaxy(templates, WANTED, np.random.SeedSequence(1))
    assert np.array_equal(again.spectrum, galaxy.spectrum)
    assert np.array_equal(again.model.disc, galaxy.model.disc)


@pytest.mark.parametrize(
    "changed",
    [
        {"redshift": -0.002},
        {"redshift": 0.0},
        {"redshift": 0.7},
        {"redshift": 2.0},
        {"redshift": np.nan},
        {"log_stellar_mass": np.nan},
        {"r": np.inf},
        {"g_r": np.nan},
    ],
    ids=str,
)
def test_bad_properties_are_refused(templates, changed):
    values = vars(WANTED) | changed
    with pytest.raises(InputError):
        make_galaxy(templates, Properties(**values), seed=1)


def test_redshift_is_found_in_the_spectrum(templates):
    """H alpha where the label says, in a spectrum of a forming galaxy."""
    wanted = Properties(redshift=0.0873, log_stellar_mass=9.8, r=17.0, g_r=0.35, r_z=0.15)
    light = make_galaxy(templates, wanted, 0).in_fibre(1.1)
    near = np.abs(OBSERVED / 1.0873 - LINES["HALPHA"]) < 6
    peak = OBSERVED[near][light[near].argmax()]
    assert peak == pytest.approx(LINES["HALPHA"] * 1.0873, abs=1.0)


@pytest.mark.parametrize("package", PACKAGES)
def test_missing_package_is_named(monkeypatch, package):
    find = packages.find_spec
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(AstroclipError, match=rf"{package}.*pip install 'astroclip-astro\[simulate"):
        load_templates()


def test_file_a_package_has_lost_is_named():
    pytest.importorskip("speclite")
    with pytest.raises(AstroclipError, match=r"speclite .*no file data/nothing\.ecsv; run: pip"):
        packages.data_file("speclite", "data", "nothing.ecsv")


def test_spectrum_is_in_desis_pixels(survey):
    assert len(survey[0]["spectrum"]) == len(WAVELENGTH)


def test_fibre_takes_in_what_it_does_of_real_galaxies(templates):
    """Fibre less total r magnitude, r 18 to 19: 837 real galaxies have a median of 1.54."""
    bright = []
    for number in range(4000):
        rng = np.random.default_rng([SEED, number])
        properties = draw_properties(templates.population, rng)
        if 18 < properties.r < 19:
            bright.append(make_galaxy(templates, properties, number))
        if len(bright) == 300:
            break
    away = [
        -2.5 * np.log10(POINT_IN_FIBRE * galaxy.light[:, 1] @ galaxy.model.fibre_fractions(1.0))
        + 2.5 * np.log10(galaxy.properties.flux[1])
        for galaxy in bright
    ]
    assert np.median(away) == pytest.approx(1.54, abs=0.15)
