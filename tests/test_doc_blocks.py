"""Every shell and Python block of the documentation runs, and prints what the page says."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest
from astropy.table import Table
from doc_blocks import Block, blocks_of, documented

from astroclip_astro import standin
from astroclip_astro.resources import folder

BLOCKS = list(documented())
PAGES = list(dict.fromkeys(block.page for block in BLOCKS))
SECONDS = 900  # for one block
TIME = re.compile(r"(?<![\w.])\d+(\.\d+)?(?= (s|min|minutes?)\b)")
CONFIGURATION = """[config]
viewer_url = {url}/viewer
sparcl_url = {url}/api
tap_url = {url}/tap
"""


class Page:
    """A folder in which the blocks of one page are run in order.

    The commands are those of this environment. What `pip install` would install is there already.
    The archives are the stand-in, and nothing else can be reached.
    """

    def __init__(self, place: Path, environment: dict[str, str]) -> None:
        self.place, self.environment = place, environment
        self.session: subprocess.Popen[str] | None = None
        self.printed = ""

    def run(self, blocks: Iterable[Block]) -> None:
        """Run blocks in order."""
        for block in blocks:
            self.do(block)

    def do(self, block: Block) -> None:
        """Run a block, or compare it with what the last one printed."""
        for command in block.saying("before"):
            self.shell(block, command)
        if block.kind == "file":
            (self.place / block.saying("file")[0]).write_text(block.code, encoding="utf-8")
        elif block.kind == "output":
            assert same(block.text, self.printed), difference(block, self.printed)
        elif block.kind == "run":
            run = self.shell if block.language == "sh" else self.python
            self.printed = run(block, block.code)

    def shell(self, block: Block, code: str) -> str:
        """Run shell commands and return what they print."""
        done = subprocess.run(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", code],
            cwd=self.place,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        said = f"{done.stdout}\n{done.stderr}"[-4000:]
        assert done.returncode == 0, f"{block.name} ended with {done.returncode}:\n{code}\n{said}"
        return done.stdout

    def python(self, block: Block, code: str) -> str:
        """Run Python in the page's own process and return what it prints."""
        if self.session is None:
            self.session = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).with_name("doc_session.py"))],
                cwd=self.place,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self.session.stdin.write(json.dumps([block.name, code]) + "\n")
        self.session.stdin.flush()
        reply = self.session.stdout.readline()
        assert reply, f"{block.name} ended Python:\n{code}"
        printed, failure = json.loads(reply)
        assert not failure, f"{block.name} failed:\n{code}\n{printed}\n{failure}"
        return printed

    def close(self) -> None:
        """End the page's Python."""
        if self.session is not None:
            self.session.stdin.close()
            self.session.stdout.close()
            self.session.wait(timeout=60)


def same(wanted: str, printed: str) -> bool:
    """Return whether both are the same but for white space, times, and what ``...`` stands for."""
    wanted, printed = (TIME.sub("T", text).strip() + "\n" for text in (wanted, printed))
    return OutputChecker().check_output(wanted, printed, ELLIPSIS | NORMALIZE_WHITESPACE)


def difference(block: Block, printed: str) -> str:
    """Return a message that shows what the page has and what was printed."""
    return f"{block.name} has\n\n{block.text}\nexpected what is printed:\n\n{printed}"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Environment variables of a machine whose archives are the stand-in, without a network."""
    place = tmp_path_factory.mktemp("machine")
    (place / "bin").mkdir()
    pip = place / "bin" / "pip"
    pip.write_text('#!/bin/sh\ntest "$1" = install\n', encoding="utf-8")
    pip.chmod(pip.stat().st_mode | stat.S_IXUSR)
    (place / "config" / "astropy").mkdir(parents=True)
    paths = [str(pip.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    closed = {f"{name}_proxy": "http://127.0.0.1:9" for name in ("http", "https", "all")}
    with standin.serve() as url:
        configuration = place / "config" / "astropy" / "astroclip_astro.cfg"
        configuration.write_text(CONFIGURATION.format(url=url), encoding="utf-8")
        yield (
            os.environ
            | closed
            | {
                "PATH": os.pathsep.join(paths),
                "XDG_CONFIG_HOME": str(place / "config"),
                "no_proxy": "127.0.0.1,localhost",
                "MPLBACKEND": "Agg",
                "COLUMNS": "100",
                "LINES": "30",
            }
        )


@pytest.fixture
def page(environment, tmp_path):
    """A folder with the demo of a checkout, and a user's own catalogue and files."""
    place = tmp_path / "checkout"
    shutil.copytree(folder("catalogs") / "demo_sky", place / "catalogs" / "demo_sky")
    shutil.copy(folder("catalogs") / "demo.fits", place / "catalogs")
    (place / "my_files").symlink_to("catalogs/demo_sky")
    own = Table.read(place / "catalogs" / "demo.fits")[:6]
    own.meta.clear()
    own.write(place / "my_galaxies.fits")
    one = Page(place, environment)
    yield one
    one.close()


def pages_running(*, slow):
    """Return the pages that have blocks to run that are slow, or that are not.

    Every page but the README is one of the long tests: each begins with a command or two.
    """
    found = dict.fromkeys(b.page for b in BLOCKS if b.kind == "run" and b.slow == slow)
    first = [name for name in found if name == "README.md"]
    long = [pytest.param(name, marks=pytest.mark.slow) for name in found if name != "README.md"]
    return [*first, *long]


@pytest.mark.parametrize("name", pages_running(slow=False))
def test_page_prints_what_it_says(page, name):
    page.run(block for block in BLOCKS if block.page == name and not block.slow)


@pytest.mark.slow
@pytest.mark.parametrize("name", pages_running(slow=True))
def test_whole_page_prints_what_it_says(page, name):
    page.run(block for block in BLOCKS if block.page == name)


@pytest.mark.parametrize("name", PAGES)
def test_every_block_is_run_or_says_why_not(name):
    assert [block.name for block in BLOCKS if block.page == name and block.kind == "unmarked"] == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("```sh\nls\n```\n", ["run"]),
        ("```python\n1\n```\n\n```text\n1\n```\n", ["run", "output"]),
        ("```sh\nls\n```\n\nWords.\n\n```text\n1\n```\n", ["run", "unmarked"]),
        ("```sh\nls\n```\n\nWords.\n\n<!-- output -->\n```text\n1\n```\n", ["run", "output"]),
        ("<!-- not run: needs a GPU -->\n```sh\nls\n```\n\n```text\n1\n```\n",
         ["not run", "unmarked"]),
        ("<!-- not run: needs a GPU -->\n\nWords.\n\n```sh\nls\n```\n", ["run"]),
        ("<!-- not run -->\n```sh\nls\n```\n", ["unmarked"]),
        ("<!-- file: a.toml -->\n```toml\na = 1\n```\n", ["file"]),
        ("```toml\na = 1\n```\n", ["unmarked"]),
        ("```\nls\n```\n", ["unmarked"]),
        ("Words.\n\n    ls\n", ["unmarked"]),
        ("- item\n\n  ```console\n  ls\n  ```\n", ["unmarked"]),
        ("```{toctree}\na\n```\n", []),
    ],
)  # fmt: skip
def test_comment_says_what_is_done_with_a_block(text, kinds):
    assert [block.kind for block in blocks_of(text, "page.md")] == kinds


def test_unknown_comment_is_a_mistake():
    with pytest.raises(ValueError, match=r"page.md:2: comment 'not-run', expected one of not run"):
        blocks_of("<!-- not-run: because -->\n```sh\nls\n```\n", "page.md")


def test_replacement_makes_an_example_smaller():
    (block,) = blocks_of("<!-- with: 2000 => 20 -->\n```sh\nmake 2000\n```\n", "page.md")
    assert block.code == "make 20\n"


def test_replacement_of_what_is_not_there_is_a_mistake():
    (block,) = blocks_of("<!-- with: 3000 => 20 -->\n```sh\nmake 2000\n```\n", "page.md")
    with pytest.raises(ValueError, match="no '3000' to replace"):
        _ = block.code


@pytest.mark.parametrize(
    ("wanted", "printed", "equal"),
    [
        ("a  b\n", " a b", True),
        ("Wrote .../demo.fits\n", "Wrote /tmp/x/demo.fits\n", True),
        ("time   11 s\n", "time 9.5 s\n", True),
        ("row 3 0.8138\n", "row 3 0.8095\n", False),
        ("z 11\n", "z 12\n", False),
        ("a\n", "a\nb\n", False),
    ],
)
def test_output_is_compared(wanted, printed, equal):
    assert same(wanted, printed) is equal


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nfalse\n```\n",
        "```python\n1 / 0\n```\n",
        "```python\nimport warnings\n\nwarnings.warn('no')\n```\n",
        "```sh\necho 1\n```\n\n```text\n2\n```\n",
        "```python\nprint(1)\n```\n\n```text\n2\n```\n",
    ],
)
def test_wrong_page_fails(page, text):
    with pytest.raises(AssertionError, match=r"page.md:\d"):
        page.run(blocks_of(text, "page.md"))


def test_blocks_of_a_page_go_on_where_the_last_one_ended(page):
    text = """
```sh
echo 41 > number
```

```python
number = int(open("number").read())
```

```python
print(number + 1)
```

```text
42
```
"""
    page.run(blocks_of(text, "page.md"))
    assert page.printed == "42\n"
