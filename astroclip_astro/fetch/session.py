"""HTTP without trust: a whole reply is in by a deadline, and no server leads us off TLS.

The timeout of a socket is about the next byte. A server that sends a byte, a header, a chunk or a
"continue" now and then keeps a request alive for ever; here each read from the socket knows when
the whole reply has to be in, its status line, headers, redirections and trailers included.
"""

from __future__ import annotations

import io
import socket
import time
from contextlib import suppress
from contextvars import ContextVar
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from astroclip_astro.config import conf
from astroclip_astro.fetch.bad_reply import BadReplyError

BLOCK = 1 << 16
TIMEOUT_ATTEMPTS = 2  # each takes a minute already


class Deadline(NamedTuple):
    """When a reply has to be in.

    Parameters
    ----------
    end : float
        Of `time.monotonic`.
    seconds : float
        How long it may take in all.
    url : str
        What was asked for, for the message.
    """

    end: float
    seconds: float
    url: str

    def check(self) -> float:
        """Return the seconds that are left, or raise `BadReplyError` where none are."""
        if (left := self.end - time.monotonic()) > 0:
            return left
        late = f"{self.url}: not finished after {self.seconds:.0f} s"
        raise BadReplyError(late, attempts=TIMEOUT_ATTEMPTS, unreachable=True)


_deadline: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class _TimedFile(io.RawIOBase):
    """What comes through a socket until a deadline."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._socket, self._deadline = connection, deadline
        self._raw = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there, waiting no longer than the deadline and the socket's timeout."""
        patience, left = self._socket.gettimeout(), self._deadline.check()
        self._socket.settimeout(left if patience is None else min(left, patience))
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            self._deadline.check()
            raise
        finally:
            with suppress(OSError):  # of a socket that has been closed
                self._socket.settimeout(patience)

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """A reply whose every byte, from the status line on, has to come before the deadline."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        if (deadline := _deadline.get()) is not None:
            untimed, self.fp = self.fp, io.BufferedReader(_TimedFile(sock, deadline))
            untimed.close()


class _Connection(HTTPConnection):
    response_class = _TimedResponse


class _SecureConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def keep_deadlines(manager: PoolManager) -> None:
    """Let the connections that a pool opens keep the deadline of their request.

    Parameters
    ----------
    manager : urllib3.PoolManager
        With no connection opened yet.
    """
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class Session(requests.Session):
    """A session that never leaves TLS once it is on it, and keeps nothing of what servers say."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> requests.Response:
        """Make a request; an address to go on to that is none is a bad reply.

        The deadline of all that comes back, wherever we are sent on to, begins here.
        """
        seconds = conf.deadline
        outer = _deadline.set(Deadline(time.monotonic() + seconds, seconds, str(url)))
        try:
            return super().request(method, url, *arguments, **options)
        except ValueError as error:
            if isinstance(error, requests.RequestException):
                raise
            raise BadReplyError(f"{url}: sends us on to nowhere ({error})", attempts=1) from error
        finally:
            _deadline.reset(outer)

    def get_redirect_target(self, response: requests.Response) -> str | None:
        """Return where a reply sends us, or raise where that is not encrypted any more."""
        try:
            target = super().get_redirect_target(response)
            if not target:
                return None
            place = urljoin(response.url, target)
            if urlsplit(response.url).scheme == "https" and urlsplit(place).scheme != "https":
                raise BadReplyError(f"{response.url} sends us on to {place}, not https", attempts=1)
            # requests reads the body before it goes on, however long it is.
            if len(read_body(response, BLOCK, response.url)) == BLOCK:
                raise BadReplyError(f"{response.url}: more than {BLOCK} bytes just to send us on")
        except BaseException:
            response.close()
            raise
        return target


def read_body(response: requests.Response, max_bytes: int, url: str) -> bytes:
    """Return a body, or as many bytes of it as are wanted at most.

    Parameters
    ----------
    response : requests.Response
        Headers read, body not yet.
    max_bytes : int
        How many bytes are wanted at most.
    url : str
        For messages.

    Raises
    ------
    BadReplyError
        Where it takes too long.
    """
    deadline = Deadline(time.monotonic() + conf.deadline, conf.deadline, url)
    content = bytearray()
    # What is there is taken at once: a block that trickles in would never be seen to be late.
    while len(content) < max_bytes and (block := response.raw.read1(BLOCK)):
        content += block
        deadline.check()
    return bytes(content[:max_bytes])
