"""Figures of a report: which there are, what they are called, and what they are drawn from."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate import figures
from astroclip_astro.evaluate.coverage import CoverageCheck, coverage_bins
from astroclip_astro.evaluate.figures import (
    calibration_figures,
    check_drawable,
    novelty_figures,
    object_figures,
    prediction_figures,
    retrieval_figures,
)
from astroclip_astro.evaluate.ood import novelty_areas
from astroclip_astro.evaluate.scores import label_scores
from astroclip_astro.evaluate.table import TableOne
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies
from astroclip_astro.zeroshot.metrics import knn_regression
from astroclip_astro.zeroshot.prediction import Prediction

pytest.importorskip("matplotlib")
LABELS = ("redshift", "log_stellar_mass")
NOUN = "SIMULATED galaxies"
PAIRS = [  # what is looked up, and among what
    ("image", "image"),
    ("spectrum", "spectrum"),
    ("image", "spectrum"),
    ("spectrum", "image"),
]


def titles(figure):
    """Its own title, in one line, and those of its panels."""
    return " ".join(figure.get_suptitle().split()), [axes.get_title() for axes in figure.axes]


def arc(angle):
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def galaxies_of(rows, seed):
    rng = np.random.default_rng(seed)
    redshift = rng.uniform(0, 1, len(rows))
    return EmbeddedGalaxies(
        {
            "image": arc(redshift + rng.normal(0, 0.1, len(rows))),
            "spectrum": arc(redshift),
            "photometry": rng.normal(size=(len(rows), 3)),
        },
        {"redshift": redshift, "log_stellar_mass": 8 + 3 * redshift},
        np.asarray(rows),
        {"spectrum": rng.uniform(1, 9, len(rows))},
    )


@pytest.fixture
def table():
    """Thirty galaxies left out, of rows that have everything, told by photometry with errors."""
    test = galaxies_of(np.arange(60, 90), 2)
    predicted = {label: values + 0.1 for label, values in test.labels.items()}
    return TableOne({}, {"photometry_knn": predicted}, galaxies_of(np.arange(10, 60), 1), test)


@pytest.fixture
def labelled(labelled_file):
    from astroclip_astro.reference.labelled_file import open_labelled_file

    return open_labelled_file(labelled_file)


def test_predictions_of_every_pair_and_of_photometry(table):
    found = prediction_figures(table, NOUN)
    assert list(found) == ["predictions_redshift", "predictions_log_stellar_mass"]
    for label, (figure, words) in zip(LABELS, found.values(), strict=True):
        title, panels = titles(figure)
        assert NOUN in title
        assert panels == [*(f"{query} → {target}" for query, target in PAIRS), "photometry"]
        assert "16 nearest" in words
        true, reference = table.test.labels[label], table.reference
        for axes, (query, target) in zip(figure.axes[:4], PAIRS, strict=True):
            predicted = knn_regression(
                reference.vectors[target], reference.labels[label], table.test.vectors[query]
            )
            drawn = axes.collections[0].get_offsets()
            np.testing.assert_allclose(drawn, np.column_stack([true, predicted]), rtol=1e-6)
            r2 = label_scores(label, true, predicted, resamples=0)["r2"].value
            assert f"R² = {r2:.3f}" in axes.texts[0].get_text()
        drawn = figure.axes[-1].collections[0].get_offsets()
        np.testing.assert_allclose(drawn[:, 1], true + 0.1)
    assert "σ_NMAD" in found["predictions_redshift"][0].axes[0].texts[0].get_text()
    assert "dex" in found["predictions_log_stellar_mass"][0].axes[0].texts[0].get_text()


def test_predictions_leave_out_what_has_no_label(table):
    mass = table.test.labels["log_stellar_mass"].copy()
    mass[:4] = np.nan
    test = replace(table.test, labels=table.test.labels | {"log_stellar_mass": mass})
    found = prediction_figures(replace(table, test=test, predictions={}), NOUN)
    assert len(found["predictions_redshift"][0].axes) == 4
    for name, count in (("predictions_redshift", 30), ("predictions_log_stellar_mass", 26)):
        for axes in found[name][0].axes:
            assert len(axes.collections[0].get_offsets()) == count


def test_retrieval_shows_ranks_and_two_bright_galaxies(table, labelled):
    found = retrieval_figures(table, labelled, NOUN, seed=3)
    assert list(found) == ["ranks", "retrieval_1", "retrieval_2"]
    assert NOUN in titles(found["ranks"][0])[0]
    assert found["ranks"][0].axes[0].get_xlabel() == "first N of 30 galaxies"
    bright = table.test.covariates["spectrum"]
    shown = set()
    for name in ("retrieval_1", "retrieval_2"):
        title, panels = titles(found[name][0])
        row = int(title.split()[-1]) - 60
        shown.add(row)
        assert title.startswith(f"Most similar {NOUN} to row ")
        assert bright[row] >= np.median(bright)
        assert len(panels) == 4 * 6
        z = f"z = {table.test.labels['redshift'][row]:.2f}"
        assert panels[::6] == [
            f"{method}, {z}" for method in ("image", "spectrum", "image", "spectrum")
        ]
        for axes in found[name][0].axes[1:6]:  # images found by image: not itself, which is first
            assert not np.array_equal(
                axes.images[0].get_array(), found[name][0].axes[0].images[0].get_array()
            )
    assert len(shown) == 2


def test_partner_is_marked_and_tiles_are_of_their_rows(table, labelled):
    test = table.test
    for number, (query, target) in enumerate(PAIRS):
        row = 4 + number
        first, *found = figures.tiles(test, row, labelled, query, target)
        near = np.argsort(-(test.vectors[target] @ test.vectors[query][row]), kind="stable")
        near = [one for one in near if query != target or one != row][:5]
        assert [one.marked for one in found] == [one == row for one in near]
        assert not first.marked
        shown = [(query, row), *((target, one) for one in near)]
        for tile, (kind, one) in zip([first, *found], shown, strict=True):
            seen = figures.look(labelled, int(test.rows[one]), kind)
            assert f"z = {test.labels['redshift'][one]:.2f}" in tile.description
            np.testing.assert_array_equal(tile.image if kind == "image" else tile.flux, seen)
        assert float(found[0].description.split(",")[0]) == pytest.approx(
            float(test.vectors[target][near[0]] @ test.vectors[query][row]), abs=1e-3
        )


def test_what_is_shown_is_what_the_file_has(labelled):
    import h5py

    with h5py.File(labelled.data.path) as file:
        flux, image = file["spectrum"][33], file["images"][33].astype(float)
    np.testing.assert_array_equal(figures.look(labelled, 33, "spectrum"), flux)
    shown = figures.look(labelled, 33, "image")
    assert shown.shape == (96, 96, 3)
    assert (shown.min() >= 0) & (shown.max() <= 1)
    middle = image[1, 4:-4, 4:-4]  # r is green
    order = np.corrcoef(middle.ravel(), shown[..., 1].ravel())[0, 1]
    assert order > 0.9


def test_few_galaxies_have_few_matches(table, labelled):
    test = replace(
        table.test,
        vectors={name: values[:3] for name, values in table.test.vectors.items()},
        labels={name: values[:3] for name, values in table.test.labels.items()},
        rows=table.test.rows[:3],
        covariates={},
    )
    found = retrieval_figures(replace(table, test=test), labelled, NOUN, seed=0)
    assert list(found) == ["ranks", "retrieval_1", "retrieval_2"]
    assert len(found["retrieval_1"][0].axes) == 4 * 3


def test_seed_decides_which_galaxies_are_shown(table):
    one, same, *others = (figures.examples(table.test, seed).tolist() for seed in (0, 0, 1, 2))
    assert one == same
    assert any(one != other for other in others)


def test_attention_and_filling_of_the_same_galaxies(table, labelled, tiny_weights):
    from astroclip_astro.models.model import load_model

    model = load_model(tiny_weights, device="cpu")
    found = object_figures(table.test, labelled, model, {}, NOUN, seed=3)
    assert list(found) == ["attention_1", "attention_2"]
    rows = figures.examples(table.test, 3)
    for row, (figure, words) in zip(rows, found.values(), strict=True):
        redshift = table.test.labels["redshift"][row]
        expected = f"Row {table.test.rows[row]} of the {NOUN}, z = {redshift:.3f}"
        assert figure.get_suptitle() == expected
        assert len(figure.axes) == 1 + model.config.head_heads
        assert "attends to" in words
    both = object_figures(table.test, labelled, model, {"spectrum": model}, NOUN, seed=3)
    assert list(both) == ["attention_1", "masked_1", "attention_2", "masked_2"]
    for number in (1, 2):
        masked, attention = (both[f"{name}_{number}"][0] for name in ("masked", "attention"))
        assert masked.get_suptitle() == attention.get_suptitle()
    images = object_figures(table.test, labelled, model, {"image": model}, NOUN, seed=3)
    assert list(images) == list(found)


def check_of(true, seed):
    rng = np.random.default_rng(seed)
    value = true + rng.normal(0, 0.1, len(true))
    return CoverageCheck(
        Prediction(value),
        {0.68: (value - 0.1, value + 0.1), 0.95: (value - 0.2, value + 0.2)},
        rng.uniform(size=len(true)),
    )


@pytest.fixture
def predicted():
    """Galaxies enough for two bins, and what is told of them."""
    true = np.linspace(0, 1, 1000)
    labels = {"redshift": true, "log_stellar_mass": 8 + true}
    magnitude = np.linspace(22, 15, 1000)
    predicted = {
        label: {method: check_of(values, seed) for seed, method in enumerate(("image", "best"))}
        for label, values in labels.items()
    }
    return predicted, EmbeddedGalaxies({}, labels, np.arange(1000), {}, magnitude)


def test_transforms_and_coverage_of_each_label(predicted):
    predicted, test = predicted
    bins = coverage_bins(predicted, test, resamples=0)
    found = calibration_figures(predicted, bins, NOUN)
    assert list(found) == [f"{kind}_{label}" for label in LABELS for kind in ("pit", "coverage")]
    assert all(NOUN in titles(figure)[0] for figure, _ in found.values())
    assert titles(found["pit_redshift"][0])[1] == ["image", "best"]
    heights = [bar.get_height() for bar in found["pit_redshift"][0].axes[1].patches[:20]]
    counts = np.histogram(predicted["redshift"]["best"].pit, 20, (0, 1))[0]
    np.testing.assert_allclose(heights, counts / 50)
    axes = found["coverage_redshift"][0].axes
    assert [one.get_xlabel() for one in axes] == ["r [mag]", "predicted redshift"]
    assert found["coverage_log_stellar_mass"][0].axes[1].get_xlabel().startswith("predicted log10")
    for one, name in zip(axes, ("magnitude", "predicted value"), strict=True):
        for container, level in zip(one.containers, ("68", "95"), strict=True):
            expected = [
                bins[f"redshift by {name} {number}"][f"covered_{level}"].value for number in (1, 2)
            ]
            np.testing.assert_allclose(container.lines[0].get_ydata(), expected)
        assert [text.get_text() for text in one.texts] == ["500", "500"]


def test_without_bins_there_is_no_coverage(predicted):
    assert list(calibration_figures(predicted[0], {}, NOUN)) == [
        "pit_redshift",
        "pit_log_stellar_mass",
    ]


def test_bins_of_one_value_cannot_be_drawn_and_are_left_out(predicted):
    """As where embeddings have collapsed, and the same is told of all galaxies."""
    predicted, test = predicted
    methods = {
        "best": replace(predicted["redshift"]["best"], prediction=Prediction(np.full(1000, 0.3)))
    }
    bins = coverage_bins({"redshift": methods}, test, resamples=0)
    found = calibration_figures({"redshift": methods}, bins, NOUN)
    assert [axes.get_xlabel() for axes in found["coverage_redshift"][0].axes] == ["r [mag]"]
    bins = coverage_bins({"redshift": methods}, replace(test, magnitude=None), resamples=0)
    assert list(calibration_figures({"redshift": methods}, bins, NOUN)) == ["pit_redshift"]


def test_novelty_of_every_way_there_is():
    rng = np.random.default_rng(1)
    ordinary = {method: rng.uniform(size=60) for method in ("image", "spectrum", "either")}
    strange = {
        "simulated star": {method: rng.uniform(0.8, 1, 9) for method in ordinary},
        "real qso": {"spectrum": np.append(rng.uniform(0.5, 1, 4), np.nan)},
        "real galaxy": {"spectrum": np.full(2, np.nan)},
    }
    areas = novelty_areas(ordinary, strange, resamples=0)
    found = novelty_figures(ordinary, strange, areas, NOUN)
    assert list(found) == ["novelty_image", "novelty_spectrum", "novelty_either"]
    kinds = {
        name: [label.get_text() for label in figure.axes[0].get_yticklabels()]
        for name, (figure, _) in found.items()
    }
    assert kinds["novelty_image"] == ["ordinary (60)", "simulated star (9)"]
    assert kinds["novelty_spectrum"] == [
        *("ordinary (60)", "simulated star (9)", "real qso (4)", "real galaxy (0)")
    ]
    assert titles(found["novelty_either"][0])[0] == f"Novelty by image or spectrum, beside {NOUN}"
    (right,) = found["novelty_spectrum"][0].axes[0].child_axes
    notes = [label.get_text() for label in right.get_yticklabels()]
    aucs = [areas[kind]["auc_spectrum"].value for kind in ("simulated star", "real qso")]
    assert notes == ["", *(f"AUC {auc:.2f}" for auc in aucs), ""]


def test_objects_without_images_have_no_figure_of_images():
    ordinary = {method: np.linspace(0, 1, 9) for method in ("image", "spectrum", "either")}
    strange = {"real qso": {"spectrum": np.ones(3)}}
    areas = novelty_areas(ordinary, strange, resamples=0)
    assert list(novelty_figures(ordinary, strange, areas, NOUN)) == ["novelty_spectrum"]


def test_without_matplotlib_there_is_a_way_out(monkeypatch):
    check_drawable()
    for name in [*sys.modules]:
        if name.split(".")[0] == "matplotlib":
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"astroclip-astro\[plot\].*--no-figures"):
        check_drawable()
