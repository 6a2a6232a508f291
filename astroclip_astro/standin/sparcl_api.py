"""SPARCL's programming interface over a SIMULATED sky: find spectra, retrieve spectra."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from typing import NoReturn, TypeVar

import numpy as np

from astroclip_astro.standin.faults import Draw, disturb, page
from astroclip_astro.standin.messages import Answer, Request
from astroclip_astro.standin.objects import RELEASES, Sky
from astroclip_astro.standin.sparcl_records import FACTS, NUMBERS, VECTORS, SparclRecords

T = TypeVar("T")
VERSION = 12.0
DEFAULT_LIMIT, LARGEST_LIMIT = 500, 24_000
DEFAULT_FIELDS = ("sparcl_id",)
PICKLE_PROTOCOL = 4  # what Python 3.8 to 3.13 write where nothing else is said


class _BadRequestError(Exception):
    """A request that is answered with status 400: error code and message."""


class SparclApi:
    """The services ``/version/``, ``/datafields/``, ``/find/`` and ``/spectras/``.

    Parameters
    ----------
    sky : Sky
        Whose spectra it has.
    with_json : bool, optional
        Whether ``/spectras/`` answers ``format=json``; ``format=pkl`` it always does.

    Examples
    --------
    >>> import random
    >>> from astroclip_astro.standin.sky import painted_sky
    >>> body = b'{"outfields": ["targetid"], "search": [["ra", 359, 360], ["dec", 1, 3]]}'
    >>> request = Request("POST", "/find/", {}, body)
    >>> answer = SparclApi(painted_sky(9)).answer(request, Draw(frozenset(), random.Random(0)))
    >>> json.loads(answer.body)[1]
    {'targetid': 800000000000000}
    """

    def __init__(self, sky: Sky, *, with_json: bool = True) -> None:
        self._records = SparclRecords(sky)
        self._formats = ("json", "pkl") if with_json else ("pkl",)

    def answer(self, request: Request, draw: Draw) -> Answer:
        """Return the reply to a request.

        Parameters
        ----------
        request : Request
            Its path is below the address of the interface.
        draw : Draw
            Faults of records to commit.

        Returns
        -------
        Answer
            Status 200, or 400 with errorCode and errorMessage in JSON, or 404 or 405 with HTML.
        """
        services = {
            "/version/": ("GET", lambda *_: _as_json(VERSION)),
            "/datafields/": ("GET", lambda *_: _as_json(_datafields())),
            "/find/": ("POST", self._find),
            "/spectras/": ("POST", self._spectras),
        }
        if request.path not in services:
            return page(404, "Not Found")
        method, service = services[request.path]
        if request.method != method:
            return page(405, "Method Not Allowed")
        try:
            return service(request, draw)
        except _BadRequestError as error:
            code, message = error.args
            return _as_json({"errorCode": code, "errorMessage": message}, status=400)

    def _find(self, request: Request, draw: Draw) -> Answer:
        """Answer a search: facts of the spectra that satisfy all constraints."""
        limit = _limit(request.query)
        question = _parsed(request, dict)
        fields = question.get("outfields", list(DEFAULT_FIELDS))
        search = question.get("search", [])
        if not (_is_strings(fields) and isinstance(search, list)):
            _refuse("BADSPEC", "outfields must be a list of names, search a list of constraints")
        _check_fields(fields, FACTS)
        chosen = np.ones(len(self._records), dtype=bool)
        for constraint in search:
            chosen &= self._satisfied(constraint)
        rows = np.flatnonzero(chosen)[:limit].tolist()
        found = [self._records.record(row, fields) for row in rows]
        return _as_json([_meta(), *disturb(found, draw)])

    def _satisfied(self, constraint: object) -> np.ndarray:
        """Return which records satisfy one constraint, bool (n,)."""
        if not (isinstance(constraint, list) and len(constraint) > 1):
            _refuse("BADCONST", f"Constraint {constraint!r}, expected [field, value, ...]")
        field, *values = constraint
        _check_fields([field], FACTS)
        if field not in NUMBERS:
            kind = bool if field == "specprimary" else str
            if not all(isinstance(value, kind) for value in values):
                _refuse("BADCONST", f"Values {values!r} of {field}, expected {kind.__name__}")
            wanted = set(values)
            return np.array([value in wanted for value in self._records.facts[field]], bool)
        if not all(type(value) in (int, float) for value in values):
            _refuse("BADCONST", f"Values {values!r} of {field}, expected numbers")
        column = self._records.numbers[field]
        if len(values) == 2:
            # Two numbers are always a range, even where they were meant as two identifiers.
            return (column >= values[0]) & (column <= values[1])
        return np.isin(column, values)

    def _spectras(self, request: Request, draw: Draw) -> Answer:
        """Answer a request for spectra by sparcl_id, in arbitrary order."""
        query = request.query
        fields = _listed(query, "include", DEFAULT_FIELDS)
        _check_fields(fields, (*FACTS, *VECTORS))
        datasets = _listed(query, "dataset_list", RELEASES)
        if unknown := sorted(set(datasets) - set(RELEASES)):
            _refuse("BADDATASET", f"Unknown datasets {unknown}, expected {RELEASES}")
        form = query.get("format", ["json"])[0]
        if form not in self._formats:
            _refuse("BADFORMAT", f"Unknown format {form!r}, expected {self._formats}")
        names = _parsed(request, list)
        if not _is_strings(names) or len(names) > LARGEST_LIMIT:
            _refuse("BADIDS", f"The body must be a list of at most {LARGEST_LIMIT} sparcl_id")
        asked = dict.fromkeys(names[: _limit(query)])
        row_of, release = self._records.row_of, self._records.facts["data_release"]
        known = {name for name in asked if name in row_of and release[row_of[name]] in datasets}
        rows = [row_of[name] for name in asked if name in known]
        draw.random.shuffle(rows)
        if "missing" in draw and rows:
            del rows[: draw.random.randint(1, len(rows))]
        pairs = disturb(self._with_owners(rows, draw), draw)
        absent = [f"{name} not found in {','.join(datasets)}" for name in asked.keys() - known]
        meta = _meta(sorted(absent))
        if form == "pkl":
            records = [self._records.record(row, fields, owner=owner) for row, owner in pairs]
            body = pickle.dumps([meta, *records], protocol=PICKLE_PROTOCOL)
            return Answer(200, "application/octet-stream", body)
        texts = (self._records.text(row, fields, owner=owner) for row, owner in pairs)
        return Answer(
            200, "application/json", f"[{', '.join([json.dumps(meta), *texts])}]".encode()
        )

    def _with_owners(self, rows: list[int], draw: Draw) -> list[tuple[int, int]]:
        """Return each row with the one its content comes from; one of them wrong where drawn."""
        owners = list(rows)
        targets = self._records.facts["targetid"]
        if "wrong_position" in draw and rows and len(set(targets)) > 1:
            victim = draw.random.randrange(len(rows))
            while targets[owners[victim]] == targets[rows[victim]]:
                owners[victim] = draw.random.randrange(len(targets))
        return list(zip(rows, owners, strict=True))


def _refuse(code: str, message: str) -> NoReturn:
    """Raise what is answered with status 400."""
    raise _BadRequestError(code, message)


def _limit(query: dict[str, list[str]]) -> int:
    """Return how many records are wanted at most; more than fit are cut off silently."""
    text = query.get("limit", [str(DEFAULT_LIMIT)])[0]
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        _refuse("BADLIMIT", f"limit={text!r}, expected a positive whole number")
    return min(int(text), LARGEST_LIMIT)


def _listed(query: dict[str, list[str]], name: str, default: Sequence[str]) -> list[str]:
    """Return a parameter that is a list with commas."""
    return query[name][0].split(",") if name in query else list(default)


def _parsed(request: Request, kind: type[T]) -> T:
    """Return the request's body, which is JSON of one kind."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):  # also what is not UTF-8
        body = None
    if not isinstance(body, kind):
        _refuse("BADBODY", f"The body must be a JSON {kind.__name__}")
    return body


def _is_strings(values: object) -> bool:
    """Return whether something is a list of strings."""
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _check_fields(fields: Sequence[object], known: Sequence[str]) -> None:
    """Refuse fields that a service does not have."""
    if unknown := [field for field in fields if field not in known]:
        _refuse("UNKFIELD", f"Unknown fields {unknown}, expected some of {', '.join(known)}")


def _datafields() -> list[dict[str, object]]:
    """Return what fields there are."""
    return [
        {
            "data_release": release,
            "origdp": name,
            "newdp": name,
            "storage": "C" if name in FACTS else "A",  # core, or auxiliary
            "default": name == "sparcl_id",
            "all": True,
        }
        for release in RELEASES
        for name in (*FACTS, *VECTORS)
    ]


def _meta(warnings: Sequence[str] = ()) -> dict[str, object]:
    """Return the first element of a reply, which describes it."""
    info = ["SIMULATED spectra, not observations"]
    return {"status": {"success": True, "info": info, "warnings": list(warnings)}}


def _as_json(content: object, *, status: int = 200) -> Answer:
    """Return an answer in JSON."""
    return Answer(status, "application/json", json.dumps(content).encode())
