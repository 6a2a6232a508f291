"""Shared fixtures: real data, and a source, a model and a reference that can be recognised."""

from pathlib import Path

import numpy as np
import pytest

from astroclip_astro.columns import GROUPS, MODALITIES, select

SHARED = Path(__file__).resolve().parents[2] / "shared"


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

    from astroclip_astro.search.reference import Reference

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


@pytest.fixture
def make_job(stub_reference):
    """Return a function that makes a job from a stub source and model."""
    from stubs import StubModel, StubSource

    from astroclip_astro.job import Job
    from astroclip_astro.search.lookup import Searcher

    def make(source=None, *, modality=MODALITIES, groups=GROUPS, limits=None):
        return Job(
            source=source or StubSource(),
            model=StubModel(**limits or {}),
            reference=stub_reference,
            searchers={name: Searcher(stub_reference, name) for name in modality},
            columns=select(modality, groups),
            modality=tuple(modality),
            match_radius=1.0,
        )

    return make
