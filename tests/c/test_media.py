"""The C core of the media engine: its own tests under the sanitizers, and a short fuzzing run."""

import subprocess
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "firmware" / "modules" / "media"


@pytest.mark.parametrize("target", ["lint", "check", "fuzz"])
def test_the_core(target):
    done = subprocess.run(
        ["make", "-C", CORE, target, "FUZZ_SECONDS=3"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
