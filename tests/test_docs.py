"""The documents against the tree: every path, link and test that they name exists, tables agree."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from app.appliance import commands
from app.appliance.site import check_site
from scripts.lib import environment

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(DOCS.glob("*.md")) + ([README] if README.exists() else [])

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TEST = re.compile(r"(tests/[\w/.-]+\.(?:py|c))::(\w+)")
TREE_PATH = re.compile(r"`((?:app|board|docs|firmware|scripts|tests)/[\w./*<>-]*)`")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
NOT_YET = {"app/pbx/"}  # has its place in the import rule before it has a file
PLACEHOLDERS = ("<", "NAME")
STATUSES = {"supported", "partly", "not"}


def text_of(page):
    return page.read_text(encoding="utf-8")


def prose(page):
    """A page without its fenced blocks, which are examples."""
    return FENCE.sub("", text_of(page))


def anchors(page):
    """The fragments that a page's headings can be linked by."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def broken_link(page, target):
    """Whether a link of `page` leads nowhere in the tree; addresses elsewhere are not asked."""
    if "://" in target or target.startswith("mailto:"):
        return False
    path, _, fragment = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    if not there.exists():
        return True
    return bool(fragment) and there.suffix == ".md" and fragment not in anchors(there)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    assert [target for target in LINK.findall(prose(page)) if broken_link(page, target)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_paths_exist(page):
    named = sorted(set(TREE_PATH.findall(prose(page))) - NOT_YET)
    real = [path for path in named if not any(mark in path for mark in PLACEHOLDERS)]
    missing = [path for path in real if not any(ROOT.glob(path.rstrip("/")))]
    assert missing == []


def names_in(path):
    """The names of the tests in a file under tests/."""
    if path.suffix == ".c":
        return set(re.findall(r"^static void (\w+)\(void\)", text_of(path), re.MULTILINE))
    tree = ast.parse(text_of(path))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_tests_exist(page):
    wrong = [
        f"{file}::{name}"
        for file, name in TEST.findall(text_of(page))
        if not (ROOT / file).is_file() or name not in names_in(ROOT / file)
    ]
    assert wrong == []


def rows(page, heading):
    """[[cell]] of the first table below a heading, without its first two lines."""
    section = text_of(page).split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_rfc_has_a_status_and_what_claims_support_a_test():
    headings = re.findall(r"^## .+$", text_of(DOCS / "protocols.md"), re.MULTILINE)
    listed = []
    for heading in headings:
        for number, _, status, _, shown in rows(DOCS / "protocols.md", heading):
            assert status in STATUSES, (number, status)
            assert TEST.search(shown) or status == "not", number
            listed.append(number)
    assert len(listed) > 40 and len(set(listed)) == len(listed)


def value_of(name):
    """What a limit's source says: package.module.NAME, NAME[key], or Class(argument)."""
    path, key, argument = re.fullmatch(r"([\w.]+)(?:\[(\w+)\]|\((\w+)\))?", name).groups()
    module, _, member = path.rpartition(".")
    value = getattr(importlib.import_module(module), member)
    if argument:
        return inspect.signature(value).parameters[argument].default
    return value[key] if key else value


def test_the_limits_are_those_of_the_code():
    found = rows(DOCS / "security.md", "## Limits")
    assert len(found) > 15
    for what, number, _, source in found:
        assert value_of(source.strip("`")) == int(number.replace(",", "")), what


def test_the_disk_layout_is_genimages():
    layout = text_of(ROOT / "board" / "common" / "genimage.cfg")
    units = {"K": 1024, "M": 1024 * 1024}
    pattern = r"partition ([\w-]+) \{[^}]*offset = (\d+)([KM])\n\s*size = (\d+)([KM])"
    configured = {
        name: (int(offset) * units[a], int(size) * units[b])
        for name, offset, a, size, b in re.findall(pattern, layout)
    }
    documented = {}
    for name, offset, size, _, _ in rows(DOCS / "boards.md", "## The disk"):
        documented[name.strip("`")] = tuple(int(each.replace(",", "")) for each in (offset, size))
    assert len(configured) == 3
    assert {name: documented.get(name) for name in configured} == configured


def fenced(page, info):
    """The texts of a page's fenced blocks with that info string."""
    return re.findall(rf"^```{re.escape(info)}\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL)


def test_the_example_site_is_taken():
    guide = DOCS / "operators-guide.md"
    files = {"site.conf": fenced(guide, "ini site.conf")[0].encode()}
    for name in ("subscriber", "aliases", "dbaliases"):
        files[name] = fenced(guide, f"dbtext {name}")[-1].encode()
    site, errors, notes = check_site(files)
    assert site is not None and errors == []
    assert [str(note) for note in notes] == []


def test_the_trunks_of_the_guide_are_taken():
    guide = DOCS / "operators-guide.md"
    files = {"site.conf": fenced(guide, "ini site.conf")[0].encode()}
    for name in ("subscriber", "dbaliases", "uacreg", "address"):
        files[name] = fenced(guide, f"dbtext {name}")[-1].encode()
    for table in fenced(guide, "dbtext dispatcher") + fenced(guide, "dbtext dispatcher two"):
        files["dispatcher"] = table.encode()
        site, errors, notes = check_site(files)
        assert site is not None and [str(error) for error in errors] == []
        assert [str(note) for note in notes] == []


def test_the_list_of_commands_is_the_consoles():
    _, lines = commands.run("help", None, True)
    assert "\n".join(lines) in text_of(DOCS / "operators-guide.md")


def test_every_package_has_its_reason():
    page = text_of(DOCS / "dependencies.md")
    wanted = {name for names in environment.PACKAGES.values() for name in names}
    for line in text_of(environment.REQUIREMENTS).splitlines():
        wanted |= set(re.findall(r"^([\w-]+)", line))
    assert sorted(name for name in wanted if not re.search(rf"\b{re.escape(name)}\b", page)) == []
