"""Configurations from files: what differs is said, what cannot be is refused before any work."""

import string
from dataclasses import asdict, replace

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings, strategies as st

from astroclip_astro.errors import InputError
from astroclip_astro.models.configuration import COMPACT
from astroclip_astro.train.configuration_file import read_configuration
from astroclip_astro.train.settings import STAGES, TRAINING

SHARED_FILE = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
VALUES = (
    st.integers()
    | st.floats()
    | st.booleans()
    | st.text(string.ascii_letters, max_size=5)
    | st.lists(st.integers(-3, 9) | st.floats(0, 1), max_size=5)
)


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a configuration file with some text."""

    def written(text):
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return read_configuration(tmp_path / "mine.toml")

    return written


@pytest.mark.parametrize("name", TRAINING)
def test_names_stand_for_what_is_known(name):
    assert read_configuration(name) is TRAINING[name]


def test_file_says_only_what_differs(read):
    found = read('name = "wide"\n[model]\nimage_width = 64\n[align]\nsteps = 7\nunfreeze = false')
    assert found.model == replace(COMPACT, name="wide", image_width=64)
    assert found.align == replace(TRAINING["compact"].align, steps=7, unfreeze=False)
    assert (found.spectrum, found.image) == (
        TRAINING["compact"].spectrum,
        TRAINING["compact"].image,
    )


def test_base_is_what_the_file_differs_from(read):
    assert read('base = "full"').image == TRAINING["full"].image


def test_name_is_by_default_that_of_the_file(read):
    assert read("").model.name == "mine"


@pytest.mark.parametrize("name", TRAINING)
def test_what_a_run_writes_is_read_again(read, name):
    assert read(tomli_w.dumps(TRAINING[name].to_dict())) == TRAINING[name]


def test_whole_number_will_do_for_any_number(read):
    assert read("[image]\nlearning_rate = 1").image.learning_rate == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[spectrum]\nstep = 5", r"\[spectrum\]: unknown step; known are steps,"),
        ("[model]\nwidth = 5", r"\[model\]: unknown width"),
        ("[images]\nsteps = 5", "has images, expected name, base"),
        ("steps = 5", "has steps, expected"),
        ("spectrum = 5", r"spectrum is 5, expected a table \[spectrum\]"),
        ('base = "huge"', "base is 'huge', expected one of full, compact"),
        ("base = []", "base is"),
        ("[spectrum]\nsteps = 5.5", r"\[spectrum\]: steps is 5.5, expected int"),
        ("[spectrum]\nsteps = true", "steps is True, expected int"),
        ('[image]\nmomentum = "big"', "momentum is 'big', expected float"),
        ("[align]\nunfreeze = 1", "unfreeze is 1, expected bool"),
        ("[align]\nbetas = [0.9]", "betas is .*expected a list of numbers"),
        ("[align]\nsteps = 0", r"\[align\]: steps is 0"),
        ("name = 5", "name is 5, expected str"),
        (
            "[model]\nimage_blocks = [2, 2]",
            "image_blocks is a list of 2, expected 4 whole",
        ),
        ("[model]\nimage_blocks = [2, 2, 2, 2.5]", "expected a list of numbers"),
        (
            "[model]\nimage_blocks = [2, 2, 2, 0]",
            "expected 4 whole numbers from 1 on",
        ),
        ("[model]\nwindow_step = 0", "window_step is 0, expected a whole number from 1 to"),
        ("[model]\nspectrum_heads = 3", "divide spectrum_width"),
        ("[model]\nhead_heads = 3", "divide embedding_width"),
        ("[model]\nmax_tokens = 20", "number of tokens"),
        ("[model]\nwindow = 9000", "number of tokens"),
        ("[model]\nspectrum_samples = 500", "spectrum_samples is 500, expected 7781"),
        ("[model]\nhead_dropout = 1.0", "head_dropout"),
        ('[model]\nimage_stretch = "log"', "image_stretch is 'log', expected one of raw, rgb"),
        ("[spectrum", "cannot be read"),
    ],
)
def test_mistake_is_named(read, text, words):
    with pytest.raises(InputError, match=words):
        read(text)


def test_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"neither full nor compact nor a TOML file"):
        read_configuration(tmp_path / "none.toml")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_configuration(tmp_path / "mine.toml")


@SHARED_FILE
@given(st.data())
def test_any_value_of_a_setting_is_taken_as_its_type_or_refused(read, data):
    table = data.draw(st.sampled_from(["model", *STAGES]))
    known = asdict(getattr(TRAINING["compact"], table))
    name = data.draw(st.sampled_from(sorted(known)))
    value = data.draw(VALUES)
    try:
        found = getattr(getattr(read(tomli_w.dumps({table: {name: value}})), table), name)
    except InputError:
        return
    assert type(found) is type(known[name])
    assert list(found) == value if isinstance(found, tuple) else found == value


@SHARED_FILE
@given(st.text(max_size=40))
def test_any_text_is_a_configuration_or_refused(read, text):
    words = ""
    try:
        read(text)
    except InputError as error:
        words = str(error)
    assert not words or "mine.toml" in words
