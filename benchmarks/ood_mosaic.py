"""The picture of what is no galaxy of the survey, ``docs/static/simulation/ood_objects.png``.

``python benchmarks/ood_mosaic.py -o docs/static/simulation/ood_objects.png``

Two of each kind, all SIMULATED: the middle of the image, and the spectrum.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from scipy.ndimage import gaussian_filter1d
from survey_figures import SIMULATED, STYLE, save, show

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate import KINDS, load_templates, simulate_ood_objects

EACH = 2
SEED = 21  # both kinds of distant galaxy, a dwarf of type M and a star like the Sun
SMOOTHING = 2.0  # pixels, of the spectra drawn
COLOURS = 200  # of the PNG
WIDTH, ROW = 8.0, 1.0  # inches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="a PNG file")
    parser.add_argument("--seed", type=int, default=SEED, help="of the objects")
    options = parser.parse_args()
    templates = load_templates()
    found = {kind: simulate_ood_objects(templates, kind, EACH, options.seed) for kind in KINDS}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        save(draw(found), options.output, colours=COLOURS)


def draw(found: dict[str, dict[str, np.ndarray]]) -> plt.Figure:
    """Draw one row a kind: image and spectrum, ``EACH`` times."""
    figure, axes = plt.subplots(
        len(found), 2 * EACH, figsize=(WIDTH, ROW * len(found) + 0.5), width_ratios=(1, 3) * EACH
    )
    for row, (kind, objects) in zip(axes, found.items(), strict=True):
        for number in range(EACH):
            picture, panel = row[2 * number : 2 * number + 2]
            show(picture, objects["images"][number])
            spectrum = gaussian_filter1d(objects["spectrum"][number], SMOOTHING)
            panel.plot(WAVELENGTH, spectrum, color=SIMULATED, lw=0.4)
            low, high = np.percentile(spectrum[WAVELENGTH > 3800], [0.3, 99.8])
            panel.set(xlim=(3600, 9824), ylim=(1.1 * min(low, 0), 1.15 * high))
            redshift = float(objects["redshift"][number])
            known = np.isfinite(redshift) and abs(redshift) > 0.01
            panel.set_title(f"{kind}, z = {redshift:.2f}" if known else kind, loc="left")
            panel.tick_params(labelsize=6.5)
            panel.set_xticks(range(4000, 10_000, 1000), [])
    for panel in axes[-1, 1::2]:
        panel.set_xticks(panel.get_xticks(), range(4000, 10_000, 1000))
        panel.set_xlabel("wavelength (Å)", fontsize=8)
    figure.suptitle(
        "SIMULATED, nothing here is real; images 17 arcsec a side, flux in 1e-17 erg/s/cm$^2$/Å",
        fontsize=9,
    )
    return figure


if __name__ == "__main__":
    main()
