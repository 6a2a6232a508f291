"""One simulated galaxy, from its properties to its image and spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.simulate.artefacts import Artefact
from astroclip_astro.simulate.images import (
    Conditions,
    GalaxyModel,
    draw_conditions,
    model_galaxy,
    observe_image,
)
from astroclip_astro.simulate.instrument import draw_visit, observe_spectrum
from astroclip_astro.simulate.lines import LINES, EmissionLines, draw_lines, line_spectrum
from astroclip_astro.simulate.population import REDSHIFTS, Properties, draw_properties
from astroclip_astro.simulate.spectra import (
    MASS_OFFSET,
    StellarPopulation,
    choose_stars,
    match_photometry,
    smooth_by_velocity,
    stellar_continuum,
)
from astroclip_astro.simulate.structure import Structure, draw_structure, velocity_dispersion
from astroclip_astro.simulate.templates import Templates
from astroclip_astro.simulate.threads import one_thread
from astroclip_astro.simulate.wavelengths import OBSERVED
from astroclip_astro.storage.hdf5 import FLUX_UNIT, IVAR_UNIT, Field

MOCK = 1 << 58  # the bit of a DESI TARGETID that says it is a mock
LARGEST_EBV = 0.3
POINT_IN_FIBRE = 0.78  # of a star's light, in 1 arcsec seeing


FIELDS = {
    "images": Field(
        (3, 152, 152), "f2", "nanomaggy", "g, r, z, 0.262 arcsec pixels, with Galactic reddening"
    ),
    "spectrum": Field(
        (7781,), "f4", FLUX_UNIT, "DESI, 3600 + 0.8 i Angstrom, with Galactic reddening"
    ),
    "ivar": Field((7781,), "f4", IVAR_UNIT, "inverse variance of spectrum, 0 if masked"),
    "clean_spectrum": Field((7781,), "f4", FLUX_UNIT, "spectrum without noise and artefacts"),
    "ra": Field((), "f8", "deg", "right ascension, ICRS"),
    "dec": Field((), "f8", "deg", "declination, ICRS"),
    "targetid": Field((), "i8", "", "simulated TARGETID: bit of mocks, seed modulo 65536, number"),
    "redshift": Field((), "f4", "", "redshift drawn"),
    "log_stellar_mass": Field((), "f4", "dex(solMass)", "stellar mass drawn, scale of PROVABGS"),
    "flux": Field((3,), "f4", "nanomaggy", "dereddened g, r, z drawn, as a catalogue has them"),
    "ebv": Field((), "f4", "mag", "Galactic E(B-V), SFD"),
    "hemisphere": Field((), "S1", "", "N: seeing and depth of BASS and MzLS; S: of DECam"),
    "psf_size": Field((3,), "f4", "arcsec", "FWHM of the seeing in g, r, z"),
    "log_ssfr": Field((), "f4", "dex(1/yr)", "star formation rate per mass formed"),
    "equivalent_widths": Field(
        (4,), "f4", "Angstrom", "in the fibre, rest frame: H alpha, [OII], [OIII] 5007, H beta"
    ),
    "fibre_flux": Field((), "f4", "nanomaggy", "dereddened r in 1.5 arcsec, in 1 arcsec seeing"),
    "artefacts": Field(
        (),
        "i4",
        "",
        "bits: "
        + ", ".join(f"{bit.value} {name.lower()}" for name, bit in Artefact.__members__.items()),
    ),
}


@dataclass(frozen=True)
class Galaxy:
    """A galaxy as it is, before anybody observes it.

    Parameters
    ----------
    properties : Properties
        What was asked for.
    stars : StellarPopulation
        Its stars and dust.
    structure : Structure
        Its shape.
    lines : EmissionLines
        Its gas.
    components : ndarray
        float32 (4, w), spectra of bulge stars, nucleus, disc stars and disc gas on `OBSERVED`,
        1e-17 erg/s/cm2/Angstrom, before Galactic dust.
    gain : ndarray
        float64 (24,), observed flux (1e-17 erg/s/cm2) per solar luminosity of each of `LINES`.
    light : ndarray
        float64 (2, 3), nanomaggies of bulge and disc in g, r, z; they sum to the flux asked for.
    model : GalaxyModel
        Its shape on the pixels.
    """

    properties: Properties
    stars: StellarPopulation
    structure: Structure
    lines: EmissionLines
    components: np.ndarray
    gain: np.ndarray
    light: np.ndarray
    model: GalaxyModel

    @property
    def spectrum(self) -> np.ndarray:
        """All its light, float32 (w,): synthetic photometry gives the magnitudes asked for."""
        return self.components.sum(axis=0)

    def in_fibre(self, seeing: float, gas: float = 1.0) -> np.ndarray:
        """Return the light a fibre takes in, float32 (w,).

        Parameters
        ----------
        seeing : float
            FWHM in arcsec.
        gas : float
            Gas in the fibre against the disc's stars there.
        """
        bulge, disc = self.model.fibre_fractions(seeing)
        return np.array([bulge, bulge, disc, disc * gas], np.float32) @ self.components  # (w,)

    def equivalent_widths(self, seeing: float, gas: float = 1.0) -> np.ndarray:
        """Return rest-frame equivalent widths of `LINES` in a fibre, float64 (24,), Angstrom.

        Parameters
        ----------
        seeing, gas : float
            As for `in_fibre`. Stellar absorption under a line is not counted.
        """
        bulge, disc = self.model.fibre_fractions(seeing)
        flux = self.gain * (bulge * self.lines.nucleus + disc * gas * self.lines.disc)  # (24,)
        stars = bulge * self.components[0] + disc * self.components[2]
        place = np.array(list(LINES.values())) * (1 + self.properties.redshift)
        cell = np.searchsorted(OBSERVED, place)[:, None] + np.arange(-150, 151)
        around = np.median(stars[np.clip(cell, 0, len(stars) - 1)], axis=1)  # (24,)
        widths = flux / (around * (1 + self.properties.redshift))
        return np.where((place > OBSERVED[0]) & (place < OBSERVED[-1]), widths, np.nan)


@one_thread()
def make_galaxy(
    templates: Templates, properties: Properties, seed: int | np.random.SeedSequence
) -> Galaxy:
    """Make a galaxy with given properties.

    Parameters
    ----------
    templates : Templates
        From `load_templates`.
    properties : Properties
        Redshift 0.01 to 0.6, mass, magnitude and colours.
    seed : int or numpy.random.SeedSequence
        Decides whatever the properties leave open.

    Returns
    -------
    Galaxy
        Ready for `observe_image` and `observe_spectrum`.

    Raises
    ------
    InputError
        If a property is not finite, the redshift outside 0.01 to 0.6, or the colours such as no
        stars have.

    Examples
    --------
    >>> from astroclip_astro import simulate
    >>> templates = simulate.load_templates()
    >>> wanted = simulate.Properties(redshift=0.1, log_stellar_mass=10.5, r=17.5, g_r=0.8, r_z=0.4)
    >>> galaxy = simulate.make_galaxy(templates, wanted, seed=1)
    >>> (templates.band_weights @ galaxy.spectrum).round(1)
    array([ 47.9, 100. , 144.5], dtype=float32)
    """
    check_properties(properties)
    choice, shape, gas, pixels = map(np.random.default_rng, streams(seed, 4))
    redshift, log_mass = properties.redshift, properties.log_stellar_mass - MASS_OFFSET
    stars = choose_stars(templates, properties, choice)
    structure = draw_structure(
        stars, log_mass, redshift, templates.distances.scale(redshift), shape
    )
    dispersion = velocity_dispersion(log_mass, shape)
    parts = np.zeros((4, len(OBSERVED)), np.float32)
    parts[[0, 2]] = smooth_by_velocity(
        stellar_continuum(templates, stars, redshift, structure.bulge_fraction), dispersion
    )
    dimming = templates.distances.dimming(redshift)
    at_halpha = int(np.searchsorted(OBSERVED, LINES["HALPHA"] * (1 + redshift)))
    window = slice(max(min(at_halpha, len(OBSERVED)) - 150, 0), at_halpha + 150)
    continuum = float(parts[:, window].sum(axis=0).mean()) / dimming
    lines = draw_lines(stars, log_mass, dispersion, continuum, gas)
    parts[1] = line_spectrum(lines.nucleus * dimming, lines.width, redshift)
    parts[3] = line_spectrum(lines.disc * dimming, lines.width, redshift)
    factor = match_photometry(templates, parts.sum(axis=0), properties.flux)
    parts *= factor
    light = (parts @ templates.band_weights.T).astype(float)  # (4 parts, 3 bands)
    place = np.array(list(LINES.values())) * (1 + redshift)
    return Galaxy(
        properties=properties,
        stars=stars,
        structure=structure,
        lines=lines,
        components=parts,
        gain=dimming * (1 + redshift) * np.interp(place, OBSERVED, factor),
        light=light.reshape(2, 2, 3).sum(axis=1),  # (2, 3)
        model=model_galaxy(structure, pixels),
    )


def check_properties(properties: Properties) -> None:
    """Raise `InputError` if no galaxy can be made with these properties."""
    for name in ("redshift", "log_stellar_mass", "r", "g_r", "r_z"):
        value = getattr(properties, name)
        if not np.isfinite(value):
            raise InputError(f"{name} of a galaxy is {value}; it must be a finite number.")
    low, high = REDSHIFTS
    if not low <= properties.redshift <= high:
        raise InputError(
            f"Redshift {properties.redshift} is outside {low} to {high}, which can be simulated."
        )


@one_thread()
def simulate_galaxy(templates: Templates, seed: int, index: int) -> dict[str, Any]:
    """Simulate one galaxy of a survey.

    Parameters
    ----------
    templates : Templates
        From `load_templates`.
    seed, index : int
        Of the survey, and of the galaxy in it; nothing else decides what comes out.

    Returns
    -------
    dict of str to ndarray or numpy scalar
        One value for each of `FIELDS`.
    """
    drawn, made, sky, night, fibre, camera = streams(
        np.random.SeedSequence(seed, spawn_key=(index,)), 6
    )
    properties = draw_properties(templates.population, np.random.default_rng(drawn))
    galaxy = make_galaxy(templates, properties, made)
    ra, dec, ebv, conditions = draw_place(np.random.default_rng(sky))
    visit = draw_visit(templates.spectrographs, np.random.default_rng(night))
    camera_rng, fibre_rng = np.random.default_rng(camera), np.random.default_rng(fibre)
    gas = float(np.exp(fibre_rng.normal(0.0, 0.2)))
    spectrum = observe_spectrum(
        templates.spectrographs,
        galaxy.in_fibre(visit.seeing, gas),
        visit,
        ebv=ebv,
        rng=fibre_rng,
    )
    widths = dict(zip(LINES, galaxy.equivalent_widths(visit.seeing, gas), strict=True))
    image, spoiled = observe_image(
        galaxy.model,
        galaxy.light,
        conditions,
        ebv=ebv,
        rng=camera_rng,
        radius=galaxy.structure.disc_radius,
    )
    bulge, disc = galaxy.model.fibre_fractions(1.0)
    return {
        "images": image.astype(np.float16),
        "spectrum": spectrum.flux,
        "ivar": spectrum.ivar,
        "clean_spectrum": spectrum.clean,
        "ra": np.float64(ra),
        "dec": np.float64(dec),
        "targetid": np.int64(MOCK | (seed % (1 << 16)) << 42 | index),
        "redshift": np.float32(properties.redshift),
        "log_stellar_mass": np.float32(properties.log_stellar_mass),
        "flux": properties.flux.astype(np.float32),
        "ebv": np.float32(ebv),
        "hemisphere": np.bytes_(conditions.hemisphere),
        "psf_size": conditions.seeing.astype(np.float32),
        "log_ssfr": np.float32(galaxy.stars.log_ssfr),
        "equivalent_widths": np.array(
            [
                widths["HALPHA"],
                widths["OII_3726"] + widths["OII_3729"],
                widths["OIII_5007"],
                widths["HBETA"],
            ],
            np.float32,
        ),
        "fibre_flux": np.float32(POINT_IN_FIBRE * (galaxy.light[:, 1] @ [bulge, disc])),
        "artefacts": np.int32(spoiled | spectrum.artefacts),
    }


def draw_place(rng: np.random.Generator) -> tuple[float, float, float, Conditions]:
    """Return RA and Dec (degrees), E(B-V), and how well the Legacy Surveys saw the place."""
    while True:
        ra, dec = rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-0.3, 1.0)))
        latitude = galactic_latitude(ra, dec)
        if dec < 80 and abs(latitude) > 20:
            break
    ebv = rng.lognormal(np.log(0.022), 0.45) / np.sin(np.radians(abs(latitude)))
    return ra, dec, float(min(ebv, LARGEST_EBV)), draw_conditions(dec, latitude > 0, rng)


def galactic_latitude(ra: float, dec: float) -> float:
    """Return the Galactic latitude in degrees (J2000 pole; to 0.001 degree)."""
    pole_ra, pole_dec = np.radians(192.85948), np.radians(27.12825)
    ra, dec = np.radians(ra), np.radians(dec)
    sine = np.sin(dec) * np.sin(pole_dec) + np.cos(dec) * np.cos(pole_dec) * np.cos(ra - pole_ra)
    return float(np.degrees(np.arcsin(sine)))


def streams(seed: int | np.random.SeedSequence, count: int) -> list[np.random.SeedSequence]:
    """Return independent seeds of one seed, so that one part's draws never move another's."""
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return [
        np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, child))
        for child in range(count)
    ]
