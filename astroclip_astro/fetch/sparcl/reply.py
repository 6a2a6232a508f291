"""What SPARCL answers: entries, and the spectra among them that are the right objects'."""

from __future__ import annotations

import json
import reprlib

import numpy as np

from astroclip_astro.fetch.sparcl import plain_pickle
from astroclip_astro.fetch.sparcl.field import INT64, array, number, word
from astroclip_astro.fetch.sparcl.record import SpectrumRecord
from astroclip_astro.fetch.transport import BadReplyError, Reply
from astroclip_astro.records import WAVELENGTH

SPECTRUM_FIELDS = "sparcl_id targetid ra dec data_release flux ivar".split()
Spectra = dict[str, tuple[np.ndarray, np.ndarray]]
POSITION_TOLERANCE = 1e-6  # degrees; the same number, written and read again
GRID_TOLERANCE = 0.01  # Angstrom


def is_pickle(reply: Reply) -> bool:
    """Say whether a reply is a pickle, by its first byte: the declared type says little.

    Parameters
    ----------
    reply : Reply
        A whole reply.

    Returns
    -------
    bool
        True for a pickle of protocol 2 or later.

    Examples
    --------
    >>> is_pickle(Reply("application/json", b"[]", "https://sparcl"))
    False
    """
    return reply.content.startswith(b"\x80")


def read_entries(reply: Reply) -> list[dict]:
    """Read a reply of the form ``[header, entry, ...]``, JSON or a pickle of plain data.

    Parameters
    ----------
    reply : Reply
        A whole reply.

    Returns
    -------
    list of dict
        The entries, without the header. Their values are not checked.

    Raises
    ------
    BadReplyError
        Where it is neither, or of another form.

    Examples
    --------
    >>> read_entries(Reply("application/json", b'[{"status": {}}, {"ra": 1}]', "https://sparcl"))
    [{'ra': 1}]
    """
    if is_pickle(reply):
        whole = plain_pickle.load(reply.content)
    elif "json" not in reply.content_type:
        raise BadReplyError(f"content type {reply.content_type[:60]!r}, expected JSON or a pickle")
    else:
        try:
            whole = json.loads(reply.content)
        except (ValueError, RecursionError) as error:
            raise BadReplyError(f"no JSON ({error})") from error
    if not isinstance(whole, list) or {type(item) for item in whole} != {dict}:
        raise BadReplyError(f"{reprlib.repr(whole)}, expected a list of a header and records")
    header = whole[0]
    status = header.get("status")
    failed = isinstance(status, dict) and status.get("success", True) is not True
    # A record or an error in the header's place: what follows is not the whole answer.
    if failed or {"sparcl_id", "errorCode", "errorMessage"} & header.keys():
        raise BadReplyError(f"{reprlib.repr(header)}, expected a header that speaks of success")
    return whole[1:]


def read_spectra(
    entries: list[dict], wanted: dict[str, SpectrumRecord], *, with_grid: bool = False
) -> tuple[Spectra, dict[str, str]]:
    """Find the spectra of records among the entries of ``spectras``.

    Parameters
    ----------
    entries : list of dict
        In any order; what belongs to no record is passed over.
    wanted : dict
        Records by ``sparcl_id``.
    with_grid : bool
        Whether every entry must have its wavelengths.

    Returns
    -------
    spectra : dict
        By ``sparcl_id``, flux and ivar as from `read_spectrum`.
    problems : dict
        By ``sparcl_id``, what is wrong with the others: missing, refused, or sent twice with
        different data.

    Examples
    --------
    >>> record = SpectrumRecord("id", 7, 10.0, 20.0, None, None, None, True, "DESI-DR1", "", "")
    >>> read_spectra([{"sparcl_id": "another"}], {"id": record})
    ({}, {'id': 'not in the reply'})
    """
    good: Spectra = {}
    bad: dict[str, str] = {}
    for entry in entries:
        key = entry.get("sparcl_id")
        if not isinstance(key, str) or key not in wanted:
            continue
        try:
            if with_grid and entry.get("wavelength") is None:
                raise BadReplyError("no wavelengths, though asked for")
            spectrum = read_spectrum(entry, wanted[key])
        except BadReplyError as error:
            bad[key] = str(error)
            continue
        if not all(map(np.array_equal, good.setdefault(key, spectrum), spectrum)):
            bad[key] = "sent twice, with different data"
    bad |= {key: "not in the reply" for key in wanted if key not in good and key not in bad}
    return {key: spectrum for key, spectrum in good.items() if key not in bad}, bad


def read_spectrum(entry: dict, record: SpectrumRecord) -> tuple[np.ndarray, np.ndarray]:
    """Read one entry of ``spectras``, if it belongs to a record.

    Parameters
    ----------
    entry : dict
        With `SPECTRUM_FIELDS`, and ``wavelength`` where the grid is to be checked.
    record : SpectrumRecord
        The record with the entry's ``sparcl_id``.

    Returns
    -------
    flux, ivar : ndarray
        float32 (7781,), 1e-17 erg/s/cm2/Angstrom and its inverse variance; both 0 where either is
        not finite or the inverse variance is not positive.

    Raises
    ------
    BadReplyError
        Where the entry's TARGETID, position or release is not the record's, or its arrays are not
        on DESI's grid 3600 + 0.8 i Angstrom.

    Examples
    --------
    >>> record = SpectrumRecord("id", 7, 10.0, 20.0, None, None, None, True, "DESI-DR1", "", "")
    >>> entry = {"targetid": 7, "ra": 10.0, "dec": 20.0, "data_release": "DESI-DR1"}
    >>> entry |= {"flux": [1.5] * 7781, "ivar": [4] * 7780 + [0]}
    >>> flux, ivar = read_spectrum(entry, record)
    >>> flux[-2:].tolist(), ivar[-2:].tolist()
    ([1.5, 0.0], [4.0, 0.0])
    """
    _check_identity(entry, record)
    if entry.get("wavelength") is not None:
        offset = np.abs(array(entry, "wavelength", len(WAVELENGTH)) - WAVELENGTH)
        if not (offset <= GRID_TOLERANCE).all():
            raise BadReplyError(f"wavelengths {np.max(offset):.3g} Angstrom off 3600 + 0.8 i")
    with np.errstate(over="ignore", invalid="ignore"):
        flux, ivar = (
            array(entry, name, len(WAVELENGTH)).astype(np.float32) for name in ("flux", "ivar")
        )
    good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
    zero = np.float32(0)
    return np.where(good, flux, zero), np.where(good, ivar, zero)  # (7781,) each


def _check_identity(entry: dict, record: SpectrumRecord) -> None:
    """Refuse an entry that is not the record's."""
    targetid = number(entry, "targetid", *INT64, whole=True)
    if targetid != record.targetid:
        raise BadReplyError(f"TARGETID {targetid}, expected {record.targetid}")
    release = word(entry, "data_release", 40)
    if release != record.release:
        raise BadReplyError(f"a spectrum of {release}, expected {record.release}")
    ra, dec = number(entry, "ra", 0, 360), number(entry, "dec", -90, 90)
    apart = max(abs((ra - record.ra + 180) % 360 - 180), abs(dec - record.dec))
    if apart > POSITION_TOLERANCE:
        raise BadReplyError(f"position {ra} {dec}, expected {record.ra} {record.dec}")
