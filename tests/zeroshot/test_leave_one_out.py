"""Leave-one-out predictions: those that a query would give, and stored once."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.errors import WeightsError
from astroclip_astro.zeroshot import estimator, leave_one_out, reference_file
from astroclip_astro.zeroshot.estimator import KNNEstimator, fit_calibrated_estimator
from astroclip_astro.zeroshot.leave_one_out import predict_leave_one_out
from astroclip_astro.zeroshot.leave_one_out_file import EXTENSION
from astroclip_astro.zeroshot.reference import Reference
from astroclip_astro.zeroshot.reference_file import (
    complete_reference,
    load_reference,
    save_reference,
)


def unit_vectors(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def reference() -> Reference:
    rng = np.random.default_rng(3)
    image, spectrum = unit_vectors(300, 1), unit_vectors(300, 2)
    spectrum[::7] = np.nan
    age = np.where(np.arange(300) % 3, rng.uniform(1, 13, 300), np.nan)
    return Reference(
        name="toy",
        image=image,
        spectrum=spectrum,
        labels={
            "redshift": np.where(rng.random(300) < 0.5, 0.1, 0.9) + rng.normal(0, 0.01, 300),
            "log_stellar_mass": rng.normal(10, 1, 300),
            "age": age,
        },
        simulated=True,
        covariates={"image": rng.uniform(1, 9, 300)},
    )


@pytest.fixture
def stored(reference, tmp_path):
    path = tmp_path / "toy.fits"
    save_reference(reference, path)
    return path


@pytest.fixture
def bare(stored):
    """The same file as an earlier version wrote it."""
    with fits.open(stored) as hdus:
        fits.HDUList([hdus[0].copy(), hdus[1].copy()]).writeto(stored, overwrite=True)
    return stored


@pytest.fixture
def no_search(monkeypatch):
    """Let every search in a reference fail."""

    def refuse(*arguments, **options):
        raise AssertionError("the reference was searched")

    monkeypatch.setattr(leave_one_out, "find", refuse)
    monkeypatch.setattr(estimator, "find", refuse)


@pytest.mark.parametrize("modality", ["image", "spectrum"])
@pytest.mark.parametrize("label", ["redshift", "log_stellar_mass", "age"])
def test_stored_predictions_are_the_computed_ones(reference, stored, modality, label):
    loaded = load_reference(stored)
    rows = np.arange(300)
    computed = KNNEstimator(reference, modality).leave_one_out(label, rows)
    read = KNNEstimator(loaded, modality).leave_one_out(label, rows)
    for part in ("value", "scatter", "secondary"):
        np.testing.assert_array_equal(getattr(read, part), getattr(computed, part))


def test_stored_predictions_need_no_search(stored, no_search):
    loaded = load_reference(stored)
    estimators = {modality: KNNEstimator(loaded, modality) for modality in ("image", "spectrum")}
    for label in loaded.labels:
        assert set(fit_calibrated_estimator(estimators, label).calibrations) == {
            "image",
            "spectrum",
            "best",
        }


def test_novelty_is_the_same_from_stored_distances(reference, stored):
    queries = unit_vectors(40, 9)
    computed = KNNEstimator(reference, "spectrum").query(queries).novelty
    np.testing.assert_array_equal(
        KNNEstimator(load_reference(stored), "spectrum").query(queries).novelty, computed
    )


def test_calibrated_errors_are_the_same_from_the_file(reference, stored):
    def errors(of):
        estimators = {modality: KNNEstimator(of, modality) for modality in ("image", "spectrum")}
        calibrated = fit_calibrated_estimator(estimators, "redshift")
        found = {
            name: one.leave_one_out("redshift", np.arange(300)) for name, one in estimators.items()
        }
        return calibrated.predict(found, of.covariates)["best"].error

    loaded = load_reference(stored)
    lit = replace(reference, covariates=loaded.covariates)  # float32 in the file
    np.testing.assert_array_equal(errors(loaded), errors(lit))


@pytest.mark.parametrize("change", ["image", "redshift"])
def test_predictions_of_other_galaxies_are_not_used(stored, change):
    loaded = load_reference(stored)
    assert loaded.valid_leave_one_out is not None
    if change == "image":
        image = loaded.image.copy()
        image[5] = image[6]
        other = replace(loaded, image=image)
    else:
        redshift = loaded.labels["redshift"].copy()
        redshift[5] += 0.1
        other = replace(loaded, labels=loaded.labels | {"redshift": redshift})
    assert other.valid_leave_one_out is None
    assert replace(loaded, name="other", description="secondary").valid_leave_one_out is not None


def test_a_part_of_a_reference_is_compared_anew(stored):
    loaded = load_reference(stored)
    part = replace(
        loaded,
        image=loaded.image[:200],
        spectrum=loaded.spectrum[:200],
        labels={name: values[:200] for name, values in loaded.labels.items()},
        covariates={},
    )
    known = KNNEstimator(part, "image").leave_one_out("redshift", np.arange(200))
    expected = predict_leave_one_out(part).predictions["redshift", "image"]
    np.testing.assert_array_equal(known.value, expected.value)


def test_a_large_reference_is_sampled(reference, monkeypatch, tmp_path):
    monkeypatch.setattr(leave_one_out, "SAMPLE_SIZE", 60)
    save_reference(reference, tmp_path / "large.fits")
    loaded = load_reference(tmp_path / "large.fits")
    assert 60 <= len(loaded.valid_leave_one_out.rows) < 300
    for modality in ("image", "spectrum"):
        for estimators in ([modality], ["image", "spectrum"]):
            one = fit_calibrated_estimator(
                {name: KNNEstimator(loaded, name) for name in estimators}, "age"
            )
            two = fit_calibrated_estimator(
                {name: KNNEstimator(reference, name) for name in estimators}, "age"
            )
            cells = [
                calibrated.calibrations[modality].bins[None].scores for calibrated in (one, two)
            ]
            for mine, theirs in zip(*cells, strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_a_file_without_them_gets_them_once_and_it_is_said(bare, caplog, no_search, monkeypatch):
    before = fits.getdata(bare, 1).tobytes()
    read = load_reference(bare)
    assert read.valid_leave_one_out is None
    monkeypatch.undo()
    complete = complete_reference(read, bare)
    assert complete.valid_leave_one_out is not None
    assert "300 galaxies yet" in caplog.text
    assert "stored in" in caplog.text
    assert fits.getdata(bare, 1).tobytes() == before
    again = load_reference(bare)
    assert again.valid_leave_one_out is not None
    assert again.sha256 == complete.sha256 != read.sha256


def test_a_complete_file_is_left_alone(stored, no_search, caplog):
    before = stored.read_bytes()
    assert complete_reference(load_reference(stored), stored).valid_leave_one_out is not None
    assert (stored.read_bytes(), caplog.text) == (before, "")


def test_a_changed_table_gets_new_predictions_in_place_of_old_ones(stored):
    with fits.open(stored, mode="update") as hdus:
        hdus[1].data["redshift"][3] = 0.5
    complete = complete_reference(load_reference(stored), stored)
    assert complete.valid_leave_one_out.digest == complete.digest
    with fits.open(stored) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "REFERENCE", EXTENSION]


def test_a_file_that_cannot_be_written_is_used_all_the_same(bare, monkeypatch, caplog):
    def refuse(path, table):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(reference_file, "_append_table", refuse)
    before = bare.read_bytes()
    complete = complete_reference(load_reference(bare), bare)
    assert complete.valid_leave_one_out is not None
    assert bare.read_bytes() == before
    assert "cannot be stored" in caplog.text
    assert "Read-only file system" in caplog.text


@pytest.mark.parametrize("damage", ["rows", "format", "column"])
def test_a_damaged_table_is_refused(stored, damage):
    with fits.open(stored) as hdus:
        table = hdus[2]
        columns = list(table.columns)
        if damage == "rows":
            table.data["row"][1] = 0
        elif damage == "format":
            columns[1] = fits.Column("distance_image", "E", array=table.data["distance_image"])
        else:
            columns = columns[:-1]
        made = fits.BinTableHDU.from_columns(columns, name=EXTENSION)
        fits.HDUList([hdus[0].copy(), hdus[1].copy(), made]).writeto(
            stored.with_name("bad.fits"), overwrite=True
        )
    with pytest.raises(WeightsError, match=f"Table {EXTENSION} of .*remove the table"):
        load_reference(stored.with_name("bad.fits"))


def test_the_bundled_reference_holds_its_predictions(no_search):
    assert load_reference("compact").valid_leave_one_out is not None
