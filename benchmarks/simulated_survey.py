"""Compare a SIMULATED survey with real galaxies: numbers and figures, by one command.

Usage: python benchmarks/simulated_survey.py SURVEY.h5 --real ../shared/data [-o docs]

SURVEY.h5 is made by ``astroclip-simulate 8000 -o survey.h5 --seed 11``. Prints the numbers, and
writes them to OUT/simulation_numbers.md and the figures to OUT/static/simulation. Needs
matplotlib beside the ``[simulate]`` extra. Three minutes on one core for 8,000 galaxies; at least
2,000 are needed, and the package must be as it was when they were made.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np
import survey_figures as figures
from astropy.table import Table
from matplotlib import rc_context
from scipy.stats import binom
from survey_numbers import (
    BRIGHT_LINES,
    OII_PART,
    NumberTable,
    line_widths,
    measured_photometry,
    pair,
    parent_spectra,
    photometry,
    signal_to_noise,
    without_truth,
)
from survey_samples import (
    Galaxies,
    Measured,
    measure_magnitudes,
    measure_sky,
    measure_spectra,
    read_bright,
    read_cutouts,
    read_labels,
    read_survey,
    remake,
    sky_of,
)

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate import RATES, Templates, load_templates, simulate_galaxy
from astroclip_astro.simulate.lines import LINES

COMMANDS = """<!-- not run: it takes minutes, and the real galaxies are not part of the package -->
```sh
astroclip-simulate {n} -o survey.h5 --seed {seed}
python benchmarks/simulated_survey.py survey.h5 --real ../shared/data -o docs
```

Written by these commands; do not edit. Everything called SIMULATED is simulated with {version}.
Real galaxies: labels and photometry of DESI's early data release ({labels:,}, r < 20.3,
0.01 < z < 0.6), and {bright} galaxies of DR1's bright programme in the COSMOS field with line
measurements (z < 0.6).
"""
SKY_STEP = 4  # every fourth image


def fibre_light(simulated: Galaxies, file: h5py.File) -> NumberTable:
    """Return how much fainter SIMULATED galaxies are in a fibre."""
    inside = 22.5 - 2.5 * np.log10(file["fibre_flux"][:]) - simulated.magnitudes[:, 1]
    rows = []
    for low, high in ((17, 18), (18, 19), (19, 19.5), (19.5, 20.3)):
        r = simulated.magnitudes[:, 1]
        values = inside[(r >= low) & (r < high)]
        numbers = [f"{v:.2f}" for v in np.percentile(values, [16, 50, 84])]
        rows.append((f"{low} to {high}", f"{len(values):,}", *numbers))
    return NumberTable(
        "Fibre magnitude less total magnitude in r",
        "SIMULATED; 837 real galaxies of r = 18 to 19 have a median of 1.54.",
        ("r", "galaxies", "16 %", "median", "84 %"),
        rows,
    )


def sky(rms: np.ndarray, correlation: np.ndarray, north: np.ndarray, cutouts: dict) -> NumberTable:
    """Compare the sky of SIMULATED images and real cutouts."""
    rows = []
    for name, chosen in (("SIMULATED, south", ~north), ("SIMULATED, north", north)):
        limits = np.nanpercentile(rms[chosen], [16, 50, 84], axis=0) * 1e3  # (3, 3)
        noise = [f"{b:.2f} ({a:.2f} to {c:.2f})" for a, b, c in limits.T]
        together = pair(np.nanmedian(correlation[chosen], axis=0), 2)
        rows.append((name, f"{chosen.sum():,}", *noise, together))
    for name, image in cutouts.items():
        noise, together = sky_of(image)
        rows.append((f"real, {name}", "1", *(f"{v * 1e3:.2f}" for v in noise), pair(together, 2)))
    return NumberTable(
        "Sky of the images",
        "Thousandths of a nanomaggy a pixel, 1.4826 times the median absolute deviation beyond "
        "14.4 arcsec from the middle: median (16 to 84 %); correlation of pixels side by side.",
        ("images", "number", "g", "r", "z", "correlation g / r / z"),
        rows,
    )


def occurrence(artefacts: np.ndarray) -> NumberTable:
    """Compare how often each artefact happens with its rate."""
    rows = []
    for artefact, (rate, _) in RATES.items():
        count, n = int(((artefacts & artefact) != 0).sum()), len(artefacts)
        low, high = binom.interval(0.99, n, rate)
        rows.append(
            (artefact.name, f"{rate:g}", f"{rate * n:.0f}", f"{count}",
             f"{low:.0f} to {high:.0f}", "yes" if low <= count <= high else "NO")
        )  # fmt: skip
    return NumberTable(
        "Artefacts",
        f"Of {len(artefacts):,} SIMULATED galaxies; 99 % of surveys have numbers in the interval.",
        ("artefact", "rate", "expected", "found", "interval", "inside"),
        rows,
    )


def file_size(file: h5py.File, total: int) -> NumberTable:
    """Return what a galaxy takes on disk."""
    n = len(file["redshift"])
    rows = []
    for name, data in file.items():
        stored, plain = data.id.get_storage_size() / n, data.dtype.itemsize * data.size / n
        if plain > 100:
            rows.append((f"`{name}`", f"{plain:,.0f}", f"{stored:,.0f}"))
    rest = sum(
        d.id.get_storage_size() / n for d in file.values() if d.dtype.itemsize * d.size <= 100 * n
    )
    rows.append(("all others", f"{rest:,.0f}", f"{rest:,.0f}"))
    rows.append(("file", "-", f"{total / n:,.0f}"))
    return NumberTable(
        "The file",
        f"Bytes a galaxy; {n:,} SIMULATED galaxies take {total / 1e9:.2f} GB.",
        ("dataset", "plain", "stored"),
        rows,
    )


def written_widths(file: h5py.File) -> dict[str, np.ndarray]:
    """Return the survey's equivalent widths by line; of [OII] the line the real table has."""
    widths = file["equivalent_widths"][:].astype(float)
    names = ("HALPHA", "OII_3726", "OIII_5007", "HBETA")
    parts = (1, OII_PART, 1, 1)
    return {name: part * column for name, part, column in zip(names, parts, widths.T, strict=True)}


def draw_figures(
    folder: Path,
    file: h5py.File,
    real_folder: Path,
    *,
    simulated: Galaxies,
    real: Galaxies,
    bright: Table,
    spectra: Measured,
    samples: dict[str, tuple[Galaxies, np.ndarray]],
    rms: np.ndarray,
    north: np.ndarray,
    cutouts: dict[str, np.ndarray],
) -> None:
    """Draw all figures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    table = Table.read(real_folder / "desi_spectra.fits")
    noisy = table[[np.ma.filled(row["IVAR"], 0).any() for row in table]]
    native = {name: image for name, image in cutouts.items() if "oversampled" not in name}
    good = {name: image for name, image in cutouts.items() if "bad_pixels" not in name}
    with rc_context(figures.STYLE):
        figures.save(figures.redshifts(simulated, real), folder / "distributions.png")
        figures.save(figures.against_redshift(simulated, real), folder / "against_redshift.png")
        figures.save(figures.signal(simulated, spectra, bright), folder / "signal_to_noise.png")
        figures.save(figures.widths(samples, bright), folder / "line_widths.png")
        figures.save(figures.sky_noise(rms, north, native, spectra, noisy), folder / "noise.png")
        figures.save(figures.mosaic(file, simulated, good), folder / "mosaic.png", 128, 100)
        figures.save(figures.beside_real(file, simulated, spectra, table), folder / "spectra.png")
        figures.save(figures.artefacts(file), folder / "artefacts.png", 128, 90)


def check_code(file: h5py.File, templates: Templates, path: Path) -> None:
    """Leave where the package at hand no longer makes the galaxies of the survey."""
    for index in range(4):
        galaxy = simulate_galaxy(templates, int(file.attrs["seed"]), index)
        for name in ("images", "spectrum", "ivar", "equivalent_widths"):
            if not np.allclose(galaxy[name], file[name][index], 1e-3, 1e-3, equal_nan=True):
                raise SystemExit(
                    f"{path} was made by another state of the package: {name} of galaxy {index} "
                    "comes out differently now. Simulate it again."
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("survey", type=Path)
    parser.add_argument("--real", type=Path, required=True, help="folder of real data")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs"))
    parser.add_argument("--jobs", type=int, default=1, help="processes that measure images")
    parser.add_argument("--remade", type=int, default=1500, help="galaxies made again")
    arguments = parser.parse_args()
    real, bright = read_labels(arguments.real), read_bright(arguments.real)
    cutouts = read_cutouts(arguments.real)
    native = {name: image for name, image in cutouts.items() if "oversampled" not in name}
    with h5py.File(arguments.survey) as file:
        simulated, artefacts = read_survey(file), file["artefacts"][:]
        n, seed, version = (file.attrs[name] for name in ("n", "seed", "version"))
        north = file["hemisphere"][:] == b"N"
        widths = written_widths(file)
        spectra = measure_spectra(file)
        rms, correlation = measure_sky(file, SKY_STEP)
        templates = load_templates()
        check_code(file, templates, arguments.survey)
        remade = [remake(templates, int(seed), index) for index in range(min(arguments.remade, n))]
        again = {
            name: np.array([g.equivalent_widths(1.1)[list(LINES).index(name)] for g in remade])
            for name in BRIGHT_LINES[4:]
        }
        samples = {name: (simulated, width) for name, width in widths.items()}
        few = simulated[np.arange(len(remade))]
        samples |= {name: (few, width) for name, width in again.items()}
        magnitudes = measure_magnitudes(arguments.survey, int(n), arguments.jobs)
        measured = Galaxies(simulated.redshift, simulated.log_stellar_mass, magnitudes)
        reddening = {"wavelength": WAVELENGTH, "magnitudes": templates.spectrographs.reddening}
        tables = [
            photometry(simulated, real),
            *measured_photometry(simulated, measured, artefacts),
            parent_spectra(templates, remade),
            signal_to_noise(simulated, spectra, bright, reddening),
            line_widths(samples, bright),
            without_truth(widths["HALPHA"], spectra.halpha_width),
            fibre_light(simulated, file),
            sky(rms, correlation, north[::SKY_STEP], native),
            occurrence(artefacts),
            file_size(file, arguments.survey.stat().st_size),
        ]
        text = COMMANDS.format(
            n=n, seed=seed, version=f"version {version}", labels=len(real.redshift),
            bright=len(bright),
        )  # fmt: skip
        text = "\n".join([text, *map(str, tables)])
        print(text)
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / "simulation_numbers.md").write_text(text)
        draw_figures(
            arguments.output / "static" / "simulation",
            file,
            arguments.real,
            simulated=simulated,
            real=real,
            bright=bright,
            spectra=spectra,
            samples=samples,
            rms=rms,
            north=north[::SKY_STEP],
            cutouts=cutouts,
        )


if __name__ == "__main__":
    main()
