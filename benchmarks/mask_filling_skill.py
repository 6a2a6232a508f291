"""What mask-filling alone has learned: redshift and mass from the mean of a spectrum's tokens.

Usage: python benchmarks/mask_filling_skill.py survey.h5 RUN [RUN ...] [--reference N] [--test N]

k-NN regression (k = 16, distance weights) from SIMULATED galaxies of a training set, those held
out in the RUNs' sky groups as queries. No redshift and no mass was in any loss. Prints R2.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np
import torch
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

from astroclip_astro.models.checkpoint import load_weights
from astroclip_astro.prepare.spectra import clean_spectra
from astroclip_astro.training_data.split import held_out, sky_groups

LABELS = ("redshift", "log_stellar_mass")
HOLDOUT = 0.05  # as astroclip-train holds out
BATCH = 256


def pooled(run: Path, spectra: np.ndarray) -> np.ndarray:
    """Return the mean of each spectrum's tokens, unit vectors."""
    network, _ = load_weights(run / "weights.safetensors")
    encoder, parts = network.spectrum_encoder.eval(), []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(spectra), BATCH):
            tokens = encoder.tokens(torch.from_numpy(spectra[start : start + BATCH]))
            parts.append(encoder.embed(tokens).float().mean(1))
    return torch.nn.functional.normalize(torch.cat(parts)).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--reference", type=int, default=6000)
    parser.add_argument("--test", type=int, default=1500)
    arguments = parser.parse_args()
    with h5py.File(arguments.data) as file:
        out = held_out(sky_groups(file["ra"][:], file["dec"][:]), HOLDOUT, seed=0)
        known = np.flatnonzero(~out)[: arguments.reference]
        query = np.flatnonzero(out)[: arguments.test]
        rows = np.sort(np.concatenate([known, query]))
        spectra = clean_spectra(
            np.stack([file["spectrum"][row] for row in rows]),
            np.stack([file["ivar"][row] for row in rows]),
        )
        labels = {name: file[name][:][rows] for name in LABELS}
    is_query = np.isin(rows, query)
    print(f"| run | {' | '.join(f'R2 of {name}' for name in LABELS)} |\n|---|---|---|")
    for run in arguments.runs:
        embedded = pooled(run, spectra)
        cells = []
        for values in labels.values():
            nearest = KNeighborsRegressor(16, weights="distance", algorithm="brute")
            found = nearest.fit(embedded[~is_query], values[~is_query]).predict(embedded[is_query])
            cells.append(f"{r2_score(values[is_query], found):.3f}")
        print(f"| {run.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
