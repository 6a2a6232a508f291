"""The joint density of real galaxies that every simulated galaxy is drawn from.

A Gaussian mixture of seven quantities, fitted to 78,156 galaxies of DESI's early data release with
PROVABGS masses and Legacy Surveys photometry (``catalogs/recipe/fit_population.py``). The numbers
of the fit are in ``population.fits`` beside this module; the galaxies are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from astropy.io import fits

QUANTITIES = ("ln_z", "log_stellar_mass", "r", "g_r", "r_z", "r_w1", "w1_w2")
FAINT_LIMIT = 20.3  # r, dereddened
REDSHIFTS = (0.01, 0.6)


@dataclass(frozen=True)
class Properties:
    """What is decided about a galaxy before anything is rendered.

    Parameters
    ----------
    redshift : float
        Between 0.01 and 0.6.
    log_stellar_mass : float
        log10 of the stellar mass in solar masses, on the scale of PROVABGS.
    r, g_r, r_z : float
        Dereddened r magnitude and colours g - r and r - z (AB), as the Legacy Surveys catalogue
        has them, with the noise of its photometry.
    r_w1, w1_w2 : float
        The same for the WISE bands; nothing is rendered from them.

    Examples
    --------
    >>> galaxy = Properties(redshift=0.1, log_stellar_mass=10.5, r=17.5, g_r=0.8, r_z=0.4)
    >>> galaxy.flux.round(2)
    array([ 47.86, 100.  , 144.54])
    """

    redshift: float
    log_stellar_mass: float
    r: float
    g_r: float
    r_z: float
    r_w1: float = np.nan
    w1_w2: float = np.nan

    @property
    def flux(self) -> np.ndarray:
        """Dereddened flux in g, r, z, float64 (3,), nanomaggies."""
        magnitudes = np.array([self.r + self.g_r, self.r, self.r - self.r_z])
        return 10 ** (0.4 * (22.5 - magnitudes))  # (3,)


@dataclass(frozen=True)
class Population:
    """A Gaussian mixture of `QUANTITIES`, cut to the range the fitted galaxies span.

    Parameters
    ----------
    weights : ndarray
        float64 (components,), summing to 1.
    means : ndarray
        float64 (components, 7).
    factors : ndarray
        float64 (components, 7, 7), lower Cholesky factors of the covariances.
    lowest, highest : ndarray
        float64 (7,); a draw outside is drawn again.
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray


def load_population() -> Population:
    """Read the fitted numbers that ship with the package.

    Returns
    -------
    Population
        r < 20.3 and 0.01 < z < 0.6.

    Examples
    --------
    >>> load_population().means.shape[1]
    7
    """
    with (
        files(__package__).joinpath("population.fits").open("rb") as stream,
        fits.open(stream) as hdus,
    ):
        mixture, limits = hdus["MIXTURE"].data, hdus["RANGE"].data
        return Population(
            weights=np.array(mixture["WEIGHT"], float),
            means=np.array(mixture["MEAN"], float),
            factors=np.linalg.cholesky(np.array(mixture["COVARIANCE"], float)),
            lowest=np.array(limits["LOWEST"], float),
            highest=np.array(limits["HIGHEST"], float),
        )


def draw_properties(population: Population, rng: np.random.Generator) -> Properties:
    """Draw one galaxy.

    Parameters
    ----------
    population : Population
        The density.
    rng : numpy.random.Generator
        Draws again until the galaxy lies inside.

    Returns
    -------
    Properties
        Inside the population's range.

    Examples
    --------
    >>> galaxy = draw_properties(load_population(), np.random.default_rng(1))
    >>> 0.01 < galaxy.redshift < 0.6 and galaxy.r < 20.3
    True
    """
    edges = np.cumsum(population.weights)
    while True:
        component = min(int(np.searchsorted(edges, rng.random(), side="right")), len(edges) - 1)
        normal = rng.standard_normal(len(QUANTITIES))
        values = population.means[component] + population.factors[component] @ normal  # (7,)
        if np.all((values > population.lowest) & (values < population.highest)):
            redshift = float(np.exp(values[0]))
            return Properties(redshift, *(float(value) for value in values[1:]))
