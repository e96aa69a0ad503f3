"""The bill of materials: its structure, that it repeats, what it refuses."""

import copy
import json

import pytest

from scripts import sbom

SHA = "5f" * 32
SUBJECT = {"name": "waferpbx-qemu-i586", "version": "0.1.0", "licence": sbom.LICENCES["waferpbx"],
           "files": {"image.img": "a0" * 32}}
COMPONENTS = [
    {"name": "micropython", "version": "1.25.0", "licence": "MIT", "source": "micropython",
     "source_version": "1.25.0+ds-1", "origin": "deb", "sha256": SHA,
     "files": {"sbin/waferpbx": "b1" * 32}},
    {"name": "linux", "version": "6.12.48", "licence": sbom.LICENCES["linux"],
     "kind": "operating-system", "source": "linux", "source_version": "6.12.48-1~deb13u1",
     "origin": "deb", "sha256": SHA},
    {"name": "musl", "version": "1.2.5", "licence": "MIT", "source": "ziglang",
     "source_version": "0.15.2", "origin": "pypi"},
    {"name": "waferpbx", "version": "0.1.0", "licence": "MIT", "kind": "application",
     "purl": "pkg:generic/waferpbx@0.1.0"},
]


def made(components=COMPONENTS, subject=SUBJECT):
    return sbom.sbom(copy.deepcopy(components), copy.deepcopy(subject))


def by_name(bill):
    return {entry["name"]: entry for entry in bill["components"]}


def test_structure():
    bill = made()
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1)
    assert bill["metadata"]["component"]["type"] == "firmware"
    references = {entry["bom-ref"] for entry in bill["components"]}
    dependency, = bill["dependencies"]
    assert dependency["ref"] == bill["metadata"]["component"]["bom-ref"]
    assert set(dependency["dependsOn"]) == references and len(references) == len(COMPONENTS)


def test_component_carries_licence_source_and_hash():
    entry = by_name(made())["micropython"]
    assert entry["licenses"] == [{"license": {"id": "MIT"}}]
    assert entry["hashes"] == [{"alg": "SHA-256", "content": SHA}]
    assert entry["purl"] == "pkg:deb/debian/micropython@1.25.0%2Bds-1?arch=source"
    assert {"name": "waferpbx:source:version", "value": "1.25.0+ds-1"} in entry["properties"]
    assert entry["components"][0]["name"] == "sbin/waferpbx"


def test_licence_expression_and_other_purls():
    entries = by_name(made())
    assert entries["linux"]["licenses"] == [{"expression": sbom.LICENCES["linux"]}]
    assert entries["linux"]["purl"] == "pkg:deb/debian/linux@6.12.48-1~deb13u1?arch=source"
    assert entries["musl"]["purl"] == "pkg:pypi/ziglang@0.15.2"
    assert entries["waferpbx"]["purl"] == "pkg:generic/waferpbx@0.1.0"


def test_same_content_gives_the_same_bytes(tmp_path):
    sbom.write_sbom(tmp_path / "one", copy.deepcopy(COMPONENTS), dict(SUBJECT))
    sbom.write_sbom(tmp_path / "two", COMPONENTS[::-1], dict(SUBJECT))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_other_content_gives_another_serial_number():
    other = copy.deepcopy(COMPONENTS)
    other[0]["sha256"] = "6e" * 32
    assert made(other)["serialNumber"] != made()["serialNumber"]
    assert made()["serialNumber"].startswith("urn:uuid:")


def test_time_is_the_source_date_or_none(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1735689600")
    assert made()["metadata"]["timestamp"] == "2025-01-01T00:00:00Z"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert "timestamp" not in made()["metadata"]


@pytest.mark.parametrize("change, said", [
    ({"licence": ""}, "licence is missing"), ({"version": None}, "version is missing"),
    ({"sha256": "XY"}, "no SHA-256"), ({"kind": "toy"}, "is no kind"),
    ({"license": "MIT"}, "'license' is not known"), ({"files": {"a": "b"}}, "no SHA-256"),
    ({"name": "waferpbx", "version": "0.1.0"}, "twice")])
def test_bad_component_is_refused(capsys, change, said):
    broken = copy.deepcopy(COMPONENTS)
    broken[0].update(change)
    with pytest.raises(SystemExit):
        sbom.sbom(broken, SUBJECT)
    assert said in capsys.readouterr().err


def test_official_schema():
    for module in ("cyclonedx", "jsonschema"):
        pytest.importorskip(module, reason="needs cyclonedx-python-lib[json-validation]")
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(json.dumps(made()))
    assert problem is None
