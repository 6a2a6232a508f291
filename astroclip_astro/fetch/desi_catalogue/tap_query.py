"""One query of a TAP service, run as a job by pyvo, that ends, and whose result is checked.

pyvo reads what comes without limit, waits for a job for as long as it takes, and opens whatever
address a job names. It gets a session here that does none of this.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from astropy.table import Table
from pyvo.dal.exceptions import DALAccessError
from pyvo.dal.tap import AsyncTAPJob, TAPQuery, TAPResults

from astroclip_astro.config import conf
from astroclip_astro.errors import AstroclipError
from astroclip_astro.fetch.desi_catalogue.votable_reply import read_votable
from astroclip_astro.fetch.transport import BadReplyError, Transport, read_reply

T = TypeVar("T")
LARGEST_DOCUMENT = 1 << 20  # bytes about a job, the query among them
LARGEST_ROW = 2000  # bytes of a row; DESI's columns take about 500 in XML
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between two looks at a job
GOODBYE = 1.0  # seconds that deleting a job may take: nobody waits for it after a Ctrl-C
NOT_BEGUN = {"PENDING", "HELD"}
PENDING_PHASES = NOT_BEGUN | {"QUEUED", "EXECUTING", "SUSPENDED", "UNKNOWN"}
NETWORK_ERRORS = (OSError, urllib3.exceptions.HTTPError)  # requests' are OSError too


class _Session:
    """A session as pyvo uses it: with timeouts, and replies that are read at once and not all."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session

    def get(self, url: str, **options: Any) -> requests.Response:
        """Return a reply that is read already."""
        options |= {"stream": True, "timeout": _timeout()}
        return _read(self._session.get(url, **options))

    def post(self, url: str, **options: Any) -> requests.Response:
        """Return a reply that is read already, or that has the address of what was made."""
        options |= {"stream": True, "timeout": _timeout(), "allow_redirects": False}
        response = self._session.post(url, **options)
        if (place := self._session.get_redirect_target(response)) is None:
            return _read(response)
        # pyvo wants to know this address, and has no use for what is there.
        response.close()
        response.url = urljoin(response.url, place)
        return response

    def delete(self, url: str, **options: Any) -> requests.Response:
        """Return a reply that nobody reads."""
        options |= {"stream": True, "timeout": GOODBYE}
        with self._session.delete(url, **options) as response:
            return response


def _timeout() -> tuple[float, float]:
    """Return the seconds to wait for a connection, and for a byte."""
    return conf.connect_timeout, conf.timeout


def _read(response: requests.Response) -> requests.Response:
    """Read at most what a job's document may have, and put it where pyvo reads."""
    reply = read_reply(response, largest=LARGEST_DOCUMENT)
    response.raw = urllib3.HTTPResponse(io.BytesIO(reply.content), preload_content=False)
    return response


def run_query(
    transport: Transport, query: str, *, rows: int, read: Callable[[Table], T]
) -> tuple[T, bool]:
    """Run a query as a job, wait for it, fetch its result and delete it.

    Every step is tried again as `Transport.attempt` does, not the whole.

    Parameters
    ----------
    transport : Transport
        To the TAP service.
    query : str
        ADQL.
    rows : int
        Rows that are asked for at most.
    read : callable
        Makes of the result, a `Table`, what is wanted, or raises `BadReplyError`; then the result
        is fetched again.

    Returns
    -------
    answer : object
        What ``read`` made of it.
    complete : bool
        Whether these are all rows. False also where exactly as many came as were asked for.

    Raises
    ------
    BadReplyError
        Where the query fails, takes longer than ``conf.deadline`` or has no usable reply.
    SourceError
        Where the service is down.
    """
    session = _Session(transport.session)
    asked = TAPQuery(transport.url, query, mode="async", maxrec=rows, session=session, PHASE="RUN")

    def submit() -> str:
        with _translated(transport.url):
            place = asked.submit().url
        if place == asked.queryurl:
            raise BadReplyError(f"{place}: no job in the reply, expected the address of one")
        # In the end we delete the job: that must be a job, on this server. Its path is the server's
        # affair, DaCHS for one has another than the one it was asked at.
        job, service = urlsplit(place), urlsplit(asked.queryurl)
        if job[:2] != service[:2] or not re.search("/async/[^/]+/?$", job.path):
            raise BadReplyError(f"{place}: no job of {asked.queryurl}", attempts=1)
        return place

    def look() -> AsyncTAPJob:
        with _translated(place):
            return AsyncTAPJob(place, session=session)

    place = transport.attempt(submit)
    try:
        _wait(transport, transport.attempt(look))
        return transport.attempt(lambda: _fetch(transport, place, rows, read))
    finally:
        # The service deletes it some time, should this not arrive.
        with suppress(AstroclipError, *NETWORK_ERRORS):
            session.delete(place, allow_redirects=False)


def _wait(transport: Transport, job: AsyncTAPJob) -> None:
    """Wait until a job is completed, or raise."""
    end, pause = time.monotonic() + conf.deadline, FIRST_PAUSE
    begun = False

    def look() -> str:
        nonlocal begun
        with _translated(job.url):
            phase = job.phase
            if phase in NOT_BEGUN and not begun:
                job.run()  # a service need not heed PHASE=RUN when a job is made
                begun = True
            job.raise_if_error()
        if phase is None:
            raise BadReplyError(f"{job.url}: a reply without a phase, expected one")
        return phase

    while (phase := transport.attempt(look)) != "COMPLETED":
        if phase not in PENDING_PHASES:
            raise BadReplyError(f"{job.url}: phase {phase!r}, expected COMPLETED", attempts=1)
        if time.monotonic() + pause > end:
            raise BadReplyError(
                f"{job.url}: still {phase} after {conf.deadline:.0f} s",
                attempts=1,
                unreachable=True,
            )
        time.sleep(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE)


def _fetch(transport: Transport, job: str, rows: int, read: Callable[[Table], T]) -> tuple[T, bool]:
    """Return the result of a job, from where TAP has it and not from where the job says."""
    place = f"{job}/results/result"
    response = transport.session.get(place, stream=True, timeout=_timeout())
    reply = read_reply(response, largest=LARGEST_DOCUMENT + rows * LARGEST_ROW)
    votable = read_votable(reply, rows=rows)
    with _translated(place):
        result = TAPResults(votable, url=place, session=transport.session)
        status = (result.query_status or "OK").upper()
        table = result.to_table()
    return read(table), status == "OK" and len(table) != rows


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn what pyvo raises into `BadReplyError`, and leave the network's to the transport."""
    try:
        yield
    except (AstroclipError, *NETWORK_ERRORS):
        raise
    except DALAccessError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, NETWORK_ERRORS):
            raise cause from None
        raise BadReplyError(f"{url}: {error}", attempts=1) from error
    except Exception as error:  # its parsers raise anything where XML is damaged
        raise BadReplyError(
            f"{url}: no usable reply ({type(error).__name__}: {str(error)[:200]})"
        ) from error
