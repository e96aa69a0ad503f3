"""Build `waferpbx`: MicroPython with the application frozen in and the C modules linked in.

Two steps, because one changes rarely and the other daily: the interpreter with the C modules
keeps its build tree in the cache, and the application is frozen into a copy of it.
"""

from collections import namedtuple
from pathlib import Path

from scripts.lib import cache, sources, toolchain
from scripts.lib.command import jobs, run
from scripts.lib.environment import ROOT

FIRMWARE = ROOT / "firmware"
BUILD = Path("ports", "unix", "build")
MBEDTLS_PARTS = ("include", "library", "3rdparty")
MANIFEST = FIRMWARE / "variant" / "manifest.py"
ONLY_ASYNCIO = "$(TOP)/extmod/asyncio/manifest.py"
# Lines that the builds print: the scale of the progress bar.
INTERPRETER_LINES, FREEZING_LINES, CROSS_COMPILER_LINES = 360, 110, 140

# program: stripped; symbols: the same with its symbol table.
Firmware = namedtuple("Firmware", ("folder", "program", "symbols"))


def build(arch):
    """Return the Firmware for `arch`."""
    interpreter = _interpreter(arch)
    key = cache.digest(str(interpreter), ROOT / "app", MANIFEST)
    folder = cache.built(
        f"firmware {arch.name}", key, lambda work: _freeze(work, interpreter, arch)
    )
    return Firmware(folder, folder / "waferpbx", folder / "waferpbx.symbols")


def _cross_compiler(python):
    """Return mpy-cross, built for this machine from the interpreter's own source."""

    def make(work):
        tree = _copy(python.folder, work / "tree")
        run(
            ["make", jobs(), "-C", tree / "mpy-cross", f"BUILD={work / 'out'}"],
            log=work / "log",
            label="mpy-cross",
            lines=CROSS_COMPILER_LINES,
        )
        run(["rm", "-rf", tree])

    folder = cache.built("mpy-cross", cache.digest(python.sha256), make)
    return folder / "out" / "mpy-cross"


def _interpreter(arch):
    """Return the folder with the build tree of the interpreter, nothing of ours frozen in."""
    python, tls = sources.fetch("micropython"), sources.fetch("mbedtls")
    names = ("mpconfigvariant.h", "mpconfigvariant.mk", "tls_config.h")
    variant = [FIRMWARE / "variant" / name for name in names]
    modules = FIRMWARE / "modules"
    compiler = toolchain.install(arch)
    key = cache.digest(
        python.sha256, tls.sha256, str(compiler), str(ROOT), *variant, modules, Path(__file__)
    )

    def make(work):
        tree = _copy(python.folder, work / "tree")
        for part in MBEDTLS_PARTS:
            run(["cp", "-a", tls.folder / part, tree / "lib" / "mbedtls"])
        # Left out of Debian's tarball; MicroPython's build wants the folder, nothing in it.
        (tree / "lib" / "micropython-lib" / "README.md").write_text("Not used.\n")
        label = f"interpreter for {arch.name}"
        _make(work, arch, ONLY_ASYNCIO, label, INTERPRETER_LINES)

    return cache.built(f"interpreter {arch.name}", key, make)


def _freeze(work, interpreter, arch):
    _copy(interpreter / "tree", work / "tree")
    _make(work, arch, MANIFEST, f"waferpbx for {arch.name}", FREEZING_LINES)
    (work / "tree" / BUILD / "waferpbx").rename(work / "waferpbx.symbols")
    run(["strip", "--strip-all", "-o", work / "waferpbx", work / "waferpbx.symbols"])
    run(["rm", "-rf", work / "tree"])


def _make(work, arch, manifest, label, lines):
    """Run MicroPython's make in work/tree; the same flags in both steps."""
    python, compiler = sources.fetch("micropython"), toolchain.install(arch)
    cross = _cross_compiler(python)
    settings = {
        "VARIANT_DIR": FIRMWARE / "variant",
        "BUILD": "build",
        "USER_C_MODULES": FIRMWARE / "modules",
        "FROZEN_MANIFEST": manifest,
        "CC": compiler / "cc",
        "AR": compiler / "ar",
        "STRIP": "true",
        "SIZE": "true",
        "MICROPY_MPYCROSS": cross,
        "MICROPY_MPYCROSS_DEPENDENCY": cross,
        "LDFLAGS_ARCH": "-static -Wl,--gc-sections",
        # Unwind tables serve C++ exceptions and debuggers: 90 KB that the box has no use for.
        "CFLAGS_EXTRA": f"-ffile-prefix-map={ROOT}=waferpbx -fno-sanitize=undefined "
        "-fno-asynchronous-unwind-tables -fno-unwind-tables -Wno-unused-command-line-argument",
    }
    run(
        ["make", jobs(), "-C", work / "tree" / "ports" / "unix"]
        + [f"{name}={value}" for name, value in settings.items()],
        env={"MICROPY_GIT_TAG": python.version, "MICROPY_GIT_HASH": "debian"},
        log=work / "log",
        label=label,
        lines=lines,
    )


def _copy(source, target):
    """Copy a tree with its dates: make goes by them."""
    run(["cp", "-a", source, target])
    return target
