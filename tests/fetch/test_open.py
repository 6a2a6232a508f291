"""The doorway of --source: names, addresses and folders become sources, mistakes are said."""

import shutil
from contextlib import closing, suppress

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, strategies as st

from astroclip_astro import standin
from astroclip_astro.config import conf
from astroclip_astro.errors import InputError
from astroclip_astro.fetch.archive import ArchiveSource
from astroclip_astro.fetch.cache import NO_CACHE, default_folder
from astroclip_astro.fetch.local import LocalSource
from astroclip_astro.fetch.open import open_source
from astroclip_astro.records import Cutout, Targets
from astroclip_astro.resources import folder

DEMO = folder("catalogs") / "demo_sky"


def test_the_archives_are_the_default():
    with closing(open_source()) as source:
        assert isinstance(source, ArchiveSource)
        assert source.name == "archive (ls-dr9, DESI-DR1)"
        assert source.viewer.transport.url == conf.viewer_url
        assert source.sparcl.transport.url == conf.sparcl_url
        assert source.connections == 4
        assert (source.cache.folder, source.cache.limit) == (default_folder(), 20 * 10**9)


def test_nothing_is_asked_and_nothing_made_when_a_source_is_opened(tmp_path):
    server = standin.Standin()
    with closing(open_source(server.url, cache=tmp_path / "cache")):
        pass
    server.close()
    assert not server.requests
    assert not (tmp_path / "cache").exists()


def test_options_are_taken(tmp_path):
    options = {"layer": "ls-dr10", "release": "desi-edr, DESI-DR1", "jobs": 7}
    options |= {"cache": str(tmp_path), "cache_limit": 3 * u.GB}
    with closing(open_source("archive", **options)) as source:
        assert source.name == "archive (ls-dr10, DESI-EDR, DESI-DR1)"
        assert source.viewer.layer == "ls-dr10"
        assert source.sparcl.releases == ("DESI-EDR", "DESI-DR1")
        assert source.connections == 7
        assert (source.cache.folder, source.cache.limit) == (tmp_path, 3 * 10**9)


def test_defaults_are_the_users_configuration():
    with (
        conf.set_temp("layer", "ls-dr10"),
        conf.set_temp("release", "DESI-EDR"),
        conf.set_temp("jobs", 2),
        conf.set_temp("cache_limit", "5 MB"),
        closing(open_source("archive")) as source,
    ):
        assert source.name == "archive (ls-dr10, DESI-EDR)"
        assert (source.connections, source.cache.limit) == (2, 5 * 10**6)


@pytest.mark.parametrize("word", ["none", "None", "NONE"])
def test_no_cache(word):
    with closing(open_source("archive", cache=word)) as source:
        assert source.cache is NO_CACHE
        assert not source.caches


@pytest.mark.parametrize(
    ("limit", "size"),
    [("20 GB", 20e9), ("500MB", 5e8), ("1 GiB", 2**30), ("3", 3e9), (0.5, 5e8), (2 * u.TB, 2e12)],
)
def test_sizes_are_read(limit, size):
    with closing(open_source("archive", cache_limit=limit)) as source:
        assert source.cache.limit == size


@pytest.mark.parametrize(
    "limit", ["", "much", "-1 GB", "0", "1 kB", "nan GB", "inf", "5 arcsec", [1, 2]]
)
def test_sizes_that_are_none_are_refused(limit):
    with pytest.raises(InputError, match="cache_limit"):
        open_source("archive", cache_limit=limit)


@pytest.mark.parametrize("jobs", [0, -1, 17, 2.5, True, "4"])
def test_numbers_of_connections_that_are_none_are_refused(jobs):
    with pytest.raises(InputError, match="from 1 to 16"):
        open_source("archive", jobs=jobs)


@pytest.mark.parametrize("release", ["", "DR7", "DESI-DR1,", "DESI-DR2", "SDSS-DR16"])
def test_releases_that_are_none_are_refused(release):
    with pytest.raises(InputError, match="DESI-EDR, DESI-DR1"):
        open_source("archive", release=release)


def test_the_demo_asks_a_server_on_this_machine():
    here = Targets(np.array([359.9]), np.array([-5.0]), np.zeros(1, int), np.zeros(1, bool))
    with closing(open_source("demo")) as source:
        assert source.viewer.transport.url.startswith("http://127.0.0.1:")
        assert source.name == "demo, SIMULATED sky (ls-dr9, DESI-DR1)"
        assert not source.caches
        (cutout,) = source.cutouts(here, 96)
    assert isinstance(cutout, Cutout)
    (gap,) = source.cutouts(here, 96)  # its server is gone
    assert gap.flag.word != "incomplete_image"


def test_a_folder_is_read(tmp_path):
    shutil.copy(DEMO / "cutout-00.fits", tmp_path)
    source = open_source(tmp_path)
    assert isinstance(source, LocalSource)
    assert source.preview(None, modality=(), radius=1, size=96) == [
        f"{tmp_path}: 1 cutouts, 0 spectra in 0 coadd files"
    ]
    source.close()


@pytest.mark.parametrize(
    "option", [{"layer": "ls-dr9"}, {"jobs": 4}, {"cache": "none"}, {"cache_limit": 1}]
)
def test_options_of_the_archives_do_not_go_with_a_folder(option):
    (name,) = option
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} goes with the archives"):
        open_source(DEMO, **option)


@pytest.mark.parametrize("source", ["", None, 3, "nowhere", "ftp://archive.example"])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(InputError, match="'archive', 'demo', an address"):
        open_source(source)


@given(st.text(max_size=30))
def test_any_address_is_opened_or_refused(text):
    with suppress(InputError):
        open_source(f"http://{text}", cache="none").close()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("Demo", "Source 'Demo': found nothing there, .*did you mean 'demo'"),
        ("DEMO", "did you mean 'demo'"),
        ("archiv", "did you mean 'archive'"),
        (
            "/nowhere",
            "found nothing there, expected 'archive', 'demo', an address .* check the path",
        ),
        ("www.legacysurvey.org", "did you mean 'http://www.legacysurvey.org'"),
        ("localhost:8000", "did you mean 'http://localhost:8000'"),
        ("", "Source is empty"),
        ("http://", "Source 'http://' is no address: it names no server, expected one such as"),
        ("http:/x", "it names no server"),
        ("https:", "Source 'https:' is no address: it names no server"),
        ("HTTP://:80/x", "it names no server"),
        ("http://a:b", "Source 'http://a:b' is no address"),
        ("http://[::1", "is no address"),
    ],
)
def test_source_that_is_none_gets_a_fitting_message(source, words):
    with pytest.raises(InputError, match=words):
        open_source(source)


def test_file_is_no_source(tmp_path):
    (tmp_path / "a.fits").touch()
    with pytest.raises(InputError, match=r"a.fits': found a file there, expected"):
        open_source(tmp_path / "a.fits")


def test_short_names_of_releases_and_layers_are_understood():
    with closing(open_source("archive", release="edr,DR1", layer="DR10")) as source:
        assert source.name == "archive (ls-dr10, DESI-EDR, DESI-DR1)"
