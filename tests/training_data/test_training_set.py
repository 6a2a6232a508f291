"""Training sets: what is refused, how they are split, and that batches are what they say."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from astroclip_astro.errors import InputError
from astroclip_astro.training_data import batches as module
from astroclip_astro.training_data.batches import batches
from astroclip_astro.training_data.split import held_out, sky_groups
from astroclip_astro.training_data.training_set import open_training_set

ROWS = 50


@pytest.fixture
def path(tmp_path):
    """A training set whose spectra and images carry their row number."""
    number = np.arange(ROWS, dtype="f4")
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file.attrs["SIMULATED"] = True
        file["images"] = np.broadcast_to(number[:, None, None, None], (ROWS, 3, 8, 8)).astype("f2")
        file["spectrum"] = np.broadcast_to(number[:, None], (ROWS, 7781))
        file["redshift"] = number
    return tmp_path / "set.h5"


def first_batches(path, count, **options):
    options = {"rows": np.arange(ROWS), "names": ["redshift"], "size": 8, "seed": 3} | options
    with batches(
        open_training_set(path), options.pop("rows"), options.pop("names"), **options
    ) as stream:
        return [next(stream) for _ in range(count)]


def test_set_says_what_it_has(path):
    found = open_training_set(path, ["images", "spectrum"])
    assert (found.rows, found.simulated) == (ROWS, True)
    assert found.names == {"images", "spectrum", "redshift"}
    assert np.array_equal(found.column("redshift"), np.arange(ROWS))


def test_missing_dataset_is_named(path):
    with pytest.raises(InputError, match="no dataset ivar, only images, redshift, spectrum"):
        open_training_set(path, ["ivar"])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"No training set .*none\.h5"):
        open_training_set(tmp_path / "none.h5")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(InputError, match="cannot be read as HDF5"):
        open_training_set(tmp_path / "text.h5")


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("ivar", (ROWS, 7780), r"expected \(n, 7781\)"),
        ("flux", (ROWS,), r"expected \(n, 3\)"),
        ("ebv", (ROWS - 1,), r"\[49, 50\] rows"),
    ],
)
def test_wrong_shapes_are_refused(path, name, shape, words):
    with h5py.File(path, "a") as file:
        file[name] = np.zeros(shape, "f4")
    with pytest.raises(InputError, match=words):
        open_training_set(path)


def test_empty_file_is_refused(tmp_path):
    h5py.File(tmp_path / "empty.h5", "w").close()
    with pytest.raises(InputError, match="no rows"):
        open_training_set(tmp_path / "empty.h5")


def test_neighbours_share_a_group_and_the_sky_has_768():
    rng = np.random.default_rng(0)
    ra, dec = rng.uniform(0, 360, 40_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 40_000)))
    groups = sky_groups(ra, dec)
    assert len(np.unique(groups)) == 768
    assert np.mean(groups == sky_groups(ra, dec + np.where(dec > 0, -0.01, 0.01))) > 0.99


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=200).filter(lambda g: len(set(g)) > 1),
    st.floats(0.01, 0.99),
    st.integers(0, 5),
)
def test_groups_are_held_out_whole(groups, fraction, seed):
    groups = np.array(groups)
    out = held_out(groups, fraction, seed=seed)
    assert 0 < out.sum() < len(groups)
    assert not set(groups[out]) & set(groups[~out])
    assert np.array_equal(out, held_out(groups, fraction, seed=seed))


def test_fraction_is_met_with_small_groups():
    out = held_out(np.repeat(np.arange(500), 4), 0.1)
    assert out.mean() == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_senseless_fraction_is_refused(fraction):
    with pytest.raises(InputError, match="between 0 and 1"):
        held_out(np.array([1, 2]), fraction)


def test_one_group_cannot_be_split():
    with pytest.raises(InputError, match="one group"):
        held_out(np.ones(5), 0.2)


def test_an_epoch_has_every_row_once(path):
    seen = np.concatenate([batch["redshift"] for batch in first_batches(path, 6)])
    assert len(seen) == len(set(seen)) == 48


def test_epochs_differ(path):
    both = first_batches(path, 12)
    assert not np.array_equal(both[0]["redshift"], both[6]["redshift"])


def test_datasets_of_a_batch_belong_together(path):
    (batch,) = first_batches(path, 1, names=["images", "spectrum", "redshift"])
    assert batch["images"].dtype == np.float16
    assert np.array_equal(batch["images"][:, 0, 0, 0], batch["redshift"])
    assert np.array_equal(batch["spectrum"][:, 9], batch["redshift"])


def test_only_the_rows_asked_for_are_read(path):
    rows = np.array([40, 3, 7, 21, 9])
    seen = np.concatenate(
        [batch["redshift"] for batch in first_batches(path, 20, rows=rows, size=2)]
    )
    assert set(seen) == set(rows)


@pytest.mark.parametrize("first", [1, 5, 6, 17])
def test_resumed_batches_are_those_that_would_have_come(path, first):
    whole = first_batches(path, first + 2)
    resumed = first_batches(path, 2, first=first)
    for one, other in zip(whole[first:], resumed, strict=True):
        assert np.array_equal(one["redshift"], other["redshift"])


def test_too_few_rows_for_a_batch(path):
    with pytest.raises(InputError, match="fewer than a batch of 8"):
        first_batches(path, 1, rows=np.arange(5))


def test_an_error_while_reading_reaches_the_reader(path, monkeypatch):
    def fail(*_):
        raise OSError("disk gone")

    monkeypatch.setattr(module, "rows_of", fail)
    with pytest.raises(InputError, match="disk gone"):
        first_batches(path, 1)
