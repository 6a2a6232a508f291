"""Run an encoder over prepared arrays: the one place where numpy meets torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from astropy import log

from astroclip_astro.errors import InputError

PRECISIONS = ("auto", "float32", "bfloat16")
BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "svebf16")  # of Intel, AMD and ARM
DEVICES = ("auto", "cpu", "cuda", "cuda:N", "mps")


@dataclass(frozen=True)
class EmbedOptions:
    """How inputs are embedded; what is None is as the model has it.

    Parameters
    ----------
    batch_size : int
        Inputs computed at once.
    device, precision : str, optional
        Where, and in what number format.
    count : callable, optional
        Called after each batch with how many are done, and how many there are.
    """

    batch_size: int
    device: str | None
    precision: str | None
    count: Callable[[int, int], object] | None = None


def choose_device(name: str | torch.device) -> torch.device:
    """Return the device a name stands for.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "cuda:N", "mps"}
        ``auto`` prefers a GPU; ``cuda:N`` is the NVIDIA GPU of that number, counted from 0.

    Returns
    -------
    torch.device

    Raises
    ------
    InputError
        For another name, or a device that is not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if str(name) == "auto":
        return torch.device(next(device for device, there in available.items() if there))
    kind, colon, number = str(name).partition(":")
    if kind not in available or (colon and not (kind == "cuda" and number.isdecimal())):
        raise InputError(f"Unknown device {str(name)!r}, expected one of {', '.join(DEVICES)}.")
    if not available[kind]:
        raise InputError(
            f"Device {str(name)!r} was asked for but PyTorch sees none here; use 'auto' or 'cpu'."
        )
    if number and int(number) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(
            f"Device {str(name)!r} was asked for but PyTorch sees {count} here: cuda:0"
            f"{f' to cuda:{count - 1}' if count > 1 else ''}; use one of these."
        )
    return torch.device(str(name))


def choose_precision(name: str, device: torch.device, *, training: bool = False) -> torch.dtype:
    """Return the number format a name stands for.

    Parameters
    ----------
    name : {"auto", "float32", "bfloat16"}
        ``auto`` is bfloat16 on a GPU that has it. On a CPU it is float32 for embedding, whose
        values must not depend on the processor; for training it is bfloat16 where the processor
        has instructions for it.
    device : torch.device
        Where is computed.
    training : bool
        Whether networks are trained.

    Returns
    -------
    torch.dtype

    Raises
    ------
    InputError
        For another name.
    """
    if name not in PRECISIONS:
        raise InputError(f"Unknown precision {name!r}, expected one of {', '.join(PRECISIONS)}.")
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        fast = device.type == "cpu" and processor_has_bfloat16()
    if name == "auto":
        chosen = fast and (training or device.type == "cuda")
        return torch.bfloat16 if chosen else torch.float32
    if name == "bfloat16" and device.type == "cpu" and not fast:
        log.warning(
            "This processor has no instructions for bfloat16, so that it will be several times "
            "slower than float32. Use precision auto or float32."
        )
    return getattr(torch, name)


@cache
def processor_has_bfloat16() -> bool:
    """Return whether this computer's processor multiplies bfloat16 numbers by itself."""
    if hasattr(torch.cpu, "get_capabilities"):  # since PyTorch 2.12
        found = {name for name, there in torch.cpu.get_capabilities().items() if there}
    else:
        try:
            found = set(Path("/proc/cpuinfo").read_text().split())
        except OSError:
            found = set()
    return not found.isdisjoint(BFLOAT16_INSTRUCTIONS)


def embed(
    encoder: Callable[[torch.Tensor], torch.Tensor],
    prepared: Callable[[np.ndarray], np.ndarray],
    rows: np.ndarray,
    *,
    batch_size: int,
    device: torch.device,
    dtype: torch.dtype,
    count: Callable[[int, int], object] | None = None,
) -> np.ndarray:
    """Embed rows in batches of one shape.

    The last batch is filled up with zeros: a row's embedding then does not depend on how many
    rows came with it, so that a resumed run gives the values of an uninterrupted one.

    Parameters
    ----------
    encoder : callable
        From a batch of inputs on ``device`` to embeddings (batch, width).
    prepared : callable
        From row numbers to their float32 inputs, as the encoder takes them.
    rows : ndarray
        int (n,), at least one, row numbers to embed.
    batch_size : int
        Rows computed at once.
    device : torch.device
        Where the encoder is.
    dtype : torch.dtype
        Number format inside the network.
    count : callable, optional
        Called after each batch with how many rows are done, and how many there are.

    Returns
    -------
    ndarray
        float32 (n, width).
    """
    parts = []
    for start in range(0, len(rows), batch_size):
        chosen = rows[start : start + batch_size]
        values = prepared(chosen)
        batch = np.zeros((batch_size, *values.shape[1:]), np.float32)
        batch[: len(chosen)] = values
        with (
            torch.inference_mode(),
            torch.autocast(device.type, dtype, enabled=dtype != torch.float32),
        ):
            embedding = encoder(torch.from_numpy(batch).to(device)).float()
        parts.append(embedding.cpu().numpy()[: len(chosen)])
        if count is not None:
            count(start + len(chosen), len(rows))
    return np.concatenate(parts)
