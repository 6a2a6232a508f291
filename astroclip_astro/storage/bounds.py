"""How much a file may claim before anything is built from it: the bounds, and what checks them.

A file of a few hundred bytes can claim billions of rows, a header without end, or a YAML document
whose aliases stand for gigabytes. Whoever reads a file counts first, with what is here, and builds
afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from astroclip_astro.errors import InputError

MAX_CARD_BYTES = 1 << 20  # of a JSON card, one of weights for example
MAX_HEADER_BLOCKS = 2000  # of 2880 bytes, in the header of one part of a FITS file
MAX_YAML_LETTERS = 16 << 20  # of the metadata of one table
MAX_ALIASED_NODES = 100_000  # what all aliases of a YAML document stand for, together
MAX_DEPTH = 100  # lists, dictionaries or elements within one another: JSON, YAML, XML
MAX_HEAP_USES = 8  # how often cells of a FITS table may use the same bytes of its heap, on average
SMALL_BYTES = 32 << 20  # what a table may take in memory whatever its file holds
MAX_EXPANSION = 100  # bytes of memory for each byte of the file, above that

# A string, also one that is never closed, or a bracket.
_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)|[\[\]{}]', re.DOTALL)


def read_card_bytes(path: Path, *, error: type[InputError] = InputError) -> bytes:
    """Return the content of a small file, sure that it is small.

    Parameters
    ----------
    path : Path
        A JSON card, a configuration.
    error : type of InputError
        What is raised.

    Returns
    -------
    bytes
        At most ``MAX_CARD_BYTES``.

    Raises
    ------
    InputError
        For a longer file.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "card.json"
    >>> _ = path.write_text("{}")
    >>> read_card_bytes(path)
    b'{}'
    """
    with path.open("rb") as stream:
        content = stream.read(MAX_CARD_BYTES + 1)
    if len(content) > MAX_CARD_BYTES:
        raise error(
            f"{path} is longer than {MAX_CARD_BYTES} bytes, the most that such a file is expected "
            "to have; pass another."
        )
    return content


def load_json(
    text: str | bytes, what: str, *, error: type[InputError] = InputError, **options: Any
) -> Any:
    """Return what JSON says, sure that it is neither too long nor too deep.

    Parameters
    ----------
    text : str or bytes
        UTF-8 where it is bytes.
    what : str
        How messages call it.
    error : type of InputError
        What is raised.
    **options
        As `json.loads` takes them.

    Returns
    -------
    object
        As `json.loads`.

    Raises
    ------
    InputError
        For text longer than ``MAX_CARD_BYTES``, lists or dictionaries more than ``MAX_DEPTH``
        deep, and what is no JSON.

    Examples
    --------
    >>> load_json('{"z": [0.5]}', "The card")
    {'z': [0.5]}
    >>> load_json("[" * 5000, "The card")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.InputError: The card has lists or dictionaries more than 100 deep; ...
    """
    if len(text) > MAX_CARD_BYTES:
        raise error(f"{what} is longer than {MAX_CARD_BYTES} bytes; pass another file.")
    try:
        letters = text if isinstance(text, str) else text.decode("utf-8-sig")
        depth = 0
        for token in _JSON_TOKEN.finditer(letters):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
            if depth > MAX_DEPTH:
                raise error(
                    f"{what} has lists or dictionaries more than {MAX_DEPTH} deep; pass another "
                    "file."
                )
        return json.loads(letters, **options)
    except InputError:
        raise
    except ValueError as problem:  # UnicodeDecodeError and JSONDecodeError, and digits by thousands
        raise error(f"{what} is no JSON ({problem}); write or fetch it again.") from problem


def load_yaml(text: str, what: str, *, error: type[InputError] = InputError) -> Any:
    """Return what YAML says in plain types, checked by `check_yaml` first.

    Parameters
    ----------
    text, what, error
        As for `check_yaml`.

    Returns
    -------
    object
        As `yaml.safe_load`.

    Examples
    --------
    >>> load_yaml("z: [0.5]", "The file")
    {'z': [0.5]}
    """
    check_yaml(text, what, error=error)
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as problem:
        reason = " ".join(str(problem).split())
        raise error(f"{what} is no YAML ({reason}); write or fetch it again.") from problem


def check_yaml(text: str, what: str, *, error: type[InputError] = InputError) -> None:
    """Raise where YAML stands for more than a file's metadata can be.

    Nothing is built: the document is read as a stream of events, and what each alias stands for is
    counted.

    Parameters
    ----------
    text : str
        One YAML document. What is no YAML at all passes: its reader says so better.
    what : str
        How messages call it.
    error : type of InputError
        What is raised.

    Raises
    ------
    InputError
        For more than ``MAX_YAML_LETTERS`` letters, more than ``MAX_DEPTH`` levels, an alias within
        what it stands for, or aliases for more than ``MAX_ALIASED_NODES`` values.

    Examples
    --------
    >>> check_yaml("a: &a [1, 2]", "The header")
    >>> check_yaml("a: &a [1, *a]", "The header")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.InputError: The header has YAML that contains itself; write it again ...
    """
    advice = "write it again without such metadata"
    if len(text) > MAX_YAML_LETTERS:
        raise error(f"{what} has more than {MAX_YAML_LETTERS} letters of YAML; {advice}.")
    if _bracket_depth(text) > 10 * MAX_DEPTH:  # even to look at that takes long
        raise error(f"{what} has YAML more than {MAX_DEPTH} levels deep; {advice}.")
    # The fast loader first; what it cannot read, the reader's own may.
    for loader in (getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader):
        try:
            excess = _excess(yaml.parse(text, Loader=loader))
        except (yaml.YAMLError, ValueError):
            continue
        if excess:
            raise error(f"{what} has YAML {excess}; {advice}.")
        return


def _bracket_depth(text: str) -> int:
    """Return how many brackets are open at most, those within texts counted too."""
    depth = most = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth += 1 if bracket[0] in "[{" else -1
        most = max(most, depth)
    return most


def _excess(events: Iterator[yaml.Event]) -> str | None:
    """Return in words what is too much in a YAML document, None where nothing is."""
    sizes: dict[str, int] = {}  # values that an anchor stands for, aliases counted in full
    opened: list[tuple[str | None, int]] = []
    total = aliased = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in opened):
                return "that contains itself"
            size = sizes.get(str(event.anchor), 0)
            total, aliased = total + size, aliased + size
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            total += 1
            opened.append((event.anchor, total))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor is not None:
                sizes[anchor] = total - before + 1
        if len(opened) > MAX_DEPTH:  # and no further: deep YAML takes long to read
            return f"more than {MAX_DEPTH} levels deep"
        if aliased > MAX_ALIASED_NODES:
            return f"whose aliases stand for more than {MAX_ALIASED_NODES} values"
    return None
