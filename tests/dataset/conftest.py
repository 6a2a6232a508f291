"""A sky whose images, spectra and labels say whose they are, and archives that serve it."""

from contextlib import ExitStack, closing, contextmanager

import h5py
import numpy as np
import pytest
from astropy.table import Table

from astroclip_astro import standin
from astroclip_astro.config import conf
from astroclip_astro.dataset import Selection, build_training_set, plan_training_set
from astroclip_astro.fetch.desi_catalogue import tap_query
from astroclip_astro.fetch.open import open_source
from astroclip_astro.standin.objects import Nearest, Patch
from astroclip_astro.standin.sky import PAINTED_ID, painted_number_of_flux

COUNT = 150
BOX = (350, 10, -5, 10)  # all painted objects but those at the poles


class NumberedSky:
    """Painted objects whose images carry numbers that float16 holds: 1 + n, times 1, 2, 4."""

    def __init__(self, count):
        self.painted = standin.painted_sky(count)
        self.ra, self.dec = self.painted.ra, self.painted.dec
        self.spectra, self.flux_ivar = self.painted.spectra, self.painted.flux_ivar
        self.nearest = Nearest(self.ra, self.dec)

    def image(self, ra, dec):
        patch = self.painted.image(ra, dec)
        number, _ = self.nearest(ra, dec)
        planes = np.array([1, 2, 4], np.float32) * (1 + number)
        pixels = np.broadcast_to(planes[:, None, None], (3, 192, 192))
        return patch and Patch(pixels, patch.ra, patch.dec)


def mass(targetid):
    """The label that belongs to a painted object."""
    return 8 + (np.asarray(targetid) - PAINTED_ID) / 64


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """No pauses worth the name."""
    monkeypatch.setattr(tap_query, "FIRST_PAUSE", 0.01)
    with conf.set_temp("backoff", 0.005):
        yield


@pytest.fixture(scope="session")
def sky():
    return NumberedSky(COUNT)


@pytest.fixture(scope="module")
def server(sky):
    with closing(standin.Standin(sky=sky)) as server:
        yield server


@pytest.fixture
def serve(sky):
    """Return a function that starts a server with faults, or of another sky."""
    with ExitStack() as stack:

        def start(**options):
            return stack.enter_context(closing(standin.Standin(**{"sky": sky} | options)))

        yield start


@pytest.fixture
def labels_file(tmp_path):
    """Labels of all painted objects and of others, in no order."""
    ids = PAINTED_ID + np.random.default_rng(3).permutation(np.arange(-50, COUNT + 50))
    path = tmp_path / "labels.fits"
    Table({"TARGETID": ids, "LOGMSTAR": mass(ids), "OTHER": -mass(ids)}).write(path)
    return path


@contextmanager
def archive(url, release="DESI-DR1"):
    """Open the source at an address, without a cache."""
    with closing(open_source(url, release=release, cache="none")) as source:
        yield source


@pytest.fixture
def make():
    """Return a function that builds a training set from a server; more options are the build's."""

    def build(path, server, selection=None, *, release="DESI-DR1", labels=None, **options):
        options = {"size": 32} | options  # small images are quick
        with archive(server.url, release) as source:
            plan = plan_training_set(
                source, selection or Selection(boxes=(BOX,)), release=release, labels=labels
            )
            return build_training_set(path, plan, source, **options)

    return build


@pytest.fixture
def planned():
    """Return a function that plans a training set."""

    def plan(server, selection, *, release="DESI-DR1", labels=None):
        with archive(server.url, release) as source:
            return plan_training_set(source, selection, release=release, labels=labels)

    return plan


@pytest.fixture
def numbers(sky):
    """Return a function that checks that each row has one object's data, and says which."""

    def check(path):
        spectra = sky.spectra
        primary = spectra[(spectra["data_release"] == "DESI-DR1") & spectra["specprimary"]]
        redshifts = dict(zip(primary["targetid"], primary["redshift"], strict=True))
        with h5py.File(path) as file:
            found = file["targetid"][:] - PAINTED_ID
            for row, number in enumerate(found.tolist()):
                images = file["images"][row]
                assert (images == np.array([1, 2, 4])[:, None, None] * (1 + number)).all()
                assert painted_number_of_flux(file["spectrum"][row]) == number
                assert (file["ivar"][row] == 4 * file["spectrum"][row]).all()
                assert file["redshift"][row] == np.float32(redshifts[PAINTED_ID + number])
                place = file["ra"][row], file["dec"][row]
                assert place == pytest.approx((sky.ra[number], sky.dec[number]))
                if "log_stellar_mass" in file:
                    label = file["log_stellar_mass"][row]
                    assert label == np.float32(mass(PAINTED_ID + number))
        assert len(set(found)) == len(found)
        return found.tolist()

    return check
