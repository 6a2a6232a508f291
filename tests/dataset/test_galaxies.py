"""What is taken for a training set, and what is not."""

from dataclasses import replace

import numpy as np
import pytest

from astroclip_astro.dataset.galaxies import REASONS, fetch_galaxies
from astroclip_astro.dataset.training_file import training_fields
from astroclip_astro.errors import SourceError
from astroclip_astro.flags import Flag
from astroclip_astro.records import Cutout, MissingData, Spectrum, Targets
from astroclip_astro.simulate import FIELDS

SPECTRUM = Spectrum(
    flux=np.linspace(1, 2, 7781, dtype=np.float32),
    ivar=np.ones(7781, np.float32),
    targetid=5,
    ra=-0.25,
    dec=2.0,
    separation=0.1,
    good_fibre=True,
    matches=1,
    redshift=0.3,
    zwarn=0,
    spectype="GALAXY",
    origin="here",
)
CUTOUT = Cutout(np.ones((3, 32, 32), np.float32), True, "here")
HALF = np.where(np.arange(7781) < 1500, 0, 1).astype(np.float32)


class Given:
    """A source that gives one spectrum and one cutout."""

    name = "given"

    def __init__(self, spectrum, cutout):
        self.answers, self.asked = (spectrum, cutout), None

    def spectra(self, targets, radius):
        return [self.answers[0]] * len(targets)

    def cutouts(self, targets, size):
        self.asked = targets
        return [self.answers[1]] * len(targets)


def fetch(spectrum=SPECTRUM, cutout=CUTOUT):
    source = Given(spectrum, cutout)
    targets = Targets(np.array([359.75]), np.array([2.0]), np.array([5]), np.ones(1, bool))
    return fetch_galaxies(source, targets, np.array([0.3]), size=32), source


def test_good_galaxy_is_taken_at_its_targets_position():
    fetched, source = fetch()
    (galaxy,) = fetched.galaxies.values()
    assert (galaxy["ra"], galaxy["dec"]) == (359.75, 2)
    assert source.asked.ra.tolist() == [359.75]
    assert galaxy["images"].dtype == np.float16
    assert galaxy["spectrum"] is SPECTRUM.flux


def test_fibre_of_unknown_quality_is_left_to_the_catalogue():
    fetched, _ = fetch(replace(SPECTRUM, good_fibre=None))
    assert len(fetched.galaxies) == 1


def other(**changes):
    return replace(SPECTRUM, **changes)


SPECTRA = [
    (MissingData(Flag.NO_SPECTRUM, ""), "no spectrum"),
    (other(targetid=6), "another spectrum"),
    (other(separation=3.5), "another spectrum"),
    (other(separation=np.nan), "another spectrum"),
    (other(redshift=0.301), "another spectrum"),
    (other(redshift=np.nan), "another spectrum"),
    (other(good_fibre=False), "bad fibre"),
    (other(ivar=HALF), "incomplete spectrum"),
    (other(ivar=np.zeros(7781, np.float32)), "incomplete spectrum"),
    (other(flux=np.zeros(7781, np.float32)), "incomplete spectrum"),
    (other(flux=np.full(7781, np.nan, np.float32)), "incomplete spectrum"),
]


@pytest.mark.parametrize(("spectrum", "reason"), SPECTRA)
def test_spectrum_is_left_out_and_no_image_asked_for(spectrum, reason):
    fetched, source = fetch(spectrum)
    assert fetched.rejected == {0: reason}
    assert not fetched.galaxies
    assert source.asked is None


BRIGHT = np.full((3, 32, 32), 7e4, np.float32)
IMAGES = [
    (MissingData(Flag.NO_IMAGE, ""), "no image"),
    (MissingData(Flag.NO_IMAGE | Flag.OUTSIDE_IMAGING, ""), "outside the imaging"),
    (replace(CUTOUT, complete=False), "incomplete image"),
    (replace(CUTOUT, image=CUTOUT.image * np.nan), "incomplete image"),
    (replace(CUTOUT, image=BRIGHT), "image too bright"),
]


@pytest.mark.parametrize(("cutout", "reason"), IMAGES)
def test_image_is_left_out(cutout, reason):
    fetched, _ = fetch(cutout=cutout)
    assert fetched.rejected == {0: reason}
    assert not fetched.galaxies


def test_every_reason_is_tested():
    assert {reason for _, reason in SPECTRA + IMAGES} == set(REASONS)


def test_failure_is_no_answer():
    failed = Flag.SOURCE_FAILED
    for options in (
        {"spectrum": MissingData(Flag.NO_SPECTRUM | failed, "busy")},
        {"cutout": MissingData(Flag.NO_IMAGE | failed, "busy")},
    ):
        fetched, _ = fetch(**options)
        assert (fetched.failed, fetched.rejected, fetched.galaxies) == ({0: "busy"}, {}, {})


def test_redshift_that_the_archive_does_not_say_is_no_contradiction():
    assert fetch(other(redshift=None))[0].galaxies


def test_source_with_too_few_answers_is_refused():
    source = Given(SPECTRUM, CUTOUT)
    source.spectra = lambda targets, radius: []
    targets = Targets(np.zeros(1), np.zeros(1), np.array([5]), np.ones(1, bool))
    with pytest.raises(SourceError, match="0 answers for 1 rows"):
        fetch_galaxies(source, targets, np.array([0.3]), size=32)


def test_datasets_are_those_of_simulated_ones():
    for name, field in training_fields(152, {}).items():
        right = FIELDS[name]
        assert (field.shape, field.dtype, field.unit) == (right.shape, right.dtype, right.unit)


def test_host_that_cannot_be_reached_is_no_fault_of_the_galaxies():
    source = Given(
        MissingData(Flag.NO_SPECTRUM | Flag.SOURCE_FAILED, "a.example cannot be reached"), CUTOUT
    )
    source.unreachable = "a.example cannot be reached: refused. Is this machine online?"
    targets = Targets(np.array([359.75]), np.array([2.0]), np.array([5]), np.ones(1, bool))
    with pytest.raises(SourceError, match="Is this machine online"):
        fetch_galaxies(source, targets, np.array([0.3]), size=32)
