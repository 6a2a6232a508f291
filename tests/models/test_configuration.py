"""The configuration object counts tokens and survives JSON."""

import json

import pytest

from astroclip_astro.errors import WeightsError
from astroclip_astro.models.configuration import COMPACT, FULL, Configuration, window_count


@pytest.mark.parametrize(
    ("samples", "expected"),
    [(7780, 776), (7781, 777), (7790, 777), (7791, 778), (40, 2), (30, 1)],
)
def test_windows_are_counted_as_published(samples, expected):
    assert window_count(samples, 20, 10) == expected


def test_full_size_has_the_published_token_shape():
    assert (FULL.tokens, FULL.token_width) == (778, 22)


@pytest.mark.parametrize("config", [FULL, COMPACT])
def test_configuration_survives_json(config):
    assert Configuration.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    "change", [{"image_stretch": "log"}, {"image_block": "dense"}, {"surprise": 1}]
)
def test_unknown_values_are_refused(change):
    with pytest.raises(WeightsError, match="expected"):
        Configuration.from_dict(FULL.to_dict() | change)


def test_missing_value_is_refused():
    values = FULL.to_dict()
    del values["window"]
    with pytest.raises(WeightsError, match="window"):
        Configuration.from_dict(values)
