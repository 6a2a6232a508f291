"""What figures share: saving, colours, the panels, and that importing them costs nothing."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import astroclip_astro.figures
from astroclip_astro.errors import InputError, OutputError
from astroclip_astro.figures.panels import entitle, panel_grid, write_note
from astroclip_astro.figures.style import (
    COLOURS,
    DENSITY,
    FORMATS,
    blank_axes,
    new_figure,
    save_figure,
)

pytest.importorskip("matplotlib")
SIGNATURES = {"png": b"\x89PNG", "pdf": b"%PDF"}


@pytest.fixture
def figure():
    figure = new_figure(2, 2)
    axes = figure.subplots()
    axes.plot(np.arange(3), color=COLOURS["blue"])
    axes.set_title("flux [Å]")
    return figure


def test_figure_is_saved_in_every_format(figure, tmp_path):
    paths = save_figure(figure, tmp_path, "loss")
    assert [path.name for path in paths] == [f"loss.{kind}" for kind in FORMATS]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    for path in paths:
        assert path.read_bytes().startswith(SIGNATURES[path.suffix[1:]])


def test_the_same_figure_has_the_same_bytes_at_any_time(figure, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")  # what matplotlib takes for the time
    first = [path.read_bytes() for path in save_figure(figure, tmp_path, "a")]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    second = [path.read_bytes() for path in save_figure(figure, tmp_path, "b")]
    assert first == second


def test_saving_replaces_what_was_there(figure, tmp_path):
    (tmp_path / "loss.png").write_bytes(b"old")
    save_figure(figure, tmp_path, "loss")
    assert (tmp_path / "loss.png").read_bytes().startswith(SIGNATURES["png"])


def test_missing_folder(figure, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save_figure(figure, tmp_path / "absent", "loss")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError("No space left on device"), ValueError("broken")])
def test_nothing_is_left_behind_after_an_error(figure, tmp_path, monkeypatch, error):
    def fail(path, **options):
        Path(path).write_bytes(b"half")
        raise error

    (tmp_path / "loss.png").write_bytes(b"old")
    monkeypatch.setattr(figure, "savefig", fail)
    expected = OutputError if isinstance(error, OSError) else ValueError
    with pytest.raises(expected, match=str(error)):
        save_figure(figure, tmp_path, "loss")
    assert [path.name for path in tmp_path.iterdir()] == ["loss.png"]
    assert (tmp_path / "loss.png").read_bytes() == b"old"


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch):
    for name in [*sys.modules]:
        if name.split(".")[0] == "matplotlib":
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"pip install 'astroclip-astro\[plot\]'"):
        new_figure(1, 1)


def test_no_window_knows_of_a_figure():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    new_figure(1, 1)
    assert pyplot.get_fignums() == before


def test_colours_and_densities_are_known_to_matplotlib():
    import matplotlib
    from matplotlib.colors import is_color_like

    assert all(is_color_like(colour) for colour in COLOURS.values())
    assert len({*COLOURS.values()}) == len(COLOURS)
    assert DENSITY in matplotlib.colormaps


def test_blank_axes_say_what_is_missing():
    axes = new_figure(1, 1).subplots()
    blank_axes(axes, "no image")
    assert axes.texts[0].get_text() == "no image"
    assert len(axes.get_xticks()) == len(axes.get_yticks()) == 0


def test_panels_are_a_grid_without_spare_ones():
    figure, axes = panel_grid([*"abcd"], title="T", across=3, size=(2, 1.5))
    figure.draw_without_rendering()
    assert figure.axes == axes
    assert [one.get_title() for one in axes] == [*"abcd"]
    assert axes[3].get_position().y1 < axes[0].get_position().y0
    assert axes[3].get_position().x0 == pytest.approx(axes[0].get_position().x0, abs=0.01)


def test_lines_of_a_title_fit_the_figure():
    figure = new_figure(4, 2)
    entitle(figure, "A long title of many galaxies, all of them SIMULATED, left out by sky\nz < 1")
    figure.draw_without_rendering()
    assert figure.get_suptitle().endswith("\nz < 1")
    box = figure.texts[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


@pytest.mark.parametrize(
    ("corner", "x", "y"),
    [("upper left", 0, 1), ("upper right", 1, 1), ("lower left", 0, 0), ("lower right", 1, 0)],
)
def test_note_is_inside_its_corner(corner, x, y):
    figure = new_figure(3, 3)
    axes = figure.subplots()
    write_note(axes, "R² = 0.7", corner=corner)
    write_note(axes, "")
    figure.draw_without_rendering()
    (text,) = axes.texts
    low, high = axes.transAxes.inverted().transform(text.get_window_extent().get_points())
    assert (low > 0).all()
    assert (high < 1).all()
    assert ((low + high) / 2 > 0.5).tolist() == [bool(x), bool(y)]


def test_importing_figures_does_not_load_matplotlib():
    folder = Path(astroclip_astro.figures.__file__).parent
    names = sorted(f"astroclip_astro.figures.{path.stem}" for path in folder.glob("[!_]*.py"))
    for name in names:
        importlib.import_module(name)
    code = f"import sys, {', '.join(names)}; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
