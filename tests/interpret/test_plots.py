"""Plots of one object: the row asked for, the weights asked for, saved where asked."""

import json
import shutil

import numpy as np
import pytest
from astropy.table import Table
from stubs import StubSource

from astroclip_astro.errors import InputError, OutputError, WeightsError
from astroclip_astro.figures.lines import LINES
from astroclip_astro.flags import Flag
from astroclip_astro.interpret.plots import plot_attention, plot_masked, pretrained_weights
from astroclip_astro.models.attention_maps import masked_spans
from astroclip_astro.similar.plot import plot_similar

pytest.importorskip("matplotlib")
CPU = {"device": "cpu"}


@pytest.fixture
def table():
    table = Table({"ra": 10.0 * np.arange(8), "dec": np.zeros(8)})
    angle = np.radians([0, 10, 90, 12, 50, 60, 70, 80])
    for name in ("image", "spectrum"):
        table[f"astroclip_{name}"] = np.column_stack([np.cos(angle), np.sin(angle)])
    table["astroclip_image"][4] = np.nan
    return table


@pytest.fixture
def tiny_with(tiny_weights, tmp_path):
    """Return a function that gives the tiny weights a card with stages of training."""

    def make(**stages):
        path = tmp_path / "tiny.safetensors"
        shutil.copy(tiny_weights, path)
        card = json.loads(tiny_weights.with_suffix(".json").read_text())
        del card["card_sha256"]  # as one of an earlier version, which may be changed
        card["training"]["stages"] = stages
        path.with_suffix(".json").write_text(json.dumps(card))
        return path

    return make


@pytest.fixture(params=["attention", "masked", "similar"])
def plot(request, tiny_weights):
    """Each of the plots, with tiny weights."""
    options = {
        "attention": (plot_attention, {"weights": tiny_weights, **CPU}),
        "masked": (plot_masked, {"unaligned": tiny_weights, **CPU}),
        "similar": (plot_similar, {}),
    }
    function, given = options[request.param]
    return lambda *args, **more: function(*args, **given | more)


def test_attention_is_that_of_the_row_s_spectrum(table, tiny_weights):
    from astroclip_astro import load_model

    figure = plot_attention(table, 3, source=StubSource(), weights=tiny_weights, **CPU)
    (spectrum,) = StubSource().spectra(_targets(table, 3), 1)
    weights, _ = load_model(tiny_weights, device="cpu").attention(spectrum.flux[None])
    assert len(figure.axes) == 5
    for axes, head in zip(figure.axes[1:], weights[0], strict=True):
        np.testing.assert_allclose(axes.patches[0].get_data().values, 100 * head[1:], rtol=1e-4)
    middle = figure.axes[0].lines[0].get_ydata()[100:-100]
    np.testing.assert_allclose(middle, spectrum.flux[100:-100], atol=1e-3)


def _targets(table, row):
    from astroclip_astro.sky import find_targets

    return find_targets(table)[[row]]


def test_lines_are_at_the_redshift_that_the_title_says(table, tiny_weights):
    figure = plot_attention(
        table, 3, source=StubSource(), weights=tiny_weights, redshift=0.05, **CPU
    )
    there = {text.get_text(): text.xy[0] for text in figure.axes[0].texts}
    (halpha,) = (line.wavelength for line in LINES if line.name == "Hα")
    assert there["Hα"] == pytest.approx(1.05 * halpha)
    assert "0.0500 (as given)" in figure.get_suptitle()


def test_titles_name_row_weights_source_and_what_is_simulated(table, tiny_weights):
    for figure in (
        plot_attention(table, 3, source=StubSource(), weights=tiny_weights, **CPU),
        plot_masked(table, 3, source=StubSource(), unaligned=tiny_weights, **CPU),
    ):
        for words in ("Row 3", "weights tiny, trained on SIMULATED galaxies", "spectrum: stub"):
            assert words in figure.get_suptitle()


def test_filling_is_that_of_the_model(table, tiny_with):
    from astroclip_astro import load_model
    from astroclip_astro.models.masking import sample_mask

    path = tiny_with(spectrum={"chunks": 4, "chunk_width": 5, "masked": "dropped"})
    figure = plot_masked(table, 3, source=StubSource(), unaligned=path, seed=7, **CPU)
    model = load_model(path, device="cpu")
    hidden = sample_mask(model.config, model.card, seed=7)
    assert hidden.sum() == 20
    spans = masked_spans(model.config, hidden)
    bands = [[p.get_x(), p.get_x() + p.get_width()] for p in figure.axes[0].patches]
    np.testing.assert_allclose(bands, spans)
    (spectrum,) = StubSource().spectra(_targets(table, 3), 1)
    expected = model.reconstruct(spectrum.flux[None], spectrum.ivar[None], masked=hidden)[0]
    np.testing.assert_allclose(figure.axes[0].lines[1].get_ydata(), expected, rtol=1e-5)


def test_chunks_are_as_many_and_as_wide_as_asked(table, tiny_weights):
    options = {"source": StubSource(), "unaligned": tiny_weights, **CPU}
    figure = plot_masked(table, 3, chunks=2, chunk_width=6, **options)
    assert len(figure.axes) == 3
    with pytest.raises(InputError, match="larger chunk_width"):
        plot_masked(table, 3, chunk_width=1, **options)


def test_aligned_weights_cannot_fill(table, tiny_with):
    path = tiny_with(spectrum={}, align={"unfreeze": True})
    with pytest.raises(WeightsError, match="cannot fill in"):
        plot_masked(table, 3, source=StubSource(), unaligned=path, **CPU)


def test_weights_before_alignment_have_no_attention_yet(table, tiny_with):
    with pytest.raises(WeightsError, match="Align them first"):
        plot_attention(table, 3, source=StubSource(), weights=tiny_with(spectrum={}), **CPU)


@pytest.mark.parametrize(
    ("weights", "unaligned", "expected"),
    [
        ("compact", None, "compact-unaligned"),
        ("compact-unaligned", None, "compact-unaligned"),
        ("compact", "mine", "mine"),
        ("foreign.safetensors", "mine", "mine"),
    ],
)
def test_weights_before_alignment_are_found(monkeypatch, weights, unaligned, expected):
    names = ["compact", "compact-unaligned"]
    monkeypatch.setattr("astroclip_astro.models.card.bundled", lambda: names)
    assert pretrained_weights(weights, unaligned) == expected


@pytest.mark.parametrize("weights", ["compact", "foreign.safetensors"])
def test_absent_weights_before_alignment_say_what_to_pass(monkeypatch, weights):
    monkeypatch.setattr("astroclip_astro.models.card.bundled", lambda: ["compact"])
    with pytest.raises(InputError, match=f"{weights}.*pass unaligned="):
        pretrained_weights(weights)


def test_similar_galaxies_are_those_of_the_table(table):
    figure = plot_similar(table, 0, k=2, source=StubSource())
    assert [axes.get_title(loc="left") for axes in figure.axes[1::2]] == [
        "query: row 0",
        "row 1, similarity 0.985",
        "row 3, similarity 0.978",
    ]
    assert "image among images" in figure.get_suptitle()
    assert "stub" in figure.get_suptitle()


def test_similar_galaxies_are_compared_as_asked(table):
    figure = plot_similar(table, 4, k=1, query="spectrum", target="image", source=StubSource())
    assert "spectrum among images" in figure.get_suptitle()


def test_similar_galaxies_may_be_asked_for_by_position(table):
    figure = plot_similar(table, position=(30.0, 0.0), k=1, source=StubSource())
    assert figure.axes[3].get_title(loc="left").startswith("row 1")


def test_similar_galaxies_may_be_asked_for_by_id(table):
    table["galaxy"] = [f"g{row}" for row in range(8)]
    figure = plot_similar(table, id="g3", id_column="galaxy", k=1, source=StubSource())
    assert figure.axes[1].get_title(loc="left") == "query: galaxy g3 (row 3)"


def test_only_so_many_similar_galaxies_are_drawn():
    many = Table({"ra": np.arange(30.0), "dec": np.zeros(30)})
    many["astroclip_image"] = np.tile([0.6, 0.8], (30, 1))
    figure = plot_similar(many, 0, k=25, source=StubSource(gaps={Flag.NO_SPECTRUM: many["ra"]}))
    assert "the first 20" in figure.get_suptitle()


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_figure_is_saved_where_asked(plot, table, tmp_path, suffix):
    path = tmp_path / f"plot.{suffix}"
    figure = plot(table, 1, source=StubSource(), path=path)
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    assert path.read_bytes().startswith(starts[suffix])
    assert figure.axes


def test_existing_file_is_kept_unless_told(plot, table, tmp_path):
    path = tmp_path / "plot.png"
    path.touch()
    source = StubSource()
    with pytest.raises(OutputError, match="exists"):
        plot(table, 1, source=source, path=path)
    assert not source.calls  # found out before anything was fetched
    plot(table, 1, source=source, path=path, overwrite=True)
    assert path.stat().st_size


def test_notebook_shows_the_figure(plot, table):
    assert plot(table, 1, source=StubSource())._repr_png_().startswith(b"\x89PNG")


def test_table_is_left_as_it_is(plot, table):
    names, meta = list(table.colnames), dict(table.meta)
    plot(table, 1, source=StubSource())
    assert (table.colnames, dict(table.meta)) == (names, meta)


def test_source_is_let_go(plot, table):
    source = StubSource()
    plot(table, 1, source=source)
    assert source.closed


def test_unknown_option_is_refused(plot, table):
    with pytest.raises(TypeError, match="colour"):
        plot(table, 1, source=StubSource(), colour="red")


def test_missing_matplotlib_says_what_to_install(plot, table, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"astroclip-astro\[plot\]"):
        plot(table, 1, source=StubSource())
