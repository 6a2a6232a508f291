"""What the archives and the stand-in must have in common: the same cases against both.

Against the real archives: ``pytest --remote-data tests/contract``. They are asked for a handful of
objects, one request after the other.
"""

import io
from contextlib import closing, contextmanager
from types import SimpleNamespace

import astropy.units as u
import numpy as np
import pytest
import requests
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from astroclip_astro import standin
from astroclip_astro.config import conf
from astroclip_astro.fetch.archive import ArchiveSource
from astroclip_astro.fetch.desi_catalogue import DesiCatalogueClass
from astroclip_astro.fetch.legacy_survey import LegacySurveyClass
from astroclip_astro.fetch.sparcl import SparclClass
from astroclip_astro.fetch.sparcl.plain_pickle import load
from astroclip_astro.fetch.transport import Transport
from astroclip_astro.records import WAVELENGTH, Cutout, Spectrum, Targets

NOWHERE = (280.0, -5.0)  # in the Galactic plane: no brick, no spectrum
RELEASES = ["DESI-EDR", "DESI-DR1"]


@pytest.fixture(
    scope="module", params=["standin", pytest.param("archives", marks=pytest.mark.remote_data)]
)
def archives(request):
    """Addresses, and an object that is known to be there in both data releases."""
    if request.param == "archives":
        yield SimpleNamespace(
            viewer=conf.viewer_url,
            sparcl=conf.sparcl_url,
            tap=conf.tap_url,
            # A galaxy of DESI's survey validation 3, dark, healpix 26065.
            targetid=39627866878511337,
            ra=216.90419697181056,
            dec=3.2972553130178555,
        )
        return
    sky = standin.painted_sky(40)
    row = list(sky.spectra["data_release"]).index("DESI-EDR")
    with standin.serve(sky=sky) as url:
        yield SimpleNamespace(
            viewer=f"{url}/viewer",
            sparcl=f"{url}/api",
            tap=f"{url}/tap",
            targetid=int(sky.spectra["targetid"][row]),
            ra=float(sky.spectra["ra"][row]),
            dec=float(sky.spectra["dec"][row]),
        )


def cutout(archives, **changes):
    params = {"ra": archives.ra, "dec": archives.dec, "layer": "ls-dr9", "size": 64}
    params |= {"pixscale": 0.262, "bands": "grz"} | changes
    params = {name: value for name, value in params.items() if value is not None}
    return requests.get(f"{archives.viewer}/fits-cutout", params=params, timeout=300)


def find(archives, search, limit=100):
    fields = ["sparcl_id", "targetid", "ra", "dec", "specprimary", "data_release"]
    reply = requests.post(
        f"{archives.sparcl}/find/",
        params={"limit": limit},
        json={"outfields": fields, "search": search},
        timeout=300,
    )
    return reply


def box(archives, size=0.001):
    return [
        ["ra", archives.ra - size, archives.ra + size],
        ["dec", archives.dec - size, archives.dec + size],
    ]


@pytest.fixture(scope="module")
def records(archives):
    """What SPARCL finds at the object."""
    return find(archives, box(archives)).json()[1:]


def retrieve(archives, ids, form, include="sparcl_id,targetid,flux,ivar,wavelength"):
    return requests.post(
        f"{archives.sparcl}/spectras/",
        params={
            "include": include,
            "format": form,
            "dataset_list": ",".join(RELEASES),
            "limit": 100,
        },
        json=ids,
        timeout=300,
    )


def here(archives):
    return Targets(
        np.array([archives.ra]), np.array([archives.dec]), np.zeros(1, int), np.zeros(1, bool)
    )


def test_cutout_is_a_cube_of_g_r_z_around_the_position(archives):
    reply = cutout(archives)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].split(";")[0] == "image/fits"
    with fits.open(io.BytesIO(reply.content)) as hdus:
        header, data = hdus[0].header, hdus[0].data
        assert (data.shape, data.dtype.kind, data.dtype.itemsize) == ((3, 64, 64), "f", 4)
    assert header["BANDS"] == "grz"
    assert header["IMAGETYP"].lower() == "image"
    assert "BUNIT" not in header
    x, y = WCS(header, naxis=2).wcs_world2pix([[archives.ra, archives.dec]], 0)[0]
    assert (x, y) == pytest.approx((31.5, 31.5), abs=0.01)
    assert (header["CRVAL1"], header["CRVAL2"]) == pytest.approx((archives.ra, archives.dec))


def test_one_band_is_a_plane(archives):
    with fits.open(io.BytesIO(cutout(archives, bands="r").content)) as hdus:
        assert hdus[0].data.shape == (64, 64)
        assert hdus[0].header["BANDS"] == "r"


def test_inverse_variance_comes_in_a_second_hdu(archives):
    with fits.open(io.BytesIO(cutout(archives, invvar="").content)) as hdus:
        assert hdus[1].header["IMAGETYP"].strip().upper() == "INVVAR"
        assert hdus[1].data.shape == (3, 64, 64)


def test_unknown_layer_is_a_page_with_status_200(archives):
    reply = cutout(archives, layer="ls-dr99")
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("text/html")
    assert "no such layer" in reply.text


def test_missing_position_is_400(archives):
    assert cutout(archives, ra=None).status_code == 400


def test_bad_size_is_500(archives):
    assert cutout(archives, size="wide").status_code == 500


def test_outside_every_brick_is_500(archives):
    assert cutout(archives, ra=NOWHERE[0], dec=NOWHERE[1]).status_code == 500


def test_band_that_the_layer_lacks_is_silently_replaced(archives):
    with fits.open(io.BytesIO(cutout(archives, bands="uuu").content)) as hdus:
        assert hdus[0].header["BANDS"] != "uuu"


def test_version_of_sparcl_is_a_number(archives):
    reply = requests.get(f"{archives.sparcl}/version/", timeout=60)
    assert reply.status_code == 200
    assert float(reply.text) > 0


def test_fields_that_we_ask_for_exist(archives):
    reply = requests.get(f"{archives.sparcl}/datafields/", timeout=60)
    assert reply.status_code == 200
    needed = "sparcl_id targetid ra dec redshift redshift_warning spectype specprimary flux ivar"
    assert all(name in reply.text for name in f"{needed} wavelength data_release".split())


def test_box_finds_the_object(archives, records):
    assert archives.targetid in {record["targetid"] for record in records}
    assert {record["data_release"] for record in records} <= {*RELEASES, "SDSS-DR16", "BOSS-DR16"}
    assert len({record["sparcl_id"] for record in records}) == len(records)


def test_limit_cuts_silently(archives):
    reply = find(archives, box(archives), limit=1)
    assert reply.status_code == 200
    assert len(reply.json()) == 2  # what was found, and the heading


def test_targetid_finds_the_object(archives):
    found = find(archives, [["targetid", archives.targetid]]).json()[1:]
    assert {record["targetid"] for record in found} == {archives.targetid}


def test_unknown_field_is_an_error_in_json(archives):
    reply = find(archives, [["no_such_field", 1, 2]])
    assert reply.status_code >= 400
    assert {"errorCode", "errorMessage"} <= reply.json().keys()


def test_spectra_come_as_a_pickle_of_plain_arrays(archives, records):
    ids = [record["sparcl_id"] for record in records if record["data_release"] in RELEASES]
    reply = retrieve(archives, ids, "pkl")
    assert reply.status_code == 200
    _, *spectra = load(reply.content)
    assert {str(spectrum["sparcl_id"]) for spectrum in spectra} == set(ids)
    for spectrum in spectra:
        assert len(spectrum["flux"]) == len(spectrum["ivar"]) == len(WAVELENGTH)
        assert np.allclose(spectrum["wavelength"], WAVELENGTH, atol=0.01)


def test_unknown_ids_are_left_out(archives, records):
    unknown = "00000000-0000-0000-0000-000000000000"
    known = next(r["sparcl_id"] for r in records if r["data_release"] in RELEASES)
    _, *spectra = load(retrieve(archives, [known, unknown], "pkl").content)
    assert [str(spectrum["sparcl_id"]) for spectrum in spectra] == [known]


def test_tap_has_the_object(archives):
    for release in RELEASES:
        client = DesiCatalogueClass(Transport(archives.tap), release=release)
        place = SkyCoord(archives.ra, archives.dec, unit="deg")
        table = client.query_region(place, 1 * u.arcsec)
        assert archives.targetid in table["targetid"]
        assert (np.asarray(table["separation"]) <= 1).all()
        by_id = client.query_targetids([archives.targetid])
        assert set(by_id["targetid"]) == {archives.targetid}
        client.transport.session.close()


@contextmanager
def clients(archives, releases):
    """Our own clients, as the command uses them."""
    viewer = LegacySurveyClass(Transport(archives.viewer))
    sparcl = SparclClass(Transport(archives.sparcl), releases=releases)
    with closing(ArchiveSource(viewer, sparcl, name="contract")) as source:
        yield source


@pytest.mark.parametrize("release", RELEASES)
def test_our_clients_deliver_the_object(archives, release):
    with clients(archives, (release,)) as source:
        (image,) = source.cutouts(here(archives), 96)
        (spectrum,) = source.spectra(here(archives), 1.0)
    assert isinstance(image, Cutout)
    assert isinstance(spectrum, Spectrum)
    assert spectrum.targetid == archives.targetid
    assert (spectrum.ivar > 0).mean() > 0.9
    assert spectrum.spectype in ("GALAXY", "QSO", "STAR")


def test_our_clients_find_nothing_where_there_is_nothing(archives):
    nowhere = Targets(*(np.array([x]) for x in NOWHERE), np.zeros(1, int), np.zeros(1, bool))
    with clients(archives, ("DESI-DR1",)) as source:
        (gap,) = source.spectra(nowhere, 1.0)
    assert gap.flag.word == "no_spectrum"
