"""Turn a finished training run into the bundled weights, their card and their reference.

Usage: python weights/recipe/release_compact.py RUN DATA [--real REAL_DATA_FOLDER]

RUN is the folder of ``astroclip-train all``, DATA a survey of ``astroclip-simulate`` that nothing
was trained on: 20,000 of its galaxies become the reference, 2,000 from other parts of the sky are
scored. The encoders as they were before alignment are stored too. weights/README.md has all the
commands.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from astropy.table import Table

from astroclip_astro.models.checkpoint import load_weights, save_weights
from astroclip_astro.models.model import load_model
from astroclip_astro.prepare.photometry import spectrum_snr
from astroclip_astro.reference.build import ReferenceOptions, build_reference
from astroclip_astro.training_data.split import HoldOut
from astroclip_astro.zeroshot.estimator import KNNEstimator, fit_calibrated_estimator
from astroclip_astro.zeroshot.reference_file import load_reference, save_reference

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "weights" / "compact.safetensors"
UNALIGNED = ROOT / "weights" / "compact-unaligned.safetensors"
REFERENCE = ROOT / "catalogs" / "reference-compact.fits"
GALAXIES, TESTED, HOLDOUT = 20_000, 2_000, 0.1
HIGHEST = 0.6  # redshift; the reference has none beyond
# Images with a redshift from the literature.
CUTOUTS = {"decals-dr3_146.7142_-1.0413_oversampled.fits": (146.7142, -1.0413, 0.0212)}


def real_spectra(folder: Path) -> list[dict]:
    """Return what the reference says about real DESI galaxies, by their spectra."""
    table = Table.read(folder / "desi_spectra.fits")
    kind = np.char.strip(np.asarray(table["SPECTYPE"].filled("")).astype(str))
    redshift = np.asarray(table["Z"].filled(np.nan), float)
    table = table[(kind == "GALAXY") & (redshift > 0) & (redshift < HIGHEST)]
    model = load_model(WEIGHTS, device="cpu")
    predict_one = predictor_of("spectrum")
    rows = []
    for galaxy in table:
        flux = np.asarray(galaxy["FLUX"], np.float32)[None]
        ivar = None if galaxy["SMOOTHED"] else np.asarray(galaxy["IVAR"], np.float32)[None]
        bright = spectrum_snr(flux, ivar)
        smoothed = ", smoothed" if galaxy["SMOOTHED"] else ""
        found = predict_one(model.embed_spectra(flux, ivar), bright)
        rows.append(row(f"{galaxy['TARGETID']}{smoothed}", "spectrum", galaxy["Z"], found))
    return rows


def real_images(folder: Path) -> list[dict]:
    """Return what the reference says about real galaxies of which there is an image."""
    rows = []
    for name, (ra, dec, redshift) in CUTOUTS.items():
        table = Table({"ra": [ra], "dec": [dec]})
        table.astroclip.annotate(
            source=folder / "cutouts", weights=WEIGHTS, modality="image", device="cpu"
        )
        names = ("z_image", "z_image_err", "logmstar_image", "novelty_image")
        found = [float(table[f"astroclip_{column}"][0]) for column in names]
        rows.append(row(name.split("_over")[0], "image", redshift, found))
    return rows


def predictor_of(modality: str) -> Callable[[np.ndarray, np.ndarray], list[float]]:
    """Return what gives redshift, its error, mass and novelty of one embedding."""
    knn = KNNEstimator(load_reference(REFERENCE), modality)
    calibrated = {
        label: fit_calibrated_estimator({modality: knn}, label)
        for label in ("redshift", "log_stellar_mass")
    }

    def predict_one(embedding: np.ndarray, covariate: np.ndarray) -> list[float]:
        found = knn.query(embedding, covariate=covariate)
        z, mass = (
            estimator.predict({modality: found.predictions[label]}, {modality: covariate})[modality]
            for label, estimator in calibrated.items()
        )
        return [float(one[0]) for one in (z.value, z.error, mass.value, found.novelty)]

    return predict_one


def row(name: str, modality: str, redshift: float, found: list[float]) -> dict:
    """Return one line of the card's table of real galaxies."""
    z, error, mass, novelty = found
    return {
        "object": name,
        "by": modality,
        "redshift": round(float(redshift), 4),
        "ours": round(z, 4),
        "our error": round(error, 4),
        "dz / (1 + z)": round((z - redshift) / (1 + redshift), 4),
        "our log mass": round(mass, 2),
        "novelty": round(novelty, 3),
    }


def summary(rows: list[dict]) -> dict:
    """Return the card's words for real galaxies."""
    errors = np.abs([one["dz / (1 + z)"] for one in rows if one["by"] == "spectrum"])
    return {
        "real_galaxies": len(errors),
        "real_median_dz": round(float(np.median(errors)), 4),
        "real_within_0.05": int((errors < 0.05).sum()),
        "real": rows,
    }


def save_unaligned(run: Path) -> None:
    """Store both encoders as pretraining left them, under one name."""
    network, card = load_weights(run / "spectrum")
    images, other = load_weights(run / "image")
    network.image_encoder.load_state_dict(images.image_encoder.state_dict())
    stages = card["training"]["stages"] | other["training"]["stages"]
    training = card["training"] | {"stages": stages}
    name = {"name": "compact-unaligned", "training": training, "scores": {}}
    save_weights(network, UNALIGNED, card | name, half=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--real", type=Path)
    arguments = parser.parse_args()
    network, card = load_weights(arguments.run)
    save_weights(network, WEIGHTS, card | {"name": "compact", "scores": {}}, half=True)
    save_unaligned(arguments.run)
    with h5py.File(arguments.data) as file:
        seed = file.attrs["seed"]
    words = f"SIMULATED galaxies of astroclip-simulate, seed {seed}, r < 20.3; none was trained on"
    options = ReferenceOptions(
        weights=WEIGHTS,
        holdout=HoldOut(HOLDOUT, count=GALAXIES, test_count=TESTED),
        description=words,
        device="cpu",
        precision="float32",
    )
    built = build_reference(arguments.data, "compact", options, quiet=False)
    save_reference(built.reference, REFERENCE, overwrite=True)
    found = dict(built.scores)
    if arguments.real:
        found |= summary(real_spectra(arguments.real) + real_images(arguments.real))
    card = load_weights(WEIGHTS)[1]
    save_weights(network, WEIGHTS, card | {"scores": found}, half=True)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
