"""The network: patience, politeness and suspicion."""

import random
import threading
from types import SimpleNamespace

import pytest
import requests
from hypothesis import given, strategies as st
from waiting import HANGS, Clock
from wire import connect

from astroclip_astro.config import conf
from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.fetch import session, transport as module
from astroclip_astro.fetch.bad_reply import BadReplyError, UnreachableError
from astroclip_astro.fetch.transport import Transport, read_reply

URL = "https://archive.example/api"
PLAIN = {"Content-Type": "Text/Plain; charset=utf-8"}
GOOD = (200, PLAIN, b"good")


@pytest.fixture(autouse=True)
def _hurry():
    with conf.set_temp("backoff", 0.001):
        yield


@pytest.fixture
def transport():
    return Transport(URL)


@pytest.fixture
def clock(monkeypatch):
    """The time of the transport, which passes only while it waits."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock.module)
    monkeypatch.setattr(session, "time", clock.module)
    threads = SimpleNamespace(Event=clock.event, Lock=threading.Lock)
    monkeypatch.setattr(module, "threading", threads)
    return clock


def ask(transport, largest=100):
    """Make requests until one is good."""
    return transport.attempt(
        lambda: read_reply(transport.session.get(URL, stream=True, timeout=1), largest=largest)
    )


def test_a_good_reply_is_read(transport):
    connect(transport, [GOOD])
    reply = ask(transport)
    assert (reply.content, reply.content_type, reply.url) == (b"good", "text/plain", URL)


@pytest.mark.parametrize(
    "bad",
    [
        (503, PLAIN, b"maintenance"),
        (429, {"Retry-After": "0"}, b""),
        (500, PLAIN, b""),
        requests.ConnectionError("reset"),
        requests.exceptions.ChunkedEncodingError("cut short"),
    ],
)
def test_what_passes_is_asked_again(transport, bad):
    wire = connect(transport, [bad, bad, GOOD])
    assert ask(transport).content == b"good"
    assert len(wire.requests) == 3


@pytest.mark.parametrize(
    ("bad", "times"),
    [
        ((503, PLAIN, b""), 6),
        ((500, PLAIN, b""), 6),
        ((400, PLAIN, b"ra missing"), 1),
        ((404, PLAIN, b""), 1),
        (requests.exceptions.SSLError("self-signed certificate"), 1),
        ((200, PLAIN, b"x" * 101), 2),
        (requests.ConnectionError("refused"), 6),
        (requests.Timeout("slow"), 2),
    ],
)
def test_attempts_end(transport, bad, times):
    answers = iter([GOOD])
    wire = connect(transport, lambda request: next(answers, bad))
    ask(transport)
    with pytest.raises(BadReplyError):
        ask(transport)
    assert len(wire.requests) == 1 + times


@pytest.mark.parametrize(
    ("bad", "times", "words"),
    [
        (requests.ConnectionError("reset"), 3, "ConnectionError: reset"),
        (requests.Timeout("slow"), 2, "no answer in time"),
        (requests.exceptions.SSLError("self-signed"), 1, "its certificate cannot be verified"),
    ],
)
def test_a_host_that_has_never_answered_is_given_up_soon_and_for_all(transport, bad, times, words):
    wire = connect(transport, lambda request: bad)
    for _ in range(30):
        with pytest.raises(UnreachableError, match=f"archive.example cannot be reached: {words}"):
            ask(transport)
    assert len(wire.requests) == times


def test_a_host_that_only_says_that_it_is_busy_is_there(transport):
    wire = connect(transport, lambda request: (503, PLAIN, b""))
    with pytest.raises(BadReplyError, match="status 503"):
        ask(transport)
    assert transport.contact.answered
    assert len(wire.requests) == 6


def test_an_interruption_says_nothing_about_the_host(transport):
    def answer(request):
        transport.interrupt()
        return requests.ConnectionError("reset")

    connect(transport, answer)
    with pytest.raises(BadReplyError):
        ask(transport)
    assert transport.contact.failure is None


def test_an_error_of_the_service_is_insisted_on_as_told(transport):
    wire = connect(transport, lambda request: (500, PLAIN, b""))

    def once():
        return read_reply(transport.session.get(URL, stream=True), largest=9, max_attempts=3)

    with pytest.raises(BadReplyError):
        transport.attempt(once)
    assert len(wire.requests) == 3


def test_status_and_words_of_an_error_page_are_in_the_message(transport):
    connect(transport, [(400, PLAIN, b"<html><b>ra is missing</b></html>")])
    with pytest.raises(BadReplyError, match=r"https://archive.example/api: status 400: ra is miss"):
        ask(transport)


@pytest.mark.parametrize(
    ("headers", "body", "least"),
    [
        ({"Retry-After": "1"}, b"", 1.0),
        ({}, b'{"detail": "Request was throttled. Expected available in 1 seconds."}', 1.0),
        ({"Retry-After": "soon"}, b"", 0.0),
        ({"Retry-After": "-5"}, b"", 0.0),
    ],
)
def test_retry_after_is_honoured(clock, headers, body, least):
    transport = Transport(URL)
    connect(transport, [(429, headers, body), GOOD])
    assert ask(transport).content == b"good"
    assert least <= clock.now < least + 0.1


def test_all_connections_wait_when_one_was_told_to(clock):
    """Also those that have not been told."""
    transport = Transport(URL)
    connect(transport, [(429, {"Retry-After": "1"}, b""), GOOD])
    with conf.set_temp("attempts", 1), pytest.raises(BadReplyError):
        ask(transport)
    assert clock.now == 0
    ask(transport)
    assert clock.now == 1


def test_a_server_that_asks_for_too_long_a_wait_is_left_alone(transport):
    wire = connect(transport, lambda request: (429, {"Retry-After": "7200"}, b""))
    with pytest.raises(SourceError, match=r"asks to wait 7200 s\. Finished rows are kept"):
        ask(transport)
    assert len(wire.requests) == 1


def test_pauses_grow(clock):
    """Each is anything from nothing to twice its mean, and the mean doubles."""
    random.seed(1)
    transport = Transport(URL)
    connect(transport, lambda request: (503, PLAIN, b""))
    with conf.set_temp("backoff", 0.02), conf.set_temp("give_up_after", 10_000):
        for _ in range(100):
            with pytest.raises(BadReplyError):
                ask(transport)
    pauses = [clock.waits[number::5] for number in range(5)]
    assert [len(some) for some in pauses] == [100] * 5
    for number, some in enumerate(pauses):
        mean = 0.02 * 2**number
        assert sum(some) / len(some) == pytest.approx(mean, rel=0.25)
        assert 0 <= min(some) < 0.2 * mean, "no jitter"
        assert 1.8 * mean < max(some) <= 2 * mean


def test_a_service_that_goes_down_stops_the_run(transport):
    answers = iter([GOOD])
    connect(transport, lambda request: next(answers, requests.ConnectionError("refused")))
    ask(transport)
    with conf.set_temp("give_up_after", 3), conf.set_temp("attempts", 1):
        for _ in range(2):
            with pytest.raises(BadReplyError):
                ask(transport)
        with pytest.raises(SourceError, match="no answer to 3 questions in a row"):
            ask(transport)


def test_a_service_that_answers_now_and_then_is_not_down(transport):
    refused = requests.ConnectionError("refused")
    connect(transport, [GOOD, refused, refused, GOOD, refused, refused, (500, PLAIN, b""), refused])
    outcomes = []
    with conf.set_temp("give_up_after", 3), conf.set_temp("attempts", 1):
        for _ in range(8):
            try:
                outcomes.append(ask(transport).content)
            except BadReplyError:
                outcomes.append(None)
    assert outcomes == [b"good", None, None, b"good", None, None, None, None]


def test_interrupt_ends_a_wait_and_nothing_later(monkeypatch):
    errors, waiting = [], threading.Event()

    class Told(threading.Event):
        """An event that says when somebody waits for it."""

        def wait(self, timeout=None):
            waiting.set()
            return super().wait(timeout)

    threads = SimpleNamespace(Event=Told, Lock=threading.Lock)
    monkeypatch.setattr(module, "threading", threads)
    transport = Transport(URL)
    wire = connect(transport, [(429, {"Retry-After": str(int(100 * HANGS))}, b"")])

    def work():
        try:
            ask(transport)
        except BadReplyError as error:
            errors.append(error)

    with conf.set_temp("longest_wait", 1000 * HANGS):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert waiting.wait(HANGS)
        transport.interrupt()
        thread.join(HANGS)
    assert not thread.is_alive()
    assert len(errors) == len(wire.requests) == 1


def test_after_an_interruption_nothing_is_asked_until_work_begins_again(transport):
    wire = connect(transport, [GOOD])
    transport.interrupt()
    with pytest.raises(BadReplyError, match="interrupted"):
        ask(transport)
    assert not wire.requests
    transport.begin()
    assert ask(transport).content == b"good"


def test_body_is_never_read_beyond_what_is_expected(transport):
    read = []

    class Endless:
        def read1(self, size=-1, **_):
            read.append(size)
            return b"x" * 1000

        def close(self):
            pass

    response = requests.Response()
    response.status_code, response.raw = 200, Endless()
    with pytest.raises(BadReplyError, match="more than the 5000 bytes expected"):
        read_reply(response, largest=5000)
    assert len(read) < 10


def test_a_reply_that_trickles_ends(clock):
    class Trickle:
        def read1(self, size=-1, **_):
            clock.sleep(1)
            return b"x"

        def close(self):
            pass

    response = requests.Response()
    response.status_code, response.raw = 200, Trickle()
    with conf.set_temp("deadline", 20), pytest.raises(BadReplyError, match="not finished after 20"):
        read_reply(response, largest=5000)
    assert clock.now == 20


def test_packed_replies_are_refused(transport):
    connect(transport, [(200, {"Content-Encoding": "gzip"}, b"..")] * 6)
    with pytest.raises(BadReplyError, match="packed"):
        ask(transport)


def test_requests_name_us_and_ask_for_plain_bytes(transport):
    wire = connect(transport, [GOOD])
    ask(transport)
    headers = wire.requests[0][0].headers
    assert headers["User-Agent"].startswith("astroclip-astro/")
    assert headers["Accept-Encoding"] == "identity"


def test_cookies_are_not_kept(transport):
    wire = connect(transport, [(200, {"Set-Cookie": f"a={'x' * 3000}"}, b""), GOOD])
    ask(transport)
    ask(transport)
    assert "Cookie" not in wire.requests[1][0].headers
    assert not len(transport.session.cookies)


@pytest.mark.parametrize("place", ["http://[::1", "https://a\u2100b/", "https://x\udcff/"])
def test_a_redirect_to_nowhere_is_a_bad_reply(transport, place):
    connect(transport, lambda request: (302, {"Location": place}, b""))
    with pytest.raises(BadReplyError):
        ask(transport)


def test_what_a_server_says_does_not_command_the_terminal(transport):
    connect(transport, [(403, PLAIN, b"\x1b]0;owned\x07\x1b[2Jgone")])
    with pytest.raises(BadReplyError, match="gone") as raised:
        ask(transport)
    assert str(raised.value).isprintable()


def test_a_service_that_refuses_everything_counts_as_down(transport):
    wire = connect(transport, lambda request: (403, PLAIN, b"blocked"))
    with conf.set_temp("give_up_after", 3):
        for _ in range(2):
            with pytest.raises(BadReplyError):
                ask(transport)
        with pytest.raises(SourceError):
            ask(transport)
    assert len(wire.requests) == 3


@pytest.mark.parametrize("date", ["Fri, 31 Dec 99999 23:59:59 GMT", "Mon, 99 Foo 2026", "x" * 500])
def test_a_date_that_is_none_asks_for_no_wait(transport, date):
    connect(transport, [(429, {"Retry-After": date}, b""), GOOD])
    assert ask(transport).content == b"good"


def test_certificates_are_verified(transport):
    wire = connect(transport, [GOOD])
    ask(transport)
    assert wire.requests[0][1]["verify"], "or a file of certificates"


def test_no_way_back_from_https(transport):
    connect(transport, lambda request: (302, {"Location": "http://archive.example/api"}, b""))
    with pytest.raises(BadReplyError, match="not https"):
        ask(transport)


def test_a_redirect_is_followed(transport):
    connect(transport, [(302, {"Location": "https://other.example/api"}, b"moved"), GOOD])
    reply = ask(transport)
    assert (reply.content, reply.url) == (b"good", "https://other.example/api")


def test_a_redirect_with_an_endless_body_is_refused(transport):
    moved = (302, {"Location": "https://other.example/api"}, bytes(10**6))
    wire = connect(transport, lambda request: moved)
    with pytest.raises(BadReplyError, match="just to send us on"):
        ask(transport)
    assert all("other" not in request.url for request, _ in wire.requests)


def test_no_proxy_between_us_and_this_machine(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:1")
    transport = Transport("http://127.0.0.1:9")
    settings = transport.session.merge_environment_settings(transport.url, {}, None, None, None)
    assert not settings["proxies"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "archive.example",
        "ftp://archive.example",
        "http://",
        "http://[",
        "http://a:b",
        "http://a?x=1",
    ],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InputError, match="expected http"):
        Transport(url)


@given(
    status=st.integers(200, 599),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "Content-Type", "Content-Length"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    ),
    body=st.binary(max_size=200),
)
def test_any_reply_is_read_or_refused(status, headers, body):
    transport = Transport(URL)
    connect(transport, lambda request: (status, headers, body))
    with conf.set_temp("attempts", 1):
        try:
            reply = ask(transport)
        except (BadReplyError, SourceError):
            return
    assert status == 200
    assert reply.content == body
