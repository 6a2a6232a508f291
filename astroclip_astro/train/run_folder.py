"""The folder of a training run: configuration, log, checkpoint, loss plot, weights."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from astroclip_astro.errors import InputError, OutputError
from astroclip_astro.storage.atomic import whole_file


@dataclass(frozen=True)
class RunFolder:
    """Where a stage keeps what it needs to go on, and what its user wants to see.

    Parameters
    ----------
    path : Path
        The folder. It holds ``configuration.toml``, ``run.json``, ``log.csv``,
        ``validation.csv``, ``loss.png``, ``checkpoint.safetensors`` and, when all steps are done,
        ``weights.safetensors`` with its card ``weights.json``.
    """

    path: Path

    @property
    def log(self) -> Path:
        """Step, loss, learning rate, galaxies a second, and more, a line for each step."""
        return self.path / "log.csv"

    @property
    def validation(self) -> Path:
        """Step, loss and effective rank on galaxies held out."""
        return self.path / "validation.csv"

    @property
    def checkpoint(self) -> Path:
        """The state after some step: parameters and the optimiser's memory of them."""
        return self.path / "checkpoint.safetensors"

    @property
    def weights(self) -> Path:
        """What the stage has learned, for ``--weights``."""
        return self.path / "weights.safetensors"

    @property
    def finished(self) -> bool:
        """Whether weights and their card are there."""
        return self.weights.exists() and self.weights.with_suffix(".json").exists()

    def save(self, step: int, module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Write a checkpoint; the old one stays until the new one is whole.

        Raises
        ------
        OutputError
            If the disk is full or the folder cannot be written; the old checkpoint is kept.
        """
        tensors = {f"module.{name}": value for name, value in module.state_dict().items()}
        for number, memory in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": value for name, value in memory.items()}
        tensors = {n: v.detach().to("cpu", copy=True).contiguous() for n, v in tensors.items()}

        def write(path: Path) -> None:
            save_file(tensors, path, {"step": str(step)})

        self.replace(self.checkpoint, write)

    def load(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> int:
        """Restore the last checkpoint and return the steps done; 0 where there is none.

        Raises
        ------
        InputError
            If the checkpoint is damaged or of another configuration.
        """
        if not self.checkpoint.exists():
            return 0
        try:
            with safe_open(self.checkpoint, framework="pt") as file:
                step = int(file.metadata()["step"])
                if step < 1:
                    raise ValueError(f"{step} steps done")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state = {n.removeprefix("module."): v for n, v in tensors.items() if n[:1] == "m"}
            module.load_state_dict(state)
            memory: dict[int, dict[str, Tensor]] = {}
            for name, value in tensors.items():
                kind, _, rest = name.partition(".")
                if kind == "optimiser":
                    number, _, key = rest.partition(".")
                    memory.setdefault(int(number), {})[key] = value
            trained = sum(len(group["params"]) for group in optimiser.param_groups)
            if memory.keys() != set(range(trained)) or len({*map(frozenset, memory.values())}) > 1:
                raise ValueError("the optimiser's memory is not that of its parameters")
            optimiser.load_state_dict(optimiser.state_dict() | {"state": memory})
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"Checkpoint {self.checkpoint} does not go with this run ({error}); remove it, or "
                "choose another folder."
            ) from None
        return step

    def rows(self, path: Path) -> list[dict[str, str]]:
        """Return the whole lines of one of the CSV files, none where it is absent."""
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = list(csv.DictReader(file))
        return [row for row in rows if None not in row.values() and None not in row]

    def cut(self, path: Path, step: int) -> None:
        """Remove the lines of a CSV file that a resumed run writes anew."""
        rows = [
            row
            for row in self.rows(path)
            if row.get("step", "").isdecimal() and int(row["step"]) <= step
        ]
        if not rows:
            path.unlink(missing_ok=True)
            return

        def write(scratch: Path) -> None:
            with scratch.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)

        self.replace(path, write)

    def add(self, path: Path, row: dict[str, float]) -> None:
        """Add a line to one of the CSV files."""
        try:
            new = not path.exists()
            with path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(row))
                if new:
                    writer.writeheader()
                writer.writerow({name: f"{value:.7g}" for name, value in row.items()})
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}.") from None

    def replace(self, path: Path, write: Callable[[Path], object]) -> None:
        """Write a file of the folder; it appears whole, or stays as it was."""
        try:
            with whole_file(path, scratch=path.with_name(f".{path.name}.new")) as scratch:
                write(scratch)
        except (OSError, SafetensorError) as error:
            raise OutputError(
                f"{path} cannot be written ({error}); what was there is kept. Make room, then go "
                "on with --resume."
            ) from None


def open_run(path: Path, configuration: dict, run_metadata: dict, *, resume: bool) -> RunFolder:
    """Make the folder of a run, or find that of an interrupted one.

    Parameters
    ----------
    path : Path
        The folder; its parent must be there.
    configuration : dict
        Written as ``configuration.toml``, which ``--config`` takes again.
    run_metadata : dict
        What else decides the run (stage, seed, data): ``run.json``.
    resume : bool
        Go on from the last checkpoint of the same run; without one, begin.

    Returns
    -------
    RunFolder

    Raises
    ------
    OutputError
        If the folder holds a run and ``resume`` is not given, or cannot be made.
    InputError
        If it holds another run than the one asked for; the message says what differs.
    """
    import tomli_w

    folder = RunFolder(Path(path))
    wanted = {"configuration": configuration, **run_metadata}
    known, settings = (folder.path / name for name in ("run.json", "configuration.toml"))
    text = tomli_w.dumps(configuration)
    if known.exists():
        if not resume:
            raise OutputError(
                f"{path} holds a training run; go on with --resume, or choose another folder."
            )
        try:
            found = json.loads(known.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{known} cannot be read ({error}); choose another folder.") from None
        different = list(differences(found, wanted))
        if different:
            raise InputError(
                f"{path} holds another run: {'; '.join(different[:5])}. Give the same options to "
                "resume it, or choose another folder."
            )
        if not settings.exists():  # interrupted in between
            folder.replace(settings, lambda new: new.write_text(text, encoding="utf-8"))
        return folder
    try:
        there = {one.name for one in folder.path.iterdir()} if folder.path.is_dir() else set()
        if there - {".run.json.new"}:
            raise OutputError(f"{path} is not empty and holds no training run; choose another.")
        folder.path.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"Folder {path} cannot be made: {error.strerror}.") from None
    folder.replace(known, lambda new: new.write_text(json.dumps(wanted, indent=1)))
    folder.replace(settings, lambda new: new.write_text(text, encoding="utf-8"))
    return folder


def differences(found: object, wanted: object, name: str = "") -> list[str]:
    """Say where two nested dictionaries differ."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        names = sorted(found.keys() | wanted.keys())
        parts = (differences(found.get(n), wanted.get(n), f"{name} {n}".strip()) for n in names)
        return [word for part in parts for word in part]
    return [] if found == wanted else [f"{name} is {found!r} there, {wanted!r} here"]
