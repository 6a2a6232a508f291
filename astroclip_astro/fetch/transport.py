"""The one way to the network: polite, suspicious of what comes back, and easily stopped."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3
from requests.utils import select_proxy

from astroclip_astro.config import conf
from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.fetch.bad_reply import BadReplyError
from astroclip_astro.fetch.first_contact import LOOPBACK, FirstContact, FirstContactAdapter
from astroclip_astro.fetch.session import TIMEOUT_ATTEMPTS, Session, read_body
from astroclip_astro.version import __version__

__all__ = ["BadReplyError", "Transport"]

T = TypeVar("T")
MESSAGE_BYTES = 4096  # of an error's body, enough for what it says
FIRST_ATTEMPTS = 3  # without any reply, of a host that has never answered
BUSY = {429, 502, 503, 504}  # the front end speaks, not the service behind it


@dataclass(frozen=True)
class Reply:
    """A whole reply with status 200.

    Parameters
    ----------
    content_type : str
        In lower case, without parameters.
    content : bytes
        All of it.
    url : str
        Where it came from, for messages.
    """

    content_type: str
    content: bytes
    url: str


class Transport:
    """The network as one client sees it: one service, some connections, retries, pauses.

    Parameters
    ----------
    url : str
        Address of the service, http or https.
    connections : int
        How many are open at once, at most.

    Attributes
    ----------
    session : requests.Session
        Certificates are always verified. Also pyvo's clients take it.
    contact : FirstContact
        Whether the host can be reached.

    Raises
    ------
    InputError
        Where the address is none.

    Examples
    --------
    >>> transport = Transport("http://127.0.0.1:9/api")
    >>> transport.session.headers["User-Agent"].startswith("astroclip-astro/")
    True
    """

    def __init__(self, url: str, *, connections: int = 4) -> None:
        try:
            parts = urlsplit(url)
            whole = parts.scheme in ("http", "https") and bool(parts.hostname)
            whole = whole and parts.port != 0 and not parts.query and not parts.fragment
            whole = whole and "@" not in parts.netloc  # a password would end up in headers
        except ValueError:  # brackets or a port that make no sense
            whole = False
        if not whole:
            raise InputError(
                f"Address {url!r}, expected http:// or https://, a server's name and a path, "
                "nothing else."
            )
        self.url = url.rstrip("/")
        self.session = Session()
        self.session.headers["User-Agent"] = (
            f"astroclip-astro/{__version__} python-requests/{requests.__version__}"
        )
        # What is unpacked here can be any size; plain bytes can be counted as they come.
        self.session.headers["Accept-Encoding"] = "identity"
        self.session.trust_env = parts.hostname not in LOOPBACK  # no proxy to this very machine
        self.contact = FirstContact(url, self._probe)
        self.session.hooks["response"].append(self.contact.note_reply)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, FirstContactAdapter(self.contact, connections))
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._not_before, self._silences = 0.0, 0

    def attempt(self, ask: Callable[[], T]) -> T:
        """Call something that asks the service, again after a pause where its reply is bad.

        Pauses grow exponentially and have jitter. Where the server said how long to wait, all
        connections of this transport do. A host that has never answered is asked few times, and
        not at all once it is known that it cannot be reached.

        Parameters
        ----------
        ask : callable
            Makes a request and returns what it is after; raises `BadReplyError`.

        Returns
        -------
        object
            What ``ask`` returned.

        Raises
        ------
        BadReplyError
            The last one, when enough attempts were made.
        UnreachableError
            Where the host has never answered.
        SourceError
            Where the service has been silent for many requests in a row: it is down.
        """
        stop = self._stop

        def once() -> T:
            self._hold(stop)
            self.contact.check()
            with self._translated():
                return ask()

        def enough(state: tenacity.RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            if not isinstance(error, BadReplyError):  # nothing else is asked for again
                return True
            limit = min(conf.attempts, error.attempts or conf.attempts)
            if error.unanswered and not self.contact.answered:
                limit = min(limit, FIRST_ATTEMPTS)
            return stop.is_set() or state.attempt_number >= limit

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(BadReplyError),
            stop=enough,
            wait=tenacity.wait_random_exponential(2 * conf.backoff, max=conf.longest_wait),
            sleep=tenacity.sleep_using_event(stop),
            reraise=True,
        )
        try:
            answer = retrying(once)
        except BadReplyError as error:
            if error.unanswered and not self.contact.answered and not stop.is_set():
                raise self.contact.fail(error.unanswered) from error
            self._count_silence(error, stop)
            raise
        with self._lock:
            self._silences = 0
        return answer

    def begin(self) -> None:
        """Allow attempts again after an interruption."""
        if self._stop.is_set():
            self._stop = threading.Event()

    def look_ahead(self) -> None:
        """Begin to look for the host in the background."""
        settings = self.session.merge_environment_settings(self.url, {}, None, None, None)
        self.contact.start(direct=select_proxy(self.url, settings["proxies"]) is None)

    def _probe(self, url: str, seconds: float) -> None:
        """Ask for the headers of an address."""
        self.session.head(url, timeout=seconds).close()

    def interrupt(self) -> None:
        """Stop all attempts that are under way, and all others until `begin`."""
        self._stop.set()

    def _hold(self, stop: threading.Event) -> None:
        """Wait as long as the server asked for."""
        while (left := self._not_before - time.monotonic()) > 0 and not stop.wait(left):
            pass
        if stop.is_set():
            raise BadReplyError(f"{self.url}: interrupted", attempts=1)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the network's exceptions into `BadReplyError`, and note how long to wait."""
        try:
            yield
        except BadReplyError as error:
            if error.wait > conf.longest_wait:
                raise SourceError(
                    f"{error}: asks to wait {error.wait:.0f} s. Finished rows are kept; give the "
                    "same command again after that."
                ) from None
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + error.wait)
            raise
        except requests.exceptions.SSLError as error:
            why = f"its certificate cannot be verified ({error})"
            raise self._unanswered(why, attempts=1) from error
        except requests.Timeout as error:
            why = f"no answer in time ({error})"
            raise self._unanswered(why, attempts=TIMEOUT_ATTEMPTS) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            inner = getattr(next(iter(error.args), None), "reason", None) or error
            raise self._unanswered(f"{type(inner).__name__}: {inner}") from error

    def _unanswered(self, why: str, *, attempts: int | None = None) -> BadReplyError:
        """Return the error of a request without a reply."""
        words = f"{self.url}: {why}"
        return BadReplyError(words, attempts=attempts, unreachable=True, unanswered=why)

    def _count_silence(self, error: BadReplyError, stop: threading.Event) -> None:
        """Raise when the service has been silent for too long."""
        with self._lock:
            self._silences = self._silences + 1 if error.unreachable else 0
            down = self._silences >= conf.give_up_after
        if down and not stop.is_set():
            raise SourceError(
                f"{self.url} gave no answer to {conf.give_up_after} questions in a row, the last "
                f"time: {error}. Finished rows are kept; try again later with the same command."
            ) from error


def read_reply(response: requests.Response, *, largest: int, max_attempts: int = 0) -> Reply:
    """Read a reply that was asked for with ``stream=True``, never more than expected.

    Parameters
    ----------
    response : requests.Response
        Headers read, body not yet.
    largest : int
        Bytes that the body may have, whatever its headers say.
    max_attempts : int
        How often to ask where the service reports an error of its own (status 500); 0 is as often
        as anything.

    Returns
    -------
    Reply
        Where the status is 200.

    Raises
    ------
    BadReplyError
        For any other status, a body that is too long or takes too long, or one that is packed.

    Examples
    --------
    >>> import io
    >>> response = requests.Response()
    >>> response.status_code, response.raw = 200, io.BytesIO(b"0123456789")
    >>> read_reply(response, largest=10).content
    b'0123456789'
    """
    with response:
        url = response.url or "reply"
        if response.status_code != 200:
            raise _refusal(response, url, max_attempts)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise BadReplyError(f"{url}: a packed reply, expected a plain one")
        content = read_body(response, largest + 1, url)
        if len(content) > largest:
            raise BadReplyError(f"{url}: more than the {largest} bytes expected", attempts=2)
    kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    return Reply(kind, content, url)


def _refusal(response: requests.Response, url: str, max_attempts: int) -> BadReplyError:
    """Return what a reply with another status than 200 means."""
    status = response.status_code
    text = read_body(response, MESSAGE_BYTES, url).decode("utf-8", "replace")
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    words = " ".join(re.sub(r"<[^>]*>", " ", plain).split())[:200]
    message = f"{url}: status {status}{': ' * bool(words)}{words}"
    if status in BUSY:
        return BadReplyError(message, wait=_wait(response, text), unreachable=True)
    if status >= 500:
        return BadReplyError(message, attempts=max_attempts or None)
    # 400 is about one question; the others are about us, or about the address.
    return BadReplyError(message, attempts=1, unreachable=status != 400)


def _wait(response: requests.Response, text: str) -> float:
    """Return the seconds a busy server asks us to wait, 0 where it does not say."""
    header = response.headers.get("Retry-After")
    if header is None:
        # SPARCL says it in words.
        said = re.search(r"available in (\d{1,9}) seconds", text)
        return float(said[1]) if said else 0.0
    try:
        return max(0.0, float(urllib3.Retry().parse_retry_after(header)))
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return 0.0  # no number, and no date that there is
