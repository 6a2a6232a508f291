"""Configurations of training from a small file that says what differs from a known one."""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from astroclip_astro.errors import InputError, WeightsError, did_you_mean
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.train.settings import STAGES, TRAINING, StageSettings, TrainingConfiguration

LARGE = 2**53

Settings = TypeVar("Settings", bound=Configuration | StageSettings)


def read_configuration(name: str | Path) -> TrainingConfiguration:
    """Return a configuration by name, or from a TOML file that says what differs from one.

    Parameters
    ----------
    name : str or path
        ``full``, ``compact``, or a TOML file: ``name``, ``base`` (one of the two, ``compact``
        where nothing is said), and tables ``[model]``, ``[spectrum]``, ``[image]``, ``[align]``.

    Returns
    -------
    TrainingConfiguration

    Raises
    ------
    InputError
        For a file that is not there, names that are not known, or values of another type.

    Examples
    --------
    >>> read_configuration("full").align.batch_size
    512
    """
    if str(name) in TRAINING:
        return TRAINING[str(name)]
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"No configuration {str(name)!r}: neither {' nor '.join(TRAINING)} nor a TOML file"
            f"{did_you_mean(name, TRAINING) or '.'}"
        )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"Configuration {path} cannot be read: {error}.") from None
    base = values.pop("base", "compact")
    if not isinstance(base, str) or base not in TRAINING:
        raise InputError(f"{path}: base is {base!r}, expected one of {', '.join(TRAINING)}.")
    sizes = {"name": values.pop("name", path.stem), **_table(values, "model", path)}
    model = _replaced(TRAINING[base].model, sizes, f"{path}, [model]")
    stages = {}
    for stage in STAGES:
        given = _table(values, stage, path)
        stages[stage] = _replaced(getattr(TRAINING[base], stage), given, f"{path}, [{stage}]")
    if values:
        raise InputError(
            f"{path} has {', '.join(values)}, expected name, base, [model], "
            f"{', '.join(f'[{stage}]' for stage in STAGES)}."
        )
    check_sizes(model, f"{path}, [model]")
    return TrainingConfiguration(model=model, **stages)


def check_sizes(model: Configuration, where: str) -> None:
    """Find out sizes that no encoder can have before there is one.

    Parameters
    ----------
    model : Configuration
        Sizes of both encoders.
    where : str
        Where they are from, for the message.

    Raises
    ------
    InputError
        Where a size is below 1, or two do not go together.
    """
    try:
        Configuration.from_dict(model.to_dict())
    except WeightsError as error:
        raise InputError(f"{where}: {error}") from None


def _table(values: dict, name: str, path: Path) -> dict:
    """Take a table out of a configuration file."""
    table = values.pop(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{path}: {name} is {table!r}, expected a table [{name}].")
    return table


def _replaced(settings: Settings, values: dict, where: str) -> Settings:
    """Return settings with some values replaced, each of the type it had."""
    known = [field.name for field in fields(settings)]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise InputError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(known)}.")
    kinds = get_type_hints(type(settings))
    try:
        return replace(settings, **{n: _value(v, kinds[n], n, where) for n, v in values.items()})
    except InputError as error:
        raise InputError(str(error) if where in str(error) else f"{where}: {error}") from None


def _value(value: object, kind: object, name: str, where: str) -> Any:
    """Return a value of a file as the type a setting has."""
    if kind is float and type(value) is int and abs(value) < LARGE:
        return float(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    if not isinstance(kind, type) and isinstance(value, list):
        pair = kind == tuple[float, float]
        right = all(type(one) in ((int, float) if pair else (int,)) for one in value)
        if right and (len(value) == 2 or not pair):
            return tuple(value)
    words = getattr(kind, "__name__", str(kind)) if isinstance(kind, type) else "a list of numbers"
    raise InputError(f"{where}: {name} is {value!r}, expected {words}.")
