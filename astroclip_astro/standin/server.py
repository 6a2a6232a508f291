"""The stand-in's HTTP server, on this machine's loopback address only."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from astroclip_astro.errors import InputError
from astroclip_astro.standin.faults import Draw, Faults, page, refuse
from astroclip_astro.standin.messages import Answer, Request
from astroclip_astro.standin.objects import RELEASES, Sky, zpix
from astroclip_astro.standin.sky import demo_sky
from astroclip_astro.standin.sparcl_api import SparclApi
from astroclip_astro.standin.tap import TapService
from astroclip_astro.standin.viewer import Viewer

HOST = "127.0.0.1"
LARGEST_BODY = 1 << 24
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST, not FIN
PATIENCE = 10  # seconds to wait for the last replies when closing


class Standin:
    """A running server that speaks the archives' protocols over a SIMULATED sky.

    Below `url` it has ``/viewer/fits-cutout`` (and ``/viewer/cutout.fits``), ``/api/version/``,
    ``/api/datafields/``, ``/api/find/``, ``/api/spectras/``, and ``/tap``.

    Parameters
    ----------
    faults : mapping of str to float, optional
        Probability, 0 to 1, of each of `faults.FAULTS` that may happen.
    seed : int, optional
        The same sequence of requests gets the same faults.
    latency, slow : float, optional
        Seconds that every reply waits, and that one with the fault ``slow`` waits besides.
    retry_after : int, optional
        Seconds that the fault ``http_429`` asks for.
    sky : Sky, optional
        What is served; the bundled demo sky by default.
    port : int, optional
        0 for a free one.
    json : bool, optional
        Whether spectra can be had as JSON, or as pickles only.

    Attributes
    ----------
    url : str
        Base address, ``http://127.0.0.1:PORT``.
    requests : list of tuple
        Method, path and parameters (dict of str to list of str) of every request so far, in order
        of arrival.

    Raises
    ------
    InputError
        For an unknown fault, a probability or time out of range, or a port that is taken.

    Examples
    --------
    >>> from urllib.request import urlopen
    >>> standin = Standin()
    >>> with urlopen(standin.url + "/api/version/") as reply:
    ...     reply.status
    200
    >>> standin.requests
    [('GET', '/api/version/', {})]
    >>> standin.close()
    """

    def __init__(
        self,
        *,
        faults: Mapping[str, float] | None = None,
        seed: int = 0,
        latency: float = 0.0,
        slow: float = 1.0,
        retry_after: int = 1,
        sky: Sky | None = None,
        port: int = 0,
        json: bool = True,
    ) -> None:
        for name, value in (("latency", latency), ("slow", slow), ("retry_after", retry_after)):
            if not (isinstance(value, int | float) and 0 <= value < float("inf")):
                raise InputError(f"{name}={value!r}, expected seconds, 0 or more.")
        if retry_after != int(retry_after):
            raise InputError(f"retry_after={retry_after!r}, expected whole seconds, as HTTP has.")
        if not isinstance(faults, Mapping | None):
            raise InputError(f"faults={faults!r}, expected a dict of probabilities by name.")
        if not isinstance(port, int):
            raise InputError(f"port={port!r}, expected a number; 0 finds a free one.")
        self._faults = Faults(faults, seed=seed)
        self._latency, self._slow, self._retry_after = latency, slow, retry_after
        sky = sky or demo_sky()
        self._viewer, self._api = Viewer(sky), SparclApi(sky, with_json=json)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self.requests: list[tuple[str, str, dict[str, list[str]]]] = []
        try:
            self._server = _Server((HOST, port), self)
        except (OSError, OverflowError) as error:
            raise InputError(
                f"Port {port} cannot be opened ({error}); 0 finds a free one."
            ) from None
        tables = {f"{name.lower().replace('-', '_')}.zpix": zpix(sky, name) for name in RELEASES}
        self._tap = TapService(tables)
        self.url = f"http://{HOST}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="stand-in", daemon=True
        )
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether it is closed or about to be."""
        return self._closing.is_set()

    def close(self) -> None:
        """Stop, and close every connection; once is enough."""
        if self.closed:
            return
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._tap.close()
        self._server.hang_up()

    def arrive(self, request: Request) -> Draw:
        """Note a request and return what goes wrong with its reply."""
        with self._lock:
            self.requests.append((request.method, request.path, request.query))
            return self._faults.draw()

    def answer(self, request: Request, draw: Draw) -> Answer | None:
        """Return the reply to a request after waiting, None where the connection is reset."""
        self._closing.wait(self._latency + self._slow * ("slow" in draw))
        if self.closed or ("reset" in draw and draw.random.random() < 0.5):
            return None
        service = "/" + request.path.removeprefix("/").split("/")[0]
        known = service in ("/viewer", "/api", "/tap")
        refusal = refuse(draw, retry_after=self._retry_after, as_json=service == "/api")
        if refusal or not known:
            return refusal or page(404, "Not Found")
        request = request.below(service)
        if service == "/tap":
            return self._tap.answer(request)
        return (self._viewer if service == "/viewer" else self._api).answer(request, draw)


@contextmanager
def serve(
    *,
    faults: Mapping[str, float] | None = None,
    seed: int = 0,
    latency: float = 0.0,
    slow: float = 1.0,
    retry_after: int = 1,
    sky: Sky | None = None,
    port: int = 0,
    json: bool = True,
) -> Iterator[str]:
    """Serve a SIMULATED sky as long as a ``with`` block lasts.

    Parameters
    ----------
    faults, seed, latency, slow, retry_after, sky, port, json
        As `Standin` takes them.

    Yields
    ------
    str
        Base address, ``http://127.0.0.1:PORT``.

    Raises
    ------
    InputError
        As `Standin` does.

    Examples
    --------
    >>> from urllib.request import urlopen
    >>> with serve() as url, urlopen(url + "/viewer/fits-cutout?ra=0&dec=-5&size=96") as reply:
    ...     reply.headers["Content-Type"]
    'image/fits'
    """
    standin = Standin(
        faults=faults,
        seed=seed,
        latency=latency,
        slow=slow,
        retry_after=retry_after,
        sky=sky,
        port=port,
        json=json,
    )
    try:
        yield standin.url
    finally:
        standin.close()


class _Server(ThreadingHTTPServer):
    """A thread for each connection (a socket, as TCP has it), all of which can be hung up."""

    request_queue_size = 128  # with the library's 5, the ninth connection at once waits a second

    def __init__(self, address: tuple[str, int], standin: Standin) -> None:
        self.standin = standin
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note a new connection and give it a thread."""
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection till it is closed."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._open.discard(request)
                self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless it is only that one side has left."""
        if not (self.standin.closed or isinstance(sys.exception(), ConnectionError)):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Close all connections and wait until their threads have noticed."""
        with self._changed:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # closed already
                    continue
            self._changed.wait_for(lambda: not self._open, PATIENCE)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # header and body leave together

    def do_GET(self) -> None:
        """Answer a request of any method."""
        body = self._read_body()
        if body is None:
            return
        try:
            parts = urlsplit(self.path)
        except ValueError:  # brackets that make no sense
            self._send(page(400, "Bad Request"), None)
            return
        query = parse_qs(parts.query, keep_blank_values=True)
        for name, values in _form(self.headers, body).items():
            query.setdefault(name, []).extend(values)
        request = Request(self.command, parts.path, query, body, self.server.standin.url)
        draw = self.server.standin.arrive(request)
        answer = self.server.standin.answer(request, draw)
        if answer is None:
            self._reset()
        else:
            self._send(answer, draw)

    do_POST = do_DELETE = do_GET  # noqa: N815 (names that the library asks for)

    def version_string(self) -> str:
        """Return what the header ``Server`` says."""
        return "astroclip-astro-standin (SIMULATED)"

    def log_message(self, *_: object) -> None:
        """Keep quiet: requests are noted elsewhere."""

    def _read_body(self) -> bytes | None:
        """Return the request's body, or None where it was refused."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            refusal = page(411, "Length Required")
        elif int(length) > LARGEST_BODY:
            refusal = page(413, "Content Too Large")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                return body
            refusal = page(400, "Bad Request")
        self.close_connection = True
        self._send(refusal, None)
        return None

    def _send(self, answer: Answer, draw: Draw | None) -> None:
        """Send a reply, or the part of it that was drawn."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        body = answer.body
        if draw and body and ("truncated" in draw or "reset" in draw):
            body = body[: draw.random.randrange(len(body))]
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if draw and "reset" in draw:
            self._reset()

    def _reset(self) -> None:
        """Close the connection with RST."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self.connection.close()  # in earnest when the handler has closed its files


def _form(headers: Message, body: bytes) -> dict[str, list[str]]:
    """Return the parameters of a form body, empty for any other."""
    kind = headers.get_content_type()
    if kind == "application/x-www-form-urlencoded":
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    form: dict[str, list[str]] = {}
    if kind == "multipart/form-data":
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        for part in BytesParser().parsebytes(head + body).walk():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if name and isinstance(name, str) and isinstance(content, bytes):
                form.setdefault(name, []).append(content.decode("utf-8", "replace"))
    return form
