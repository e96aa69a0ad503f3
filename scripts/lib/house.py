"""House rules that no linter knows: what a file's text may hold, and how long things may be."""

import ast
import re
from pathlib import PurePosixPath

from scripts.lib.imports import Finding

FILE_LINES, FUNCTION_LINES = 500, 40
MEASURED = ("app/", "scripts/")  # where the lengths are held

# Files whose format needs tabs or whose programs' own style has them; files kept exactly as
# others wrote them.
WITH_TABS = ("Makefile", "*.mk", "Config.in", "*.tsv", "genimage.cfg", "esp-*.cfg",
             "mke2fs.conf")
AS_RECEIVED = ("*.dat", "*.patch")

# (pattern, what is wrong, how to mend it); a hit is told with the text that matched.
FORBIDDEN = (
    (re.compile(r"(?<![\w.$)}\]/-])/(?:home|Users|work|tmp/(?:trial|wafer))/[\w.-]*"),
     "a path of somebody's machine", "make it relative to the tree, or an argument"),
    (re.compile(r"\b(?:(?:deb|ftp|security|snapshot|archive)\.(?:debian|ubuntu)\.(?:org|com)"
                r"|pypi\.org|files\.pythonhosted\.org|(?:registry\.)?npmjs\.(?:org|com)"
                r"|proxy\.golang\.org|static\.crates\.io)\b"),
     "a registry's host name", "ask the machine's own package manager, which knows its mirror"),
)


def check(root, names):
    """Return the Findings in the files `names`, each relative to the Path `root`."""
    found = []
    for name in names:
        path = root / name
        if path.is_symlink() or not path.is_file() or _matches(name, AS_RECEIVED):
            continue
        data = path.read_bytes()
        if b"\0" not in data:
            found += check_text(name, data)
    return found


def check_text(name, data):
    """Return the Findings in one text file."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [Finding(name, line, "it is not UTF-8", "save it as UTF-8")]
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        found += [Finding(name, number, *problem) for problem in _line_problems(name, line)]
    if text and not text.endswith("\n"):
        found.append(Finding(name, text.count("\n") + 1, "the last line has no newline", "end it"))
    if name.endswith(".py") and name.startswith(MEASURED):
        found += _lengths(name, text)
    return found


def _line_problems(name, line):
    if line.endswith("\r"):
        yield "the line ends with CR LF", "end lines with LF alone"
    elif line != line.rstrip():
        yield "blanks at the end of the line", "remove them"
    if "\t" in line and not _matches(name, WITH_TABS):
        yield "a tab", "indent with blanks, or write \\t"
    for pattern, problem, remedy in FORBIDDEN:
        for hit in pattern.finditer(line):
            yield f"{hit[0]!r}: {problem}", remedy


def _lengths(name, text):
    count = text.count("\n")
    if count > FILE_LINES:
        yield Finding(name, FILE_LINES + 1, f"the file has {count} lines, more than {FILE_LINES}",
                      "split it by what its parts are about")
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return  # the import rule tells it
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield Finding(name, node.lineno, f"{node.name}() has {lines} lines, more than "
                              f"{FUNCTION_LINES}", "take a step of it out and name it")


def _matches(name, patterns):
    path = PurePosixPath(name)
    return any(path.match(pattern) for pattern in patterns)
