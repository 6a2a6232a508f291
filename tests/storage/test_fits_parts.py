"""Headers of a FITS file are compared with its bytes, one after the other."""

import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings, strategies as st

from astroclip_astro.errors import InputError, WeightsError
from astroclip_astro.storage import fits_parts
from astroclip_astro.storage.fits_parts import check_axes, check_parts


@pytest.fixture(scope="module")
def content():
    """Two tables, the second with a heap, and an image between them."""
    ragged = fits.Column("v", "PD()", array=np.array([np.ones(2), np.ones(30)], object))
    stream = io.BytesIO()
    fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.BinTableHDU.from_columns([fits.Column("a", "128E", array=np.ones((9, 128)))]),
            fits.ImageHDU(np.zeros((3, 4, 5), np.float32)),
            fits.BinTableHDU.from_columns([ragged]),
        ]
    ).writeto(stream)
    return stream.getvalue()


@pytest.fixture
def check(tmp_path):
    """Return a function that checks bytes as a file."""

    def check_bytes(content, **options):
        path = tmp_path / "one.fits"
        path.write_bytes(content)
        check_parts(path, **options)

    return check_bytes


def test_whole_file_passes(check, content):
    check(content)


def test_rubbish_behind_the_last_part_passes(check, content):
    check(content + b"x" * 100)


def test_last_block_need_not_be_full(check, content):
    check(content[:-2000])  # of 296 bytes of data in a block of 2880


@pytest.mark.parametrize(
    "kept", [0, 100, 2880 + 500, 2 * 2880, 2 * 2880 + 4607, 4 * 2880 + 9, 5 * 2880 + 239, -2800]
)
def test_truncated_file_is_refused(check, content, kept):
    with pytest.raises(InputError, match="is truncated: it has"):
        check(content[:kept])


def test_error_is_of_the_class_asked_for(check):
    with pytest.raises(WeightsError, match="truncated"):
        check(b"SIMPLE", error=WeightsError)


def test_as_many_parts_as_there_may_be_pass(check, content, monkeypatch):
    monkeypatch.setattr(fits_parts, "MAX_PARTS", 4)
    check(content)
    monkeypatch.setattr(fits_parts, "MAX_PARTS", 3)
    with pytest.raises(InputError, match="more than 3 parts"):
        check(content)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_number_in_a_header_is_refused_or_within_the_file(content, tmp_path_factory, data):
    keyword = data.draw(
        st.sampled_from(["NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS"])
    )
    value = data.draw(st.integers(-(10**19), 10**19) | st.integers(-3, 2000))
    where = content.find(keyword.ljust(8).encode() + b"=", 2880)
    changed = content[: where + 10] + str(value).rjust(20).encode() + content[where + 30 :]
    path = tmp_path_factory.mktemp("fits") / "one.fits"
    path.write_bytes(changed)
    try:
        check_parts(path)
    except InputError:
        return
    header = fits.Header.fromstring(changed[2880:5760])
    assert header["NAXIS1"] * header["NAXIS2"] + header["PCOUNT"] <= len(content)
    assert min(header[name] for name in ("NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS")) >= 0


@pytest.mark.parametrize("axes", [1000, 200_000_000_000, 2**63 - 1, -1])
@pytest.mark.parametrize("number", [1, 2])
def test_more_axes_than_fits_allows_are_refused_in_any_header(axes, number):
    whole = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((2, 2)))]).writeto(whole)
    content = bytearray(whole.getvalue())
    place = content.index(b"NAXIS   =", 2880 * (number - 1))
    content[place + 10 : place + 30] = str(axes).rjust(20).encode()
    stream = io.BytesIO(bytes(content))
    with pytest.raises(ValueError, match=f"header number {number} has NAXIS = {axes}, expected"):
        check_axes(stream)
    assert stream.tell() == 0


@pytest.mark.parametrize("content", [b"", b"SIMPLE  =", b"no FITS at all" * 500])
def test_other_damage_is_left_to_the_reader(content):
    check_axes(io.BytesIO(content))
