"""The comment lines before a text table, which are YAML in ECSV, looked at before they are read."""

from __future__ import annotations

import gzip
from pathlib import Path

from astroclip_astro.errors import CatalogueError
from astroclip_astro.storage.bounds import MAX_YAML_LETTERS, check_yaml

SIGN = b"%ECSV"


def check_ecsv_header(path: Path) -> None:
    r"""Raise where the metadata of an ECSV file stand for more than metadata can be.

    Parameters
    ----------
    path : Path
        Any text file, gzipped or not; other text than ECSV passes.

    Raises
    ------
    CatalogueError
        As `~astroclip_astro.storage.bounds.check_yaml`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.ecsv"
    >>> _ = path.write_text("# %ECSV 1.0\n# ---\n# meta: {a: &a [1, *a]}\n# ...\nx\n1\n")
    >>> check_ecsv_header(path)
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.CatalogueError: The header of ...t.ecsv has YAML that contains ...
    """
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    lines: list[bytes] = []
    letters = 0
    with gzip.open(path) if packed else path.open("rb") as stream:
        while letters <= MAX_YAML_LETTERS:
            line = stream.readline(MAX_YAML_LETTERS + 1).removeprefix(b"\xef\xbb\xbf")
            if not line or (line.strip() and not line.lstrip().startswith(b"#")):
                break
            letters += len(line)
            lines.append(line.strip().removeprefix(b"#").removeprefix(b" "))
    if any(line.startswith(SIGN) for line in lines):
        text = b"\n".join(line for line in lines if not line.startswith(SIGN))
        check_yaml(text.decode("utf-8", "replace"), f"The header of {path}", error=CatalogueError)
