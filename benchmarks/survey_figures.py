"""The figures that simulated_survey.py draws: real galaxies dark grey, SIMULATED ones blue."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
from astropy.table import Table
from astropy.visualization import make_lupton_rgb
from matplotlib import pyplot as plt
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from survey_numbers import HUBBLE
from survey_samples import Galaxies, Measured, beside, match_widths, sky_of

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate import Artefact
from astroclip_astro.simulate.instrument import CAMERAS
from astroclip_astro.simulate.lines import LINES

REAL, SIMULATED = "#3d3d3d", "#0072b2"
WIDTH = 8.0  # inches
STAMP = 64  # pixels of 0.262 arcsec, the middle of an image
NAMES = {
    "HALPHA": r"H$\alpha$", "OII_3726": "[OII] 3726", "OIII_5007": "[OIII] 5007",
    "HBETA": r"H$\beta$", "NII_6584": "[NII] 6584", "SII_6716": "[SII] 6716",
}  # fmt: skip
MARKS = {
    "[OII]": 3728.5, "HK": 3952.0, r"H$\delta$": 4102.9, "G": 4305.6,
    r"H$\beta$": 4862.7, "[OIII]": 5008.2, "Mg": 5176.6, "Na": 5895.6, r"H$\alpha$": 6564.6,
    "[SII]": 6725.0,
}  # fmt: skip
IN_IMAGES = ("BLANK_BAND", "BAD_PIXELS", "SATURATED_STAR", "GRADIENT", "TRAIL", "MERGER")
IN_SPECTRA = ("DEAD_CAMERA", "COSMIC_RAY", "MASKED_STRETCH", "CAMERA_STEP", "SKY_RESIDUALS",
              "STRONG_TILT")  # fmt: skip
STYLE = {
    "font.size": 9, "axes.titlesize": 9, "axes.spines.top": False, "axes.spines.right": False,
    "legend.frameon": False, "legend.fontsize": 8, "figure.constrained_layout.use": True,
}  # fmt: skip


def save(figure: plt.Figure, path: Path, colours: int = 64, dpi: int = 110) -> None:
    """Write a figure as a PNG of few colours, which is small."""
    picture = io.BytesIO()
    figure.savefig(picture, dpi=dpi, facecolor="white")
    plt.close(figure)
    image = Image.open(picture).convert("RGB")
    palette = image.quantize(colours, method=Image.Quantize.MAXCOVERAGE, kmeans=1)
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def colour_picture(image: np.ndarray, size: int = STAMP) -> np.ndarray:
    """Return the middle of a grz image in colour."""
    first = (image.shape[-1] - size) // 2
    g, r, z = image[:, first : first + size, first : first + size].astype(float)
    with np.errstate(invalid="ignore"):  # where all bands are 0
        return make_lupton_rgb(0.6 * z, r, 1.5 * g, stretch=0.09, Q=8)


def redshifts(simulated: Galaxies, real: Galaxies) -> plt.Figure:
    """Draw the distributions of redshift, magnitude and mass."""
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.7))
    for axis, values, limits, label in (
        (axes[0], lambda s: s.redshift, (0, 0.6), "redshift"),
        (axes[1], lambda s: s.magnitudes[:, 1], (15, 20.4), "r (mag, dereddened)"),
        (axes[2], lambda s: s.log_stellar_mass, (7.5, 12.2), r"log$_{10}$ mass (M$_\odot$)"),
    ):
        bins = np.linspace(*limits, 49)
        options = {"bins": bins, "density": True}
        axis.hist(values(simulated), color=SIMULATED, alpha=0.45, label="SIMULATED", **options)
        axis.hist(values(real), color=REAL, histtype="step", lw=1.3, label="real", **options)
        axis.set(xlabel=label, xlim=limits)
    axes[0].set_ylabel("probability density")
    axes[1].legend(loc="upper left")
    return figure


def against_redshift(simulated: Galaxies, real: Galaxies) -> plt.Figure:
    """Draw colours and mass against redshift: SIMULATED points on real contours."""
    figure, axes = plt.subplots(3, 2, figsize=(WIDTH, 8.2), sharex=True, sharey="row")
    rng = np.random.default_rng(0)
    few = rng.choice(len(real.redshift), len(simulated.redshift), replace=False)
    limits = ((-0.1, 2.1), (-0.2, 1.3), (7.8, 12.1))
    for column, (name, sample, colour) in enumerate(
        (("real", real[few], REAL), ("SIMULATED", simulated, SIMULATED))
    ):
        for row, (label, range_) in enumerate(
            zip(("g - r (mag)", "r - z (mag)", r"log$_{10}$ mass (M$_\odot$)"), limits, strict=True)
        ):
            axis = axes[row, column]
            axis.plot(sample.redshift, quantity(sample, row), ",", color=colour, alpha=0.7)
            bins = [np.linspace(0, 0.6, 31), np.linspace(*range_, 36)]
            density, x, y = np.histogram2d(real.redshift, quantity(real, row), bins)
            density = gaussian_filter(density, 0.7)
            ordered = np.sort(density.ravel())[::-1]
            part = np.cumsum(ordered) / ordered.sum()
            levels = sorted({ordered[np.searchsorted(part, p)] for p in (0.3, 0.6, 0.85, 0.96)})
            middles = [(edges[1:] + edges[:-1]) / 2 for edges in (x, y)]
            axis.contour(*middles, density.T, levels=levels, colors="k", linewidths=0.9)
            axis.set(xlim=(0, 0.6), ylim=range_)
            if column == 0:
                axis.set_ylabel(label)
            if row == 0:
                axis.set_title(f"points: {len(sample.redshift):,} {name}; contours: real")
    for axis in axes[-1]:
        axis.set_xlabel("redshift")
    return figure


def quantity(sample: Galaxies, row: int) -> np.ndarray:
    """Return g - r, r - z or mass."""
    return sample.log_stellar_mass if row == 2 else sample.colours[:, row]


def signal(simulated: Galaxies, measured: Measured, bright: Table) -> plt.Figure:
    """Draw S/N in each camera against the continuum there."""
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.1), sharey=True)
    marks = {"sv1": "s", "sv3": "o", "main": "^"}
    for axis, camera, line in zip(axes, "BRZ", ("OII_3726", "HBETA", "HALPHA"), strict=True):
        level, snr = measured.continuum[line], measured.signal_to_noise[camera]
        low, high = CAMERAS[camera][0]
        place = LINES[line] * (1 + simulated.redshift)
        good = (level > 0.05) & (snr > 0.05) & (place > low) & (place < high)
        axis.plot(level[good], snr[good], ",", color=SIMULATED, alpha=0.6)
        edges = np.geomspace(0.3, 12, 12)
        place = np.digitize(level, edges)
        middles = [
            np.median(snr[good & (place == k)]) if (good & (place == k)).sum() > 9 else np.nan
            for k in range(1, len(edges))
        ]
        axis.plot(np.sqrt(edges[1:] * edges[:-1]), middles, color=SIMULATED, lw=2.2,
                  label="SIMULATED, median")  # fmt: skip
        place = LINES[line] * (1 + np.asarray(bright["Z"]))
        inside = (place > low) & (place < high)
        for survey, mark in marks.items():
            rows = bright[inside & (np.asarray(bright["SURVEY"]) == survey)]
            axis.plot(rows[f"{line}_CONT"], rows[f"SNR_{camera}"], mark, color=REAL, ms=3.2,
                      mfc="none" if survey != "main" else REAL, mew=0.8,
                      label=f"real, {survey}")  # fmt: skip
        axis.set(xscale="log", yscale="log", xlim=(0.1, 30), ylim=(0.1, 60))
        axis.set_title(f"camera {camera}, continuum at {NAMES[line]}")
        axis.set_xlabel("flux (1e-17 erg/s/cm$^2$/Å)")
    axes[0].set_ylabel("median S/N of a pixel")
    axes[0].legend(loc="upper left", fontsize=7)
    return figure


def widths(samples: dict[str, tuple[Galaxies, np.ndarray]], bright: Table) -> plt.Figure:
    """Draw the equivalent widths of detected lines at matched redshift and mass."""
    figure, axes = plt.subplots(2, 3, figsize=(WIDTH, 4.6))
    bins = np.linspace(-0.6, 2.4, 21)
    for axis, (line, (simulated, width)) in zip(axes.flat, samples.items(), strict=True):
        for shift, style in ((0.0, "-"), (HUBBLE, "--")):
            both = match_widths(simulated, width, bright, line, shift)
            if shift == 0:
                axis.hist(np.log10(both.real), bins, color=REAL, alpha=0.35, label="real, detected")
                axis.axvline(np.log10(np.median(both.real)), color=REAL, lw=1.5)
            axis.hist(np.log10(both.simulated), bins, weights=both.weight, color=SIMULATED,
                      ls=style, histtype="step", lw=1.4,
                      label=f"SIMULATED, real mass +{shift:.2f}")  # fmt: skip
            axis.axvline(np.log10(both.median), color=SIMULATED, lw=1.2, ls=style)
        axis.set(title=NAMES[line], xlim=(-0.5, 2.3))
        ticks = (1, 3, 10, 30, 100)
        axis.set_xticks(np.log10(ticks), ticks)
    for axis in axes[1]:
        axis.set_xlabel("equivalent width (Å, rest frame)")
    for axis in axes[:, 0]:
        axis.set_ylabel("detected galaxies")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def sky_noise(
    rms: np.ndarray, north: np.ndarray, cutouts: dict, measured: Measured, spectra: Table
) -> plt.Figure:
    """Draw sky rms of the images by band, and noise of the spectra against wavelength."""
    figure = plt.figure(figsize=(WIDTH, 5.6))
    grid = figure.add_gridspec(2, 3, height_ratios=(1, 1.3))
    for band in range(3):
        axis = figure.add_subplot(grid[0, band])
        bins = np.linspace(0, np.nanpercentile(rms[:, band], 98) * 1.3e3, 50)
        for chosen, style, name in ((~north, "stepfilled", "south"), (north, "step", "north")):
            axis.hist(rms[chosen, band] * 1e3, bins, color=SIMULATED, density=True,
                      histtype=style, alpha=0.45 if style == "stepfilled" else 1,
                      label=f"SIMULATED, {name}")  # fmt: skip
        for number, (name, image) in enumerate(cutouts.items()):
            axis.axvline(sky_of(image)[0][band] * 1e3, color=REAL, ls=("-", "--")[number % 2],
                         label="real, " + name.split("_")[0])  # fmt: skip
        axis.set(xlabel="sky rms (10$^{-3}$ nanomaggies)", yticks=[])
        axis.set_title(f"images, {'grz'[band]}")
        if band == 0:
            axis.set_ylabel("probability density")
        if band == 2:
            axis.legend(fontsize=6.5, loc="upper right")
    axis = figure.add_subplot(grid[1, :])
    low, middle, high = (binned(v) for v in np.nanpercentile(measured.noise, [16, 50, 84], axis=0))
    x = binned(WAVELENGTH)
    for number, row in enumerate(spectra):
        axis.plot(x, binned(deviation(row)), color=REAL, lw=0.5, alpha=0.45,
                  label=None if number else "real coadds, mostly dark programme")  # fmt: skip
    axis.fill_between(x, low, high, color=SIMULATED, alpha=0.35, lw=0)
    axis.plot(x, middle, color=SIMULATED, lw=1, label="SIMULATED, median and 16 to 84 %")
    axis.set(yscale="log", xlim=(3600, 9824), ylim=(0.06, 12), xlabel="wavelength (Å)")
    axis.set_ylabel("noise of a pixel (1e-17 erg/s/cm$^2$/Å)")
    axis.legend(loc="upper right")
    return figure


def binned(values: np.ndarray) -> np.ndarray:
    """Return medians of five pixels, (1556,)."""
    return np.median(values[:7780].reshape(-1, 5), axis=1)


def deviation(row: Table.Row) -> np.ndarray:
    """Return the noise of a real spectrum, NaN where masked, (7781,)."""
    ivar = np.ma.filled(row["IVAR"], 0)
    return np.where(ivar > 0, 1 / np.sqrt(np.where(ivar > 0, ivar, 1)), np.nan)


def mosaic(file: h5py.File, simulated: Galaxies, cutouts: dict) -> plt.Figure:
    """Draw 40 SIMULATED galaxies and the real cutouts, brightest first; to be saved at 100 dpi."""
    rows = np.arange(40)[np.argsort(simulated.magnitudes[:40, 1])]
    side, step, line = 2 * STAMP, 2 * STAMP + 4, 2 * STAMP + 24  # each pixel is 2 x 2: compact
    width, height = 9 * step, 5 * line
    figure = plt.figure(figsize=(width / 100, height / 100), layout="none")

    def place(column: int, row: int) -> plt.Axes:
        bottom = height - (row + 1) * line + 2
        axis = figure.add_axes(
            (column * step / width, bottom / height, side / width, side / height)
        )
        axis.axis("off")
        return axis

    for number, row in enumerate(rows):
        axis = place(1 + number % 8, number // 8)
        show(axis, file["images"][row])
        axis.set_title(f"z {simulated.redshift[row]:.2f}  r {simulated.magnitudes[row, 1]:.1f}",
                       fontsize=10, color=SIMULATED, pad=3)  # fmt: skip
    for number, (name, image) in enumerate(cutouts.items()):
        axis = place(0, number)
        show(axis, image)
        axis.set_title("real, " + name.split("_")[0], fontsize=10, color=REAL, pad=3)
    place(0, 4).text(0.5, 0.5, "left: real\nright: 40\nSIMULATED\n17 arcsec\na side", ha="center",
                     va="center", fontsize=12)  # fmt: skip
    return figure


def show(axis: plt.Axes, image: np.ndarray, size: int = STAMP) -> None:
    """Draw the middle of a grz image in colour."""
    axis.imshow(colour_picture(image, size), origin="lower", interpolation="nearest")
    axis.axis("off")


def beside_real(
    file: h5py.File, simulated: Galaxies, measured: Measured, spectra: Table
) -> plt.Figure:
    """Draw real spectra, and SIMULATED ones alike in redshift, colours and continuum."""
    known = spectra[~np.ma.getmaskarray(spectra["FLUX_R"])]
    known = known[(known["SPECTYPE"] == "GALAXY") & (known["Z"] < 0.6)]
    known = known[np.argsort(known["Z"])]
    figure, axes = plt.subplots(len(known) + 1, 2, figsize=(WIDTH, 8.6), sharex=True)
    used = (file["artefacts"][:] & sum(Artefact[name] for name in IN_SPECTRA)) != 0
    for pair, row in zip(axes[:-1], known, strict=True):
        flux = np.array([row[f"FLUX_{band}"] for band in "GRZ"], float)
        g, r, z = 22.5 - 2.5 * np.log10(flux)
        level = beside(
            np.asarray(row["FLUX"])[None], np.atleast_1d(LINES["HBETA"] * (1 + row["Z"]))
        )
        far = np.abs(simulated.colours[:, :2] - [g - r, r - z]).sum(axis=1) / 0.1
        far += np.abs(simulated.redshift - row["Z"]) / 0.01
        far += np.abs(np.log(measured.continuum["HBETA"] / level)) / 0.3
        alike = int(np.nanargmin(far + 99 * used))
        used[alike] = True
        smoothed = bool(row["SMOOTHED"])
        note = ", smoothed by 3 pixels" if smoothed else ""
        draw_spectrum(pair[0], np.asarray(row["FLUX"]), float(row["Z"]), REAL, 0)
        pair[0].set_title(f"real, z = {row['Z']:.3f}, r = {r:.1f}{note}", loc="left")
        found = float(simulated.redshift[alike])
        draw_spectrum(pair[1], file["spectrum"][alike], found, SIMULATED, 3 * smoothed)
        pair[1].set_title(
            f"SIMULATED, z = {found:.3f}, r = {simulated.magnitudes[alike, 1]:.1f}{note}",
            loc="left",
        )
    rate = file["log_ssfr"][:]
    for axis, kind in zip(axes[-1], (rate > -9.8, rate < -11.8), strict=True):
        fair = kind & ~used & (simulated.redshift > 0.1) & (simulated.magnitudes[:, 1] > 17)
        row = int(np.nanargmax(np.where(fair, measured.signal_to_noise["R"], np.nan)))
        draw_spectrum(axis, file["spectrum"][row], simulated.redshift[row], SIMULATED, 0)
        axis.set_title(f"SIMULATED, z = {simulated.redshift[row]:.3f}, r = "
                       f"{simulated.magnitudes[row, 1]:.1f}, high S/N", loc="left")  # fmt: skip
        axis.set_xlabel("wavelength (Å)")
    figure.supylabel("flux (1e-17 erg/s/cm$^2$/Å)", fontsize=9)
    return figure


def draw_spectrum(
    axis: plt.Axes, flux: np.ndarray, redshift: float, colour: str, smoothing: float
) -> None:
    """Draw one spectrum with the names of its lines."""
    flux = gaussian_filter1d(flux, smoothing) if smoothing else flux
    axis.plot(WAVELENGTH, flux, color=colour, lw=0.5)
    low, high = np.percentile(flux[WAVELENGTH > 4000], [0.3, 99.8])
    top = 1.3 * high
    axis.set(xlim=(3600, 9824), ylim=(min(low, 0), top))
    for name, wavelength in MARKS.items():
        place = wavelength * (1 + redshift)
        if 3650 < place < 9780:
            axis.axvline(place, color="0.8", lw=0.6, zorder=0)
            axis.text(place, top, name, fontsize=6, ha="center", va="top", rotation=90,
                      color="0.35", bbox={"fc": "white", "ec": "none", "pad": 0.3})  # fmt: skip


def artefacts(file: h5py.File) -> plt.Figure:
    """Draw each kind of damage, SIMULATED: images above, spectra below; bright galaxies."""
    flags, light = file["artefacts"][:], file["fibre_flux"][:]
    figure = plt.figure(figsize=(WIDTH, 7.6))
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.4))
    axes = above.subplots(2, len(IN_IMAGES))
    for column, name in enumerate(IN_IMAGES):
        chosen = np.flatnonzero(alone(flags, IN_IMAGES, name) & (light > 5) & (light < 40))[:99]
        zeros = [np.count_nonzero(file["images"][row, :, 46:106, 46:106] == 0) for row in chosen]
        chosen = chosen[np.argsort(zeros, kind="stable")[-2:]]
        for axis, row in zip(axes[:, column], chosen, strict=False):
            show(axis, file["images"][row], 152)
        axes[0, column].set_title(name, fontsize=7.5)
    axes = below.subplots(3, 2, sharex=True)
    for axis, name in zip(axes.flat, IN_SPECTRA, strict=True):
        candidates = np.flatnonzero(alone(flags, IN_SPECTRA, name) & (light < 60))
        candidates = candidates[np.argsort(light[candidates])[-16:]]
        pairs = [(file["spectrum"][row], file["clean_spectrum"][row]) for row in candidates]
        flux, clean = max(pairs, key=lambda pair: np.std(binned(pair[0] / pair[1])[500:]))
        axis.plot(WAVELENGTH, flux, color=SIMULATED, lw=0.4)
        axis.plot(WAVELENGTH, clean, color="#e69f00", lw=0.8)
        low, high = np.percentile(flux[WAVELENGTH > 3800], [0.05, 99.98])
        axis.set(xlim=(3600, 9824), ylim=(1.15 * min(low, 0), 1.15 * high))
        axis.set_title(f"{name} (orange: noiseless)", fontsize=7.5)
    for axis in axes[-1]:
        axis.set_xlabel("wavelength (Å)")
    below.supylabel("flux (1e-17 erg/s/cm$^2$/Å)", fontsize=8)
    above.suptitle("SIMULATED, nothing here is real; images 40 arcsec a side", fontsize=9)
    return figure


def alone(flags: np.ndarray, names: tuple[str, ...], name: str) -> np.ndarray:
    """Return whether a galaxy has one of some artefacts, and none of the others."""
    return (flags & sum(Artefact[other] for other in names)) == Artefact[name]
