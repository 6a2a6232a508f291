"""What is read is counted before it is built."""

import json
import time
import tracemalloc

import numpy as np
import pytest
import yaml
from hypothesis import given, settings, strategies as st

from astroclip_astro.errors import CatalogueError, InputError, WeightsError
from astroclip_astro.storage import bounds
from astroclip_astro.storage.bounds import check_yaml, load_json, load_yaml, read_card_bytes

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def bomb(levels=9, width=9, merge=False):
    """YAML of some hundred bytes that stands for WIDTH ** LEVELS values."""
    if merge:
        lines = ["a0: &a0 {x: 1}"]
        lines += [
            f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * width)}]}}" for i in range(1, levels)
        ]
    else:
        lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
        lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "aliases": bomb(),
    "merged dictionaries": bomb(merge=True),
    "aliases of dictionaries": "\n".join(
        ["a0: &a0 {x: 1}"]
        + [
            f"a{i}: &a{i} {{{', '.join(f'k{j}: *a{i - 1}' for j in range(9))}}}"
            for i in range(1, 9)
        ]
    ),
    "itself": "a: &a [1, *a]",
    "itself, further in": "a: &a {b: [1, {c: *a}]}",
    "deep lists": "[" * 20000,
    "deep dictionaries": "{a: " * 20000,
    "deep lines": "\n".join(" " * i + "-" for i in range(3000)),
    "many letters": "x: " + "y" * (bounds.MAX_YAML_LETTERS + 1),
}


@pytest.fixture
def quick():
    """Fail what takes a second or 100 MB."""
    tracemalloc.start()
    start = time.process_time()
    yield
    seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 1
    assert peak < 100e6


@pytest.mark.parametrize("name", BOMBS)
def test_yaml_that_stands_for_too_much_is_refused(quick, name):
    with pytest.raises(CatalogueError, match=r"^The header has .*YAML"):
        check_yaml(BOMBS[name], "The header", error=CatalogueError)


@settings(deadline=None, max_examples=50)
@given(PLAIN)
def test_plain_yaml_comes_back(value):
    assert load_yaml(yaml.safe_dump(value), "It") == value


def test_what_is_said_twice_by_aliases_comes_back():
    shared = {"frame": "icrs", "unit": ["deg"] * 50}
    text = yaml.safe_dump([shared] * 500)
    assert "*id001" in text
    assert load_yaml(text, "It") == [shared] * 500


def test_no_yaml_is_left_to_its_reader():
    check_yaml("a: [1, 2", "It")
    with pytest.raises(InputError, match="It is no YAML"):
        load_yaml("a: [1, 2", "It")


def test_tags_build_nothing():
    with pytest.raises(InputError, match="no YAML"):
        load_yaml("!!python/object/apply:os.system ['true']", "It")


@settings(deadline=None, max_examples=50)
@given(PLAIN)
def test_plain_json_comes_back(value):
    assert load_json(json.dumps(value), "It") == value


JSON = {
    "lists": ("[" * 100_000, "more than 100 deep"),
    "dictionaries": ('{"a":' * 100_000, "more than 100 deep"),
    "brackets behind a text": ('"' + "\\" * 200_000, "no JSON"),
    "quotes": ('"\\' * 200_000, "no JSON"),
    "digits": ("9" * 100_000, "no JSON"),
    "letters": ('"' + "x" * bounds.MAX_CARD_BYTES, "longer than"),
    "bytes": (b"\xff\xfe\x00", "no JSON"),
}


@pytest.mark.parametrize("name", JSON)
def test_json_that_claims_too_much_is_refused(quick, name):
    text, words = JSON[name]
    with pytest.raises(WeightsError, match=f"The card .*{words}"):
        load_json(text, "The card", error=WeightsError)


def test_brackets_within_texts_are_letters():
    value = {"a": "[" * 500, 'b"{': ["\\", '\\"[[']}
    assert load_json(json.dumps(value), "It") == value


def test_small_file_is_read_and_a_large_one_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_CARD_BYTES", 10)
    (tmp_path / "card").write_bytes(bytes(10))
    assert read_card_bytes(tmp_path / "card") == bytes(10)
    (tmp_path / "card").write_bytes(np.zeros(11, "u1").tobytes())
    with pytest.raises(WeightsError, match="longer than 10 bytes"):
        read_card_bytes(tmp_path / "card", error=WeightsError)
