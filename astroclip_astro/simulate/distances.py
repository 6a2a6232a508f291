"""Distances, scales and ages of the simulated Universe, tabulated from astropy's cosmology."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy import constants, units
from astropy.cosmology import FlatLambdaCDM


@dataclass(frozen=True)
class Distances:
    """Tables against redshift.

    Parameters
    ----------
    redshift : ndarray
        float64 (n,), from 0.001 to 0.7.
    log_dimming : ndarray
        float64 (n,), natural logarithm of the observed flux density (1e-17 erg/s/cm2/Angstrom)
        of one solar luminosity per Angstrom of the rest frame.
    kpc_per_arcsec : ndarray
        float64 (n,), proper kpc.
    age : ndarray
        float64 (n,), of the Universe, Gyr.
    """

    redshift: np.ndarray
    log_dimming: np.ndarray
    kpc_per_arcsec: np.ndarray
    age: np.ndarray

    def dimming(self, redshift: float) -> float:
        """Return 1e-17 erg/s/cm2/Angstrom observed, per solar luminosity per Angstrom emitted."""
        return float(np.exp(np.interp(np.log(redshift), np.log(self.redshift), self.log_dimming)))

    def scale(self, redshift: float) -> float:
        """Return proper kpc per arcsec."""
        return float(np.interp(redshift, self.redshift, self.kpc_per_arcsec))

    def age_at(self, redshift: float) -> float:
        """Return the age of the Universe in Gyr."""
        return float(np.interp(redshift, self.redshift, self.age))


def tabulate_distances() -> Distances:
    """Tabulate flat LambdaCDM with H0 = 70 km/s/Mpc and a matter density of 0.3.

    Returns
    -------
    Distances
        Interpolated to better than 1e-4.

    Examples
    --------
    >>> float(round(tabulate_distances().scale(0.1), 3))
    1.844
    """
    cosmology = FlatLambdaCDM(H0=70, Om0=0.3)
    redshift = np.geomspace(0.001, 0.7, 600)
    distance = cosmology.luminosity_distance(redshift)
    flux = constants.L_sun / (4 * np.pi * distance**2) / (1 + redshift) / units.Angstrom
    return Distances(
        redshift=redshift,
        log_dimming=np.log(flux.to_value("1e-17 erg / (s cm2 Angstrom)")),
        kpc_per_arcsec=1 / cosmology.arcsec_per_kpc_proper(redshift).to_value("arcsec / kpc"),
        age=cosmology.age(redshift).to_value("Gyr"),
    )
