"""What pytest needs everywhere: where the built artefacts are, and when their lack is a failure.

The environment says: WAFERPBX_MICROPYTHON (the firmware built for this machine, or any
MicroPython), WAFERPBX_ENGINE (libmediaengine.so), WAFERPBX_IMAGE (a board's disk.img).
Without it the build folder is looked at. With WAFERPBX_REQUIRE_FIRMWARE=1 what is missing
fails the test, otherwise it skips it.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# variable: (where a build leaves it, how to get it)
ARTEFACTS = {
    "WAFERPBX_MICROPYTHON": ("build/host/waferpbx", "make host"),
    "WAFERPBX_ENGINE": ("build/host/libmediaengine.so", "make host"),
    "WAFERPBX_IMAGE": ("build/qemu-i586/disk.img", "make image"),
}


def artefact(variable):
    """The path of a built artefact; skips or fails the test where there is none."""
    default, remedy = ARTEFACTS[variable]
    path = Path(os.environ.get(variable) or ROOT / default)
    if path.is_file():
        return path
    missing = f"{path} is missing: run `{remedy}` or set {variable}"
    if os.environ.get("WAFERPBX_REQUIRE_FIRMWARE") == "1" or os.environ.get(variable):
        pytest.fail(missing, pytrace=False)
    return pytest.skip(missing)


@pytest.fixture(scope="session")
def root():
    """The tree's Path."""
    return ROOT


@pytest.fixture(scope="session")
def micropython():
    """Path of the interpreter that we ship, built for this machine."""
    return artefact("WAFERPBX_MICROPYTHON")


@pytest.fixture(scope="session")
def engine_library():
    """Path of the media engine as a shared library, for CPython."""
    return artefact("WAFERPBX_ENGINE")


@pytest.fixture(scope="session")
def image():
    """Path of the disk image of the board that QEMU stands in for."""
    return artefact("WAFERPBX_IMAGE")


def pytest_collection_modifyitems(items):
    """Tests under tests/device and tests/interop carry the marker of their folder."""
    for item in items:
        for name in ("device", "interop"):
            if ROOT / "tests" / name in Path(item.path).parents:
                item.add_marker(name)
