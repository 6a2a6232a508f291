"""Cutouts as the Legacy Surveys viewer serves them, traps included."""

import io

import numpy as np
import pytest
import requests
from astropy.io import fits
from astropy.wcs import WCS
from waiting import HANGS

from astroclip_astro import standin
from astroclip_astro.resources import folder

PAINTED = standin.painted_sky(40)
STORED = folder("catalogs") / "demo_sky" / "cutout-20.fits"
NATIVE = 0.262


@pytest.fixture(scope="module")
def painted():
    with standin.serve(sky=PAINTED) as url:
        yield f"{url}/viewer/fits-cutout"


@pytest.fixture(scope="module")
def demo():
    with standin.serve() as url:
        yield f"{url}/viewer/fits-cutout"


@pytest.fixture(scope="module")
def stored():
    with fits.open(STORED) as hdus:
        yield hdus[0].header["CRVAL1"], hdus[0].header["CRVAL2"], hdus[0].data


def ask(address, ra=None, dec=None, **options):
    position = {"ra": PAINTED.ra[3], "dec": PAINTED.dec[3]} if ra is None else {"ra": ra}
    position |= {} if dec is None else {"dec": dec}
    return requests.get(address, params=position | options, timeout=HANGS)


def images(reply):
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "image/fits")
    with fits.open(io.BytesIO(reply.content)) as hdus:
        hdus.verify("exception")
        return [(hdu.header, hdu.data) for hdu in hdus]


def image(reply):
    ((header, data),) = images(reply)
    return header, data


def test_cutout_is_what_the_archive_documents(painted):
    header, data = image(ask(painted, size=61, layer="ls-dr10", bands="grz"))
    assert (data.shape, data.dtype) == ((3, 61, 61), np.dtype(">f4"))
    facts = {"SURVEY": "LegacySurvey", "VERSION": "DR10", "IMAGETYP": "image", "BANDS": "grz"}
    facts |= {"BAND0": "g", "BAND1": "r", "BAND2": "z", "CRPIX1": 31.0, "CRPIX2": 31.0}
    facts |= {"CRVAL1": PAINTED.ra[3], "CRVAL2": PAINTED.dec[3], "SIMULATD": True}
    assert {name: header[name] for name in facts} == facts
    assert "BUNIT" not in header


def test_wcs_is_north_up_east_left_at_the_native_scale(painted):
    header, _ = image(ask(painted, size=100))
    wcs = WCS(header, naxis=2)  # the archive's headers say nothing of the axis of bands either
    assert np.allclose(wcs.pixel_scale_matrix * 3600, [[-NATIVE, 0], [0, NATIVE]])
    assert np.allclose(wcs.pixel_to_world_values(49.5, 49.5), (PAINTED.ra[3], PAINTED.dec[3]))


def test_alias_serves_the_same(painted):
    alias = painted.replace("fits-cutout", "cutout.fits")
    assert ask(alias, size=20).content == ask(painted, size=20).content


def test_stored_size_gives_the_stored_pixels(demo, stored):
    ra, dec, pixels = stored
    _, data = image(ask(demo, ra, dec, size=96))
    assert (data == pixels).all()


@pytest.mark.parametrize("size", [1, 2, 95, 97, 152, 300])
def test_any_size_is_a_window_of_the_stored_pixels(demo, stored, size):
    ra, dec, pixels = stored
    _, data = image(ask(demo, ra, dec, size=size))
    assert data.shape == (3, size, size)
    wide = np.pad(pixels, ((0, 0), (size, size), (size, size)))
    # An odd window around an even image is half a pixel off, to one side or the other.
    low = {(96 - size) // 2 + size, (97 - size) // 2 + size}
    windows = [wide[:, y : y + size, x : x + size] for y in low for x in low]
    assert any((data == window).all() for window in windows)


@pytest.mark.parametrize(("east", "north"), [(0, 0), (10, 0), (-10, 0), (0, 7), (0, -7), (30, 90)])
def test_window_moves_with_the_request(demo, stored, east, north):
    ra, dec, pixels = stored
    _, data = image(
        ask(
            demo,
            ra + east * NATIVE / 3600 / np.cos(np.radians(dec)),
            dec + north * NATIVE / 3600,
            size=96,
        )
    )
    wide = np.pad(pixels, ((0, 0), (96, 96), (96, 96)))
    expected = wide[:, 96 + north : 192 + north, 96 - east : 192 - east]
    assert (data == expected).all()


@pytest.mark.parametrize("number", [9, 19, 39])
def test_images_near_the_poles_are_the_right_ones(painted, number):
    assert abs(PAINTED.dec[number]) > 89.9
    _, data = image(ask(painted, PAINTED.ra[number], PAINTED.dec[number], size=152))
    assert data.all()
    assert standin.painted_number(data) == number


@pytest.mark.parametrize("turn", [-360, 0, 360])
def test_ra_may_be_given_in_any_turn(demo, turn):
    header, data = image(ask(demo, 0.0 + turn, -5.0, size=10))
    assert data.any()
    assert header["CRVAL1"] == turn


def test_width_and_height_are_kept_apart(painted):
    header, data = image(ask(painted, width=30, height=20))
    assert data.shape == (3, 20, 30)
    assert (header["CRPIX1"], header["CRPIX2"]) == (15.5, 10.5)


def test_default_size_is_256(painted):
    assert image(ask(painted))[1].shape == (3, 256, 256)


def test_too_large_is_clamped_silently(painted):
    assert image(ask(painted, width=3001, height=2))[1].shape == (3, 2, 3000)


def test_finer_pixels_keep_surface_brightness(demo, stored):
    ra, dec, pixels = stored
    _, data = image(ask(demo, ra, dec, size=192, pixscale=NATIVE / 2))
    assert (data == pixels.repeat(2, axis=1).repeat(2, axis=2)).all()


@pytest.mark.parametrize(("bands", "factors"), [("zg", (4, 1)), ("gri", (1, 2, 0))])
def test_bands_come_as_asked(painted, bands, factors):
    header, data = image(ask(painted, size=4, bands=bands, layer="ls-dr10"))
    assert header["BANDS"] == bands
    value = 1 + 3 / 2**20
    assert (data == np.float32(value) * np.array(factors, "f4")[:, None, None]).all()


def test_one_band_has_two_axes(painted):
    header, data = image(ask(painted, size=4, bands="r"))
    assert (header["BANDS"], data.shape) == ("r", (4, 4))


@pytest.mark.parametrize("bands", ["i", "gri", "Y", ""])
def test_band_the_layer_lacks_gives_the_default_ones_silently(painted, bands):
    header, data = image(ask(painted, size=4, bands=bands, layer="ls-dr9"))
    assert (header["BANDS"], data.shape) == ("grz", (3, 4, 4))


def test_invvar_and_maskbits_are_further_hdus(demo, stored):
    ra, dec, _ = stored
    (_, data), (header, ivar), (mask_header, mask) = images(
        ask(demo, ra, dec, size=120, invvar="", maskbits="")
    )
    assert (header["IMAGETYP"], mask_header["IMAGETYP"]) == ("INVVAR", "MASKBITS")
    assert ((ivar > 0) == (data != 0)).all()
    assert (mask.shape, mask.dtype.kind) == ((120, 120), "i")


@pytest.mark.parametrize(
    "layer", ["ls-dr8", "ls-dr9", "ls-dr9-north", "ls-dr9-south", "ls-dr10", "ls-dr10-south"]
)
def test_known_layers_name_their_release(painted, layer):
    assert image(ask(painted, size=4, layer=layer))[0]["VERSION"] == layer.split("-")[1].upper()


def test_unknown_layer_is_a_page_with_status_200(painted):
    reply = ask(painted, layer="sdss")
    assert (reply.status_code, reply.text) == (200, "no such layer")
    assert reply.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("ra", "dec"), [(1, None), ("x", 1), (1, "x"), ("nan", 1), (1, "nan"), (1, 90.1), ("inf", 0)]
)
def test_missing_or_bad_position_is_400(painted, ra, dec):
    assert ask(painted, ra, dec).status_code == 400


@pytest.mark.parametrize(
    "options",
    [
        {"size": 0},
        {"size": -5},
        {"size": "x"},
        {"width": "1.5"},
        {"pixscale": 0},
        {"pixscale": "x"},
    ],
)
def test_bad_size_is_500(painted, options):
    assert ask(painted, **options).status_code == 500


def test_outside_every_brick_is_500_with_a_generic_page(demo):
    reply = ask(demo, 0.05, -4.0)
    assert reply.status_code == 500
    assert reply.headers["Content-Type"].startswith("text/html")


def test_damaged_image_is_500(demo):
    path = min(STORED.parent.glob("cutout-*.fits"), key=lambda path: path.stat().st_size)
    with path.open("rb") as file:
        header = fits.Header.fromfile(file)
    assert ask(demo, header["CRVAL1"], header["CRVAL2"]).status_code == 500


def test_brick_without_an_image_is_exact_zeros(demo):
    with fits.open(next(STORED.parent.glob("coadd-*-bright-*.fits"))) as hdus:
        targets = hdus["FIBERMAP"].data
        files = (f"cutout-{target % 100:02d}.fits" for target in targets["TARGETID"])
        bare = [not STORED.with_name(name).exists() for name in files]
        places = targets["TARGET_RA"][bare].tolist(), targets["TARGET_DEC"][bare].tolist()
    blank = [not image(ask(demo, *place, size=152))[1].any() for place in zip(*places, strict=True)]
    assert blank == [True, True]
