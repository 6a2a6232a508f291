"""The first contact with a host: is it there at all, and if not, why not.

Once a host has answered, the transport is patient with it. Before that, patience is of no use: a
machine that is offline, a name that does not exist and a closed port stay so for all rows.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3 import PoolManager, ProxyManager

from astroclip_astro.config import conf
from astroclip_astro.errors import AstroclipError
from astroclip_astro.fetch.bad_reply import UnreachableError
from astroclip_astro.fetch.session import keep_deadlines

ADDRESSES = 4  # of one host, that are tried
REPLY_SHARE = 0.6  # of conf.first_contact, after which the host's first page is asked for
MARGIN = 0.5  # seconds, for the thread that looks for the host to say what it has found
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
DEFAULT_PORTS = {"http": 80, "https": 443}


class FirstContact:
    """Whether the host of a service can be reached; found out once, for all connections.

    Parameters
    ----------
    url : str
        Address of the service, http or https.
    probe : callable
        Asks for the headers of an address, and waits so many seconds for them.

    Attributes
    ----------
    answered : bool
        Whether any HTTP reply came, whatever it said.
    failure : UnreachableError or None
        Why the host cannot be reached, where that is known.

    Examples
    --------
    >>> contact = FirstContact("https://archive.example/api", lambda url, seconds: None)
    >>> contact.host, contact.port, contact.answered
    ('archive.example', 443, False)
    """

    def __init__(self, url: str, probe: Callable[[str, float], object]) -> None:
        parts = urlsplit(url)
        default = DEFAULT_PORTS[parts.scheme]
        self.address, self.port = parts.hostname or "", parts.port or default
        self.host = self.address if self.port == default else f"{self.address} port {self.port}"
        self._root, self._probe = f"{parts.scheme}://{parts.netloc}/", probe
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget what is known, so that the host is asked again."""
        self._answered = threading.Event()
        self.failure: UnreachableError | None = None
        self._search: _Search | None = None

    @property
    def answered(self) -> bool:
        """Whether any HTTP reply came, whatever it said."""
        return self._answered.is_set()

    def note_reply(self, response: requests.Response, **options: object) -> None:
        """Note that a reply came; a hook of `requests.Session`."""
        self._answered.set()

    def fail(self, reason: str) -> UnreachableError:
        """Note why the host cannot be reached, and return the error."""
        with self._lock:
            if self.failure is None:
                self.failure = UnreachableError(self.host, reason)
            return self.failure

    def check(self) -> None:
        """Raise where it is known that the host cannot be reached.

        Raises
        ------
        UnreachableError
            The one that was found first.
        """
        if self.failure is not None and not self.answered:
            raise UnreachableError(self.failure.host, self.failure.reason)

    def start(self, *, direct: bool = True) -> None:
        """Begin to look for the host in the background, without waiting for it.

        Parameters
        ----------
        direct : bool
            Whether we connect to it ourselves, and not through a proxy.
        """
        with self._lock:
            if self._search is None and not self.answered:
                ask = partial(self._probe, self._root)
                place = (self.address, self.port) if direct else None
                self._search = _Search(place, ask, self._answered)

    def wait(self, *, direct: bool, reply: bool = False) -> None:
        """Wait until there is a connection, or a reply; ``conf.first_contact`` seconds at most.

        Parameters
        ----------
        direct : bool
            As for `start`.
        reply : bool
            Whether to wait for any reply of the host too.

        Raises
        ------
        UnreachableError
            Where the name is not resolved, nobody listens, or nothing happens in that time.
        """
        self.check()
        self.start(direct=direct)
        reason = "" if self._search is None else self._search.wait(reply=reply)
        if reason and not self.answered:
            raise self.fail(reason)


class _Search:
    """One look for a host, in a thread of its own: names are resolved without a time limit.

    ``place`` is its address and port, None where a proxy is in between; ``ask`` asks for anything
    and waits so many seconds; ``answered`` is set by whoever gets a reply.
    """

    def __init__(
        self,
        place: tuple[str, int] | None,
        ask: Callable[[float], object],
        answered: threading.Event,
    ) -> None:
        self._limit = conf.first_contact
        self._end = time.monotonic() + self._limit
        self._place, self._ask, self._answered = place, ask, answered
        self._resolved = False
        self._reason = ""
        self._connected, self._finished = threading.Event(), threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self, *, reply: bool) -> str:
        """Return why there is no connection (or no reply), empty where there is one."""
        event = self._finished if reply else self._connected
        if event.wait(max(0.0, self._end + MARGIN - time.monotonic())):
            return self._reason
        what = "no connection" if self._resolved else "its name could not be resolved"
        return f"timed out, {what} within {self._limit:g} s"

    def _run(self) -> None:
        """Connect; where nothing asked meanwhile gets a reply, ask for the first page."""
        if self._place is not None:
            self._reason = self._resolve(*self._place)
        self._connected.set()
        if not self._reason and not self._answered.wait(REPLY_SHARE * self._limit):
            try:
                self._ask(max(0.1, self._end - time.monotonic()))
            except requests.Timeout:
                self._reason = (
                    f"timed out, it accepts connections and gives no reply within {self._limit:g} s"
                )
            except (requests.RequestException, AstroclipError, OSError, ValueError):
                pass  # whoever asks for something will see it too
        self._finished.set()

    def _resolve(self, address: str, port: int) -> str:
        """Return why a name leads to no connection, empty where it does."""
        try:
            found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # the latter for a name that cannot be one
            words = getattr(error, "strerror", None) or error
            return f"its name could not be resolved ({words})"
        self._resolved = True
        return self._connect([(entry[0], entry[4]) for entry in found[:ADDRESSES]])

    def _connect(self, addresses: Sequence[tuple[int, tuple]]) -> str:
        """Return why no address accepts a connection, empty where one does."""
        reason = "its name has no address"
        for number, (family, place) in enumerate(addresses):
            left = max(0.1, self._end - time.monotonic())
            try:
                with socket.socket(family, socket.SOCK_STREAM) as connection:
                    connection.settimeout(left / (len(addresses) - number))
                    connection.connect(place)
                return ""
            except ConnectionRefusedError:
                reason = "connection refused"
            except TimeoutError:
                reason = f"timed out, no connection within {self._limit:g} s"
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
        return reason


class FirstContactAdapter(HTTPAdapter):
    """The network below a session, in a hurry until the host has answered once.

    Parameters
    ----------
    contact : FirstContact
        What is known of the host.
    connections : int
        How many are open at once, at most.
    """

    def __init__(self, contact: FirstContact, connections: int) -> None:
        super().__init__(pool_maxsize=connections)
        self.contact = contact

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pool of connections, which keep the deadlines of requests."""
        super().init_poolmanager(*arguments, **options)
        keep_deadlines(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> PoolManager:
        """Return the pool of connections to a proxy; those to a SOCKS proxy keep no deadlines."""
        manager = super().proxy_manager_for(*arguments, **options)
        if isinstance(manager, ProxyManager):
            keep_deadlines(manager)
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request; see `requests.adapters.HTTPAdapter.send`.

        Raises
        ------
        UnreachableError
            Where the host has never answered and cannot be reached.
        """
        contact, url = self.contact, request.url or ""
        send = partial(
            super().send, request, stream=stream, verify=verify, cert=cert, proxies=proxies
        )
        other = urlsplit(url).hostname != contact.address  # where we were sent on to
        if contact.answered or other or request.method == "HEAD":
            return send(timeout=timeout)
        direct = select_proxy(url, proxies) is None
        contact.wait(direct=direct)
        try:
            return send(timeout=_shortened(timeout, conf.first_contact))
        except requests.ReadTimeout:
            contact.wait(direct=direct, reply=True)
        return send(timeout=timeout)  # it is only slow


def _shortened(
    timeout: float | tuple[float | None, float | None] | None, limit: float
) -> tuple[float, float]:
    """Return the seconds to wait for a connection, and for a byte, none above a limit."""
    parts = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    connect, read = (limit if part is None else min(part, limit) for part in parts)
    return connect, read


def describe_unreachable(errors: Sequence[UnreachableError]) -> str:
    """Say which hosts cannot be reached and why, each host once.

    Parameters
    ----------
    errors : sequence of UnreachableError
        What went wrong.

    Returns
    -------
    str
        Sentences for a message; empty for no error.

    Examples
    --------
    >>> describe_unreachable([UnreachableError("a.example", "connection refused")] * 2)
    'a.example cannot be reached: connection refused. Is this machine online?'
    """
    if not errors:
        return ""
    here = all(error.host.split()[0] in LOOPBACK for error in errors)
    question = "Is this machine online" + ", and a server running there" * here
    return f"{'; '.join(dict.fromkeys(map(str, errors)))}. {question}?"
