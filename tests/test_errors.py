"""The nearest valid word."""

import pytest

from astroclip_astro.errors import did_you_mean, nearest

KNOWN = ["source", "columns", "match_radius", "ra"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("sorce", "source"),
        ("SOURCE", "source"),
        ("column", "columns"),
        ("radius", "match_radius"),
        ("RA", "ra"),
        ("xyz", None),
        ("", None),
        (5, None),
    ],
)
def test_nearest(word, expected):
    assert nearest(word, KNOWN) == expected


def test_question_is_asked_only_where_a_word_is_near():
    assert did_you_mean("sorce", KNOWN) == "; did you mean 'source'?"
    assert did_you_mean("xyz", KNOWN) == ""


def test_nothing_is_near_nothing():
    assert nearest("source", []) is None
