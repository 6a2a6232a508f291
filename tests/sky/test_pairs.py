import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time

from astroclip_astro.sky.pairs import PASS, best_pairs, explain_absence, listing


def named(*names, ucds=()):
    """A table of one row with these columns; UCDs go to the first ones."""
    table = Table(rows=[[1.0] * len(names)], names=names)
    for name, ucd in zip(names, ucds, strict=False):
        table[name].meta["ucd"] = ucd
    return table


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ("ra", "dec"),
        ("RA", "Dec"),
        ("ra_deg", "dec_deg"),
        ("RAdeg", "DEdeg"),
        ("RA (deg)", "DEC (deg)"),
        ("RA [degrees]", "DEC [degrees]"),
        ("right_ascension", "declination"),
        ("RightAscension", "Declination"),
        ("RA_ICRS", "DE_ICRS"),
        ("RAJ2000", "DEJ2000"),
        ("ra_j2000", "dec_j2000"),
        ("RA2000", "DEC2000"),
        ("_RAJ2000", "_DEJ2000"),
        ("_RA.icrs", "_DE.icrs"),
        ("ALPHA_J2000", "DELTA_J2000"),
        ("TARGET_RA", "TARGET_DEC"),
        ("mean_fiber_ra", "mean_fiber_dec"),
        ("raMean", "decMean"),
        ("s_ra", "s_dec"),
        ("ra1", "dec1"),
        ("ra_deg", "dec"),
        ("R.A.", "Decl."),
        ("R. A. (J2000)", "Dec. (J2000)"),
        ("R.A.(deg)", "Decl.(deg)"),
        ("r.a.", "decl."),
        ("RA(deg)", "Dec(deg)"),
        ("RA_hms", "Dec_dms"),
        ("R.A._hms", "Decl._dms"),
        ("RA (hh:mm:ss)", "Dec (dd:mm:ss)"),
        ("RA_hms_J2000", "Dec_dms_J2000"),
        ("RA_d", "DEC_d"),
        ("α (J2000)", "δ (J2000)"),
    ],
)
def test_usual_names_are_found_among_others(ra, dec):
    table = named("id", ra, "mag", dec, "radius", "decay")
    assert best_pairs(table) == [(ra, dec)]


@pytest.mark.parametrize(
    "names",
    [
        ("ra", "dec", "RA_ERR", "DEC_ERR", "pmra", "ra_dec_corr", "ra_error", "dec_error"),
        ("ra", "dec", "ra_ivar", "dec_ivar", "e_ra", "e_dec", "raErr", "decErr"),
        ("RA", "DEC", "RA_GAIA", "DEC_GAIA", "RA_LS", "DEC_LS"),
        ("ra", "dec", "ra_rad", "dec_rad"),
        ("ra_deg", "dec_deg", "ra", "dec"),
        ("RA_d", "DEC_d", "RA", "DEC"),
        ("ra", "dec", "ra_hms", "dec_dms"),
        ("RA_deg", "Dec_deg", "RA_hms", "Dec_dms"),
        ("RAdeg", "DEdeg", "DE-", "DEd"),
        ("RA_ICRS", "DE_ICRS", "e_RA_ICRS", "e_DE_ICRS", "RAJ2000", "DEJ2000"),
        ("RAJ2000", "DEJ2000", "_RAJ2000", "_DEJ2000"),
        ("_RAJ2000", "_DEJ2000", "RAB1950", "DEB1950"),
        ("TARGET_RA", "TARGET_DEC", "MEAN_FIBER_RA", "MEAN_FIBER_DEC", "PLATE_RA", "PLATE_DEC"),
        ("MEAN_FIBER_RA", "MEAN_FIBER_DEC", "STD_FIBER_RA", "STD_FIBER_DEC", "FIBER_RA"),
        ("ALPHA_J2000", "DELTA_J2000", "ALPHAWIN_J2000", "DELTAWIN_J2000"),
        ("raMean", "decMean", "raMeanErr", "decMeanErr"),
        ("ra", "dec", "glon", "glat", "ecl_lon", "ecl_lat"),
        ("ra", "dec", "astroclip_ra", "astroclip_dec"),
    ],
)
def test_the_first_pair_is_the_best(names):
    assert best_pairs(named(*names)) == [names[:2]]


@pytest.mark.parametrize(
    ("names", "number"),
    [
        (("ra1", "dec1", "ra2", "dec2"), 2),
        (("ra_1", "dec_1", "ra_2", "dec_2"), 2),
        (("ra_gaia", "dec_gaia", "ra_ls", "dec_ls"), 2),
        (("raMean", "decMean", "raStack", "decStack"), 2),
        (("RA", "ra", "dec"), 2),
        (("RA", "ra", "DEC", "dec"), 4),
        (("RAJ2000", "DEJ2000", "ALPHA_J2000", "DELTA_J2000"), 4),
    ],
)
def test_equally_good_pairs_are_all_returned(names, number):
    assert len(best_pairs(named(*names))) == number


@pytest.mark.parametrize(
    "names",
    [
        ("radius", "decay"),
        ("ratio", "decimal"),
        ("extra", "code"),
        ("alpha", "delta"),
        ("pm_ra", "pm_dec"),
        ("ra_err", "dec_err"),
        ("plate_ra", "plate_dec"),
        ("offsetRa", "offsetDec"),
        ("ra_dec", "dec_ra"),
        ("glon", "glat"),
        ("RAB1950", "DEB1950"),
        ("ra_fk4", "dec_fk4"),
        ("astroclip_ra", "astroclip_dec"),
        ("ra1", "dec2"),
        ("ra", "mag"),
    ],
)
def test_nothing_is_guessed(names):
    assert best_pairs(named(*names)) == []


@pytest.mark.parametrize(
    "ucds",
    [
        ("pos.eq.ra;meta.main", "pos.eq.dec;meta.main"),
        ("pos.eq.ra", "pos.eq.dec"),
        ("POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"),
        ("POS_EQ_RA", "POS_EQ_DEC"),
    ],
)
def test_ucds_tell_under_any_name(ucds):
    assert best_pairs(named("a", "b", "c", ucds=ucds)) == [("a", "b")]


def test_main_ucd_decides_between_equally_good_names():
    table = named("ra_1", "dec_1", "ra_2", "dec_2")
    table["ra_2"].meta["ucd"] = "pos.eq.ra;meta.main"
    table["dec_2"].meta["ucd"] = "pos.eq.dec;meta.main"
    assert best_pairs(table) == [("ra_2", "dec_2")]


def test_main_ucd_decides_between_plain_names():
    main = ("pos.eq.ra;meta.main", "pos.eq.dec;meta.main")
    assert best_pairs(named("ra", "dec", "RA", ucds=main)) == [("ra", "dec")]


def test_two_main_pairs_are_both_returned():
    main = ("pos.eq.ra;meta.main", "pos.eq.dec;meta.main")
    table = named("ra_1", "dec_1", "ra_2", "dec_2", ucds=main * 2)
    assert {("ra_1", "dec_1"), ("ra_2", "dec_2")} <= set(best_pairs(table))


def test_plain_names_come_before_main_ucds():
    table = named("RA_ICRS", "DE_ICRS", "ra", "dec")
    table["RA_ICRS"].meta["ucd"] = "pos.eq.ra;meta.main"
    table["DE_ICRS"].meta["ucd"] = "pos.eq.dec;meta.main"
    assert best_pairs(table) == [("ra", "dec")]


def test_main_ucd_of_an_older_frame_does_not_count():
    table = named("RAB1950", "DEB1950", ucds=("pos.eq.ra;meta.main", "pos.eq.dec;meta.main"))
    assert best_pairs(table) == []


def test_ucd_of_an_error_takes_a_name_out():
    assert best_pairs(named("ra", "dec", ucds=("stat.error;pos.eq.ra",))) == []


@pytest.mark.parametrize(
    ("names", "frame"),
    [
        (("glon", "glat"), "galactic"),
        (("GLON", "GLAT"), "galactic"),
        (("gal_l", "gal_b"), "galactic"),
        (("l", "b"), "galactic"),
        (("lII", "bII"), "galactic"),
        (("elon", "elat"), "ecliptic"),
        (("ecl_lon", "ecl_lat"), "ecliptic"),
        (("SGL", "SGB"), "supergalactic"),
        (("RAB1950", "DEB1950"), "B1950"),
        (("ra_1950", "dec_1950"), "B1950"),
        (("ra_fk4", "dec_fk4"), "B1950"),
    ],
)
def test_absence_is_explained_by_the_frame_found(names, frame):
    words = explain_absence(named("id", *names))
    assert frame in words
    assert str(list(names)) in words
    assert f"--ra {names[0]} --dec {names[1]} (frame=" in words


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("id", "mag"), "No RA column in ['id', 'mag']"),
        (("ra", "mag"), "RA column 'ra' but no Dec column in ['ra', 'mag']"),
        (("mag", "dec"), "Dec column 'dec' but no RA column in ['mag', 'dec']"),
        (("ra1", "dec2"), "RA ['ra1'] and Dec ['dec2'] have names that do not match"),
        (("b", "g", "r"), "No RA column in ['b', 'g', 'r']"),
    ],
)
def test_absence_is_explained_by_names(names, words):
    assert explain_absence(named(*names)) == f"{words}; {PASS}"


def test_long_lists_are_cut():
    words = listing([f"c{number}" for number in range(1000)])
    assert words.startswith("['c0'")
    assert words.endswith("'c19', ... 980 more]")


def test_columns_that_are_no_arrays_are_left_alone():
    table = Table({"ra": Time(np.arange(2.0), format="mjd"), "dec": [1.0, 2.0]})
    assert best_pairs(table) == []
