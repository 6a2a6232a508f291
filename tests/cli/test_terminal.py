"""What files, servers and users say is shown in a terminal, and never obeyed."""

import io
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, strategies as st
from stubs import StubModel

from astroclip_astro.annotate.progress import Progress
from astroclip_astro.cli import terminal
from astroclip_astro.cli.search import main as search
from astroclip_astro.cli.terminal import join_lines, say, say_lines
from astroclip_astro.config import conf
from astroclip_astro.errors import AssumedUnitWarning, CatalogueError, OptionError, visible

RED, TITLE, BACK = "\x1b[31m", "\x1b]0;gotcha\x07", "\x1b[2K\r"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def obeyed(text):
    """What of a text a terminal would obey; progress bars begin their line anew."""
    return OBEYED.findall(text.replace("\r", ""))


@given(st.text())
def test_visible_text_has_nothing_to_obey_and_is_printed(text):
    assert not OBEYED.search(visible(text))
    visible(text).encode()
    assert "\n" not in visible(text, lines=False)
    assert visible(visible(text)) == visible(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)) | st.just("ä α 日本"))
def test_plain_text_stays(text):
    assert visible(text, lines=False) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RED, r"\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb", r"a\rb"),
        ("a\nb\tc", "a\nb\tc"),
        ("gnp.\u202efit", r"gnp.\u202efit"),
        ("caf\udce9", r"caf\udce9"),
        ("\x00\x7f", r"\x00\x7f"),
        ("line\u2028end", r"line\u2028end"),
    ],
)
def test_control_characters_are_written_out(text, expected):
    assert visible(text) == expected


def test_line_stays_one_line(capsys):
    say("Wrote a\nb.fits")
    say_lines(join_lines(["one", "two\nlines"]), err=True)
    printed = capsys.readouterr()
    assert printed.out == "Wrote a\\nb.fits\n"
    assert printed.err == "one\ntwo\\nlines\n"


@pytest.mark.parametrize("kind", [CatalogueError, OptionError, AssumedUnitWarning])
def test_errors_and_warnings_are_visible_in_python_too(kind):
    assert str(kind(f"column {RED}mag\nhere")) == "column \\x1b[31mmag\nhere"


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A catalogue whose name, column and cells hold control characters."""
    path = tmp_path / f"mine{RED}.csv"
    table = Table({f"name{RED}": [f"M{number}{TITLE}\u202e" for number in range(20)]})
    table["ra"], table["dec"] = np.linspace(0.5, 350, 20), np.zeros(20)
    table[f"name{RED}"][3] = f"two\nlines{BACK}"
    table.write(path)
    return path


def test_column_and_cells_of_a_catalogue_are_shown_in_the_summary(stub_run, hostile):
    result = stub_run(hostile)
    assert result.status == 0
    assert not obeyed(result.out + result.err)
    for words in (
        r"name\x1b[31m",
        r"M0\x1b]0;gotcha\x07\u202e",
        r"two\nlines\x1b[2K",
        r"mine\x1b[",
    ):
        assert words in result.out


def test_row_of_a_cell_with_a_line_break_is_one_line(stub_run, hostile):
    lines = stub_run(hostile).out.splitlines()
    assert [line.split()[0] for line in lines if "0.000" in line][3].startswith(r"two\nlines")


def test_columns_come_back_as_they_were(stub_run, hostile, tmp_path):
    assert stub_run(hostile, "-o", tmp_path / "out.ecsv").status == 0
    table = Table.read(tmp_path / "out.ecsv")
    assert table[f"name{RED}"][0] == f"M0{TITLE}\u202e"


def test_plan_of_a_dry_run_is_shown(stub_run, hostile):
    result = stub_run(hostile, "--dry-run")
    assert not obeyed(result.out + result.err)
    assert r"Would annotate" in result.out
    assert r"mine\x1b[31m.csv" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows", RED], r"\x1b[31m"),
        (["--ra", f"RA{TITLE}"], r"RA\x1b]0;gotcha\x07"),
        (["--columns", BACK], r"\x1b[2K"),
        (["--device", f"cpu{RED}"], r"cpu\x1b[31m"),
        ([f"--ro{RED}w"], r"--ro\x1b[31mw"),
        (["--weights", f"compact{RED}"], r"compact\x1b[31m"),
        (["--reference", f"mine{RED}.fits"], r"mine\x1b[31m.fits"),
        (["-o", f"none{RED}/out.fits"], r"none\x1b[31m"),
    ],
)
def test_mistakes_are_quoted_visibly(run, hostile, arguments, words):
    result = run(hostile, "--source", "demo", *arguments)
    assert result.status == 2
    assert not obeyed(result.out + result.err)
    assert words in result.err
    assert result.err.count("\n") == 1


def test_file_that_cannot_be_read_is_named_visibly(run, tmp_path):
    path = tmp_path / f"no{RED}\u202ething.fits"
    result = run(path, "--source", "demo")
    assert result.status == 2
    assert not obeyed(result.err)
    assert r"no\x1b[31m\u202ething.fits" in result.err


def test_unit_of_a_column_is_named_visibly(run, tmp_path):
    path = tmp_path / "units.ecsv"
    table = Table({"ra": [150.1], "dec": [2.1]})
    table.write(path)
    text = path.read_text().replace("{name: ra,", '{name: ra, unit: "de\\eg[31m",')
    path.write_text(text)
    result = run(path, "--source", "demo")
    assert not obeyed(result.out + result.err)


def test_search_results_are_shown(run_command, tmp_path, monkeypatch):
    monkeypatch.setattr("astroclip_astro.models.model.load_model", lambda *_, **__: StubModel())
    table = Table({f"name{RED}": [f"g{number}\n{TITLE}" for number in range(12)]})
    table["ra"], table["dec"] = np.arange(12.0), np.full(12, -1.0)
    table["astroclip_image"] = StubModel.embed_brightness(np.linspace(1, 5, 12))
    table.write(tmp_path / f"cat{RED}.ecsv")
    result = run_command("astroclip-search", search, tmp_path / f"cat{RED}.ecsv", "--row", 6)
    assert result.status == 0
    assert not obeyed(result.out + result.err)
    for words in (r"name\x1b[31m", r"g5\n\x1b]0;gotcha\x07", r"cat\x1b[31m.ecsv"):
        assert words in result.out


def test_progress_is_shown(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with Progress() as progress:
        progress.stage(f"asking {RED}")
        progress.start(4)
        progress.stage(f"fetching {TITLE}", rows=4)
        progress.write(f"row 0: {RED}\nno")
        progress.complete(4)
    assert not obeyed(stream.getvalue())
    assert r"asking \x1b[31m" in stream.getvalue()
    assert "row 0: \\x1b[31m\\nno" in stream.getvalue()


class Hostile(BaseHTTPRequestHandler):
    """Answers everything with what a terminal would obey; ``answer`` is (status, headers, body)."""

    def do_GET(self):
        status, headers, body = self.server.answer
        self.wfile.write(f"HTTP/1.1 {status}\r\n".encode("latin-1"))
        for name, value in headers.items():
            self.wfile.write(f"{name}: {value}\r\n".encode("latin-1"))
        self.wfile.write(b"Connection: close\r\n\r\n" + body)

    do_POST = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server on this machine that says whatever its ``answer`` is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as one:
        thread = threading.Thread(target=one.serve_forever, daemon=True)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (f"404 {RED}gone", {}, f"gone {TITLE} \x9b31m".encode("latin-1")),
        ("503 busy", {"Retry-After": f"{RED}"}, b"Expected\x1b[2K available"),
        (f"200 {RED}", {"Content-Type": f"text/{TITLE}", "X-\x1b": RED}, b"\x1b[31m no table"),
        ("200 OK", {"Content-Type": "application/json"}, b'{"\x1b[31m": "\\u001b[31m"}'),
        ("302 Found", {"Location": f"http://127.0.0.1:1/{RED}\x9b"}, b""),
        ("302 Found", {"Location": f"ftp{TITLE}://x"}, b""),
        ("200 OK", {"Content-Encoding": RED}, b"x"),
        (RED, {}, b""),
    ],
)
def test_what_a_server_says_is_shown(run, server, tmp_path, status, headers, body):
    server.answer = status, headers, body
    path = tmp_path / "two.csv"
    Table({"ra": [150.1, 150.2], "dec": [2.1, 2.2]}).write(path)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with conf.set_temp("attempts", 1), conf.set_temp("backoff", 0.001):
        result = run(
            path, "--source", address, "--cache", "none", "--verbose", "-o", tmp_path / "o.csv"
        )
    assert result.status in (0, 3)
    assert result.err
    assert not obeyed(result.out + result.err)


def test_commands_print_through_one_door():
    modules = Path(terminal.__file__).parent.glob("*.py")
    others = [path for path in modules if path.name != "terminal.py"]
    assert len(others) > 5
    wrong = [
        path.name for path in others if re.search(r"click\.s?echo|\bprint\(", path.read_text())
    ]
    assert not wrong
