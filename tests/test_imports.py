"""The import rule: the tree keeps it, the checker would see a breach, the doc says the same."""

import ast
import re
from pathlib import Path

import pytest

from scripts.lib import imports

ROOT = Path(__file__).resolve().parents[1]


def test_the_tree_keeps_the_rule():
    found = imports.check(ROOT)
    assert not found, "\n".join(f"{f.file}:{f.line}: {f.problem}; {f.remedy}" for f in found)


def documented():
    """{part: what it may import} as the table of docs/architecture.md says."""
    table = {}
    for line in (ROOT / "docs" / "architecture.md").read_text().splitlines():
        row = re.fullmatch(r"\| `app/([a-z]+)(?:/|\.py)` \|.*\| ([^|]+) \|", line)
        if row:
            names = row[2].strip()
            table[row[1]] = () if names == "nothing of ours" else tuple(names.split(", "))
    return table


def test_the_document_says_the_same():
    known = {part: may for part, may in imports.MAY_IMPORT.items() if not part.startswith("__")}
    assert documented() == known


def test_the_document_names_the_parts_without_input_and_output():
    text = (ROOT / "docs" / "architecture.md").read_text()
    sentence = re.search(r"((?:`app/\w+`(?:,\s+|\s+and\s+)?)+)\s+import\s+`app/port` nowhere", text)
    named = set(re.findall(r"`app/(\w+)`", sentence[1]))
    assert named <= set(imports.SANS_IO)


def found_in(name, source):
    return imports.check_tree(name, ast.parse(source))


@pytest.mark.parametrize("name, source", [
    ("app/sip/uri.py", "from app.proxy import core"),
    ("app/sip/uri.py", "import app.port.net"),
    ("app/sip/uri.py", "from app import port"),
    ("app/sip/uri.py", "from ..port import clock"),
    ("app/sip/uri.py", "def late():\n    import app.media"),
    ("app/proxy/core.py", "from app.port import clock"),
    ("app/proxy/core.py", "from app.dbtext import load"),
    ("app/proxy/core.py", "from app.media.relay import Relay"),
    ("app/appliance/site.py", "from app.sip import uri"),
    ("app/port/net.py", "from app.sip import transport"),
    ("app/routes.py", "from app.sip import uri"),
    ("app/sip/uri.py", "import socket"),
    ("app/sip/uri.py", "a = (1, *b)"),
    ("app/main.py", "a = [*b, 1]"),
    ("app/port/net.py", "a = {**b}"),
    ("app/sip/uri.py", "import time"),
    ("app/proxy/core.py", "from random import getrandbits"),
    ("app/dbtext/table.py", "from os import path"),
    ("app/media/relay.py", "import mediaengine"),
    ("app/appliance/site.py", "import hashlib"),
    ("app/dbtext/table.py", "def load(name):\n    return open(name).read()"),
    ("app/main.py", "import dataclasses"),
    ("app/webby/page.py", "from app.sip import uri"),
    ("scripts/build.py", "from app.sip import uri"),
    ("scripts/lib/site.py", "import app"),
])
def test_a_breach_in_the_last_line_is_found(name, source):
    finding, = found_in(name, source)
    assert finding.file == name and finding.line == source.count("\n") + 1
    assert finding.problem and finding.remedy


@pytest.mark.parametrize("name, source", [
    ("app/sip/uri.py", "from app.sip import grammar"),
    ("app/sip/uri.py", "from . import grammar"),
    ("app/sip/uri.py", "import binascii\nfrom collections import namedtuple"),
    ("app/proxy/core.py", "from app.sip.uri import parse_uri"),
    ("app/proxy/core.py", "from ..sip import uri"),
    ("app/pbx/calls.py", "from app.media import relay"),
    ("app/appliance/site.py", "from app.dbtext import load"),
    ("app/port/net.py", "import socket, os, time, functools"),
    ("app/main.py", "from app.port import net\nfrom app import routes"),
    ("app/proxy/core.py", "store.open(name)"),
    ("app/proxy/core.py", "a, *b = call(*c, **d)\n{1: a}"),
    ("scripts/build.py", "import socket\nfrom scripts.lib import ui"),
])
def test_what_is_allowed_passes(name, source):
    assert found_in(name, source) == []


def test_broken_file_is_reported(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("\ndef (:\n")
    finding, = imports.check(tmp_path)
    assert finding.file == "app/main.py" and finding.line == 2
