"""What all tests of the simulator share: the templates, read once."""

import pytest

from astroclip_astro.simulate import load_templates


@pytest.fixture(scope="session")
def templates():
    """Templates; the ``[test]`` extra brings their packages, so nothing is skipped without them."""
    return load_templates()
