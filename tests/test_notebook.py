"""In a Jupyter kernel: progress with and without widgets; what cards and methods look like."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ipykernel")
TESTS = Path(__file__).parent
WITHOUT = 'import sys; sys.modules["ipywidgets"] = None'  # as if it were not installed
BAR = """
from astroclip_astro.annotate.progress import Progress
with Progress() as progress:
    progress.stage("loading weights")
    progress.start(2)
    progress.stage("fetching images", rows=2)
    progress.count("fetching images", 1, 2)
    progress.complete(2)
"""
CARD = """
from astroclip_astro.models.card import locate, read_card
read_card(locate("compact"))
"""


def run_cells(*cells, names=()):
    """What a kernel shows of cells, and the tips of names; an error in a cell fails the test."""
    result = subprocess.run(
        [sys.executable, TESTS / "kernel_session.py"],
        input=json.dumps({"cells": cells, "names": names}),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    session = json.loads(result.stdout)
    for shown in session["outputs"]:
        assert not [one["content"]["evalue"] for one in shown if one["kind"] == "error"]
    return session


def test_progress_is_text_without_widgets():
    *_, shown = run_cells(WITHOUT, BAR)["outputs"]
    assert {one["kind"] for one in shown} == {"stream"}
    states = "".join(one["content"]["text"] for one in shown).split("\r")
    assert "loading weights" in states
    assert re.match(r"100%\|█+\| 2/2 rows", [one for one in states if one.strip()][-1])
    assert not re.search("Warning|IProgress", " ".join(states))


def test_progress_is_a_widget_where_there_are_widgets():
    pytest.importorskip("ipywidgets")
    (shown,) = run_cells(BAR)["outputs"]
    drawn = [one["content"]["data"] for one in shown if one["kind"] == "display_data"]
    assert ["application/vnd.jupyter.widget-view+json" in data for data in drawn] == [True]
    assert "Warning" not in json.dumps(shown)


def test_card_is_shown_in_a_few_lines():
    (shown,) = run_cells(CARD)["outputs"]
    text = shown[-1]["content"]["data"]["text/plain"]
    assert text.startswith("Card of weights 'compact'\n")
    assert len(text.splitlines()) < 10


TIPS = ["t.astroclip.annotate", "t.astroclip.similar", "astroclip_astro.load_model"]


@pytest.fixture(scope="module")
def tips():
    """What Shift-Tab shows."""
    cells = ("import astroclip_astro; from astropy.table import Table; t = Table({'ra': [150.1]})",)
    return run_cells(*cells, names=TIPS)["tips"]


@pytest.mark.parametrize("name", TIPS)
def test_shift_tab_shows_options_with_defaults_and_words(tips, name):
    tip = re.sub("\x1b\\[[0-9;]*m", "", tips[name])
    assert re.search(r"device: *'str' *= *'auto'", tip)
    assert "Where to compute." in tip
    assert "**" not in tip.partition("Docstring")[0]
