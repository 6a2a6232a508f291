"""How well neighbours in a reference predict the labels of galaxies that are held out."""

from __future__ import annotations

import numpy as np
from scipy.stats import median_abs_deviation

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import K
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies

__all__ = ["score"]

METHODS = {  # name -> (what the reference is searched by, what is looked up)
    "image": ("image", "image"),
    "spectrum": ("spectrum", "spectrum"),
    "image_to_spectrum": ("spectrum", "image"),
    "photometry": ("photometry", "photometry"),
}
OUTLIER = 0.05  # |dz| / (1 + z)


def colours(flux: np.ndarray) -> np.ndarray:
    """Return g - r, r - z and r of galaxies.

    Parameters
    ----------
    flux : ndarray
        (n, 3), g, r, z in nanomaggies.

    Returns
    -------
    ndarray
        float64 (n, 3), AB magnitudes; NaN where a flux is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> colours(np.array([[1.0, 10.0, 10.0]]))
    array([[ 2.5,  0. , 20. ]])
    """
    flux = np.asarray(flux, float)
    good = np.isfinite(flux) & (flux > 0)
    g, r, z = (22.5 - 2.5 * np.log10(np.where(good, flux, np.nan))).T
    return np.column_stack([g - r, r - z, r])


def score(
    reference: EmbeddedGalaxies, test: EmbeddedGalaxies, *, sample_name: str = "galaxies"
) -> dict[str, float | str]:
    """Compare labels predicted from neighbours with the galaxies' own.

    All methods see the same galaxies, on both sides: those with an image, a spectrum,
    the label and, where there is photometry, positive flux in all bands.

    Parameters
    ----------
    reference : EmbeddedGalaxies
        Galaxies among which neighbours are looked for, with labels.
    test : EmbeddedGalaxies
        Other galaxies, with the same vectors and labels.
    sample_name : str
        What to call those, such as ``"SIMULATED galaxies"``.

    Returns
    -------
    dict
        ``what`` in words, and for each method and label ``METHOD_r2_LABEL``. For redshift also
        ``METHOD_sigma_nmad``, 1.4826 times the median absolute deviation of dz / (1 + z), and
        ``METHOD_outliers``, the fraction beyond 0.05. Methods are ``image``, ``spectrum``,
        ``image_to_spectrum`` (image looked up among spectra) and ``photometry``.

    Raises
    ------
    InputError
        Where too few galaxies have all that is compared.

    Notes
    -----
    k-nearest-neighbour regression with k = 16 and weights 1 / distance, as in the zero-shot tests
    of Lanusse et al. 2023 (arXiv:2310.03024). Photometry is standardised with mean and deviation
    of the reference.
    """
    result: dict[str, float | str] = {}
    counts = {}
    for label in reference.labels:
        base = reference.complete_rows & np.isfinite(reference.labels[label])
        query = test.complete_rows & np.isfinite(test.labels[label])
        counts[label] = int(query.sum()), int(base.sum())
        if base.sum() < K or query.sum() < 2:
            raise InputError(
                f"Only {base.sum()} galaxies of the reference and {query.sum()} held out have "
                f"image, spectrum, {label} and photometry; expected {K} and 2 at least. Hold out "
                "another fraction, or by something else."
            )
        result |= _scores_by_method(reference, test, label, base, query)
    return {"what": describe(counts, sample_name)} | result


def _scores_by_method(
    reference: EmbeddedGalaxies,
    test: EmbeddedGalaxies,
    label: str,
    base: np.ndarray,
    query: np.ndarray,
) -> dict[str, float]:
    """Return the scores of one label by each method, among some galaxies of each sample."""
    scores = {}
    true = test.labels[label][query]
    for method, (known, looked_up) in METHODS.items():
        if known not in reference.vectors:
            continue
        points, queries = reference.vectors[known][base], test.vectors[looked_up][query]
        if method == "photometry":
            points, queries = standardised(points, queries)
        predicted = knn_regression(points, reference.labels[label][base], queries)
        scores[f"{method}_r2_{label}"] = round(float(r2(true, predicted)), 3)
        if label == "redshift":
            error = (predicted - true) / (1 + true)
            scores[f"{method}_sigma_nmad"] = round(float(sigma_nmad(error)), 4)
            scores[f"{method}_outliers"] = round(float(np.mean(np.abs(error) > OUTLIER)), 4)
    return scores


def describe(counts: dict[str, tuple[int, int]], sample_name: str) -> str:
    """Return in words what was scored on how many galaxies."""
    most = next(iter(counts.values()))  # the first label is one that all have
    words = [
        f"R2 of k-NN (k = {K}, distance weights) on {most[0]} left-out {sample_name}, "
        f"{most[1]} in the reference",
        *(
            f"{label} on {tested}, {known} in the reference"
            for label, (tested, known) in counts.items()
            if (tested, known) != most
        ),
    ]
    return "; ".join(words)


def standardised(points: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both in units of the points' scatter about the points' mean.

    Parameters
    ----------
    points : ndarray
        (m, width), or (m,).
    queries : ndarray
        (n, width), or (n,).

    Returns
    -------
    tuple of ndarray
        float64; what does not vary among the points is shifted only.

    Examples
    --------
    >>> import numpy as np
    >>> points, queries = standardised(np.array([[1.0], [3.0]]), np.array([[4.0]]))
    >>> points.ravel().tolist(), queries.ravel().tolist()
    ([-1.0, 1.0], [2.0])
    """
    points, queries = np.asarray(points, float), np.asarray(queries, float)
    mean, deviation = points.mean(axis=0), points.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return (points - mean) / deviation, (queries - mean) / deviation


def knn_regression(points: np.ndarray, labels: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return the distance-weighted mean of the nearest neighbours' labels."""
    from sklearn.neighbors import KNeighborsRegressor

    return KNeighborsRegressor(K, weights="distance").fit(points, labels).predict(queries)


def r2(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the share of the variance that is explained; below 0 the mean would do better.

    Along the last axis.
    """
    from sklearn.metrics import r2_score

    shares = r2_score(true.T, predicted.T, multioutput="raw_values")
    return shares.reshape(true.shape[:-1])[()]


def sigma_nmad(error: np.ndarray) -> np.ndarray:
    """Return the normalised median absolute deviation from the median, along the last axis."""
    return 1.4826 * median_abs_deviation(error, axis=-1)
