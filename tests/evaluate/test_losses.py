"""The losses that a report draws are those of the logs."""

import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.losses import loss_figures

pytest.importorskip("matplotlib")


def write_log(folder, losses, *, held_out=None):
    folder.mkdir(parents=True)
    for name, values in (("log", losses), ("validation", held_out)):
        if values is not None:
            lines = [f"{step},{loss},1e-3\n" for step, loss in enumerate(values, start=1)]
            (folder / f"{name}.csv").write_text("step,loss,learning_rate\n" + "".join(lines))
    return folder


def curves(figure):
    """For each panel, its lines."""
    return {
        axes.get_title(): [line.get_xydata().tolist() for line in axes.lines]
        for axes in figure.axes
    }


def test_losses_of_all_stages(tmp_path):
    write_log(tmp_path / "run" / "align", [3, 1], held_out=[2.5])
    write_log(tmp_path / "run" / "spectrum", [5, 4])
    write_log(tmp_path / "run" / "image", [7, "nan", 6])
    write_log(tmp_path / "run" / "notes", [0])
    ((name, (figure, words)),) = loss_figures([tmp_path / "run"]).items()
    assert name == "losses"
    assert "held out" in words
    assert curves(figure) == {
        "spectrum": [[[1, 5], [2, 4]]],
        "image": [[[1, 7], [3, 6]]],
        "align": [[[1, 3], [2, 1]], [[1, 2.5]]],
    }


def test_losses_of_one_stage(tmp_path, monkeypatch):
    write_log(tmp_path / "mine", [5, 4], held_out=[3, 2])
    expected = {"mine": [[[1, 5], [2, 4]], [[1, 3], [2, 2]]]}
    assert curves(loss_figures([tmp_path / "mine"])["losses"][0]) == expected
    monkeypatch.chdir(tmp_path / "mine")
    assert curves(loss_figures([type(tmp_path)()])["losses"][0]) == expected


def test_losses_of_several_runs_do_not_hide_each_other(tmp_path):
    for run, loss in (("first", 5), ("second", 4)):
        write_log(tmp_path / run / "align", [loss], held_out=[loss - 1])
    found = curves(loss_figures([tmp_path / "first", tmp_path / "second"])["losses"][0])
    assert found == {"align": [[[1, 5]], [[1, 4]]], "second/align": [[[1, 4]], [[1, 3]]]}
    with pytest.raises(InputError, match="Two runs of --losses are called second/align"):
        loss_figures([tmp_path / "first", *[tmp_path / "second"] * 2])


def test_no_run_has_no_losses():
    assert loss_figures([]) == {}


def test_folder_without_log_is_refused(tmp_path):
    for run in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=r"holds no log\.csv.*astroclip-train"):
            loss_figures([run])


@pytest.mark.parametrize(
    "contents",
    [
        b"step,learning_rate\n1,0.1\n",  # no losses
        b"step,loss\n1,much\n",
        b"step,loss\n1\n",
        b"step,loss\n1,\xff\n",
        b'step,loss\n1,"' + b"2" * 200_000 + b'"\n',  # more than a field may hold
    ],
)
@pytest.mark.parametrize("name", ["log", "validation"])
def test_broken_log_is_refused(tmp_path, contents, name):
    run = write_log(tmp_path / "run", [5, 4])
    (run / f"{name}.csv").write_bytes(contents)
    with pytest.raises(InputError, match=rf"{name}\.csv cannot be read, expected CSV.*step and"):
        loss_figures([run])
