"""Train the first compact weights on galaxies of the prototype simulator.

Usage: python weights/recipe/train_compact.py SURVEY_FOLDER RUN_FOLDER [--minutes 25 35]

SURVEY_FOLDER holds the files ``simulate.py 3000 SEED cSEED.npz truth`` wrote, seeds 1 to 16. Two
stages, each for a given time: masked tokens of the spectrum are filled in, with the noiseless
spectrum as target; then images and spectra are aligned, both encoders free. No redshift and no
mass enters either loss. Progress is kept in RUN_FOLDER every two minutes; the same command resumes.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from pathlib import Path

import numpy as np
import torch

from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.configuration import COMPACT
from astroclip_astro.prepare.images import stretch
from astroclip_astro.train.contrastive import infonce
from astroclip_astro.train.masked import masked_loss, token_mask

WAVELENGTH = 3600 + 0.8 * np.arange(7781, dtype=np.float32)
CHUNKS, CHUNK_WIDTH = 6, 8  # as many Angstrom hidden as in the paper's 30 tokens of 20 samples
UNMASKED_WEIGHT, LINE_WEIGHT = 0.3, 0.1


def load_survey(folder: Path, seeds: range) -> dict[str, np.ndarray]:
    """Read images, noisy and noiseless spectra, and inverse variances of all seeds."""
    parts = [np.load(folder / f"c{seed}.npz") for seed in seeds]
    names = ("image", "spectrum", "ivar", "true")
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def spoil_spectra(
    flux: np.ndarray, ivar: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Add what real spectra have and the prototype lacks; return spectra and the gain applied.

    More noise, camera steps, calibration tilts (both also a gain on the noiseless target), cosmic
    rays, and stretches without data, which read zero as in DESI's files.
    """
    n = len(flux)
    sigma = 1 / np.sqrt(np.maximum(ivar, 1e-6))
    extra = rng.uniform(0, 0.6, (n, 1)).astype(np.float32)
    noisy = flux + extra * sigma * rng.standard_normal(flux.shape, dtype=np.float32)
    x = (WAVELENGTH - 6700) / 3100
    tilt = rng.normal(0, 0.05, (n, 2)).astype(np.float32)
    gain = 1 + tilt[:, :1] * x + tilt[:, 1:] * x**2
    for edge in (5780, 7570):
        gain = gain * np.where(edge < WAVELENGTH, rng.normal(1, 0.015, (n, 1)), 1)
    noisy = (noisy * gain).astype(np.float32)
    for row in range(n):
        for _ in range(rng.poisson(1.0)):
            start = rng.integers(0, 7781)
            noisy[row, start : start + rng.integers(1, 5)] += sigma[row, start] * rng.uniform(5, 40)
        if rng.random() < 0.3:
            start = rng.integers(0, 7781)
            noisy[row, start : start + rng.integers(3, 400)] = 0
    return noisy, gain.astype(np.float32)


def spoil_images(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn, flip and shift images a little, and change their depth and zero point."""
    out = np.empty(images.shape, np.float32)
    for row, image in enumerate(images):
        image = np.rot90(image, rng.integers(4), axes=(1, 2))
        image = image[:, :, ::-1] if rng.random() < 0.5 else image
        out[row] = np.roll(image, rng.integers(-2, 3, 2), axis=(1, 2))
    sky = np.array([0.003, 0.004, 0.01], np.float32)[:, None, None]
    depth = rng.uniform(0, 0.8, (len(images), 1, 1, 1)).astype(np.float32)
    out += depth * sky * rng.standard_normal(out.shape, dtype=np.float32)
    return out * rng.normal(1, 0.02, (len(images), 3, 1, 1)).astype(np.float32)


def line_part(tokens: torch.Tensor) -> torch.Tensor:
    """Return windows less their own straight lines: what is left are lines and breaks."""
    windows = tokens[:, 1:, 2:]
    x = torch.linspace(-1, 1, windows.shape[-1])
    slope = (windows * x).mean(-1, keepdim=True) / x.square().mean()
    return windows - windows.mean(-1, keepdim=True) - slope * x


def spectrum_step(model: AstroCLIP, batch: dict, rng: np.random.Generator) -> dict:
    """Return the losses of one mask-filling step."""
    flux, gain = spoil_spectra(batch["spectrum"], batch["ivar"], rng)
    flux, clean = torch.from_numpy(flux), torch.from_numpy(batch["true"] * gain)
    encoder = model.spectrum_encoder
    tokens = encoder.tokens(flux)
    mean, deviation = tokens[:, 0, 0] * 2 + 2, tokens[:, 0, 1] * 8 + 2
    config = model.config
    scaled = (clean - mean[:, None]) / deviation[:, None]
    target = tokens.clone()
    target[:, 1:, 2:] = scaled.unfold(1, config.window, config.window_step)[
        :, : tokens.shape[1] - 1
    ]
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    mask = token_mask(*tokens.shape[:2], chunks=CHUNKS, width=CHUNK_WIDTH, generator=generator)
    with torch.autocast("cpu", torch.bfloat16):
        reconstruction = encoder(tokens.masked_fill(mask[..., None], 0))
    reconstruction = reconstruction.float()
    masked = masked_loss(reconstruction, target, mask)
    unmasked = masked_loss(reconstruction, target, ~mask)
    lines = line_part(target)
    line_error = (line_part(reconstruction) - lines).square()
    weight = mask[:, 1:, None].float() + UNMASKED_WEIGHT * (~mask[:, 1:, None]).float()
    line_loss = (line_error * weight).mean() / lines.square().mean()
    hidden = mask[:, 1:]
    unexplained = line_error[hidden].mean() / lines[hidden].square().mean()
    return {
        "loss": masked + UNMASKED_WEIGHT * unmasked + LINE_WEIGHT * line_loss,
        "masked": masked.detach(),
        "unmasked": unmasked.detach(),
        "line": unexplained.detach(),
    }


def align_step(model: AstroCLIP, batch: dict, rng: np.random.Generator) -> dict:
    """Return the losses of one contrastive step."""
    flux, _ = spoil_spectra(batch["spectrum"], batch["ivar"], rng)
    images = stretch(spoil_images(batch["image"].astype(np.float32), rng), COMPACT.image_stretch)
    images = torch.from_numpy(images).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        image, spectrum = model(images, torch.from_numpy(flux))
    image, spectrum = image.float(), spectrum.float()
    right = ((image @ spectrum.T).argmax(1) == torch.arange(len(image))).float().mean()
    return {"loss": infonce(image, spectrum), "right": right}


STAGES = {
    "spectrum": {"step": spectrum_step, "batch": 64, "rate": 1e-3, "decay": 0.05},
    "align": {"step": align_step, "batch": 256, "rate": 8e-4, "decay": 0.1},
}


def groups(model: AstroCLIP, stage: str, rate: float, decay: float) -> list[dict]:
    """Return the optimiser's groups; the pretrained transformer moves slowly when aligning."""
    if stage == "spectrum":
        parts = [(model.spectrum_encoder, rate)]
    else:
        parts = [
            (model.image_encoder, rate),
            (model.spectrum_head, rate),
            (model.spectrum_encoder, 0.4 * rate),
        ]
    result = []
    for module, lr in parts:
        for matrix in (True, False):
            chosen = [p for p in module.parameters() if (p.ndim > 1) == matrix]
            result.append({"params": chosen, "lr": lr, "base": lr, "weight_decay": decay * matrix})
    return result


def train(stage: str, survey: dict, run: Path, minutes: float) -> None:
    """Train one stage for a given time, resuming where RUN has a checkpoint of it."""
    settings, done = STAGES[stage], run / f"{stage}.done.pt"
    if done.exists():
        return
    torch.manual_seed(20261123)
    model = AstroCLIP(COMPACT)
    if stage == "align":
        model.load_state_dict(torch.load(run / "spectrum.done.pt", weights_only=True)["model"])
    model.image_encoder.to(memory_format=torch.channels_last)
    model.train()
    optimiser = torch.optim.AdamW(
        groups(model, stage, settings["rate"], settings["decay"]), betas=(0.9, 0.95)
    )
    spent, step, partial = 0.0, 0, run / f"{stage}.partial.pt"
    if partial.exists():
        state = torch.load(partial, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        spent, step = state["spent"], state["step"]
    count, budget = len(survey["spectrum"]), 60 * minutes
    log = csv.writer((run / f"{stage}.csv").open("a", newline="", buffering=1))
    saved, start = time.monotonic(), time.monotonic() - spent
    while spent < budget:
        rng = np.random.default_rng([7, len(stage), step])
        rows = np.sort(rng.choice(count, settings["batch"], replace=False))
        batch = {name: values[rows] for name, values in survey.items()}
        progress = spent / budget
        warm = min(1, (step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = (
                group["base"] * warm * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)
            )
        losses = settings["step"](model, batch, rng)
        optimiser.zero_grad()
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step, spent = step + 1, time.monotonic() - start
        if step % 10 == 0:
            values = {name: round(value.item(), 5) for name, value in losses.items()}
            log.writerow([step, round(spent, 1), *values.values()])
            if step % 50 == 0:
                print(stage, step, f"{spent / 60:.1f} min", values, flush=True)
        if time.monotonic() - saved > 120 or spent >= budget:
            state = {"model": model.state_dict(), "step": step, "spent": spent}
            scratch = run / "scratch.pt"
            torch.save(state | {"optimiser": optimiser.state_dict()}, scratch)
            scratch.replace(done if spent >= budget else partial)
            saved = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("survey", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, nargs=2, default=(25, 35))
    arguments = parser.parse_args()
    arguments.run.mkdir(parents=True, exist_ok=True)
    survey = load_survey(arguments.survey, range(1, 17))
    for stage, minutes in zip(STAGES, arguments.minutes, strict=True):
        train(stage, survey, arguments.run, minutes)


if __name__ == "__main__":
    main()
