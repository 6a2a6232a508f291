"""Galaxies whose vectors tell their labels to a known degree."""

import numpy as np
import pytest

from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="session")
def make_galaxies():
    """Return a function that makes galaxies: spectra tell all, images half, colours nothing."""

    def make(n, seed):
        rng = np.random.default_rng(seed)
        redshift = rng.uniform(0, 1, n)

        def arc(angle):
            return unit(np.column_stack([np.cos(angle), np.sin(angle), np.zeros(n)]))

        return EmbeddedGalaxies(
            {
                "image": arc(redshift + rng.normal(0, 0.15, n)),
                "spectrum": arc(redshift),
                "photometry": rng.normal(0, 1, (n, 3)) * [1, 10, 100],
                "unaligned_image": np.column_stack([redshift * 50, rng.normal(0, 1, n)]),
            },
            {"redshift": redshift, "log_stellar_mass": 8 + 3 * redshift},
            np.arange(n) * 10,
        )

    return make


@pytest.fixture
def few_networks(monkeypatch):
    """One network in place of three."""
    monkeypatch.setattr("astroclip_astro.evaluate.predictors.ENSEMBLE_SIZE", 1)
