"""Run the mutants: python -m tests.mutants.run [WORD...]; with words those whose row has one."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutants.table import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", "build", "__pycache__", ".pytest_cache", "device", "data")


def survives(copy, row):
    """-> why a mutant's test did not notice, or None: it failed, as it should."""
    file, before, after, test = row
    place = copy / file
    text = place.read_text()
    if text.count(before) != 1:
        return f"is {text.count(before)} times in {file}: {before.strip()[:60]}"
    place.write_text(text.replace(before, after))
    try:
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    finally:
        place.write_text(text)
    if done.returncode == 1:
        return None
    told = done.stdout[-400:]
    return f"{test} ended with {done.returncode} without: {before.strip()[:60]}\n{told}"


def main(words):
    """Run those mutants; return the exit status."""
    chosen = [row for row in MUTANTS if not words or any(w in part for w in words for part in row)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        for row in chosen:
            why = survives(copy, row)
            failed += why is not None
            word, text = ("ok      ", row[3]) if why is None else ("SURVIVES", why)
            print(word, text, flush=True)
    print(f"{len(chosen)} defences taken out, {len(chosen) - failed} noticed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
