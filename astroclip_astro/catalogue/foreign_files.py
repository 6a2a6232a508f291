"""Files that are no catalogue: what they are, in words, and what to do instead."""

from __future__ import annotations

import re

_SAVE = "save the table as CSV or FITS"
KINDS: dict[bytes, tuple[str, str]] = {
    rb"PK\x03\x04": ("an Excel workbook or another zip archive", f"{_SAVE}, or unpack it"),
    rb"\xd0\xcf\x11\xe0": ("an Excel workbook", _SAVE),
    rb"\x89HDF": ("an HDF5 file", f"{_SAVE} (with astropy or pandas, say)"),
    rb"\x93NUMPY": ("an array of numpy", f"{_SAVE} (astropy.table.Table(array).write)"),
    rb"%PDF": ("a PDF document", _SAVE),
    rb"\{\\rtf": ("a document of a word processor", _SAVE),
    rb"\x80[\x02-\x05]": ("a pickle of Python, which is never loaded", _SAVE),
    rb"CDF[\x01\x02\x05]": ("a netCDF file", _SAVE),
    rb"7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd": ("a packed archive", "unpack it"),
    rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*": ("a picture", "pass the catalogue itself"),
    rb"(?i)\s*<(!doctype html|html|head|body)": (
        "a web page",
        "fetch the table itself: the address may need a login, or answer with an error",
    ),
    rb"\s*<": ("a document of tags", "pass the catalogue itself"),
    rb"\s*\{|\s*\[\s*[\[{\"]": ("JSON", _SAVE),
}


def describe_foreign(head: bytes) -> str | None:
    r"""Return what a file is that is no catalogue and what to do, None where nothing says so.

    Parameters
    ----------
    head : bytes
        Its beginning, unpacked.

    Returns
    -------
    str or None
        The end of a sentence that begins with the file's name.

    Examples
    --------
    >>> describe_foreign(b"%PDF-1.7")
    'is a PDF document, which is no catalogue; save the table as CSV or FITS.'
    >>> describe_foreign(b"ra,dec\n") is None
    True
    """
    for sign, (kind, advice) in KINDS.items():
        if re.match(sign, head, re.DOTALL):
            return f"is {kind}, which is no catalogue; {advice}."
    return None
