import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Angle, Latitude, Longitude, SkyCoord
from astropy.table import Column, MaskedColumn, QTable, Table
from hypothesis import given, settings, strategies as st

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.angles import (
    check_degrees,
    describe_assumption,
    in_range,
    read_angles,
    split_unit,
)

SEED = 20240601


def read(values, axis="RA", unit=None, name="ra"):
    """One column of values, read."""
    table = Table({name: values})
    table[name].unit = unit
    return read_angles(table, name, axis)


def check(ra, dec, names=("ra", "dec"), units=(None, None)):
    """Check a pair of columns of values."""
    check_degrees(
        read(ra, "RA", units[0], names[0]),
        read(dec, "Dec", units[1], names[1]),
    )


def sky(rows=100):
    """Positions all over the sky, degrees."""
    random = np.random.default_rng(SEED)
    return random.uniform(0, 360, rows), np.degrees(np.arcsin(random.uniform(-1, 1, rows)))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        (None, 1),
        ("deg", 1),
        (u.dimensionless_unscaled, 1),
        ("rad", 180 / np.pi),
        ("hourangle", 15),
        ("h", 15),
        ("arcmin", 1 / 60),
        ("arcsec", 1 / 3600),
    ],
)
def test_numbers_are_converted_by_their_unit(unit, factor):
    np.testing.assert_allclose(read([0.5, 2.0], unit=unit).degrees, [0.5 * factor, 2 * factor])


@pytest.mark.parametrize(
    ("unit", "factor"), [("DEGREES", 1), ("Degree", 1), ("hours", 15), ('"h:m:s"', 15)]
)
def test_units_astropy_does_not_know_are_understood(unit, factor):
    table = Table({"ra": [2.0]})
    table["ra"].unit = u.Unit(unit, parse_strict="silent")
    np.testing.assert_allclose(read_angles(table, "ra", "RA").degrees, [2 * factor])


@pytest.mark.parametrize("axis", ["RA", "Dec"])
@pytest.mark.parametrize("unit", ["mag", "m", "pix", "s", "what"])
def test_units_that_are_no_angle_are_refused(unit, axis):
    table = Table({"col": [2.0]})
    table["col"].unit = u.Unit(unit, parse_strict="silent")
    with pytest.raises(CatalogueError, match=f"'col' has the unit '{unit}', which is no angle.*--"):
        read_angles(table, "col", axis)


def test_hours_are_refused_for_dec():
    with pytest.raises(CatalogueError, match=r"unit 'h', which is no angle.*--dec"):
        read([2.0], "Dec", "h")


@pytest.mark.parametrize(
    "column",
    [
        [10, 20] * u.deg,
        ([10, 20] * u.deg).to(u.rad),
        Angle([10, 20] * u.deg),
        Longitude([10, 20] * u.deg).to(u.hourangle),
        Latitude([10, 20] * u.deg),
        np.array([10, 20], np.float32),
        np.array([10, 20], np.uint8),
        np.array([10, 20], ">f8"),
        np.array(["10", " 20.0 "]),
        np.array([b"10", b"2e1"]),
        np.array([10, "20"], dtype=object),
    ],
    ids=repr,
)
def test_every_kind_of_column_gives_the_same_degrees(column):
    angles = read_angles(QTable({"ra": column}), "ra", "RA")
    np.testing.assert_allclose(angles.degrees, [10, 20])
    assert angles.degrees.dtype == np.float64


def test_masked_and_infinite_rows_are_nan():
    column = MaskedColumn([1.0, 2.0, np.inf, np.nan], mask=[False, True, False, False])
    np.testing.assert_array_equal(read(column).degrees, [1, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(
    "values",
    [[True, False], [1 + 2j], np.array(["2020-01-01"], "M8[D]"), np.zeros(1, "f8,f8")],
    ids=["bool", "complex", "date", "structured"],
)
def test_other_types_are_refused(values):
    with pytest.raises(CatalogueError, match=r"'ra' (holds|is a) .*expected numbers"):
        read_angles(Table({"ra": values}), "ra", "RA")


@pytest.mark.parametrize(
    "text", ["10:12:33.1", "10h12m33.1s", "10 12 33.1", " 10h 12m 33.1s", "10H12M33.1S"]
)
def test_sexagesimal_ra_is_in_hours(text):
    expected = SkyCoord(text.lower(), "0 0 0", unit=(u.hourangle, u.deg)).ra.deg
    angles = read([text])
    np.testing.assert_allclose(angles.degrees, [expected], rtol=1e-14)
    assert angles.unit == "sexagesimal"


@pytest.mark.parametrize(
    "text", ["+41:16:09", "-00:30:00", "−00 30 00", "-00d30m00s", "89 59 59.999", "-1°2′3″"]
)
def test_sexagesimal_dec_is_in_degrees(text):
    expected = Angle(text.replace("−", "-"), unit=u.deg).deg
    np.testing.assert_allclose(read([text], "Dec").degrees, [expected], rtol=1e-14)


def test_sexagesimal_ra_with_a_mark_or_unit_of_degrees_is_in_degrees():
    np.testing.assert_allclose(read(["153d08m16.5s"]).degrees, [153.13791667])
    np.testing.assert_allclose(read(["153:08:16.5"], unit="deg").degrees, [153.13791667])


@given(st.floats(0, 359.99), st.floats(-89.99, 89.99))
@settings(max_examples=50, deadline=None)
def test_sexagesimal_strings_of_astropy_come_back(ra, dec):
    position = SkyCoord(ra, dec, unit="deg")
    for style in ("hmsdms", " ", ":"):
        words = {"style": "hmsdms"} if style == "hmsdms" else {"sep": style, "style": "hmsdms"}
        text = position.to_string(precision=6, **words)
        half = text.rfind("+") if "+" in text else text.rfind("-")
        np.testing.assert_allclose(read([text[:half]]).degrees, [ra], atol=1e-8)
        np.testing.assert_allclose(read([text[half:]], "Dec").degrees, [dec], atol=1e-9)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("23h59.9m", 23.99833333), ("23 59.9", 23.99833333), ("10:12", 10.2), ("10h12m", 10.2)],
)
def test_two_sexagesimal_fields_of_ra(text, hours):
    np.testing.assert_allclose(read([text]).degrees, [15 * hours], rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [("-05d00.0m", -5), ("-00 30", -0.5), ("-05:00.6", -5.01), ("+41°16.5′", 41.275)],
)
def test_two_sexagesimal_fields_of_dec(text, degrees):
    np.testing.assert_allclose(read([text], "Dec").degrees, [degrees], rtol=1e-12)


def test_strings_not_understood_are_nan_in_their_row():
    texts = ["150.1", "", "NGC 4321", "10:75:00", "10:12", "10:00:00", "--", "inf"]
    expected = [150.1, *[np.nan] * 3, 153, 150, np.nan, np.nan]
    np.testing.assert_allclose(read(texts).degrees, expected, rtol=1e-14)


def test_strings_of_which_none_is_understood_are_refused_with_one_of_them():
    with pytest.raises(
        CatalogueError, match=r"'ra' holds strings such as 'NGC 1', expected decimal degrees.*--ra"
    ):
        read(["", "NGC 1", "M 31"])


def test_empty_strings_are_missing_not_wrong():
    assert np.isnan(read(["", "nan"]).degrees).all()


def test_sexagesimal_ra_beyond_24_hours_is_refused():
    with pytest.raises(CatalogueError, match=r"beyond 24 hours such as '150:06:03'.*unit = 'deg'"):
        read(["10:06:03", "150:06:03"])


def test_one_sexagesimal_ra_beyond_24_hours_stays_one_bad_row():
    degrees = read(["10:00:00"] * 20 + ["99:00:00"]).degrees
    assert in_range(degrees, np.zeros(21)).sum() == 20


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("ra_deg", "deg"),
        ("RAdeg", "deg"),
        ("DEC (degrees)", "deg"),
        ("RAJ2000deg", "deg"),
        ("ra_rad", "rad"),
        ("dec_radians", "rad"),
        ("ra_hours", "hourangle"),
        ("RA_hr", "hourangle"),
        ("ra", None),
        ("radius", None),
        ("grad", None),
        ("ra_grad", None),
    ],
)
def test_names_say_units(name, unit):
    assert split_unit(name)[1] == unit


@pytest.mark.parametrize("rows", [5, 10, 100, 10_000])
def test_radians_without_a_unit_are_refused(rows):
    ra, dec = np.radians(sky(rows))
    with pytest.raises(
        CatalogueError,
        match=r"RA .* to .* and Dec .* look like radians, expected degrees.*"
        r"table\['ra'\].unit = 'rad'.*'deg' if they are degrees.*ECSV.*ra_deg",
    ):
        check(ra, dec)


def test_radians_from_minus_pi_to_pi_without_a_unit_are_refused():
    ra, dec = sky()
    with pytest.raises(CatalogueError, match="look like radians"):
        check(np.radians(ra - 180), np.radians(dec))


def test_bad_rows_do_not_hide_radians():
    ra, dec = np.radians(sky())
    ra[:2], dec[:2] = (-999, np.nan), (-999, np.nan)
    with pytest.raises(CatalogueError, match="look like radians"):
        check(ra, dec)


def test_hours_without_a_unit_are_refused():
    ra, dec = sky()
    with pytest.raises(
        CatalogueError, match=r"look like RA in hours.*table\['ra'\].unit = 'hourangle'"
    ):
        check(ra / 15, dec)


@pytest.mark.parametrize("units", [("deg", None), ("deg", "deg")])
def test_stated_degrees_are_believed(units):
    ra, dec = np.radians(sky())
    assert check(ra, dec, units=units) is None


def test_degrees_stated_by_name_are_believed():
    ra, dec = np.radians(sky())
    assert check(ra, dec, names=("ra_deg", "dec_deg")) is None


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ((0, 360), (-90, 90)),
        ((0.5, 3.4), (-1.5, 1.5)),
        ((0, 6), (-0.2, 0.2)),
        ((0, 6), (-1.6, 1.6)),
        ((0, 7), (-1.25, 1.25)),
        ((0, 23), (-20, 20)),
        ((0, 11), (-60, 60)),
        ((0, 30), (-60, 60)),
        ((150, 150.1), (2, 2.1)),
    ],
    ids=str,
)
def test_fields_in_degrees_without_a_unit_pass(ra, dec):
    random = np.random.default_rng(SEED)
    assert check(random.uniform(*ra, 1000), random.uniform(*dec, 1000)) is None


@pytest.mark.parametrize(
    ("ra", "dec"),
    [([1.0], [1.0]), ([0.1, 0.2, 1.0], [-1.0, 0.0, 1.0]), ([0.1, 6.0, 3.0], [-0.1, 0.0, 0.1])],
)
def test_few_rows_of_a_small_field_prove_nothing(ra, dec):
    assert check(ra, dec) is None


@pytest.mark.parametrize("rows", [3, 5, 10])
@pytest.mark.parametrize(("unit", "factor"), [("radians", np.pi / 180), ("hours", 1 / 15)])
def test_few_rows_across_the_sky_are_enough(rows, unit, factor):
    ra, dec = np.linspace(10, 300, rows), np.linspace(-60, 70, rows)
    with pytest.raises(CatalogueError, match=unit):
        check(ra * factor, dec * (factor if unit == "radians" else 1))


@pytest.mark.parametrize(
    ("names", "unit"),
    [(("ra_rad", "dec_rad"), "rad"), (("ra_hours", "dec"), "hourangle")],
)
def test_names_that_say_another_unit_need_it(names, unit):
    with pytest.raises(
        CatalogueError, match=f"'{names[0]}' has no unit but its name says '{unit}'"
    ):
        check([1.0], [1.0], names=names)


def test_names_that_say_radians_are_converted_with_their_unit():
    table = QTable({"ra_rad": [1.0] * u.rad})
    np.testing.assert_allclose(read_angles(table, "ra_rad", "RA").degrees, [np.degrees(1)])


def test_one_column_in_radians_makes_the_other_suspect():
    with pytest.raises(CatalogueError, match="'dec' has no unit but 'ra' says 'rad'"):
        check([1.0], [1.0], units=("rad", None))


@given(st.lists(st.text() | st.binary() | st.floats() | st.none() | st.integers(), min_size=1))
@settings(max_examples=200, deadline=None)
def test_junk_gives_degrees_or_a_clear_answer(cells):
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    for axis in ("RA", "Dec"):
        try:
            degrees = read_angles(Table({"ra": values}), "ra", axis).degrees
        except CatalogueError as error:
            assert "holds strings" in str(error) or "sexagesimal" in str(error)  # noqa: PT017
        else:
            assert degrees.shape == (len(cells),)
            assert not np.isinf(degrees).any()


@pytest.mark.parametrize(
    ("ra", "unit", "assumed"),
    [
        ([10.0083, 10.0085, 10.0087], None, True),
        ([0.0], None, True),
        ([23.999, np.nan, 999.0], None, True),
        ([10.0, 24.0], None, False),
        ([10.0, -1.0], None, False),
        ([10.0, 11.0], "deg", False),
        ([10.0, 11.0], "hourangle", False),
        ([np.nan], None, False),
    ],
)
def test_degrees_are_said_to_be_assumed_where_they_may_be_hours(ra, unit, assumed):
    table = Table({"ra": Column(ra, unit=unit)})
    assert bool(describe_assumption(read_angles(table, "ra", "RA"))) == assumed


@pytest.mark.parametrize(("name", "assumed"), [("ra_deg", False), ("RAdeg", False), ("RA", True)])
def test_name_that_says_degrees_is_believed(name, assumed):
    angles = read_angles(Table({name: [10.0, 11.0]}), name, "RA")
    assert bool(describe_assumption(angles)) == assumed


def test_sexagesimal_strings_say_what_they_are():
    assert not describe_assumption(read_angles(Table({"ra": ["10:00:30"]}), "ra", "RA"))


def test_assumption_says_what_to_do():
    said = describe_assumption(read_angles(Table({"RA_X": ["10.1", "10.2"]}), "RA_X", "RA"))
    assert said.startswith(
        "'RA_X' has no unit and is below 24 in every row: RA was taken as degrees"
    )
    assert "table['RA_X'].unit = 'hourangle'" in said
    assert "multiply by 15" in said
