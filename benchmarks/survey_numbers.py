"""The numbers that simulated_survey.py prints, each as a Markdown table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy import units
from astropy.table import Table
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from speclite import filters
from survey_samples import LEFT_OUT, MATCHED, Galaxies, Measured, match_signal, match_widths

from astroclip_astro.simulate import Artefact, Galaxy, Templates
from astroclip_astro.simulate.lines import LINES
from astroclip_astro.simulate.wavelengths import OBSERVED

DRAWS = 5  # of real galaxies, for the scatter of their figures
BRIGHT_LINES = ("HALPHA", "OII_3726", "OIII_5007", "HBETA", "NII_6584", "SII_6716")
OII_PART = 0.42  # of the doublet in its bluer line, which the real table has
HUBBLE = 0.31  # dex, 2 log10(1 / 0.7): masses with h = 1 are so much lower


@dataclass(frozen=True)
class NumberTable:
    """A Markdown table with its heading and a word on how it was made."""

    title: str
    text: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def __str__(self) -> str:
        """Return Markdown."""
        lines = [self.header, ("---",) * len(self.header), *self.rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return f"## {self.title}\n\n{self.text}\n\n{table}\n"


def neighbours() -> Pipeline:
    """Return the regressor that every photometric figure is of."""
    return make_pipeline(StandardScaler(), KNeighborsRegressor(16, weights="distance"))


def within(sample: Galaxies, seed: int = 0) -> np.ndarray:
    """Return R2 of redshift and mass in five folds of a sample, (2,)."""
    folds = KFold(5, shuffle=True, random_state=seed)
    predicted = cross_val_predict(neighbours(), sample.colours, sample.labels, cv=folds)
    return r2_score(sample.labels, predicted, multioutput="raw_values")


def across(known: Galaxies, asked: Galaxies) -> np.ndarray:
    """Return R2 of redshift and mass of one sample from another, (2,)."""
    predicted = neighbours().fit(known.colours, known.labels).predict(asked.colours)
    return r2_score(asked.labels, predicted, multioutput="raw_values")


def pair(values: np.ndarray, digits: int = 3) -> str:
    """Return two figures with a stroke between them."""
    return " / ".join(f"{value:.{digits}f}" for value in values)


def photometry(simulated: Galaxies, real: Galaxies) -> NumberTable:
    """Compare what photometry alone says of redshift and mass, SIMULATED and real."""
    left_out = np.isin(real.rosette, LEFT_OUT)
    tested, n = real[left_out], min(len(simulated.redshift), 8000)
    simulated = simulated[np.arange(n)]
    rng = np.random.default_rng(0)
    draws = [real[rng.choice(len(left_out), n, replace=False)] for _ in range(DRAWS)]
    others = [real[rng.choice(np.flatnonzero(~left_out), n, replace=False)] for _ in range(DRAWS)]
    figures = {
        "within SIMULATED": [within(simulated, seed) for seed in range(DRAWS)],
        "within real": [within(draw) for draw in draws],
        "SIMULATED to held-out real": [across(simulated, tested)],
        "real to held-out real": [across(other, tested) for other in others],
    }
    mean = {name: np.mean(values, axis=0) for name, values in figures.items()}
    rows = [
        (name, pair(mean[name]), pair(np.std(v, axis=0)) if len(v) > 1 else "-")
        for name, v in figures.items()
    ]
    for name, first, second, goal in (
        ("difference within", "within SIMULATED", "within real", 0.03),
        ("difference to held-out real", *list(figures)[2:], 0.02),
    ):
        rows.append((f"{name} (goal {goal})", pair(mean[first] - mean[second]), "-"))
    return NumberTable(
        "Photometry alone, SIMULATED and real",
        f"R2 of redshift / mass from g - r, r - z and r, standardised, of 16 neighbours weighted "
        f"by distance. Each sample has {n:,} galaxies; the {len(tested.redshift):,} held-out ones "
        f"lie in rosettes {', '.join(map(str, LEFT_OUT))}. Mean and scatter of {DRAWS} draws "
        "(real) or divisions into folds (SIMULATED).",
        ("sample", "R2 z / logM", "scatter"),
        rows,
    )


def measured_photometry(
    simulated: Galaxies, measured: Galaxies, artefacts: np.ndarray
) -> tuple[NumberTable, NumberTable]:
    """Compare magnitudes measured from SIMULATED images with those drawn."""
    whole = (artefacts & Artefact.BLANK_BAND) == 0
    rows = []
    for name, good in (("all", np.ones_like(whole)), ("without BLANK_BAND", whole)):
        drawn, seen = (
            np.mean([within(sample[good], seed) for seed in range(DRAWS)], axis=0)
            for sample in (simulated, measured)
        )
        rows.append((name, f"{good.sum():,}", pair(drawn), pair(seen), pair(seen - drawn)))
    first = NumberTable(
        "Photometry measured from SIMULATED images",
        f"R2 of redshift / mass as above, mean of {DRAWS} divisions into folds; magnitudes by "
        "fitting profiles to the images (benchmarks/model_photometry.py), dereddened. The fit "
        "knows the seeing, and its profiles are the simulator's. Goal: within 0.03 of `flux`.",
        ("galaxies", "number", "from `flux`", "from images", "difference"),
        rows,
    )
    error = {
        "g": (measured.magnitudes - simulated.magnitudes)[whole, 0],
        "r": (measured.magnitudes - simulated.magnitudes)[whole, 1],
        "z": (measured.magnitudes - simulated.magnitudes)[whole, 2],
        "g - r": (measured.colours - simulated.colours)[whole, 0],
        "r - z": (measured.colours - simulated.colours)[whole, 1],
    }
    rows = [
        (name, *(f"{v:+.3f}" for v in np.percentile(values, [2.5, 16, 50, 84, 97.5])))
        for name, values in error.items()
    ]
    header = ("measured less drawn", "2.5 %", "16 %", "50 %", "84 %", "97.5 %")
    text = f"Magnitudes, {whole.sum():,} SIMULATED galaxies without BLANK_BAND."
    return first, NumberTable("Errors of the measured photometry", text, header, rows)


def parent_spectra(templates: Templates, galaxies: list[Galaxy]) -> NumberTable:
    """Compare the magnitudes of the spectra, by another package, with those drawn."""
    bands = filters.load_filters(*(f"decam2014-{band}" for band in "grz"))
    spectra = np.stack([galaxy.spectrum for galaxy in galaxies]).astype(float)
    padded, wavelength = bands.pad_spectrum(
        spectra * units.Unit("1e-17 erg / (s cm2 Angstrom)"), OBSERVED * units.Angstrom
    )
    table = bands.get_ab_magnitudes(padded, wavelength)
    synthetic = np.stack([np.asarray(table[name]) for name in table.colnames], axis=1)
    drawn = np.stack([22.5 - 2.5 * np.log10(galaxy.properties.flux) for galaxy in galaxies])
    error = synthetic - drawn
    warp = np.stack([warp_of(templates, galaxy) for galaxy in galaxies])  # (n, 3)
    missed = np.stack([galaxy.stars.mismatch for galaxy in galaxies])
    quantities = {
        "synthetic less drawn, g": error[:, 0],
        "synthetic less drawn, r": error[:, 1],
        "synthetic less drawn, z": error[:, 2],
        "smooth factor, change of g - r": warp[:, 0] - warp[:, 1],
        "smooth factor, change of r - z": warp[:, 1] - warp[:, 2],
        "smooth factor, change of r": warp[:, 1],
        "library's miss, g - r": missed[:, 0],
        "library's miss, r - z": missed[:, 1],
    }
    return NumberTable(
        "Parent spectra",
        f"Magnitudes, {len(galaxies):,} SIMULATED galaxies: photometry of the noiseless whole "
        "spectrum by speclite (goal 0.02), and what the smooth factor that makes it fit changed. "
        "Median with its sign, then percentiles of the absolute value.",
        ("quantity", "median", "50 %", "95 %", "99 %", "largest"),
        [
            (
                name,
                f"{np.median(values):+.4f}",
                *(f"{v:.4f}" for v in np.percentile(np.abs(values), [50, 95, 99, 100])),
            )
            for name, values in quantities.items()
        ],
    )


def warp_of(templates: Templates, galaxy: Galaxy) -> np.ndarray:
    """Return how much fainter the factor that closes the photometry made g, r, z, (3,), mag.

    `Galaxy.gain` holds that factor at 24 lines, and it is made of three curves.
    """
    z = galaxy.properties.redshift
    place = np.array(list(LINES.values())) * (1 + z)
    inside = (place > OBSERVED[0]) & (place < OBSERVED[-1])
    factor = galaxy.gain / (templates.distances.dimming(z) * (1 + z))
    curves = np.stack([np.interp(place, OBSERVED, curve) for curve in templates.bumps])  # (3, 24)
    logs = np.linalg.lstsq(curves[:, inside].T, np.log(factor[inside]), rcond=None)[0]
    before = templates.band_weights @ (galaxy.spectrum / np.exp(logs @ templates.bumps))
    return -2.5 * np.log10(galaxy.properties.flux / before)


def signal_to_noise(
    simulated: Galaxies, measured: Measured, bright: Table, reddening: dict[str, np.ndarray]
) -> NumberTable:
    """Compare S/N of real spectra with that of SIMULATED ones of the same continuum."""
    rows = []
    for camera, line in (("R", "HBETA"), ("R", "OIII_5007"), ("B", "OII_3726"), ("Z", "HALPHA")):
        real, ratio = match_signal(simulated, measured, bright, camera, line, reddening)
        for survey in ("all", "sv1", "sv3", "main"):
            chosen = np.ones(len(real), bool) if survey == "all" else real["SURVEY"] == survey
            if chosen.sum() < 5:
                continue
            values, snr = ratio[chosen], np.asarray(real[f"SNR_{camera}"])[chosen]
            rng = np.random.default_rng(0)
            again = np.median(rng.choice(values, (500, len(values))), axis=1)
            middle = np.median(values)
            rows.append(
                (camera, line, survey, f"{chosen.sum()}", f"{np.median(snr):.2f}",
                 f"{middle:.2f} ± {again.std():.2f}",
                 f"{np.percentile(values, 16):.2f} to {np.percentile(values, 84):.2f}")
            )  # fmt: skip
    return NumberTable(
        "Signal to noise",
        f"SIMULATED over real median S/N of a pixel. Each real bright-programme galaxy (z < 0.6) "
        f"is set beside the {MATCHED} SIMULATED ones nearest in observed continuum at the line and "
        "redshift. The depth of the simulation was set by these same real galaxies, all surveys "
        "together. Goal: R within 10 %. Errors of the median by bootstrap.",
        ("camera", "continuum at", "survey", "real galaxies", "real S/N", "SIMULATED / real",
         "16 to 84 %"),
        rows,
    )  # fmt: skip


def line_widths(samples: dict[str, tuple[Galaxies, np.ndarray]], bright: Table) -> NumberTable:
    """Compare equivalent widths, SIMULATED and real, at the real masses and at shifted ones."""
    rows = []
    for shift in (0.0, HUBBLE):
        for line, (simulated, width) in samples.items():
            both = match_widths(simulated, width, bright, line, shift)
            rng = np.random.default_rng(0)
            again = np.median(rng.choice(both.real, (500, len(both.real))), axis=1)
            middle = np.median(both.real)
            rows.append(
                (f"+{shift:.2f}", line, f"{both.tried}", f"{len(both.real)}", f"{middle:.2f}",
                 f"{both.median:.2f}",
                 f"{np.log10(both.median / middle):+.2f} ± {np.std(np.log10(again)):.2f}",
                 f"{both.real_detected:.2f} / {both.simulated_detected:.2f}")
            )  # fmt: skip
    return NumberTable(
        "Line widths",
        "Medians of detections (3 sigma) in the rest frame, Angstrom. Each real bright-programme "
        "galaxy's own limit is applied to all SIMULATED ones within 0.03 in redshift and 0.2 dex "
        "in mass. Real masses as they stand, and with 2 log10(1 / 0.7) = 0.31 dex added, because "
        "they assume h = 1. OII_3726 is one line of the doublet. Line strengths of the simulation "
        "were set by these same galaxies. Goal: within 0.15 dex for H alpha, [OII], [OIII] and "
        "H beta. Errors of the real median by bootstrap.",
        ("real mass, dex", "line", "real galaxies", "detected", "real", "SIMULATED",
         "SIMULATED / real, dex", "detected real / SIMULATED"),
        rows,
    )  # fmt: skip


def without_truth(truth: np.ndarray, width: np.ndarray) -> NumberTable:
    """Compare H alpha widths measured from the noiseless spectra with those written."""
    rows = []
    for low, high in ((5, 10), (10, 20), (20, 40), (40, np.inf)):
        good = np.isfinite(width) & (truth > low) & (truth <= high)
        ratio, less = width[good] / truth[good], width[good] - truth[good]
        rows.append(
            (f"{low} to {high:g}" if np.isfinite(high) else f"above {low}", f"{good.sum():,}",
             f"{np.median(ratio):.3f}", f"{np.median(less):+.2f}")
        )  # fmt: skip
    return NumberTable(
        "H alpha measured from noiseless SIMULATED spectra",
        "Within 9 Angstrom of the line, against bands beside it, over `equivalent_widths`; stellar "
        "absorption is not counted in the latter.",
        ("written, Angstrom", "galaxies", "median measured / written", "median difference"),
        rows,
    )
