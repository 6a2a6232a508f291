"""Reading ahead: in a thread, in time, and of any file that has the names."""

import queue
import threading

import h5py
import numpy as np
import pytest
from waiting import wait_until

from astroclip_astro.errors import InputError
from astroclip_astro.training_data import batches as module
from astroclip_astro.training_data.batches import batches, epoch_order
from astroclip_astro.training_data.training_set import open_training_set

ROWS = 40
STEIN = {  # datasets of the files of Stein et al., and shapes of one galaxy's value
    "images": (3, 152, 152),
    "ra": (),
    "dec": (),
    "ebv": (),
    "flux": (3,),
    "psfsize": (3,),
    "z_spec": (),
    "inds": (),
}


@pytest.fixture
def path(tmp_path):
    """A file by the names of Stein et al., redshift the row number."""
    with h5py.File(tmp_path / "images.h5", "w") as file:
        for name, shape in STEIN.items():
            file[name] = np.zeros((ROWS, *shape), "f4")
        file["ra"][...] = np.linspace(0, 359, ROWS)
        file["redshift"] = np.arange(ROWS)
        file["source_type"] = np.full(ROWS, b"REX")
    return tmp_path / "images.h5"


def reading(path, **changed):
    given = {"rows": np.arange(ROWS), "names": ["redshift"], "size": 8, "seed": 1} | changed
    return batches(open_training_set(path), given.pop("rows"), given.pop("names"), **given)


def test_names_of_stein_et_al_are_known(path):
    found = open_training_set(path, ["images"])
    assert found.names == {"images", "ra", "dec", "ebv", "flux", "psf_size", "redshift"}
    assert (found.rows, found.side, found.simulated) == (ROWS, 152, False)
    assert set(found.column("source_type")) == {b"REX"}


def test_seeing_is_read_by_either_name(path):
    with h5py.File(path, "a") as file:
        file["psfsize"][...] = np.arange(3 * ROWS).reshape(ROWS, 3)
    with reading(path, names=["psf_size", "redshift"]) as stream:
        batch = next(stream)
    assert (batch["psf_size"][:, 0] == 3 * batch["redshift"]).all()


@pytest.mark.parametrize("name", ["healpix", "images", "flux"])
def test_column_that_is_none_is_named(path, name):
    with pytest.raises(InputError, match=f"no column '{name}' .* only dec, ebv, inds"):
        open_training_set(path).column(name)


def test_words_where_numbers_should_be_are_refused(path):
    with h5py.File(path, "a") as file:
        del file["ebv"]
        file["ebv"] = np.full(ROWS, b"low")
    with pytest.raises(InputError, match=r"ebv of .* hold no real numbers"):
        open_training_set(path)


def test_group_with_the_name_of_a_dataset_is_none(path):
    with h5py.File(path, "a") as file:
        file.create_group("spectrum")
    with pytest.raises(InputError, match="no dataset spectrum"):
        open_training_set(path, ["spectrum"])


def test_next_batches_are_read_before_they_are_asked_for(path, monkeypatch):
    """While one is worked on, others are read; a few, not all."""
    read, refused = [], threading.Event()
    rows_of = module.rows_of

    def noted(dataset, rows):
        read.append(threading.current_thread())
        return rows_of(dataset, rows)

    class Queue(queue.Queue):
        """A queue that says when one more finds no room."""

        def put(self, *given, **options):
            try:
                super().put(*given, **options)
            except queue.Full:
                refused.set()
                raise

    monkeypatch.setattr(module, "rows_of", noted)
    monkeypatch.setattr(module.queue, "Queue", Queue)
    with reading(path) as stream:
        next(stream)
        refused.clear()
        wait_until(refused.is_set)
        assert len(read) == 2 + module.AHEAD, "one is taken, the queue is full, one waits"
    assert threading.main_thread() not in read


def test_thread_ends_with_the_block(path):
    before = set(threading.enumerate())
    with reading(path) as stream:
        next(stream)
        (reader,) = set(threading.enumerate()) - before
    assert not reader.is_alive()


def test_processes_read_their_parts_of_the_same_batches(path):
    found = []
    for part in (slice(None), slice(0, 4), slice(4, 8)):
        with reading(path, part=part) as stream:
            found.append([next(stream)["redshift"] for _ in range(7)])
    whole, *parts = found
    for batch, one, other in zip(whole, *parts, strict=True):
        assert np.array_equal(batch, np.concatenate([one, other]))


@pytest.mark.parametrize("count", [1, 5, 1024, 3001])
def test_order_of_an_epoch_has_each_once(count):
    assert np.array_equal(np.sort(epoch_order(count, 1, 0)), np.arange(count))


def test_order_mixes_all_and_reads_each_chunk_in_one_pool():
    order = epoch_order(16_384, 1, 0)
    pools = np.empty(16_384, int)
    pools[order] = np.arange(16_384) // module.POOL
    assert (pools.reshape(-1, module.NEIGHBOURS) == pools[:: module.NEIGHBOURS, None]).all()
    assert abs(np.corrcoef(order, np.arange(16_384))[0, 1]) < 0.05
    assert np.mean(np.abs(np.diff(order)) < module.NEIGHBOURS) < 0.02


def test_bytes_in_another_order_become_those_of_this_machine(path):
    with h5py.File(path, "a") as file:
        del file["flux"]
        file["flux"] = np.arange(3 * ROWS, dtype=">f4").reshape(ROWS, 3)
    with reading(path, names=["flux"]) as stream:
        batch = next(stream)["flux"]
    assert batch.dtype.isnative
    assert set(batch[:, 0] % 3) == {0}


def test_file_that_becomes_unreadable_is_named(path):
    training_set = open_training_set(path)
    path.write_bytes(path.read_bytes()[:2000])
    with (
        batches(training_set, np.arange(ROWS), ["images"], size=8, seed=1) as stream,
        pytest.raises(InputError, match=r"images\.h5 cannot be read"),
    ):
        next(stream)
