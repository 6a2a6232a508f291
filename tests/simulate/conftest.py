"""What all tests of the simulator share: the templates, read once."""

import pytest

from astroclip_astro.simulate import load_templates
from astroclip_astro.simulate.packages import versions


@pytest.fixture(scope="session")
def templates():
    missing = [package for package, found in versions().items() if found == "missing"]
    if missing:
        pytest.skip(f"packages of the [simulate] extra are missing: {', '.join(missing)}")
    return load_templates()
