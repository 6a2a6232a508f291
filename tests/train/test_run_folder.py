"""The folder of a run: whole checkpoints or none, a log without holes, one run in a folder."""

import errno
import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from safetensors import SafetensorError
from torch import nn

from astroclip_astro.errors import InputError, OutputError
from astroclip_astro.train import run_folder as module
from astroclip_astro.train.run_folder import RunFolder, open_run

CONFIGURATION = {"name": "mine", "spectrum": {"steps": 5, "learning_rate": 0.1}}
FACTS = {"stage": "spectrum", "seed": 1}
LINES = "step,loss\n1,0.5\n2,0.25\n3,0.125\n"


def network():
    """A network that has taken a step, and its optimiser."""
    torch.manual_seed(1)
    module, optimiser = again()
    module(torch.ones(3, 4)).square().mean().backward()
    optimiser.step()
    return module, optimiser


@pytest.fixture
def folder(tmp_path):
    """A folder with a checkpoint after step 7."""
    (tmp_path / "run").mkdir()
    folder = RunFolder(tmp_path / "run")
    folder.save(7, *network())
    return folder


def again():
    """The same network before its step, with other parameters."""
    module = nn.Linear(4, 2)
    return module, torch.optim.AdamW(module.parameters(), lr=0.1)


def test_checkpoint_restores_parameters_and_memory(folder):
    saved, memory = network()
    found, restored = again()
    assert folder.load(found, restored) == 7
    assert torch.equal(found.weight, saved.weight)
    for number, one in memory.state_dict()["state"].items():
        for name, value in one.items():
            assert torch.equal(restored.state_dict()["state"][number][name], value)


def test_without_a_checkpoint_nothing_is_done(tmp_path):
    assert RunFolder(tmp_path).load(*again()) == 0


@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("I/O error")]
)
def test_full_disk_leaves_the_last_checkpoint(folder, failure, monkeypatch):
    def fail(tensors, path, facts):
        path.write_bytes(b"the half of it")
        raise failure

    before = folder.checkpoint.read_bytes()
    monkeypatch.setattr(module, "save_file", fail)
    with pytest.raises(OutputError, match=r"checkpoint.*what was there is kept"):
        folder.save(8, *network())
    assert folder.checkpoint.read_bytes() == before
    assert [one.name for one in folder.path.iterdir()] == ["checkpoint.safetensors"]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_damaged_checkpoint_is_refused_or_whole(folder, data):
    """Whatever bytes of names, shapes and counts are changed: no other error."""
    whole = folder.checkpoint.read_bytes()
    damaged = bytearray(whole)
    head = 8 + int.from_bytes(whole[:8], "little")
    for place in data.draw(st.lists(st.integers(0, head - 1), min_size=1, max_size=3)):
        damaged[place] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))]
    folder.checkpoint.write_bytes(damaged)
    module, optimiser = again()
    words = str(folder.checkpoint)
    try:
        assert folder.load(module, optimiser) > 0
        module(torch.ones(1, 4)).sum().backward()
        optimiser.step()
    except InputError as error:
        words = str(error)
    finally:
        folder.checkpoint.write_bytes(whole)
    assert str(folder.checkpoint) in words


@pytest.mark.parametrize("module", [nn.Linear(5, 2), nn.Sequential(nn.Linear(4, 2))])
def test_checkpoint_of_another_network_is_refused(folder, module):
    with pytest.raises(InputError, match="does not go with this run"):
        folder.load(module, torch.optim.AdamW(module.parameters()))


def test_checkpoint_without_memory_is_refused(folder):
    module, _ = network()
    folder.save(7, module, torch.optim.AdamW(module.parameters()))
    with pytest.raises(InputError, match="memory is not that of its parameters"):
        folder.load(*again())


@pytest.mark.parametrize("half", ["4", "4,0.0", "4,0.0625,", "4,0.0625,7,8"])
def test_line_of_a_step_that_is_not_kept_is_written_anew(folder, half):
    folder.log.write_text(LINES + half)
    folder.cut(folder.log, 3)
    assert folder.log.read_text().split() == LINES.split()


def test_lines_after_the_checkpoint_are_written_anew(folder):
    folder.log.write_text(LINES)
    folder.cut(folder.log, 2)
    assert folder.log.read_text().split() == LINES.split()[:3]


def test_log_without_a_whole_line_begins_again(folder):
    folder.log.write_text("step,lo")
    folder.cut(folder.log, 2)
    assert not folder.log.exists()


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.binary(max_size=60))
def test_no_log_stands_in_the_way(folder, damage):
    folder.log.write_bytes(LINES.encode() + damage)
    folder.cut(folder.log, 3)
    assert [row["step"] for row in folder.rows(folder.log)][:2] == ["1", "2"]


def test_lines_have_their_columns_once(folder):
    for step in (1, 2):
        folder.add(folder.log, {"step": step, "loss": 0.5 / step})
    assert folder.log.read_text().split() == ["step,loss", "1,0.5", "2,0.25"]


def test_log_that_cannot_be_written_is_named(folder):
    folder.log.mkdir()
    with pytest.raises(OutputError, match=r"log\.csv cannot be written"):
        folder.add(folder.log, {"step": 1})


def test_new_run_says_what_it_is(tmp_path):
    folder = open_run(tmp_path / "run", CONFIGURATION, FACTS, resume=False)
    facts = json.loads((folder.path / "run.json").read_text())
    assert facts == {"configuration": CONFIGURATION, **FACTS}
    assert (folder.path / "configuration.toml").read_text().startswith('name = "mine"')


def test_taken_folder_is_left_alone(tmp_path):
    open_run(tmp_path / "run", CONFIGURATION, FACTS, resume=False)
    with pytest.raises(OutputError, match="holds a training run; go on with --resume"):
        open_run(tmp_path / "run", CONFIGURATION, FACTS, resume=False)


@pytest.mark.parametrize("resume", [False, True])
def test_folder_of_something_else_is_left_alone(tmp_path, resume):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match="not empty and holds no training run"):
        open_run(tmp_path, CONFIGURATION, FACTS, resume=resume)
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.tex"]


def test_folder_below_nothing_is_refused(tmp_path):
    with pytest.raises(OutputError, match="cannot be made"):
        open_run(tmp_path / "no" / "run", CONFIGURATION, FACTS, resume=False)


@pytest.mark.parametrize("left", ["run.json", "configuration.toml"])
def test_run_killed_while_it_began_can_go_on(tmp_path, left):
    """Whichever of its two files was written last."""
    folder = open_run(tmp_path / "run", CONFIGURATION, FACTS, resume=False)
    (folder.path / "configuration.toml").unlink()
    if left != "run.json":
        (folder.path / "run.json").replace(folder.path / ".run.json.new")
    open_run(folder.path, CONFIGURATION, FACTS, resume=True)
    assert (folder.path / "configuration.toml").exists()
    assert (folder.path / "run.json").exists()


@pytest.mark.parametrize(
    ("configuration", "facts", "words"),
    [
        (CONFIGURATION, FACTS | {"seed": 2}, "seed is 1 there, 2 here"),
        (CONFIGURATION, FACTS | {"stage": "image"}, "stage is 'spectrum' there, 'image' here"),
        (CONFIGURATION | {"spectrum": {"steps": 9, "learning_rate": 0.1}}, FACTS, "steps is 5"),
    ],
)
def test_other_options_are_refused_with_what_differs(tmp_path, configuration, facts, words):
    open_run(tmp_path / "run", CONFIGURATION, FACTS, resume=False)
    with pytest.raises(InputError, match=f"holds another run: .*{words}"):
        open_run(tmp_path / "run", configuration, facts, resume=True)


def test_damaged_facts_are_refused(tmp_path):
    open_run(tmp_path / "run", CONFIGURATION, FACTS, resume=False)
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json cannot be read"):
        open_run(tmp_path / "run", CONFIGURATION, FACTS, resume=True)
