"""Records of SIMULATED spectra as SPARCL has them: facts, vectors, and their JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.standin.objects import Sky

NAMESPACE = uuid.UUID("5b3c6d1e-8f0a-4c57-9d6b-2f1e0c7a9b44")  # of sparcl_id; any will do
NUMBERS = ("targetid", "specid", "ra", "dec", "redshift", "redshift_err", "redshift_warning")
WORDS = ("sparcl_id", "survey", "program", "spectype", "data_release")
FACTS = (*WORDS, *NUMBERS, "specprimary")
VECTORS = ("flux", "ivar", "mask", "wavelength")
KEPT_TEXTS = 128  # spectra whose JSON is kept; each takes up to 0.3 MB


class SparclRecords:
    """All records of a sky.

    Parameters
    ----------
    sky : Sky
        Whose spectra they are.

    Attributes
    ----------
    facts : dict of str to list
        Each of `FACTS`, one value a record.
    numbers : dict of str to ndarray
        Each of `NUMBERS`, (n,).
    row_of : dict of str to int
        Record number of each sparcl_id, the name-based UUID of data release, TARGETID, survey and
        program.

    Examples
    --------
    >>> from astroclip_astro.standin.sky import painted_sky
    >>> records = SparclRecords(painted_sky(2))
    >>> records.record(0, ["targetid", "data_release"])
    {'targetid': 800000000000000, 'data_release': 'DESI-EDR'}
    """

    def __init__(self, sky: Sky) -> None:
        self._sky = sky
        table = sky.spectra
        self.facts = {n: np.asarray(table[n]).tolist() for n in FACTS if n in table.colnames}
        self.facts["specid"] = self.facts["targetid"]
        keys = (self.facts[name] for name in ("data_release", "targetid", "survey", "program"))
        self.facts["sparcl_id"] = [
            str(uuid.uuid5(NAMESPACE, " ".join(map(str, key)))) for key in zip(*keys, strict=True)
        ]
        self.numbers = {name: np.array(self.facts[name]) for name in NUMBERS}
        self.row_of = {name: row for row, name in enumerate(self.facts["sparcl_id"])}
        self._texts = lru_cache(KEPT_TEXTS)(self._vector_texts)

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.row_of)

    def record(self, row: int, fields: Iterable[str], *, owner: int | None = None) -> dict:
        """Return some fields of a record.

        Parameters
        ----------
        row : int
            Row of the simulated object, from 0.
        fields : iterable of str
            Of `FACTS` and `VECTORS`.
        owner : int, optional
            Record that all fields but sparcl_id are taken from.

        Returns
        -------
        dict
            Vectors are arrays (7781,): flux, ivar and wavelength float64, mask int32.
        """
        fields, owner = tuple(fields), row if owner is None else owner
        record = {
            name: self.facts[name][row if name == "sparcl_id" else owner]
            for name in fields
            if name not in VECTORS
        }
        if len(record) < len(set(fields)):
            vectors = self._vectors(owner)
            record |= {name: vectors[name] for name in fields if name in VECTORS}
        return record

    def text(self, row: int, fields: Iterable[str], *, owner: int | None = None) -> str:
        """Return the same as `record` as JSON, every float exact in float32, and short."""
        fields, owner = tuple(fields), row if owner is None else owner
        facts = self.record(row, [name for name in fields if name not in VECTORS], owner=owner)
        parts = [f'"{name}": {json.dumps(value)}' for name, value in facts.items()]
        if vectors := [name for name in fields if name in VECTORS]:
            texts = self._texts(owner)
            parts += [f'"{name}": {texts[name]}' for name in vectors]
        return f"{{{', '.join(parts)}}}"

    def _vectors(self, row: int) -> dict[str, np.ndarray]:
        """Return the four vectors of a record as the archive's pickles have them."""
        flux, ivar = self._sky.flux_ivar(row)
        return {
            "flux": flux.astype(np.float64),
            "ivar": ivar.astype(np.float64),
            "mask": (ivar == 0).astype(np.int32),
            "wavelength": WAVELENGTH.copy(),
        }

    def _vector_texts(self, row: int) -> dict[str, str]:
        """Return the four vectors of a record as JSON."""
        flux, ivar = self._sky.flux_ivar(row)
        return {
            "flux": _numbers_text(flux),
            "ivar": _numbers_text(ivar),
            "mask": _numbers_text((ivar == 0).astype(np.int32)),
            "wavelength": _wavelength_text(),
        }


@lru_cache(1)
def _wavelength_text() -> str:
    """Return the wavelengths as JSON."""
    return _numbers_text(WAVELENGTH)


def _numbers_text(values: np.ndarray) -> str:
    """Return numbers as JSON, with as few digits as give the same number in their own dtype."""
    unique, place = np.unique(values, return_inverse=True)
    words = np.array([str(value) for value in unique], dtype=object)
    return f"[{', '.join(words[place])}]"
