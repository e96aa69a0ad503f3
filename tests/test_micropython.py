"""Every portable test module again, under the MicroPython that we ship.

A module is portable if it imports nothing that only CPython has (docs/architecture.md,
"Tests under two interpreters"), itself or through a helper under tests/.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
DRIVER = TESTS / "micropython_driver.py"
CPYTHON_ONLY = {"pytest", "hypothesis", "subprocess", "unittest", "threading", "ctypes", "pty",
                "tempfile", "pathlib", "importlib", "signal", "shutil", "scripts"}
NOT_PORTABLE = ("device", "interop", "bench", "soak", "scripts")  # folders of what runs on a host
HEAP = "24M"  # what the box has (firmware/rootfs/etc/init.d/waferpbx), for words twice as long
SECONDS = 300


def imports(path):
    """The modules that a file imports anywhere, in full."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def is_portable(path, seen=()):
    """Whether neither the file nor a helper of ours that it imports needs CPython."""
    names = imports(path)
    if any(name.partition(".")[0] in CPYTHON_ONLY for name in names):
        return False
    helpers = {TESTS.parent.joinpath(*name.split(".")).with_suffix(".py")
               for name in names if name.startswith("tests.")}
    return all(is_portable(helper, (*seen, path)) for helper in helpers
               if helper.is_file() and helper not in seen)


def portable_modules(folder=TESTS):
    """The portable test modules, as paths relative to the folder."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        name = path.relative_to(folder)
        if name.parts[0] not in NOT_PORTABLE and is_portable(path):
            found.append(name.as_posix())
    return found


def run(interpreter, module, root=ROOT, options=()):
    """Run one module by the driver; return the finished process with its output as text."""
    name = ".".join(("tests", *Path(module).with_suffix("").parts))
    environment = {**os.environ, "MICROPYPATH": f"{root}:.frozen", "PYTHONPATH": str(root)}
    return subprocess.run([str(interpreter), *options, str(DRIVER), name], cwd=root,
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=SECONDS, check=False)


@pytest.mark.parametrize("module", portable_modules())
def test_portable(micropython, module):
    made = run(micropython, module, options=("-X", f"heapsize={HEAP}"))
    assert made.returncode == 0, f"{module} under {micropython.name}:\n{made.stdout}"


def test_there_are_portable_modules():
    assert len(portable_modules()) >= 10


@pytest.fixture
def tree(tmp_path):
    """A function that writes a test module into a tree of its own and runs it."""
    def write(text):
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "test_it.py").write_text(text)
        return run(sys.executable, "test_it.py", tmp_path)

    return write


@pytest.mark.parametrize("text, status, said", [
    ("def test_a():\n    pass\n", 0, "ran 1, failed 0"),
    ("def test_a():\n    assert 1 == 2\ndef test_b():\n    pass\n", 1, "FAIL test_a"),
    ("import nothing_of_that_name\n", 2, "FAIL to import tests.test_it"),
    ("def test_a():\n    raise ValueError('at 3')\n", 1, "ValueError: at 3"),
    ("def helper():\n    pass\n", 1, "ran 0")])
def test_driver(tree, text, status, said):
    made = tree(text)
    assert made.returncode == status, made.stdout
    assert said in made.stdout


def test_what_is_portable(tmp_path):
    cases = {"test_plain.py": "import app.sip.uri\n", "test_rich.py": "import pytest\n",
             "test_late.py": "def test_a():\n    import subprocess\n",
             "test_from.py": "from hypothesis import given\n",
             "scripts/test_host.py": "import app\n"}
    for name, text in cases.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert portable_modules(tmp_path) == ["test_plain.py"]
