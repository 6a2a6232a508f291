"""Make the APPROXIMATE footprints of Legacy Surveys DR9 and DR10, as MOC files.

Usage: python catalogs/recipe/build_footprints.py

They are supersets: everything that may have been imaged is inside, and a good deal more. No file
of the surveys is used, only published limits, each with a margin; docs/decisions has the reasons.
"""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from mocpy import MOC

HERE = Path(__file__).resolve().parents[1]
ORDER = 6  # cells of 0.9 degrees
STEP = 0.25  # degrees, small enough that no cell is missed
# The pipeline's own lists of bricks end at |b| = 10 for DR8 to DR10 and 8.9 for the larger DR11;
# the survey aimed at 18.
LOWEST_GALACTIC_LATITUDE = 7.0
NORTHERNMOST = 87.0  # published: about +84


def may_be_imaged(sky: SkyCoord) -> np.ndarray:
    """Say what no published limit excludes, for either release, bool (n,)."""
    latitude = np.abs(sky.galactic.b.deg)
    return (latitude > LOWEST_GALACTIC_LATITUDE) & (sky.dec.deg < NORTHERNMOST)


def may_be_in_dr9(sky: SkyCoord) -> np.ndarray:
    """Say what may be in DR9, which in the south has the Dark Energy Survey only, bool (n,)."""
    ra, dec = sky.ra.deg, sky.dec.deg
    # The survey proper ends at about Dec -18. Further south is the Dark Energy Survey, RA 300 to
    # 100; the lists of bricks end at Dec -70.
    dark_energy_survey = (dec > -73) & ((ra > 285) | (ra < 115))
    return may_be_imaged(sky) & ((dec > -35) | dark_energy_survey)


def main() -> None:
    dec, ra = np.mgrid[-90 : 90 + STEP : STEP, 0:360:STEP]
    sky = SkyCoord(ra.ravel(), dec.ravel(), unit="deg")
    for release, rule in {"DR9": may_be_in_dr9, "DR10": may_be_imaged}.items():
        inside = sky[rule(sky)]
        moc = MOC.from_lonlat(inside.ra, inside.dec, max_norder=ORDER)
        path = HERE / f"footprint-ls-{release.lower()}.fits"
        # The form of the standard that older programs read too.
        moc.save(
            path,
            format="fits",
            overwrite=True,
            v1_compatible=True,
            fits_keywords={
                "MOCID": f"LS-{release}-APPROXIMATE",
                "APPROX": True,
                "COMMENT": f"APPROXIMATE superset of the imaging of Legacy Surveys {release}",
            },
        )
        area = moc.sky_fraction * (4 * np.pi * u.sr).to_value(u.deg**2)
        print(f"{path.name}: {path.stat().st_size} bytes, {area:.0f} square degrees")


if __name__ == "__main__":
    main()
