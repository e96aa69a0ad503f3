#!/usr/bin/env python3
"""Lint the tree: Python, C, shell, the import rule and the house rules.

usage: scripts/lint.py [--list]

A finding is one line: file:line: what is wrong; how to mend it. A linter that is not
installed is a failure. The compiler's own warnings are errors in the builds.
"""

import re
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.lib import house, imports
from scripts.lib.imports import Finding
from scripts.lib.ui import say

ROOT = Path(__file__).resolve().parents[1]
SHELL = re.compile(rb"#! ?/(?:usr/)?bin/(?:env )?(?:ba|da|a)?sh\b")
SKIPPED_FOLDERS = {".git", "build", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}

# MicroPython's headers are not in the tree, so its macros are unknown to cppcheck, and a
# function that only a macro of theirs names looks unused.
CPPCHECK = ["cppcheck", "--quiet", "--std=c11", "--enable=warning,performance,portability",
            "--inline-suppr", "--suppress=missingIncludeSystem", "--suppress=missingInclude",
            "--suppress=unknownMacro", "--suppress=preprocessorErrorDirective",
            "--template={file}:{line}: {message} [{id}]", "--error-exitcode=1"]
SHELLCHECK = ["shellcheck", "--format=gcc", "--severity=style", "--external-sources"]

# name: as the summary has it; run(root, files) -> (how many files were looked at, findings).
Check = namedtuple("Check", ("name", "run"))


def tracked(root):
    """Names of the files that belong to the tree: git's, or all where there is no git."""
    made = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"],
                          capture_output=True, check=False)
    if made.returncode == 0:
        names = sorted(set(made.stdout.decode().split("\0")) - {""})
        return [name for name in names if (root / name).exists()]
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*")
                  if path.is_file()
                  and not SKIPPED_FOLDERS.intersection(path.relative_to(root).parts))


def python(root, files):
    """Run ruff over the Python files."""
    names = [name for name in files if name.endswith(".py")]
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--no-cache", "--force-exclude",
               "--output-format=concise", *names]
    return len(names), _run(command, root, names, "ruff (requirements.txt)")


def c(root, files):
    """Run cppcheck over the C files."""
    names = [name for name in files if name.endswith(".c")]
    return len(names), _run([*CPPCHECK, *names], root, names, "cppcheck (Debian package)")


def shell(root, files):
    """Run shellcheck over whatever a shell runs, by its first line."""
    names = [name for name in files if _is_shell(root / name)]
    return len(names), _run([*SHELLCHECK, *names], root, names, "shellcheck (Debian package)")


def _is_shell(path):
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as stream:
        return bool(SHELL.match(stream.readline(200)))


def _run(command, root, names, needed):
    """The lines that a linter printed, as Findings; none if it ended with 0."""
    if not names:
        return []
    if not shutil.which(command[0]):
        return [Finding(command[0], 0, "it is not installed", f"install {needed}")]
    made = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if made.returncode == 0:
        return []
    lines = [line for line in (made.stdout + made.stderr).splitlines() if line.strip()]
    return [_parsed(line) for line in lines] or [
        Finding(command[0], 0, f"it ended with status {made.returncode} and said nothing",
                f"install {needed}")]


def _parsed(line):
    """file:line[:column]: text, as all three linters print it."""
    match = re.match(r"(?P<file>[^:\s]+):(?P<line>\d+):(?:\d+:)? ?(?P<text>.*)", line)
    if not match:
        return Finding("", 0, line.strip(), "")
    return Finding(match["file"], int(match["line"]), match["text"], "")


def import_rule(root, files):
    """Hold the import rule of docs/architecture.md."""
    found = imports.check(root)
    names = [name for name in files if name.startswith(("app/", "scripts/"))]
    return len([name for name in names if name.endswith(".py")]), found


def house_rules(root, files):
    """Hold the house rules over every text file."""
    return len(files), house.check(root, files)


CHECKS = (Check("ruff", python), Check("cppcheck", c), Check("shellcheck", shell),
          Check("import rule", import_rule), Check("house rules", house_rules))


def lint(root=ROOT, checks=CHECKS):
    """Run every check, print what it found; return how many findings there were."""
    files = tracked(root)
    total = 0
    for check in checks:
        count, found = check.run(root, files)
        total += len(found)
        for finding in sorted(found):
            say(_line(finding))
        say(f"  {check.name}: {count} files, {len(found)} findings")
    return total


def _line(finding):
    place = f"{finding.file}:{finding.line}: " if finding.line else f"{finding.file}: "
    text = f"{finding.problem}; {finding.remedy}" if finding.remedy else finding.problem
    return (place if finding.file else "") + text


def main(arguments):
    """Lint, or list the files that would be looked at."""
    if arguments == ["--list"]:
        say("\n".join(tracked(ROOT)))
        return 0
    if arguments:
        say(__doc__)
        return 2
    return 1 if lint() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
