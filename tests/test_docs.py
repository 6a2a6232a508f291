"""The pages say what the code does: options, columns, flags, numbers."""

import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from astroclip_astro.annotate.pipeline import CHUNK_ROWS, NOVELTY_LIMIT
from astroclip_astro.cli.annotate import annotate
from astroclip_astro.columns import COLUMNS, FLAG_GROUPS, label_columns
from astroclip_astro.evaluate.table import ROWS
from astroclip_astro.flags import FLAGS, Flag
from astroclip_astro.models.checkpoint import load_weights
from astroclip_astro.search.exact import K
from astroclip_astro.simulate import FIELDS, RATES
from astroclip_astro.zeroshot.reference import Reference

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(set(DOCS.rglob("*.md")) - set(DOCS.glob("_build/**/*")))]
OPTIONS = [
    param
    for param in annotate.get_params(click.Context(annotate, **annotate.context_settings))
    if param.opts[0][0] == "-"
]
WAYS = ("image", "spectrum", "photometry")
CARD = {
    "name": "tiny",
    "parameters": 1234567,
    "stored": "float32",
    "sha256": "ab" * 32,
    "training": {
        "simulated": True,
        "data": "7 SIMULATED galaxies",
        "stages": {"align": {"steps": 4321, "batch_size": 99, "minutes": 12.5, "task": "agree"}},
        "labels_in_loss": "none at all",
        "range": {"median_flux": [0.125, 88.5]},
    },
    "scores": {
        "what": "R2 of something",
        "image_r2_redshift": 0.111,
        "image_r2_log_stellar_mass": 0.222,
        "image_sigma_nmad": 0.0777,
        "image_outliers": 0.0888,
        "real_galaxies": 17,
        "real_median_dz": 0.0333,
        "real_within_0.05": 5,
        "surprise": 0.444,
    },
}


@pytest.fixture
def columns_directive(monkeypatch):
    """The Sphinx extension that writes columns and flags."""
    monkeypatch.syspath_prepend(str(DOCS))
    import columns_directive

    return columns_directive


@pytest.fixture
def card_directive(monkeypatch):
    """The Sphinx extension that writes what weights say about themselves."""
    monkeypatch.syspath_prepend(str(DOCS))
    import card_directive

    return card_directive


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


def rows_of(table, first):
    """Cells of the rows of a Markdown table whose first cell is this."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    cells = [[cell.strip() for cell in row] for row in rows]
    return [row for row in cells if row[0] == first]


@pytest.mark.parametrize("option", [name for param in OPTIONS for name in param.opts])
def test_option_is_documented(option):
    assert f"`{option}`" in read("command.md")


def test_documented_options_exist():
    known = {name for param in OPTIONS for name in param.opts}
    assert set(re.findall(r"`(--?[a-z][a-z-]*)`", read("command.md"))) <= known


@pytest.mark.parametrize(
    "param",
    [param for param in OPTIONS if isinstance(param.default, str | float) and not param.is_flag],
    ids=lambda param: param.name,
)
def test_default_is_documented(param):
    line = next(line for line in read("command.md").splitlines() if f"`{param.opts[-1]}` |" in line)
    assert line.split("|")[2].strip() == f"`{param.default}`"


@pytest.mark.parametrize("param", OPTIONS, ids=lambda param: param.name)
def test_choices_are_documented(param):
    page = read("command.md")
    for choice in getattr(param.type, "choices", ()):
        assert f"`{choice}`" in page


@pytest.mark.parametrize("status", ["0", "2", "3", "130"])
def test_exit_status_is_documented(status):
    assert f"\n| {status} | " in read("command.md")


@pytest.mark.parametrize(
    "column", [*COLUMNS, *label_columns("LABEL")], ids=lambda column: column.name
)
def test_column_is_rendered(columns_directive, column):
    (row,) = rows_of(columns_directive.columns_table(), f"`{column.name}`")
    assert row[2:4] == [column.unit or "", column.ucd]
    assert row[4].startswith(column.description)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("astroclip_image", "float32[128]"),
        ("astroclip_desi_zwarn", "int64"),
        ("astroclip_desi_spectype", "string, 6"),
    ],
)
def test_type_is_rendered(columns_directive, name, words):
    (row,) = rows_of(columns_directive.columns_table(), f"`{name}`")
    assert row[1] == words


@pytest.mark.parametrize("bit", FLAGS, ids=lambda bit: bit.flag.word)
def test_flag_is_rendered(columns_directive, bit):
    (row,) = rows_of(columns_directive.flags_table(), str(int(bit.flag)))
    owner = ", ".join(FLAG_GROUPS[bit.flag]) or "row"
    assert row == [str(int(bit.flag)), f"`{bit.flag.word}`", owner, bit.meaning, bit.advice]


def test_every_flag_is_rendered(columns_directive):
    assert len(columns_directive.flags_table().splitlines()) == 2 + len(Flag)


def test_bar_in_a_cell_does_not_split_it(columns_directive):
    table = columns_directive.markdown_table(["a"], [["|x|"]])
    assert rows_of(table, r"\|x\|") == [[r"\|x\|"]]


@pytest.mark.parametrize(
    "fact",
    [
        *("tiny", "1,234,567", "float32", "ab" * 32, "7 SIMULATED", "agree", "4,321", "99"),
        *("12.5", "none at all", "0.125", "88.5", "median of the spectrum"),
    ],
)
def test_fact_of_the_training_is_rendered(card_directive, fact):
    assert fact in card_directive.training_text(CARD)


@pytest.mark.parametrize("score", CARD["scores"].values())
def test_score_is_rendered(card_directive, score):
    assert str(score) in card_directive.scores_text(CARD)


def test_scores_of_real_galaxies_are_called_real(card_directive):
    assert "17 real DESI galaxies" in card_directive.scores_text(CARD)


def test_each_real_galaxy_is_rendered(card_directive):
    galaxies = [{"object": "one", "redshift": 0.1234}, {"object": "two", "redshift": 0.4321}]
    text = card_directive.scores_text(CARD | {"scores": CARD["scores"] | {"real": galaxies}})
    assert "real" in text
    assert rows_of(text, "one") == [["one", "0.1234"]]
    assert rows_of(text, "two") == [["two", "0.4321"]]


def test_card_without_scores_says_so(card_directive):
    assert card_directive.scores_text(CARD | {"scores": {}}) == "The card has no scores."


def test_range_of_the_reference_is_rendered(card_directive):
    blank = np.zeros((101, 128), np.float32)
    labels = {"redshift": np.linspace(0, 0.5, 101), "log_stellar_mass": np.linspace(8, 12, 101)}
    reference = Reference(
        name="r", image=blank, spectrum=blank, labels=labels, simulated=True, description="Ours"
    )
    text = card_directive.reference_range(reference)
    assert text.startswith("Ours.")
    assert rows_of(text, "redshift") == [["redshift", "0.000", "0.005", "0.250", "0.495", "0.500"]]


def test_pages_use_the_directives():
    assert {"{output-columns}", "{flag-bits}"} <= set(re.findall(r"{[a-z-]+}", read("columns.md")))
    directives = {"{weights-scores} compact", "{weights-training} compact"}
    assert directives <= set(re.findall(r"{[a-z-]+} compact", read("numbers.md")))


@pytest.mark.parametrize(
    "command",
    [
        "pip install . && astroclip-annotate catalogs/demo.fits --source demo",
        "pip install '.[test]' && pytest",
    ],
)
def test_readme_begins_with_the_command(command):
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert command in lines[:30]


def test_readme_has_the_scores_of_the_card():
    scores = load_weights("compact")[1]["scores"]
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    z, mass = (
        {way: f"{scores[f'{way}_r2_{label}']:.0%}".replace("%", " %") for way in WAYS}
        for label in ("redshift", "log_stellar_mass")
    )
    assert (
        f"the spectrum explains {z['spectrum']} of the variance of redshift and {mass['spectrum']} "
        f"of that of mass, the image {z['image']} and {mass['image']}; g, r, z photometry alone "
        f"{z['photometry']} and {mass['photometry']}"
    ) in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_is_finished(page):
    assert "TODO" not in page.read_text(encoding="utf-8").upper()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_names_only_columns_that_exist(page):
    names = {column.name for column in (*COLUMNS, *label_columns("LABEL"))}
    families = {name.removesuffix("z") for name in names}  # "the astroclip_desi_ columns"
    vectors = {"astroclip_image_0", "astroclip_image_127"}  # in CSV
    text = page.read_text(encoding="utf-8")
    found = set(re.findall(r"\bastroclip_(?!astro\b)\w+", text))
    assert found <= names | families | vectors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_tests_only_bits_that_exist(page):
    expressions = re.findall(r"astroclip_flags & \(?([\d +]+)", page.read_text(encoding="utf-8"))
    bits = {int(bit) for expression in expressions for bit in re.findall(r"\d+", expression)}
    assert bits <= {int(flag) for flag in Flag}


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("command.md", f"chunks of {CHUNK_ROWS}."),
        ("how_it_works.md", f"chunks of {CHUNK_ROWS} rows"),
        ("performance.md", f"chunks of {CHUNK_ROWS} rows"),
        ("decisions/002-resuming-by-chunks.md", f"chunks of {CHUNK_ROWS}."),
        ("how_it_works.md", f"k = {K}"),
        ("numbers.md", f"the {K} most similar"),
        ("numbers.md", f"above {NOVELTY_LIMIT}"),
        ("python.md", f"At least {K + 1} galaxies"),
        ("reference_sets.md", f"(k = {K},"),
        ("reference_sets.md", f"{K + 1} with an image and {K + 1} with a spectrum"),
    ],
)
def test_number_is_that_of_the_code(page, words):
    assert words in read(page)


@pytest.mark.slow
def test_pages_build_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    result = subprocess.run(
        [*command, "-d", str(tmp_path / "trees"), str(DOCS), str(tmp_path / "html")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "html" / "columns.html").read_text(encoding="utf-8")
    assert all(f">{column.name}<" in page for column in COLUMNS)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_dataset_of_a_survey_is_described(name):
    assert f"`{name}`" in (DOCS / "simulation.md").read_text()


@pytest.mark.parametrize("bit", RATES, ids=lambda bit: bit.name)
def test_every_artefact_is_described(bit, columns_directive):
    (row,) = rows_of(columns_directive.artefacts_table(), str(bit.value))
    assert f"`{bit.name}`" in row


@pytest.fixture
def report_directive(monkeypatch):
    """The module that renders the report of the bundled weights."""
    monkeypatch.syspath_prepend(str(DOCS))
    import report_directive

    return report_directive


@pytest.fixture
def few_numbers(report_directive, tmp_path):
    """A report of two rows."""
    path = tmp_path / "numbers.csv"
    path.write_text(
        "section,row,quantity,value,low,high\n"
        "table1,photometry_mlp,r2_redshift,0.7,0.69,0.71\n"
        "table1,photometry_mlp,r2_log_stellar_mass,0.66,0.65,0.67\n"
        "table1,image_knn,r2_redshift,0.6,0.59,0.61\n"
        "table1,image_knn,r2_log_stellar_mass,0.68,0.65,0.7\n"
        "coverage_bins,redshift by magnitude 1,galaxies,400,,\n"
        "coverage_bins,redshift by magnitude 1,covered_68,0.7,0.65,0.75\n"
        "coverage_bins,redshift by magnitude 1,covered_95,0.89,0.85,0.91\n"
    )
    return report_directive.read_numbers(path)


def test_table_has_ours_beside_the_paper_s(report_directive, few_numbers):
    text = report_directive.table_text(few_numbers, "redshift")
    assert rows_of(text, "`image_knn`")[0][1:3] == ["0.600 [0.590, 0.610]", "0.71"]


def test_page_says_where_we_fall_short(report_directive, few_numbers):
    lines = report_directive.shortfall_text(few_numbers).splitlines()
    assert lines == [
        "- redshift, `image_knn`: 0.600, below the paper's 0.71 and photometry's 0.700"
    ]


def test_page_says_how_far_bins_are_off(report_directive, few_numbers):
    text = report_directive.bins_text(few_numbers)
    assert "- 68 %: from +2.0 to +2.0 points off; 1 of 1 bins within 5 points" in text
    assert "- 95 %: from -6.0 to -6.0 points off; 0 of 1 bins within 5 points" in text


def test_section_is_rendered(report_directive, few_numbers):
    text = report_directive.section_text(few_numbers, "coverage_bins")
    (row,) = rows_of(text, "`redshift by magnitude 1`")
    assert row[1:] == ["400", "0.700 [0.650, 0.750]", "0.890 [0.850, 0.910]"]


def test_report_is_of_the_bundled_weights(report_directive):
    numbers = report_directive.read_numbers()
    assert {"table1", "retrieval", "coverage", "coverage_bins", "novelty"} <= set(numbers)
    assert numbers["about"]["SIMULATED"]["simulated"][0] == "1"
    assert set(numbers["table1"]) == set(ROWS)
    scores = load_weights("compact")[1]["scores"]
    for row, way in (("spectrum_knn", "spectrum"), ("image_knn", "image")):
        for label in ("redshift", "log_stellar_mass"):
            ours = float(numbers["table1"][row][f"r2_{label}"][0])
            assert ours == pytest.approx(scores[f"{way}_r2_{label}"], abs=0.02)  # a few more
