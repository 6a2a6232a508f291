"""Small synthetic files in the formats a local folder holds."""

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.records import PIXEL_SCALE, Targets

GRIDS = {"B": (3600, 2751), "R": (5760, 2326), "Z": (7520, 2881), "BRZ": (3600, 7781)}


def _header(shape, ra, dec, scale, rotation, mirror, **cards):
    """TAN header as the viewer writes it: CRVAL is the request, CRPIX the middle."""
    angle = np.radians(rotation)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    cd = turn @ np.diag([scale if mirror else -scale, scale]) / 3600
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec})
    header.update(CRPIX1=(shape[1] + 1) / 2, CRPIX2=(shape[0] + 1) / 2)
    header.update(CD1_1=cd[0, 0], CD1_2=cd[0, 1], CD2_1=cd[1, 0], CD2_2=cd[1, 1])
    header.update(cards)
    return header


@pytest.fixture(scope="session")
def write_cutout():
    """Return a function that writes a cutout and returns its path.

    ``image`` is (band, y, x) or (y, x); ``layout`` is "cube", "bands" (an HDU per band) or
    "tiled" (a compressed cube); ``invvar`` as ``image``; other cards as keywords.
    """

    def write(path, image, ra=150.0, dec=2.0, *, bands="grz", layout="cube", invvar=None, **wcs):
        image = np.asarray(image, np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        grid = {"scale": PIXEL_SCALE, "rotation": 0.0, "mirror": False} | wcs
        header = _header(image.shape[-2:], ra, dec, **grid)
        extra = [] if invvar is None else [("INVVAR", np.asarray(invvar, np.float32))]
        kinds = [("image", image), *extra]
        if layout == "bands":
            hdus = [
                fits.ImageHDU(plane, _with(header, BAND=band, IMAGETYP=kind.lower()))
                for kind, cube in kinds
                for band, plane in zip(bands, cube, strict=True)
            ]
        else:
            make = fits.CompImageHDU if layout == "tiled" else fits.ImageHDU
            options = {"tile_shape": (1, 20, 20), "quantize_level": 0} if layout == "tiled" else {}
            options |= {"compression_type": "GZIP_1"} if layout == "tiled" else {}
            hdus = [
                make(cube, _with(header, BANDS=bands, IMAGETYP=kind), **options)
                for kind, cube in kinds
            ]
        if layout == "cube":
            hdus = [fits.PrimaryHDU(hdus[0].data, hdus[0].header), *hdus[1:]]
        else:
            hdus = [fits.PrimaryHDU(), *hdus]
        fits.HDUList(hdus).writeto(path)
        return path

    return write


def _with(header, **cards):
    """Return a copy of a header with more cards."""
    header = header.copy()
    header.update(cards)
    return header


@pytest.fixture(scope="session")
def write_coadd():
    """Return a function that writes a coadd and returns its path.

    ``flux`` is the value of each target's whole spectrum; ``columns`` replace or add FIBERMAP
    columns (None drops one); ``cards`` go into the first header; ``change`` may edit the HDU list
    before it is written.
    """

    def write(
        path, targetid, ra, dec, flux=None, *, cameras="BRZ", change=None, cards=(), **columns
    ):
        count = len(targetid)
        flux = np.arange(1.0, count + 1) if flux is None else np.asarray(flux, float)
        table = {
            "TARGETID": np.asarray(targetid, np.int64),
            "TARGET_RA": np.asarray(ra, float),
            "TARGET_DEC": np.asarray(dec, float),
            "OBJTYPE": np.full(count, "TGT"),
            "COADD_FIBERSTATUS": np.zeros(count, np.int32),
            "COADD_EXPTIME": np.full(count, 1000.0, np.float32),
        } | columns
        fibermap = _table("FIBERMAP", {k: v for k, v in table.items() if v is not None})
        hdus = [fits.PrimaryHDU(header=fits.Header(cards)), fibermap]
        for camera in cameras:
            start, length = GRIDS[camera]
            parts = {
                "WAVELENGTH": start + 0.8 * np.arange(length),
                "FLUX": np.tile(flux[:, None], length).astype(np.float32),
                "IVAR": np.full((count, length), 4, np.float32),
            }
            hdus += [fits.ImageHDU(array, name=f"{camera}_{part}") for part, array in parts.items()]
        hdus = fits.HDUList(hdus)
        if change:
            change(hdus)
        path.parent.mkdir(parents=True, exist_ok=True)
        hdus.writeto(path)
        return path

    return write


@pytest.fixture(scope="session")
def write_redrock():
    """Return a function that writes a redrock file and returns its path.

    ``cards`` go into the first header; ``fibermap`` are the columns of its FIBERMAP, none by
    default.
    """

    def write(
        path, targetid, z, *, name="REDSHIFTS", zwarn=0, spectype="GALAXY", cards=(), fibermap=None
    ):
        columns = {
            "TARGETID": np.asarray(targetid, np.int64),
            "Z": np.asarray(z, float),
            "ZWARN": np.full(len(z), zwarn, np.int64),
            "SPECTYPE": np.full(len(z), spectype),
        }
        hdus = [fits.PrimaryHDU(header=fits.Header(cards)), _table(name, columns)]
        if fibermap:
            hdus.append(
                _table("FIBERMAP", {key: np.asarray(value) for key, value in fibermap.items()})
            )
        fits.HDUList(hdus).writeto(path)
        return path

    return write


def _table(name, columns):
    """Return a binary table of named arrays."""
    rows = np.rec.fromarrays(list(columns.values()), names=list(columns))
    return fits.BinTableHDU(rows, name=name)


@pytest.fixture(scope="session")
def at():
    """Return a function that makes rows from positions, or from TARGETIDs with NaN positions."""

    def make(ra=None, dec=None, targetid=None):
        if ra is None:
            ra = dec = np.full(len(targetid), np.nan)
        ra, dec = np.atleast_1d(np.asarray(ra, float)), np.atleast_1d(np.asarray(dec, float))
        has = np.full(len(ra), targetid is not None)
        return Targets(ra, dec, np.asarray(targetid if has.any() else has, np.int64), has)

    return make


@pytest.fixture(scope="session")
def cut_in():
    """Return a function that cuts a file short in the middle of one of its HDUs."""

    def cut(path, name):
        with fits.open(path) as hdus:
            place = hdus[name].fileinfo()
        with path.open("r+b") as stream:
            stream.truncate(place["datLoc"] + 100)

    return cut
