"""The public names: those that decision 14 lists, described in the API reference, and no others."""

import importlib
import re
from pathlib import Path

import pytest

import astroclip_astro

PACKAGE = Path(astroclip_astro.__file__).parent
DOCS = Path(__file__).resolve().parents[1] / "docs"
MODULES = {
    ".".join(("astroclip_astro", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in PACKAGE.rglob("*.py")
    if re.search(r"^__all__", path.read_text(encoding="utf-8"), re.MULTILINE)
}
PAGES = sorted((DOCS / "api").glob("*.md"))


def described(page: Path) -> list[str]:
    """The modules whose public names a page describes."""
    blocks = re.findall(r"```\{public-names\}\n(.*?)```", page.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.split()]


def test_every_module_with_public_names_is_on_one_page_of_the_reference():
    assert sorted(name for page in PAGES for name in described(page)) == sorted(MODULES)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_public_names_are_in_the_decision(module):
    decision = (DOCS / "decisions" / "014-public-surface.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`([A-Za-z_]+)`", decision))
    assert set(importlib.import_module(module).__all__) - {"__version__"} <= listed


def test_there_are_few_public_names():
    names = [name for one in MODULES for name in importlib.import_module(one).__all__]
    assert len(names) <= 60


@pytest.mark.parametrize("module", sorted(MODULES - {"astroclip_astro"}))
def test_public_names_have_whole_docstrings(module):
    for name in importlib.import_module(module).__all__:
        thing = getattr(importlib.import_module(module), name)
        assert thing.__doc__, name
        assert thing.__doc__.strip().splitlines()[0].endswith("."), name
