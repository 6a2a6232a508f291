"""A whole reply is in by the deadline, however little at a time a server sends of it."""

import itertools
import socket
import ssl
import threading

import pytest
import requests
from waiting import HANGS

from astroclip_astro.config import conf
from astroclip_astro.fetch.bad_reply import BadReplyError
from astroclip_astro.fetch.transport import Transport, read_reply

DEADLINE = 0.6  # seconds
PAUSE = 0.03  # between two bits of a reply
ENDLESS = int(HANGS / PAUSE)  # bits; far beyond the deadline, but a mistake does not hang a test
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n"


def drip(first, *rest):
    """What a server sends: something, then other things over and over."""
    return [first, *itertools.islice(itertools.cycle(rest), ENDLESS)]


REPLIES = {
    "status line": lambda: drip(b"HTTP/1.1 200 ", b"O"),
    "headers": lambda: drip(HEAD, *(b"X-%d: y\r\n" % number for number in range(90))),
    "a header": lambda: drip(HEAD + b"X: ", b"y"),
    "body": lambda: drip(HEAD + b"Content-Length: 90000\r\n\r\n", b"x"),
    "body without a length": lambda: drip(HEAD + b"Connection: close\r\n\r\n", b"x"),
    "chunks": lambda: drip(CHUNKED, b"1\r\nx\r\n"),
    "size of a chunk": lambda: drip(CHUNKED, b"0"),
    "trailers": lambda: drip(CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n"),
    "continue": lambda: drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints": lambda: drip(b"", b"HTTP/1.1 100 Wait\r\nLink: x\r\n\r\n"),
    "error page": lambda: drip(b"HTTP/1.1 503 Busy\r\n\r\n", b"x"),
    "redirection": lambda: drip(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", b"x"),
}


class Dripping:
    """A server on this machine that sends one bit after the other, to each connection."""

    def __init__(self, bits):
        self.bits, self.stop = bits, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while not self.stop.is_set():
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection:
            try:
                while request := connection.recv(65536):
                    for bit in self.bits() if request.startswith(b"GET") else [HEAD + b"\r\n"]:
                        connection.sendall(bit)
                        if self.stop.wait(PAUSE):
                            return
            except OSError:  # the client has had enough
                return

    def close(self):
        self.stop.set()
        self.listener.close()


@pytest.fixture
def serve():
    """Return a function that starts a server and returns its address."""
    servers = []

    def start(bits):
        servers.append(Dripping(bits))
        return servers[-1].url

    yield start
    for server in servers:
        server.close()


def get(url, timeout=HANGS):
    """Ask as the clients of archives do."""
    session = Transport(url).session
    with session:
        return read_reply(session.get(url, stream=True, timeout=timeout), largest=100_000)


@pytest.mark.parametrize("kind", REPLIES)
def test_reply_that_drips_ends_at_the_deadline(serve, kind):
    url = serve(REPLIES[kind])
    with conf.set_temp("deadline", DEADLINE), pytest.raises(BadReplyError) as caught:
        get(url)
    assert "not finished after 1 s" in str(caught.value)
    assert caught.value.unreachable


def test_redirections_in_a_circle_share_one_deadline(serve):
    numbers = itertools.count()

    def move():
        place = MOVED % next(numbers)
        return [place[:20], *(place[at : at + 1] for at in range(20, len(place)))]

    with conf.set_temp("deadline", DEADLINE), pytest.raises(BadReplyError, match="not finished"):
        get(serve(move))
    assert next(numbers) < 5


def test_redirections_in_a_quick_circle_end(serve):
    numbers = itertools.count()
    url = serve(lambda: [MOVED % next(numbers)])
    with pytest.raises(requests.TooManyRedirects):
        get(url)


def test_silence_ends_by_the_timeout_of_a_byte(serve):
    url = serve(lambda: [HEAD + b"Content-Length: 9\r\n\r\n", b"x", *([b""] * ENDLESS)])
    with pytest.raises(Exception, match=r"[Tt]imed out"):
        get(url, timeout=0.3)


def test_slow_reply_within_the_deadline_is_read(serve):
    body = [b"%d" % (number % 10) for number in range(10)]
    url = serve(lambda: [HEAD[:9], HEAD[9:], b"Content-Length: 10\r\n", b"\r\n", *body])
    assert get(url).content == b"0123456789"


def test_connection_is_used_again_with_a_deadline_of_its_own(serve):
    url = serve(lambda: [HEAD + b"Content-Length: 2\r\n\r\n", b"a", b"b"])
    with Transport(url).session as session, conf.set_temp("deadline", 1.0):
        for _ in range(30):  # more than a second in all
            response = session.get(url, stream=True, timeout=HANGS)
            assert read_reply(response, largest=10).content == b"ab"


def test_secure_connections_and_those_through_a_proxy_keep_deadlines():
    session = Transport("https://archive.example").session
    adapter = session.get_adapter("https://archive.example")
    proxy = adapter.proxy_manager_for("http://proxy.example:3128")
    for manager in (adapter.poolmanager, proxy):
        for scheme in ("http", "https"):
            pool = manager.connection_from_host("archive.example", 443, scheme)
            assert pool.ConnectionCls.response_class.__name__ == "_TimedResponse"
    assert issubclass(ssl.SSLSocket, socket.socket)  # whose makefile and timeout are used
