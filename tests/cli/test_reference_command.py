"""``astroclip-reference build`` from the shell's side."""

import json
import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.cli.reference import build as build_command, main
from astroclip_astro.zeroshot.reference_file import load_reference

h5py = pytest.importorskip("h5py")


@pytest.fixture
def build(run_command, labelled_file, tiny_weights, tmp_path):
    """Return a function that builds out.fits, with more options or others."""
    command = partial(run_command, "astroclip-reference", main, "build")

    def run(*options, data=labelled_file, output=tmp_path / "out.fits", weights=tiny_weights):
        return command(data, "-o", output, "--weights", weights, "--device", "cpu", *options)

    return run


def test_reference_is_written_with_its_scores(build, tmp_path, labelled_file):
    scores = tmp_path / "scores.json"
    result = build(
        "--label-columns", "age,counts", "--holdout", 0.3, "--scores", scores, "--name", "mine"
    )  # fmt: skip
    assert result.status == 0
    reference = load_reference(tmp_path / "out.fits")
    assert reference.title == "simulated reference mine"
    assert reference.user_labels == ("age", "counts")
    assert "3 without redshift or mass" in result.out
    assert f"mine, {len(reference)} SIMULATED galaxies" in result.out
    found = json.loads(scores.read_text())
    assert "left-out SIMULATED galaxies" in found["what"]
    for way in ("image", "spectrum", "image_to_spectrum", "photometry"):
        for label in ("redshift", "log_stellar_mass", "age", "counts"):
            assert found[f"{way}_r2_{label}"] <= 1
        assert 0 <= found[f"{way}_outliers"] <= 1
        assert found[f"{way}_sigma_nmad"] > 0
    assert "image among spectra" in result.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.fits", "scores.json"]


def test_a_name_that_is_not_of_a_fits_file_is_refused(build, tmp_path):
    result = build(output=tmp_path / "out.csv")
    assert result.status == 2
    assert "'out.csv' does not end in .fits" in result.err
    assert not list(tmp_path.iterdir())


def test_held_out_groups_are_not_in_the_reference(build, tmp_path, labelled_file):
    assert build("--label-columns", "counts", "--holdout", 0.3, "--holdout-by", "tile").status == 0
    rows = load_reference(tmp_path / "out.fits").labels["counts"].astype(int)
    tiles = {tile: set(range(10 * tile, 10 * tile + 10)) - {3, 4, 7, 50} for tile in range(12)}
    inside = [tile for tile, members in tiles.items() if members <= set(rows)]
    outside = [tile for tile, members in tiles.items() if not members & set(rows)]
    assert len(inside) + len(outside) == 12
    assert len(outside) >= 3


def test_same_seed_same_bytes(build, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        options = ("--galaxies", 40, "--seed", seed, "--name", "same")
        assert build(*options, output=tmp_path / f"{name}.fits").status == 0
    a, b, c = ((tmp_path / f"{name}.fits").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    assert len(load_reference(tmp_path / "a.fits")) in (39, 40)  # one galaxy has no data


def test_header_says_simulated(build, tmp_path):
    assert build("--description", "Bright ones", "-q").out == ""
    header = fits.getheader(tmp_path / "out.fits", 1)
    assert header["SIMULATD"] is True
    assert header["ACDESC"] == "SIMULATED galaxies: Bright ones"
    assert header["ACNAME"] == "out"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--label-columns", "nothing"], "no dataset 'nothing'"),
        (["--label-columns", "snr"], "no dataset 'snr'|has the name of a column that every"),
        (["--scores", "s.json"], "--scores needs galaxies that are held out"),
        (["--holdout", "2"], "between 0 and 1"),
        (["--galaxies", "5"], "expected more than 16"),
        (["--name", "größe"], "a line of ASCII"),
        (["--batch-size", "0"], "of at least 1"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(build, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = build("-q", *options)
    assert result.status == 2
    assert len(result.err.splitlines()) == 1
    assert re.search(message, result.err)
    assert not list(tmp_path.iterdir())


def test_weights_of_a_pretraining_stage_are_refused(build, tmp_path, tiny_weights):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(tiny_weights, run / "weights.safetensors")
    card = json.loads(tiny_weights.with_suffix(".json").read_text())
    del card["card_sha256"]  # as one of an earlier version, which may be changed
    for stages, status in (({"spectrum": {}}, 2), ({"spectrum": {}, "align": {}}, 0)):
        card["training"]["stages"] = stages
        (run / "weights.json").write_text(json.dumps(card))
        result = build("-q", weights=run)  # a run's folder stands for its weights
        assert result.status == status
    assert (tmp_path / "out.fits").exists()


def test_file_without_photometry_is_scored_without(build, labelled_file, tmp_path):
    data = tmp_path / "bare.h5"
    shutil.copy(labelled_file, data)
    with h5py.File(data, "r+") as file:
        del file["flux"], file["ivar"]
    result = build("--holdout", 0.3, data=data)
    assert result.status == 0
    assert "g-r" not in result.out
    assert "image among spectra" in result.out


def test_existing_files_are_kept_unless_told(build, tmp_path):
    output = tmp_path / "out.fits"
    output.write_text("mine")
    result = build("-q")
    assert result.status == 2
    assert "exists" in result.err
    assert output.read_text() == "mine"
    assert build("-q", "--overwrite").status == 0
    assert len(load_reference(output)) == 116


def test_interrupt_writes_nothing(build, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("astroclip_astro.models.model.Model.embed_spectra", interrupt)
    result = build("-q")
    assert result.status == 130
    assert not list(tmp_path.iterdir())


def test_annotate_takes_what_was_built(build, run, tiny_weights, tmp_path):
    """The whole way: labels of the file end as columns of a user's table."""
    from astroclip_astro.catalogue import read_catalogue
    from astroclip_astro.resources import folder

    output, reference = tmp_path / "demo.fits", tmp_path / "out.fits"
    assert build("-q", "--label-columns", "age").status == 0
    options = ("--weights", tiny_weights, "--reference", reference, "--device", "cpu", "-q")
    demo = folder("catalogs") / "demo.fits"
    assert run(demo, "-o", output, "--source", "demo", "--rows", "0:20", *options).status == 0
    table = read_catalogue(output)
    age = np.asarray(table["astroclip_age"])
    assert np.isfinite(age).sum() >= 15
    assert str(table["astroclip_age"].unit) == "Gyr"
    assert "simulated reference out" in table["astroclip_age"].description
    known = load_reference(reference)
    labelled = np.isfinite(known.labels["age"])
    for row in np.flatnonzero(np.isfinite(age)):
        told = []  # by image, by spectrum, whichever there is
        for by in ("image", "spectrum"):
            if not np.isfinite(table[f"astroclip_z_{by}"][row]):
                continue
            points = getattr(known, by)
            usable = labelled & np.isfinite(points).all(axis=1)
            distance = np.linalg.norm(
                points[usable].astype(float) - table[f"astroclip_{by}"][row], axis=1
            )
            near = np.argsort(distance)[:16]
            told.append(np.average(known.labels["age"][usable][near], weights=1 / distance[near]))
        assert min(told) * 0.998 <= age[row] <= max(told) * 1.002


def test_every_option_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "reference_sets.md").read_text(encoding="utf-8")
    options = {name for param in build_command.params for name in param.opts if name[0] == "-"}
    assert {f"`{name}`" for name in options} <= set(re.findall(r"`--?[a-z][a-z-]*`", page))
    for param in build_command.params:
        if isinstance(param.default, str | float | int) and not getattr(param, "is_flag", False):
            row = next(
                line for line in page.splitlines() if f"`{param.opts[-1]}`" in line and "|" in line
            )
            assert row.split("|")[2].strip() == f"`{param.default}`"
