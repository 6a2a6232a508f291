"""Rows: the right vectors on each side, and the same galaxies in all of them."""

from dataclasses import replace

import numpy as np
import pytest

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.predictors import predict
from astroclip_astro.evaluate.scores import label_scores
from astroclip_astro.evaluate.table import ROWS, evaluate_rows, retrieval

pytestmark = pytest.mark.usefixtures("few_networks")
ASKED = {  # row -> (what is known, what is looked up, how), as the paper has it
    "photometry_mlp": ("photometry", "photometry", "mlp"),
    "photometry_knn": ("photometry", "photometry", "scaled_knn"),
    "unaligned_image_mlp": ("unaligned_image", "unaligned_image", "mlp"),
    "image_knn": ("image", "image", "knn"),
    "spectrum_knn": ("spectrum", "spectrum", "knn"),
    "image_mlp": ("image", "image", "mlp"),
    "spectrum_mlp": ("spectrum", "spectrum", "mlp"),
    "cross_knn": ("spectrum", "image", "knn"),
}


def test_each_row_is_of_its_own_vectors(make_galaxies):
    reference, test = make_galaxies(300, 1), make_galaxies(60, 2)
    table = evaluate_rows(reference, test, resamples=20)
    assert list(table.scores) == list(ASKED)
    for name, (known, looked_up, method) in ASKED.items():
        for label in ("redshift", "log_stellar_mass"):
            found = predict(
                method, reference.vectors[known], reference.labels[label], test.vectors[looked_up]
            )
            np.testing.assert_array_equal(table.predictions[name][label], found, err_msg=name)
            for quantity, one in label_scores(
                label, test.labels[label], found, resamples=20
            ).items():
                assert table.scores[name][f"{quantity}_{label}"] == one
    r2 = {name: row["r2_redshift"].value for name, row in table.scores.items()}
    assert r2["spectrum_knn"] > 0.98 > r2["cross_knn"] > 0.2 > r2["photometry_knn"]


def test_all_rows_see_the_same_galaxies(make_galaxies):
    reference, test = make_galaxies(300, 1), make_galaxies(60, 2)
    holes = {name: values.copy() for name, values in test.vectors.items()}
    holes["image"][:5], holes["photometry"][7, 1], holes["unaligned_image"][9] = (np.nan,) * 3
    kept = np.setdiff1d(np.arange(60), [0, 1, 2, 3, 4, 7, 9])
    table = evaluate_rows(reference, replace(test, vectors=holes), resamples=0)
    np.testing.assert_array_equal(table.test.rows, kept * 10)
    part = replace(
        test,
        vectors={name: values[kept] for name, values in test.vectors.items()},
        labels={name: values[kept] for name, values in test.labels.items()},
        rows=test.rows[kept],
    )
    for name, predicted in evaluate_rows(reference, part, resamples=0).predictions.items():
        np.testing.assert_array_equal(table.predictions[name]["redshift"], predicted["redshift"])


def test_galaxies_without_a_label_are_told_but_not_scored(make_galaxies):
    reference, test = make_galaxies(300, 1), make_galaxies(60, 2)
    mass = np.where(np.arange(60) % 2, test.labels["log_stellar_mass"], np.nan)
    table = evaluate_rows(
        reference, replace(test, labels=test.labels | {"log_stellar_mass": mass}), resamples=0
    )
    predicted = table.predictions["spectrum_knn"]["log_stellar_mass"]
    assert np.isfinite(predicted).all()
    expected = label_scores("log_stellar_mass", mass[1::2], predicted[1::2], resamples=0)
    found = table.scores["spectrum_knn"]["scatter_log_stellar_mass"]
    assert found.value == expected["scatter"].value


@pytest.mark.parametrize(("known", "tested"), [(15, 60), (300, 1)])
def test_too_few_galaxies_are_refused(make_galaxies, known, tested):
    with pytest.raises(InputError, match=f"Only {known} galaxies .* and {tested} held out"):
        evaluate_rows(make_galaxies(known, 1), make_galaxies(tested, 2))


def test_retrieval_goes_both_ways(make_galaxies):
    test = make_galaxies(200, 1)
    found = retrieval(test, resamples=10)
    assert set(found) == {
        "image_to_spectrum", "spectrum_to_image", "image", "spectrum", "unaligned_image",
    }  # fmt: skip
    exact = retrieval(
        replace(test, vectors=dict.fromkeys(("image", "spectrum"), test.vectors["spectrum"]))
    )
    for method in ("image_to_spectrum", "spectrum_to_image"):
        assert exact[method]["median_rank"].value < found[method]["median_rank"].value
        assert exact[method]["targets"].value == 200
    swapped = retrieval(
        replace(
            test,
            vectors={"image": test.vectors["spectrum"], "spectrum": test.vectors["image"]},
        ),
        resamples=10,
    )
    assert swapped["image_to_spectrum"] == found["spectrum_to_image"]


def test_photometry_alone_has_no_retrieval(make_galaxies):
    test = make_galaxies(50, 1)
    assert retrieval(replace(test, vectors={"photometry": test.vectors["photometry"]})) == {}


def test_numbers_of_the_paper():
    paper = {name: row.paper for name, row in ROWS.items() if row.paper}
    assert paper == {
        "photometry_mlp": (0.69, 0.65),
        "unaligned_image_mlp": (0.39, 0.45),
        "image_knn": (0.71, 0.66),
        "spectrum_knn": (0.97, 0.86),
        "image_mlp": (0.63, 0.57),
        "spectrum_mlp": (0.99, 0.86),
        "cross_knn": (0.64, 0.58),
    }
