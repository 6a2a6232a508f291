"""The numbers of the house are those of a small tree counted by hand."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SIX = "".join(f"value_{number} = {number}\n" for number in range(6))
TREE = {
    "__init__.py": "from .top import door\n",
    "errors.py": '"""Errors."""\n\n__all__ = ["One", "Two"]\nOne = Two = None\n' + "\n" * 40,
    "top.py": "def door():\n    from .low.first import wide\n\n    return wide\n" + "\n" * 40,
    "relay.py": '"""Relay."""\n\nfrom .errors import One\n\n__all__ = ["One"]\n',
    "low/__init__.py": "",
    "low/first.py": (
        "import astroclip_astro.errors\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from .second import tall\n"
        "def wide(a, /, b, c, d, *, e, f, g, h): ...\n"
        "def narrow(self, b, c, d, *args, e, f, g, **more): ...\n" + SIX
    ),
    "low/second.py": (
        "from .first import wide\n"
        "@wide\n"
        "def tall():\n" + "    pass\n" * 60 + "def short():\n" + "    pass\n" * 59
    ),
    "low/deep/__init__.py": "",
    "low/deep/third.py": (
        "# Six lines, a comment and an empty line among them, indented.\n"
        "if True:\n" + "    " + SIX.replace("\n", "\n\n    # why\n    ").rstrip() + "\n"
    ),
}


@pytest.fixture
def house(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import house_numbers

    return house_numbers


@pytest.fixture
def counted(house, tmp_path):
    """Numbers of the small tree."""
    for name, text in TREE.items():
        path = tmp_path / "astroclip_astro" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tests = tmp_path / "tests" / "low"
    tests.mkdir(parents=True)
    (tests / "test_first.py").write_text("def test_a(): ...\ndef helper(): ...\n")
    return house.numbers(tmp_path)


def test_modules_and_folders(counted):
    assert counted["modules at the root"] == [
        "astroclip_astro.errors",
        "astroclip_astro.relay",
        "astroclip_astro.top",
    ]
    assert counted["folders"] == ["low"]
    assert counted["folders with those inside"] == ["low", "low/deep"]


def test_circles_count_imports_in_functions_and_for_type_checking(counted):
    assert counted["circles of modules"] == [
        "astroclip_astro.low.first <-> astroclip_astro.low.second"
    ]
    assert counted["circles of folders and root modules"] == []
    assert counted["circles of folders, the root as one"] == ["low <-> root"]
    assert counted["arrows of folders, the root as one"] == ["low -> root", "root -> low"]


def test_functions(counted):
    assert counted["functions with 8 or more parameters"] == ["astroclip_astro.low.first:5 wide 8"]
    assert counted["functions over 60 lines"] == ["astroclip_astro.low.second:3 tall 61"]


def test_lines_and_names(counted):
    assert counted["lines of the package"] == sum(text.count("\n") for text in TREE.values())
    assert counted["entries in all __all__"] == [
        "astroclip_astro.errors.One",
        "astroclip_astro.errors.Two",
        "astroclip_astro.relay.One",
    ]


def test_a_block_is_repeated_whatever_its_layout(counted):
    blocks = counted["repeated blocks of 6 or more lines"]
    assert "astroclip_astro.low.first:7 repeats astroclip_astro.low.deep.third:3" in blocks


def test_small_and_empty_modules(counted):
    small = [line.split()[0] for line in counted["modules below 40 lines"]]
    assert small == [
        "astroclip_astro.low.deep.third",
        "astroclip_astro.low.first",
        "astroclip_astro.relay",
    ]
    assert counted["modules that only re-export"] == ["astroclip_astro.relay"]


def test_tests_are_counted(counted):
    assert counted["test functions"] == ["tests/low/test_first.py test_a"]
