"""The stand-in's server: connections, waiting, closing, and its command."""

import io
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests
from astropy.io import fits
from astropy.io.votable import parse_single_table
from waiting import HANGS, finishes, started, wait_until

from astroclip_astro import standin
from astroclip_astro.errors import InputError

POSITION = {"ra": 0.0, "dec": -5.0, "size": 96}


@pytest.fixture(scope="module")
def sky():
    return standin.painted_sky(40)


@pytest.fixture
def running(sky):
    server = standin.Standin(sky=sky)
    yield server
    server.close()


def test_address_is_on_this_machine_and_closed_afterwards():
    with standin.serve() as url:
        assert requests.get(f"{url}/api/version/", timeout=HANGS).status_code == 200
        port = int(url.removeprefix("http://127.0.0.1:"))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_serve_closes_when_its_block_fails():
    with pytest.raises(ZeroDivisionError), standin.serve() as url:
        raise ZeroDivisionError
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=HANGS)


def test_demo_sky_is_the_default():
    with standin.serve() as url:
        reply = requests.get(f"{url}/viewer/fits-cutout", params=POSITION, timeout=HANGS)
    assert reply.headers["Content-Type"] == "image/fits"


def test_connection_is_kept_for_the_next_request(running):
    connection = HTTPConnection(running.url.removeprefix("http://"), timeout=HANGS)
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/api/version/")
        connection.getresponse().read()
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1
    assert None not in sockets


def test_closing_twice_does_no_harm(sky):
    server = standin.Standin(sky=sky)
    server.close()
    server.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=HANGS)


def test_server_says_it_is_simulated(running):
    reply = requests.get(f"{running.url}/api/version/", timeout=HANGS)
    assert "SIMULATED" in reply.headers["Server"]


@pytest.mark.parametrize("path", ["", "/", "/nothing/", "/viewer/", "/api/find", "/apiversion/"])
def test_unknown_address_is_404(running, path):
    assert requests.get(running.url + path, timeout=HANGS).status_code == 404


@pytest.mark.parametrize("path", ["/viewer/fits-cutout", "/api/version/"])
def test_wrong_method_is_405(running, path):
    assert requests.post(running.url + path, timeout=HANGS).status_code == 405


def test_requests_are_noted_in_order(running):
    requests.get(f"{running.url}/viewer/fits-cutout?ra=1&dec=2&invvar", timeout=HANGS)
    requests.post(f"{running.url}/api/find/?limit=3", json={}, timeout=HANGS)
    assert running.requests == [
        ("GET", "/viewer/fits-cutout", {"ra": ["1"], "dec": ["2"], "invvar": [""]}),
        ("POST", "/api/find/", {"limit": ["3"]}),
    ]


@pytest.mark.parametrize("form", [{"data": {"QUERY": "a b"}}, {"files": {"QUERY": (None, "a b")}}])
def test_forms_are_parameters(running, form):
    requests.post(f"{running.url}/tap/sync?QUERY=first", timeout=HANGS, **form)
    assert running.requests[0][2] == {"QUERY": ["first", "a b"]}


@pytest.mark.parametrize(("schema", "count"), [("desi_edr", 24), ("desi_dr1", 44)])
def test_catalogues_of_both_releases_are_on_tap(running, schema, count):
    # 40 objects, every second one in EDR; 4, 14, 24 and 34 have two spectra.
    data = {"QUERY": f"SELECT targetid FROM {schema}.zpix", "LANG": "ADQL"}
    reply = requests.post(f"{running.url}/tap/sync", data=data, timeout=HANGS)
    assert len(parse_single_table(io.BytesIO(reply.content)).array) == count


def test_tap_knows_its_own_address(running):
    data = {"QUERY": "SELECT targetid FROM desi_dr1.zpix"}
    reply = requests.post(
        f"{running.url}/tap/async", data=data, timeout=HANGS, allow_redirects=False
    )
    assert reply.headers["Location"].startswith(f"{running.url}/tap/async/")


def test_many_clients_at_once_get_their_own(running, sky):
    numbers = []

    def ask(number):
        position = {"ra": sky.ra[number], "dec": sky.dec[number], "size": 16}
        reply = requests.get(f"{running.url}/viewer/fits-cutout", params=position, timeout=HANGS)
        with fits.open(io.BytesIO(reply.content)) as hdus:
            numbers.append((number, standin.painted_number(hdus[0].data)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [(number, number) for number in range(8)]


def test_latency_delays_every_reply(sky):
    with standin.serve(sky=sky, latency=0.1) as url:
        reply = requests.get(f"{url}/nothing", timeout=HANGS)
    assert reply.elapsed >= timedelta(seconds=0.1)


def test_closing_does_not_wait_for_slow_replies(sky):
    server = standin.Standin(sky=sky, latency=100 * HANGS)
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1]))) as client:
        client.sendall(b"GET /api/version/ HTTP/1.1\r\nHost: here\r\n\r\n")
        wait_until(lambda: server.requests)
        assert finishes(server.close)


def test_closing_leaves_no_thread(sky):
    before = set(threading.enumerate())
    with requests.Session() as session:
        with standin.serve(sky=sky) as url:
            session.get(f"{url}/api/version/", timeout=HANGS)  # its connection stays open
            data = {"QUERY": "SELECT targetid FROM desi_dr1.zpix", "PHASE": "RUN"}
            session.post(f"{url}/tap/async", data=data, timeout=HANGS)
        left = [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]
        for thread in left:  # a connection's thread ends just after its last act
            thread.join(HANGS)
        assert not [thread for thread in left if thread.is_alive()]


def test_client_that_leaves_early_makes_no_noise(running, capfd):
    with socket.create_connection(("127.0.0.1", int(running.url.rsplit(":", 1)[1]))) as client:
        client.sendall(b"POST /api/find/ HTTP/1.1\r\nHost: here\r\nContent-Length: 99\r\n\r\n{")
    running.close()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Transfer-Encoding: chunked", 411),
        ("Content-Length: many", 411),
        ("Content-Length: 99999999999", 413),
    ],
)
def test_bodies_of_unknown_or_absurd_length_are_refused(running, head, status):
    with socket.create_connection(("127.0.0.1", int(running.url.rsplit(":", 1)[1]))) as client:
        client.sendall(f"POST /api/find/ HTTP/1.1\r\nHost: here\r\n{head}\r\n\r\n".encode())
        assert client.makefile("rb").readline().split()[1] == str(status).encode()


@pytest.mark.parametrize(
    "options", [{"latency": -1}, {"slow": float("nan")}, {"retry_after": -1}, {"port": 70000}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(InputError, match="|".join(options).replace("port", "Port")):
        standin.Standin(**options)


def test_port_that_is_taken_is_said(running):
    with pytest.raises(InputError, match="0 finds a free one"):
        standin.Standin(port=int(running.url.rsplit(":", 1)[1]))


def command(*arguments):
    """Start the command; its URL is the first line it prints."""
    return started(
        [sys.executable, "-m", "astroclip_astro.standin", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_command_prints_its_address_and_stops_on_interrupt():
    with command("--port", "0", "--fault", "http_500=1", "--painted", "5") as process:
        url = process.stdout.readline().strip()
        status = requests.get(f"{url}/api/version/", timeout=HANGS).status_code
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=HANGS)[1]
    assert (status, process.returncode, errors) == (500, 0, "")


@pytest.mark.parametrize(
    "arguments",
    [("--fault", "http_400=0.1"), ("--fault", "slow=2"), ("--fault", "slow"), ("--painted", "0")],
)
def test_command_explains_bad_options(arguments):
    with command(*arguments) as process:
        output, errors = process.communicate(timeout=HANGS)
    assert (process.returncode, output) == (2, "")
    assert "expected" in errors
    assert "Traceback" not in errors


def test_many_connections_at_once_find_room_in_the_queue(monkeypatch):
    """The first one is held in the thread that takes them, so that all others have to queue.

    A connection that the queue has no room for would come again after a second, in vain.
    """
    release, usual = threading.Event(), socketserver.ThreadingMixIn.process_request

    def held(*given):
        release.wait()
        usual(*given)

    monkeypatch.setattr(socketserver.ThreadingMixIn, "process_request", held)
    server = standin.Standin(sky=standin.painted_sky(3))
    place = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    with ExitStack() as stack:
        stack.callback(server.close)
        stack.callback(release.set)
        clients = [stack.enter_context(socket.create_connection(place, 10)) for _ in range(32)]
        release.set()
        for client in clients:
            client.settimeout(HANGS)
            client.sendall(b"GET /api/version/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert {client.recv(100).split()[1] for client in clients} == {b"200"}


@pytest.mark.parametrize("path", ["*", "viewer", "http://[::1/tap"])
def test_requests_that_make_no_sense_are_refused(path):
    with standin.serve(sky=standin.painted_sky(3)) as url:
        place = urlsplit(url)
        with socket.create_connection((place.hostname, place.port), timeout=HANGS) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            )
            assert connection.recv(1000).split()[1] in (b"400", b"404")


@pytest.mark.parametrize(
    "options",
    [{"faults": ["http_429"]}, {"latency": "1"}, {"port": "x"}, {"retry_after": 1.5}],
)
def test_options_of_another_type_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        standin.Standin(**options)
