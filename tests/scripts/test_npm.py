"""Packages of npm: what came is what was pinned, or nothing."""

import io
import tarfile

import pytest

from scripts.lib import npm


def test_integrity_is_written_as_the_registry_does():
    # sha512 of nothing, as RFC 6234's test programs have it, in base64
    assert npm.integrity(b"").startswith("sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8")


def packed(folder, text):
    with tarfile.open(folder / "sip.js-0.21.2.tgz", "w:gz") as archive:
        found = tarfile.TarInfo("package/lib/index.js")
        found.size = len(text)
        archive.addfile(found, io.BytesIO(text))


@pytest.fixture
def registry(monkeypatch):
    """A registry that serves `registry.text`, whatever is asked for."""

    class Registry:
        text = b"export {};\n"

    def run(command, cwd, log):
        assert command[:2] == ["npm", "pack"]
        packed(cwd, Registry.text)

    monkeypatch.setattr(npm, "run", run)
    monkeypatch.setattr(npm.shutil, "which", lambda name: "/usr/bin/npm")
    return Registry


def test_another_archive_is_refused(registry, tmp_path):
    with pytest.raises(SystemExit):
        npm._fetch("sip.js", npm.PACKAGES["sip.js"], tmp_path)
    assert not (tmp_path / "package").exists()


def test_the_pinned_archive_is_unpacked(registry, tmp_path, monkeypatch):
    packed(tmp_path, registry.text)
    monkeypatch.setattr(npm, "run", lambda *_, **__: None)  # it is there already
    archive = tmp_path / "sip.js-0.21.2.tgz"
    pinned = npm.Package("0.21.2", npm.integrity(archive.read_bytes()))
    npm._fetch("sip.js", pinned, tmp_path)
    assert (tmp_path / "package" / "lib" / "index.js").read_bytes() == registry.text
    assert not archive.exists()
