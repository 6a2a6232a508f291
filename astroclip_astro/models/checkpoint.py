"""Weights on disk: a safetensors file and, beside it, a JSON card that says what they are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch.overrides import TorchFunctionMode

from astroclip_astro.errors import WeightsError
from astroclip_astro.models.astroclip import AstroCLIP
from astroclip_astro.models.card import CARD_FORMAT, check_card, locate, read_card, sha256
from astroclip_astro.models.card_fields import CARD_SHA256, card_sha256
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.models.weights_file import check_weights_file
from astroclip_astro.storage.atomic import whole_file

STORED = (torch.float32, torch.float16, torch.bfloat16)


def check_layout(path: Path, tensors: safe_open, expected: dict[str, torch.Tensor]) -> None:
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


class _NoValues(TorchFunctionMode):
    """Leaves out what gives values to a tensor, such as the initialisation of weights."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        changes_values = name.endswith("_") and not name.endswith("__") and name != "requires_grad_"
        tensor = args[0] if args else kwargs.get("tensor")  # as torch.nn.init passes it
        if changes_values and isinstance(tensor, torch.Tensor):
            return tensor
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


@contextmanager
def shapes_only() -> Iterator[None]:
    """Let networks be built without memory for their weights and without initial values.

    Random initial values on the meta device would make torch import its compiler, which takes
    longer than everything else that loading does.

    Examples
    --------
    >>> with shapes_only():
    ...     layer = torch.nn.Linear(10**6, 10**6)
    >>> layer.weight.shape, layer.weight.device.type
    (torch.Size([1000000, 1000000]), 'meta')
    """
    with torch.device("meta"), _NoValues():
        yield


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
    check_weights_file(path, card)
    with shapes_only():  # nothing is allocated for what a card claims
        model = AstroCLIP(Configuration.from_dict(card["configuration"]))
    expected = model.state_dict()
    try:
        with safe_open(path, framework="pt") as tensors:
            check_layout(path, tensors, expected)
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
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False), card


def save_weights(
    model: AstroCLIP, path: str | os.PathLike, card: dict, *, half: bool = False
) -> dict:
    """Write weights and their card; both appear whole or not at all.

    Parameters
    ----------
    model : AstroCLIP
        Model to write.
    path : str or path
        The ``.safetensors`` file; the card goes beside it.
    card : dict
        ``name``, ``training`` and ``scores``; format, configuration, recipe and the checksums of
        the file and of the card itself are filled in here.
    half : bool
        Store matrices as float16, which halves the file; they are float32 again once loaded.

    Returns
    -------
    dict
        The card as written.

    Raises
    ------
    WeightsError
        For a card that `load_weights` would refuse.
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
        card = json.loads(json.dumps(card))  # as it is once it is read
        card.pop(CARD_SHA256, None)  # of the card that this one began as
        check_card(card, f"Card {path.with_suffix('.json')}")
        card[CARD_SHA256] = card_sha256(card)
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
