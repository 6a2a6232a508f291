"""Queries that are run as jobs: the part of the Universal Worker Service that TAP uses.

Names and phases are those of UWS 1.1 (IVOA recommendation of 2016).
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from astroclip_astro.standin.messages import Answer

MOST = 1000  # jobs that are remembered; the oldest go first
LIFE = timedelta(days=1)
Work = Callable[[dict[str, str], Callable[[], bool]], Answer]
SPACES = 'xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink"'


def _now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


@dataclass
class Job:
    """One query: what was asked, and what has become of it.

    Parameters
    ----------
    name : str
        Identifier, part of its address.
    parameters : dict of str to str
        What was asked.
    created, started, ended, destruction : datetime or None
        UTC; the last says until when it is promised to be here.
    duration : int
        Seconds that it may take, as it was asked for; the database has its own limit.
    aborted : bool
        Whether it was stopped.
    future : Future or None
        The work, None until it is run.
    """

    name: str
    parameters: dict[str, str]
    created: datetime = field(default_factory=_now)
    started: datetime | None = None
    ended: datetime | None = None
    destruction: datetime = field(default_factory=lambda: _now() + LIFE)
    duration: int = 0
    aborted: bool = False
    future: Future | None = None

    @property
    def phase(self) -> str:
        """One of UWS's words, ``PENDING`` to ``COMPLETED``, ``ERROR`` or ``ABORTED``."""
        if self.aborted:
            return "ABORTED"
        if self.future is None:
            return "PENDING"
        if not self.future.done():
            return "EXECUTING" if self.started else "QUEUED"
        return "ERROR" if self.future.exception() else "COMPLETED"

    @property
    def message(self) -> str:
        """Why it failed, "" where it did not."""
        if self.future is None or self.phase != "ERROR":
            return ""
        return str(self.future.exception())

    def work(self, answer: Work) -> Answer:
        """Do what was asked, and note when.

        Parameters
        ----------
        answer : callable
            As `Jobs` takes it.

        Returns
        -------
        Answer
            The result.
        """
        self.started = _now()
        try:
            return answer(self.parameters, lambda: self.aborted)
        finally:
            self.ended = _now()

    def wait(self, seconds: float) -> None:
        """Wait until it is done, or not longer than this.

        Parameters
        ----------
        seconds : float
            How long at most.
        """
        if self.future is not None:
            wait([self.future], timeout=seconds)


class Jobs:
    """All jobs of a service; one runs at a time.

    Parameters
    ----------
    answer : callable
        Answers the parameters of a job; raises `AstroclipError` where it cannot. Its second
        argument is a function that says whether the job was stopped.

    Examples
    --------
    >>> jobs = Jobs(lambda parameters, stopped: Answer(200, "text/plain", b"found"))
    >>> job = jobs.create({"QUERY": "..."})
    >>> job.phase
    'PENDING'
    >>> jobs.run(job)
    >>> job.wait(5)
    >>> job.phase
    'COMPLETED'
    >>> jobs.close()
    """

    def __init__(self, answer: Work) -> None:
        self._answer = answer
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def create(self, parameters: dict[str, str]) -> Job:
        """Return a new job, not yet running.

        Parameters
        ----------
        parameters : dict of str to str
            What is asked.

        Returns
        -------
        Job
            In phase ``PENDING``.
        """
        job = Job(uuid.uuid4().hex[:16], dict(parameters))
        with self._lock:
            self._jobs[job.name] = job
            while len(self._jobs) > MOST:
                del self._jobs[next(iter(self._jobs))]
        return job

    def get(self, name: str) -> Job | None:
        """Return a job, None where there is none.

        Parameters
        ----------
        name : str
            Its identifier.

        Returns
        -------
        Job or None
            The job.
        """
        return self._jobs.get(name)

    def all(self) -> list[Job]:
        """Return the jobs, the oldest first.

        Returns
        -------
        list of Job
            Those that were not deleted.
        """
        with self._lock:
            return list(self._jobs.values())

    def run(self, job: Job) -> None:
        """Begin with a job, once.

        Parameters
        ----------
        job : Job
            One of these.
        """
        with self._lock:
            if job.phase == "PENDING":
                job.future = self._pool.submit(job.work, self._answer)

    def abort(self, job: Job) -> None:
        """Stop a job, if it is not done.

        Parameters
        ----------
        job : Job
            One of these.
        """
        with self._lock:
            job.aborted |= job.phase in ("PENDING", "QUEUED", "EXECUTING")
            if job.future is not None:
                job.future.cancel()

    def delete(self, job: Job) -> None:
        """Stop a job and forget it.

        Parameters
        ----------
        job : Job
            One of these.
        """
        self.abort(job)
        with self._lock:
            self._jobs.pop(job.name, None)

    def close(self) -> None:
        """Stop all jobs, and wait until they have."""
        for job in self.all():
            self.abort(job)
        self._pool.shutdown(cancel_futures=True)


def job_document(job: Job, base: str) -> str:
    """Return a job in XML.

    Parameters
    ----------
    job : Job
        The job.
    base : str
        Address of all jobs.

    Returns
    -------
    str
        A UWS document.

    Examples
    --------
    >>> text = job_document(Job("abc", {"QUERY": "SELECT 1 < 2"}), "http://127.0.0.1/tap/async")
    >>> "<uws:phase>PENDING</uws:phase>" in text, "SELECT 1 &lt; 2" in text
    (True, True)
    """
    optional = {"startTime": job.started, "endTime": job.ended}
    times = "".join(
        f"<uws:{tag}>{_stamp(time)}</uws:{tag}>" for tag, time in optional.items() if time
    )
    error = (
        '<uws:errorSummary type="fatal" hasDetail="true">'
        f"<uws:message>{escape(job.message)}</uws:message></uws:errorSummary>"
    )
    return (
        f'<uws:job {SPACES} version="1.1"><uws:jobId>{job.name}</uws:jobId>'
        f"<uws:phase>{job.phase}</uws:phase>"
        f"<uws:creationTime>{_stamp(job.created)}</uws:creationTime>{times}"
        f"<uws:executionDuration>{job.duration}</uws:executionDuration>"
        f"<uws:destruction>{_stamp(job.destruction)}</uws:destruction>"
        f"{_parameters(job, '')}{_results(job, base, '')}{error if job.message else ''}</uws:job>"
    )


def job_list(jobs: Iterable[Job], base: str) -> str:
    """Return a list of jobs in XML.

    Parameters
    ----------
    jobs : iterable of Job
        The jobs.
    base : str
        Address of all jobs.

    Returns
    -------
    str
        A UWS document.

    Examples
    --------
    >>> 'id="abc"' in job_list([Job("abc", {})], "http://127.0.0.1/tap/async")
    True
    """
    parts = "".join(
        f'<uws:jobref id="{job.name}" xlink:href={quoteattr(f"{base}/{job.name}")}>'
        f"<uws:phase>{job.phase}</uws:phase>"
        f"<uws:creationTime>{_stamp(job.created)}</uws:creationTime></uws:jobref>"
        for job in jobs
    )
    return f'<uws:jobs {SPACES} version="1.1">{parts}</uws:jobs>'


def parameter_document(job: Job) -> str:
    """Return what a job was asked, in XML.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    str
        A UWS document.
    """
    return _parameters(job, f" {SPACES}")


def result_list(job: Job, base: str) -> str:
    """Return where a job's result is, in XML.

    Parameters
    ----------
    job : Job
        The job.
    base : str
        Address of all jobs.

    Returns
    -------
    str
        A UWS document; empty where there is no result.
    """
    return _results(job, base, f" {SPACES}")


def _parameters(job: Job, spaces: str) -> str:
    """Return the parameters as an element."""
    parts = "".join(
        f"<uws:parameter id={quoteattr(name)}>{escape(value)}</uws:parameter>"
        for name, value in job.parameters.items()
    )
    return f"<uws:parameters{spaces}>{parts}</uws:parameters>"


def _results(job: Job, base: str, spaces: str) -> str:
    """Return the results as an element."""
    place = quoteattr(f"{base}/{job.name}/results/result")
    result = f'<uws:result id="result" xlink:type="simple" xlink:href={place}/>'
    return f"<uws:results{spaces}>{result if job.phase == 'COMPLETED' else ''}</uws:results>"


def _stamp(time: datetime) -> str:
    """Return a time as the IVOA writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
