"""Shared fixtures: real data, and a source, a model and a reference that can be recognised."""

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from astroclip_astro.columns import GROUPS, MODALITIES, select

SHARED = Path(__file__).resolve().parents[2] / "shared"

# No test fails because a machine is slow.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _interrupts():
    """Let Ctrl-C work, here and in processes begun here, where a shell has it ignored.

    A shell script does so with what it puts in the background.
    """
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.fixture(scope="session", autouse=True)
def _private_cache(tmp_path_factory):
    """Keep what tests fetch, and what their processes fetch, away from the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("astropy-cache")))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real data; tests that ask for it skip where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("real data (../shared/data) are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def reference_instance() -> Path:
    """Folder of the published models' names, shapes and small instance."""
    folder = SHARED / "fixtures"
    if not folder.is_dir():
        pytest.skip("reference instance (../shared/fixtures) is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def stub_reference():
    """Galaxies on an arc, redshift growing along it."""
    from stubs import StubModel

    from astroclip_astro.zeroshot.reference import Reference

    brightness = np.linspace(0.5, 7, 400)
    embeddings = StubModel.embed_brightness(brightness)
    return Reference(
        name="stub",
        image=embeddings,
        spectrum=embeddings,
        labels={"redshift": brightness / 10, "log_stellar_mass": 8 + brightness / 3},
        simulated=True,
        weights_sha256="0" * 64,
        sha256="1" * 64,
    )


@pytest.fixture(scope="session")
def own_reference(stub_reference):
    """The stub's galaxies with two labels more, one of them known for every third galaxy."""
    redshift = stub_reference.labels["redshift"]
    age = np.where(np.arange(400) % 3 == 1, 12 - 10 * redshift, np.nan)
    own = {"age": age, "log_SFR": np.sin(40 * redshift)}
    return replace(
        stub_reference,
        name="own",
        labels=stub_reference.labels | own,
        units={"age": "Gyr", "log_SFR": "dex(solMass/yr)"},
        descriptions={"age": "Age of the stars"},
        sha256="2" * 64,
    )


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """Weights of a network as it begins, small enough to embed a hundred galaxies in no time."""
    import torch
    from training_stub import TINY

    from astroclip_astro.models.astroclip import AstroCLIP
    from astroclip_astro.models.checkpoint import save_weights

    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = AstroCLIP(TINY.model)
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    save_weights(network, path, {"name": "tiny", "training": {"simulated": True}, "scores": {}})
    return path


@pytest.fixture(scope="session")
def labelled_file(tmp_path_factory):
    """Galaxies with labels and photometry; some lack redshift, mass, age, image or spectrum."""
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(1)
    path, n = tmp_path_factory.mktemp("labelled") / "survey.h5", 120
    bright = rng.uniform(0.1, 5, (n, 1, 1, 1))
    images = bright * rng.uniform(0.2, 1, (n, 3, 1, 1)) + rng.normal(0, 0.1, (n, 3, 104, 104))
    spectrum = bright[:, 0, 0] * (2 + np.sin(np.arange(7781) / rng.uniform(9, 900, (n, 1))))
    images[[6, 7]] = 0
    spectrum[[7, 8]] = 0
    redshift, mass, age = rng.uniform(0.01, 0.5, n), rng.uniform(8, 12, n), rng.uniform(1, 13, n)
    redshift[[3, 50]], mass[4], age[::4] = np.nan, np.inf, np.nan
    with h5py.File(path, "w") as file:
        file.attrs["SIMULATED"] = True
        file["images"] = images.astype("f2")
        file["spectrum"] = spectrum.astype("f4")
        file["ivar"] = np.full(spectrum.shape, 4.0, "f4")
        file["flux"] = rng.uniform(1, 50, (n, 3)).astype("f4")
        file["ra"] = rng.uniform(0, 360, n)
        file["dec"] = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
        file["redshift"], file["log_stellar_mass"] = redshift, mass
        file["age"], file["counts"] = age.astype("f4"), np.arange(n)
        file["age"].attrs.update({"unit": "Gyr", "description": "Age of the stars"})
        file["tile"] = np.arange(n) // 10
        file["kind"] = np.full(n, b"GALAXY")
    return path


@pytest.fixture
def make_job(stub_reference):
    """Return a function that makes a job from a stub source and model."""
    from stubs import StubModel, StubSource

    from astroclip_astro.annotate.job import Job
    from astroclip_astro.annotate.setup import columns_of_labels
    from astroclip_astro.zeroshot.estimator import KNNEstimator

    def make(
        source=None, *, modality=MODALITIES, groups=GROUPS, limits=None, reference=stub_reference
    ):
        return Job(
            source=source or StubSource(),
            model=StubModel(**limits or {}),
            reference=reference,
            estimators={name: KNNEstimator(reference, name) for name in modality},
            columns=select(modality, groups, columns_of_labels(reference)),
            modality=tuple(modality),
            match_radius=1.0,
        )

    return make
