"""The most similar galaxies, beside brute force; every way of asking; who never comes."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable, Table
from hypothesis import HealthCheck, given, settings, strategies as st
from stubs import StubModel, StubSource

from astroclip_astro.errors import (
    CatalogueError,
    InputError,
    OptionError,
    SourceError,
    WeightsError,
)
from astroclip_astro.flags import Flag
from astroclip_astro.records import Cutout, Spectrum
from astroclip_astro.similar.plot import plot_similar
from astroclip_astro.similar.search import SimilaritySearch, similar

PAIRS = [(query, target) for query in ("image", "spectrum") for target in ("image", "spectrum")]
WITHOUT = {"image": [3, 17], "spectrum": [4, 17, 20]}  # rows that lack it


def unit_vectors(count, seed, width=128):
    made = np.random.default_rng(seed).normal(size=(count, width))
    return (made / np.linalg.norm(made, axis=1)[:, None]).astype(np.float32)


@pytest.fixture(params=[Table, QTable])
def table(request):
    """Thirty galaxies; some lack an image, a spectrum or both: NaN, or masked."""
    made = request.param({"name": [f"g{i}" for i in range(30)]})
    made["ra"], made["dec"] = np.arange(30) * 0.1 * u.deg, np.zeros(30) * u.deg
    for seed, (modality, without) in enumerate(WITHOUT.items()):
        values = unit_vectors(30, seed)
        mask = np.zeros(values.shape, bool)
        values[without[0]] = np.nan
        mask[without[1:]] = True
        made[f"astroclip_{modality}"] = MaskedColumn(values, mask=mask)
    made.meta.update(ACWEIGHT="stub", ACWSHA="0" * 64, OBSERVER="me")
    return made


@pytest.fixture
def stub_model(monkeypatch):
    """Let images and spectra be embedded by their brightness; count the loads."""
    loads = []

    def load(name, **options):
        loads.append(name)
        return StubModel()

    monkeypatch.setattr("astroclip_astro.models.model.load_model", load)
    return loads


@pytest.fixture
def bright(stub_model):
    """Galaxies of growing brightness, embedded as the stub's model would."""
    brightness = np.linspace(1, 5, 41)
    made = Table({"ra": np.arange(41.0), "dec": np.zeros(41)})
    made["astroclip_image"] = StubModel.embed_brightness(brightness)
    made["astroclip_spectrum"] = StubModel.embed_brightness(brightness + 0.04)
    made.meta["ACWSHA"] = "0" * 64
    return made


def brute_force(queries, points, k, without=()):
    """Rows and cosines by the definition, ties by row number."""
    cosine = points.astype(float) @ queries.astype(float)
    order = np.lexsort((np.arange(len(points)), -cosine))
    order = [row for row in order if row not in without][:k]
    return order, cosine[order]


@pytest.mark.parametrize(("query", "target"), PAIRS)
def test_every_pair_is_brute_force(table, query, target):
    found = similar(table, 8, k=6, query=query, target=target)
    queries = np.asarray(table[f"astroclip_{query}"])[8]
    points = np.asarray(table[f"astroclip_{target}"])
    rows, cosine = brute_force(queries, points, 6, {8, *WITHOUT[target]})
    assert found["row"].tolist() == rows
    np.testing.assert_allclose(found["similarity"], cosine, atol=1e-6)


@pytest.mark.parametrize(("query", "target"), PAIRS)
def test_every_pair_in_the_reference_is_brute_force(table, stub_reference, query, target):
    found = similar(
        table, 8, k=6, query=query, target=target, within="reference", reference=stub_reference
    )
    queries = np.asarray(table[f"astroclip_{query}"])[8]
    rows, cosine = brute_force(queries, getattr(stub_reference, target), 6)
    assert found["row"].tolist() == rows
    np.testing.assert_allclose(found["similarity"], cosine, atol=1e-6)
    np.testing.assert_array_equal(found["redshift"], stub_reference.labels["redshift"][rows])


@pytest.mark.parametrize("target", ["image", "spectrum"])
def test_own_row_is_left_out_whatever_is_compared(table, target):
    table["astroclip_spectrum"] = table["astroclip_image"]
    assert 8 not in similar(table, 8, k=30, query="image", target=target)["row"]


@pytest.mark.parametrize("target", ["image", "spectrum"])
def test_rows_without_an_embedding_never_come(table, target):
    found = similar(table, 8, k=100, target=target)
    assert set(found["row"].tolist()) == set(range(30)) - {8, *WITHOUT[target]}


def test_row_that_lacks_the_target_takes_no_place_of_others(table):
    found = similar(table, 4, k=100, query="image", target="spectrum")
    assert len(found) == 27


def test_ties_go_by_row_number(table):
    table["astroclip_image"][[25, 2, 11]] = np.asarray(table["astroclip_image"][8])
    assert similar(table, 8, k=3)["row"].tolist() == [2, 11, 25]


@given(order=st.permutations(range(30)), row=st.integers(0, 29), k=st.integers(1, 29))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_permuted_table_gives_the_same_galaxies(order, row, k):
    table = Table({"name": [f"g{i}" for i in range(30)], "astroclip_image": unit_vectors(30, 5)})
    shuffled = table[list(order)]
    one, other = similar(table, row, k=k), similar(shuffled, order.index(row), k=k)
    assert one["name"].tolist() == other["name"].tolist()
    np.testing.assert_array_equal(one["similarity"], other["similarity"])


@given(
    seed=st.integers(0, 10**6),
    count=st.integers(2, 25),
    lost=st.sets(st.integers(1, 24), max_size=10),
    k=st.integers(1, 30),
)
@settings(max_examples=50, deadline=None)
def test_any_table_is_brute_force(seed, count, lost, k):
    vectors = unit_vectors(count, seed, width=3)
    vectors[count // 2] = vectors[0]  # a tie, or the same row
    lost = {row for row in lost if row < count - 1}
    points = vectors.copy()
    points[list(lost)] = np.nan
    table = Table({"astroclip_image": points})
    found = similar(table, 0, k=k)
    usable = count - 1 - len(lost)
    assert len(found) == min(k, usable)
    rest = [row for row in range(1, count) if row not in lost]
    expected = np.sort(vectors[rest].astype(float) @ vectors[0])[::-1]
    np.testing.assert_allclose(found["similarity"], expected[: len(found)], atol=1e-6)
    assert set(found["row"].tolist()) <= set(rest)
    keys = [(-s, r) for s, r in zip(found["similarity"], found["row"], strict=True)]
    assert keys == sorted(keys)


def test_result_has_the_users_columns_without_embeddings(table):
    found = similar(table, 8, k=2)
    assert found.colnames == ["row", "similarity", "name", "ra", "dec"]
    assert found["name"].tolist() == [f"g{row}" for row in found["row"]]
    assert found.meta["OBSERVER"] == "me"
    assert type(found) is type(table)


def test_result_says_what_was_asked(table):
    found = similar(table, 8, target="spectrum")
    facts = [found.meta[key] for key in ("ACQUERY", "ACBY", "ACAMONG", "ACWITHIN", "ACSEARCH")]
    assert facts == ["row 8", "image", "spectrum", "table", "exact"]
    assert found["similarity"].description.endswith("image among spectra")


def test_table_is_not_changed(table):
    before = table.copy()
    found = similar(table, 8)
    found["name"][:] = "x"
    assert table.colnames == before.colnames
    assert (table["name"] == before["name"]).all()
    image = np.asarray(table["astroclip_image"])
    np.testing.assert_array_equal(image, np.asarray(before["astroclip_image"]))


@pytest.mark.parametrize("taken", ["row", "Similarity"])
def test_users_column_of_our_name_is_renamed(table, taken):
    table[taken], table[f"{taken}_1"] = np.arange(30), 0
    found = similar(table, 8, k=3)
    assert found[f"{taken}_2"].tolist() == found["row"].tolist()


def test_image_comes_first_where_nothing_is_said(table):
    assert similar(table, 8).meta["ACBY"] == "image"
    assert similar(table, 3).meta["ACBY"] == "spectrum"  # row 3 has no image


def test_table_with_spectra_alone_is_searched_by_them(table):
    table.remove_column("astroclip_image")
    assert similar(table, 8).meta["ACAMONG"] == "spectrum"


def test_embedding_finds_its_own_row(table):
    found = similar(table, embedding=np.asarray(table["astroclip_spectrum"])[8], target="spectrum")
    assert found["row"][0] == 8
    assert found["similarity"][0] == pytest.approx(1)


def test_position_is_its_row_with_separations(table):
    found = similar(table, position=(0.8 + 0.5 / 3600, 0), k=30)
    assert found["row"].tolist() == similar(table, 8, k=30)["row"].tolist()
    assert found.meta["ACQUERY"].endswith("(row 8)")
    expected = np.abs(found["row"] * 0.1 - 0.8 - 0.5 / 3600) * 3600
    np.testing.assert_allclose(np.asarray(found["separation"]), expected, rtol=1e-9)
    assert str(found["separation"].unit) == "arcsec"


@pytest.mark.parametrize("options", [{"id": "g8"}, {"id": "g8", "id_column": "name"}])
def test_id_is_its_row(table, options):
    found = similar(table, k=30, **options)
    assert found["row"].tolist() == similar(table, 8, k=30)["row"].tolist()
    assert found.meta["ACQUERY"] == "name g8 (row 8)"


def test_number_of_a_column_that_is_named_is_its_row(table):
    table["number"] = 100 + np.arange(30)
    assert similar(table, id=108, id_column="number").meta["ACQUERY"] == "number 108 (row 8)"


def test_position_beyond_the_radius_is_refused_without_a_source(table):
    with pytest.raises(InputError, match="the nearest, row 8, is"):
        similar(table, position=(0.8 + 1.8 / 3600, 0))
    assert len(similar(table, position=(0.8 + 1.8 / 3600, 0), match_radius=2)) == 10
    assert len(similar(table, position=(0.8 + 1.8 / 3600, 0), match_radius=2 * u.arcsec)) == 10


def test_position_that_the_table_lacks_is_fetched_and_the_source_closed(bright):
    source = StubSource()
    found = similar(bright, position=(0.3, 0), source=source, k=3)  # brightness 1 + 0.3 * 7.3
    assert found["row"][0] == round((0.3 * 7.3) / 0.1)
    assert "from stub" in found.meta["ACQUERY"]
    assert source.closed


@pytest.mark.parametrize("failing", [False, True])
def test_position_where_the_source_has_nothing_says_so(bright, failing):
    failed = Flag.SOURCE_FAILED if failing else Flag(0)
    gaps = {Flag.NO_IMAGE | failed: [0.3], Flag.NO_SPECTRUM | failed: [0.3]}
    error, words = (SourceError, "has failed") if failing else (InputError, "Nothing at")
    with pytest.raises(error, match=rf"{words}.*\(image: made to fail; spectrum: made to fail\)"):
        similar(bright, position=(0.3, 0), source=StubSource(gaps=gaps))


def test_position_with_a_spectrum_alone_is_searched_by_it(bright):
    source = StubSource(gaps={Flag.NO_IMAGE: [0.3]})
    assert similar(bright, position=(0.3, 0), source=source).meta["ACBY"] == "spectrum"


def cutout(brightness):
    return np.full((3, 96, 96), brightness, np.float32)


def flux(brightness):
    return np.full(7781, brightness, np.float32)


def record(brightness):
    ones = np.ones(7781, np.float32)
    return Spectrum(flux(brightness), ones, 1, 0, 0, 0, True, 1, None, None, None, "")


@pytest.mark.parametrize("target", ["image", "spectrum"])
@pytest.mark.parametrize(
    "way",
    [
        {"image": cutout(3)},
        {"image": Cutout(cutout(3), True, "")},
        {"spectrum": flux(3)},
        {"spectrum": (flux(3), flux(1))},
        {"spectrum": record(3)},
    ],
    ids=["image", "cutout", "flux", "flux and ivar", "spectrum"],
)
def test_image_and_spectrum_are_embedded_and_nothing_is_left_out(bright, way, target):
    found = similar(bright, k=1, target=target, **way)
    assert found["row"].tolist() == [20]
    assert found["similarity"][0] == pytest.approx(1, abs=1e-3)


def test_target_is_by_default_what_was_given(bright):
    assert similar(bright, image=cutout(3)).meta["ACAMONG"] == "image"
    assert similar(bright, spectrum=flux(3)).meta["ACAMONG"] == "spectrum"


def test_files_are_read(bright):
    from astroclip_astro.resources import folder

    sky = folder("catalogs") / "demo_sky"
    path = sky / "coadd-sim-bright-0.fits"
    assert len(similar(bright, image=sky / "cutout-05.fits", k=2)) == 2
    assert len(similar(bright, spectrum=str(path), targetid=900000000000003, k=2)) == 2


def test_nothing_is_loaded_for_rows_and_embeddings(table, stub_model, stub_reference):
    similar(table, 8)
    similar(table, embedding=unit_vectors(1, 9)[0])
    similar(table, 8, within="reference", reference=stub_reference)
    assert not stub_model


def test_weights_are_those_that_the_table_names(bright, stub_model):
    bright.meta["ACWEIGHT"] = "mine"
    similar(bright, image=cutout(3))
    assert stub_model == ["mine"]


@pytest.mark.parametrize("way", [{"image": cutout(3)}, {"spectrum": flux(3)}])
def test_other_weights_than_the_table_s_are_refused(bright, way):
    bright.meta["ACWSHA"] = "f" * 64
    with pytest.raises(WeightsError, match=r"ffffffffffff.*000000000000.*--weights"):
        similar(bright, **way)


def test_reference_of_other_weights_is_refused(table, stub_reference):
    table.meta["ACWSHA"] = "f" * 64
    with pytest.raises(WeightsError, match="weights and reference that go together"):
        similar(table, 8, within="reference", reference=stub_reference)


def test_table_that_does_not_name_its_weights_passes(table, bright, stub_reference):
    del table.meta["ACWSHA"], bright.meta["ACWSHA"]
    assert len(similar(table, 8, within="reference", reference=stub_reference)) == 10
    assert len(similar(bright, image=cutout(3))) == 10


def test_matches_in_the_reference_say_that_they_are_simulated(table, own_reference):
    found = similar(table, 8, within="reference", reference=own_reference)
    labels = ["redshift", "log_stellar_mass", "age", "log_SFR"]
    assert found.colnames == ["row", "similarity", *labels]
    for name in ("row", *labels):
        assert "simulated reference own" in found[name].description
    assert found["age"].description.startswith("Age of the stars")
    assert str(found["age"].unit) == "Gyr"
    facts = [found.meta[key] for key in ("ACREF", "ACREFSIM", "SIMULATD", "ACWSHA")]
    assert facts == ["own", "SIMULATED", True, "0" * 64]


def test_bundled_reference_is_that_of_the_weights(table):
    table.meta.update(ACWEIGHT="compact")
    del table.meta["ACWSHA"]
    assert similar(table, 8, within="reference", k=1).meta["ACREF"] == "compact"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Found no query"),
        ({"row": 1, "position": (0, 0)}, "row and position"),
        ({"row": 1, "id": "g1"}, "row and id"),
        ({"row": 1, "id_column": "name"}, "id_column goes with id only"),
        ({"id": "g30"}, "No row has 'g30' in column 'name'"),
        ({"id": "g1", "id_column": "nam"}, "did you mean 'name'"),
        ({"id": "g17"}, "Row 17 has no embedding"),
        ({"row": 30}, "row is 30, expected 0 to 29"),
        ({"row": -1}, "row is -1"),
        ({"row": 1.0}, "whole number"),
        ({"row": True}, "whole number"),
        ({"row": 17}, "Row 17 has no embedding of its image or spectrum"),
        ({"row": 3, "query": "image"}, "Row 3 has no embedding of its image"),
        ({"row": 8, "query": "colour"}, "query is 'colour'"),
        ({"row": 8, "target": "colour"}, "target is 'colour'"),
        ({"row": 8, "within": "sky"}, "'table' or 'reference'"),
        ({"row": 8, "method": "quick"}, "'exact' or 'approximate'"),
        ({"row": 8, "k": 0}, "k is 0"),
        ({"row": 8, "k": 2.5}, "k is 2.5"),
        ({"row": 8, "reference": "compact"}, "--in-reference"),
        ({"row": 8, "layer": "ls-dr10"}, "--layer goes with a source"),
        ({"row": 8, "targetid": 3}, "targetid goes with the file"),
        ({"position": (0, 99)}, "position is"),
        ({"position": (0, 0), "match_radius": -1}, "match_radius is -1"),
        ({"embedding": np.full(128, np.nan)}, "without NaN"),
        ({"embedding": np.ones(128)}, "length 11.3"),
        ({"embedding": unit_vectors(2, 1)}, r"shape \(2, 128\)"),
        ({"embedding": unit_vectors(1, 1, 64)[0]}, "64 wide, expected 128"),
        ({"image": cutout(1), "query": "spectrum"}, "leave query out"),
        ({"image": cutout(1)[0]}, r"expected \(3, h, w\)"),
        ({"image": cutout(0)}, "Nothing is in the image"),
        ({"spectrum": (flux(1), flux(1)[:9])}, r"expected flux, or \(flux, ivar\)"),
        ({"spectrum": flux(np.nan)}, "Nothing is in the spectrum"),
        ({"image": "nowhere.fits"}, "nowhere.fits cannot be used"),
    ],
)
def test_mistake_is_explained(table, monkeypatch, options, words):
    def load(name, **_):
        model = StubModel()
        model.embed_images = lambda images: model.embed_brightness(
            np.where(images.any((1, 2, 3)), 1.0, np.nan)
        )
        return model

    monkeypatch.setattr("astroclip_astro.models.model.load_model", load)
    with pytest.raises(InputError, match=words):
        similar(table, **options)


def test_unknown_option_is_refused(table):
    with pytest.raises(TypeError, match="colour"):
        similar(table, 8, colour="red")


def test_table_without_embeddings_says_what_to_do():
    with pytest.raises(CatalogueError, match="run astroclip-annotate first"):
        similar(Table({"ra": [1.0]}), 0)


def test_embeddings_spread_by_csv_are_explained():
    with pytest.raises(CatalogueError, match="as CSV files have it"):
        similar(Table({"astroclip_image_0": [1.0]}), 0)


def test_column_that_is_no_embedding_is_refused():
    with pytest.raises(CatalogueError, match="expected a vector of floats"):
        similar(Table({"astroclip_image": [1.0]}), 0)


def test_lonely_galaxy_has_nobody_alike():
    with pytest.raises(InputError, match="No other row of the table"):
        similar(Table({"astroclip_image": unit_vectors(1, 1)}), 0)


def test_approximate_search_finds_the_same_here(table):
    pytest.importorskip("faiss")
    exact, other = (similar(table, 8, method=method) for method in ("exact", "approximate"))
    assert exact["row"].tolist() == other["row"].tolist()
    assert other.meta["ACSEARCH"] == "approximate"


@pytest.mark.parametrize(
    ("step", "options", "nearest"),
    [
        (lambda search: search.query(rwo=3), None, "row"),
        (lambda search: search.match(search.query(3), kk=3), None, "k"),
        (None, {"sorce": "demo"}, "source"),
    ],
)
def test_each_step_names_the_nearest_of_its_own_options(table, step, options, nearest):
    with pytest.raises(OptionError, match=f"did you mean '{nearest}'"):
        step(SimilaritySearch(table)) if step else SimilaritySearch(table, **options)


def test_options_of_another_step_are_refused(table):
    with pytest.raises(OptionError, match="no option 'k'"):
        SimilaritySearch(table, k=3)


def test_picture_of_a_reference_is_refused(table):
    with pytest.raises(InputError, match="cannot be drawn"):
        plot_similar(table, 0, within="reference", source=StubSource())


def test_embeddings_of_different_weights_are_refused_with_both_names(table):
    table.meta.update({"ACW_IMG": f"one {'a' * 64}", "ACW_SPC": f"two {'b' * 64}"})
    with pytest.raises(WeightsError, match=r"astroclip_image .*one.*astroclip_spectrum .*two"):
        similar(table, 0, query="image", target="spectrum")
    assert len(similar(table, 0, query="image", target="image", k=3)) == 3


def test_weights_are_those_of_the_embeddings_and_not_of_the_last_call(bright, stub_model):
    bright.meta.update(ACWEIGHT="several", ACWSHA="several")
    bright.meta.update(dict.fromkeys(("ACW_IMG", "ACW_SPC"), f"mine {'0' * 64}"))
    similar(bright, image=np.full((3, 96, 96), 2.0))
    assert stub_model == ["mine"]
