"""Which observations a file is of."""

from pathlib import Path

import pytest
from astropy.io import fits

from astroclip_astro.fetch.files.file_identity import (
    contradiction,
    name_key,
    read_identity,
    same_observations,
)


def test_first_header_counts_then_those_of_tables():
    first = fits.PrimaryHDU(header=fits.Header({"TILEID": 1}))
    table = fits.BinTableHDU(header=fits.Header({"TILEID": 2, "SURVEY": " main "}))
    image = fits.ImageHDU(header=fits.Header({"PROGRAM": "dark"}))
    assert read_identity([first, table, image]) == {"TILEID": "1", "SURVEY": "main"}


def test_release_is_found_among_the_dependencies():
    header = fits.Header({"DEPNAM00": "numpy", "DEPVER00": "2", "DEPNAM18": "SPECPROD"})
    header["DEPVER18"] = "Iron"
    assert read_identity([fits.PrimaryHDU(header=header)]) == {"SPECPROD": "iron"}


@pytest.mark.parametrize("value", ["26065", 26065, " 26065 "])
def test_numbers_and_words_are_compared_alike(value):
    ours = read_identity([fits.PrimaryHDU(header=fits.Header({"HPXPIXEL": value}))])
    assert contradiction(ours, {"HPXPIXEL": "26065"}) is None


@pytest.mark.parametrize(
    ("cards", "enough"),
    [
        ("SURVEY PROGRAM HPXPIXEL", True),
        ("SURVEY HPXPIXEL", False),
        ("TILEID PETAL NIGHT", True),
        ("TILEID SPECTRO SPGRPVAL", True),
        ("TILEID NIGHT", False),
        ("", False),
    ],
)
def test_cards_that_say_it_all(cards, enough):
    identity = dict.fromkeys(cards.split(), "1")
    assert same_observations(identity, identity) == enough


def test_one_card_that_differs_separates():
    healpix = {"SURVEY": "main", "PROGRAM": "dark", "HPXPIXEL": "1"}
    assert not same_observations(healpix, healpix | {"SURVEY": "sv3"})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("coadd-sv3-dark-26065.fits", "*-sv3-dark-26065"),
        ("redrock-sv3-dark-26065.fits.gz", "*-sv3-dark-26065"),
        ("zbest-4-80613.fit", "*-4-80613"),
        ("spectra-64-17683.fits.fz", "*-64-17683"),
        ("table.fits", None),
    ],
)
def test_names_without_the_word_for_their_kind(name, key):
    assert name_key(Path(name)) == key
