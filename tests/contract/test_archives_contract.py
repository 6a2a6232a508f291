"""What the archives and the stand-in must have in common: the same cases against both.

Against the real archives: ``pytest --remote-data tests/contract``. They are asked for a handful of
objects, one request after the other, with pauses, and with our own name.
"""

import io
import time
from contextlib import closing, contextmanager
from types import SimpleNamespace

import astropy.units as u
import numpy as np
import pytest
import pyvo
import requests
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from requests.adapters import HTTPAdapter
from tap_server import session_for_pyvo
from urllib3 import Retry

from astroclip_astro import standin
from astroclip_astro.config import conf
from astroclip_astro.fetch.archive import ArchiveSource
from astroclip_astro.fetch.desi_catalogue import Cuts, DesiCatalogueClass
from astroclip_astro.fetch.legacy_survey import LegacySurveyClass
from astroclip_astro.fetch.sparcl import SparclClass
from astroclip_astro.fetch.sparcl.plain_pickle import load
from astroclip_astro.fetch.transport import Transport
from astroclip_astro.records import WAVELENGTH, Cutout, Spectrum, Targets
from astroclip_astro.version import __version__

NOWHERE = (280.0, -5.0)  # in the Galactic plane: no brick, no spectrum
RELEASES = ["DESI-EDR", "DESI-DR1"]


@pytest.fixture(
    scope="module", params=["standin", pytest.param("archives", marks=pytest.mark.remote_data)]
)
def archives(request):
    """Addresses, and an object that is known to be there in both data releases."""
    session = requests.Session()
    session.headers["User-Agent"] = f"astroclip-astro/{__version__} (contract tests)"
    if request.param == "archives":
        again = Retry(total=3, status_forcelist=[429, 503], allowed_methods=None, backoff_factor=2)
        session.mount("https://", HTTPAdapter(max_retries=again))
        session.hooks["response"].append(lambda *_, **__: time.sleep(1))
        yield SimpleNamespace(
            session=session,
            viewer=conf.viewer_url,
            sparcl=conf.sparcl_url,
            tap=conf.tap_url,
            # A galaxy of DESI's survey validation 3, dark, healpix 26065.
            targetid=39627866878511337,
            ra=216.90419697181056,
            dec=3.2972553130178555,
        )
        session.close()
        return
    sky = standin.painted_sky(40)
    row = list(sky.spectra["data_release"]).index("DESI-EDR")
    with standin.serve(sky=sky) as url:
        yield SimpleNamespace(
            session=session,
            viewer=f"{url}/viewer",
            sparcl=f"{url}/api",
            tap=f"{url}/tap",
            targetid=int(sky.spectra["targetid"][row]),
            ra=float(sky.spectra["ra"][row]),
            dec=float(sky.spectra["dec"][row]),
        )
        session.close()


def cutout(archives, name="fits-cutout", **changes):
    params = {"ra": archives.ra, "dec": archives.dec, "layer": "ls-dr9", "size": 64}
    params |= {"pixscale": 0.262, "bands": "grz"} | changes
    params = {name: value for name, value in params.items() if value is not None}
    return archives.session.get(f"{archives.viewer}/{name}", params=params, timeout=300)


def plane(reply):
    """Header and pixels of the first image of a reply."""
    with fits.open(io.BytesIO(reply.content)) as hdus:
        return hdus[0].header, hdus[0].data


def find(archives, search, limit=100):
    fields = ["sparcl_id", "targetid", "ra", "dec", "specprimary", "data_release"]
    return archives.session.post(
        f"{archives.sparcl}/find/",
        params={"limit": limit},
        json={"outfields": fields, "search": search},
        timeout=300,
    )


def box(archives, size=0.001):
    return [
        ["ra", archives.ra - size, archives.ra + size],
        ["dec", archives.dec - size, archives.dec + size],
    ]


@pytest.fixture(scope="module")
def records(archives):
    """What SPARCL finds at the object."""
    return find(archives, box(archives)).json()[1:]


def retrieve(archives, ids, form, releases=RELEASES, limit=100):
    include = "sparcl_id,targetid,flux,ivar,wavelength"
    return archives.session.post(
        f"{archives.sparcl}/spectras/",
        params={
            "include": include,
            "format": form,
            "dataset_list": ",".join(releases),
            "limit": limit,
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


def test_header_names_survey_version_and_bands(archives):
    header, _ = plane(cutout(archives))
    assert {"SURVEY", "VERSION"} <= set(header)
    assert [header[f"BAND{i}"] for i in range(3)] == ["g", "r", "z"]


def test_defaults_are_dr9_256_pixels_native(archives):
    wanted = dict.fromkeys(["layer", "size", "pixscale", "bands"])
    header, pixels = plane(cutout(archives, **wanted))
    assert pixels.shape == (3, 256, 256)
    assert (header["VERSION"], header["BANDS"]) == ("DR9", "grz")
    assert abs(header["CD2_2"]) * 3600 == pytest.approx(0.262)


def test_north_is_up_and_east_left(archives):
    header, _ = plane(cutout(archives))
    assert header["CD1_1"] < 0 < header["CD2_2"]


def test_the_other_name_of_the_service(archives):
    assert np.array_equal(plane(cutout(archives))[1], plane(cutout(archives, "cutout.fits"))[1])


def test_a_smaller_cutout_is_the_middle_of_a_larger_one(archives):
    small, large = plane(cutout(archives))[1], plane(cutout(archives, size=96))[1]
    assert np.allclose(small, large[:, 16:-16, 16:-16], atol=1e-5)


def test_a_cutout_further_north_shows_the_same_sky_further_down(archives):
    here, north = (
        plane(cutout(archives, dec=archives.dec + shift * 0.262 / 3600))[1] for shift in (0, 8)
    )
    assert np.allclose(here[:, 8:], north[:, :-8], atol=0.05 * np.abs(here).max())


def test_finer_pixels_keep_surface_brightness_per_native_pixel(archives):
    native, fine = plane(cutout(archives))[1], plane(cutout(archives, pixscale=0.131))[1]
    middle = native[:, 16:48, 16:48]  # what the finer one shows
    assert np.median(fine) == pytest.approx(np.median(middle), rel=0.2, abs=0.02)


def test_one_band_is_a_plane(archives):
    with fits.open(io.BytesIO(cutout(archives, bands="r").content)) as hdus:
        assert hdus[0].data.shape == (64, 64)
        assert hdus[0].header["BANDS"] == "r"


def test_inverse_variance_comes_in_a_second_hdu(archives):
    with fits.open(io.BytesIO(cutout(archives, invvar="").content)) as hdus:
        assert hdus[1].header["IMAGETYP"].strip().upper() == "INVVAR"
        assert hdus[1].data.shape == (3, 64, 64)


def test_masks_come_in_a_further_hdu_of_integers(archives):
    with fits.open(io.BytesIO(cutout(archives, maskbits="").content)) as hdus:
        assert hdus[-1].data.dtype.kind == "i"
        assert hdus[-1].data.dtype.itemsize == 4


def test_unknown_layer_is_a_page_with_status_200(archives):
    reply = cutout(archives, layer="ls-dr99")
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("text/html")
    assert "no such layer" in reply.text


@pytest.mark.parametrize("change", [{"ra": None}, {"dec": None}, {"ra": "abc"}])
def test_missing_or_bad_position_is_400(archives, change):
    assert cutout(archives, **change).status_code == 400


def test_bad_size_is_500(archives):
    assert cutout(archives, size="wide").status_code == 500


def test_outside_every_brick_is_500(archives):
    assert cutout(archives, ra=NOWHERE[0], dec=NOWHERE[1]).status_code == 500


def test_band_that_the_layer_lacks_is_silently_replaced(archives):
    with fits.open(io.BytesIO(cutout(archives, bands="uuu").content)) as hdus:
        assert hdus[0].header["BANDS"] == "grz"


def test_version_of_sparcl_is_a_number(archives):
    reply = archives.session.get(f"{archives.sparcl}/version/", timeout=60)
    assert reply.status_code == 200
    assert float(reply.text) > 0


def test_fields_that_we_ask_for_exist(archives):
    reply = archives.session.get(f"{archives.sparcl}/datafields/", timeout=60)
    assert reply.status_code == 200
    needed = "sparcl_id targetid ra dec redshift redshift_warning spectype specprimary flux ivar"
    assert all(name in reply.text for name in f"{needed} wavelength data_release".split())


def test_box_finds_the_object(archives, records):
    assert archives.targetid in {record["targetid"] for record in records}
    assert set(RELEASES) <= {record["data_release"] for record in records}
    assert len({record["sparcl_id"] for record in records}) == len(records)


def test_limit_cuts_silently(archives):
    reply = find(archives, box(archives), limit=1)
    assert reply.status_code == 200
    assert len(reply.json()) == 2  # what was found, and the heading


def test_targetid_finds_the_object(archives):
    found = find(archives, [["targetid", archives.targetid]]).json()[1:]
    assert {record["targetid"] for record in found} == {archives.targetid}


def test_two_numbers_are_a_range(archives):
    search = [["targetid", archives.targetid - 1, archives.targetid + 1], *box(archives)]
    assert archives.targetid in {r["targetid"] for r in find(archives, search).json()[1:]}


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


def ids_of(records):
    return [record["sparcl_id"] for record in records if record["data_release"] in RELEASES]


def test_json_is_the_same_as_the_pickle_or_is_refused_in_words(archives, records):
    ids = ids_of(records)
    reply = retrieve(archives, ids, "json")
    if reply.status_code == 400:
        assert "format" in reply.text.lower()
        return
    plain = {str(s["sparcl_id"]): s for s in reply.json()[1:]}
    for spectrum in load(retrieve(archives, ids, "pkl").content)[1:]:
        flux = np.asarray(plain[str(spectrum["sparcl_id"])]["flux"], np.float32)
        assert np.allclose(flux, np.asarray(spectrum["flux"], np.float32), rtol=1e-5)


def test_releases_not_listed_are_left_out(archives, records):
    _, *spectra = load(retrieve(archives, ids_of(records), "pkl", ["DESI-EDR"]).content)
    early = {r["sparcl_id"] for r in records if r["data_release"] == "DESI-EDR"}
    assert {str(spectrum["sparcl_id"]) for spectrum in spectra} == early


def test_limit_cuts_spectra_silently_too(archives, records):
    reply = retrieve(archives, ids_of(records), "pkl", limit=1)
    assert reply.status_code == 200
    assert len(load(reply.content)) == 2


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


def test_tap_finds_the_object_by_q3c(archives):
    query = (
        "SELECT targetid FROM desi_dr1.zpix WHERE 't' = q3c_radial_query("
        f"mean_fiber_ra, mean_fiber_dec, {archives.ra:.8f}, {archives.dec:.8f}, 0.0003)"
    )
    with session_for_pyvo() as session:
        found = pyvo.dal.TAPService(archives.tap, session=session).run_async(query)["targetid"]
    assert archives.targetid in found


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


def test_catalogue_counts_and_cuts(archives):
    transport = Transport(archives.tap)
    place = SkyCoord(archives.ra, archives.dec, unit="deg")
    with transport.session:
        catalogue = DesiCatalogueClass(transport, release="DESI-DR1")
        everything = catalogue.query_region(place, 0.1 * u.deg, counted=True)
        for cuts in (
            Cuts(good_redshift=True, good_fibre=True),
            Cuts(spectype=("GALAXY",), z_min=0.1, z_max=0.4),
            Cuts(survey=("main", "sv3"), program=("bright",)),
        ):
            found = catalogue.query_region(place, 0.1 * u.deg, cuts=cuts, counted=True)
            right = everything["targetid"][cuts.holds(everything)]
            assert sorted(found["targetid"]) == sorted(right)
