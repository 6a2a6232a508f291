"""What catalogues say of the frame of their positions."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

from astroclip_astro.errors import CatalogueError, InputError
from astroclip_astro.sky import describe_positions, find_targets
from astroclip_astro.sky.stated_frames import frame_of, note_frame

FK4_DEGREES = {"ra": [150.0], "dec": [2.0]}


def where(table, **options):
    targets = find_targets(table, **options)
    return SkyCoord(targets.ra, targets.dec, unit="deg")


def referring(values, **attributes):
    table = Table(values)
    for name in table.colnames:
        table[name].meta["coosys"] = attributes
    return table


@pytest.mark.parametrize(
    ("meta", "frame"),
    [
        ({"RADESYS": "FK4", "EQUINOX": 1950.0}, {"frame": "fk4", "equinox": "B1950"}),
        ({"RADESYS": "FK4"}, {"frame": "fk4", "equinox": "B1950"}),
        ({"radecsys": ("FK4-NO-E", "comment")}, {"frame": "fk4noeterms", "equinox": "B1950"}),
        ({"EQUINOX": 1950.0}, {"frame": "fk4", "equinox": "B1950"}),
        ({"EQUINOX": "B1950"}, {"frame": "fk4", "equinox": "B1950"}),
        ({"EPOCH": 1950.0}, {"frame": "fk4", "equinox": "B1950"}),
        ({"RADESYS": "FK5", "EQUINOX": 1975}, {"frame": "fk5", "equinox": "J1975"}),
        ({"EQUINOX": 1990.5}, {"frame": "fk5", "equinox": "J1990.5"}),
        ({"RADESYS": "FK5", "EQUINOX": 2000.0}, {"frame": "fk5"}),
        ({"RADESYS": "ICRS", "EQUINOX": 1950.0}, {"frame": "icrs"}),
        ({"EQUINOX": "2000.0", "EPOCH": 2016.0}, {"frame": "icrs"}),
        ({"EQUINOX": None, "RADESYS": ""}, {"frame": "icrs"}),
    ],
)
def test_header_says_the_frame(meta, frame):
    table = Table(FK4_DEGREES, meta=meta)
    expected = SkyCoord([150.0], [2.0], unit="deg", **frame).icrs
    assert where(table).separation(expected).arcsec[0] < 1e-4


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"RADESYS": "GAPPT"}, "RADESYS 'GAPPT'"),
        ({"RADESYS": "FK5", "EQUINOX": "x"}, "EQUINOX 'x'"),
    ],
)
def test_unknown_frames_of_a_header_are_refused(meta, words):
    with pytest.raises(CatalogueError, match=f"says {words}.*--frame NAME"):
        find_targets(Table(FK4_DEGREES, meta=meta))
    assert find_targets(Table(FK4_DEGREES, meta=meta), frame="icrs").ra[0] == 150


@pytest.mark.parametrize(
    ("attributes", "frame"),
    [
        ({"system": "eq_FK4", "equinox": "B1950"}, {"frame": "fk4", "equinox": "B1950"}),
        (
            {"system": "eq_FK4", "equinox": "B1950", "epoch": "J1983.5"},
            {"frame": "fk4", "equinox": "B1950", "obstime": "J1983.5"},
        ),
        ({"system": "FK4"}, {"frame": "fk4", "equinox": "B1950"}),
        ({"system": "eq_FK5", "equinox": "J1975"}, {"frame": "fk5", "equinox": "J1975"}),
        ({"system": "eq_FK5"}, {"frame": "fk5"}),
        ({"system": "ICRS", "epoch": "J2016.0"}, {"frame": "icrs"}),
        ({"system": "GALACTIC"}, {"frame": "galactic"}),
        ({"system": "SUPER_GALACTIC"}, {"frame": "supergalactic"}),
        (
            {"system": "ecl_FK5", "equinox": "J2000"},
            {"frame": "barycentricmeanecliptic", "equinox": "J2000"},
        ),
    ],
)
def test_coosys_says_the_frame(attributes, frame):
    table = referring(FK4_DEGREES, **attributes)
    expected = SkyCoord([150.0], [2.0], unit="deg", **frame).icrs
    assert where(table, ra="ra", dec="dec").separation(expected).arcsec[0] < 1e-4


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"system": "geo_app"}, "the system 'geo_app'"),
        ({"system": "UNKNOWN"}, "the system 'UNKNOWN'"),
        ({"system": "ecl_FK5"}, "ecliptic without an equinox"),
        ({"system": "ECLIPTIC"}, "ecliptic without an equinox"),
        ({"system": "eq_FK5", "equinox": "soon"}, "fk5 of equinox 'soon'"),
        ({"equinox": "B1950"}, "the system 'None'"),
    ],
)
def test_unknown_systems_are_refused_unless_the_user_says_the_frame(attributes, words):
    table = referring(FK4_DEGREES, **attributes)
    with pytest.raises(CatalogueError, match=f"refer to {words}.*--frame NAME"):
        find_targets(table)
    assert find_targets(table, frame="icrs").ra[0] == 150


def test_columns_that_refer_to_different_systems_are_refused():
    table = referring(FK4_DEGREES, system="eq_FK5")
    table["dec"].meta["coosys"] = {"system": "eq_FK4"}
    with pytest.raises(CatalogueError, match=r"different frames .*FK5 J2000 and FK4 B1950"):
        find_targets(table)


def test_names_and_metadata_that_disagree_are_refused():
    table = Table({"RAJ2000": [150.0], "DEJ2000": [2.0]}, meta={"EQUINOX": 1950.0})
    with pytest.raises(CatalogueError, match="say J2000 by their names, but FK4 B1950 by the head"):
        find_targets(table)
    assert find_targets(table, frame="fk5").ra[0] == pytest.approx(150, abs=1e-4)


@pytest.mark.parametrize(
    ("names", "frame", "astropy"),
    [
        (("l", "b"), "galactic", "galactic"),
        (("GLON", "GLAT"), "galactic", "galactic"),
        (("elon", "elat"), "ecliptic", "barycentricmeanecliptic"),
        (("SGL", "SGB"), "supergalactic", "supergalactic"),
        (("RAB1950", "DEB1950"), "fk4", "fk4"),
    ],
)
def test_other_frames_by_name_need_the_user_s_word_and_the_advice_can_be_followed(
    names, frame, astropy
):
    table = Table([[150.0], [2.0]], names=names)
    advice = f"--frame {frame} --ra {names[0]} --dec {names[1]} "
    for options in ({}, {"ra": names[0], "dec": names[1]}):
        with pytest.raises(CatalogueError, match=advice):
            find_targets(table, **options)
    expected = SkyCoord([150.0], [2.0], unit="deg", frame=astropy).icrs
    for options in ({}, {"ra": names[0], "dec": names[1]}):
        assert where(table, frame=frame, **options).separation(expected).arcsec[0] < 1e-4


def test_galactic_columns_that_refer_to_their_system_are_found():
    table = referring({"GLON": [150.0], "GLAT": [2.0]}, system="galactic")
    expected = SkyCoord([150.0], [2.0], unit="deg", frame="galactic").icrs
    assert where(table).separation(expected).arcsec[0] < 1e-4
    assert describe_positions(table) == (
        "RA/Dec from columns 'GLON', 'GLAT' (galactic by their COOSYS, as ICRS degrees)"
    )


def test_galactic_columns_beside_ra_and_dec_are_used_where_the_user_says_galactic():
    table = Table({"ra": [99.0], "dec": [2.0], "l": [0.0], "b": [0.0]})
    assert where(table, frame="galactic").ra.deg[0] == pytest.approx(266.405, abs=1e-3)
    assert where(table).ra.deg[0] == 99
    with pytest.raises(CatalogueError, match="no columns called like ecliptic coordinates"):
        find_targets(table, frame="ecliptic")


def test_sexagesimal_longitudes_are_degrees():
    table = Table({"l": ["150:30:00"], "b": ["02:00:00"]})
    expected = SkyCoord([150.5], [2.0], unit="deg", frame="galactic").icrs
    assert where(table, frame="galactic").separation(expected).arcsec[0] < 1e-4


def test_a_skycoord_has_its_own_frame():
    table = Table({"c": SkyCoord([150.0], [2.0], unit="deg")})
    with pytest.raises(CatalogueError, match="SkyCoord column 'c' has its own frame, icrs"):
        find_targets(table, frame="galactic")


def test_the_output_remembers_what_the_user_said():
    table = Table({"l": [0.0], "b": [0.0]})
    targets = find_targets(table, frame="galactic")
    assert targets.frame == targets[:1].frame == "galactic of l, b"
    note_frame(table, targets.frame)
    assert table.meta == {"ACFRAME": "galactic of l, b"}
    again = find_targets(table)
    assert again.ra[0] == targets.ra[0]
    assert again.frame == targets.frame
    assert note_frame(table, "").meta == {}


def test_epochs_are_remembered():
    table = referring(FK4_DEGREES, system="eq_FK4", epoch="1983.5")
    said = find_targets(table).frame
    assert said == "fk4:B1950 epoch B1983.5 of ra, dec"
    again = note_frame(Table(FK4_DEGREES), said)
    assert find_targets(again).ra[0] == find_targets(table).ra[0]


def test_user_columns_do_not_change():
    table = referring(FK4_DEGREES, system="eq_FK4")
    before = table.copy()
    find_targets(table)
    assert (table == before).all()
    assert table["ra"].meta == before["ra"].meta


def test_bad_rows_stay_bad_in_any_frame():
    table = Table({"ra": [150.0, np.nan, 400.0], "dec": [2.0, 1.0, 1.0]}, meta={"RADESYS": "FK4"})
    assert find_targets(table).has_position.tolist() == [True, False, False]


def test_unknown_words_are_refused():
    with pytest.raises(InputError, match="frame is 'fk6'"):
        frame_of(Table(FK4_DEGREES), ("ra", "dec"), "fk6")
