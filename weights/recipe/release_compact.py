"""Turn a finished training run into bundled weights, their card and their reference set.

Usage: python weights/recipe/release_compact.py SURVEY_FOLDER RUN_FOLDER [--real REAL_DATA_FOLDER]

SURVEY_FOLDER holds simulated galaxies: seeds 1-16 (trained on, for the range), 101-104 (the
reference) and 105 (left out of both, for the scores in the card).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from astropy.table import Table
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

from astroclip_astro.embedding import load_model
from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.checkpoint import save_weights
from astroclip_astro.models.configuration import COMPACT
from astroclip_astro.prepare.photometry import measure_images, measure_spectra
from astroclip_astro.search.reference import Reference, save_reference

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "weights" / "compact.safetensors"
REFERENCE = ROOT / "catalogs" / "reference-compact.fits"
REFERENCE_SEEDS, TEST_SEED, TEST_COUNT = range(101, 105), 105, 2000
NEIGHBOURS = 16


def load(folder: Path, seed: int) -> dict[str, np.ndarray]:
    """Read one file of the survey."""
    with np.load(folder / f"c{seed}.npz") as file:
        names = ("image", "spectrum", "ivar", "z", "logm", "mag")
        return {name: file[name] for name in names}


def trained_range(folder: Path) -> dict[str, list[float]]:
    """Return the range of brightness and extent in the training set, 0.05 to 99.95 %."""
    measures: dict[str, list] = {}
    for seed in range(1, 17):
        part = load(folder, seed)
        found = measure_images(part["image"]) | measure_spectra(part["spectrum"])
        for name, values in found.items():
            measures.setdefault(name, []).append(values)
    limits = {}
    for name, parts in measures.items():
        low, high = np.nanpercentile(np.concatenate(parts), [0.05, 99.95])
        limits[name] = [float(f"{low:.4g}"), float(f"{high:.4g}")]
    return limits


def regress(known: np.ndarray, labels: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Return the distance-weighted mean of the nearest neighbours' labels."""
    regressor = KNeighborsRegressor(NEIGHBOURS, weights="distance", algorithm="brute")
    return regressor.fit(known, labels).predict(query)


def photometry(part: dict) -> np.ndarray:
    """Return g-r, r-z and r, standardised with the scatter of the reference later."""
    g, r, z = part["mag"].T
    return np.column_stack([g - r, r - z, r])


def scores(reference: dict, test: dict) -> dict[str, float]:
    """Return R2 of redshift and mass on left-out simulated galaxies."""
    colours = photometry(reference)
    mean, deviation = colours.mean(0), colours.std(0)
    pairs = {
        "image": ("image_embedding", "image_embedding"),
        "spectrum": ("spectrum_embedding", "spectrum_embedding"),
        "image_to_spectrum": ("spectrum_embedding", "image_embedding"),
    }
    known = {name: (reference[a], test[b]) for name, (a, b) in pairs.items()}
    known["photometry"] = ((colours - mean) / deviation, (photometry(test) - mean) / deviation)
    result = {}
    for name, (base, query) in known.items():
        for label, key in (("redshift", "z"), ("log_stellar_mass", "logm")):
            value = r2_score(test[key], regress(base, reference[key], query))
            result[f"{name}_r2_{label}"] = round(float(value), 3)
    return result


def real_scores(model, reference: dict, folder: Path) -> dict[str, float]:
    """Return how well redshifts of the real DESI galaxies at z < 0.6 are met."""
    table = Table.read(folder / "desi_spectra.fits")
    kind = np.asarray(table["SPECTYPE"].filled("")).astype(str)
    redshift = np.asarray(table["Z"].filled(np.nan), float)
    chosen = (np.char.strip(kind) == "GALAXY") & (redshift > 0.01) & (redshift < 0.6)
    flux = np.asarray(table["FLUX"][chosen], np.float32)
    embeddings = model.embed_spectra(flux)
    found = regress(reference["spectrum_embedding"], reference["z"], embeddings)
    error = np.abs(found - redshift[chosen]) / (1 + redshift[chosen])
    for true, ours in zip(redshift[chosen], found, strict=True):
        print(f"real galaxy z = {true:.4f}, ours {ours:.4f}")
    return {
        "real_galaxies": int(chosen.sum()),
        "real_median_dz": round(float(np.median(error)), 4),
        "real_within_0.05": int((error < 0.05).sum()),
    }


def stage_facts(run: Path, stage: str, batch: int) -> dict[str, object]:
    """Return how long a stage was trained, from its log."""
    with (run / f"{stage}.csv").open(newline="") as file:
        step, seconds = list(csv.reader(file))[-1][:2]
    return {"steps": int(step), "batch": batch, "minutes": round(float(seconds) / 60, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("survey", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--real", type=Path)
    arguments = parser.parse_args()

    network = AstroCLIP(COMPACT)
    state = torch.load(arguments.run / "align.done.pt", weights_only=True)["model"]
    network.load_state_dict(state)
    training = {
        "simulated": True,
        "data": "48,000 SIMULATED galaxies of the prototype simulator (seeds 1-16), r < 19.5",
        "stages": {
            "spectrum": stage_facts(arguments.run, "spectrum", 64)
            | {"task": "masked tokens filled in, noiseless spectrum as target"},
            "align": stage_facts(arguments.run, "align", 256)
            | {"task": "InfoNCE in both directions, inverse temperature 15.5, encoders free"},
        },
        "labels_in_loss": "none",
        "range": trained_range(arguments.survey),
    }
    card = {"name": "compact", "training": training, "scores": {}}
    save_weights(network, WEIGHTS, card, half=True)
    model = load_model(WEIGHTS, device="cpu")

    def embedded(seeds) -> dict[str, np.ndarray]:
        parts = [load(arguments.survey, seed) for seed in seeds]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        joined["image_embedding"] = model.embed_images(joined.pop("image"))
        flux, ivar = joined.pop("spectrum"), joined.pop("ivar")
        joined["spectrum_embedding"] = model.embed_spectra(flux, ivar)
        return joined

    reference = embedded(REFERENCE_SEEDS)
    test = {name: values[:TEST_COUNT] for name, values in embedded([TEST_SEED]).items()}
    found = scores(reference, test)
    card["scores"] = {
        "what": f"R2 of k-NN (k = {NEIGHBOURS}, distance weights) on {TEST_COUNT} left-out "
        f"SIMULATED galaxies, {len(reference['z'])} in the reference",
    } | found
    if arguments.real:
        card["scores"] |= real_scores(model, reference, arguments.real)
    card = save_weights(network, WEIGHTS, card, half=True)
    galaxies = Reference(
        image=reference["image_embedding"],
        spectrum=reference["spectrum_embedding"],
        labels={"redshift": reference["z"], "log_stellar_mass": reference["logm"]},
        name="compact",
        simulated=True,
        weights_sha256=card["sha256"],
        description="SIMULATED galaxies of the prototype simulator (seeds 101-104), r < 19.5",
    )
    save_reference(galaxies, REFERENCE, overwrite=True)
    for name, value in card["scores"].items():
        print(f"{name:40} {value}")


if __name__ == "__main__":
    main()
