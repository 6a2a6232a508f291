"""Retrieval: tiles and their frames, and the curve of recall against chance."""

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.figures.retrieval import (
    PARTNER,
    QUERY,
    Tile,
    ranks_figure,
    recall,
    retrieval_figure,
)
from astroclip_astro.records import WAVELENGTH

pytest.importorskip("matplotlib")
PICTURE = {"baseline_dir": "baseline", "style": "default", "tolerance": 15}
SMALL = {"savefig_kwargs": {"dpi": 75}}


def image(number, size=32):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    light = np.exp(-np.hypot(x, y * (1 + 0.2 * number)) / (2 + number))
    return np.clip(light[..., None] * [1, 0.8, 0.4 + 0.1 * number], 0, 1)


def flux(number):
    rng = np.random.default_rng(number)
    line = 20 * np.exp(-0.5 * ((WAVELENGTH - 5000 - 500 * number) / 8) ** 2)
    return 3 + WAVELENGTH / 5000 + line + rng.normal(0, 1, len(WAVELENGTH))


def edge(axes):
    from matplotlib.colors import to_hex

    return to_hex(axes.spines["left"].get_edgecolor()).upper()


@pytest.mark.mpl_image_compare(**PICTURE, **SMALL)
def test_retrieval_rows():
    rows = [
        [
            Tile(image(0), description="query: image\nz = 0.10"),
            *(
                Tile(image(k), description=f"0.9{9 - k}\nz = 0.1{k}", marked=k == 2)
                for k in range(1, 4)
            ),
        ],
        [
            Tile(image(0), description="query: image\nz = 0.10"),
            *(
                Tile(flux=flux(k), description=f"0.9{9 - k}\nz = 0.1{k}", marked=k == 1)
                for k in (1, 2)
            ),
            Tile(description="0.91\nz = 0.12"),
        ],
        [
            Tile(image(1), flux(1), "query: both\nz = 0.11"),
            Tile(image(2), flux(2), "0.97\nz = 0.12"),
        ],
    ]
    return retrieval_figure(rows, title="Retrieval, SIMULATED galaxies")


@pytest.mark.mpl_image_compare(**PICTURE, **SMALL)
def test_retrieval_ranks():
    rng = np.random.default_rng(0)
    ranks = {
        name: np.clip(10 ** rng.normal(middle, 0.7, 300), 1, 500).astype(int)
        for name, middle in (("image -> spectrum", 0.8), ("spectrum -> image", 1.2))
    }
    return ranks_figure(ranks, total=500, title="Retrieval, SIMULATED galaxies")


def test_query_and_partner_have_frames():
    tiles = [Tile(image(0)), Tile(image(1)), Tile(image(2), marked=True)]
    figure = retrieval_figure([tiles], title="")
    query, other, partner = (edge(axes) for axes in figure.axes)
    assert (query, partner) == (QUERY, PARTNER)
    assert other not in (QUERY, PARTNER)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "query",
        "the same galaxy",
    ]


def test_without_a_partner_among_the_matches_none_is_explained():
    figure = retrieval_figure([[Tile(image(0), marked=True), Tile(image(1))]], title="")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["query"]


def test_thumbnail_is_as_given_its_first_row_lowest():
    pixels = image(0)
    pixels[0, 0], pixels[1, 1] = np.nan, 2
    axes = retrieval_figure([[Tile(pixels, description="a -> b")]], title="").axes[0]
    drawn = axes.images[0].get_array()
    assert drawn[0, 0].tolist() == [0, 0, 0]
    assert drawn[1, 1].tolist() == [1, 1, 1]
    assert np.array_equal(drawn[2:], pixels[2:])
    assert axes.get_ylim()[0] < axes.get_ylim()[1]
    assert axes.get_title() == "a → b"


def test_spectrum_is_a_running_mean_over_wavelength():
    axes = retrieval_figure([[Tile(flux=flux(2))]], title="").axes[0]
    x, y = axes.lines[-1].get_data()
    assert np.array_equal(x, WAVELENGTH)
    assert x[y.argmax()] == pytest.approx(6000, abs=10)
    assert y[4000] == pytest.approx(flux(2)[3985:4016].mean())
    assert axes.get_xlim() == (WAVELENGTH[0], WAVELENGTH[-1])


def test_running_mean_passes_over_what_is_missing():
    spectrum = np.full(len(WAVELENGTH), 2.0)
    spectrum[100:110] = np.nan
    spectrum[1000:1200] = np.nan
    drawn = retrieval_figure([[Tile(flux=spectrum)]], title="").axes[0].lines[-1].get_ydata()
    assert drawn[105] == pytest.approx(2)
    assert np.isnan(drawn[1100])


def test_wavelengths_are_told_below_the_last_spectrum_of_a_column():
    rows = [[Tile(image(0)), Tile(flux=flux(0))], [Tile(image(0)), Tile(flux=flux(1))]]
    figure = retrieval_figure(rows, title="")
    _, first, _, second = figure.axes
    shown = [axes.xaxis.get_tick_params()["labelbottom"] for axes in (first, second)]
    assert shown == [False, True]
    assert "wavelength in vacuum [Å]" in figure.legends[0].get_title().get_text()


def test_tile_with_both_has_its_spectrum_below():
    figure = retrieval_figure([[Tile(image(0), flux(0))]], title="")
    figure.draw_without_rendering()
    upper, lower = (axes.get_position() for axes in figure.axes)
    assert upper.y0 >= lower.y1
    assert upper.width == pytest.approx(lower.width, rel=0.1)


def test_tiles_without_data_say_so():
    tiles = [Tile(), Tile(flux=np.full(len(WAVELENGTH), np.nan))]
    first, second = retrieval_figure([tiles], title="").axes
    assert first.texts[0].get_text() == "no data"
    assert second.texts[0].get_text() == "no spectrum"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "nothing to show"),
        ([[]], "nothing to show"),
        ([[Tile(np.zeros((3, 8, 8)))]], r"shape \(3, 8, 8\), expected \(h, w, 3\)"),
        ([[Tile(flux=np.zeros(10))]], r"shape \(10,\), expected \(7781,\)"),
    ],
)
def test_rows_that_cannot_be_drawn(rows, words):
    with pytest.raises(InputError, match=words):
        retrieval_figure(rows, title="T")


def test_recall_is_the_fraction_at_a_place_or_before():
    places, fractions = recall(np.array([3, 1, 3, 100]), 200)
    assert places.tolist() == [1, 3, 100, 200]
    assert fractions.tolist() == [0.25, 0.75, 1, 1]


def test_curve_points_and_chance():
    ranks = {"image -> spectrum": np.array([1, 3, np.nan, 10, 100])}
    figure = ranks_figure(ranks, total=1000, title="")
    (axes,) = figure.axes
    curve, points, chance = axes.lines
    assert curve.get_drawstyle() == "steps-post"
    assert dict(zip(*curve.get_data(), strict=True)) == {
        1: 0.25,
        3: 0.5,
        10: 0.75,
        100: 1,
        1000: 1,
    }
    assert points.get_xydata().tolist() == [[1, 0.25], [10, 0.75], [100, 1]]
    x, y = chance.get_data()
    assert y == pytest.approx(x / 1000)
    assert (x[0], x[-1]) == pytest.approx((1, 1000))
    assert axes.get_xscale() == "log"
    assert figure.legends[0].get_texts()[0].get_text() == "image → spectrum (median rank 6.5)"


def test_one_galaxy_among_one():
    (axes,) = ranks_figure({"a": np.array([1])}, total=1, title="").axes
    assert axes.lines[0].get_xydata().tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("ranks", "total", "words"),
    [
        ({}, 5, "nothing to show"),
        ({"a": np.array([0, 1])}, 5, "from 0 to 1, expected places from 1 to 5"),
        ({"a": np.array([1, 6])}, 5, "from 1 to 6, expected places from 1 to 5"),
        ({"a": np.ones((2, 2))}, 5, "shape"),
        ({"a": np.array([1])}, 0, "0 galaxies"),
    ],
)
def test_ranks_that_cannot_be_drawn(ranks, total, words):
    with pytest.raises(InputError, match=words):
        ranks_figure(ranks, total=total, title="T")
