"""Fit the density that simulated galaxies are drawn from to real ones.

Usage: python catalogs/recipe/fit_population.py LABELS.fits

LABELS.fits has one real galaxy a row: Z, LOGMSTAR, dereddened FLUX_G/R/Z/W1/W2 (nanomaggies) and
ROSETTE, its region of the sky. Rosettes 12, 15 and 19 are never fitted: mixtures of several sizes
are compared by their mean log-likelihood of the galaxies there, and the best one is written to
astroclip_astro/simulate/population.fits. Only numbers of the fit are written, no galaxy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from sklearn.mixture import GaussianMixture

from astroclip_astro.simulate.population import FAINT_LIMIT, QUANTITIES, REDSHIFTS

OUTPUT = Path(__file__).resolve().parents[2] / "astroclip_astro" / "simulate" / "population.fits"
LEFT_OUT = (12, 15, 19)
SIZES = (30, 60, 80, 100, 120, 150)
REGULARISATION = 1e-5  # 1e-3 costs 0.3 in log-likelihood a galaxy


def quantities(labels: Table) -> np.ndarray:
    """Return the seven fitted quantities, float64 (n, 7), in the order of `QUANTITIES`."""
    magnitude = {
        band: 22.5 - 2.5 * np.log10(np.asarray(labels[f"FLUX_{band}"], float))
        for band in ("G", "R", "Z", "W1", "W2")
    }
    return np.stack(
        [
            np.log(np.asarray(labels["Z"], float)),
            np.asarray(labels["LOGMSTAR"], float),
            magnitude["R"],
            magnitude["G"] - magnitude["R"],
            magnitude["R"] - magnitude["Z"],
            magnitude["R"] - magnitude["W1"],
            magnitude["W1"] - magnitude["W2"],
        ],
        axis=1,
    )  # (n, 7)


def inside_fraction(mixture: GaussianMixture, low: np.ndarray, high: np.ndarray) -> float:
    """Return which part of the mixture lies in the range, by drawing from it."""
    drawn = mixture.sample(200_000)[0]
    return float(np.all((drawn > low) & (drawn < high), axis=1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labels", type=Path)
    labels = Table.read(parser.parse_args().labels)
    values, rosette = quantities(labels), np.asarray(labels["ROSETTE"])
    selected = (
        np.isfinite(values).all(axis=1)
        & (values[:, 2] < FAINT_LIMIT)
        & (values[:, 0] > np.log(REDSHIFTS[0]))
        & (values[:, 0] < np.log(REDSHIFTS[1]))
    )
    left_out = np.isin(rosette, LEFT_OUT)
    fitted, tested = values[selected & ~left_out], values[selected & left_out]
    low, high = fitted.min(axis=0), fitted.max(axis=0)
    low[0], high[0], high[2] = *np.log(REDSHIFTS), FAINT_LIMIT
    best, scores = None, []
    for size in SIZES:
        mixture = GaussianMixture(
            size, random_state=0, max_iter=200, reg_covar=REGULARISATION, init_params="k-means++"
        ).fit(fitted)
        inside = np.log(inside_fraction(mixture, low, high))
        score = mixture.score(tested) - inside
        own = mixture.score(fitted) - inside
        print(f"{size:4d} components: left out {score:.4f}, fitted {own:.4f}")
        if best is None or score > max(scores):
            best = mixture
        scores.append(score)
    columns = [
        fits.Column("WEIGHT", "D", array=best.weights_),
        fits.Column("MEAN", "7D", array=best.means_),
        fits.Column("COVARIANCE", "49D", dim="(7,7)", array=best.covariances_),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="MIXTURE")
    table.header["NFITTED"] = (len(fitted), "real galaxies fitted")
    table.header["NTESTED"] = (len(tested), "real galaxies left out, rosettes 12, 15, 19")
    for size, score in zip(SIZES, scores, strict=True):
        table.header[f"LIKE{size}"] = (round(score, 4), f"log-likelihood left out, {size} parts")
    limits = fits.BinTableHDU.from_columns(
        [
            fits.Column("QUANTITY", "16A", array=np.array(QUANTITIES)),
            fits.Column("LOWEST", "D", array=low),
            fits.Column("HIGHEST", "D", array=high),
        ],
        name="RANGE",
    )
    fits.HDUList([fits.PrimaryHDU(), table, limits]).writeto(OUTPUT, overwrite=True)


if __name__ == "__main__":
    main()
