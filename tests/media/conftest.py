"""CPython's build of the media engine, for the tests in this folder."""

import os
import subprocess
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "firmware" / "modules" / "media"


@pytest.fixture(scope="session", autouse=True)
def built_library():
    """Brings build/host/libmediaengine.so up to date, unless another library is named."""
    if not os.environ.get("WAFERPBX_ENGINE"):
        subprocess.run(["make", "-s", "-C", CORE, "lib"], check=True)
