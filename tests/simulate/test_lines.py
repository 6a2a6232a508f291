"""Emission lines: their places, fluxes and widths, and the ratios of atomic physics."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate import make_galaxy, observe_spectrum
from astroclip_astro.simulate.instrument import Visit
from astroclip_astro.simulate.lines import (
    LINES,
    NAMES,
    assemble,
    draw_lines,
    gas_metallicity,
    line_spectrum,
)
from astroclip_astro.simulate.population import Properties
from astroclip_astro.simulate.spectra import LIGHT_SPEED, StellarPopulation
from astroclip_astro.simulate.stellar_grid import air_to_vacuum
from astroclip_astro.simulate.wavelengths import OBSERVED

CELLS = np.gradient(OBSERVED)
RATIOS = {"oiii": 1.5, "oii": 2.5, "nii": 0.35, "sii": 0.3, "oi": 0.03, "sii_ratio": 1.35}


def one(name, luminosity=1.0):
    return np.where(np.array(NAMES) == name, luminosity, 0.0)


def stars(log_ssfr=-10.0, attenuation=0.5, log_mass=10.5):
    return StellarPopulation(
        log_mass_formed=log_mass + 0.2,
        log_ssfr=log_ssfr,
        ages=np.full(20, 0.05, np.float32),
        log_metallicity=0.0,
        attenuation=attenuation,
        slope=0.0,
        log_mass_model=log_mass,
        mismatch=np.zeros(2),
    )


# In air, NIST Atomic Spectra Database.
@pytest.mark.parametrize(
    ("name", "air"),
    [
        ("OII_3726", 3726.04), ("OII_3729", 3728.80), ("NEIII_3869", 3868.76),
        ("HDELTA", 4101.73), ("HGAMMA", 4340.46), ("OIII_4363", 4363.21), ("HBETA", 4861.33),
        ("OIII_4959", 4958.91), ("OIII_5007", 5006.84), ("HEI_5876", 5875.62),
        ("OI_6300", 6300.30), ("NII_6548", 6548.05), ("HALPHA", 6562.80), ("NII_6584", 6583.45),
        ("SII_6716", 6716.44), ("SII_6731", 6730.82), ("ARIII_7136", 7135.80),
        ("SIII_9069", 9068.6), ("SIII_9531", 9530.6),
    ],
)  # fmt: skip
def test_wavelengths_are_those_in_vacuum(name, air):
    assert LINES[name] == pytest.approx(float(air_to_vacuum(np.array([air]))[0]), abs=0.06)


@settings(deadline=None)
@given(
    name=st.sampled_from(["OII_3726", "HBETA", "OIII_5007", "HALPHA"]),
    width=st.floats(35, 260),
    redshift=st.floats(0.01, 0.6),
)
def test_a_line_has_its_luminosity_place_and_width(name, width, redshift):
    spectrum = line_spectrum(one(name, 7.0), width, redshift).astype(float)
    place = LINES[name] * (1 + redshift)
    total = (spectrum * CELLS).sum()
    assert total / (1 + redshift) == pytest.approx(7.0, rel=1e-3)
    centre = (spectrum * CELLS * OBSERVED).sum() / total
    assert centre == pytest.approx(place, abs=0.05)
    velocity = (OBSERVED / place - 1) * LIGHT_SPEED
    sigma = np.sqrt((spectrum * CELLS * velocity**2).sum() / total)
    cell = 1e-4 * LIGHT_SPEED  # lines are averaged over cells
    assert sigma == pytest.approx(np.sqrt(width**2 + cell**2 / 12), rel=0.01)


def test_lines_add_up():
    both = line_spectrum(one("HALPHA") + one("NII_6584"), 150, 0.1)
    alone = [line_spectrum(one(name), 150, 0.1) for name in ("HALPHA", "NII_6584")]
    assert np.allclose(both, sum(alone), rtol=1e-5)


def test_lines_outside_the_grid_are_left_out():
    spectrum = line_spectrum(one("SIII_9531"), 150, 0.6)
    assert spectrum.max() == 0


def test_ratios_fixed_by_atomic_physics():
    lines = dict(zip(NAMES, assemble(100.0, **RATIOS), strict=True))
    assert lines["HALPHA"] / lines["HBETA"] == pytest.approx(2.86)
    assert lines["HGAMMA"] / lines["HBETA"] == pytest.approx(0.468, abs=0.003)
    assert lines["OIII_5007"] / lines["OIII_4959"] == pytest.approx(2.98, abs=0.01)
    assert lines["NII_6584"] / lines["NII_6548"] == pytest.approx(3.05, abs=0.1)
    assert lines["OI_6300"] / lines["OI_6364"] == pytest.approx(3.0, abs=0.15)


def test_ratios_asked_for_are_kept():
    lines = dict(zip(NAMES, assemble(100.0, **RATIOS), strict=True))
    assert lines["OIII_5007"] / lines["HBETA"] == pytest.approx(1.5)
    assert (lines["OII_3726"] + lines["OII_3729"]) / lines["HBETA"] == pytest.approx(2.5)
    assert lines["NII_6584"] / lines["HALPHA"] == pytest.approx(0.35)
    assert (lines["SII_6716"] + lines["SII_6731"]) / lines["HALPHA"] == pytest.approx(0.3)
    assert lines["SII_6716"] / lines["SII_6731"] == pytest.approx(1.35)


def drawn(count=200, **given_stars):
    rng = np.random.default_rng(3)
    population = stars(**given_stars)
    return [draw_lines(population, 10.5, 150.0, 1e5, rng) for _ in range(count)]


def test_dust_reddens_the_balmer_lines():
    decrement = {}
    for attenuation in (0.0, 0.5, 1.5):
        disc = np.array([lines.disc for lines in drawn(attenuation=attenuation)])
        decrement[attenuation] = np.median(
            disc[:, NAMES.index("HALPHA")] / disc[:, NAMES.index("HBETA")]
        )
    assert 2.7 < decrement[0.0] < 3.1
    assert decrement[0.0] < decrement[0.5] < decrement[1.5]


def test_oiii_doublet_stays_a_doublet_after_dust():
    disc = drawn(1, attenuation=0.0)[0].disc  # 0.1 mag are left
    assert disc[NAMES.index("OIII_5007")] / disc[NAMES.index("OIII_4959")] == pytest.approx(
        2.98, abs=0.02
    )


def test_halpha_is_in_proportion_to_star_formation():
    index = NAMES.index("HALPHA")
    many, few = (
        np.median([lines.disc[index] for lines in drawn(400, log_ssfr=rate)])
        for rate in (-9.5, -10.5)
    )
    assert many / few == pytest.approx(10, rel=0.05)


def test_halpha_of_a_solar_mass_a_year():
    """Kennicutt & Evans (2012): 1.86e41 erg/s, before dust and the correction to real lines."""
    lines = [lines.disc[NAMES.index("HALPHA")] for lines in drawn(attenuation=0.0, log_ssfr=-10.7)]
    assert np.log10(np.median(lines) * 3.828e33) == pytest.approx(41.27, abs=0.2)


def test_gas_is_richer_in_massive_galaxies():
    rng = np.random.default_rng(0)
    drawn = [[gas_metallicity(mass, 0.0, rng) for _ in range(200)] for mass in (8.5, 9.5, 11)]
    mean = np.mean(drawn, axis=1)
    assert mean[0] < mean[1] < mean[2]
    assert mean[2] + 8.69 == pytest.approx(8.77, abs=0.06)


def test_nuclei_are_where_they_belong():
    kinds = [lines.nucleus_kind for lines in drawn(400, log_ssfr=-12.2)]
    assert kinds.count("liner") / 400 == pytest.approx(0.67, abs=0.1)
    assert kinds.count("seyfert") / 400 == pytest.approx(0.03, abs=0.03)
    kinds = {lines.nucleus_kind for lines in drawn(400, log_ssfr=-9.8)}
    assert "liner" not in kinds


def test_no_nucleus_has_no_light():
    for lines in drawn(100, log_ssfr=-10.0):
        assert (lines.nucleus.sum() > 0) == (lines.nucleus_kind != "none")


@pytest.fixture(scope="module")
def strong(templates):
    """Three star-bursting dwarfs, whose [O III] has more than 20 Angstrom."""
    galaxies = []
    for seed in range(200):
        wanted = Properties(0.3 + 0.001 * seed, 9.2, 19.5, g_r=0.2, r_z=-0.05)
        galaxy = make_galaxy(templates, wanted, seed)
        if galaxy.equivalent_widths(1.2)[NAMES.index("OIII_5007")] > 20:
            galaxies.append(galaxy)
        if len(galaxies) == 3:
            break
    return galaxies


@pytest.mark.parametrize("gas", [1.0, 1.4])
def test_equivalent_widths_are_those_of_the_finished_spectrum(templates, strong, gas):
    assert len(strong) == 3
    visit = Visit(ivar=np.ones(7781), exposure_time=180.0, seeing=1.2)
    for galaxy in strong:
        seen = observe_spectrum(
            templates.spectrographs,
            galaxy.in_fibre(1.2, gas),
            visit,
            ebv=0.0,
            rng=np.random.default_rng(0),
            artefacts=False,
        ).clean
        redshift = galaxy.properties.redshift
        away = WAVELENGTH / (1 + redshift) - LINES["OIII_5007"]
        line = np.abs(away) < 12
        beside = (np.abs(away) > 15) & (np.abs(away) < 32)
        level = np.polyval(np.polyfit(away[beside], seen[beside], 1), away)
        measured = 0.8 * (seen / level - 1)[line].sum() / (1 + redshift)
        expected = galaxy.equivalent_widths(1.2, gas)[NAMES.index("OIII_5007")]
        assert measured == pytest.approx(expected, rel=0.1)
