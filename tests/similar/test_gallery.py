"""Pictures of similar galaxies: what is in the panels, and which files there may be."""

import sys

import numpy as np
import pytest
from astropy.table import Table
from stubs import StubSource, mark

from astroclip_astro.errors import InputError, OutputError
from astroclip_astro.figures.gallery import Panel, draw_gallery, gallery_figure
from astroclip_astro.figures.picture import check_picture, save_picture
from astroclip_astro.flags import Flag
from astroclip_astro.similar.gallery import MAX_MATCHES_DRAWN, collect_panels
from astroclip_astro.similar.query import Query

pytest.importorskip("matplotlib")
VECTOR = np.eye(128, dtype=np.float32)[0]


@pytest.fixture
def table():
    return Table({"ra": np.arange(40.0), "dec": np.zeros(40)})


@pytest.fixture
def found():
    return Table({"row": [5, 2], "similarity": [0.91239, 0.5]})


def test_panels_are_the_query_then_the_matches(table, found):
    panels = collect_panels(Query(VECTOR, "image", "row 7", row=7), found, table, StubSource())
    assert [panel.title for panel in panels] == [
        "query: row 7",
        "row 5, similarity 0.912",
        "row 2, similarity 0.500",
    ]
    for panel, row in zip(panels, (7, 5, 2), strict=True):
        assert panel.image[0, 0, 0] == pytest.approx(mark(row, 0))
        assert panel.flux[0] == pytest.approx(mark(row, 0))


def test_gaps_are_empty_panels(table, found):
    source = StubSource(gaps={Flag.NO_IMAGE: [5.0], Flag.NO_SPECTRUM: [2.0]})
    _, five, two = collect_panels(Query(VECTOR, "image", "q", row=7), found, table, source)
    assert five.image is None
    assert five.flux is not None
    assert two.image is not None
    assert two.flux is None


def test_row_without_a_position_is_an_empty_panel(table, found):
    table["ra"][5] = np.nan
    _, five, _ = collect_panels(Query(VECTOR, "image", "q", row=7), found, table, StubSource())
    assert five.image is None
    assert five.flux is None


def test_query_is_what_was_given_or_fetched(table, found):
    image = np.ones((3, 96, 96), np.float32)
    given = Query(VECTOR, "image", "an image", image=image)
    assert collect_panels(given, found, table, StubSource())[0].image is image
    there = Query(VECTOR, "image", "a position", position=(3.5, 0.0), image=image)
    panel = collect_panels(there, found, table, StubSource())[0]
    assert panel.flux[0] == pytest.approx(mark(3.5, 0))
    bare = collect_panels(Query(VECTOR, None, "an embedding"), found, table, StubSource())[0]
    assert bare.image is None


def test_only_the_first_are_drawn(table):
    found = Table({"row": np.arange(30), "similarity": np.ones(30)})
    panels = collect_panels(Query(VECTOR, "image", "q", row=7), found, table, StubSource())
    assert len(panels) == 1 + MAX_MATCHES_DRAWN


IMAGE = np.random.default_rng(1).normal(0.1, 0.1, (3, 120, 130)).astype(np.float32)
FLUX = np.linspace(1, 2, 7781)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
@pytest.mark.parametrize(
    "panels",
    [
        [Panel("query", IMAGE, FLUX, np.ones(7781)), Panel("row 1", IMAGE), Panel("row 2")],
        [Panel("query", IMAGE), *[Panel("row 1, similarity 1", IMAGE)] * 6],
        [Panel("query", None, np.full(7781, np.nan))],
    ],
    ids=["rows", "grid", "empty"],
)
def test_picture_is_drawn_and_nothing_else_left(tmp_path, panels, suffix):
    path = tmp_path / f"picture.{suffix}"
    draw_gallery(panels, path, title="SIMULATED")
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    assert path.read_bytes().startswith(starts[suffix])
    assert list(tmp_path.iterdir()) == [path]


def test_title_is_in_the_picture(tmp_path):
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):
        draw_gallery([Panel("query: row 7", IMAGE)], tmp_path / "p.svg", title="SIMULATED sky")
    text = (tmp_path / "p.svg").read_text()
    assert "SIMULATED sky" in text
    assert "row 7" in text


def test_place_that_cannot_be_written_is_reported(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        draw_gallery([Panel("query", IMAGE)], tmp_path / "nowhere" / "p.png")


@pytest.mark.parametrize("name", ["p.jpg", "p", "p.fits"])
def test_unknown_suffix_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"\.png, \.pdf, \.svg"):
        check_picture(tmp_path / name)


def test_existing_picture_is_kept_unless_told(tmp_path):
    path = tmp_path / "p.PNG"
    path.touch()
    with pytest.raises(OutputError, match="exists"):
        check_picture(path)
    check_picture(path, overwrite=True)


def test_missing_matplotlib_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"astroclip-astro\[plot\]"):
        check_picture(tmp_path / "p.png")


def test_figure_is_drawn_before_it_is_saved(tmp_path):
    panels = [Panel("query", IMAGE, FLUX, np.ones(7781)), Panel("row 1, similarity 1")]
    figure = gallery_figure(panels, title="SIMULATED")
    assert not list(tmp_path.iterdir())
    assert [axes.get_title(loc="left") for axes in figure.axes[1::2]] == [p.title for p in panels]
    assert figure.get_suptitle() == "SIMULATED"
    assert len(figure.axes[0].images) == 1
    assert len(figure.axes[1].lines) == 1
    assert "no spectrum" in [text.get_text() for text in figure.axes[3].texts]


def test_query_is_told_from_matches_by_its_colour():
    panels = [Panel("query", None, FLUX), Panel("row 1", None, FLUX), Panel("row 2", None, FLUX)]
    figure = gallery_figure(panels)
    query, first, second = (axes.lines[0].get_color() for axes in figure.axes[1::2])
    assert query != first == second


def test_saved_file_has_the_format_of_its_suffix(tmp_path):
    save_picture(gallery_figure([Panel("query", IMAGE)]), tmp_path / "p.PDF")
    assert (tmp_path / "p.PDF").read_bytes().startswith(b"%PDF")


def test_picture_that_is_only_shown_needs_no_path():
    check_picture(None)
