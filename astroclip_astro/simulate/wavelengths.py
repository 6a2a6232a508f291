"""The two logarithmic grids of wavelength: rest frame of the templates, and observed frame."""

from __future__ import annotations

import numpy as np

STEP = 1e-4  # of the natural logarithm of wavelength: 30 km/s
_REST_START, _OBSERVED_START = np.log(2100.0), np.log(3400.0)
REST = np.exp(np.arange(_REST_START, np.log(11000.0), STEP))  # Angstrom, vacuum
OBSERVED = np.exp(np.arange(_OBSERVED_START, np.log(10950.0), STEP))  # DESI and grz


def redshift_rows(redshift: float) -> tuple[int, float]:
    """Return where `OBSERVED` begins on `REST` at a redshift.

    Parameters
    ----------
    redshift : float
        From 0.005 to 0.61: there the grid covers every observed wavelength.

    Returns
    -------
    first : int
        ``REST[first] * (1 + redshift)`` is at or just below ``OBSERVED[0]``.
    part : float
        How far below, in steps, from 0 to 1.

    Examples
    --------
    >>> first, part = redshift_rows(0.1)
    >>> bool(abs(REST[first] * 1.1 * np.exp(part * STEP) - OBSERVED[0]) < 1e-6)
    True
    """
    place = (_OBSERVED_START - np.log1p(redshift) - _REST_START) / STEP
    first = int(np.floor(place))
    if not 0 <= first <= len(REST) - len(OBSERVED) - 1:
        raise ValueError(
            f"Redshift {redshift} is outside 0.005 to 0.61, which the templates cover."
        )
    return first, float(place - first)
