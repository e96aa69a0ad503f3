"""Kconfig fragments: read one, and prove that every option in it survived."""

from pathlib import Path

from scripts.lib.ui import die


def settings(fragment):
    """Return {option: value} of a fragment; `# CONFIG_X is not set` is the value None."""
    found = {}
    for line in fragment.read_text().splitlines():
        if line.startswith("CONFIG_"):
            name, _, value = line.partition("=")
            found[name] = value
        elif line.startswith("# CONFIG_") and line.endswith(" is not set"):
            found[line.split()[1]] = None
    return found


def check_survived(fragment, config):
    """End the build when Kconfig dropped or changed an option of `fragment`."""
    final = settings(config)
    lost = [
        f"{name}: asked {value or 'n'}, got {final.get(name) or 'n'}"
        for name, value in settings(fragment).items()
        if final.get(name) != value
    ]
    if lost:
        die(
            f"{fragment}: {len(lost)} options did not survive Kconfig:\n  " + "\n  ".join(lost),
            "An option's dependencies are missing, or its name changed in this version.",
        )


def check_drivers(file, wanted, built_in):
    """End the build when a driver that the board names (in `file`) is not in the kernel.

    built_in: the kernel's modules.builtin, a path of an object a line.
    """
    there = {_plain(Path(line).stem) for line in built_in.read_text().split()}
    missing = [name for name in wanted if _plain(name) not in there]
    if missing:
        die(
            f"{file}: not in the kernel: {', '.join(missing)}",
            "Add the option to kernel.fragment, or correct the name: it is that of the kernel's "
            "module, as lspci -k or its Makefile has it.",
        )


def _plain(name):
    """Return a module's name as the kernel compares them: - and _ are the same."""
    return name.replace("-", "_")
