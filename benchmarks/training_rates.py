"""Galaxies a second of each stage of training, and where the time goes.

Usage: python benchmarks/training_rates.py survey.h5 [--seconds 15] [--only PART]

The real steps on a real training set, from reading to the optimiser. Several stages, number formats
and lengths of tokens; the first steps are not counted. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.checkpoint import save_weights
from astroclip_astro.models.layers import plain_attention
from astroclip_astro.train.distributed import Processes
from astroclip_astro.train.loop import datasets, one_step, optimiser_of
from astroclip_astro.train.runner import Training, prepare
from astroclip_astro.train.settings import TRAINING, TrainingConfiguration
from astroclip_astro.training_data.batches import batches

COMPACT = TRAINING["compact"]
WARM = 2  # steps not counted
TOKENS = ((20, 10), (40, 20), (80, 40))
PARTS = {
    "convolutions": ("convolution", "conv2d", "mkldnn_conv"),
    "attention": ("attention", "bmm", "softmax"),
    "products of matrices": ("mm", "addmm", "bmm", "linear", "matmul"),
    "norms": ("norm",),
    "activations": ("gelu", "relu", "threshold", "asinh"),
    "copies": ("copy_", "::cat", "index", "gather"),
    "interpolation of images": ("grid_sampl",),
    "random numbers": ("normal_", "uniform_", "random_", "randperm", "randn", "rand"),
    "optimiser": ("Optimizer", "_foreach", "lerp"),
}


def steps(
    name: str, configuration: TrainingConfiguration, data: str, precision: str
) -> Iterator[float]:
    """Do steps of a stage without end; yields the seconds each has waited for its data."""
    with tempfile.TemporaryDirectory() as folder:
        weights = None
        if name == "align":
            weights = f"{folder}/start.safetensors"
            card = {"name": "start", "training": {"simulated": True}, "scores": {}}
            save_weights(AstroCLIP(configuration.model), weights, card)
        training = Training(
            data=data, output=folder, configuration=configuration, precision=precision
        )
        processes = Processes(0, 1, torch.device("cpu"))
        stage, _, found, _, loop = prepare(name, training, processes, weights, weights)
    stage.to(memory_format=torch.channels_last)
    optimiser = optimiser_of(stage)
    size, names = stage.settings.batch_size, datasets(stage, found.training_set)
    with batches(found.training_set, found.rows, names, size=size, seed=0) as stream:
        for step in range(10**9):
            start = time.perf_counter()
            batch = next(stream)
            waited = time.perf_counter() - start
            one_step(stage, stage, optimiser, batch, step, loop)
            yield waited


def rate(
    name: str, configuration: TrainingConfiguration, data: str, precision: str, seconds: float
) -> tuple[float, float]:
    """Return galaxies a second, and the share of the time spent waiting for data."""
    running = steps(name, configuration, data, precision)
    for _ in range(WARM):
        next(running)
    count, waited, start = 0, 0.0, time.perf_counter()
    while time.perf_counter() - start < seconds or count < 2:
        waited += next(running)
        count += 1
    passed = time.perf_counter() - start
    running.close()
    return count * getattr(configuration, name).batch_size / passed, waited / passed


def changed(stage: str, **settings: object) -> TrainingConfiguration:
    """Return the compact configuration with some settings of a stage replaced."""
    return replace(COMPACT, **{stage: replace(getattr(COMPACT, stage), **settings)})


def with_tokens(window: int, step: int, masked: str) -> TrainingConfiguration:
    """Return the compact configuration with other tokens, as many Angstrom hidden as before."""
    width = COMPACT.spectrum.chunk_width * COMPACT.model.window_step // step
    model = replace(COMPACT.model, window=window, window_step=step, max_tokens=800)
    return replace(changed("spectrum", chunk_width=width, masked=masked), model=model)


def print_stages(data: str, seconds: float) -> None:
    """Print the rate of each stage in both number formats."""
    print("\n| stage | batch | float32 | bfloat16 | ratio | waiting for data |")
    print("|---" * 6 + "|")
    frozen = changed("align", unfreeze=False)
    for label, name, configuration in (
        ("spectrum", "spectrum", COMPACT),
        ("image", "image", COMPACT),
        ("align, unfrozen", "align", COMPACT),
        ("align, frozen", "align", frozen),
    ):
        plain, _ = rate(name, configuration, data, "float32", seconds)
        half, waited = rate(name, configuration, data, "bfloat16", seconds)
        batch = getattr(configuration, name).batch_size
        print(
            f"| {label} | {batch} | {plain:.0f} | {half:.0f} | {half / plain:.2f} "
            f"| {100 * waited:.1f} % |",
            flush=True,
        )


def print_tokens(data: str, seconds: float) -> None:
    """Print the rate of mask-filling by length of tokens and what becomes of hidden ones."""
    print("\n| window | every | tokens | hidden tokens | float32 | bfloat16 |")
    print("|---" * 6 + "|")
    for window, step in TOKENS:
        for masked in ("zeroed", "dropped"):
            configuration = with_tokens(window, step, masked)
            rates = [
                rate("spectrum", configuration, data, precision, seconds)[0]
                for precision in ("float32", "bfloat16")
            ]
            print(
                f"| {window} | {step} | {configuration.model.tokens} | {masked} "
                f"| {rates[0]:.0f} | {rates[1]:.0f} |",
                flush=True,
            )


def part_of(operator: str) -> str:
    """Return which part of the work an operator belongs to."""
    for part, words in PARTS.items():
        if any(word in operator for word in words):
            return part
    return "everything else"


def print_profile(data: str, count: int) -> None:
    """Print the share of the time by kind of operation, bfloat16."""
    print("\n| stage | " + " | ".join((*PARTS, "everything else")) + " |")
    print("|---" * (len(PARTS) + 2) + "|")
    for name in ("spectrum", "image", "align"):
        running = steps(name, COMPACT, data, "bfloat16")
        for _ in range(WARM):
            next(running)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            for _ in range(count):
                next(running)
        running.close()
        shares = dict.fromkeys((*PARTS, "everything else"), 0.0)
        for event in profile.key_averages():
            shares[part_of(event.key)] += event.self_cpu_time_total
        total = np.sum(list(shares.values()))
        cells = (name, *(f"{100 * one / total:.0f} %" for one in shares.values()))
        print("| " + " | ".join(cells) + " |", flush=True)


def print_attention() -> None:
    """Print how long attention takes, forwards and backwards, plain and by PyTorch's own kernel."""
    print("\n| precision | plain, ms | fused, ms | ratio |\n|---|---|---|---|")
    model, batch = COMPACT.model, COMPACT.spectrum.batch_size
    heads = model.spectrum_heads
    shape = (3, batch, heads, model.tokens, model.spectrum_width // heads)
    for precision in (torch.float32, torch.bfloat16):
        tokens = torch.randn(shape, dtype=precision, requires_grad=True)
        plain, fused = (
            min(duration(attention, tokens) for _ in range(10))
            for attention in (plain_attention, functional.scaled_dot_product_attention)
        )
        cells = f"{1e3 * plain:.1f} | {1e3 * fused:.1f} | {fused / plain:.2f}"
        print(f"| {str(precision).removeprefix('torch.')} | {cells} |", flush=True)


def duration(attention, tokens: torch.Tensor) -> float:
    """Return the seconds that attention and its gradient take."""
    start = time.perf_counter()
    attention(*tokens).sum().backward()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="a training set of astroclip-simulate")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--only", choices=("stages", "tokens", "attention", "profile"))
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    if arguments.only in (None, "stages"):
        print_stages(arguments.data, arguments.seconds)
    if arguments.only in (None, "tokens"):
        print_tokens(arguments.data, arguments.seconds)
    if arguments.only in (None, "attention"):
        print_attention()
    if arguments.only in (None, "profile"):
        print_profile(arguments.data, 5)


if __name__ == "__main__":
    main()
