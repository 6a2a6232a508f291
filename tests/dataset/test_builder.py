"""From the archives to the file: the right rows, whatever happens on the way."""

import json

import h5py
import numpy as np
import pytest
from astropy.table import Table

from astroclip_astro.config import conf
from astroclip_astro.dataset import Selection, builder, read_labels
from astroclip_astro.errors import InputError, OutputError, SourceError
from astroclip_astro.standin.faults import FAULTS
from astroclip_astro.standin.sky import PAINTED_ID
from astroclip_astro.storage.lock import output_lock
from astroclip_astro.training_data.batches import batches
from astroclip_astro.training_data.training_set import open_training_set

COUNT = 150
WHOLE = [number for number in range(COUNT) if number % 10 != 9]  # the others are at the poles
SMALL = Selection(targetids=tuple(PAINTED_ID + number for number in range(9)))


def asked(server, path="/viewer/fits-cutout"):
    return [query for _, found, query in server.requests if found == path]


def contents(path):
    """All datasets and attributes of a file."""
    with h5py.File(path) as file:
        return {name: data[()].tobytes() for name, data in file.items()}, dict(file.attrs)


def test_rows_have_their_own_data_and_labels(tmp_path, server, make, numbers, labels_file):
    labels = read_labels(labels_file, ["OTHER"])
    outcome = make(tmp_path / "t.h5", server, labels=labels, size=152)
    assert numbers(outcome.path) == WHOLE
    assert (outcome.galaxies, outcome.rejected) == (len(WHOLE), {})
    with h5py.File(outcome.path) as file:
        assert (file["OTHER"][:].astype("f4") == -file["log_stellar_mass"][:]).all()
        assert file["OTHER"].attrs["description"] == "OTHER of labels.fits"
        assert file.attrs["labels"] == "labels.fits"
    assert list(tmp_path.glob("*.partial")) == []


def test_labels_on_the_wrong_rows_would_be_seen(tmp_path, server, make, numbers, labels_file):
    table = Table.read(labels_file)
    table["LOGMSTAR"] = np.roll(table["LOGMSTAR"], 1)
    table.write(labels_file, overwrite=True)
    outcome = make(tmp_path / "t.h5", server, SMALL, labels=read_labels(labels_file))
    with pytest.raises(AssertionError):
        numbers(outcome.path)


def test_second_build_of_the_same_output_is_refused(tmp_path, server, make):
    before = len(asked(server))
    with output_lock(tmp_path / "t.h5"), pytest.raises(OutputError, match=r"another run \(process"):
        make(tmp_path / "t.h5", server, SMALL)
    assert len(asked(server)) == before
    make(tmp_path / "t.h5", server, SMALL)


def test_training_set_can_be_read_in_batches(tmp_path, server, make, labels_file):
    path = make(tmp_path / "t.h5", server, labels=read_labels(labels_file)).path
    names = ("images", "spectrum", "ivar", "redshift", "log_stellar_mass")
    opened = open_training_set(path, names)
    assert (opened.rows, opened.simulated) == (len(WHOLE), True)
    with batches(opened, np.arange(opened.rows), names, size=16, seed=1) as stream:
        batch = next(stream)
    number = np.rint((batch["spectrum"][:, 0] - 1) * 2**20)
    assert (batch["images"][:, 0, 0, 0] == 1 + number).all()
    assert np.allclose(batch["log_stellar_mass"], 8 + number / 64)


def test_file_says_where_it_is_from(tmp_path, server, make):
    path = make(tmp_path / "t.h5", server, SMALL).path
    found = contents(path)[1]
    assert found["SIMULATED"]
    assert "SIMULATED" in found["description"]
    assert (found["release"], found["layer"], found["n"]) == ("DESI-DR1", "ls-dr9", 9)
    assert "9 given TARGETIDs" in found["selection"]
    assert server.url in found["source"]


def test_what_is_not_said_to_be_simulated_is_not(tmp_path, server, make, monkeypatch):
    monkeypatch.setattr("astroclip_astro.standin.tap_documents.NOTE", "Observed, as it were")
    found = contents(make(tmp_path / "t.h5", server, SMALL).path)[1]
    assert "SIMULATED" not in found
    assert found["description"].startswith("Observed galaxies")


def test_rows_without_data_are_left_out_and_counted(tmp_path, server, make, numbers):
    selection = Selection(boxes=((0, 360, -90, 90),))
    outcome = make(tmp_path / "t.h5", server, selection)
    assert numbers(outcome.path) == WHOLE
    assert outcome.rejected == {"outside the imaging": COUNT - len(WHOLE)}
    with h5py.File(outcome.path) as file:
        assert json.loads(file.attrs["left_out"]) == outcome.rejected


def test_not_one_complete_galaxy_is_a_mistake(tmp_path, server, make):
    polar = Selection(targetids=(PAINTED_ID + 9, PAINTED_ID + 19))
    with pytest.raises(InputError, match=r"None of 2 galaxies is complete \(2 outside the imaging"):
        make(tmp_path / "t.h5", server, polar)
    assert not (tmp_path / "t.h5").exists()


@pytest.mark.parametrize("name", ["zero_planes", "missing", "http_500"])
def test_only_complete_galaxies_are_taken(tmp_path, serve, make, numbers, name):
    server = serve(faults={name: 0.3}, seed=5)
    outcome = None
    for _ in range(10):
        try:
            outcome = make(tmp_path / "t.h5", server)
            break
        except SourceError:
            continue
    assert numbers(outcome.path)
    assert outcome.galaxies + sum(outcome.rejected.values()) == len(WHOLE)
    if name == "zero_planes":
        assert outcome.rejected["incomplete image"] > 10
    else:
        assert outcome.galaxies == len(WHOLE), "a failure has been taken for an answer"


class Failing:
    """A source that fails for some TARGETIDs as long as it is told to."""

    def __init__(self, source, failing):
        self.source, self.failing, self.spectra_of = source, failing, []

    def __getattr__(self, name):
        return getattr(self.source, name)

    def spectra(self, targets, radius):
        from astroclip_astro.flags import Flag
        from astroclip_astro.records import MissingData

        self.spectra_of += targets.targetid.tolist()
        answers = list(self.source.spectra(targets, radius))
        for row, targetid in enumerate(targets.targetid.tolist()):
            if targetid - PAINTED_ID in self.failing:
                answers[row] = MissingData(Flag.NO_SPECTRUM | Flag.SOURCE_FAILED, "down for tea")
        return answers


@pytest.fixture
def failing(monkeypatch):
    """Return a function that makes every source fail for some objects, and lists what is asked."""
    real = builder.fetch_galaxies
    asked = []

    def fail(*numbers):
        def fetch(source, *arguments, **options):
            wrapped = Failing(source, set(numbers))
            try:
                return real(wrapped, *arguments, **options)
            finally:
                asked.extend(targetid - PAINTED_ID for targetid in wrapped.spectra_of)

        asked.clear()
        monkeypatch.setattr(builder, "fetch_galaxies", fetch)
        return asked

    return fail


def test_failures_are_no_answers_and_only_they_are_asked_for_again(
    tmp_path, server, make, numbers, failing
):
    path = tmp_path / "t.h5"
    failing(3, 70, 71)
    with pytest.raises(SourceError, match=r"3 of 135 galaxies .*\(the first: down for tea\)"):
        make(path, server)
    assert not path.exists()
    again = failing()
    make(path, server)
    assert again == [3, 70, 71]
    assert numbers(path) == WHOLE
    whole = make(tmp_path / "whole.h5", server)
    assert path.read_bytes() == whole.path.read_bytes()


def test_failures_can_be_left_out(tmp_path, server, make, numbers, failing):
    failing(3, 70, 71)
    outcome = make(tmp_path / "t.h5", server, skip_failed=True)
    assert outcome.rejected == {"the source failed": 3}
    assert numbers(outcome.path) == [number for number in WHOLE if number not in (3, 70, 71)]


def test_whole_part_can_be_left_out(tmp_path, server, make, numbers, failing):
    failing(*WHOLE[:64])
    outcome = make(tmp_path / "t.h5", server, skip_failed=True)
    assert numbers(outcome.path) == WHOLE[64:]


def test_interrupted_build_goes_on(tmp_path, server, make, failing):
    def press(done, made):
        if done >= 64:
            raise KeyboardInterrupt

    path = tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt, match="64 of 135 galaxies are completed"):
        make(path, server, progress=press)
    again = failing()
    calls = []
    make(path, server, progress=lambda *counts: calls.append(counts))
    assert again == WHOLE[64:]
    assert calls == [(0, 0), (64, 0), (128, 64), (135, 71)]
    assert path.read_bytes() == make(tmp_path / "whole.h5", server).path.read_bytes()


def test_parts_of_another_build_are_in_the_way(tmp_path, server, make, failing, labels_file):
    path = tmp_path / "t.h5"
    failing(3)
    with pytest.raises(SourceError):
        make(path, server, SMALL)
    others = [
        ({"size": 96}, r"its dataset images: f2 \(3, 32, 32\) nanomaggy, expected"),
        ({"labels": read_labels(labels_file)}, "its labels: None, expected: labels.fits"),
        ({"release": "DESI-EDR"}, "its release: DESI-DR1, expected: DESI-EDR"),
    ]
    for options, words in others:
        with pytest.raises(OutputError, match=words):
            make(path, server, SMALL, **options)
    failing()
    assert make(path, server, SMALL, size=96, resume=False).galaxies == 9


def test_other_labels_under_the_same_name_are_other_parts(
    tmp_path, server, make, failing, labels_file
):
    failing(3)
    with pytest.raises(SourceError):
        make(tmp_path / "t.h5", server, SMALL, labels=read_labels(labels_file))
    table = Table.read(labels_file)
    table["LOGMSTAR"][table["TARGETID"] == PAINTED_ID + 4] += 0.5
    table.write(labels_file, overwrite=True)
    with pytest.raises(OutputError, match="its galaxies and labels: "):
        make(tmp_path / "t.h5", server, SMALL, labels=read_labels(labels_file))


def test_output_is_looked_at_before_anything_is_fetched(tmp_path, server, make):
    (tmp_path / "t.h5").write_text("mine")
    count = len(asked(server))
    with pytest.raises(OutputError, match="exists"):
        make(tmp_path / "t.h5", server, SMALL)
    with pytest.raises(OutputError, match=r"no suffix \.h5"):
        make(tmp_path / "t.fits", server, SMALL)
    with pytest.raises(InputError, match="size is 5000 pixels"):
        make(tmp_path / "u.h5", server, SMALL, size=5000)
    assert len(asked(server)) == count
    assert (tmp_path / "t.h5").read_text() == "mine"


@pytest.mark.slow
def test_every_fault_at_once_leaves_no_wrong_row(tmp_path, serve, make, numbers, labels_file):
    server = serve(faults=dict.fromkeys(FAULTS, 0.2), retry_after=0, slow=0.02, seed=3)
    labels, outcome = read_labels(labels_file), None
    with conf.set_temp("attempts", 10):
        for number in range(10):
            try:
                outcome = make(tmp_path / "t.h5", server, labels=labels, skip_failed=number > 2)
                break
            except SourceError:
                continue
    assert len(numbers(outcome.path)) > 20, "nothing was shown"
    assert outcome.galaxies + sum(outcome.rejected.values()) == len(WHOLE)
