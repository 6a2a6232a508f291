"""``astroclip-evaluate`` from the shell's side."""

import csv
import json
import re
import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from astroclip_astro.cli.evaluate import evaluate as evaluate_command, main
from astroclip_astro.errors import AstroclipError

h5py = pytest.importorskip("h5py")
FILES = ["index.html", "numbers.csv", "predictions.csv"]
ROWS = {
    "photometry_mlp", "photometry_knn", "image_knn", "spectrum_knn", "image_mlp", "spectrum_mlp",
    "cross_knn",
}  # fmt: skip
COVERAGE = {f"{label} {way}" for label in ("redshift", "log_stellar_mass")
            for way in ("image", "spectrum", "best")}  # fmt: skip
FIGURES = {
    *("predictions_redshift", "predictions_log_stellar_mass", "pit_redshift"),
    *("pit_log_stellar_mass", "ranks", "retrieval_1", "retrieval_2", "attention_1", "attention_2"),
}
STRANGERS = {"star", "quasar", "blank", "artefact", "distant", "noise"}


@pytest.fixture
def evaluate(run_command, labelled_file, tiny_weights, tmp_path, monkeypatch):
    """Return a function that evaluates the tiny weights into report/, the quick parts."""
    monkeypatch.setattr("astroclip_astro.evaluate.predictors.ENSEMBLE_SIZE", 1)
    command = partial(run_command, "astroclip-evaluate", main, "-o", tmp_path / "report")

    def run(*options, data=labelled_file, weights=tiny_weights, quickly=True):
        small = ("--device", "cpu", "--holdout", 0.3, "--resamples", 20)
        quick = ("--strangers", 0, "--no-figures") if quickly else ()
        return command("--data", data, "--weights", weights, *small, *quick, *options)

    run.bare = command
    return run


@pytest.fixture
def table(tmp_path):
    """A table of magnitudes in five fields; redshift is a function of colour."""
    rng = np.random.default_rng(1)
    colour = rng.uniform(0, 1, 400)
    path = tmp_path / "mags.csv"
    Table(
        {
            "mag_g": 19 + 2 * colour,
            "mag_r": 19 + colour,
            "mag_z": 18.5 + 0 * colour,
            "z": colour / 2,
            "field": np.arange(400) % 5,
        }
    ).write(path)
    return path


def numbers(folder):
    with (folder / "numbers.csv").open() as file:
        return {(one["section"], one["row"], one["quantity"]): one for one in csv.DictReader(file)}


def rows_of(found, section):
    return {row for name, row, _ in found if name == section}


def test_report_has_every_row_and_says_simulated(evaluate, tmp_path):
    result = evaluate("--holdout-by", "tile")
    assert result.status == 0, result.err
    folder = tmp_path / "report"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    found = numbers(folder)
    assert rows_of(found, "table1") == ROWS
    assert rows_of(found, "retrieval") == {
        "image_to_spectrum", "spectrum_to_image", "image", "spectrum"
    }  # fmt: skip
    assert rows_of(found, "coverage") == COVERAGE
    assert {section for section, *_ in found} == {"about", "table1", "retrieval", "coverage"}
    assert found["about", "SIMULATED", "simulated"]["value"] == "1"
    page = (folder / "index.html").read_text()
    assert "All galaxies are SIMULATED" in page
    assert "trained on SIMULATED galaxies" in page
    assert "SIMULATED galaxies of survey.h5" in result.out
    assert "cross_knn" in result.out
    assert "Calibration on simulated galaxies is no calibration on real ones." in page
    assert "<img" not in page
    assert "Coverage in bins" not in page  # too few galaxies


@pytest.fixture
def objects(tmp_path_factory):
    """A table of spectra: five stars, and two galaxies far away."""
    flux = np.random.default_rng(1).normal(3, 1, (7, 7781))
    kind, redshift = ["STAR"] * 5 + ["GALAXY"] * 2, [0.0] * 5 + [0.9] * 2
    path = tmp_path_factory.mktemp("objects") / "objects.fits"
    Table({"FLUX": flux, "IVAR": np.ones_like(flux), "SPECTYPE": kind, "Z": redshift}).write(path)
    return path


@pytest.mark.slow
def test_all_of_it(evaluate, tmp_path, tiny_weights, objects, monkeypatch):
    """Simulated objects and those of a table, the encoder before alignment, losses, figures."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("astroclip_astro.evaluate.coverage.MIN_GALAXIES_PER_BIN", 12)
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(tiny_weights, run / "weights.safetensors")
    card = json.loads(tiny_weights.with_suffix(".json").read_text())
    del card["card_sha256"]  # as one of an earlier version, which may be changed
    card["training"]["stages"] = {"spectrum": {}}
    (run / "weights.json").write_text(json.dumps(card))
    (run / "log.csv").write_text("step,loss\n1,3\n2,2\n")
    result = evaluate(
        *("--strangers", 3, "--objects", objects, "--unaligned", run, "--losses", run),
        quickly=False,
    )
    assert result.status == 0, result.err
    folder = tmp_path / "report"
    found = numbers(folder)
    counts = {f"simulated {kind}": 3 for kind in STRANGERS}
    counts |= {"real star": 5, "real galaxy, z > 0.8": 2}
    assert rows_of(found, "novelty") == {*counts}
    for kind, count in counts.items():
        assert float(found["novelty", kind, "objects"]["value"]) == count
        ways = {what for section, row, what in found if (section, row) == ("novelty", kind)}
        both = {"auc_image", "auc_either"} if kind.startswith("simulated") else set()
        assert ways == {"objects", "auc_spectrum"} | both
        assert 0 <= float(found["novelty", kind, "auc_spectrum"]["value"]) <= 1
    bins = rows_of(found, "coverage_bins")
    assert {f"redshift by {name} 1" for name in ("magnitude", "predicted value")} < bins
    figures = FIGURES | {"losses", "masked_1", "masked_2"}
    figures |= {"coverage_redshift", "coverage_log_stellar_mass"}
    figures |= {"novelty_image", "novelty_spectrum", "novelty_either"}
    files = {f"{name}.{kind}" for name in figures for kind in ("png", "pdf")}
    assert {path.name for path in folder.iterdir()} == {*FILES, *files}
    page = (folder / "index.html").read_text()
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sorted(named) == sorted([*files, *FILES[1:]])
    assert "<td>objects.fits</td>" in page


def test_objects_of_a_kind_that_is_simulated_too_are_kept_apart(evaluate, tmp_path, objects):
    table = Table.read(objects)
    table.meta["SIMULATD"] = True
    table.write(objects, overwrite=True)
    options = ("-q", "--strangers", 1, "--objects", objects)
    assert evaluate(*options).status == 0
    found = numbers(tmp_path / "report")
    assert found["novelty", "simulated star", "objects"]["value"] == "1"
    assert found["novelty", "simulated star of objects.fits", "objects"]["value"] == "5"


def test_without_the_extra_nothing_is_simulated_unless_asked(evaluate, tmp_path, monkeypatch):
    def lacking():
        raise AstroclipError("Simulating needs the package 'bagpipes', which is not installed")

    def embed(*_, **__):
        raise AssertionError("galaxies were embedded first")

    monkeypatch.setattr("astroclip_astro.simulate.packages.versions", lambda: {"a": "missing"})
    monkeypatch.setattr("astroclip_astro.simulate.load_templates", lacking)
    result = evaluate("--no-figures", quickly=False)
    assert result.status == 0
    assert "Novelty is not tested with simulated objects; that needs the extra" in result.err
    assert "novelty" not in {section for section, *_ in numbers(tmp_path / "report")}
    result = evaluate("--no-figures", "-q", "--overwrite", quickly=False)
    assert (result.status, result.out, result.err) == (0, "", "")
    monkeypatch.setattr("astroclip_astro.models.model.Model.embed_spectra", embed)
    result = evaluate("--strangers", 1, "-q", "--overwrite")
    assert result.status == 2
    assert "needs the package 'bagpipes'" in result.err
    assert "--out-of-distribution 0" in result.err


def test_without_matplotlib_nothing_is_embedded_in_vain(evaluate, tmp_path, monkeypatch):
    def embed(*_, **__):
        raise AssertionError("galaxies were embedded first")

    for name in {"matplotlib", *sys.modules}:
        if name.split(".")[0] == "matplotlib":
            monkeypatch.setitem(sys.modules, name, None)
    assert evaluate("-q").status == 0
    monkeypatch.setattr("astroclip_astro.models.model.Model.embed_spectra", embed)
    result = evaluate("-q", "--figures", "--overwrite")
    assert result.status == 2
    assert "--no-figures" in result.err
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == FILES


def test_told_galaxies_are_those_held_out(evaluate, tmp_path, labelled_file):
    assert evaluate("--holdout-by", "tile", "-q").status == 0
    with (tmp_path / "report" / "predictions.csv").open() as file:
        lines = list(csv.DictReader(file))
    with h5py.File(labelled_file) as file:
        tile, redshift = file["tile"][:], file["redshift"][:]
    rows = [int(one["row"]) for one in lines]
    held = {*tile[rows]}
    lacking = {3, 4, 6, 7, 8, 50}  # label, image or spectrum
    assert rows == [row for row in range(120) if tile[row] in held and row not in lacking]
    np.testing.assert_allclose([float(one["z_true"]) for one in lines], redshift[rows], rtol=1e-5)
    assert {one["data"] for one in lines} == {"SIMULATED"}
    assert list(lines[0]) == [
        *("row", "z_true", "z", "z_lo68", "z_hi68", "z_lo95", "z_hi95"),
        *("logmstar_true", "logmstar", "logmstar_lo68", "logmstar_hi68", "logmstar_lo95"),
        *("logmstar_hi95", "z_other", "data"),
    ]
    assert all(float(one["z_lo68"]) <= float(one["z"]) <= float(one["z_hi68"]) for one in lines)


def test_same_seed_same_numbers(evaluate, tmp_path):
    texts = []
    for seed in (1, 1, 2):
        assert evaluate("-q", "--seed", seed, "--overwrite").status == 0
        texts.append((tmp_path / "report" / "numbers.csv").read_text())
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_rows_before_alignment_are_those_of_the_cards(evaluate, tmp_path, tiny_weights):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(tiny_weights, run / "weights.safetensors")
    card = json.loads(tiny_weights.with_suffix(".json").read_text())
    del card["card_sha256"]  # as one of an earlier version, which may be changed
    stages = {"image": {"unaligned_image_mlp"}, "spectrum": {"unaligned_spectrum_knn"}}
    for stage, extra in stages.items():
        card["training"]["stages"] = {stage: {}}
        (run / "weights.json").write_text(json.dumps(card))
        assert evaluate("-q", "--unaligned", run, "--overwrite").status == 0
        assert rows_of(numbers(tmp_path / "report"), "table1") == ROWS | extra


def test_file_without_photometry_has_no_such_rows(evaluate, labelled_file, tmp_path):
    data = tmp_path / "bare.h5"
    shutil.copy(labelled_file, data)
    with h5py.File(data, "r+") as file:
        del file["flux"], file.attrs["SIMULATED"]
    assert evaluate("-q", data=data).status == 0
    assert rows_of(numbers(tmp_path / "report"), "table1") == {
        row for row in ROWS if "photometry" not in row
    }
    assert "do not say whether" in (tmp_path / "report" / "index.html").read_text()


def test_photometry_alone_needs_a_table_only(evaluate, table, tmp_path):
    result = evaluate.bare(
        "--photometry", table, "--holdout", 0.2, "--holdout-by", "field", "--resamples", 20
    )
    assert result.status == 0, result.err
    found = numbers(tmp_path / "report")
    assert rows_of(found, "table1") == {"photometry_mlp", "photometry_knn"}
    assert {section for section, *_ in found} == {"about", "table1"}
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == FILES
    with (tmp_path / "report" / "predictions.csv").open() as file:
        assert {(one["z_lo68"], one["z_hi95"]) for one in csv.DictReader(file)} == {("", "")}
    assert float(found["table1", "photometry_mlp", "r2_redshift"]["value"]) > 0.9
    assert found["about", "unknown", "test_galaxies"]["value"] == "80"
    assert "AB magnitudes" in (tmp_path / "report" / "index.html").read_text()
    assert "photometry_mlp" in result.out


def test_columns_can_be_named(evaluate, table, tmp_path):
    bands = Table.read(table)
    for name, other in zip(("mag_g", "mag_r", "mag_z", "z"), "abcd", strict=True):
        bands.rename_column(name, other)
    bands.write(table, overwrite=True)
    options = ("--photometry", table, "--holdout-by", "field", "--holdout", 0.2, "-q")
    assert "--columns g=NAME" in evaluate.bare(*options).err
    columns = ("--columns", "g=a,r=b,z=c,redshift=d")
    assert "--unit" in evaluate.bare(*options, *columns).err
    assert evaluate.bare(*options, *columns, "--unit", "mag", "--resamples", 0).status == 0
    found = numbers(tmp_path / "report")
    assert float(found["table1", "photometry_knn", "r2_redshift"]["value"]) > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--holdout", "0"], "--holdout is 0"),
        (["--holdout", "2"], "between 0 and 1"),
        (["--holdout-by", "rosette"], "no dataset 'rosette'"),
        (["--galaxies", "5"], "expected more than 16"),
        (["--seed", "-1"], "expected 0 or more"),
        (["--resamples", "-1"], "expected 0 or more"),
        (["--strangers", "-1"], "expected 0 or more"),
        (["--objects", "nowhere.fits"], "Objects nowhere.fits cannot be read"),
        (["--figures", "--losses", "nowhere"], "nowhere holds no log.csv"),
        (["--losses", "nowhere"], "--losses has no effect with --no-figures"),
        (["--photometry", "t.csv"], "one of the two"),
        (["--unit", "mag"], "--unit has no effect with --data"),
        (["--unaligned", "nowhere"], "Unknown weights 'nowhere'"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(evaluate, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)

    def embed(*_, **__):
        raise AssertionError("galaxies were embedded first")

    monkeypatch.setattr("astroclip_astro.models.model.Model.embed_images", embed)
    result = evaluate("-q", *options)
    assert result.status == 2
    assert len(result.err.splitlines()) == 1
    assert re.search(message, result.err)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "option",
    [
        *(("--weights", "compact"), ("--out-of-distribution", 3), ("--objects", "t.fits")),
        *(("--losses", "run"), ("--no-figures",), ("--figures",)),
    ],
)
def test_options_of_embeddings_do_nothing_with_photometry(evaluate, table, option):
    result = evaluate.bare("--photometry", table, *option)
    assert result.status == 2
    name = option[0].replace("--no-", "--")
    assert f"{name} has no effect with --photometry" in result.err


def test_report_that_is_there_is_kept_unless_told(evaluate, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "numbers.csv").write_text("mine")
    result = evaluate("-q")
    assert result.status == 2
    assert "--overwrite" in result.err
    assert (tmp_path / "report" / "numbers.csv").read_text() == "mine"


def test_interrupt_writes_nothing(evaluate, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("astroclip_astro.models.model.Model.embed_spectra", interrupt)
    assert evaluate("-q").status == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_ends_the_drawing_leaves_nothing(evaluate, tmp_path, monkeypatch, error):
    pytest.importorskip("matplotlib")

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    result = evaluate("-q", "--figures")
    assert result.status == (130 if isinstance(error, KeyboardInterrupt) else 2)
    assert ("No space left" in result.err) is isinstance(error, OSError)
    assert not list(tmp_path.iterdir())


def test_every_option_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    names = [(*param.opts, *param.secondary_opts) for param in evaluate_command.params]
    options = {name for some in names for name in some if name[0] == "-"}
    assert {f"`{name}`" for name in options} <= set(re.findall(r"`--?[a-z][a-z-]*`", page))
    for param in evaluate_command.params:
        flag = getattr(param, "is_flag", False)
        if isinstance(param.default, str | float | int) and param.default != "" and not flag:
            row = next(
                line for line in page.splitlines() if f"`{param.opts[-1]}`" in line and "|" in line
            )
            assert row.split("|")[2].strip() == f"`{param.default}`"
