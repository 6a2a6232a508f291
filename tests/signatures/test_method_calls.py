"""What users pass is checked; the signature and the words that they see are whole."""

import inspect

import pytest

from astroclip_astro.errors import InputError, OptionError
from astroclip_astro.signatures.method_calls import checked, handed_to


@checked
def annotate(row, *, source="archive", columns="all", overwrite=False):
    """Add columns.

    Parameters
    ----------
    row : int
        Row of the table.
    overwrite : bool
        Own words.

    Returns
    -------
    tuple
        What was passed.
    """
    return row, source, columns, overwrite


@checked
def nothing():
    """Return nothing."""


def test_what_fits_is_passed_on():
    assert annotate(3, source="demo", overwrite=True) == (3, "demo", "all", True)
    assert annotate(row=3) == (3, "archive", "all", False)


def test_signature_stays():
    assert str(inspect.signature(annotate)) == (
        "(row, *, source='archive', columns='all', overwrite=False)"
    )


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ((1,), {"sorce": 2}, r"annotate\(\) has no option 'sorce'; did you mean 'source'\?"),
        ((1,), {"SOURCE": 2}, r"did you mean 'source'\?"),
        ((1,), {"xyz": 2}, r"no option 'xyz'; it has row, source, columns, overwrite\."),
        ((1, "demo"), {}, r"by name only, found 'demo' .*row, source, columns, overwrite\."),
        ((), {"source": "demo"}, r"missing a required argument: 'row'"),
        ((1,), {"row": 2}, r"multiple values for argument 'row'"),
        ((1,), {"overwrite": 1}, r"overwrite is 1, expected True or False"),
    ],
)
def test_what_does_not_fit_is_refused(args, options, words):
    with pytest.raises(OptionError, match=words) as caught:
        annotate(*args, **options)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, InputError)


def test_what_takes_nothing_says_so():
    with pytest.raises(OptionError, match=r"nothing\(\) takes nothing, found 5\."):
        nothing(5)
    with pytest.raises(OptionError, match="it has no options"):
        nothing(colour="red")


def test_hint_is_given_where_nothing_is_near():
    @checked(hint="put it into labels")
    def calibrate(*, redshift=None):
        """Calibrate."""

    with pytest.raises(OptionError, match="no option 'age'; put it into labels"):
        calibrate(age="AGE")
    with pytest.raises(OptionError, match="did you mean 'redshift'"):
        calibrate(redshfit="Z")


def test_error_of_the_function_itself_is_left_alone():
    @checked
    def broken():
        """Fail."""
        raise TypeError("of its own")

    with pytest.raises(TypeError, match=r"^of its own$") as caught:
        broken()
    assert not isinstance(caught.value, OptionError)


def test_shared_options_are_described_in_order_of_the_signature():
    lines = annotate.__doc__.splitlines()
    entries = [line for line in lines if " : " in line and not line.startswith(" ")]
    assert entries == ["row : int", "source : str, path or Source", "overwrite : bool"]
    assert lines[lines.index("overwrite : bool") + 1] == "    Own words."
    assert lines[-3:] == ["-------", "tuple", "    What was passed."]


def test_options_are_described_where_no_other_is():
    @checked
    def embed(*, device="auto"):
        """Embed.

        Returns
        -------
        int
        """

    assert embed.__doc__.startswith("Embed.\n\nParameters\n----------\ndevice : {")
    assert embed.__doc__.endswith("\n\nReturns\n-------\nint")


def test_function_without_options_keeps_its_words():
    assert nothing.__doc__ == "Return nothing."


class Methods:
    """With a table, as methods of a table have it."""

    _table = "the table"

    @handed_to("similar.search.similar", k=3)
    def alike(self, row=None, *, within="table"):
        """Find."""


def test_method_hands_over_the_table_first(monkeypatch):
    monkeypatch.setattr(
        "astroclip_astro.similar.search.similar", lambda *args, **options: (args, options)
    )
    assert Methods().alike(2) == (("the table",), {"row": 2, "within": "table", "k": 3})


def test_function_hands_over_what_it_was_given(monkeypatch):
    @handed_to("models.model.load_model")
    def load(name="compact"):
        """Load."""

    monkeypatch.setattr("astroclip_astro.models.model.load_model", lambda **options: options)
    assert load("mine") == {"name": "mine"}
