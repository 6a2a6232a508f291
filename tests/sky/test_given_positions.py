"""Positions as they are typed, and names as the resolver knows them; no network is used."""

import pytest
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError

from astroclip_astro.errors import InputError, SourceError
from astroclip_astro.sky import describe_positions, find_targets
from astroclip_astro.sky.given_positions import make_position_table, read_coordinate, resolve_name


@pytest.fixture
def resolver(monkeypatch):
    """In place of the name server: knows M51 alone, or fails as it is told."""
    asked = []

    def from_name(name, **options):
        asked.append(name)
        if resolver.error is not None:
            raise resolver.error
        if name != "M51":
            raise NameResolveError(f"Unable to find coordinates for name '{name}' using https://x")
        return SkyCoord(202.47, 47.195, unit="deg")

    resolver = type("Resolver", (), {"error": None, "asked": asked})()
    monkeypatch.setattr(SkyCoord, "from_name", from_name)
    return resolver


@pytest.mark.parametrize(
    ("text", "axis", "degrees"),
    [
        ("150.1", "RA", 150.1),
        ("10", "RA", 10.0),
        ("-10", "RA", 350.0),
        ("360", "RA", 0.0),
        ("10:00:24.0", "RA", 150.1),
        ("10 00 24", "RA", 150.1),
        ("10h00m24s", "RA", 150.1),
        ("10h", "RA", 150.0),
        ("150d06m", "RA", 150.1),
        ("-2.2", "Dec", -2.2),
        ("−2.2", "Dec", -2.2),
        ("+02:12:00", "Dec", 2.2),
        ("-02:12:00", "Dec", -2.2),
        ("-00:12:00", "Dec", -0.2),
        ("-2d12m", "Dec", -2.2),
        ("90", "Dec", 90.0),
    ],
)
def test_coordinate_is_understood(text, axis, degrees):
    assert read_coordinate(text, axis) == pytest.approx(degrees, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("", "RA"), ("M51", "RA"), ("nan", "RA"), ("inf", "RA"), ("361", "RA"), ("-181", "RA"),
        ("25h", "RA"), ("25:00:00", "RA"), ("10:61:00", "RA"), ("90.1", "Dec"), ("-91", "Dec"),
        ("2h12m", "Dec"), ("nan", "Dec"),
    ],
)  # fmt: skip
def test_what_is_no_coordinate_says_what_would_be_one(text, axis):
    example = "10h00m24s" if axis == "RA" else "-2d12m"
    with pytest.raises(InputError, match=f"{axis} is .* expected degrees such as .*{example}"):
        read_coordinate(text, axis)


def test_name_is_resolved(resolver):
    assert resolve_name("M51") == pytest.approx((202.47, 47.195))
    assert resolver.asked == ["M51"]


def test_unknown_name_is_the_users_mistake(resolver):
    with pytest.raises(InputError, match="Name 'M 999' is not known to SIMBAD, NED or VizieR"):
        resolve_name("M 999")


@pytest.mark.parametrize(
    "error",
    [
        NameResolveError("All Sesame queries failed. Unable to retrieve coordinates: refused"),
        OSError("Network is unreachable"),
    ],
)
def test_name_server_that_does_not_answer_is_a_source_that_fails(resolver, error):
    resolver.error = error
    with pytest.raises(SourceError, match=r"Name 'M51' cannot be resolved.*Is this machine online"):
        resolve_name("M51")


def test_empty_name_asks_nobody(resolver):
    with pytest.raises(InputError, match="name of the object is empty"):
        resolve_name(" ")
    assert not resolver.asked


def test_table_has_positions_then_names_and_needs_no_assumption(resolver):
    table = make_position_table([(10.5, -2.2)], ["M51"])
    assert table["name"].tolist() == ["", "M51"]
    assert find_targets(table).ra == pytest.approx([10.5, 202.47])
    assert "assume" not in describe_positions(table)


def test_table_of_positions_has_no_names():
    table = make_position_table([(10.5, -2.2), (1.0, 2.0)])
    assert table.colnames == ["ra", "dec"]
    assert table["dec"].tolist() == [-2.2, 2.0]
