"""A source and a model whose data can be recognised, for tests of everything above them."""

from types import SimpleNamespace

import numpy as np

from astroclip_astro.flags import Flag
from astroclip_astro.records import Cutout, MissingData, Spectrum

SAMPLES, SIZE = 7781, 96


def mark(ra: float, dec: float) -> float:
    """Return a brightness that tells which position data belong to."""
    return 1 + (ra * 7.3 + dec * 3.1) % 5


class StubSource:
    """A source whose data say which position they belong to; rows can be made to go wrong."""

    name = "stub"
    problems = ()
    caches = False
    note = staticmethod(lambda words, done, total: None)

    def __init__(self, *, gaps=None, **changes):
        self.gaps = gaps or {}
        self.changes = changes
        self.calls = 0

    def preview(self, targets, *, modality, radius, size):
        return [f"stub: {len(targets)} rows"]

    def close(self):
        self.closed = True

    def spectra(self, targets, radius):
        self.calls += 1
        return [self._spectrum(*row) for row in zip(targets.ra, targets.dec, strict=True)]

    def cutouts(self, targets, size):
        return [self._cutout(*row) for row in zip(targets.ra, targets.dec, strict=True)]

    def _spectrum(self, ra, dec):
        ra, dec = (33.0, 0.0) if np.isnan(ra) else (ra, dec)  # asked for by TARGETID
        for flag in (Flag.NO_SPECTRUM, Flag.NO_SPECTRUM | Flag.SOURCE_FAILED):
            if ra in self.gaps.get(flag, ()):
                return MissingData(flag, "made to fail")
        facts = {
            "flux": np.full(SAMPLES, mark(ra, dec), np.float32) + np.arange(SAMPLES) * 1e-4,
            "ivar": np.full(SAMPLES, 4.0, np.float32),
            "targetid": int(ra * 1000) + 10**15,
            "ra": ra,
            "dec": dec,
            "separation": 0.25,
            "good_fibre": True,
            "matches": 1,
            "redshift": mark(ra, dec) / 10,
            "zwarn": 0,
            "spectype": "GALAXY",
            "origin": "stub",
        }
        return Spectrum(**facts | self.changes.get("spectrum", {}))

    def _cutout(self, ra, dec):
        for flag in (Flag.NO_IMAGE, Flag.NO_IMAGE | Flag.SOURCE_FAILED):
            if ra in self.gaps.get(flag, ()):
                return MissingData(flag, "made to fail")
        facts = {
            "image": np.full((3, SIZE, SIZE), mark(ra, dec), np.float32),
            "complete": True,
            "origin": "stub",
        }
        return Cutout(**facts | self.changes.get("cutout", {}))


class StubModel:
    """Encoders that turn brightness into an angle; no network."""

    device = "cpu"
    precision = "float32"

    config = SimpleNamespace(image_size=SIZE, spectrum_samples=SAMPLES)

    def __init__(self, **limits):
        self.card = {"name": "stub", "sha256": "0" * 64, "training": {"range": limits}}

    def embed_images(self, images, **_):
        return self.embed_brightness(
            images.reshape(len(images), -1).mean(1) if len(images) else np.zeros(0)
        )

    def embed_spectra(self, flux, ivar=None, **_):
        if not len(flux):
            return self.embed_brightness(np.zeros(0))
        return self.embed_brightness(np.where(flux.any(1), np.median(flux, 1), np.nan))

    @staticmethod
    def embed_brightness(brightness):
        embeddings = np.zeros((len(brightness), 128), np.float32)
        embeddings[:, 0], embeddings[:, 1] = np.cos(brightness / 4), np.sin(brightness / 4)
        embeddings[np.isnan(brightness)] = np.nan
        return embeddings


class StubOptions:
    """Options that are checked already, and of which a job is made."""

    def __init__(self, job):
        self._job = job
        self.source, self.columns, self.reference = job.source, job.columns, job.reference
        self.modality, self.match_radius = job.modality, job.match_radius
        self.card, self.image_size = job.model.card, SIZE
        self.device = self.precision = "auto"

    def load(self, progress=None):
        return self._job
