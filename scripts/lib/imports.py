"""The import rule of docs/architecture.md, held over app/ and scripts/ without running them."""

import ast
from collections import namedtuple

# file: relative to the tree; line: from 1 (0: the whole file).
Finding = namedtuple("Finding", ("file", "line", "problem", "remedy"))

EVERYTHING = ("everything",)
# The table of docs/architecture.md, "Folders": what of ours each part of app/ may import.
MAY_IMPORT = {
    "sip": (),
    "rules": (),
    "transport": ("sip",),
    "proxy": ("sip", "dns", "rules"),
    "media": ("sip",),
    "pbx": ("sip", "proxy", "media"),
    "dns": (),
    "dbtext": (),
    "appliance": ("dbtext", "rules"),
    "port": (),
    "routes": ("proxy", "pbx"),
    "places": ("port", "sip"),
    "link": ("port", "transport", "sip"),
    "secrets": ("port",),
    "figures": ("port",),
    "sockets": ("port", "transport", "sip", "link"),
    "main": EVERYTHING,
    "__main__": EVERYTHING,  # python3 -m app: it calls main
    "__init__": (),
}
# These parts get clock, randomness, hashes, sockets and files as arguments from app/main.py.
SANS_IO = (
    "sip", "transport", "dns", "rules", "proxy", "media", "pbx", "dbtext", "appliance", "routes",
)
OUTSIDE = frozenset("""
    _thread asyncio box ctypes fcntl ffi hashlib mediaengine multiprocessing os pathlib random
    secrets select selectors shutil signal socket ssl subprocess tempfile termios threading time
    tls uasyncio uhashlib uos urandom uselect usocket utime
""".split())
# MicroPython has none of these, so nothing of app/ but app/port/ can use them.
NOT_ON_THE_BOX = frozenset("""
    __future__ abc contextlib copy dataclasses datetime enum functools itertools logging operator
    string textwrap traceback typing unittest urllib
""".split())


def check(root):
    """Return the Findings in app/ and scripts/ under `root`."""
    found = []
    for folder in ("app", "scripts"):
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            try:
                tree = ast.parse(path.read_text(encoding="utf-8"), name)
            except SyntaxError as error:
                found.append(Finding(name, error.lineno or 0, f"it is no Python: {error.msg}",
                                     "mend the syntax"))
                continue
            found += check_tree(name, tree)
    return found


def check_tree(name, tree):
    """Return the Findings in one parsed file, `name` its path in the tree."""
    part = _part(name)
    found = []
    for node in ast.walk(tree):
        for module in _imported(node, name):
            problem = _problem(part, module)
            if problem:
                found.append(Finding(name, node.lineno, *problem))
        if part in SANS_IO and _is_open(node):
            found.append(Finding(name, node.lineno, f"app/{part} opens a file",
                                 "take its content, or an object to read it, as an argument"))
        if part is not None and _is_unpacked(node):
            found.append(Finding(name, node.lineno, "it unpacks into a literal, which MicroPython "
                                 "cannot compile", "add sequences with +, or update() a dict"))
    return found


def _part(name):
    """"sip" for app/sip/uri.py, "main" for app/main.py, None outside app/."""
    words = name.split("/")
    if words[0] != "app":
        return None
    return words[1] if len(words) > 2 else words[1].removesuffix(".py")


def _imported(node, name):
    """The modules that an import statement names, in full."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = name.split("/")[:-node.level]
            base = ".".join(package + ([base] if base else []))
        # "from app import sip" names a part as "from app.sip import uri" does.
        return [f"app.{alias.name}" for alias in node.names] if base == "app" else [base]
    return []


def _problem(part, module):
    """(what is wrong, how to mend it) of `part` importing `module`, or None."""
    ours, _, rest = module.partition(".")
    if part is None:
        if ours == "app":
            return (f"scripts never imports app ({module})",
                    "move what both need, or run the program")
        return None
    if ours == "app":
        return _problem_of_ours(part, rest.partition(".")[0])
    if part in SANS_IO and ours in OUTSIDE:
        return (f"app/{part} imports {ours}: it is sans-IO",
                "take it as an argument from app/main.py, which has it from app/port")
    if part != "port" and ours in NOT_ON_THE_BOX:
        return f"it imports {ours}, which MicroPython lacks", "do without it"
    return None


def _problem_of_ours(part, other):
    if part not in MAY_IMPORT:
        return (f"app/{part} is not in the table of docs/architecture.md",
                "add it there and to MAY_IMPORT in scripts/lib/imports.py, or move the file")
    allowed = MAY_IMPORT[part]
    if other in ("", part) or allowed == EVERYTHING or other in allowed:
        return None
    names = ", ".join(f"app/{name}" for name in allowed) or "nothing of ours"
    return (f"app/{part} imports app/{other}: it may import {names}",
            "take the object as an argument, or move the code")


def _is_unpacked(node):
    """Is this (a, *b), [*a], {*a} or {**a}? A call may have stars, and the left of = too."""
    if isinstance(node, ast.Dict):
        return None in node.keys
    if not isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return False
    return not isinstance(getattr(node, "ctx", None), ast.Store) and any(
        isinstance(each, ast.Starred) for each in node.elts
    )


def _is_open(node):
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            and node.func.id == "open")
