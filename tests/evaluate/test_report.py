"""A report says what was found, calls simulated galaxies simulated, and appears whole."""

import csv
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from astroclip_astro.errors import OutputError
from astroclip_astro.evaluate.page import page, table_lines
from astroclip_astro.evaluate.report import (
    Report,
    check_report_folder,
    numbers_csv,
    predictions_csv,
    write_report,
)
from astroclip_astro.evaluate.table import evaluate_rows, retrieval

FILES = ["index.html", "numbers.csv", "predictions.csv"]


@pytest.fixture
def report(make_galaxies, few_networks):
    test = make_galaxies(130, 2)
    mass = np.where(np.arange(130) == 3, np.nan, test.labels["log_stellar_mass"])
    test = replace(test, labels=test.labels | {"log_stellar_mass": mass})
    table = evaluate_rows(make_galaxies(300, 1), test, resamples=30)
    return Report(
        title="What <SIMULATED> & galaxies",
        facts={"data": "a<b.h5"},
        simulated=True,
        table=table,
        sections={"retrieval": retrieval(test, resamples=30)},
    )


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
    assert found["about", "SIMULATED", "test_galaxies"]["value"] == "130"


def test_every_galaxy_has_its_line(report):
    lines = lines_of(predictions_csv(report))
    assert list(lines[0]) == ["row", "z_true", "z", "logmstar_true", "logmstar", "data"]
    assert [int(one["row"]) for one in lines] == report.table.test.rows.tolist()
    told = report.table.predictions["spectrum_knn"]["redshift"]
    np.testing.assert_allclose([float(one["z"]) for one in lines], told, rtol=1e-5)
    true = report.table.test.labels["redshift"]
    np.testing.assert_allclose([float(one["z_true"]) for one in lines], true, rtol=1e-5)
    assert lines[3]["logmstar_true"] == ""
    assert lines[3]["logmstar"] != ""
    assert {one["data"] for one in lines} == {"SIMULATED"}


def test_photometry_alone_is_listed_by_its_networks(report):
    table = report.table
    alone = {name: told for name, told in table.predictions.items() if "photometry" in name}
    alone = replace(report, table=replace(table, predictions=alone))
    told = table.predictions["photometry_mlp"]["redshift"]
    found = [float(one["z"]) for one in lines_of(predictions_csv(alone))]
    np.testing.assert_allclose(found, told, rtol=1e-5)


def test_page_is_html_with_the_papers_numbers(report):
    text = page(report)
    opened, closed = [], []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: opened.append(tag)
    parser.handle_endtag = closed.append
    parser.feed(text)
    assert sorted(closed) == sorted(tag for tag in opened if tag not in ("meta", "br"))
    assert "What &lt;SIMULATED&gt; &amp; galaxies" in text
    assert "a&lt;b.h5" in text
    for name in report.table.scores:
        assert text.count(f"<code>{name}</code><br>") == 2  # redshift and mass
    assert "<td>0.97</td>" in text  # spectrum_knn in the paper
    value = report.table.scores["spectrum_knn"]["r2_redshift"].value
    assert f"<td>{value:.3f} <small>" in text


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


def test_report_replaces_only_its_own_files(report, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "numbers.csv").write_text("old")
    with pytest.raises(OutputError, match=r"not empty.*--overwrite"):
        write_report(report, tmp_path)
    assert (tmp_path / "numbers.csv").read_text() == "old"
    write_report(report, tmp_path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "mine.txt"])
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "numbers.csv").read_text() == numbers_csv(report)


def test_full_disk_leaves_nothing(report, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OutputError, match="No space left"):
        write_report(report, tmp_path / "report")
    assert not list(tmp_path.iterdir())


def test_places_that_will_not_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        check_report_folder(tmp_path / "file", overwrite=True)
    with pytest.raises(OutputError, match="does not exist"):
        check_report_folder(tmp_path / "no" / "report", overwrite=True)
