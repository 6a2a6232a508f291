"""A weights file before it is loaded: its size, its header and its checksum, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astroclip_astro.errors import WeightsError, described
from astroclip_astro.models.card import check_checksum
from astroclip_astro.storage.bounds import MAX_CARD_BYTES, load_json

LENGTH_BYTES = 8  # in front of the header, its length


def check_weights_file(path: Path, card: dict[str, Any]) -> None:
    """Refuse a weights file that is damaged, or not the one its card was written for.

    What the file claims of itself, and what the card claims of it, are compared with its size
    first, then the checksum is computed, and nothing is built.

    Parameters
    ----------
    path : Path
        The ``.safetensors`` file.
    card : dict
        The card beside it, as `astroclip_astro.models.card.read_card` has it.

    Raises
    ------
    WeightsError
        Saying what was found and what is expected.

    Examples
    --------
    >>> from astroclip_astro.models.card import locate, read_card
    >>> path = locate("compact")
    >>> check_weights_file(path, read_card(path))
    """
    try:
        tensors = _read_tensors(path)
        configuration = card["configuration"]
        layers = sum(configuration["image_blocks"]) + configuration["spectrum_layers"]
        if layers > len(tensors):
            raise WeightsError(
                f"Weights {path} hold {len(tensors)} arrays, their card speaks of {layers} layers; "
                "copy both files again."
            )
        check_checksum(path, card)
    except OSError as error:
        raise WeightsError(f"Weights {path} cannot be read: {error}.") from None


def _read_tensors(path: Path) -> dict[str, dict[str, Any]]:
    """Return what the header of a file says of its arrays, sure that they fill the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if size < LENGTH_BYTES or length > min(MAX_CARD_BYTES, size - LENGTH_BYTES):
            raise WeightsError(
                f"Weights {path} have {size} bytes and claim a header of {length}, expected one "
                f"of {MAX_CARD_BYTES} at most and within the file; copy both files again."
            )
        header = load_json(file.read(length), f"The header of weights {path}", error=WeightsError)
    if not isinstance(header, dict):
        raise WeightsError(
            f"The header of weights {path} is {described(header)}, expected a dictionary; copy "
            "both files again."
        )
    header.pop("__metadata__", None)
    end = 0
    for name, one in header.items():
        offsets = one.get("data_offsets") if isinstance(one, dict) else None
        if not (isinstance(offsets, list) and len(offsets) == 2 and {*map(type, offsets)} == {int}):
            raise WeightsError(
                f"The header of weights {path} does not say where {described(name)} is; copy both "
                "files again."
            )
        end = max(end, offsets[1])
    if LENGTH_BYTES + length + end != size:
        raise WeightsError(
            f"Weights {path} have {size} bytes, their header claims {LENGTH_BYTES + length + end}; "
            "copy both files again."
        )
    return header
