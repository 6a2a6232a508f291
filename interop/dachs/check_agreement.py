"""Do DaCHS, pyvo, this package's clients and its stand-in agree? Run by run.sh."""
# ruff: noqa: D103

from __future__ import annotations

import io
import os

import numpy as np
import pytest
import pyvo
import requests
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from publish import COLUMNS, SKY, redshifts, whole_images

from astroclip_astro import standin
from astroclip_astro.fetch.desi_catalogue import DesiCatalogueClass
from astroclip_astro.fetch.legacy_survey import LegacySurveyClass
from astroclip_astro.fetch.transport import BadReplyError, Transport

SCHEMAS = ["desi_edr", "desi_dr1"]
RELEASES = ["DESI-EDR", "DESI-DR1"]
EDGE = SkyCoord(0, -4.9, unit="deg")  # the demo sky lies on both sides of RA 0
SIZE = 96  # pixels of the demo sky's images
PRESENT = {path.name for path in SKY.glob("cutout-*.fits")}
WHOLE = whole_images()
DAMAGED = sorted(PRESENT - {path.name for path in WHOLE})


@pytest.fixture(scope="module")
def dachs() -> str:
    """Address of DaCHS."""
    return os.environ["DACHS_URL"]


@pytest.fixture(scope="module")
def stand_in():
    """Address of the stand-in."""
    with standin.serve() as url:
        yield url


@pytest.fixture(params=["dachs", "stand_in"])
def tap(request) -> str:
    """Address of each TAP service in turn."""
    return request.getfixturevalue(request.param) + "/tap"


@pytest.fixture(scope="module")
def session():
    """Session of pyvo's clients; no proxy to this very machine."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="module")
def images(dachs, session):
    """SIA client of pyvo."""
    return pyvo.dal.SIAService(dachs + "/demo_sky/q/sia/siap.xml", session=session)


@pytest.fixture(scope="module")
def cutouts(stand_in):
    """Our client of the viewer."""
    transport = Transport(stand_in + "/viewer")
    yield LegacySurveyClass(transport)
    transport.session.close()


@pytest.fixture(params=RELEASES)
def catalogue(request, tap):
    """Our client of each TAP service, for each release."""
    transport = Transport(tap)
    yield DesiCatalogueClass(transport, release=request.param)
    transport.session.close()


def plain(table: Table, *, names: list[str] | None = None) -> list[tuple]:
    """Return rows as tuples of Python values, sorted by TARGETID."""
    columns = []
    for name in names or COLUMNS:
        column = np.ma.getdata(table[name])
        kind = "U" if column.dtype.kind in "OSU" else column.dtype.kind
        column = column.astype(str) if kind == "U" else column
        column = column.astype(np.int64) if kind in "bu" else column
        columns.append(column.tolist())
    return sorted(zip(*columns, strict=True))


def files_of(catalogue: DesiCatalogueClass) -> tuple[Table, list[str]]:
    """Return what the files have for our client, and the columns that it returns."""
    names = [n for n in COLUMNS if not n.endswith("_primary") or n == catalogue.primary]
    return redshifts(catalogue.table.split(".")[0]), names


def position(path) -> tuple[float, float]:
    """Return the centre of a cutout, degrees."""
    with path.open("rb") as file:  # of a damaged file too
        header = fits.Header.fromfile(file)
    return header["CRVAL1"], header["CRVAL2"]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_pyvo_reads_what_the_files_have(tap, session, schema):
    service = pyvo.dal.TAPService(tap, session=session)
    rows = service.run_async(f"SELECT * FROM {schema}.zpix").to_table()
    assert plain(rows) == plain(redshifts(schema))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_tap_schema_lists_the_columns(tap, session, schema):
    query = f"SELECT column_name FROM tap_schema.columns WHERE table_name = '{schema}.zpix'"
    rows = pyvo.dal.TAPService(tap, session=session).run_sync(query)
    assert {str(row["column_name"]) for row in rows} == set(COLUMNS)


def test_our_client_finds_by_position_what_the_files_have(catalogue):
    table, names = files_of(catalogue)
    found = catalogue.query_region(EDGE, 1 * u.deg, primary=False)
    assert plain(found, names=names) == plain(table, names=names)


def test_our_client_keeps_to_the_circle(catalogue):
    table, names = files_of(catalogue)
    places = SkyCoord(table["mean_fiber_ra"], table["mean_fiber_dec"], unit="deg")
    table = table[(places.separation(EDGE) <= 0.06 * u.deg) & table["zcat_primary"]]
    assert 0 < len(table) < 20
    found = catalogue.query_region(EDGE, 0.06 * u.deg)
    assert plain(found, names=names) == plain(table, names=names)


def test_our_client_finds_through_right_ascension_zero(catalogue):
    table, names = files_of(catalogue)
    ra = table["mean_fiber_ra"]
    table = table[(ra >= 359.94) | (ra <= 0.01)]
    found = catalogue.query_box([359.94, 0.01] * u.deg, [-6, -4] * u.deg, primary=False)
    assert len(found)
    assert plain(found, names=names) == plain(table, names=names)


def test_our_client_finds_by_targetid_what_the_files_have(catalogue):
    table, names = files_of(catalogue)
    ids = [*table["targetid"][[0, -1]].tolist(), 1]  # nobody has the last
    table = table[np.isin(table["targetid"], ids)]
    found = catalogue.query_targetids(ids, primary=False)
    assert plain(found, names=names) == plain(table, names=names)


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_images_have_the_same_pixels(images, cutouts, path):
    ra, dec = position(path)
    found = images.search(pos=SkyCoord(ra * u.deg, dec * u.deg), size=0.0005)
    assert [str(image.title) for image in found] == [path.name]
    with fits.open(io.BytesIO(found[0].getdataset().read())) as hdus:
        published = np.array(hdus[0].data)
    ours, _ = cutouts.get_cutout(ra, dec, SIZE)
    np.testing.assert_array_equal(published, fits.getdata(path))
    np.testing.assert_array_equal(ours.image, published)


def test_neither_has_an_image_where_there_is_none(images, cutouts):
    centres = SkyCoord([position(path) for path in sorted(SKY.glob("cutout-*.fits"))], unit="deg")
    table = redshifts("desi_dr1")
    places = SkyCoord(table["mean_fiber_ra"], table["mean_fiber_dec"], unit="deg")
    bare = places[places.match_to_catalog_sky(centres)[1] > 10 * u.arcsec]
    assert len(bare)
    for place in bare:
        assert len(images.search(pos=place, size=0.0005)) == 0
        assert cutouts.get_cutout(place.ra.deg, place.dec.deg, SIZE)[0] is None


@pytest.mark.parametrize("name", DAMAGED)
def test_neither_serves_what_is_damaged(images, cutouts, name):
    ra, dec = position(SKY / name)
    assert len(images.search(pos=(ra, dec), size=0.0005)) == 0
    with pytest.raises(BadReplyError):
        cutouts.get_cutout(ra, dec, SIZE)
