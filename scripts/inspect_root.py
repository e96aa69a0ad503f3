#!/usr/bin/env python3
"""Inspect the root file system of an image before it is packed.

usage: inspect_root.py ROOT --arch i586 [--twin sbin/waferpbx=UNSTRIPPED] [--kernel VMLINUX]

Every program must be static, for the board's processor, with no instruction that the
processor lacks and with a stack that is not executable. (It is not called inspect.py: a
script beside it would import it in the place of Python's own module.)
"""

import argparse
import stat
import sys
from fnmatch import fnmatchcase
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.lib import cpu, elf
from scripts.lib.ui import die, say

KERNEL = "boot/bzImage"
SHOWN = 40  # violations that are printed; more would only bury the first

# (symbols, instructions): code that asks for an extension before it uses it.
ASKS_FIRST = (
    ("mbedtls_aesni_*", "*"),  # mbedtls_aesni_has_support() asks CPUID
    # musl, src/fenv/i386/fenv.s: skips the SSE control word where AT_HWCAP has no SSE.
    ("fe[cgrst]*", "[ls][dt]mxcsr"),
    ("__fesetround", "[ls][dt]mxcsr"),
)


def inspect(root, arch, twins=None, vmlinux=None):
    """Return the Violations (scripts/lib/elf.py) in the root file system at `root`.

    `arch` is a board's "i586" or "x86_64"; `twins` maps a path in the root, such as
    "sbin/waferpbx", to the same program with its symbols; `vmlinux` is the kernel before
    it was compressed, if it is at hand.
    """
    root = Path(root)
    named = {str(name).lstrip("/"): twin for name, twin in (twins or {}).items()}
    programs = list(find_programs(root))
    found = inspect_kernel(root / KERNEL, arch, vmlinux)
    found += [elf.Violation(name, "the file", "it is not in the root, though its twin was given",
                            "Install it, or leave its twin out.")
              for name in named if not (root / name).exists()]
    if not programs:
        found.append(elf.Violation(str(root), "the tree", "there is no program in it",
                                   "Build the programs before the root is inspected."))
    for path in programs:
        found += inspect_program(path, arch, str(path.relative_to(root)),
                                 _twin_of(path, root, named))
    return found


def _twin_of(path, root, named):
    """The twin given for `path` under any of its names: a program may have several links."""
    for name, twin in named.items():
        if (root / name).exists() and (root / name).samefile(path):
            return twin
    return None


def find_programs(root):
    """Yield the ELF files under `root` in order, a hard-linked one once."""
    seen = set()
    for path in sorted(Path(root).rglob("*")):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and status.st_ino not in seen and elf.is_elf(path):
            seen.add(status.st_ino)
            yield path


def inspect_program(path, arch, name=None, twin=None):
    """Return the Violations of one program; `twin` is the same with its symbols."""
    name = name or str(path)
    try:
        program = elf.load(path)
        unstripped = elf.load(twin) if twin else program
    except elf.NotElf as error:
        return [elf.Violation(name, "the file", str(error), "Build it again.")]
    if twin and not elf.is_twin(program, unstripped):
        return [elf.Violation(name, "the code", f"it is not the same as in {twin}",
                              "Give the unstripped file that this one was made from.")]
    processor = cpu.CPUS[arch]
    found = elf.check_headers(program, processor, name)
    if (program.machine, program.bits) == (processor.machine, processor.bits):
        found += elf.check_code(program, processor, name, unstripped.symbols, asks_first)
    return found


def asks_first(symbol, mnemonic):
    """Whether the code of `symbol` uses `mnemonic` only where the processor has it."""
    return any(fnmatchcase(symbol, symbols) and fnmatchcase(mnemonic, instructions)
               for symbols, instructions in ASKS_FIRST)


def inspect_kernel(path, arch, vmlinux=None):
    """Return the Violations of a bzImage and, if given, of its vmlinux."""
    if not Path(path).is_file():
        return [elf.Violation(KERNEL, "the file", "there is no kernel", "Build the kernel first.")]
    with open(path, "rb") as stream:
        setup = stream.read(0x268)
    problem = _bzimage_problem(setup, arch)
    if problem:
        return [elf.Violation(KERNEL, "setup header", problem,
                              f"Put the bzImage of a kernel for {arch} there.")]
    return _inspect_vmlinux(vmlinux, arch) if vmlinux else []


def _bzimage_problem(setup, arch):
    """What is wrong with a kernel's first bytes (Documentation/arch/x86/boot.rst), or None."""
    if len(setup) < 0x268 or setup[0x1FE:0x200] != b"\x55\xaa" or setup[0x202:0x206] != b"HdrS":
        return "it is no bzImage"
    is_64_bit = bool(setup[0x236] & 1)  # xloadflags, XLF_KERNEL_64
    if is_64_bit != (arch == "x86_64"):
        return f"it is a {64 if is_64_bit else 32}-bit kernel"
    return None


def _inspect_vmlinux(path, arch):
    try:
        program = elf.load(path)
    except elf.NotElf as error:
        return [elf.Violation("vmlinux", "the file", str(error), "Build the kernel again.")]
    return elf.check_code(program, cpu.KERNEL_CPUS[arch], "vmlinux")


def report(violations):
    """The Violations as text, for die()."""
    lines = [f"{v.file}: {v.place}: {v.problem}. {v.remedy}" for v in violations[:SHOWN]]
    if len(violations) > SHOWN:
        lines.append(f"... and {len(violations) - SHOWN} more")
    return "\n".join(lines)


def check(root, arch, twins=None, vmlinux=None):
    """End with an error that names every violation in `root`, or say that there is none."""
    violations = inspect(root, arch, twins, vmlinux)
    if violations:
        die(f"{root}: {len(violations)} violation(s) in the programs of the image",
            report(violations))
    count = len(list(find_programs(root)))
    say(f"  inspection: {count} program(s), all static {arch} code, no executable stack")


def main(arguments=None):
    """Read the command line, inspect, end with 0 or an error."""
    parser = argparse.ArgumentParser(description="Inspect the programs of a root file system.")
    parser.add_argument("root", type=Path)
    parser.add_argument("--arch", choices=sorted(cpu.CPUS), required=True)
    parser.add_argument("--twin", action="append", default=[], metavar="PATH=UNSTRIPPED")
    parser.add_argument("--kernel", type=Path, metavar="VMLINUX")
    options = parser.parse_args(arguments)
    if not options.root.is_dir():
        die(f"{options.root} is no folder", "Give the root file system's folder.")
    twins = dict(twin.split("=", 1) for twin in options.twin if "=" in twin)
    check(options.root, options.arch, twins, options.kernel)


if __name__ == "__main__":
    main()
