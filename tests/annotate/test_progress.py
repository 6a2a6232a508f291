"""Progress says what is done, moves within a chunk, and never warns of missing widgets."""

from functools import partial

import pytest
from tqdm import tqdm

from astroclip_astro.annotate.progress import Progress


@pytest.fixture
def states(monkeypatch, capsys):
    """A function that gives what a reader of the last line has seen since it was last called."""
    every = partial(tqdm, mininterval=0)  # every state is drawn, however fast the machine is
    monkeypatch.setattr("astroclip_astro.annotate.progress.bar_class", lambda: every)

    def read():
        return [line.strip() for line in capsys.readouterr().err.replace("\n", "\r").split("\r")]

    return read


def test_words_are_shown_before_the_rows_are_known(states):
    with Progress() as progress:
        progress.stage("loading weights")
        assert states()[-1] == "loading weights"


def test_words_alone_vanish(states):
    with Progress() as progress:
        progress.stage("loading weights")
    assert states()[-1] == ""


def test_stage_is_worth_its_rows(states):
    with Progress() as progress:
        progress.start(40)
        progress.stage("fetching images", rows=10)
        progress.stage("embedding images", rows=10)
        last = states()[-1]
    assert last.startswith("25%|")
    assert "10/40 rows" in last
    assert last.endswith("embedding images")


def test_counts_move_the_bar_within_a_stage(states):
    with Progress() as progress:
        progress.start(40)
        progress.stage("fetching images", rows=20)
        progress.count("fetching images", 3, 4)
        last = states()[-1]
    assert "15/40 rows" in last
    assert last.endswith("fetching images 3/4")


def test_bar_never_goes_back(states):
    with Progress() as progress:
        progress.start(40)
        progress.stage("fetching spectra", rows=20)
        progress.count("searching spectra", 4, 4)
        progress.count("fetching spectra", 1, 4)
        last = states()[-1]
    assert "20/40 rows" in last
    assert last.endswith("fetching spectra 1/4")


def test_completed_rows_count_whatever_their_stages_were(states):
    with Progress() as progress:
        progress.start(40)
        progress.stage("fetching images", rows=5)
        progress.complete(30)
        progress.complete(10)
        assert progress.done == 40
        assert states()[-1].startswith("100%|")


def test_bar_stays_without_words(states):
    with Progress() as progress:
        progress.start(4)
        progress.complete(4)
        progress.stage("writing a file")
    last = [state for state in states() if state][-1]
    assert last.startswith("100%|")
    assert last.endswith("]")


def test_line_is_written_whole(states):
    with Progress() as progress:
        progress.start(4)
        progress.write("row 2: nothing there")
    assert "row 2: nothing there" in states()


def test_line_is_written_without_a_bar_too(states):
    with Progress(quiet=True) as progress:
        progress.write("row 2: nothing there")
    assert states() == ["row 2: nothing there", ""]


def test_quiet_shows_nothing(states):
    with Progress(quiet=True) as progress:
        progress.stage("loading weights")
        progress.start(4)
        progress.count("fetching images", 1, 2)
        progress.complete(4)
    assert states() == [""]


def test_bar_may_be_used_again(states):
    progress = Progress()
    with progress:
        progress.stage("loading weights")
    with progress:
        progress.start(3)
        progress.complete(3)
    assert any("3/3 rows" in state for state in states())
