"""Cutouts from the viewer: what is asked, and what is believed of a reply."""

import io

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from hypothesis import given, settings, strategies as st
from wire import connect

from astroclip_astro.config import conf
from astroclip_astro.errors import InputError
from astroclip_astro.fetch.legacy_survey import LegacySurveyClass, read_image
from astroclip_astro.fetch.transport import BadReplyError, Transport

RA, DEC, SIZE = 150.123456789, -2.25, 32
FITS = {"Content-Type": "image/fits"}
SCALE = 0.262 / 3600


def cutout(ra=RA, dec=DEC, size=SIZE, bands="grz", values=None, **cards):
    """Return a file as the viewer serves it."""
    if values is None:
        values = np.random.default_rng(1).normal(0, 1, (len(bands), size, size))
    header = fits.Header({"SURVEY": "LegacySurvey", "VERSION": "DR9", "IMAGETYP": "image"})
    header["BANDS"] = bands
    header.update(
        CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=ra, CRVAL2=dec, CRPIX1=(size + 1) / 2,
        CRPIX2=(size + 1) / 2, CD1_1=-SCALE, CD1_2=0.0, CD2_1=0.0, CD2_2=SCALE,
    )  # fmt: skip
    header.update(cards)
    file = io.BytesIO()
    fits.PrimaryHDU(np.asarray(values, np.float32), header).writeto(file)
    return file.getvalue()


GOOD = cutout()


@pytest.fixture(autouse=True)
def _hurry():
    with conf.set_temp("backoff", 0.001):
        yield


@pytest.fixture
def viewer():
    return LegacySurveyClass(Transport("https://viewer.example/viewer"))


def read(content):
    return read_image(content, RA, DEC, SIZE, origin="here")


def test_request_is_what_the_viewer_takes(viewer):
    wire = connect(viewer.transport, [(200, FITS, GOOD)])
    viewer.get_cutout(RA, DEC, SIZE)
    ((request, options),) = wire.requests
    assert request.url.split("?")[0] == "https://viewer.example/viewer/fits-cutout"
    from urllib.parse import parse_qs, urlsplit

    assert parse_qs(urlsplit(request.url).query) == {
        "ra": ["150.123456789"],
        "dec": ["-2.25"],
        "layer": ["ls-dr9"],
        "size": ["32"],
        "pixscale": ["0.262"],
        "bands": ["grz"],
    }
    assert options["timeout"] == (conf.connect_timeout, conf.timeout)


def test_pixels_come_as_they_are(viewer):
    connect(viewer.transport, [(200, FITS, GOOD)])
    image, content = viewer.get_cutout(RA, DEC, SIZE)
    assert np.array_equal(image.image, fits.getdata(io.BytesIO(GOOD)))
    assert image.image.dtype == np.float32
    assert image.complete
    assert content == GOOD


def test_address_comes_from_the_configuration():
    with conf.set_temp("viewer_url", "https://mirror.example/v"):
        assert LegacySurveyClass().transport.url == "https://mirror.example/v"


def test_images_of_several_positions(viewer):
    def answer(request):
        from urllib.parse import parse_qs, urlsplit

        asked = parse_qs(urlsplit(request.url).query)
        return 200, FITS, cutout(float(asked["ra"][0]), float(asked["dec"][0]))

    connect(viewer.transport, answer)
    first, second = viewer.get_images(SkyCoord([10, 359.9] * u.deg, [0, 80] * u.deg), size=SIZE)
    assert (first[0].header["CRVAL1"], second[0].header["CRVAL2"]) == (10, 80)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (cutout(bands="gri"), "bands 'gri', expected 'grz'"),
        (cutout(bands="gr"), "shape"),
        (cutout(BANDS="zrg"), "bands 'zrg'"),
        (cutout(size=SIZE + 1), "shape"),
        (cutout(ra=RA + 1e-4), "another place"),
        (cutout(ra=(RA + 180) % 360, dec=-DEC), "another place"),
        (cutout(CRPIX1=1.0), "another place"),
        (cutout(CD1_1=SCALE), "native grid"),
        (cutout(CD1_1=-2 * SCALE, CD2_2=2 * SCALE), "native grid"),
        (cutout(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN"), "tangent-plane"),
        (cutout(CTYPE1="LINEAR", CTYPE2="LINEAR"), "tangent-plane"),
        (GOOD[:6000], "cut short"),
        (GOOD[:1000], "here"),
        (b"", "here"),
        (b"<html>no such page</html>", "here"),
    ],
)
def test_what_was_not_asked_for_is_refused(content, says):
    with pytest.raises(BadReplyError, match=says):
        read(content)


def test_integers_are_refused():
    file = io.BytesIO()
    header = fits.getheader(io.BytesIO(GOOD))
    fits.PrimaryHDU(np.ones((3, SIZE, SIZE), np.int32), header).writeto(file)
    with pytest.raises(BadReplyError, match="BITPIX 32"):
        read(file.getvalue())


def test_scaled_pixels_are_refused():
    content = GOOD.replace(
        b"SURVEY  = 'LegacySurvey'".ljust(80), b"BSCALE  =                  2.0".ljust(80)
    )
    with pytest.raises(BadReplyError, match="scaled"):
        read(content)


def test_a_header_that_claims_too_much_is_refused():
    huge = GOOD.replace(b"NAXIS1  =                   32", b"NAXIS1  =           1000000000")
    with pytest.raises(BadReplyError, match="1000000000"):
        read(huge)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_pixels_without_data_are_zero_and_said(bad):
    values = np.ones((3, SIZE, SIZE))
    values[2, 5, 6] = bad
    image = read(cutout(values=values))
    assert not image.complete
    assert image.image[2, 5, 6] == 0
    assert image.image.sum() == 3 * SIZE**2 - 1


def test_a_band_of_zeros_is_incomplete():
    values = np.ones((3, SIZE, SIZE))
    values[2] = 0
    assert not read(cutout(values=values)).complete


def test_nothing_but_zeros_is_no_image():
    assert read(cutout(values=np.zeros((3, SIZE, SIZE)))) is None


@pytest.mark.parametrize("dec", [89.99999, -89.99999])
def test_poles(dec):
    assert read_image(cutout(10.0, dec), 10.0, dec, SIZE, origin="here").complete


def test_across_ra_0():
    assert read_image(cutout(0.0, 0.0), 0.0, 0.0, SIZE, origin="here").complete
    assert read_image(cutout(360.0, 0.0), 0.0, 0.0, SIZE, origin="here").complete


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>maintenance</html>"),
        (200, {}, GOOD),
        (200, FITS, GOOD[:6000]),
        (500, {"Content-Type": "text/html"}, b"<h1>Server Error (500)</h1>"),
        (400, {"Content-Type": "text/plain"}, b"ra missing"),
    ],
)
def test_what_is_no_cutout_is_a_bad_reply(viewer, status, headers, body):
    connect(viewer.transport, lambda request: (status, headers, body))
    with pytest.raises(BadReplyError, match=r"viewer\.example"):
        viewer.get_cutout(RA, DEC, SIZE)


def test_a_bad_reply_is_followed_by_a_good_one(viewer):
    page = (200, {"Content-Type": "text/html"}, b"maintenance")
    wire = connect(viewer.transport, [page, (200, FITS, GOOD[:-4000]), (200, FITS, GOOD)])
    assert viewer.get_cutout(RA, DEC, SIZE)[0].complete
    assert len(wire.requests) == 3


def test_an_unknown_layer_is_the_users_mistake(viewer):
    wire = connect(
        viewer.transport, lambda request: (200, {"Content-Type": "text/html"}, b"no such layer\n")
    )
    with pytest.raises(
        InputError, match=r"'ls-dr9': the viewer at .* has no such layer, expected one"
    ):
        viewer.get_cutout(RA, DEC, SIZE)
    assert len(wire.requests) == 1


def test_more_than_expected_is_not_read(viewer):
    connect(viewer.transport, lambda request: (200, FITS, GOOD + bytes(10**6)))
    with pytest.raises(BadReplyError, match="bytes expected"):
        viewer.get_cutout(RA, DEC, SIZE)


@pytest.mark.parametrize("size", [0, -1, 3001])
def test_sizes_that_the_viewer_would_change_are_refused(viewer, size):
    with pytest.raises(InputError, match="expected 1 to 3000"):
        viewer.get_cutout(RA, DEC, size)


@pytest.mark.parametrize("layer", ["", "ls dr9", "ls-dr9&size=1", "x" * 61])
def test_layers_that_cannot_be_are_refused(layer):
    with pytest.raises(InputError, match="expected a name"):
        LegacySurveyClass(layer=layer)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, len(GOOD) - 1), junk=st.binary(min_size=1, max_size=40))
def test_damaged_replies_are_refused_or_read(place, junk):
    content = GOOD[:place] + junk + GOOD[place + len(junk) :]
    try:
        image = read(content)
    except BadReplyError:
        return
    assert image is None or image.image.shape == (3, SIZE, SIZE)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=6000))
def test_arbitrary_bytes_are_refused(content):
    with pytest.raises(BadReplyError):
        read(content)
