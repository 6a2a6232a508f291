"""A card is a dictionary that is shown in a few lines."""

import copy
import json
import pickle

import pytest

from astroclip_astro.models.card import Card, bundled, locate, read_card


@pytest.fixture
def card():
    return read_card(locate("compact"))


def test_card_is_shown_in_a_few_lines(card):
    lines = repr(card).splitlines()
    assert len(lines) < 10
    assert max(map(len, lines)) <= 132


@pytest.mark.parametrize(
    "fact",
    [
        "Card of weights 'compact'",
        "7,989,730 parameters",
        "60,786 SIMULATED galaxies",
        "spectrum, image, align",
        "redshift 0.606 by image, 0.824 by spectrum",
        "dict(card) shows all",
    ],
)
def test_card_shows(card, fact):
    assert fact in repr(card)


def test_checksum_is_shown_by_its_beginning(card):
    assert f"sha256      {card['sha256'][:12]}..." in repr(card)


def test_simulated_is_said_where_the_data_do_not():
    card = Card(name="mine", training={"simulated": True, "data": "9 galaxies"})
    assert "trained on  9 galaxies, SIMULATED" in repr(card)


def test_weights_without_scores_show_none():
    assert "R2" not in repr(Card(name="mine", training={"data": "9 galaxies"}, scores={}))


@pytest.mark.parametrize("name", bundled())
def test_bundled_weights_have_a_card_that_is_shown(name):
    assert repr(read_card(locate(name))).startswith(f"Card of weights {name!r}")


def test_card_is_a_dictionary(card):
    plain = dict(card)
    assert card == plain
    assert json.loads(json.dumps(card)) == plain
    assert repr(plain).startswith("{'format': 1,")


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_copy_is_a_card(card, again):
    assert again(card) == card
    assert repr(again(card)) == repr(card)
