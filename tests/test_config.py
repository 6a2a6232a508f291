"""Defaults are the same in the methods, the functions that do the work, and the commands."""

import inspect

import pytest

from astroclip_astro import config, load_model
from astroclip_astro.accessor.table_methods import TableMethods
from astroclip_astro.annotate.setup import check_options
from astroclip_astro.annotate.table import annotate
from astroclip_astro.cli.annotate import annotate as annotate_command
from astroclip_astro.cli.search import search as search_command
from astroclip_astro.config import Conf
from astroclip_astro.fetch.open import open_source
from astroclip_astro.interpret.plots import plot_attention, plot_masked
from astroclip_astro.interpret.spectrum import fetch_spectrum
from astroclip_astro.models.model import load_model as load
from astroclip_astro.similar.options import DataOptions, MatchOptions, QueryOptions
from astroclip_astro.similar.plot import plot_similar
from astroclip_astro.similar.search import similar

WORK = {  # method -> the functions that its options reach
    "annotate": (annotate, check_options, open_source),
    "embed": (annotate, check_options, open_source),
    "redshift": (annotate, check_options, open_source),
    "stellar_mass": (annotate, check_options, open_source),
    "similar": (similar, QueryOptions, MatchOptions, DataOptions),
    "plot_attention": (plot_attention, fetch_spectrum, open_source),
    "plot_masked": (plot_masked, fetch_spectrum, open_source),
    "plot_similar": (plot_similar, QueryOptions, MatchOptions, DataOptions),
}
DEFAULTS = {
    "source": config.SOURCE,
    "columns": config.COLUMN_GROUPS,
    "modality": config.MODALITY,
    "weights": config.WEIGHTS,
    "match_radius": config.MATCH_RADIUS,
    "device": config.DEVICE,
    "precision": config.PRECISION,
}
TABLE_NAMES_THEM = ("similar", "plot_similar")  # weights; nothing is fetched unasked by the former


def defaults_of(function):
    """Options of a function with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty}


def defaults_of_command(command):
    """Options of a command with the values that they have where none is given."""
    given = command.make_context(command.name, ["mine.fits"]).params
    for name in given.keys() & {"columns", "modality"}:
        given[name] = tuple(given[name].split(","))
    return given


@pytest.mark.parametrize("method", WORK)
def test_methods_have_the_shared_defaults(method):
    found = defaults_of(getattr(TableMethods, method))
    expected = dict(DEFAULTS)
    if method in TABLE_NAMES_THEM:
        expected["weights"] = None
    if method == "similar":
        expected["source"] = None
    shared = found.keys() & expected.keys()
    assert {"source", "weights", "match_radius", "device", "precision"} <= shared
    assert {name: found[name] for name in shared} == {name: expected[name] for name in shared}


@pytest.mark.parametrize("method", WORK)
def test_functions_have_the_defaults_of_their_method(method):
    ours = defaults_of(getattr(TableMethods, method))
    reached = set(getattr(TableMethods, method).fixed)
    for function in WORK[method]:
        theirs = defaults_of(function)
        if method == "plot_similar" and function in (MatchOptions, DataOptions):
            theirs = {name: theirs[name] for name in theirs.keys() - {"k", "source"}}
        both = ours.keys() & theirs.keys() - reached  # what was passed on by a function above
        assert {name: theirs[name] for name in both} == {name: ours[name] for name in both}
        reached |= inspect.signature(function).parameters.keys()
    assert ours.keys() <= reached


def test_model_is_loaded_with_the_shared_defaults():
    expected = {name: DEFAULTS[name] for name in ("device", "precision")}
    expected["name"] = DEFAULTS["weights"]
    assert defaults_of(load_model) == defaults_of(load) == expected


@pytest.mark.parametrize("name", sorted(defaults_of(check_options)))
def test_command_has_the_defaults_of_the_method(name):
    ours = defaults_of(TableMethods.annotate)
    assert (
        ours[name]
        == defaults_of(check_options)[name]
        == defaults_of_command(annotate_command)[name]
    )


@pytest.mark.parametrize(
    "name", ["k", "match_radius", "device", "precision", "weights", "source", "cache", "reference"]
)
def test_search_has_the_defaults_of_the_method(name):
    assert defaults_of(TableMethods.similar)[name] == defaults_of_command(search_command)[name]


@pytest.mark.parametrize("name", sorted(config.OPTION_DESCRIPTIONS))
def test_words_are_of_an_option_that_there_is(name):
    assert any(name in defaults_of(getattr(TableMethods, method)) for method in WORK)


@pytest.mark.parametrize("name", ["layer", "release", "jobs", "cache_limit"])
def test_words_have_the_default_of_the_configuration(name):
    assert str(getattr(Conf, name).defaultvalue) in config.OPTION_DESCRIPTIONS[name]
