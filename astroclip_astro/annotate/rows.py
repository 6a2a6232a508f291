"""Rows of output values: one array of records, its nulls, and how parts of it are filled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from astroclip_astro.columns import OutputColumn
from astroclip_astro.flags import Flag

INTEGER_NULLS = {"i4": -(2**31), "i8": -(2**63)}  # what a null reads in the row arrays


def row_dtype(columns: Sequence[OutputColumn]) -> np.dtype:
    """Return the dtype of one row of output values."""
    return np.dtype([(column.name, column.dtype, column.shape) for column in columns])


def empty_rows(columns: Sequence[OutputColumn], count: int) -> np.ndarray:
    """Return rows in which every value is null and no flag is set."""
    rows = np.zeros(count, row_dtype(columns))
    for column in columns:
        if column.dtype.startswith("f"):
            rows[column.name] = np.nan
        elif column.dtype in INTEGER_NULLS and column.group != "flags":
            rows[column.name] = INTEGER_NULLS[column.dtype]
    return rows


def scatter_to_rows(values: np.ndarray, where: np.ndarray, count: int) -> np.ndarray:
    """Return float64 (count,), NaN but for the values at their rows."""
    result = np.full(count, np.nan)
    result[where] = values
    return result


def write(rows: np.ndarray, name: str, where: np.ndarray, values: np.ndarray) -> None:
    """Write values into a column if it was asked for."""
    if name in (rows.dtype.names or ()):
        rows[name][where] = values


def raise_flag(flags: np.ndarray, where: np.ndarray, flag: Flag) -> None:
    """Set a bit in some rows."""
    flags[where] |= np.int32(flag)


def stacked(arrays: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Stack arrays to float32 (n, *shape), also where there are none."""
    return np.array(arrays, np.float32).reshape(-1, *shape)
