"""Weights on disk: a safetensors file and, beside it, a JSON card that says what they are."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from astroclip_astro.destination import whole_file
from astroclip_astro.errors import WeightsError
from astroclip_astro.resources import folder

from .astroclip import AstroCLIP
from .configuration import Configuration

__all__ = ["bundled", "load_weights", "save_weights", "sha256"]

CARD_FORMAT = 1
CARD_KEYS = ("format", "name", "configuration", "recipe", "sha256", "training", "scores")
# Where astroclip-train leaves weights in the folder of a run.
RUN_FOLDERS = ("weights.safetensors", "align/weights.safetensors")
STORED = (torch.float32, torch.float16, torch.bfloat16)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bundled() -> list[str]:
    """Return the names of the weights that come with the package."""
    return sorted(path.stem for path in folder("weights").glob("*.safetensors"))


def locate(name: str | os.PathLike) -> Path:
    """Return the file of bundled weights or of the user's own."""
    if name in bundled():
        return folder("weights") / f"{name}.safetensors"
    path = Path(name)
    for run in RUN_FOLDERS:
        if (path / run).is_file():
            return path / run
    if not path.is_file():
        raise WeightsError(
            f"Unknown weights {str(name)!r}: neither a bundled name ({', '.join(bundled())}) nor "
            "a file, nor the folder of a finished training run; pass one of these names or the "
            "path of a .safetensors file."
        )
    if path.suffix != ".safetensors":
        raise WeightsError(
            f"Weights {str(path)!r} are a {path.suffix or 'file without suffix'}, expected "
            ".safetensors; pickled checkpoints (.ckpt, .pt) can run code and are not read."
        )
    return path


def read_card(path: Path) -> dict:
    """Read the card beside a weights file."""
    file = path.with_suffix(".json")
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(
            f"No card {file.name} beside {path}; weights and card belong together, keep both."
        ) from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"Card {file} cannot be read: {error}.") from None
    missing = [key for key in CARD_KEYS if not isinstance(card, dict) or key not in card]
    if missing:
        raise WeightsError(f"Card {file} lacks {missing}, expected {list(CARD_KEYS)}.")
    if card["format"] != CARD_FORMAT:
        raise WeightsError(
            f"Card {file} has format {card['format']!r}, expected {CARD_FORMAT}; "
            "install the version of astroclip-astro that wrote it."
        )
    return card


def check_layout(path: Path, tensors, expected: dict[str, torch.Tensor]) -> None:
    """Raise unless a file holds every name with its shape, and nothing else."""
    found = set(tensors.keys())
    missing, extra = sorted(expected.keys() - found), sorted(found - expected.keys())
    if missing or extra:
        raise WeightsError(
            f"Weights {path} do not fit their card: missing {missing[:3]} ({len(missing)}), "
            f"unexpected {extra[:3]} ({len(extra)}). The file or the card is of other weights."
        )
    for name, tensor in expected.items():
        shape = tuple(tensors.get_slice(name).get_shape())
        if shape != tuple(tensor.shape):
            raise WeightsError(
                f"Weights {path} do not fit their card: {name} has shape {shape}, "
                f"expected {tuple(tensor.shape)}."
            )


def load_weights(name: str | os.PathLike) -> tuple[AstroCLIP, dict]:
    """Load weights, checking every name, shape and the file's checksum.

    Parameters
    ----------
    name : str or path
        Name of bundled weights, or a ``.safetensors`` file with its ``.json`` card beside it, or
        the folder of a finished training run.

    Returns
    -------
    model : AstroCLIP
        In evaluation mode, float32, on the CPU.
    card : dict
        Name, configuration, recipe, checksum, training data and scores.

    Raises
    ------
    WeightsError
        For an unknown name, a missing, damaged or foreign file or card, or numbers not finite.

    Examples
    --------
    >>> model, card = load_weights("compact")
    >>> card["name"], card["training"]["simulated"]
    ('compact', True)
    """
    path = locate(name)
    card = read_card(path)
    config = Configuration.from_dict(card["configuration"])
    with torch.device("meta"):  # shapes only: nothing is allocated for what a card claims
        expected = AstroCLIP(config).state_dict()
    try:
        with safe_open(path, framework="pt") as tensors:
            check_layout(path, tensors, expected)
            checksum = sha256(path)
            if checksum != card["sha256"]:
                raise WeightsError(
                    f"Weights {path} have SHA-256 {checksum[:12]}..., their card says "
                    f"{str(card['sha256'])[:12]}...; copy both files again."
                )
            state = {key: tensors.get_tensor(key) for key in expected}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"Weights {path} cannot be read: {error}.") from None
    for key, tensor in state.items():
        if tensor.dtype in STORED:
            state[key] = tensor.float()
            if not torch.isfinite(state[key]).all():
                raise WeightsError(f"Weights {path} hold numbers that are not finite in {key}.")
        elif tensor.dtype != expected[key].dtype:
            raise WeightsError(
                f"Weights {path} store {key} as {tensor.dtype}, expected {expected[key].dtype}."
            )
    with torch.device("meta"):
        model = AstroCLIP(config)
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False), card


def save_weights(model: AstroCLIP, path: str | os.PathLike, card: dict, *, half: bool = False):
    """Write weights and their card; both appear whole or not at all.

    Parameters
    ----------
    model : AstroCLIP
        Model to write.
    path : str or path
        The ``.safetensors`` file; the card goes beside it.
    card : dict
        ``name``, ``training`` and ``scores``; format, configuration, recipe and checksum are
        filled in here.
    half : bool
        Store matrices as float16, which halves the file; they are float32 again once loaded.

    Returns
    -------
    dict
        The card as written.
    """
    path, config = Path(path), model.config
    state = {}
    for name, tensor in model.state_dict().items():
        matrix = half and tensor.ndim > 1
        state[name] = tensor.detach().to("cpu", torch.float16 if matrix else None).contiguous()
    with whole_file(path) as scratch, whole_file(path.with_suffix(".json")) as scratch_card:
        scratch.write_bytes(save(state))
        card = {
            "format": CARD_FORMAT,
            **card,
            "configuration": config.to_dict(),
            "recipe": recipe(config),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "stored": "float16 matrices" if half else "float32",
            "sha256": sha256(scratch),
        }
        scratch_card.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card


def recipe(config: Configuration) -> dict:
    """Return, in words, what the inputs of a configuration are."""
    return {
        "image": {
            "bands": "grz",
            "unit": "nanomaggy per pixel",
            "pixel_scale_arcsec": 0.262,
            "size": config.image_size,
            "stretch": config.image_stretch,
        },
        "spectrum": {
            "frame": "observed",
            "unit": "1e-17 erg/s/cm2/Angstrom",
            "first_angstrom": 3600.0,
            "step_angstrom": 0.8,
            "samples": config.spectrum_samples,
            "window": config.window,
            "window_step": config.window_step,
        },
    }
