"""Names, files and cards of weights: all that can be checked without loading torch."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Never

from astroclip_astro.columns import COLUMN_ROOTS, MODALITIES
from astroclip_astro.errors import WeightsError, described, did_you_mean, visible
from astroclip_astro.models.card_fields import check_card_sha256, check_fields
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.resources import folder
from astroclip_astro.storage.atomic import check_path
from astroclip_astro.storage.bounds import load_json, read_card_bytes

CARD_FORMAT = 1
CARD_KEYS = ("format", "name", "configuration", "recipe", "sha256", "training", "scores")
# Where astroclip-train leaves weights in the folder of a run.
RUN_FOLDERS = ("weights.safetensors", "align/weights.safetensors")
HEXADECIMALS = 12  # of the checksum that are shown


class Card(dict):
    """The JSON card of weights as a dictionary; shown, it is a few lines.

    Examples
    --------
    >>> training = {"data": "9 SIMULATED galaxies", "simulated": True, "stages": {"align": {}}}
    >>> scores = {"image_r2_redshift": 0.606, "spectrum_r2_redshift": 0.824}
    >>> Card(name="mine", sha256="ab" * 32, training=training, scores=scores)
    Card of weights 'mine'
      sha256      abababababab...
      trained on  9 SIMULATED galaxies
      stages      align
      R2          redshift 0.606 by image, 0.824 by spectrum
      keys        name, sha256, training, scores; dict(card) shows all
    """

    def __repr__(self) -> str:
        lines = [f"Card of weights {self.get('name')!r}"]
        lines += [f"  {name:<10}  {words}" for name, words in self._facts().items() if words]
        return visible("\n".join(lines))

    def _facts(self) -> dict[str, str]:
        """Return what is shown, by its heading; nothing where the card has nothing."""
        training, scores = self.get("training") or {}, self.get("scores") or {}
        data = str(training.get("data", ""))
        if training.get("simulated") and "SIMULATED" not in data:
            data = f"{data or 'galaxies'}, SIMULATED"
        size = f"{self['parameters']:,} parameters" if "parameters" in self else ""
        return {
            "sha256": f"{str(self['sha256'])[:HEXADECIMALS]}..." if "sha256" in self else "",
            "size": ", ".join(filter(None, [size, str(self.get("stored", ""))])),
            "trained on": data,
            "stages": ", ".join(training.get("stages", {})),
            "R2": "; ".join(filter(None, (_r2_words(scores, label) for label in COLUMN_ROOTS))),
            "scores": str(scores.get("what", "")),
            "keys": f"{', '.join(self)}; dict(card) shows all",
        }


def _r2_words(scores: dict, label: str) -> str:
    """Return how well a label is predicted by image and by spectrum."""
    values = {modality: scores.get(f"{modality}_r2_{label}") for modality in MODALITIES}
    known = [f"{value:.3f} by {name}" for name, value in values.items() if value is not None]
    return f"{label} {', '.join(known)}" if known else ""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bundled() -> list[str]:
    """Return the names of the weights that come with the package."""
    return sorted(path.stem for path in folder("weights").glob("*.safetensors"))


def locate(name: str | os.PathLike) -> Path:
    """Return the file of bundled weights or of the user's own."""
    if check_path(name, "weights") in bundled():
        return folder("weights") / f"{name}.safetensors"
    path = Path(name)
    for run in RUN_FOLDERS:
        if (path / run).is_file():
            return path / run
    if not path.is_file():
        raise WeightsError(
            f"Unknown weights {str(name)!r}: neither a bundled name ({', '.join(bundled())}) nor "
            "a file, nor the folder of a finished training run; pass one of these names or the "
            f"path of a .safetensors file{did_you_mean(name, bundled()) or '.'}"
        )
    if path.suffix != ".safetensors":
        raise WeightsError(
            f"Weights {str(path)!r} are a {path.suffix or 'file without suffix'}, expected "
            ".safetensors; pickled checkpoints (.ckpt, .pt) can run code and are not read."
        )
    return path


def read_card(path: Path) -> Card:
    """Read the card beside a weights file, and check all that anything reads in it.

    Parameters
    ----------
    path : Path
        The ``.safetensors`` file.

    Returns
    -------
    Card
        Every field of the type that it is expected to have, the sizes within bounds.

    Raises
    ------
    WeightsError
        For a card that is not there, too large, no JSON, of another format, changed since it was
        written, or with a field of another type.

    Examples
    --------
    >>> read_card(locate("compact"))["name"]
    'compact'
    """
    file = path.with_suffix(".json")
    if not file.is_file():
        raise WeightsError(
            f"No card {file.name} beside {path}; weights and card belong together, keep both."
        )
    try:
        content = read_card_bytes(file, error=WeightsError)
    except OSError as error:
        raise WeightsError(f"Card {file} cannot be read: {error}.") from None
    where = f"Card {file}"
    card = load_json(
        content,
        where,
        error=WeightsError,
        object_pairs_hook=_unique_names,
        parse_constant=_refuse_constant,
    )
    check_card(card, where)
    return Card(card)


def check_card(card: object, where: str) -> None:
    """Refuse a card that is none, or of which not all is as it is expected.

    Parameters
    ----------
    card : object
        What a JSON file says.
    where : str
        What messages call it.

    Raises
    ------
    WeightsError
        Saying what was found and what is expected.
    """
    if not isinstance(card, dict):
        raise WeightsError(f"{where} is {described(card)}, expected a dictionary; copy it again.")
    if missing := [key for key in CARD_KEYS if key not in card]:
        raise WeightsError(
            f"{where} lacks {missing}, expected {list(CARD_KEYS)}; copy weights and card again."
        )
    if type(card["format"]) is not int or card["format"] != CARD_FORMAT:
        raise WeightsError(
            f"{where} has format {described(card['format'])}, expected {CARD_FORMAT}; "
            "install the version of astroclip-astro that wrote it."
        )
    check_fields(card, where)
    check_card_sha256(card, where)
    try:
        Configuration.from_dict(card["configuration"])
    except WeightsError as error:
        raise WeightsError(f"{where}: {error}") from None


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dictionary of JSON, sure that it has no name twice."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"the name {described(name)} is there twice")
        values[name] = value
    return values


def _refuse_constant(word: str) -> Never:
    """Refuse NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{word} is no number of JSON")


def check_checksum(path: Path, card: dict) -> None:
    """Refuse a weights file that is not the one its card was written for.

    Parameters
    ----------
    path : Path
        The ``.safetensors`` file.
    card : dict
        The card beside it.

    Raises
    ------
    WeightsError
        Where the SHA-256 differs.

    Examples
    --------
    >>> path = locate("compact")
    >>> check_checksum(path, read_card(path))
    """
    checksum = sha256(path)
    if checksum != card["sha256"]:
        raise WeightsError(
            f"Weights {path} have SHA-256 {checksum[:HEXADECIMALS]}..., their card says "
            f"{str(card['sha256'])[:HEXADECIMALS]}...; copy both files again."
        )


def check_aligned(card: dict) -> None:
    """Refuse weights whose card lists stages of training, but not that of aligning.

    Before it, image and spectrum of a galaxy have nothing to do with each other, and the layers
    that embed are as they began.

    Parameters
    ----------
    card : dict
        Card of the weights.

    Raises
    ------
    WeightsError
        Naming the stages there are.

    Examples
    --------
    >>> check_aligned({"name": "compact", "training": {"stages": {"align": {}}}})
    """
    stages = card["training"].get("stages", {})
    if stages and "align" not in stages:
        raise WeightsError(
            f"Weights {card['name']} are of the stage {', '.join(stages)} alone: they can be "
            "trained on, but embed nothing yet. Align them first: astroclip-train align."
        )
