"""``Table.astroclip`` on every kind of table; an error leaves the table as it was."""

import copy
import inspect
import pickle
import re

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table
from stubs import StubOptions

import astroclip_astro
from astroclip_astro.accessor.table_methods import TableMethods
from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.columns import COLUMNS
from astroclip_astro.errors import CatalogueError, InputError, OptionError, SourceError

NAMES = [column.name for column in COLUMNS]
PUBLIC = [name for name in dir(TableMethods) if not name.startswith("_")]
WORK = [name for name in PUBLIC if hasattr(getattr(TableMethods, name), "target")]


@pytest.fixture
def stubbed(make_job, monkeypatch):
    """Let methods use the stub source and model."""
    from astroclip_astro.annotate.setup import parse_words
    from astroclip_astro.columns import GROUPS, MODALITIES

    def check(*, source, modality=MODALITIES, columns=GROUPS, **_):
        job = make_job(
            modality=parse_words(modality, MODALITIES, "modality"),
            groups=parse_words(columns, GROUPS, "columns"),
        )
        return StubOptions(job)

    monkeypatch.setattr("astroclip_astro.annotate.table.check_options", check)


@pytest.fixture(params=[Table, QTable])
def table(request):
    return request.param(
        {"name": ["a", "b"], "ra": [10.0, 20.0] * u.deg, "dec": [1.0, 2.0] * u.deg}
    )


def test_annotate_adds_every_column_in_place(stubbed, table):
    result = table.astroclip.annotate(source="stub")
    assert result is table
    assert table.colnames == ["name", "ra", "dec", *NAMES]


@pytest.mark.parametrize(
    ("method", "present", "absent"),
    [
        ("embed", ["astroclip_image", "astroclip_spectrum"], ["astroclip_z"]),
        ("redshift", ["astroclip_z", "astroclip_z_image_err"], ["astroclip_image"]),
        ("stellar_mass", ["astroclip_logmstar_err"], ["astroclip_z"]),
    ],
)
def test_method_adds_its_columns(stubbed, table, method, present, absent):
    assert getattr(table.astroclip, method)(source="stub") is table
    assert set(present) <= set(table.colnames)
    assert not set(absent) & set(table.colnames)
    assert "astroclip_flags" in table.colnames


def test_methods_follow_each_other(stubbed, table):
    table.astroclip.embed(source="stub")
    table.astroclip.redshift(source="stub")
    assert {"astroclip_image", "astroclip_z"} <= set(table.colnames)
    assert len(set(table.colnames)) == len(table.colnames)


def test_columns_carry_unit_description_and_ucd(stubbed):
    table = Table({"ra": [31.0], "dec": [2.0]}).astroclip.annotate(source="stub")
    assert table["astroclip_separation"].unit == u.arcsec
    assert table["astroclip_z"].meta["ucd"] == "src.redshift"
    assert "simulated" in table["astroclip_z"].description
    assert table["astroclip_image"].shape == (1, 128)


def test_provenance_is_in_the_meta(stubbed, table):
    table.astroclip.annotate(source="stub")
    for key in ("ACVERS", "ACWEIGHT", "ACWSHA", "ACREF", "ACREFSIM", "ACSOURCE", "ACDATE"):
        assert table.meta[key]
    assert table.meta["ACREFSIM"] == "SIMULATED"


def test_users_columns_and_meta_stay(stubbed):
    table = Table({"ra": [31.0], "dec": [2.0], "mag": [20.1] * u.mag}, meta={"OBSERVER": "me"})
    before = copy.deepcopy(table)
    table.astroclip.annotate(source="stub")
    assert table.colnames[:3] == before.colnames
    assert table["mag"].unit == u.mag
    assert table.meta["OBSERVER"] == "me"


def test_flags_are_words(stubbed):
    table = Table({"ra": [31.0, np.nan], "dec": [2.0, 3.0]}).astroclip.annotate(source="stub")
    assert table.astroclip.flags()[1] == ["no_image", "no_spectrum", "bad_coordinates"]


def test_flags_before_annotating_say_what_to_do(table):
    with pytest.raises(CatalogueError, match="annotate"):
        table.astroclip.flags()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"source": "stub", "columns": "colour"}, InputError),
        ({"source": "stub", "ra": "nowhere", "dec": "dec"}, CatalogueError),
    ],
)
def test_error_leaves_the_table_unchanged(stubbed, table, options, error):
    names, meta = list(table.colnames), dict(table.meta)
    with pytest.raises(error):
        table.astroclip.annotate(**options)
    assert (table.colnames, dict(table.meta)) == (names, meta)


def test_failure_halfway_leaves_the_table_unchanged(stubbed, table, monkeypatch):
    def fail(*_, **__):
        raise SourceError("gone")

    monkeypatch.setattr("astroclip_astro.annotate.table.annotate_targets", fail)
    names = list(table.colnames)
    with pytest.raises(SourceError):
        table.astroclip.annotate(source="stub")
    assert table.colnames == names


def test_taken_name_is_refused_and_may_be_replaced(stubbed, table):
    table["astroclip_z"] = [1.0, 2.0]
    with pytest.raises(CatalogueError, match="astroclip_z"):
        table.astroclip.annotate(source="stub")
    table.astroclip.annotate(source="stub", overwrite=True)
    assert table["astroclip_z"][0] < 1


def test_flags_of_an_earlier_version_may_be_replaced_and_a_users_own_may_not(stubbed, table):
    table.astroclip.redshift(source="stub")
    table["astroclip_flags"].description = "words of an earlier version"
    table.astroclip.stellar_mass(source="stub")
    assert table["astroclip_flags"].description.startswith("Quality flags")
    mine = Table({"ra": [1.0] * u.deg, "dec": [2.0] * u.deg, "astroclip_flags": [7]})
    with pytest.raises(CatalogueError, match="astroclip_flags"):
        mine.astroclip.redshift(source="stub")


def test_works_on_slices_copies_and_pickles(stubbed, table):
    assert len(table[:1].astroclip.redshift(source="stub")) == 1
    assert len(table.copy().astroclip.redshift(source="stub")) == 2
    assert len(pickle.loads(pickle.dumps(table)).astroclip.redshift(source="stub")) == 2
    assert table.colnames == ["name", "ra", "dec"]


def test_works_beside_a_column_called_astroclip(stubbed, table):
    table["astroclip"] = [1, 2]
    table.astroclip.redshift(source="stub")
    assert list(table["astroclip"]) == [1, 2]


def test_works_with_a_skycoord_column(stubbed):
    table = QTable({"where": SkyCoord([110.0, 120.0], [0.0, 0.0], unit="deg").galactic})
    plain = Table({"ra": [110.0, 120.0], "dec": [0.0, 0.0]})
    table.astroclip.redshift(source="stub")
    plain.astroclip.redshift(source="stub")
    np.testing.assert_allclose(table["astroclip_z"], plain["astroclip_z"], rtol=1e-5)


def test_attribute_cannot_be_set(table):
    with pytest.raises(AttributeError, match="cannot be set"):
        table.astroclip = 1


def test_class_attribute_helps_in_notebooks():
    assert "annotate" in dir(Table.astroclip)
    assert "annotate" in dir(Table().astroclip)


def test_written_table_comes_back(stubbed, table, tmp_path):
    table.astroclip.annotate(source="stub")
    table.astroclip.write(tmp_path / "out.fits")
    again = read_catalogue(tmp_path / "out.fits")
    assert again.colnames == table.colnames
    np.testing.assert_array_equal(again["astroclip_image"], table["astroclip_image"])


def test_columns_keep_their_ucd_through_an_edit(stubbed, tmp_path):
    table = Table({"ra": [110.0, 120.0], "dec": [0.0, 0.0]}).astroclip.annotate(source="stub")
    table.astroclip.write(tmp_path / "one.fits")
    edited = read_catalogue(tmp_path / "one.fits")
    edited.remove_column("ra")
    edited.add_column([1, 2], name="first", index=0)
    edited.astroclip.write(tmp_path / "two.fits")
    again = read_catalogue(tmp_path / "two.fits")
    for column in COLUMNS:
        assert again[column.name].meta["ucd"] == column.ucd
        assert again[column.name].description.startswith(column.description)
    assert "ucd" not in again["first"].meta


def test_same_columns_and_values_as_the_command(tmp_path, monkeypatch, make_job):
    from astroclip_astro.annotate.plan import make_plan
    from astroclip_astro.annotate.run import start_run

    for module in ("astroclip_astro.annotate.plan", "astroclip_astro.annotate.table"):
        monkeypatch.setattr(f"{module}.check_options", lambda **_: StubOptions(make_job()))
    table = Table({"ra": np.linspace(1, 300, 5), "dec": np.zeros(5)})
    table.write(tmp_path / "cat.fits")
    start_run(make_plan(tmp_path / "cat.fits")).annotate()
    written = read_catalogue(tmp_path / "cat_astroclip.fits")
    table.astroclip.annotate(source="stub")
    assert written.colnames == table.colnames
    for name in NAMES:
        np.testing.assert_array_equal(written[name], table[name])


def test_provenance_names_all_columns_that_are_there(stubbed, table):
    table.astroclip.redshift(source="stub")
    table.astroclip.embed(source="stub")
    assert table.meta["ACCOLS"] == "embedding,redshift"


def test_votable_names_are_astropy_s(stubbed, table, tmp_path):
    table.astroclip.redshift(source="stub")
    table.astroclip.write(tmp_path / "out.vot")
    assert Table.read(tmp_path / "out.vot").colnames == table.colnames


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".ecsv", ".parquet"])
def test_provenance_survives_in_every_format_with_metadata(stubbed, table, tmp_path, suffix):
    table.astroclip.redshift(source="stub")
    table.astroclip.write(tmp_path / f"out{suffix}")
    again = read_catalogue(tmp_path / f"out{suffix}")
    for key in ("ACVERS", "ACWEIGHT", "ACWSHA", "ACREF", "ACREFSIM", "ACSOURCE", "ACDATE"):
        assert again.meta[key] == table.meta[key], key


def test_similar_galaxies_are_a_table_of_their_own(stubbed, table):
    table.astroclip.embed(source="stub")
    names = list(table.colnames)
    found = table.astroclip.similar(0, k=1, target="spectrum")
    assert found["name"].tolist() == ["b"]
    assert found.meta["ACAMONG"] == "spectrum"
    assert type(found) is type(table)
    assert table.colnames == names


@pytest.fixture
def handed(monkeypatch):
    """What the functions are given that do the work: by name, the table first."""
    given = []

    def work(table, **options):
        given.append((table, options))
        return "done"

    for method in WORK:
        monkeypatch.setattr(f"astroclip_astro.{getattr(TableMethods, method).target}", work)
    return given


@pytest.mark.parametrize("method", WORK)
def test_every_option_is_handed_over(handed, table, method):
    signature = inspect.signature(getattr(table.astroclip, method))
    options = {
        name: option.default if isinstance(option.default, bool) else object()
        for name, option in signature.parameters.items()
    }
    assert getattr(table.astroclip, method)(**options) == "done"
    ((found, given),) = handed
    assert found is table
    fixed = getattr(TableMethods, method).fixed
    assert given == options | fixed


@pytest.mark.parametrize(
    ("method", "group"),
    [("embed", "embedding"), ("redshift", "redshift"), ("stellar_mass", "mass")],
)
def test_methods_of_one_group_ask_for_it(handed, table, method, group):
    getattr(table.astroclip, method)()
    assert handed[0][1]["columns"] == group


@pytest.mark.parametrize("method", WORK)
def test_shift_tab_shows_every_option(table, method):
    signature = inspect.signature(getattr(table.astroclip, method))
    kinds = {option.kind for option in signature.parameters.values()}
    assert kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    assert {"source", "weights", "match_radius", "device", "cache_limit", "ra"} <= set(
        signature.parameters
    )


@pytest.mark.parametrize("method", PUBLIC)
def test_every_option_is_described(method):
    function = getattr(TableMethods, method)
    _, _, section = function.__doc__.partition("\nParameters\n----------\n")
    section = re.split(r"\n\n(?=\w+\n-+\n)", section)[0]
    entries = re.findall(r"^(\w[\w, ]*) : .+\n    +\S", section, re.MULTILINE)
    described = [name for entry in entries for name in entry.split(", ")]
    assert described == list(inspect.signature(function).parameters)[1:]


@pytest.mark.parametrize("method", PUBLIC)
def test_description_has_every_section_in_whole_sentences(method):
    text = inspect.getdoc(getattr(TableMethods, method))
    headings = ("Raises", "Examples") if method == "write" else ("Returns", "Raises", "Examples")
    assert [f"\n{heading}\n{'-' * len(heading)}\n" in text for heading in headings] == [
        True for _ in headings
    ]
    assert text.partition("\n")[0].endswith(".")


def test_wrong_option_names_the_nearest(table):
    with pytest.raises(OptionError, match=r"no option 'sorce'; did you mean 'source'\?"):
        table.astroclip.annotate(sorce="demo")


def test_wrong_option_is_a_type_error_too(table):
    with pytest.raises(TypeError, match="columns"):
        table.astroclip.annotate(source="demo", colour="red")


def test_wrong_option_of_load_model_names_the_nearest():
    with pytest.raises(OptionError, match=r"no option 'devise'; did you mean 'device'\?"):
        astroclip_astro.load_model("compact", devise="cpu")


def test_wrong_method_names_the_nearest(table):
    with pytest.raises(AttributeError, match=r"no 'anotate'; did you mean 'annotate'\?"):
        table.astroclip.anotate(source="demo")


def test_own_label_as_an_option_says_where_it_goes(table):
    with pytest.raises(OptionError, match=r"labels=\{'LABEL': 'COLUMN'\}"):
        table.astroclip.calibrate(age="AGE")


def test_own_labels_are_calibrated_beside_redshift(table, monkeypatch):
    monkeypatch.setattr(
        "astroclip_astro.annotate.recalibrate.calibrate", lambda table, known, limits: known
    )
    known = table.astroclip.calibrate(redshift="Z", labels={"age": "AGE"})
    assert known == {"redshift": "Z", "age": "AGE"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"source": None}, "source is None, none of 'archive', 'demo', an address"),
        ({"source": 5}, "source is 5, none of 'archive'"),
        ({"ra": np.zeros(2)}, r"ra is an array of shape \(2,\), expected the name of a column"),
        ({"dec": [1.0, 2.0]}, "dec is a list of 2, expected the name of a column"),
        ({"weights": None}, "weights is None, expected a string or a path"),
        ({"reference": 3}, "reference is 3, expected a string or a path"),
        ({"overwrite": "no"}, "overwrite is 'no', expected True or False"),
        ({"columns": None}, "columns is None, expected one or more of embedding, redshift"),
        ({"modality": 1}, "modality is 1, expected one or more of image, spectrum"),
    ],
)
def test_wrong_value_says_what_was_found_and_expected(table, options, words):
    with pytest.raises(InputError, match=words):
        table.astroclip.annotate(**options)


def test_column_in_place_of_its_name_is_named(table):
    with pytest.raises(InputError, match=r"did you mean ra='ra'\?"):
        table.astroclip.annotate(ra=table["ra"])


def test_option_without_a_name_is_refused(table):
    with pytest.raises(OptionError, match=r"by name only, found 'demo' .* options are source, "):
        table.astroclip.annotate("demo")


@pytest.mark.parametrize("method", ["similar", "plot_similar", "plot_attention", "plot_masked"])
@pytest.mark.parametrize("row", ["1", 1.0, -1, np.float32(1)])
def test_row_that_is_none_names_the_nearest(table, method, row):
    with pytest.raises(InputError, match=r"row is .*; did you mean row=1\?"):
        getattr(table.astroclip, method)(row)


def test_name_in_place_of_a_row_says_how_to_ask_by_name(table):
    with pytest.raises(InputError, match="to ask by a name, pass id='a'"):
        table.astroclip.similar("a")
