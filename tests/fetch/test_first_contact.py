"""A host that is not there is found out once, soon and with its reason; a slow one is borne."""

import errno
import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from waiting import HANGS

from astroclip_astro.config import conf
from astroclip_astro.fetch import first_contact
from astroclip_astro.fetch.bad_reply import BadReplyError, UnreachableError
from astroclip_astro.fetch.first_contact import describe_unreachable
from astroclip_astro.fetch.transport import Transport, read_reply

NAME = "archive.invalid"


@pytest.fixture(autouse=True)
def _hurry():
    with conf.set_temp("first_contact", 10.0), conf.set_temp("backoff", 0.001):
        yield


@pytest.fixture
def impatient():
    """Give up soon, for what would never end; two seconds are many times what threads need."""
    with conf.set_temp("first_contact", 2.0):
        yield


@pytest.fixture
def resolver(monkeypatch):
    """Names are resolved here and nowhere else; returns what is asked, and takes the answer."""
    asked = []

    def resolve(host, port, *arguments, **options):
        asked.append(host)
        answer = resolve.answer
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    resolve.asked, resolve.answer = asked, None
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return resolve


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def serving(port=0, *, slow=False):
    """A server that may be slow with its first reply: until it is asked again."""
    asked, again = [], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append(f"HEAD {self.path}")
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            first = not any("GET" in line for line in asked)
            asked.append(f"GET {self.path}")
            if slow and first:
                again.wait(HANGS)
            again.set()
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"good")

        def log_message(self, *_):
            pass

        def handle(self):
            with suppress(OSError):  # the client has gone
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        again.set()
        server.shutdown()
        server.server_close()


def ask(transport):
    """Make requests until one is good."""
    url = f"{transport.url}/data"
    return transport.attempt(
        lambda: read_reply(
            transport.session.get(url, stream=True, timeout=(HANGS, HANGS)), largest=100
        )
    )


def reason(transport):
    with pytest.raises(UnreachableError) as raised:
        ask(transport)
    return str(raised.value)


def test_a_closed_port_is_refused():
    port = closed_port()
    expected = f"127.0.0.1 port {port} cannot be reached: connection refused"
    assert reason(Transport(f"http://127.0.0.1:{port}")) == expected


def test_a_name_that_is_none_is_said(resolver):
    resolver.answer = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    expected = (
        f"{NAME} cannot be reached: its name could not be resolved (Name or service not known)"
    )
    assert reason(Transport(f"https://{NAME}/api")) == expected
    assert resolver.asked == [NAME]


def test_a_resolver_that_hangs_is_not_waited_for(resolver, impatient):
    end = threading.Event()
    resolver.answer = lambda: end.wait(HANGS) and []
    said = reason(Transport(f"https://{NAME}"))
    end.set()
    assert "timed out, its name could not be resolved within 2 s" in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError("timed out"), "timed out, no connection within 10 s"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "network is unreachable"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "connection refused"),
    ],
)
def test_why_there_is_no_connection_is_said(monkeypatch, error, words):
    def connect(self, place):
        raise error

    monkeypatch.setattr(socket.socket, "connect", connect, raising=False)
    assert reason(Transport("http://127.0.0.1:9")).endswith(f"cannot be reached: {words}")


def test_another_address_of_the_host_is_tried(monkeypatch):
    with serving() as (url, _):
        good = socket.getaddrinfo("127.0.0.1", int(url.rsplit(":", 1)[1]), type=socket.SOCK_STREAM)
        bad = socket.getaddrinfo("127.0.0.1", closed_port(), type=socket.SOCK_STREAM)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: bad + good)
        assert ask(Transport(url)).content == b"good"


def test_a_server_that_accepts_and_never_answers_is_given_up(impatient):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        transport = Transport(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with conf.set_temp("timeout", 60.0):
            assert "accepts connections and gives no reply within 2 s" in reason(transport)


def test_a_server_that_is_only_slow_is_waited_for(monkeypatch):
    monkeypatch.setattr(first_contact, "REPLY_SHARE", 0.1)
    with serving(slow=True) as (url, asked), conf.set_temp("first_contact", 4.0):
        transport = Transport(url)
        assert ask(transport).content == b"good"
    assert asked == ["GET /data", "HEAD /", "GET /data"]


def test_a_server_that_answers_soon_is_asked_for_nothing_else():
    with serving() as (url, asked), conf.set_temp("first_contact", 10 * HANGS):
        transport = Transport(url)
        ask(transport)
        assert transport.contact._search._finished.wait(HANGS), "it would have waited for six times"
    assert asked == ["GET /data"]


def test_a_host_that_is_not_there_is_asked_once_by_all_connections(monkeypatch):
    tries, connect = [], socket.socket.connect

    def counted(self, place):
        tries.append(place)
        return connect(self, place)

    monkeypatch.setattr(socket.socket, "connect", counted, raising=False)
    transport = Transport(f"http://127.0.0.1:{closed_port()}")
    said = []
    threads = [threading.Thread(target=lambda: said.append(reason(transport))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tries) == 1
    assert len(said) == 8
    assert len(set(said)) == 1


def test_a_host_that_went_away_is_asked_again_and_again():
    with serving() as (url, _):
        transport = Transport(url)
        ask(transport)
    transport.session.close()
    with conf.set_temp("attempts", 2), pytest.raises(BadReplyError) as raised:
        ask(transport)
    assert not isinstance(raised.value, UnreachableError)
    assert transport.contact.failure is None


def test_after_a_reset_the_host_is_asked_again():
    port = closed_port()
    transport = Transport(f"http://127.0.0.1:{port}")
    reason(transport)
    transport.contact.reset()
    with serving(port):
        assert ask(transport).content == b"good"


def test_behind_a_proxy_names_are_left_to_it(monkeypatch, resolver):
    with serving() as (url, asked):
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        there = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(url[17:])))]
        resolver.answer = there
        transport = Transport(f"http://{NAME}")
        transport.look_ahead()
        assert ask(transport).content == b"good"
    assert asked == [f"GET http://{NAME}/data"]
    assert NAME not in resolver.asked


def test_each_host_is_named_once_and_loopback_asks_for_a_server():
    errors = [UnreachableError("a.example", "x"), UnreachableError("b.example", "y")]
    assert describe_unreachable([*errors, errors[0]]) == (
        "a.example cannot be reached: x; b.example cannot be reached: y. Is this machine online?"
    )
    said = describe_unreachable([UnreachableError("127.0.0.1 port 9", "connection refused")])
    assert said.endswith("Is this machine online, and a server running there?")
    assert describe_unreachable([]) == ""
