"""The linters on trees with one fault each."""

import shutil
import subprocess

import pytest

from scripts import lint
from scripts.lib import house, imports

HOME = "/".join(("", "home", "someone", "wafer"))
REGISTRIES = [".".join(words) for words in (
    ("deb", "debian", "org"), ("pypi", "org"), ("registry", "npmjs", "org"),
    ("files", "pythonhosted", "org"))]


@pytest.fixture
def tree(tmp_path):
    """A function that writes a file into a small git tree."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return write


def only(name):
    return [check for check in lint.CHECKS if check.name == name]


@pytest.mark.parametrize("text, said", [
    ("a\tb\n", "a tab"), ("a \n", "blanks at the end"), ("a\r\n", "CR LF"), ("a", "no newline"),
    (f"see {HOME}/x\n", "somebody's machine"), (f'open("{HOME}")\n', "somebody's machine"),
    (b"\xff\n", "not UTF-8"),
    *((f"https://{host}/x\n", "registry's host name") for host in REGISTRIES)])
def test_text_with_a_fault(text, said):
    data = text if isinstance(text, bytes) else text.encode()
    finding, = house.check_text("docs/page.md", data)
    assert finding.line == 1 and said in finding.problem and finding.remedy


@pytest.mark.parametrize("name, text", [
    ("Makefile", "all:\n\ttrue\n"), ("docs/page.md", "on the box, /home is empty\n"),
    ("docs/page.md", "https://example.org/work/list\n"), ("docs/page.md", "build/work/x\n"),
    ("docs/page.md", "# pkg:deb/debian/busybox\n"), ("empty", "")])
def test_text_without_a_fault(name, text):
    assert house.check_text(name, text.encode()) == []


def test_lengths_are_held_where_they_are_measured():
    long_function = "def f():\n" + "    x = 1\n" * 40
    finding, = house.check_text("app/sip/uri.py", long_function.encode())
    assert finding.line == 1 and "f() has 41 lines" in finding.problem
    assert house.check_text("tests/test_uri.py", long_function.encode()) == []
    assert house.check_text("app/sip/uri.py", b"def f():\n" + b"    x = 1\n" * 39) == []


def test_long_file_is_told():
    finding, = house.check_text("scripts/build.py", b"x = 1\n" * 501)
    assert finding.line == 501 and "501 lines" in finding.problem


def test_received_and_binary_files_are_left_alone(tree):
    root = tree("tests/sip/torture/a.dat", "INVITE \t \r\n")
    tree("picture.bin", b"\0\t \r\n")
    assert lint.lint(root, only("house rules")) == 0


def test_files_that_git_ignores_are_left_alone(tree):
    root = tree("build/x.py", "import os \n")
    tree(".gitignore", "/build/\n")
    assert lint.tracked(root) == [".gitignore"]


def test_tree_without_git_is_walked(tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "made").write_text("")
    (tmp_path / "kept").write_text("")
    assert lint.tracked(tmp_path) == ["kept"]


def test_import_rule_is_part_of_it(tree, capsys):
    root = tree("app/sip/uri.py", "import socket\n")
    assert lint.lint(root, only("import rule")) == 1
    assert "app/sip/uri.py:1: app/sip imports socket" in capsys.readouterr().out


@pytest.mark.parametrize("check, tool, name, text, said", [
    ("ruff", "ruff", "app/x.py", "import os\n", "app/x.py:1: F401"),
    ("cppcheck", "cppcheck", "firmware/x.c",
     "int f(void) { int a[2]; a[2] = 1; return a[2]; }\n", "firmware/x.c:1: "),
    ("shellcheck", "shellcheck", "etc/init", "#!/bin/sh\ncd $1\n", "etc/init:2: "),
])
def test_linter_finds(tree, capsys, check, tool, name, text, said):
    if tool != "ruff" and not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    root = tree(name, text)
    assert lint.lint(root, only(check)) >= 1
    assert said in capsys.readouterr().out


def test_missing_linter_is_a_failure(tree, capsys, monkeypatch):
    monkeypatch.setattr(lint.shutil, "which", lambda name: None)
    root = tree("init", "#!/bin/sh\ntrue\n")
    assert lint.lint(root, only("shellcheck")) == 1
    assert "not installed" in capsys.readouterr().out


def test_clean_tree_passes(tree, capsys):
    root = tree("app/sip/uri.py", '"""Nothing."""\n')
    assert lint.lint(root, only("ruff") + only("import rule") + only("house rules")) == 0
    assert "ruff: 1 files, 0 findings" in capsys.readouterr().out


def test_finding_without_a_line_and_remedy():
    assert lint._line(imports.Finding("", 0, "it broke", "")) == "it broke"
    assert lint._line(imports.Finding("a", 3, "bad", "mend")) == "a:3: bad; mend"
