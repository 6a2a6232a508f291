"""Whatever a card says, reading it ends in a card that everything can read, or in one error."""

import copy
import json
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from refusals import refused_quickly

from astroclip_astro.errors import InputError, WeightsError
from astroclip_astro.models.card import Card, bundled, check_aligned, locate, read_card
from astroclip_astro.models.card_fields import card_sha256
from astroclip_astro.models.configuration import Configuration
from astroclip_astro.prepare.photometry import beyond

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["compact", "align", "dropped", "asinh", "0" * 64]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
ANY_FILE = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def good():
    """The card of the bundled weights, as one of an earlier version, without its own checksum."""
    card = dict(read_card(locate("compact")))
    del card["card_sha256"]
    return card


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a card, written as JSON where it is none already."""

    def read_one(card):
        text = card if isinstance(card, str | bytes) else json.dumps(card)
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "mine.json").write_bytes(content)
        return read_card(tmp_path / "mine.safetensors")

    return read_one


def changed(card, path, value):
    """A copy of a card with one value replaced; the path's last name may be new."""
    card = copy.deepcopy(card)
    place = card
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return card


def paths(value, path=()):
    """Every place in a card."""
    if path:
        yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inner in items:
            yield from paths(inner, (*path, name))


def use(card):
    """All that the package takes from a card."""
    from astroclip_astro.models.masking import check_reconstructs, sample_mask

    repr(card)
    json.dumps(card, allow_nan=False)
    config = Configuration.from_dict(card["configuration"])
    assert 1 < config.tokens <= config.max_tokens
    measures = {name: np.ones(2) for name in ("aperture_flux_r", "median_flux")}
    beyond(measures, card["training"].get("range", {}))
    f"{card['sha256']:.12} {card['name']}".encode()
    for call in (check_aligned, check_reconstructs, lambda one: sample_mask(config, one)):
        try:
            call(card)
        except InputError:
            continue


@ANY_FILE
@given(card=JSON)
def test_any_json_is_a_card_or_one_error(read, card):
    with pytest.raises(WeightsError):
        read(card)


@ANY_FILE
@given(data=st.data())
def test_any_change_of_a_card_is_refused_or_can_be_used(read, good, data):
    places = sorted(paths(good), key=str)
    path = data.draw(st.sampled_from(places))
    try:
        card = read(changed(good, path, data.draw(JSON)))
    except WeightsError:
        return
    use(card)


@ANY_FILE
@given(data=st.data())
def test_any_field_that_is_added_is_refused_or_can_be_used(read, good, data):
    field = data.draw(
        st.sampled_from(
            [
                ("training", "stages", "align", "unfreeze"),
                ("training", "stages", "spectrum", "masked"),
                ("training", "stages", "spectrum", "chunks"),
                ("training", "stages", "spectrum", "chunk_width"),
                ("training", "stages", "more"),
                ("training", "range", "more"),
                ("scores", "image_r2_redshift"),
                ("scores", "what"),
                ("parameters",),
                ("stored",),
                ("more",),
            ]
        )
    )
    try:
        card = read(changed(good, field, data.draw(JSON)))
    except WeightsError:
        return
    use(card)


@ANY_FILE
@given(content=st.binary(max_size=60))
def test_any_bytes_are_one_error(read, content):
    with pytest.raises(WeightsError):
        read(content)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("training",), None, "training is None, expected a dictionary"),
        (("training",), ["align"], "training is a list of 1, expected a dictionary"),
        (("training", "range"), None, "training.range is None, expected a dictionary"),
        (("training", "range"), [0, 1], "training.range is a list of 2, expected a dictionary"),
        (
            ("training", "range", "median_flux"),
            [0],
            "range.median_flux is a list of 1, expected two",
        ),
        (("training", "range", "median_flux"), ["0", "1"], "range.median_flux is a list of 2"),
        (("training", "range", "median_flux"), [9, 1], "two numbers, the lower one first"),
        (("training", "range", "median_flux"), {"low": 0}, "range.median_flux is a dict of 1"),
        (("training", "stages"), "align", "training.stages is 'align', expected a dictionary"),
        (("training", "stages", "align"), None, "training.stages.align is None, expected a dict"),
        (("training", "stages", "align", "unfreeze"), "no", "unfreeze is 'no', expected true or"),
        (("training", "stages", "spectrum", "masked"), [], "spectrum.masked is a list of 0"),
        (("training", "stages", "spectrum", "chunks"), 0, "chunks is 0, expected a whole number"),
        (("training", "simulated"), "yes", "training.simulated is 'yes', expected true, false"),
        (("training", "data"), 3, "training.data is 3, expected a text"),
        (("scores",), 0.6, "scores is 0.6, expected a dictionary"),
        (("scores", "image_r2_redshift"), "0.6", "image_r2_redshift is '0.6', expected a number"),
        (("scores", "what"), ["R2"], "scores.what is a list of 1, expected a text"),
        (("configuration",), [], "configuration is a list of 0, expected a dict"),
        (("configuration", "image_size"), 1e9, "image_size is 1000000000.0, expected a whole"),
        (("configuration", "image_size"), 100000, "image_size is 100000, expected a .* to 1024"),
        (("configuration", "image_blocks"), 4, "image_blocks is 4, expected 4 whole numbers"),
        (("configuration", "image_blocks"), [50, 50, 50, 51], "200 together at most"),
        (("configuration", "spectrum_layers"), 10**6, "spectrum_layers is 1000000, expected"),
        (("configuration", "spectrum_width"), 2**40, "spectrum_width is 1099511627776, expected"),
        (("configuration", "spectrum_heads"), True, "spectrum_heads is True, expected a whole"),
        (("configuration", "spectrum_heads"), 3, "spectrum_heads expected to divide"),
        (("configuration", "spectrum_samples"), 100, "spectrum_samples is 100, expected 7781"),
        (("configuration", "head_dropout"), None, "head_dropout is None, expected a number"),
        (("configuration", "image_stretch"), ["raw"], "image_stretch is a list of 1, expected one"),
        (("recipe",), "as usual", "recipe is 'as usual', expected a dictionary"),
        (("name",), None, "name is None, expected a line of text"),
        (("name",), "", "name is '', expected a line of text"),
        (("name",), "two\nlines", r"name is 'two\\nlines', expected a line of text"),
        (("name",), "x" * 201, "at most 200 letters"),
        (("name",), "\x1b[31mred", r"has the text '\\x1b\[31mred', expected no control"),
        (("training", "data"), "half \ud800", r"has the text 'half \\ud800'"),
        (("sha256",), 7, "sha256 is 7, expected 64 digits"),
        (("sha256",), "0" * 63 + "G", "expected 64 digits of 0-9, a-f"),
        (("parameters",), "many", "parameters is 'many', expected a whole number"),
        (("stored",), 16, "stored is 16, expected a text"),
        (("format",), True, "has format True, expected 1"),
        (("format",), [1], "has format a list of 1, expected 1"),
        (("more",), 10**30, "has the number 1000000000000000000000000000000, expected finite"),
    ],
)
def test_field_of_another_kind_is_named(read, good, path, value, words):
    with pytest.raises(WeightsError, match=words) as caught:
        read(changed(good, path, value))
    assert "mine.json" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"parameters": 7989730', '"parameters": NaN', "NaN is no number of JSON"),
        ('"parameters": 7989730', '"parameters": -Infinity', "-Infinity is no number of JSON"),
        ('"parameters": 7989730', '"parameters": 1e999', "has the number inf, expected finite"),
        ('"parameters": 7989730', f'"parameters": {"9" * 5000}', "is no JSON"),
        ('"parameters": 7989730', '"name": "twice"', "the name 'name' is there twice"),
        ('"minutes": 41.1', '"steps": 1, "minutes": 41.1', "the name 'steps' is there twice"),
        ('"parameters": 7989730', f'"x": {"[" * 100_000}', "more than 100 deep"),
        (
            '"parameters": 7989730',
            '"x": {"y": ' * 50_000 + "1" + "}" * 50_000,
            "more than 100 deep",
        ),
        ('"parameters": 7989730', f'"x": "{"y" * (1 << 20)}"', "is longer than 1048576 bytes"),
        ('"parameters": 7989730', f'"x": [{"{}," * 300_000}1]', None),
    ],
)
def test_text_that_is_no_card_is_refused_quickly(read, good, old, new, words):
    text = json.dumps(good)
    assert old in text
    if words is None:  # as much as a card may have
        assert isinstance(read(text.replace(old, new, 1)), Card)
        return
    with refused_quickly(words):
        read(text.replace(old, new, 1))


@pytest.mark.parametrize("card", [{}, [], None, 1, '"card"', [["format", 1]]])
def test_other_json_is_refused(read, card):
    with pytest.raises(WeightsError, match=r"lacks \['format', 'name'|expected a dictionary"):
        read(card)


def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "mine.json")
    with pytest.raises(WeightsError, match=r"No card mine\.json"):
        read_card(tmp_path / "mine.safetensors")


@pytest.mark.parametrize("stages", [{}, {"align": {}}])
def test_card_may_say_little(read, good, stages):
    use(read(good | {"training": {"stages": stages}, "scores": {}}))


def test_card_need_not_know_whether_galaxies_are_simulated(read, good):
    assert read(changed(good, ("training", "simulated"), None))["training"]["simulated"] is None


@pytest.mark.parametrize("name", bundled())
def test_bundled_card_has_its_own_checksum(name):
    card = read_card(locate(name))
    assert card["card_sha256"] == card_sha256(card)


def test_card_that_was_changed_is_refused(read, good):
    card = good | {"card_sha256": card_sha256(good)}
    assert read(card)["name"] == "compact"
    card["training"] = card["training"] | {"simulated": False}
    with pytest.raises(WeightsError, match=r"its own card_sha256 says .* take card_sha256 out"):
        read(card)


def test_order_and_layout_of_a_card_do_not_count(read, good):
    card = good | {"card_sha256": card_sha256(good)}
    assert read(json.dumps(card, indent=7, sort_keys=True, ensure_ascii=False))["name"] == "compact"


def test_card_of_an_earlier_version_is_accepted(read, good):
    assert "card_sha256" not in read(good)
