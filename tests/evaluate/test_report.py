"""A report says what was found, calls simulated galaxies simulated, and appears whole."""

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from astroclip_astro.errors import OutputError
from astroclip_astro.evaluate.coverage import (
    coverage,
    coverage_bins,
    make_estimators,
    predict_labels,
)
from astroclip_astro.evaluate.page import page, table_lines
from astroclip_astro.evaluate.report import Report
from astroclip_astro.evaluate.report_files import (
    check_report_folder,
    numbers_csv,
    predictions_csv,
    write_report,
)
from astroclip_astro.evaluate.scores import Score
from astroclip_astro.evaluate.table import evaluate_rows, retrieval
from astroclip_astro.figures.style import new_figure

ENDS = ("lo68", "hi68", "lo95", "hi95")
FILES = ["index.html", "numbers.csv", "predictions.csv"]


@pytest.fixture(scope="module")
def report(make_galaxies):
    """A report of one network where there would be three."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("astroclip_astro.evaluate.predictors.ENSEMBLE_SIZE", 1)
        return make_report(make_galaxies)


def make_report(make_galaxies):
    test = make_galaxies(430, 2)
    mass = np.where(np.arange(430) == 3, np.nan, test.labels["log_stellar_mass"])
    test = replace(test, labels=test.labels | {"log_stellar_mass": mass})
    table = evaluate_rows(make_galaxies(300, 1), test, resamples=30)
    predictions = predict_labels(make_estimators(table.reference, True), test)
    return Report(
        title="What <SIMULATED> & galaxies",
        run_metadata={"data": "a<b.h5"},
        simulated=True,
        table=table,
        sections={
            "retrieval": retrieval(test, resamples=30),
            "coverage": coverage(predictions, test, resamples=30),
            "coverage_bins": coverage_bins(predictions, test, resamples=30),
            "novelty": {"real <qso>": {"objects": Score(7), "auc_image": Score(0.9, 0.8, 1)}},
        },
        predicted=predictions,
    )


@pytest.fixture
def photometry_alone(report):
    table = report.table
    predictions = {
        name: predictions for name, predictions in table.predictions.items() if "photometry" in name
    }
    return replace(report, table=replace(table, predictions=predictions), predicted={}, sections={})


@pytest.fixture
def drawn(report):
    """The report with two figures."""
    pytest.importorskip("matplotlib")
    figures = {
        name: (new_figure(2, 1), f"What <{name}> shows") for name in ("ranks", "pit_redshift")
    }
    return replace(report, figures=figures)


def lines_of(text):
    return list(csv.DictReader(text.splitlines()))


def test_every_number_has_its_line(report):
    lines = lines_of(numbers_csv(report))
    assert list(lines[0]) == ["section", "row", "quantity", "value", "low", "high"]
    found = {(one["section"], one["row"], one["quantity"]): one for one in lines}
    assert len(found) == len(lines)
    for name, row in report.table.scores.items():
        for quantity, one in row.items():
            line = found["table1", name, quantity]
            for key in ("value", "low", "high"):
                assert float(line[key]) == pytest.approx(getattr(one, key), rel=1e-5)
    recall = report.sections["retrieval"]["image_to_spectrum"]["recall_100"]
    line = found["retrieval", "image_to_spectrum", "recall_100"]
    assert float(line["value"]) == pytest.approx(recall.value, rel=1e-5)
    assert found["retrieval", "image", "effective_rank"]["low"] == ""
    assert found["about", "SIMULATED", "simulated"]["value"] == "1"
    assert found["about", "SIMULATED", "test_galaxies"]["value"] == "430"
    covered = found["coverage", "redshift best", "covered_68"]
    assert 0 < float(covered["low"]) < float(covered["value"]) < float(covered["high"]) < 1
    assert found["coverage", "log_stellar_mass image", "error"]["low"] == ""
    one = "redshift by predicted value 1"
    assert found["coverage_bins", one, "galaxies"]["value"] == "430"
    assert found["novelty", "real <qso>", "auc_image"]["high"] == "1"


def column(lines, name):
    return [float(one[name] or "nan") for one in lines]


def test_every_galaxy_has_its_line(report):
    lines = lines_of(predictions_csv(report))
    assert list(lines[0]) == [
        "row",
        *("z_true", "z", *(f"z_{end}" for end in ENDS)),
        *("logmstar_true", "logmstar", *(f"logmstar_{end}" for end in ENDS)),
        *("z_other", "data"),
    ]
    assert [int(one["row"]) for one in lines] == report.table.test.rows.tolist()
    for short, label in (("z", "redshift"), ("logmstar", "log_stellar_mass")):
        best = report.predicted[label]["best"]
        true = report.table.test.labels[label]
        np.testing.assert_allclose(column(lines, f"{short}_true"), true, rtol=1e-5)
        np.testing.assert_allclose(column(lines, short), best.prediction.value, rtol=1e-5)
        ends = [end for level in (0.68, 0.95) for end in best.intervals[level]]
        for end, values in zip(ENDS, ends, strict=True):
            np.testing.assert_allclose(column(lines, f"{short}_{end}"), values, rtol=1e-5)
        lo95, lo68, z, hi68, hi95 = (
            np.array(column(lines, short + end)) for end in ("_lo95", "_lo68", "", "_hi68", "_hi95")
        )
        assert ((lo95 <= lo68) & (lo68 <= z) & (z <= hi68) & (hi68 <= hi95)).all()
    assert lines[3]["logmstar_true"] == ""
    assert lines[3]["logmstar"] != ""
    assert {one["data"] for one in lines} == {"SIMULATED"}


def test_second_answer_is_listed(report):
    other = np.where(np.arange(430) == 5, 0.75, np.nan)
    best = report.predicted["redshift"]["best"]
    best = replace(best, prediction=replace(best.prediction, secondary=other))
    predictions = report.predicted | {"redshift": report.predicted["redshift"] | {"best": best}}
    lines = lines_of(predictions_csv(replace(report, predicted=predictions)))
    np.testing.assert_array_equal(column(lines, "z_other"), other)


def test_photometry_alone_is_listed_by_its_networks(photometry_alone):
    predictions = photometry_alone.table.predictions["photometry_mlp"]["redshift"]
    lines = lines_of(predictions_csv(photometry_alone))
    np.testing.assert_allclose(column(lines, "z"), predictions, rtol=1e-5)
    assert {
        one[f"{short}_{end}"] for one in lines for short in ("z", "logmstar") for end in ENDS
    } == {""}
    assert "z_other" not in lines[0]
    assert "<code>photometry_mlp</code> predicts" in page(photometry_alone)


def test_page_is_html_with_the_papers_numbers(report, drawn):
    text = page(drawn)
    opened, closed = [], []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: opened.append(tag)
    parser.handle_endtag = closed.append
    parser.feed(text)
    assert sorted(closed) == sorted(tag for tag in opened if tag not in ("meta", "br", "img"))
    assert "What &lt;SIMULATED&gt; &amp; galaxies" in text
    assert "a&lt;b.h5" in text
    for name in report.table.scores:
        assert text.count(f"<code>{name}</code><br>") == 2  # redshift and mass
    assert "<td>0.97</td>" in text  # spectrum_knn in the paper
    value = report.table.scores["spectrum_knn"]["r2_redshift"].value
    assert f"<td>{value:.3f} <small>" in text
    assert "<code>best</code> predicts" in text
    assert "Calibration on simulated galaxies is no calibration on real ones." in text
    for words in ("Coverage", "Coverage in bins", "Novelty", "Figures"):
        assert f"<h2>{words}</h2>" in text
    assert "<code>real &lt;qso&gt;</code>" in text
    assert "What &lt;ranks&gt; shows" in text
    assert "Figures" not in page(report)


@pytest.mark.parametrize(
    ("simulated", "words"),
    [(True, "All galaxies are SIMULATED"), (None, "do not say whether"), (False, None)],
)
def test_page_says_whether_galaxies_are_simulated(report, simulated, words):
    text = page(replace(report, simulated=simulated))
    assert ('class="simulated"' in text) is (words is not None)
    assert words is None or words in text


def test_lines_have_ours_and_the_papers(report):
    (line,) = (one for one in table_lines(report).splitlines() if "cross_knn" in one)
    value = report.table.scores["cross_knn"]["r2_redshift"].value
    assert line.split()[1] == f"{value:.3f}"
    assert "0.64" in line.split()
    assert line.split()[-1] == "0.58"


def test_report_appears_whole(report, tmp_path):
    assert write_report(report, tmp_path / "report") == tmp_path / "report" / "index.html"
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_figures_are_in_the_report_and_on_its_page(drawn, tmp_path):
    write_report(drawn, tmp_path / "report")
    names = {f"{name}.{kind}" for name in drawn.figures for kind in ("png", "pdf")}
    assert {path.name for path in (tmp_path / "report").iterdir()} == {*FILES, *names}
    text = (tmp_path / "report" / "index.html").read_text()
    assert {*re.findall(r'(?:src|href)="([^"]+)"', text)} == {*names, *FILES[1:]}
    for name in names:
        start = (tmp_path / "report" / name).read_bytes()[:4]
        assert start == (b"%PDF" if name.endswith("pdf") else b"\x89PNG")


def test_report_replaces_only_its_own_files(report, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "numbers.csv").write_text("old")
    with pytest.raises(OutputError, match=r"not empty.*--overwrite"):
        write_report(report, tmp_path)
    assert (tmp_path / "numbers.csv").read_text() == "old"
    for name in ("losses.png", "pit_redshift.pdf", "mine.png"):
        (tmp_path / name).write_text("of an older report, or mine")
    write_report(report, tmp_path, overwrite=True)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == sorted([*FILES, "mine.txt", "mine.png"])  # old figures would contradict numbers
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "numbers.csv").read_text() == numbers_csv(report)


def test_full_disk_leaves_nothing(report, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OutputError, match="No space left"):
        write_report(report, tmp_path / "report")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_ends_the_drawing_leaves_nothing(drawn, tmp_path, monkeypatch, error, there):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(drawn.figures["pit_redshift"][0], "savefig", fail)  # the second
    if there:
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "numbers.csv").write_text("old")
    full = isinstance(error, OSError)
    with pytest.raises(
        OutputError if full else KeyboardInterrupt, match="No space left" if full else None
    ):
        write_report(drawn, tmp_path / "report", overwrite=there)
    assert [path.name for path in tmp_path.iterdir()] == ["report"] * there
    if there:
        assert [path.name for path in (tmp_path / "report").iterdir()] == ["numbers.csv"]
        assert (tmp_path / "report" / "numbers.csv").read_text() == "old"


def test_places_that_will_not_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        check_report_folder(tmp_path / "file", overwrite=True)
    with pytest.raises(OutputError, match="does not exist"):
        check_report_folder(tmp_path / "no" / "report", overwrite=True)
