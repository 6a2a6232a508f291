"""Synthetic photometry in the Legacy Surveys' g, r and z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy import constants, units
from astropy.table import QTable

from astroclip_astro.simulate.packages import data_file
from astroclip_astro.simulate.wavelengths import STEP

BANDS = "grz"
NANOMAGGY = (3.631e-6 * units.Jy).to_value("erg / (s cm2 Hz)")
UNIT = 1e-17  # erg/s/cm2/Angstrom, DESI's unit of flux


@dataclass(frozen=True)
class Filters:
    """Three response curves, on one grid.

    Parameters
    ----------
    wavelength : ndarray
        float64 (w,), Angstrom, step 2.
    response : ndarray
        float64 (3, w), so scaled that `weights` gives nanomaggies.
    effective : ndarray
        float64 (3,), mean wavelength, weighted by the response, Angstrom.
    """

    wavelength: np.ndarray
    response: np.ndarray
    effective: np.ndarray

    def weights(self, wavelength: np.ndarray) -> np.ndarray:
        """Return the weights that make nanomaggies of a spectrum on a logarithmic grid.

        Parameters
        ----------
        wavelength : ndarray
            float64 (n,), Angstrom, observed frame, logarithmic with step `STEP`.

        Returns
        -------
        ndarray
            float64 (3, n): ``weights @ flux`` is the flux in g, r, z (nanomaggies) of a spectrum
            in 1e-17 erg/s/cm2/Angstrom.
        """
        curves = [
            np.interp(wavelength, self.wavelength, row, left=0, right=0) for row in self.response
        ]
        return np.stack(curves) * wavelength * STEP  # (3, n)


def load_filters() -> Filters:
    """Read the DECam curves (2014, with atmosphere) of the package ``speclite``.

    Returns
    -------
    Filters
        For AB fluxes by photon counting: Fukugita et al. (1996, AJ 111, 1748), eq. 7.
    """
    grid = np.arange(3400.0, 11000.0, 2.0)
    curves, effective = [], []
    for band in BANDS:
        path = data_file("speclite", "data", "filters", f"decam2014-{band}.ecsv")
        table = QTable.read(path, format="ascii.ecsv")
        wavelength = table["wavelength"].to_value("Angstrom")
        curve = np.interp(grid, wavelength, np.asarray(table["response"]), left=0, right=0)
        light = constants.c.to_value("Angstrom / s")
        reference = NANOMAGGY * light * np.sum(curve / grid) * 2.0
        curves.append(UNIT * curve * grid / reference)
        effective.append(np.sum(curve * grid) / np.sum(curve))
    return Filters(grid, np.stack(curves), np.array(effective))
