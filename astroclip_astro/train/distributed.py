"""One process or several: who they are, and what they share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed, nn

from astroclip_astro.errors import InputError

BATCHES_SEEN = "num_batches_tracked"  # as PyTorch calls this buffer of batch statistics


class Processes:
    """The process we are, among those that train together.

    Parameters
    ----------
    rank, count : int
        Number of this one, from 0, and of all.
    device : torch.device
        Where this one computes.
    """

    def __init__(self, rank: int, count: int, device: torch.device) -> None:
        self.rank, self.count, self.device = rank, count, device

    @property
    def first(self) -> bool:
        """Whether this one writes files and speaks."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if several():
            distributed.barrier()

    def rows(self, batch_size: int) -> slice:
        """Return the rows of a batch that are this process's; all have as many.

        Raises
        ------
        InputError
            Where the batch cannot be shared evenly.
        """
        if batch_size % self.count:
            raise InputError(
                f"A batch of {batch_size} galaxies cannot be shared by {self.count} processes; "
                f"give --batch-size a multiple of {self.count}."
            )
        each = batch_size // self.count
        return slice(self.rank * each, (self.rank + 1) * each)


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started; without it there is one.

    Within the block they stay joined: a second group in its place would meet at the addresses that
    the first one has left behind.

    Parameters
    ----------
    device : torch.device
        As chosen by the user; several processes on ``cuda`` take a GPU each.

    Yields
    ------
    Processes
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(0, 1, device)
        return
    if device.index is not None:
        raise InputError(
            f"Found device {device} and {count} processes, of which each takes a GPU of its own; "
            "use device cuda."
        )
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    if several():
        yield Processes(distributed.get_rank(), count, device)
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), count, device)
    finally:
        distributed.destroy_process_group()


def several() -> bool:
    """Return whether other processes take part."""
    return distributed.is_available() and distributed.is_initialized()


def all_gather(values: Tensor) -> Tensor:
    """Return the rows of all processes, in their order; only this one's carry a gradient.

    Parameters
    ----------
    values : Tensor
        (n, ...), n the same in every process.

    Returns
    -------
    Tensor
        (processes * n, ...).
    """
    if not several():
        return values
    parts = [torch.empty_like(values) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, values.detach().contiguous())
    parts[distributed.get_rank()] = values
    return torch.cat(parts)


def scale_gathered_loss(loss: Tensor) -> Tensor:
    """Return a loss that every process has computed from gathered rows, with its whole gradient.

    Each process knows the gradient of its own rows only. Afterwards gradients are averaged over
    processes, where those of one loss must be added: so they count as often as there are processes.
    """
    if not several():
        return loss
    return loss.detach() + distributed.get_world_size() * (loss - loss.detach())


@contextmanager
def shared_statistics(module: nn.Module) -> Iterator[None]:
    """Give all processes the running batch statistics that one would have after the block.

    Each process has moved them by its own groups of a batch. One would have seen those of the
    first process, then those of the second, and so on. Frozen parts, which are in evaluation mode,
    stay exactly as they are.
    """
    layers = []
    if several():
        layers = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    before = [[buffer.clone() for buffer in layer.buffers()] for layer in layers]
    yield
    for layer, (mean, variance, count) in zip(layers, before, strict=True):
        assert layer.momentum is not None  # None would be a mean over all groups
        groups = layer.get_buffer(BATCHES_SEEN) - count
        kept = (1 - layer.momentum) ** int(groups)  # of what was there before
        for name, then in (("running_mean", mean), ("running_var", variance)):
            now = layer.get_buffer(name)
            value = then
            for part in all_gather(now[None]):  # (channels,)
                value = part + kept * (value - then)
            now.copy_(value)
        layer.get_buffer(BATCHES_SEEN).copy_(count + groups * distributed.get_world_size())
