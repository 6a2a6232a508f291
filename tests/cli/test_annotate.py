"""``astroclip-annotate`` as a user meets it: files in and out, resuming, the summary."""

import os
import re
import signal
import socket
import subprocess
import sys

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, Table
from click.testing import CliRunner
from pyarrow import parquet
from stubs import StubOptions, StubSource
from waiting import started

from astroclip_astro.annotate import pipeline
from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.cli.annotate import annotate
from astroclip_astro.columns import COLUMNS
from astroclip_astro.resources import folder
from astroclip_astro.storage.chunk_store import ChunkStore


def same_values(one, other):
    """Whether two tables have the same columns and values, nulls included."""
    assert one.colnames == other.colnames
    for name in one.colnames:
        for values in (one, other):
            assert not isinstance(values[name], str)
        left, right = (np.ma.MaskedArray(table[name]) for table in (one, other))
        np.testing.assert_array_equal(np.ma.getmaskarray(left), np.ma.getmaskarray(right))
        fill = "" if left.dtype.kind in "US" else 0
        np.testing.assert_array_equal(left.filled(fill), right.filled(fill))


def test_result_is_beside_the_input_with_every_column(stub_run, catalogue):
    result = stub_run(catalogue)
    assert result.status == 0
    table = read_catalogue(catalogue.with_name("mine_astroclip.fits"))
    assert table.colnames == ["id", "ra", "dec", *(column.name for column in COLUMNS)]
    assert len(table) == 150


def test_input_is_not_touched(stub_run, catalogue):
    before = catalogue.read_bytes()
    stub_run(catalogue)
    assert catalogue.read_bytes() == before


def test_nothing_is_left_beside_the_output(stub_run, catalogue):
    stub_run(catalogue)
    found = sorted(path.name for path in catalogue.parent.iterdir())
    assert found == ["mine.fits", "mine_astroclip.fits"]


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".ecsv", ".csv", ".parquet"])
def test_suffix_says_the_format(stub_run, catalogue, suffix):
    output = catalogue.with_name(f"out{suffix}")
    assert stub_run(catalogue, "-o", output).status == 0
    table = read_catalogue(output)
    assert len(table) == 150
    assert np.isfinite(np.asarray(table["astroclip_z"], float)).all()


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".ecsv", ".csv", ".parquet"])
def test_every_format_is_read(stub_run, tmp_path, suffix):
    table = Table({"ra": [1.0, 2.0], "dec": [3.0, 4.0]})
    path = tmp_path / f"cat{suffix}"
    format_name = {".vot": "votable", ".parquet": "parquet"}.get(suffix)
    table.write(path, **{"format": format_name} if format_name else {})
    assert stub_run(path).status == 0
    assert len(read_catalogue(tmp_path / "cat_astroclip.fits")) == 2


def test_summary_says_where_how_many_and_that_it_is_simulated(stub_run, catalogue):
    out = stub_run(catalogue).out
    assert str(catalogue.with_name("mine_astroclip.fits")) in out
    assert "rows annotated  150 of 150" in out
    assert "SIMULATED" in out
    look = [line for line in out.splitlines() if line.strip()[:2] in {"0 ", "1 ", "2 ", "3 ", "4 "}]
    assert len(look) == 5


@pytest.mark.parametrize("option", ["--dry-run", "--overwrite"])
def test_positions_line_says_that_degrees_were_assumed(stub_run, tmp_path, option):
    path = tmp_path / "hours.csv"
    Table({"ra": [10.0083, 10.0085], "dec": [2.2, 2.3]}).write(path)
    result = stub_run(path, option)
    (line,) = (line for line in result.out.splitlines() if line.startswith("  positions"))
    assert "RA/Dec from columns 'ra', 'dec' (ICRS degrees); 'ra' has no unit" in line
    assert "RA was taken as degrees. If it is in hours" in line
    assert "Warning" not in result.err


def test_summary_says_where_the_positions_are_from(stub_run, catalogue):
    assert (
        "  positions       RA/Dec from columns 'ra', 'dec' (ICRS degrees)\n"
        in stub_run(catalogue).out
    )


def test_quiet_says_nothing(stub_run, catalogue):
    result = stub_run(catalogue, "--quiet")
    assert (result.status, result.out, result.err) == (0, "", "")


def test_rows_are_the_same_as_of_the_whole(stub_run, catalogue, tmp_path):
    stub_run(catalogue)
    assert stub_run(catalogue, "--rows", "40:120", "-o", tmp_path / "part.fits").status == 0
    whole = read_catalogue(catalogue.with_name("mine_astroclip.fits"))
    same_values(read_catalogue(tmp_path / "part.fits"), whole[40:120])


def test_dry_run_writes_nothing(stub_run, catalogue):
    result = stub_run(catalogue, "--dry-run")
    assert result.status == 0
    assert "150" in result.out
    assert "about" in result.out
    assert [path.name for path in catalogue.parent.iterdir()] == ["mine.fits"]


def test_dry_run_says_that_the_output_exists(stub_run, catalogue):
    assert "--overwrite" not in stub_run(catalogue, "--dry-run").out
    stub_run(catalogue)
    before = catalogue.with_name("mine_astroclip.fits").read_bytes()
    result = stub_run(catalogue, "--dry-run")
    assert result.status == 0
    assert "  needs       --overwrite: the output exists\n" in result.out
    assert "needs" not in stub_run(catalogue, "--dry-run", "--overwrite").out
    assert catalogue.with_name("mine_astroclip.fits").read_bytes() == before


def test_dry_run_says_which_columns_are_there_already(stub_run, catalogue):
    stub_run(catalogue)
    result = stub_run(catalogue.with_name("mine_astroclip.fits"), "--dry-run")
    assert result.status == 0
    words = (
        "needs       --overwrite: the catalogue has columns called astroclip_image, astroclip_spec"
    )
    assert words in result.out
    assert re.search(r"astroclip_z and \d+ more", result.out)


def test_bar_says_what_is_done(stub_run, catalogue):
    shown = stub_run(catalogue).err
    assert "reading mine.fits" in shown
    assert "embedding images" in shown
    assert "150/150 rows" in shown


def test_quiet_run_shows_nothing(stub_run, catalogue):
    assert stub_run(catalogue, "--quiet").err == ""


def interrupt_second_chunk(monkeypatch, error):
    """Make the second chunk raise."""
    real, calls = pipeline.annotate_chunk, []

    def annotate_chunk(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise error
        return real(*arguments)

    monkeypatch.setattr(pipeline, "annotate_chunk", annotate_chunk)
    return calls


def test_interrupted_run_says_how_to_resume_and_resumes(stub_run, catalogue, monkeypatch):
    with monkeypatch.context() as patched:
        interrupt_second_chunk(patched, KeyboardInterrupt())
        result = stub_run(catalogue)
    assert result.status == 130
    assert "64 of 150 rows are completed" in result.err
    assert "same command" in result.err
    with monkeypatch.context() as patched:
        calls = interrupt_second_chunk(patched, AssertionError("never reached"))
        calls.extend([1, 1])  # so that no call raises
        assert stub_run(catalogue).status == 0
        assert len(calls) == 4  # two of the three chunks were left
    resumed = read_catalogue(catalogue.with_name("mine_astroclip.fits"))
    stub_run(catalogue, "-o", catalogue.with_name("again.fits"))
    same_values(resumed, read_catalogue(catalogue.with_name("again.fits")))


def test_dry_run_keeps_finished_chunks_and_counts_them(stub_run, catalogue, monkeypatch):
    with monkeypatch.context() as patched:
        interrupt_second_chunk(patched, KeyboardInterrupt())
        stub_run(catalogue)
    kept = sorted(catalogue.parent.rglob("*.npy"))
    assert "64 completed already" in stub_run(catalogue, "--dry-run").out
    assert sorted(catalogue.parent.rglob("*.npy")) == kept


def test_dry_run_of_a_few_rows_says_that_their_time_is_not_measured(stub_run, catalogue):
    few = stub_run(catalogue, "--rows", ":99", "--dry-run").out
    assert "weights     stub on a GPU if there is one, else the CPU\n" in few
    assert "time        not measured for fewer than 100 rows\n" in few
    assert "rows a second" not in few
    assert "to embed 100 rows at " in stub_run(catalogue, "--rows", ":100", "--dry-run").out


def test_dry_run_of_a_few_rows_counts_what_an_interrupted_run_has_finished(
    stub_run, catalogue, monkeypatch
):
    with monkeypatch.context() as patched:
        interrupt_second_chunk(patched, KeyboardInterrupt())
        stub_run(catalogue, "--rows", ":90")
    shown = stub_run(catalogue, "--rows", ":90", "--dry-run").out
    assert "90 with good coordinates; 64 completed already" in shown
    assert "weights     stub on cpu" in shown


def test_dry_run_finds_damaged_weights(run, catalogue, tmp_path):
    for suffix in (".safetensors", ".json"):
        data = (folder("weights") / f"compact{suffix}").read_bytes()
        (tmp_path / f"bad{suffix}").write_bytes(data)
    (tmp_path / "bad.safetensors").write_bytes(b"damaged")
    options = ("--weights", tmp_path / "bad.safetensors", "--source", "demo", "--rows", ":9")
    result = run(catalogue, *options, "--dry-run")
    assert result.status == 2
    assert "copy both files again" in result.err


def test_no_resume_starts_over(stub_run, catalogue, monkeypatch):
    with monkeypatch.context() as patched:
        interrupt_second_chunk(patched, KeyboardInterrupt())
        stub_run(catalogue)
    calls = interrupt_second_chunk(monkeypatch, AssertionError)
    calls.extend([1, 1])
    assert stub_run(catalogue, "--no-resume").status == 0
    assert len(calls) == 5


def test_other_options_do_not_resume(run, make_job, catalogue, monkeypatch):
    monkeypatch.setattr(
        "astroclip_astro.annotate.plan.check_options",
        lambda **options: StubOptions(make_job(modality=tuple(options["modality"].split(",")))),
    )
    with monkeypatch.context() as patched:
        interrupt_second_chunk(patched, KeyboardInterrupt())
        run(catalogue, "--source", "stub")
    assert run(catalogue, "--source", "stub", "--modality", "image").status == 0
    table = read_catalogue(catalogue.with_name("mine_astroclip.fits"))
    assert "astroclip_spectrum" not in table.colnames


def test_full_disk_while_writing_keeps_what_is_done(stub_run, catalogue, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", full)
        result = stub_run(catalogue)
    assert result.status == 2
    assert "No space left on device" in result.err
    assert not catalogue.with_name("mine_astroclip.fits").exists()
    assert stub_run(catalogue).status == 0


@pytest.fixture
def own_run(run, make_job, own_reference, monkeypatch):
    """As `stub_run`, with a reference that has labels of its own."""
    monkeypatch.setattr(
        "astroclip_astro.annotate.plan.check_options",
        lambda **options: StubOptions(make_job(reference=own_reference)),
    )
    return lambda *arguments: run(*arguments, "--source", "stub")


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".ecsv", ".csv", ".parquet"])
def test_own_labels_are_columns_in_every_format(own_run, catalogue, suffix):
    output = catalogue.with_name(f"own{suffix}")
    assert own_run(catalogue, "-o", output).status == 0
    table = read_catalogue(output)
    ends = ("", "_err", "_lo", "_hi")
    own = [f"astroclip_{label}{end}" for label in ("age", "log_SFR") for end in ends]
    assert table.colnames[-8:] == own
    assert np.isfinite(np.asarray(table["astroclip_age"])).all()
    if suffix != ".csv":
        assert [str(table[name].unit) for name in own[:4]] == ["Gyr"] * 4
        assert table["astroclip_log_SFR"].unit == u.dex(u.solMass / u.yr)
        assert table["astroclip_age"].description.startswith("Age of the stars; zero-shot")
        assert table["astroclip_age"].description.endswith("(simulated reference own)")
        assert table["astroclip_age"].meta["ucd"] == "stat.value"
        assert table.meta["ACCOLS"].endswith(",labels")


def test_own_labels_are_in_plan_and_summary(own_run, catalogue):
    plan = own_run(catalogue, "--dry-run").out
    assert "own, 400 SIMULATED galaxies, with labels age, log_SFR" in plan
    summary = own_run(catalogue).out
    assert "with labels age, log_SFR" in summary
    assert " log_SFR_err" in summary


def test_run_with_own_labels_is_resumed_with_them(own_run, catalogue, monkeypatch):
    with monkeypatch.context() as patched:
        interrupt_second_chunk(patched, KeyboardInterrupt())
        own_run(catalogue)
    assert own_run(catalogue).status == 0
    resumed = read_catalogue(catalogue.with_name("mine_astroclip.fits"))
    own_run(catalogue, "-o", catalogue.with_name("again.fits"))
    same_values(resumed, read_catalogue(catalogue.with_name("again.fits")))
    assert np.isfinite(resumed["astroclip_age"]).all()


def test_column_that_an_own_label_would_replace_is_kept(own_run, catalogue):
    table = read_catalogue(catalogue)
    table["ASTROCLIP_LOG_SFR"] = 1.0
    table.write(catalogue, overwrite=True)
    result = own_run(catalogue)
    assert result.status == 2
    assert "ASTROCLIP_LOG_SFR" in result.err
    assert own_run(catalogue, "--overwrite").status == 0
    names = read_catalogue(catalogue.with_name("mine_astroclip.fits")).colnames
    assert "ASTROCLIP_LOG_SFR" not in names
    assert "astroclip_log_SFR" in names


def test_every_option_is_in_the_help():
    text = CliRunner().invoke(annotate, ["--help"]).output
    for option in (
        "--position --name --output --format --source --modality --weights --reference --ra --dec "
        "--columns --match-radius --device --precision --rows "
        "--no-resume --verify-source --overwrite --dry-run --quiet --verbose"
    ).split():
        assert option in text
    for status in ("0 done", "2 a mistake", "3 no data", "130"):
        assert status in " ".join(text.split())


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_values(tmp_path):
    """Kill -9 in the middle of real work: the same command then ends as if nothing had happened.

    It is killed where it would write its second chunk.
    """
    rng = np.random.default_rng(3)
    demo = read_catalogue(os.path.join(os.path.dirname(__file__), "../../catalogs/demo.fits"))
    path = tmp_path / "long.ecsv"
    Table(demo[rng.integers(0, 40, 300)]["name", "ra", "dec"], masked=False).write(path)
    code = "from astroclip_astro.cli.annotate import main; main()"
    held = (
        "import signal\n"
        "from astroclip_astro.storage.chunk_store import ChunkStore\n"
        "save = ChunkStore.save\n"
        "def stop(store, number, rows):\n"
        "    if number:\n"
        "        print('held', flush=True)\n"
        "        signal.pause()\n"
        "    save(store, number, rows)\n"
        "ChunkStore.save = stop\n"
    )
    command = [str(path), "--source", "demo", "--quiet", "--device", "cpu", "-o"]
    killed, whole = tmp_path / "killed.fits", tmp_path / "whole.fits"
    begin = [sys.executable, "-c", held + code, *command, killed]
    with started(begin, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGKILL)
    assert not killed.exists()
    assert len(list(tmp_path.glob(".astroclip-*/*.npy"))) == 1
    for output in (killed, whole):
        subprocess.run([sys.executable, "-c", code, *command, str(output)], check=True)
    same_values(read_catalogue(killed), read_catalogue(whole))
    assert not list(tmp_path.glob(".*"))


@pytest.fixture
def computed(monkeypatch):
    """What grows with each chunk that is computed."""
    chunks, real = [], pipeline.annotate_chunk
    monkeypatch.setattr(
        pipeline, "annotate_chunk", lambda *args: (chunks.append(1), real(*args))[1]
    )
    return chunks


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_what_the_output_cannot_hold_is_refused_before_the_first_row(
    stub_run, catalogue, computed, options
):
    table = read_catalogue(catalogue)
    n = MaskedColumn(np.zeros(150, int), mask=np.arange(150) == 3)
    n[140] = -(2**63)
    table["n"] = n
    table.write(catalogue.with_name("mine.ecsv"))
    result = stub_run(catalogue.with_name("mine.ecsv"), *options)
    assert (result.status, computed) == (2, [])
    assert "'n' has nulls and also holds -9223372036854775808" in result.err
    assert not catalogue.with_name("mine_astroclip.fits").exists()
    held = catalogue.with_name("held.parquet")
    assert stub_run(catalogue.with_name("mine.ecsv"), "-o", held).status == 0
    assert read_catalogue(held)["n"].tolist() == n.tolist()


def test_what_standard_output_cannot_hold_is_refused_before_the_first_row(
    stub_run, catalogue, computed
):
    table = read_catalogue(catalogue)
    for number in range(980):
        table[f"LINE{number:03d}_FLUX"] = np.float32(1)
    table.write(catalogue.with_name("wide.ecsv"))
    result = stub_run(catalogue.with_name("wide.ecsv"), "-o", "-", "--format", "fits")
    assert (result.status, result.out, computed) == (2, "", [])
    assert "at most 999 columns" in result.err


def test_summary_says_what_became_of_decimals(stub_run, catalogue):
    table = read_catalogue(catalogue)
    table["price"] = Column(np.full(150, 0.5), meta={"arrow_type": "decimal128(10, 2)"})
    table.write(catalogue.with_name("mine.ecsv"))
    words = "price (decimal128(10, 2)) as float64"
    assert words in stub_run(catalogue.with_name("mine.ecsv"), "--dry-run").out
    assert words in stub_run(catalogue.with_name("mine.ecsv")).out
    held = catalogue.with_name("held.parquet")
    assert words not in stub_run(catalogue.with_name("mine.ecsv"), "-o", held).out
    assert str(parquet.read_schema(held).field("price").type) == "decimal128(10, 2)"


LOCKED = """
import sys
from astroclip_astro.storage.lock import output_lock
with output_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_second_run_with_the_same_output_ends_with_status_2(stub_run, catalogue):
    output = catalogue.with_name("out.fits")
    begin = [sys.executable, "-c", LOCKED, output]
    with started(begin, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        result = stub_run(catalogue, "-o", output)
        assert (result.status, output.exists()) == (2, False)
        assert f"another run (process {process.pid} on {socket.gethostname()})" in result.err
        assert stub_run(catalogue, "-o", output, "--dry-run").status == 0  # it writes nothing
        assert stub_run(catalogue, "-o", catalogue.with_name("other.fits")).status == 0
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert stub_run(catalogue, "-o", output).status == 0
    assert not list(catalogue.parent.glob(".*"))


def test_run_that_finds_its_output_written_meanwhile_ends_at_once(stub_run, catalogue, monkeypatch):
    output, locked = catalogue.with_name("out.fits"), ChunkStore.locked

    def finished_by_another(store):
        output.touch()
        return locked(store)

    monkeypatch.setattr(ChunkStore, "locked", finished_by_another)
    result = stub_run(catalogue, "-o", output)
    assert result.status == 2
    assert "exists" in result.err
    assert not list(catalogue.parent.glob(".*"))


def stopped_in_chunk(monkeypatch, number):
    """Let a run be interrupted when it would keep a chunk."""
    save = ChunkStore.save

    def stop(store, place, rows):
        if place == number:
            raise KeyboardInterrupt
        save(store, place, rows)

    monkeypatch.setattr(ChunkStore, "save", stop)
    return lambda: monkeypatch.setattr(ChunkStore, "save", save)


def test_run_for_another_format_finds_the_chunks_of_an_interrupted_one(
    stub_run, catalogue, monkeypatch, computed
):
    go_on = stopped_in_chunk(monkeypatch, 2)
    assert stub_run(catalogue, "-o", catalogue.with_name("out.fits")).status == 130
    go_on()
    output = catalogue.with_name("out.vot")
    assert "128 completed already" in stub_run(catalogue, "-o", output, "--dry-run").out
    computed.clear()
    assert stub_run(catalogue, "-o", output).status == 0
    assert len(computed) == 1
    assert stub_run(catalogue, "-o", catalogue.with_name("whole.vot")).status == 0
    same_values(read_catalogue(output), read_catalogue(catalogue.with_name("whole.vot")))
    assert not list(catalogue.parent.glob(".*"))


class FolderSource(StubSource):
    """The stub, known by the content of a folder."""

    def __init__(self, content):
        super().__init__()
        self.content, self.verified = content, []

    def content_key(self, *, verify=False):
        self.verified.append(verify)
        return f"{self.content} {verify}"


@pytest.mark.parametrize(("content", "chunks"), [("a", 1), ("b", 3)])
def test_run_is_continued_with_the_same_files_only(
    run, make_job, catalogue, monkeypatch, computed, content, chunks
):
    """Both folders have the same relative name."""
    used = iter([FolderSource("a"), FolderSource(content)])
    monkeypatch.setattr(
        "astroclip_astro.annotate.plan.check_options",
        lambda **options: StubOptions(make_job(next(used))),
    )
    go_on = stopped_in_chunk(monkeypatch, 2)
    assert run(catalogue, "--source", "sky").status == 130
    go_on()
    computed.clear()
    assert run(catalogue, "--source", "sky").status == 0
    assert len(computed) == chunks


def test_source_is_verified_on_demand(run, make_job, catalogue, monkeypatch):
    source = FolderSource("a")
    monkeypatch.setattr(
        "astroclip_astro.annotate.plan.check_options",
        lambda **options: StubOptions(make_job(source)),
    )
    assert run(catalogue, "--source", "sky", "--verify-source").status == 0
    assert source.verified == [True]


def test_only_a_folder_can_be_verified(stub_run, catalogue):
    result = stub_run(catalogue, "--verify-source")
    assert result.status == 2
    assert "--verify-source goes with a folder of files only" in result.err


def test_damaged_chunk_of_an_interrupted_run_is_computed_again(stub_run, catalogue, monkeypatch):
    go_on = stopped_in_chunk(monkeypatch, 2)
    output = catalogue.with_name("out.fits")
    assert stub_run(catalogue, "-o", output).status == 130
    go_on()
    path = next(catalogue.parent.glob(".astroclip-*/00000001.npy"))
    content = bytearray(path.read_bytes())
    content[-2000:] = bytes(2000)
    path.write_bytes(content)
    assert "64 completed already" in stub_run(catalogue, "-o", output, "--dry-run").out
    assert stub_run(catalogue, "-o", output).status == 0
    assert stub_run(catalogue, "-o", catalogue.with_name("whole.fits")).status == 0
    same_values(read_catalogue(output), read_catalogue(catalogue.with_name("whole.fits")))


@pytest.mark.parametrize("name", ["glob[1]*.fits", "x" * 245 + ".fits"])
def test_odd_output_names_work_and_leave_nothing(stub_run, catalogue, name):
    half = catalogue.with_name(".astroclip-00000000-dead.part")
    half.touch()  # another output's
    assert stub_run(catalogue, "-o", catalogue.with_name(name)).status == 0
    found = sorted(path.name for path in catalogue.parent.iterdir())
    assert found == sorted([half.name, name, "mine.fits"])


def test_errors_are_calibrated_on_a_column_of_the_catalogue(stub_run, catalogue):
    table = read_catalogue(catalogue)
    plain = catalogue.with_name("plain.fits")
    assert stub_run(catalogue, "-o", plain).status == 0
    ours = np.asarray(read_catalogue(plain)["astroclip_z"], float)
    off = np.where(np.arange(len(ours)) % 2, 0.1, -0.1)
    table["Z_SPEC"] = ours + off
    table.write(catalogue, overwrite=True)
    result = stub_run(catalogue, "--calibrate", "redshift=Z_SPEC")
    assert result.status == 0, result.err
    found = read_catalogue(catalogue.with_name("mine_astroclip.fits"))
    low, high = (np.asarray(found[f"astroclip_z_{end}"], float) for end in ("lo", "hi"))
    covered = (low <= ours + off) & (ours + off <= high)
    assert 0.65 < covered.mean() < 0.75  # none of them was, by errors that a stub gives
    assert found["astroclip_z_err"].description.endswith("(calibrated on 150 rows of Z_SPEC)")
    assert found.meta["ACCAL1"].startswith("redshift: Z_SPEC")


def test_numbers_that_stand_for_no_redshift_are_counted_in_the_summary(stub_run, catalogue):
    table = read_catalogue(catalogue)
    rng = np.random.default_rng(5)
    table["Z_SPEC"] = np.where(np.arange(150) % 3, rng.uniform(0.1, 0.5, 150), 99.0)
    table.write(catalogue, overwrite=True)
    calibrate = ("--calibrate", "redshift=Z_SPEC")
    line = "redshift on 100 rows of Z_SPEC; left out 50 values not between -0.01 and 7 (99 in 50 ro"
    assert f"  calibrated  {line}" in stub_run(catalogue, *calibrate, "--dry-run").out
    result = stub_run(catalogue, *calibrate)
    assert result.status == 0, result.err
    assert f"  calibrated      {line}" in result.out
    result = stub_run(catalogue, *calibrate, "--calibrate-limits", "redshift=0:100", "--dry-run")
    assert "redshift on 150 rows of Z_SPEC; 99 is repeated as no measurement is" in result.out


def test_positions_in_another_frame_are_transformed_and_said(stub_run, catalogue):
    table = Table({"l": [150.0, 160.0], "b": [50.0, 60.0]})
    table.write(catalogue, overwrite=True)
    assert "--frame galactic --ra l --dec b" in stub_run(catalogue).err
    result = stub_run(catalogue, "--frame", "galactic", "--ra", "l", "--dec", "b")
    assert result.status == 0, result.err
    words = "RA/Dec from columns 'l', 'b' (galactic by --frame, as ICRS degrees)"
    assert f"positions       {words}" in result.out
    found = read_catalogue(catalogue.with_name("mine_astroclip.fits"))
    assert found["l"].tolist() == [150, 160]
    assert found.meta["ACFRAME"] == "galactic of l, b"
    icrs = SkyCoord(table["l"], table["b"], unit="deg", frame="galactic").icrs
    expected = [int(ra * 1000) + 10**15 for ra in icrs.ra.deg]
    assert found["astroclip_targetid"].tolist() == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("redshift=NONE", "No column NONE"),
        ("age=ra", "Label 'age' cannot be calibrated"),
        ("redshift", "expected LABEL=COLUMN"),
    ],
)
def test_calibration_that_cannot_be_is_refused_at_once(stub_run, catalogue, given, message):
    result = stub_run(catalogue, "--calibrate", given)
    assert result.status == 2
    assert message in result.err
