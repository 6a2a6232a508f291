"""Galaxies embedded a second, by size of network, batch and number format.

Usage: python benchmarks/embedding_rates.py [--seconds 8]

Both encoders, noise as input, random weights of each size: the rate does not depend on the values.
Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.configuration import CONFIGURATIONS
from astroclip_astro.models.model import Model


def rate(embed, values: np.ndarray, batch: int, precision: str, seconds: float) -> float:
    """Return rows a second, measured over at least three calls and the given time."""
    embed(values[:batch], batch_size=batch, precision=precision)  # set up, not counted
    done, start = 0, time.perf_counter()
    while done < 3 * batch or time.perf_counter() - start < seconds:
        embed(values[:batch], batch_size=batch, precision=precision)
        done += batch
    return done / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    noise = np.random.default_rng(0)
    images = noise.normal(0.02, 0.02, (64, 3, 96, 96)).astype(np.float32)
    flux = noise.normal(2, 1, (64, 7781)).astype(np.float32)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {arguments.device}")
    print("| size | precision | batch | images a second | spectra a second |")
    print("|---|---|---|---|---|")
    for name, config in CONFIGURATIONS.items():
        model = Model(AstroCLIP(config).eval(), {"name": name}, device=arguments.device)
        for precision in ("float32", "bfloat16"):
            for batch in (1, 8, 64):
                rates = [
                    rate(embed, values, batch, precision, arguments.seconds)
                    for embed, values in ((model.embed_images, images), (model.embed_spectra, flux))
                ]
                print(f"| {name} | {precision} | {batch} | {rates[0]:.1f} | {rates[1]:.1f} |")


if __name__ == "__main__":
    main()
