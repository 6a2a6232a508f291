"""Everything a survey is made of that does not change from galaxy to galaxy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from astroclip_astro.simulate.distances import Distances, tabulate_distances
from astroclip_astro.simulate.exposures import Spectrographs, load_spectrographs
from astroclip_astro.simulate.filters import Filters, load_filters
from astroclip_astro.simulate.library import Library, attenuation_curve, build_library
from astroclip_astro.simulate.packages import versions
from astroclip_astro.simulate.population import Population, load_population
from astroclip_astro.simulate.stellar_grid import StellarGrid, load_stellar_grid
from astroclip_astro.simulate.threads import one_thread
from astroclip_astro.simulate.wavelengths import OBSERVED, REST

WARP_SMOOTHING = 0.06  # of the natural logarithm of wavelength; 400 Angstrom in r


@dataclass(frozen=True)
class Templates:
    """Stars, bands, population and spectrographs; the same for all galaxies, and picklable.

    Parameters
    ----------
    population : Population
        The density galaxies are drawn from.
    stars : StellarGrid
        Spectra of stars.
    library : Library
        Star formation histories and dust to choose from.
    filters : Filters
        Bands g, r, z.
    distances : Distances
        The cosmology.
    spectrographs : Spectrographs
        DESI's resolution, noise and nights.
    dust, log_dust_pivot : ndarray
        float32 (rest,), Calzetti's curve in units of A_V, and ln(wavelength / 5500), on `REST`.
    band_weights : ndarray
        float32 (3, w), from a spectrum on `OBSERVED` to nanomaggies.
    bumps : ndarray
        float32 (3, w), smooth curves around g, r, z that sum to 1.
    versions : dict
        Of the packages the numbers came from.
    """

    population: Population
    stars: StellarGrid
    library: Library
    filters: Filters
    distances: Distances
    spectrographs: Spectrographs
    dust: np.ndarray
    log_dust_pivot: np.ndarray
    band_weights: np.ndarray
    bumps: np.ndarray
    versions: dict[str, str]


@one_thread()
def load_templates() -> Templates:
    """Read and prepare all templates; a few seconds.

    Returns
    -------
    Templates
        About 25 MB.

    Raises
    ------
    AstroclipError
        If a package of the ``[simulate]`` extra is missing.
    """
    stars, filters, distances = load_stellar_grid(), load_filters(), tabulate_distances()
    return Templates(
        population=load_population(),
        stars=stars,
        library=build_library(stars, filters),
        filters=filters,
        distances=distances,
        spectrographs=load_spectrographs(),
        dust=attenuation_curve(REST, 0.0).astype(np.float32),
        log_dust_pivot=np.log(REST / 5500).astype(np.float32),
        band_weights=filters.weights(OBSERVED).astype(np.float32),
        bumps=smooth_bumps(filters.effective),
        versions=versions(),
    )


def smooth_bumps(effective: np.ndarray) -> np.ndarray:
    """Return one smooth curve per band that is largest there; they sum to 1, float32 (3, w)."""
    hats = np.stack(
        [np.interp(np.log(OBSERVED), np.log(effective), row) for row in np.eye(len(effective))]
    )
    width = WARP_SMOOTHING / np.diff(np.log(OBSERVED[:2]))[0]
    return gaussian_filter1d(hats, width, axis=1, mode="nearest").astype(np.float32)
