import subprocess
import sys

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from hypothesis import given, settings, strategies as st

from astroclip_astro.fetch import footprint
from astroclip_astro.fetch.footprint import FOOTPRINTS, outside
from astroclip_astro.resources import folder

# Places that have images, and where this is published.
DESCRIPTION = "cutout example on legacysurvey.org/dr9/description"
LINKS = "public list of viewer links to ls-dr9: gist aviatrix/268305494fdf31e6fc32710af7778ee9"
IMAGED = [
    (190.1086, 1.2005, DESCRIPTION),
    (154.7709, 46.4537, DESCRIPTION),
    (165.1234, 28.9911, LINKS),
    (32.4129, -6.9182, LINKS),
    (160.5107, 13.7666, LINKS),
    (60.9593, -54.1051, LINKS),
    (206.6086, 60.3203, LINKS),
    (25.7191, 13.6437, LINKS),
    (59.1067, -30.4848, "DR9-south cutout of the viewer, Dark Energy Survey"),
    (0.0044, 0.5413, "DR5 cutout of the viewer"),
    (146.7142, -1.0413, "DR3 cutout of the viewer"),
    (18.0663, -6.0518, "DR3 cutout of the viewer"),
    (105.4898, 56.6693, "DESI target in coadd-4-80613"),
    (217.0, 3.25, "DESI targets in coadd-sv3-dark-26065"),
    (150.1, 2.182, "COSMOS, DESI SV3 rosette, DESI EDR paper (arXiv:2306.06308)"),
    (189.9, 61.8, "GOODS-North, DESI SV3 rosette, DESI EDR paper"),
    (269.73, 66.02, "North ecliptic pole, DESI SV3 rosette, DESI EDR paper"),
    (252.5, 34.5, "DESI SV3 rosette, DESI EDR paper"),
    (275.0, 77.5, "sweep-270p075-280p080 of DR9 north"),
    (53.12, -27.81, "Chandra Deep Field South, a DES supernova field"),
    (10.0, -43.5, "ELAIS-S1, a DES supernova field"),
    (9.5, 33.0, "DECaLS reaches Dec 34 in the south Galactic cap, legacysurvey.org/decamls"),
    (350.0, -55.5, "SPT deep field 23h30 -55, in DES"),
    (150.0, 83.5, "the survey reaches Dec +84, legacysurvey.org"),
]
NEVER_IMAGED = [
    (266.417, -29.008, "Galactic centre"),
    (85.0, 29.0, "Galactic anticentre"),
    (310.36, 42.0, "Galactic plane in Cygnus"),
    (161.26, -59.68, "Carina nebula, Galactic plane"),
    (0.0, 89.9, "north celestial pole"),
]


@pytest.mark.parametrize("layer", ["ls-dr9", "ls-dr10"])
@pytest.mark.parametrize(("ra", "dec", "source"), IMAGED)
def test_what_is_imaged_is_never_outside(layer, ra, dec, source):
    assert not outside(layer, ra, dec), source


@pytest.mark.parametrize("layer", sorted(FOOTPRINTS))
@pytest.mark.parametrize(("ra", "dec", "source"), NEVER_IMAGED)
def test_what_cannot_be_imaged_is_outside(layer, ra, dec, source):
    assert outside(layer, ra, dec), source


def test_only_dr9_ends_in_the_south():
    places = ([0, 201.365, 180], [-89, -43.02, -60])  # pole, Centaurus A, Crux
    assert outside("ls-dr9", *places).all()
    assert not outside("ls-dr10", places[0][:2], places[1][:2]).any()


def test_layers_of_one_telescope_end_at_its_horizon():
    ra, dec = [150.0, 59.1067], [46.0, -54.0]
    assert outside("ls-dr9-south", ra, dec).tolist() == [True, False]
    assert outside("ls-dr10-south", ra, dec).tolist() == [True, False]
    assert outside("ls-dr9-north", ra, dec).tolist() == [False, True]
    assert not outside("ls-dr9", ra, dec).any()


@pytest.mark.parametrize(
    ("layer", "ra", "dec"),
    [
        ("ls-dr9-north", 154.7709, 46.4537),
        ("ls-dr9-north", 352.0, 0.5),  # DEEP2 field, observed from Kitt Peak to compare
        ("ls-dr9-south", 190.1086, 1.2005),
        ("ls-dr9-south", 9.5, 33.0),
        ("ls-dr10-south", 201.365, -43.02),
    ],
)
def test_each_telescope_keeps_its_own(layer, ra, dec):
    assert not outside(layer, ra, dec)


@pytest.mark.parametrize("layer", ["", "ls-dr8", "sdss", "ls-dr10-grz", "LS-DR9"])
def test_unknown_layers_are_always_asked(layer):
    assert not outside(layer, [266.417, 0.0], [-29.008, -89.0]).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 95.0])
def test_rows_without_a_position_are_not_outside(bad):
    assert outside("ls-dr9", [266.417, 266.417], [bad, -29.008]).tolist() == [False, True]


def test_no_right_ascension_is_not_outside():
    assert outside("ls-dr9", [np.nan, np.inf], [-29.0, -29.0]).tolist() == [False, False]


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (0, 3), (2, 3)])
def test_shape_is_kept(shape):
    answer = outside("ls-dr10", np.full(shape, 266.4), np.full(shape, -29.0))
    assert (answer.shape, answer.dtype) == (shape, bool)
    assert answer.all()


@settings(deadline=None)  # the first call reads a file
@given(
    layer=st.sampled_from(sorted(FOOTPRINTS)),
    ra=st.floats(0, 360),
    dec=st.floats(-90, 90),
    turns=st.integers(-3, 3),
)
def test_right_ascension_wraps(layer, ra, dec, turns):
    # Beside the edge of a cell, rounding decides.
    beside = [ra - 1e-6, ra, ra + 1e-6]
    (answer,) = outside(layer, [ra], [dec])
    near = outside(layer, beside, [dec] * 3)
    if (near == answer).all():
        assert outside(layer, [ra + 360 * turns], [dec]) == answer


@settings(deadline=None)  # the first call reads a file
@given(ra=st.floats(0, 360), pole=st.sampled_from([-90.0, 90.0]))
@pytest.mark.parametrize("layer", sorted(FOOTPRINTS))
def test_poles_do_not_depend_on_right_ascension(layer, ra, pole):
    assert outside(layer, ra, pole) == outside(layer, 0.0, pole)


@settings(deadline=None)  # the first call reads a file
@given(ra=st.floats(0, 360), dec=st.floats(-90, 90))
def test_no_limit_that_is_published_is_cut(ra, dec):
    """The two supersets hold what the survey's pages and lists of bricks allow."""
    latitude = abs(SkyCoord(ra, dec, unit="deg").galactic.b.deg)
    if latitude > 8.87 and dec < 84:
        assert not outside("ls-dr10", ra, dec)
        if dec > -18 or (dec > -70 and not 105 < ra < 295):
            assert not outside("ls-dr9", ra, dec)


@settings(deadline=None)  # the first call reads a file
@given(ra=st.floats(0, 360), dec=st.floats(-90, 90))
def test_dr9_is_inside_dr10(ra, dec):
    assert outside("ls-dr9", ra, dec) or not outside("ls-dr10", ra, dec)


@pytest.mark.parametrize("file", sorted({file for file, *_ in FOOTPRINTS.values()}))
def test_files_are_standard_small_and_say_approximate(file):
    path = folder("catalogs") / file
    assert path.stat().st_size < 20_000
    header = fits.getheader(path, 1)
    assert (header["COORDSYS"], header["ORDERING"], header["MOCORDER"]) == ("C", "NUNIQ", 6)
    assert "APPROXIMATE" in header["MOCID"]
    assert "APPROXIMATE superset" in str(header["COMMENT"])


def test_a_footprint_is_read_once():
    assert footprint._footprint("footprint-ls-dr9.fits") is footprint._footprint(
        "footprint-ls-dr9.fits"
    )


def test_the_interpreter_ends_silently():
    code = f"from {outside.__module__} import outside; outside('ls-dr9', 0.0, 0.0)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr == ""


def test_importing_does_not_load_mocpy():
    code = f"import sys, {outside.__module__}; print('mocpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


@pytest.mark.real_data
def test_real_positions_are_inside(real_data):
    places = []
    for path in sorted((real_data / "desi_coadds").glob("*.fits")):
        with fits.open(path) as hdus:
            targets = hdus["FIBERMAP"].data
            places += zip(targets["TARGET_RA"], targets["TARGET_DEC"], strict=True)
    spectra = fits.getdata(real_data / "desi_spectra.fits", 1)
    places += zip(spectra["RA"], spectra["DEC"], strict=True)
    places = np.array([place for place in places if np.isfinite(place).all()])
    assert len(places) > 1
    assert not outside("ls-dr9", *places.T).any()
    assert not outside("ls-dr10", *places.T).any()
