"""Rows become columns: every row complete or flagged, and never with another row's data."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from stubs import StubSource, mark

from astroclip_astro.annotate.pipeline import CHUNK_ROWS, annotate_targets
from astroclip_astro.annotate.progress import Progress
from astroclip_astro.columns import COLUMNS
from astroclip_astro.errors import SourceError, UnreachableWarning
from astroclip_astro.flags import Flag
from astroclip_astro.records import MissingData, Targets
from astroclip_astro.storage.chunk_store import ChunkStore
from astroclip_astro.zeroshot.estimator import KNNEstimator


def make_targets(ra, dec=None):
    ra = np.asarray(ra, float)
    dec = np.zeros(len(ra)) if dec is None else np.asarray(dec, float)
    bad = ~np.isfinite(ra)
    dec = np.where(bad, np.nan, dec)
    return Targets(ra, dec, np.zeros(len(ra), np.int64), np.zeros(len(ra), bool))


def by_targetid(ids, *, positioned=False):
    nowhere = np.full(len(ids), np.nan)
    known = np.ones(len(ids), bool)
    return Targets(nowhere, nowhere, np.array(ids, np.int64), known, positioned=positioned)


def test_every_column_is_there(make_job):
    rows = annotate_targets(make_targets([10.0, 20.0]), make_job())
    assert rows.dtype.names == tuple(column.name for column in COLUMNS)


def test_complete_row_has_no_null_and_no_flag(make_job):
    rows = annotate_targets(make_targets([10.0]), make_job())
    assert rows["astroclip_flags"][0] == 0
    for name in rows.dtype.names:
        if rows[name].dtype.kind == "f":
            missing = name == "astroclip_z_other"  # there is one redshift
            assert np.isnan(rows[name]).all() if missing else np.isfinite(rows[name]).all(), name


def test_every_row_gets_its_own_data(make_job):
    ra = np.linspace(0, 359, 40)
    rows = annotate_targets(make_targets(ra), make_job())
    expected = np.array([mark(a, 0) for a in ra])
    found = 4 * np.arctan2(rows["astroclip_image"][:, 1], rows["astroclip_image"][:, 0])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_array_equal(rows["astroclip_targetid"], [int(a * 1000) + 10**15 for a in ra])


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10**6))
def test_shuffled_rows_give_shuffled_results(make_job, seed):
    ra = np.linspace(1, 300, 12)
    ra[3] = np.nan
    order = np.random.default_rng(seed).permutation(12)
    job = make_job()
    straight = annotate_targets(make_targets(ra), job)
    shuffled = annotate_targets(make_targets(ra[order]), job)
    assert shuffled.tobytes() == straight[order].tobytes()


def test_bad_coordinate_is_a_flagged_row(make_job):
    rows = annotate_targets(make_targets([10.0, np.nan]), make_job())
    expected = Flag.BAD_COORDINATES | Flag.NO_IMAGE | Flag.NO_SPECTRUM
    assert rows["astroclip_flags"][1] == expected
    assert np.isnan(rows["astroclip_z"][1])
    assert np.isfinite(rows["astroclip_z"][0])


@pytest.mark.parametrize(
    ("flag", "kept", "lost"),
    [(Flag.NO_IMAGE, "spectrum", "image"), (Flag.NO_SPECTRUM, "image", "spectrum")],
)
def test_absent_modality_is_null_and_flagged(make_job, flag, kept, lost):
    job = make_job(StubSource(gaps={flag: [10.0]}))
    rows = annotate_targets(make_targets([10.0, 20.0]), job)
    assert rows["astroclip_flags"][0] & flag
    assert not rows["astroclip_flags"][1] & flag
    assert np.isnan(rows[f"astroclip_{lost}"][0]).all()
    assert np.isnan(rows[f"astroclip_z_{lost}"][0])
    assert rows["astroclip_z"][0] == rows[f"astroclip_z_{kept}"][0]
    assert rows["astroclip_logmstar_err"][0] == rows[f"astroclip_logmstar_{kept}_err"][0]


def test_two_different_redshifts_are_flagged_not_averaged(make_job):
    job = make_job(StubSource(cutout={"image": np.full((3, 96, 96), 5.0, np.float32)}))
    rows = annotate_targets(make_targets([10.0, 11.0]), job)
    for row in range(2):
        image, spectrum = (rows[f"astroclip_z_{way}"][row] for way in ("image", "spectrum"))
        assert abs(image - spectrum) > 0.05
        assert {rows["astroclip_z"][row], rows["astroclip_z_other"][row]} == {image, spectrum}
        assert rows["astroclip_flags"][row] & Flag.SEVERAL_REDSHIFTS


def test_the_best_value_is_weighed_as_the_reference_was(make_job):
    job = make_job(StubSource(cutout={"image": np.full((3, 96, 96), 5.0, np.float32)}))
    job.calibrated["log_stellar_mass"].stacking_weights.weights[:] = 0.9
    rows = annotate_targets(make_targets(np.linspace(0, 359, 20)), job)
    estimator = job.calibrated["log_stellar_mass"]
    assert not np.allclose(rows["astroclip_logmstar_image"], rows["astroclip_logmstar_spectrum"])
    for row in rows:
        ratio = np.log(row["astroclip_logmstar_image_err"] / row["astroclip_logmstar_spectrum_err"])
        weight = estimator.stacking_weights.weights[
            np.searchsorted(estimator.stacking_weights.edges, ratio)
        ]
        image, spectrum = row["astroclip_logmstar_image"], row["astroclip_logmstar_spectrum"]
        best = weight * image + (1 - weight) * spectrum
        assert row["astroclip_logmstar"] == pytest.approx(best, abs=1e-4)


def test_intervals_enclose_the_value_and_are_two_errors_wide(make_job):
    rows = annotate_targets(make_targets(np.linspace(0, 359, 20)), make_job())
    for stem in ("z", "z_image", "z_spectrum", "logmstar", "logmstar_image", "logmstar_spectrum"):
        value, error, low, high = (
            rows[f"astroclip_{stem}{end}"].astype(float) for end in ("", "_err", "_lo", "_hi")
        )
        assert ((low <= value) & (value <= high) & (error > 0)).all()
        np.testing.assert_allclose(high - low, 2 * error, atol=2e-6)


def test_brightness_is_taken_where_the_reference_has_it(make_job):
    job = make_job()
    lit = replace(job.reference, covariates={"image": np.linspace(1e6, 2e6, len(job.reference))})
    estimators = {way: KNNEstimator(lit, way) for way in job.modality}
    rows = annotate_targets(
        make_targets([10.0]), replace(job, reference=lit, estimators=estimators)
    )
    assert rows["astroclip_novelty_image"][0] == 1  # the stub is fainter than a million
    assert rows["astroclip_flags"][0] & Flag.BEYOND_REFERENCE


def test_fibre_of_unknown_quality_is_not_called_bad(make_job):
    good, unknown = (
        annotate_targets(
            make_targets([10.0]), make_job(StubSource(spectrum={"good_fibre": quality}))
        )
        for quality in (True, None)
    )
    assert unknown["astroclip_flags"][0] == good["astroclip_flags"][0]


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"spectrum": {"good_fibre": False}}, Flag.BAD_SPECTRUM),
        ({"spectrum": {"matches": 3}}, Flag.SEVERAL_SPECTRA),
        ({"spectrum": {"redshift": 0.9}}, Flag.REDSHIFTS_DISAGREE),
        ({"spectrum": {"flux": np.zeros(7781, "f4"), "ivar": np.zeros(7781, "f4")}},
         Flag.BAD_SPECTRUM | Flag.NO_SPECTRUM),
        ({"cutout": {"complete": False}}, Flag.INCOMPLETE_IMAGE),
        ({"cutout": {"image": np.full((3, 96, 96), 7.9, "f4")}}, Flag.BEYOND_REFERENCE),
    ],
)  # fmt: skip
def test_trouble_raises_its_flag(make_job, change, flag):
    clean = annotate_targets(make_targets([10.0]), make_job())["astroclip_flags"][0]
    rows = annotate_targets(make_targets([10.0]), make_job(StubSource(**change)))
    assert rows["astroclip_flags"][0] & flag == flag
    assert not clean & flag


def test_redshift_near_desi_s_is_not_flagged(make_job):
    job = make_job()
    ours = annotate_targets(make_targets([10.0]), job)["astroclip_z_spectrum"][0]
    job = make_job(StubSource(spectrum={"redshift": float(ours) + 0.04}))
    rows = annotate_targets(make_targets([10.0]), job)
    assert not rows["astroclip_flags"][0] & Flag.REDSHIFTS_DISAGREE


@pytest.mark.parametrize("measure", ["aperture_flux_r", "frame_brightness_r", "median_flux"])
def test_beyond_the_training_range_is_flagged(make_job, measure):
    inside, outside = make_job(limits={measure: [0, 1e9]}), make_job(limits={measure: [0, 1e-3]})
    targets = make_targets([10.0])
    assert not annotate_targets(targets, inside)["astroclip_flags"][0] & Flag.BEYOND_TRAINING
    assert annotate_targets(targets, outside)["astroclip_flags"][0] & Flag.BEYOND_TRAINING


def test_targetid_alone_finds_image_by_the_spectrum_s_position(make_job):
    rows = annotate_targets(by_targetid([5]), make_job())
    expected = mark(33.0, 0.0) / 4
    np.testing.assert_allclose(rows["astroclip_image"][0, 0], np.cos(expected), atol=1e-5)
    assert not rows["astroclip_flags"][0] & Flag.BAD_COORDINATES


@pytest.mark.parametrize(
    ("separation", "radius", "elsewhere"),
    [(2.9, 1.0, False), (3.1, 1.0, True), (3600.0, 1.0, True), (9.0, 10.0, False), (11, 10, True)],
)
def test_spectrum_of_a_targetid_elsewhere_is_not_combined_with_the_image(
    make_job, separation, radius, elsewhere
):
    bright = {"image": np.full((3, 96, 96), 3.0, np.float32)}
    source = StubSource(cutout=bright, spectrum={"separation": separation})
    row = annotate_targets(make_targets([10.0]), replace(make_job(source), match_radius=radius))[0]
    assert bool(row["astroclip_flags"] & Flag.TARGETID_ELSEWHERE) == elsewhere
    assert row["astroclip_z_image"] != row["astroclip_z_spectrum"]
    assert np.isfinite(row["astroclip_image"]).all()
    assert row["astroclip_separation"] == np.float32(separation)
    for stem in ("z", "logmstar"):
        for end in ("", "_err", "_lo", "_hi"):
            best, alone = row[f"astroclip_{stem}{end}"], row[f"astroclip_{stem}_spectrum{end}"]
            assert (best == alone) == elsewhere, (stem, end)


def test_second_redshift_of_a_row_whose_targetid_is_elsewhere_is_not_the_image_s(make_job):
    bright = {"image": np.full((3, 96, 96), 5.0, np.float32)}
    job = make_job(StubSource(cutout=bright, spectrum={"separation": 60.0}))
    row = annotate_targets(make_targets([10.0]), job)[0]
    assert abs(row["astroclip_z_image"] - row["astroclip_z_spectrum"]) > 0.05
    assert np.isnan(row["astroclip_z_other"])
    assert not row["astroclip_flags"] & Flag.SEVERAL_REDSHIFTS


def test_empty_spectrum_of_a_targetid_elsewhere_gives_no_value(make_job):
    empty = {"flux": np.zeros(7781, np.float32), "ivar": np.zeros(7781, np.float32)}
    job = make_job(StubSource(spectrum=empty | {"separation": 60.0}))
    row = annotate_targets(make_targets([10.0]), job)[0]
    assert row["astroclip_flags"] & Flag.TARGETID_ELSEWHERE
    assert np.isfinite(row["astroclip_z_image"])
    assert np.isnan(row["astroclip_z"])


def test_own_label_of_a_row_whose_targetid_is_elsewhere_is_the_spectrum_s(make_job, own_reference):
    bright = {"image": np.full((3, 96, 96), 3.0, np.float32)}

    def age(**changes):
        source = StubSource(cutout=bright, spectrum=changes)
        job = make_job(source, reference=own_reference)
        return annotate_targets(make_targets([10.0]), job)["astroclip_age"][0]

    apart, together = age(separation=60.0), age(separation=0.1)
    assert apart != together


def test_row_with_a_targetid_alone_is_never_elsewhere(make_job):
    source = StubSource(spectrum={"separation": np.nan})
    rows = annotate_targets(by_targetid([5]), make_job(source))
    assert not rows["astroclip_flags"][0] & Flag.TARGETID_ELSEWHERE


def test_junk_for_a_targetid_is_flagged_and_said(make_job):
    said = []
    targets = replace(make_targets([10.0, 20.0]), bad_targetid=np.array([False, True]))
    rows = annotate_targets(targets, make_job(), report=lambda *words: said.append(words))
    assert [bool(flags & Flag.BAD_TARGETID) for flags in rows["astroclip_flags"]] == [False, True]
    assert said == [(1, "its TARGETID is no whole number; its spectrum was matched by position")]
    image = annotate_targets(targets, make_job(modality=("image",)))
    assert not (image["astroclip_flags"] & Flag.BAD_TARGETID).any()


class WithoutTargetid(StubSource):
    """A source that has no spectrum of any TARGETID asked for."""

    def spectra(self, targets, radius):
        found = super().spectra(targets, radius)
        nothing = MissingData(Flag.NO_SPECTRUM, "made to fail")
        return [
            nothing if by_targetid else spectrum
            for by_targetid, spectrum in zip(targets.has_targetid, found, strict=True)
        ]


@pytest.mark.parametrize(
    ("targetid", "hidden"), [(39627000000012344, True), (39627000000012345, False), (8, False)]
)
def test_rounded_targetid_with_another_one_at_its_position_is_flagged(make_job, targetid, hidden):
    said = []
    known = np.array([True])
    targets = replace(make_targets([10.0]), targetid=np.array([targetid]), has_targetid=known)
    rows = annotate_targets(
        targets, make_job(WithoutTargetid()), report=lambda row, words: said.append(words)
    )
    assert bool(rows["astroclip_flags"][0] & Flag.BAD_TARGETID) == hidden
    assert rows["astroclip_flags"][0] & Flag.NO_SPECTRUM
    assert np.isnan(rows["astroclip_z_spectrum"][0])
    assert any("another TARGETID, 1000000000010000, lies 0.2" in words for words in said) == hidden


def test_bad_position_is_flagged_even_where_the_targetid_helps(make_job):
    rows = annotate_targets(by_targetid([5], positioned=True), make_job())
    assert rows["astroclip_flags"][0] & Flag.BAD_COORDINATES
    assert np.isfinite(rows["astroclip_z"][0])


def test_one_modality_has_only_its_columns(make_job):
    rows = annotate_targets(make_targets([10.0]), make_job(modality=("image",)))
    assert "astroclip_spectrum" not in rows.dtype.names
    assert "astroclip_targetid" not in rows.dtype.names
    assert not rows["astroclip_flags"][0] & Flag.NO_SPECTRUM


def test_fewer_columns_have_the_same_values(make_job):
    targets = make_targets([10.0, 20.0])
    few = annotate_targets(targets, make_job(groups=("redshift",)))
    every = annotate_targets(targets, make_job())
    assert "astroclip_image" not in few.dtype.names
    for name in few.dtype.names:
        np.testing.assert_array_equal(few[name], every[name])


def test_part_of_a_catalogue_gives_the_values_of_the_whole(make_job):
    targets = make_targets(np.linspace(0, 359, CHUNK_ROWS + 40))
    whole = annotate_targets(targets, make_job())
    part = annotate_targets(targets[100:], make_job(), first_row=100)
    assert part.tobytes() == whole[100:].tobytes()


def test_source_that_fails_for_every_row_ends_the_run(make_job):
    failed = {flag | Flag.SOURCE_FAILED: [10.0, 20.0] for flag in (Flag.NO_IMAGE, Flag.NO_SPECTRUM)}
    with pytest.raises(
        SourceError,
        match=r"any of 2 rows\. It failed for 2 of them",
    ):
        annotate_targets(make_targets([10.0, 20.0]), make_job(StubSource(gaps=failed)))


def test_failed_rows_are_asked_for_again(make_job, tmp_path):
    failed = {flag | Flag.SOURCE_FAILED: [10.0] for flag in (Flag.NO_IMAGE, Flag.NO_SPECTRUM)}
    store, targets = ChunkStore(tmp_path / "out.fits", "0" * 16), make_targets([10.0, 20.0])
    annotate_targets(targets, make_job(StubSource(gaps=failed)), store=store)
    mended = annotate_targets(targets, make_job(), store=store)
    assert mended.tobytes() == annotate_targets(targets, make_job()).tobytes()


def test_finished_rows_are_not_asked_for_again(make_job, tmp_path):
    store, source = ChunkStore(tmp_path / "out.fits", "0" * 16), StubSource()
    for _ in range(2):
        annotate_targets(make_targets([10.0]), make_job(source), store=store)
    assert source.calls == 1


def test_nothing_is_kept_of_a_run_whose_source_failed(make_job, tmp_path):
    failed = {flag | Flag.SOURCE_FAILED: [10.0] for flag in (Flag.NO_IMAGE, Flag.NO_SPECTRUM)}
    store = ChunkStore(tmp_path / "out.fits", "0" * 16)
    with pytest.raises(SourceError):
        annotate_targets(make_targets([10.0]), make_job(StubSource(gaps=failed)), store=store)
    assert store.rows() == 0


class Unplugged(StubSource):
    """A source with a host, or all its hosts, that cannot be reached; from some row on."""

    unreachable = "a.example cannot be reached: connection refused. Is this machine online?"

    def __init__(self, *, offline, last=-1.0, **options):
        super().__init__(**options)
        self.offline, self.last, self.runs = offline, last, []

    def start_run(self, modality):
        self.runs.append(modality)

    def _spectrum(self, ra, dec):
        if ra > self.last:
            return MissingData(Flag.NO_SPECTRUM | Flag.SOURCE_FAILED, "cannot be reached")
        return super()._spectrum(ra, dec)

    def _cutout(self, ra, dec):
        if self.offline and ra > self.last:
            return MissingData(Flag.NO_IMAGE | Flag.SOURCE_FAILED, "cannot be reached")
        return super()._cutout(ra, dec)


def test_run_without_any_host_ends_with_the_first_chunk_and_says_why(make_job):
    source = Unplugged(offline=True)
    with pytest.raises(SourceError, match=r"for any of 256 rows\. a.example cannot be reached: c"):
        annotate_targets(make_targets(np.linspace(1, 300, 3 * CHUNK_ROWS)), make_job(source))
    assert source.calls == 1
    assert source.runs == [("image", "spectrum")]


def test_rows_finished_before_all_hosts_went_are_kept(make_job, tmp_path):
    store = ChunkStore(tmp_path / "out.fits", "0" * 16)
    ra = np.linspace(1, 300, 3 * CHUNK_ROWS)
    source = Unplugged(offline=True, last=ra[CHUNK_ROWS - 1])
    with pytest.raises(SourceError, match="cannot be reached"):
        annotate_targets(make_targets(ra), make_job(source), store=store)
    assert store.rows() == CHUNK_ROWS


def test_run_without_one_of_the_hosts_has_what_the_others_have_and_warns(make_job):
    source = Unplugged(offline=False)
    with pytest.warns(UnreachableWarning, match=r"a.example cannot.*rows are flagged"):
        rows = annotate_targets(make_targets([10.0, 20.0]), make_job(source))
    assert (rows["astroclip_flags"] & Flag.NO_IMAGE == 0).all()
    assert (rows["astroclip_flags"] & Flag.SOURCE_FAILED != 0).all()


def test_source_that_fails_for_one_row_does_not(make_job):
    failed = {flag | Flag.SOURCE_FAILED: [10.0] for flag in (Flag.NO_IMAGE, Flag.NO_SPECTRUM)}
    rows = annotate_targets(make_targets([10.0, 20.0]), make_job(StubSource(gaps=failed)))
    assert rows["astroclip_flags"][0] & Flag.SOURCE_FAILED
    assert not rows["astroclip_flags"][1] & Flag.SOURCE_FAILED


def test_absence_everywhere_is_no_failure(make_job):
    absent = {flag: [10.0] for flag in (Flag.NO_IMAGE, Flag.NO_SPECTRUM)}
    rows = annotate_targets(make_targets([10.0]), make_job(StubSource(gaps=absent)))
    assert rows["astroclip_flags"].tolist() == [Flag.NO_IMAGE | Flag.NO_SPECTRUM]


def test_source_with_missing_answers_is_refused(make_job, monkeypatch):
    source = StubSource()
    monkeypatch.setattr(source, "cutouts", lambda targets, size: [])
    with pytest.raises(SourceError, match="0 answers for 1 rows"):
        annotate_targets(make_targets([10.0]), make_job(source))


def test_reasons_are_reported_with_row_numbers(make_job):
    reasons = []
    annotate_targets(
        make_targets(np.linspace(1, 300, CHUNK_ROWS + 2)),
        make_job(StubSource(gaps={Flag.NO_IMAGE: [300.0]})),
        first_row=0,
        report=lambda row, reason: reasons.append((row, reason)),
    )
    assert reasons == [(CHUNK_ROWS + 1, "made to fail")]


def brute_force(points, labels, query):
    """The neighbours' mean by hand: one query, loops and sorting only."""
    known = [row for row in range(len(labels)) if np.isfinite(labels[row])]
    distance = {row: float(np.linalg.norm(points[row].astype(float) - query)) for row in known}
    nearest = sorted(known, key=lambda row: (np.float32(distance[row]), row))[:16]
    weights = [1 / max(distance[row], 1e-6) for row in nearest]
    return sum(w * labels[row] for w, row in zip(weights, nearest, strict=True)) / sum(weights)


@pytest.mark.parametrize("label", ["age", "log_SFR"])
def test_own_label_is_that_of_the_row_s_own_neighbours(make_job, own_reference, label):
    ra = np.linspace(1, 359, 25)
    source = StubSource(gaps={Flag.NO_SPECTRUM: ra[:5], Flag.NO_IMAGE: [ra[0], *ra[5:]]})
    rows = annotate_targets(make_targets(ra), make_job(source, reference=own_reference))
    for row in range(1, 25):
        embedding = rows["astroclip_image" if row < 5 else "astroclip_spectrum"][row]
        expected = brute_force(own_reference.image, own_reference.labels[label], embedding)
        assert rows[f"astroclip_{label}"][row] == pytest.approx(expected, abs=1e-4)
    assert np.isnan(rows[f"astroclip_{label}"][0])
    assert np.isnan(rows[f"astroclip_{label}_err"][0])
    assert np.isfinite(rows[f"astroclip_{label}_err"][1:]).all()


@pytest.mark.parametrize("order", [("age", "age_image"), ("age_image", "age")])
def test_an_own_label_is_not_another_s_value_by_image(make_job, own_reference, order):
    values = {"age": own_reference.labels["age"], "age_image": 1000.0 + own_reference.labels["age"]}
    labels = {name: own_reference.labels[name] for name in ("redshift", "log_stellar_mass")}
    labels |= {name: values[name] for name in order}
    rows = annotate_targets(
        make_targets([10.0, 20.0]), make_job(reference=replace(own_reference, labels=labels))
    )
    assert (rows["astroclip_age_image"] > 900).all()
    assert (rows["astroclip_age"] < 100).all()


def test_own_labels_change_no_other_column(make_job, own_reference):
    targets = make_targets(np.linspace(0, 359, 12))
    without = annotate_targets(targets, make_job())
    own = annotate_targets(targets, make_job(reference=own_reference))
    for name in without.dtype.names:
        np.testing.assert_array_equal(own[name], without[name])


class Recorded(Progress):
    """What progress is told: the stages, and the rows that each is worth."""

    def __init__(self):
        super().__init__(quiet=True)
        self.stages, self.counts, self.total = [], [], None

    def start(self, total):
        super().start(total)
        self.total = total

    def stage(self, words, *, rows=0.0):
        super().stage(words, rows=rows)
        self.stages.append((words, rows))

    def count(self, words, done, total):
        super().count(words, done, total)
        self.counts.append((words, done, total))


def test_progress_says_what_is_done(make_job):
    progress_seen = Recorded()
    annotate_targets(make_targets([10.0, 20.0]), make_job(), progress=progress_seen)
    assert (progress_seen.total, progress_seen.done) == (2, 2)
    assert progress_seen.stages == [
        ("fetching spectra", 0.5),
        ("fetching images", 0.5),
        ("embedding spectra", 0.5),
        ("comparing spectra with the reference", 0.0),
        ("embedding images", 0.5),
        ("comparing images with the reference", 0.0),
    ]


def test_progress_shows_what_the_source_counts(make_job):
    class Counting(StubSource):
        def cutouts(self, targets, size):
            self.note("fetching images", 1, 2)
            return super().cutouts(targets, size)

    progress_seen = Recorded()
    annotate_targets(make_targets([10.0, 20.0]), make_job(Counting()), progress=progress_seen)
    assert progress_seen.counts == [("fetching images", 1, 2)]


def test_source_need_not_count(make_job):
    class Plain:
        name = "plain"
        spectra, cutouts = StubSource.spectra, StubSource.cutouts
        _spectrum, _cutout = StubSource._spectrum, StubSource._cutout
        gaps, changes, calls = {}, {}, 0

    source = Plain()
    annotate_targets(make_targets([10.0]), make_job(source))
    assert not hasattr(source, "note")
