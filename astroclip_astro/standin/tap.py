"""Astro Data Lab's TAP service, as a stand-in: queries now or as jobs, over SIMULATED tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from astropy.table import Table

from astroclip_astro.standin.messages import Answer, Request
from astroclip_astro.standin.tap_documents import (
    XML,
    availability,
    capabilities,
    error_document,
    result_document,
    schema_tables,
    tableset,
)
from astroclip_astro.standin.tap_jobs import (
    Job,
    Jobs,
    job_document,
    job_list,
    parameter_document,
    result_list,
)
from astroclip_astro.standin.tap_query import Database, QueryError

LONGEST_WAIT = 30.0  # seconds that a request may wait for a job
FORMATS = {"", "votable", "votable/td", "application/x-votable+xml", "text/xml"}


class TapService:
    """A TAP 1.1 service.

    As services.md has it of the real one, ``CONTAINS`` and ``CIRCLE`` fail; boxes and q3c work.

    Parameters
    ----------
    tables : mapping of str to Table
        By name with schema, ``"desi_dr1.zpix"``. Units and descriptions of columns are kept.
    rows : int
        Rows of a result at most, and where nothing is said.
    seconds : float
        What a query may take.

    Raises
    ------
    InputError
        For a name without schema, or a column with several values a row.

    Examples
    --------
    >>> service = TapService({"desi_dr1.zpix": Table({"z": [0.5]})})
    >>> query = {"QUERY": ["SELECT z FROM desi_dr1.zpix"], "LANG": ["ADQL"]}
    >>> answer = service.answer(Request("GET", "/sync", query))
    >>> answer.status, b"<TD>0.5</TD>" in answer.body
    (200, True)
    >>> service.close()
    """

    def __init__(
        self, tables: Mapping[str, Table], *, rows: int = 100_000, seconds: float = 30.0
    ) -> None:
        self._tables = {**tables, **schema_tables(tables)}
        self._rows, self._seconds = rows, seconds
        self._database = Database(self._tables, seconds=seconds)
        self._jobs = Jobs(self._query)

    def answer(self, request: Request) -> Answer:
        """Answer a request.

        Parameters
        ----------
        request : Request
            Its path is below the service.

        Returns
        -------
        Answer
            Whatever is wrong with the request is said in it.
        """
        first, *rest = request.path.strip("/").split("/")
        given = {name.upper(): values[-1] for name, values in request.query.items()}
        try:
            if first == "sync" and not rest:
                return self._query(given)
            if first == "async":
                return self._answer_jobs(request, given, rest)
            if first == "availability":
                return availability()
            if first == "capabilities":
                return capabilities(request.base, rows=self._rows, seconds=self._seconds)
            if first == "tables":
                return tableset(self._tables, "/".join(rest)) or _absent(request)
        except QueryError as error:
            return error_document(str(error))
        return _absent(request)

    def close(self) -> None:
        """Stop what is running."""
        self._jobs.close()
        self._database.close()

    def _query(self, given: dict[str, str], stopped: Callable[[], bool] = lambda: False) -> Answer:
        """Answer a query, or raise `QueryError`."""
        if given.get("REQUEST", "doQuery").lower() != "doquery":
            raise QueryError(f"REQUEST={given['REQUEST']!r}, expected doQuery")
        if not given.get("LANG", "ADQL").upper().startswith("ADQL"):
            raise QueryError(f"LANG={given['LANG']!r}, expected ADQL")
        if given.get("UPLOAD"):
            raise QueryError("UPLOAD is not supported")
        wanted = given.get("RESPONSEFORMAT") or given.get("FORMAT") or ""
        if wanted.lower().partition(";")[0] not in FORMATS:
            raise QueryError(f"RESPONSEFORMAT={wanted!r}, expected votable")
        limit = given.get("MAXREC") or str(self._rows)
        if not limit.isdecimal():
            raise QueryError(f"MAXREC={limit!r}, expected a number from 0")
        query = given.get("QUERY", "")
        if not query.strip():
            raise QueryError("No QUERY, expected a SELECT")
        rows = min(int(limit), self._rows)
        table, overflow = self._database.select(query, rows, stopped=stopped)
        return result_document(table, overflow=overflow)

    def _answer_jobs(self, request: Request, given: dict[str, str], rest: list[str]) -> Answer:
        """Answer a request about all jobs, or one."""
        base = f"{request.base}/async"
        if not rest:
            if request.method == "POST":
                phase = given.pop("PHASE", "")
                new = self._jobs.create(given)
                self._set_phase(new, phase)
                return _see(f"{base}/{new.name}")
            return _xml(job_list(_chosen(self._jobs.all(), request.query), base))
        job = self._jobs.get(rest[0])
        if job is None:
            return _absent(request)
        if request.method == "DELETE" or given.get("ACTION", "").upper() == "DELETE":
            self._jobs.delete(job)
            return _see(base)
        part = "/".join(rest[1:]).lower()
        if request.method == "POST":
            self._change(job, part, given)
            return _see(f"{base}/{job.name}")
        return self._read(job, part, given, base) or _absent(request)

    def _read(self, job: Job, part: str, given: dict[str, str], base: str) -> Answer | None:
        """Answer a question about a job, None where there is nothing of that name."""
        if part == "":
            job.wait(_seconds(given.get("WAIT", "0")))
            return _xml(job_document(job, base))
        if part == "parameters":
            return _xml(parameter_document(job))
        if part == "results":
            return _xml(result_list(job, base))
        if part == "results/result" and job.future is not None and job.phase == "COMPLETED":
            return job.future.result()
        if part == "error" and job.message:
            return error_document(job.message, status=200)
        words = {
            "phase": job.phase,
            "executionduration": str(job.duration),
            "destruction": job.destruction.isoformat(),
            "quote": "",
            "owner": "",
        }
        return Answer(200, "text/plain", words[part].encode()) if part in words else None

    def _change(self, job: Job, part: str, given: dict[str, str]) -> None:
        """Change a job as a POST asks for, or raise `QueryError`."""
        if part == "phase":
            self._set_phase(job, given.get("PHASE", ""))
        elif part == "parameters":
            if job.phase != "PENDING":
                raise QueryError(f"The job is {job.phase}: its parameters cannot change any more")
            job.parameters |= given
        elif part == "executionduration":
            job.duration = int(_seconds(given.get("EXECUTIONDURATION", ""), most=86400.0))
        elif part == "destruction":
            job.destruction = _time(given.get("DESTRUCTION", ""))
        else:
            raise QueryError(f"Nothing to change at {part!r}")

    def _set_phase(self, job: Job, phase: str) -> None:
        """Run a job or stop it."""
        if phase.upper() == "RUN":
            self._jobs.run(job)
        elif phase.upper() == "ABORT":
            self._jobs.abort(job)
        elif phase:
            raise QueryError(f"PHASE={phase!r}, expected RUN or ABORT")


def _chosen(jobs: list[Job], query: Mapping[str, list[str]]) -> list[Job]:
    """Return the jobs that a request wants to see."""
    wanted = {name.upper(): values for name, values in query.items()}
    if phases := {value.upper() for value in wanted.get("PHASE", []) if value}:
        jobs = [job for job in jobs if job.phase in phases]
    if after := "".join(wanted.get("AFTER", [])[-1:]):
        jobs = [job for job in jobs if job.created > _time(after)]
    last = "".join(wanted.get("LAST", [])[-1:])
    return jobs[-int(last) :] if last.isdecimal() and int(last) else jobs


def _seconds(text: str, *, most: float = LONGEST_WAIT) -> float:
    """Return a number of seconds; a negative one means as long as possible."""
    try:
        number = float(text)
    except ValueError:
        raise QueryError(f"{text!r}, expected seconds") from None
    return min(number, most) if number >= 0 else most


def _time(text: str) -> datetime:
    """Return a time as the IVOA writes it, UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(f"{text!r}, expected a time such as 2030-01-01T00:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _xml(text: str) -> Answer:
    """Return a UWS document as an answer."""
    return Answer(200, XML, f"<?xml version='1.0' encoding='UTF-8'?>{text}".encode())


def _see(place: str) -> Answer:
    """Return that the answer is elsewhere."""
    return Answer(303, "text/plain", b"", {"Location": place})


def _absent(request: Request) -> Answer:
    """Return that there is nothing here."""
    return error_document(f"Nothing at {request.path}", status=404)
