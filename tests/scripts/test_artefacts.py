"""When a built artefact is missing: a skip at a desk, a failure where it was to be tested."""

import pytest

from tests.conftest import ARTEFACTS, artefact


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for variable in (*ARTEFACTS, "WAFERPBX_REQUIRE_FIRMWARE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("variable", ARTEFACTS)
def test_named_artefact_is_used(monkeypatch, tmp_path, variable):
    (tmp_path / "made").write_bytes(b"x")
    monkeypatch.setenv(variable, str(tmp_path / "made"))
    assert artefact(variable) == tmp_path / "made"


def test_named_artefact_that_is_missing_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("WAFERPBX_IMAGE", str(tmp_path / "none"))
    with pytest.raises(pytest.fail.Exception, match="make image"):
        artefact("WAFERPBX_IMAGE")


def test_missing_artefact_skips_unless_it_is_required(monkeypatch, tmp_path):
    monkeypatch.setattr("tests.conftest.ROOT", tmp_path)
    with pytest.raises(pytest.skip.Exception, match="make host"):
        artefact("WAFERPBX_MICROPYTHON")
    monkeypatch.setenv("WAFERPBX_REQUIRE_FIRMWARE", "1")
    with pytest.raises(pytest.fail.Exception, match="make host"):
        artefact("WAFERPBX_MICROPYTHON")
