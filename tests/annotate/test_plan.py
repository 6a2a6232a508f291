"""Paths of input and output are looked at before anything else."""

import os

import pytest
from astropy.io import fits
from astropy.table import Table

from astroclip_astro.annotate.plan import check_paths, make_plan
from astroclip_astro.errors import CatalogueError, InputError


@pytest.fixture
def several(tmp_path):
    """A file with two tables."""
    tables = {
        "FIRST": {"ra": [150.0], "dec": [2.0]},
        "SECOND": {"ra": [151.0, 152.0], "dec": [5.0, 6.0]},
    }
    hdus = [fits.BinTableHDU(Table(table), name=name) for name, table in tables.items()]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "several.fits")
    return tmp_path / "several.fits"


@pytest.mark.parametrize(("name", "rows"), [("", 1), ("#1", 1), ("#2", 2), ("#SECOND", 2)])
def test_table_of_a_file_is_annotated(several, name, rows):
    plan = make_plan(f"{several}{name}", source="demo", dry=True)
    plan.options.source.close()
    assert len(plan.table) == rows
    assert plan.output == several.with_name("several_astroclip.fits")


def test_columns_that_are_named_choose_the_table(several):
    with fits.open(several, mode="append") as hdus:
        hdus.append(fits.BinTableHDU(Table({"x": [77.0] * 3, "y": [8.0] * 3})))
    plan = make_plan(several, ra="x", dec="y", source="demo", dry=True)
    plan.options.source.close()
    assert len(plan.table) == 3


def test_file_with_the_sign_in_its_name_is_that_file(several):
    real = several.with_name("several.fits#2")
    real.write_bytes(several.read_bytes())
    path, output = check_paths(real, None, overwrite=False)
    assert (path, output) == (real, several.with_name("several_astroclip.fits"))
    plan = make_plan(real, source="demo", dry=True)
    plan.options.source.close()
    assert len(plan.table) == 1


def test_input_is_not_replaced_under_another_name(several):
    with pytest.raises(InputError, match="is the input itself"):
        check_paths(f"{several}#2", several, overwrite=True)


def test_absent_file_is_named_without_the_table(tmp_path):
    with pytest.raises(CatalogueError, match="found nothing there"):
        check_paths(tmp_path / "absent.fits#2", None, overwrite=False)


def test_link_that_leads_to_itself_is_no_catalogue(tmp_path):
    (tmp_path / "loop.fits").symlink_to("loop.fits")
    with pytest.raises(CatalogueError, match="a link that leads nowhere"):
        check_paths(tmp_path / "loop.fits", None, overwrite=False)


@pytest.mark.parametrize("overwrite", [False, True])
def test_link_that_leads_to_itself_is_no_output(several, overwrite):
    loop = several.with_name("loop.fits")
    loop.symlink_to("loop.fits")
    with pytest.raises(InputError, match="cannot be used: Too many levels"):
        check_paths(several, loop, overwrite=overwrite)


def test_names_that_are_not_utf8_are_names(several):
    name = several.with_name(os.fsdecode(b"M\xfcller.fits"))
    os.replace(several, name)
    assert check_paths(name, None, overwrite=False)[0] == name
