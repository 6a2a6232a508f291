import io

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, Galactic, Latitude, Longitude, SkyCoord
from astropy.io.votable import from_table
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.masked import Masked
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from astroclip_astro.errors import AssumedUnitWarning, CatalogueError
from astroclip_astro.records import Targets
from astroclip_astro.sky import describe_positions, find_targets

RA, DEC = np.array([10.25, 150.5, 359.75]), np.array([-5.5, 2.25, 60.0])
TARGETID = 39627866878511337


@pytest.fixture
def coords():
    return SkyCoord(RA, DEC, unit="deg")


def same_positions(table, **names):
    """Assert that a table is found at RA, DEC."""
    targets = find_targets(table, **names)
    np.testing.assert_allclose(targets.ra, RA, rtol=0, atol=1e-9)
    np.testing.assert_allclose(targets.dec, DEC, rtol=0, atol=1e-9)


def test_plain_columns():
    targets = find_targets(Table({"id": [1, 2, 3], "RA": RA, "DEC": DEC}))
    assert isinstance(targets, Targets)
    assert targets.ra.tolist() == RA.tolist()
    assert targets.dec.tolist() == DEC.tolist()
    assert not targets.has_targetid.any()
    assert targets.ra.dtype == targets.dec.dtype == np.float64
    assert targets.targetid.dtype == np.int64


@pytest.mark.parametrize("kind", [Table, QTable])
@pytest.mark.parametrize("unit", ["deg", "rad", "hourangle", "arcsec"])
def test_quantities_of_any_angle(kind, unit):
    same_positions(kind({"ra": (RA * u.deg).to(unit), "dec": (DEC * u.deg).to("rad")}))


def test_longitude_and_latitude():
    same_positions(QTable({"ra": Longitude(RA, "deg"), "dec": Latitude(DEC, "deg")}))


@pytest.mark.parametrize("frame", ["icrs", "galactic", "fk5", "fk4", "geocentrictrueecliptic"])
def test_skycoord_of_any_frame_is_transformed(coords, frame):
    same_positions(QTable({"where": coords.transform_to(frame)}))


def test_bare_frame_is_transformed(coords):
    same_positions(QTable({"where": coords.galactic.frame}))
    assert isinstance(coords.galactic.frame, Galactic)


def test_masked_skycoord_rows_are_bad(coords):
    masked = SkyCoord(Masked(RA * u.deg, mask=[False, True, False]), DEC * u.deg)
    assert find_targets(QTable({"where": masked.galactic})).good.tolist() == [True, False, True]


def test_skycoord_survives_ecsv(coords, tmp_path):
    Table({"where": coords.galactic}).write(tmp_path / "t.ecsv")
    same_positions(Table.read(tmp_path / "t.ecsv"))


def test_skycoord_beside_the_same_columns_is_used(coords):
    table = Table({"ra": RA, "dec": DEC, "where": coords})
    assert "SkyCoord column 'where'" in describe_positions(table)


def test_skycoord_beside_other_positions_is_refused(coords):
    table = Table({"ra": RA, "dec": np.add(DEC, [0, 0, 0.01]), "where": coords})
    with pytest.raises(CatalogueError, match=r"'where' and columns 'ra', 'dec' hold different.*--"):
        find_targets(table)
    same_positions(table, ra="where")
    assert find_targets(table, ra="ra", dec="dec").dec[2] == pytest.approx(60.01)


def test_skycoord_beside_unusable_columns_is_used(coords):
    same_positions(Table({"ra": ["a", "b", "c"], "dec": DEC, "where": coords}))


def test_several_skycoords_are_refused_unless_named(coords):
    table = Table({"here": coords, "there": coords.galactic})
    with pytest.raises(CatalogueError, match=r"\['here', 'there'\], expected one; pass --ra NAME"):
        find_targets(table)
    same_positions(table, ra="there")
    same_positions(table, ra="there", dec="there")


def test_skycoord_without_a_way_to_icrs_is_refused():
    frame = AltAz([10] * u.deg, [20] * u.deg)
    with pytest.raises(CatalogueError, match="frame 'altaz' cannot be transformed to ICRS"):
        find_targets(QTable({"where": frame}))


def test_named_columns_are_used():
    table = Table({"ra": RA + 1, "dec": DEC + 1, "x": RA, "y": DEC})
    same_positions(table, ra="x", dec="y")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"ra": "ra"}, r"Found ra='ra', expected two columns.*--ra NAME --dec NAME"),
        ({"dec": "dec"}, r"Found dec='dec', expected two columns.*--ra NAME --dec NAME"),
        ({"ra": "where", "dec": "dec"}, r"expected two columns.*SkyCoord column as --ra alone"),
        ({"ra": "raa", "dec": "dec"}, r"No column 'raa' in \['ra', .*nearest is 'ra'.*--ra NAME"),
        ({"ra": "ra", "dec": "DEC"}, r"No column 'DEC' in .*nearest is 'dec'.*--dec NAME"),
        ({"ra": "zzz", "dec": "dec"}, r"No column 'zzz' in \['ra', 'dec', 'where'\]; pass"),
        ({"ra": "", "dec": "dec"}, r"No column '' in"),
        ({"ra": "ra", "dec": "ra"}, r"RA and Dec are both 'ra', expected two columns"),
    ],
)
def test_wrong_names_are_refused(coords, names, words):
    with pytest.raises(CatalogueError, match=words):
        find_targets(Table({"ra": RA, "dec": DEC, "where": coords}), **names)


def test_no_ra_lists_the_columns_and_says_what_to_do():
    with pytest.raises(CatalogueError) as caught:
        find_targets(Table({"id": [1], "mag": [18.0]}))
    assert str(caught.value) == (
        "No RA column in ['id', 'mag']; pass --ra NAME --dec NAME (ra='NAME', dec='NAME')."
    )


def test_several_candidates_are_listed():
    table = Table({"ra1": RA, "dec1": DEC, "ra2": RA, "dec2": DEC})
    with pytest.raises(
        CatalogueError, match=r"RA \['ra1', 'ra2'\], Dec \['dec1', 'dec2'\].*--ra NAME --dec NAME"
    ):
        find_targets(table)


def test_several_candidates_are_refused_beside_targetids():
    table = Table({"RA": RA, "ra": RA, "dec": DEC, "TARGETID": [TARGETID] * 3})
    with pytest.raises(CatalogueError, match=r"RA \['RA', 'ra'\], Dec \['dec'\]"):
        find_targets(table)


def test_radians_without_a_unit_are_refused():
    random = np.random.default_rng(20240602)
    table = Table({"ra": random.uniform(0, 6.28, 50), "dec": random.uniform(-1.5, 1.5, 50)})
    with pytest.raises(CatalogueError, match="look like radians, expected degrees"):
        find_targets(table)


@pytest.mark.parametrize("kind", [Table, QTable])
def test_empty_tables_are_refused(kind):
    with pytest.raises(CatalogueError, match="no rows, expected at least one"):
        find_targets(kind({"ra": [], "dec": []}))


@pytest.mark.parametrize(
    ("ra", "expected"),
    [(-180, 180), (-1, 359), (0, 0), (360, 0), (-1e-20, 0), (359.999, 359.999)],
)
def test_ra_is_wrapped(ra, expected):
    assert find_targets(Table({"ra_deg": [ra], "dec_deg": [0.0]})).ra == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        (-180.1, 0),
        (360.1, 0),
        (-999, -999),
        (-99, -99),
        (99, 99),
        (0, 90.1),
        (0, -90.1),
        (np.nan, 0),
        (0, np.nan),
        (np.inf, 0),
        (0, -np.inf),
    ],
)
def test_bad_rows_are_nan_in_both(ra, dec):
    targets = find_targets(Table({"ra": [ra, 100.0], "dec": [dec, 20.0]}))
    assert np.isnan([targets.ra[0], targets.dec[0]]).all()
    assert targets.good.tolist() == [False, True]


@pytest.mark.parametrize("column", ["ra", "dec"])
def test_masked_rows_are_nan_in_both(column):
    table = Table({"ra": RA, "dec": DEC}, masked=True)
    table[column].mask[1] = True
    targets = find_targets(table)
    assert np.isnan([targets.ra[1], targets.dec[1]]).all()
    assert targets.good.tolist() == [True, False, True]


def test_no_good_row_is_refused():
    table = Table({"ra": [np.nan, 500.0], "dec": [0.0, 0.0]})
    with pytest.raises(
        CatalogueError, match=r"None of the 2 rows of \['ra', 'dec'\] has a good.*-90 to 90.*--ra"
    ):
        find_targets(table)


@pytest.mark.parametrize("dtype", ["i8", "u8", ">i8", "O"])
def test_targetids_of_any_integer_type(dtype):
    targets = find_targets(Table({"TARGETID": np.array([TARGETID, 0, 7], dtype)}))
    assert targets.targetid.tolist() == [TARGETID, 0, 7]
    assert targets.has_targetid.tolist() == [True, False, True]
    assert np.isnan(targets.ra).all()


@pytest.mark.parametrize("name", ["TARGETID", "targetid", "TargetID", "DESI_TARGETID"])
def test_targetids_by_name(name):
    assert find_targets(Table({name: [TARGETID]})).has_targetid.all()


@pytest.mark.parametrize("name", ["target_id", "astroclip_targetid", "targetids", "id"])
def test_other_identifiers_are_no_targetids(name):
    table = Table({name: [TARGETID] * 3, "ra": RA, "dec": DEC})
    assert not find_targets(table).has_targetid.any()


def test_targetids_in_strings():
    table = Table({"targetid": [str(TARGETID), "", "junk", "9" * 30, "9" * 5000]})
    assert find_targets(table).targetid.tolist() == [TARGETID, 0, 0, 0, 0]


def test_rows_with_junk_for_a_targetid_are_marked_and_counted():
    junk = ["39627866878511337", "39627866878511337x", "", "3.96E+16", "39627866878511339.0"]
    table = Table({"targetid": junk, "ra": np.full(5, 150.0), "dec": np.full(5, 2.0)})
    targets = find_targets(table)
    assert targets.bad_targetid.tolist() == [False, True, False, True, False]
    assert targets.targetid.tolist() == [39627866878511337, 0, 0, 0, 39627866878511339]
    assert targets[1:2].bad_targetid.tolist() == [True]
    said = "2 of 5 rows by TARGETID from 'targetid', 2 with something else there, such as '39627866"
    assert said in describe_positions(table)


def test_good_targetids_are_not_marked():
    assert find_targets(Table({"TARGETID": ["5", "", "7"]})).bad_targetid is None
    unsigned = Table({"TARGETID": np.array([2**64 - 1, 2**63 + 5, 5], np.uint64)})
    assert find_targets(unsigned).bad_targetid.tolist() == [False, True, False]


def test_strings_that_are_no_targetids_are_refused():
    table = Table({"targetid": ["", "TIC 1"], "ra": [1.0, 2.0], "dec": [1.0, 2.0]})
    with pytest.raises(CatalogueError, match=r"'targetid' holds 'TIC 1', expected integer.*rename"):
        find_targets(table)


@pytest.mark.parametrize("sentinel", [0, -1, -99, -999, -9999, np.iinfo(np.int64).min])
def test_sentinels_are_no_targetids(sentinel):
    assert find_targets(Table({"TARGETID": [sentinel, 5]})).has_targetid.tolist() == [False, True]


def test_negative_targetids_of_desi_are_kept():
    assert find_targets(Table({"TARGETID": [-2713437]})).targetid.tolist() == [-2713437]


def test_unsigned_targetids_too_large_for_int64_are_none():
    table = Table({"TARGETID": np.array([2**64 - 1, 2**63 + 5, 5], np.uint64)})
    assert find_targets(table).has_targetid.tolist() == [False, False, True]


def test_masked_targetids_are_none():
    table = Table({"TARGETID": MaskedColumn([TARGETID, 5], mask=[False, True])})
    assert find_targets(table).has_targetid.tolist() == [True, False]


def test_float_targetids_are_refused():
    table = Table({"TARGETID": [float(TARGETID)], "ra": [1.0], "dec": [1.0]})
    with pytest.raises(CatalogueError, match=r"'TARGETID' is float64, .*2\*\*53.*read it as int64"):
        find_targets(table)


@pytest.mark.parametrize(
    "column",
    [Column([np.nan] * 3), MaskedColumn([5.0] * 3, mask=[True] * 3)],
    ids=["nan", "masked"],
)
def test_float_targetids_with_nothing_in_them_are_none(column):
    targets = find_targets(Table({"TARGETID": column, "ra": RA, "dec": DEC}))
    assert not targets.has_targetid.any()


def test_booleans_are_no_targetids():
    with pytest.raises(CatalogueError, match="'TARGETID' is bool, expected int64"):
        find_targets(Table({"TARGETID": [True]}))


def test_two_columns_of_targetids_are_refused():
    with pytest.raises(CatalogueError, match=r"\['TARGETID', 'targetid'\], expected one"):
        find_targets(Table({"TARGETID": [1], "targetid": [1]}))


def test_targetids_all_missing_do_not_replace_positions():
    with pytest.raises(CatalogueError, match=r"No RA column in \['TARGETID'\]"):
        find_targets(Table({"TARGETID": [-1, 0]}))


def test_rows_with_bad_positions_are_good_by_targetid():
    table = Table({"ra": [np.nan, np.nan], "dec": [0.0, 0.0], "TARGETID": [TARGETID, -1]})
    assert find_targets(table).good.tolist() == [True, False]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (Table({"ra": RA, "dec": DEC}), "RA/Dec from columns 'ra', 'dec' (ICRS degrees)"),
        (
            QTable({"ra": RA * u.hourangle / 15, "dec": DEC * u.deg}),
            "RA/Dec from columns 'ra', 'dec' (ICRS degrees from hourangle and deg)",
        ),
        (
            Table({"ra": ["10:00:00"], "dec": ["1:00:00"]}),
            "RA/Dec from columns 'ra', 'dec' (ICRS degrees from sexagesimal and sexagesimal)",
        ),
        (
            QTable({"c": SkyCoord(RA, DEC, unit="deg").galactic}),
            "RA/Dec from SkyCoord column 'c' (galactic, as ICRS degrees)",
        ),
        (
            Table({"TARGETID": [5, -1]}),
            "No RA/Dec; 1 of 2 rows by TARGETID from 'TARGETID'",
        ),
        (
            Table({"ra": RA, "dec": DEC, "targetid": [5, 6, 7]}),
            "RA/Dec from columns 'ra', 'dec' (ICRS degrees); "
            "3 of 3 rows by TARGETID from 'targetid'",
        ),
    ],
)
def test_description(table, words):
    assert describe_positions(table) == words


def test_votable_ucds_choose_the_main_pair():
    table = Table({"x_1": RA + 1, "y_1": DEC, "x": RA, "y": DEC})
    for name, ucd in (
        ("x_1", "pos.eq.ra"),
        ("y_1", "pos.eq.dec"),
        ("x", "pos.eq.ra;meta.main"),
        ("y", "pos.eq.dec;meta.main"),
    ):
        table[name].unit, table[name].meta["ucd"] = "deg", ucd
    votable = io.BytesIO()
    from_table(table).to_xml(votable)
    same_positions(Table.read(votable, format="votable"))


def test_table_is_left_as_it_was():
    table = Table({"ra": RA - 180, "dec": DEC})
    before = table.copy()
    find_targets(table)
    assert (table == before).all()
    assert table.colnames == before.colnames


@given(
    st.lists(st.tuples(st.floats(-180, 360), st.floats(-90, 90)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
)
@settings(max_examples=100, deadline=None)
def test_every_position_comes_back_and_rows_keep_their_order(rows, random):
    def find(rows):
        return find_targets(Table(rows=rows, names=["ra_deg", "dec_deg"]))

    targets = find(rows)
    ra, dec = np.transpose(rows)
    assert targets.good.all()
    assert ((targets.ra >= 0) & (targets.ra < 360)).all()
    np.testing.assert_allclose(np.cos(np.radians(targets.ra - ra)), 1, atol=1e-12)
    np.testing.assert_array_equal(targets.dec, dec)
    order = random.sample(range(len(rows)), len(rows))
    np.testing.assert_array_equal(find([rows[row] for row in order]).ra, targets.ra[order])


@given(
    hnp.arrays(np.float64, st.integers(1, 20), elements=st.floats(-180, 360)),
    st.sampled_from(["deg", "rad", "hourangle", "arcmin"]),
)
@settings(max_examples=50, deadline=None)
def test_units_do_not_change_positions(ra, unit):
    table = QTable({"ra": (ra * 0.999 * u.deg).to(unit), "dec": (ra / 5 * u.deg).to("arcmin")})
    targets = find_targets(table)
    np.testing.assert_allclose(np.cos(np.radians(targets.ra - ra * 0.999)), 1, atol=1e-9)


_NAMES = st.sampled_from(
    ["ra", "dec", "RA", "DEC", "TARGETID", "glon", "glat", "l", "b", "ra_rad", "x", "RAJ2000", ""]
) | st.text(max_size=5)
_VALUES = hnp.arrays(
    hnp.scalar_dtypes() | hnp.unicode_string_dtypes() | hnp.byte_string_dtypes(),
    st.just(3) | st.just((3, 2)),
)


@given(
    st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=5),
    st.none() | _NAMES,
    st.none() | _NAMES,
)
@settings(max_examples=300, deadline=None)
def test_junk_gives_targets_or_a_clear_answer(columns, ra, dec):
    table = Table(columns)
    try:
        targets = find_targets(table, ra=ra, dec=dec)
    except CatalogueError as error:
        message = str(error)
        assert message.endswith(".")
        assert "\n" not in message
    else:
        assert len(targets) == 3
        assert targets.good.any()


def test_small_field_that_may_be_in_hours_is_warned_of_and_described():
    table = Table({"ra": [10.0083, 10.0085], "dec": [2.2, 2.3]})
    with pytest.warns(AssumedUnitWarning, match="below 24 in every row: RA was taken as degrees"):
        assert find_targets(table).ra.tolist() == [10.0083, 10.0085]
    said = describe_positions(table)
    assert said.startswith("RA/Dec from columns 'ra', 'dec' (ICRS degrees); 'ra' has no unit")


def test_positions_in_a_skycoord_need_no_assumption(coords):
    assert "assume" not in describe_positions(QTable({"where": coords[:1]}))
    find_targets(QTable({"where": coords[:1]}))
