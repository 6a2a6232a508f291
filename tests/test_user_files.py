"""Files as real users have them, made by the scripts in ../shared/cases; skipped without these."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/run.sh"))


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("name", NAMES or ["none"])
def test_user_gets_what_is_needed(name):
    script = CASES / name / "run.sh"
    if not script.exists():
        pytest.skip("../shared/cases is not beside this checkout")
    commands = Path(sys.executable).parent
    if not (commands / "astroclip-annotate").exists():
        pytest.skip("astroclip-annotate is not installed beside this Python")
    result = subprocess.run(
        ["bash", str(script)],
        env=os.environ | {"BIN": str(commands)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
