"""What each field of a card of weights may be, checked once: when a card is read or written."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from astroclip_astro.errors import WeightsError, described, visible
from astroclip_astro.models.configuration import MAX_NAME_LETTERS, is_line

MAX_INTEGER = 2**63  # beyond it, numbers fit no column and no array
SHA256 = re.compile("[0-9a-f]{64}")
CARD_SHA256 = "card_sha256"

# What a value is expected to be, in words, and whether it is that.
Kind = tuple[str, Callable[[Any], bool]]


def is_count(value: object) -> bool:
    """Return whether a value is a whole number of at least 1.

    Examples
    --------
    >>> is_count(3), is_count(0), is_count(True), is_count(3.0)
    (True, False, False, False)
    """
    return type(value) is int and value >= 1


def is_number(value: object) -> bool:
    """Return whether a value is a number; true and false are none."""
    return type(value) in (int, float)


def is_range(value: object) -> bool:
    """Return whether a value is two numbers, the lower one first."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(map(is_number, value))
        and value[0] <= value[1]
    )


def is_sha256(value: object) -> bool:
    """Return whether a value is a SHA-256 as 64 hexadecimal digits."""
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


DICTIONARY: Kind = ("a dictionary", lambda value: isinstance(value, dict))
TEXT: Kind = ("a text", lambda value: isinstance(value, str))
COUNT: Kind = ("a whole number of at least 1", is_count)
NUMBER: Kind = ("a number", is_number)
TRUTH: Kind = ("true or false", lambda value: isinstance(value, bool))
# null stands for what is not known.
TRUTH_IF_KNOWN: Kind = ("true, false or null", lambda value: value is None or TRUTH[1](value))
NUMBER_IF_KNOWN: Kind = ("a number or null", lambda value: value is None or is_number(value))
DIGITS: Kind = ("64 digits of 0-9, a-f", is_sha256)
PAIR: Kind = ("two numbers, the lower one first", is_range)

REQUIRED: dict[str, Kind] = {
    "name": (f"a line of text, at most {MAX_NAME_LETTERS} letters", is_line),
    "configuration": DICTIONARY,
    "recipe": DICTIONARY,
    "sha256": DIGITS,
    "training": DICTIONARY,
    "scores": DICTIONARY,
}
OPTIONAL: dict[str, Kind] = {"parameters": COUNT, "stored": TEXT, CARD_SHA256: DIGITS}
TRAINING: dict[str, Kind] = {
    "simulated": TRUTH_IF_KNOWN,
    "data": TEXT,
    "stages": DICTIONARY,
    "labels_in_loss": TEXT,
    "range": DICTIONARY,
}
STAGE: dict[str, Kind] = {
    "task": TEXT,
    "galaxies": COUNT,
    "simulated": TRUTH_IF_KNOWN,
    "minutes": NUMBER,
    "steps": COUNT,
    "batch_size": COUNT,
    "chunks": COUNT,
    "chunk_width": COUNT,
    "masked": TEXT,
    "unfreeze": TRUTH,
}
R2 = re.compile(r"\w+_r2_\w+")


def check_fields(card: Mapping[str, Any], where: str) -> None:
    """Refuse a card with a field of another kind than all that reads it expects.

    Parameters
    ----------
    card : mapping
        The card, with all fields that a card needs.
    where : str
        What messages call it.

    Raises
    ------
    WeightsError
        Naming the field, what was found in it and what is expected.

    Examples
    --------
    >>> card = {"name": "mine", "configuration": {}, "recipe": {}, "sha256": "0" * 64, "scores": {}}
    >>> check_fields(card | {"training": {"stages": {"align": {}}}}, "Card mine.json")
    >>> check_fields(card | {"training": {"stages": ["align"]}}, "Card mine.json")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.WeightsError: Card mine.json: training.stages is a list of 1, ...
    """
    _check_values(card, where)
    _check_kinds(card, REQUIRED | OPTIONAL, where, "")
    training, scores = card["training"], card["scores"]
    _check_kinds(training, TRAINING, where, "training.")
    stages, limits = training.get("stages", {}), training.get("range", {})
    _check_kinds(stages, dict.fromkeys(stages, DICTIONARY), where, "training.stages.")
    for name, stage in stages.items():
        _check_kinds(stage, STAGE, where, f"training.stages.{name}.")
    _check_kinds(limits, dict.fromkeys(limits, PAIR), where, "training.range.")
    r2 = {name: NUMBER_IF_KNOWN for name in scores if R2.fullmatch(name)}
    _check_kinds(scores, r2 | {"what": TEXT}, where, "scores.")


def _check_kinds(
    values: Mapping[str, Any], kinds: Mapping[str, Kind], where: str, prefix: str
) -> None:
    """Raise WeightsError where a value that is there is of another kind than the table says."""
    for name, (expected, is_right) in kinds.items():
        if name in values and not is_right(values[name]):
            raise WeightsError(
                f"{where}: {prefix}{name} is {described(values[name])}, expected {expected}; "
                "copy weights and card again, or install the version of astroclip-astro that "
                "wrote them."
            )


def _check_values(card: Mapping[str, Any], where: str) -> None:
    """Raise WeightsError for a number or a text anywhere that cannot be worked with, or shown."""
    waiting: list[Any] = [card]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            if visible(value) != value:
                raise WeightsError(
                    f"{where} has the text {described(value)}, expected no control characters; "
                    "copy weights and card again."
                )
        elif is_number(value) and not (
            abs(value) < MAX_INTEGER if isinstance(value, int) else math.isfinite(value)
        ):
            raise WeightsError(
                f"{where} has the number {described(value)}, expected finite numbers, and whole "
                "ones below 2**63; copy weights and card again."
            )


def card_sha256(card: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a card, that of its JSON in one canonical form.

    Parameters
    ----------
    card : mapping
        The card. The field that the checksum itself is kept in does not count, nor does the order
        of fields.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> card_sha256({"name": "mine", "format": 1}) == card_sha256({"format": 1, "name": "mine"})
    True
    """
    others = {name: value for name, value in card.items() if name != CARD_SHA256}
    text = json.dumps(others, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def check_card_sha256(card: Mapping[str, Any], where: str) -> None:
    """Refuse a card that was changed after it was written; one of an earlier version passes.

    Parameters
    ----------
    card : mapping
        The card.
    where : str
        What messages call it.

    Raises
    ------
    WeightsError
        Where the card has a checksum, and it is that of another card.

    Examples
    --------
    >>> check_card_sha256({"name": "mine"}, "Card mine.json")
    """
    if CARD_SHA256 in card and card[CARD_SHA256] != (found := card_sha256(card)):
        raise WeightsError(
            f"{where} has SHA-256 {found[:12]}..., its own {CARD_SHA256} says "
            f"{card[CARD_SHA256][:12]}...; copy weights and card again. If you changed the card "
            f"yourself, take {CARD_SHA256} out of it."
        )
