"""Build `waferpbx`: MicroPython with the application frozen in and the C modules linked in."""

from collections import namedtuple
from pathlib import Path

from scripts.lib import cache, sources, toolchain
from scripts.lib.command import jobs, run
from scripts.lib.environment import ROOT

FIRMWARE = ROOT / "firmware"
MBEDTLS_PARTS = ("include", "library", "3rdparty")
# Lines that the two builds print: the scale of the progress bar.
INTERPRETER_LINES, CROSS_COMPILER_LINES = 480, 140

# program: stripped; symbols: the same with its symbol table.
Firmware = namedtuple("Firmware", ("folder", "program", "symbols"))


def build(arch):
    """Return the Firmware for `arch`."""
    python = sources.fetch("micropython")
    tls = sources.fetch("mbedtls")
    compiler = toolchain.install(arch)
    cross = _cross_compiler(python)
    key = cache.digest(
        python.sha256,
        tls.sha256,
        str(compiler),
        ROOT / "app",
        FIRMWARE / "variant",
        FIRMWARE / "modules",
        Path(__file__),
    )
    folder = cache.built(
        f"firmware {arch.name}", key, lambda work: _build(work, python, tls, compiler, cross, arch)
    )
    return Firmware(folder, folder / "waferpbx", folder / "waferpbx.symbols")


def _cross_compiler(python):
    """Return mpy-cross, built for this machine from the interpreter's own source."""

    def make(work):
        tree = _copy(python.folder, work / "tree")
        run(
            ["make", jobs(), "-C", tree / "mpy-cross", "BUILD=" + str(work / "out")],
            log=work / "log",
            label="mpy-cross",
            lines=CROSS_COMPILER_LINES,
        )
        run(["rm", "-rf", tree])

    folder = cache.built("mpy-cross", cache.digest(python.sha256), make)
    return folder / "out" / "mpy-cross"


def _build(work, python, tls, compiler, cross, arch):
    tree = _copy(python.folder, work / "tree")
    for part in MBEDTLS_PARTS:
        run(["cp", "-a", tls.folder / part, tree / "lib" / "mbedtls"])
    library = (
        tree / "lib" / "micropython-lib"
    )  # left out of Debian's tarball; nothing of it is used
    (library / "README.md").write_text("Not used.\n")
    settings = {
        "VARIANT_DIR": FIRMWARE / "variant",
        "BUILD": work / "out",
        "USER_C_MODULES": FIRMWARE / "modules",
        "CC": compiler / "cc",
        "AR": compiler / "ar",
        "STRIP": "true",
        "SIZE": "true",
        "MICROPY_MPYCROSS": cross,
        "MICROPY_MPYCROSS_DEPENDENCY": cross,
        "LDFLAGS_ARCH": "-static -Wl,--gc-sections",
        # Unwind tables serve C++ exceptions and debuggers: 90 KB that the box has no use for.
        "CFLAGS_EXTRA": f"-ffile-prefix-map={tree}=micropython -ffile-prefix-map={ROOT}=waferpbx "
        f"-ffile-prefix-map={work}=build -fno-sanitize=undefined -Wno-unused-command-line-argument "
        "-fno-asynchronous-unwind-tables -fno-unwind-tables",
    }
    arguments = [f"{name}={value}" for name, value in settings.items()]
    run(
        ["make", jobs(), "-C", tree / "ports" / "unix", *arguments],
        env={"MICROPY_GIT_TAG": python.version, "MICROPY_GIT_HASH": "debian"},
        log=work / "log",
        label=f"waferpbx for {arch.name}",
        lines=INTERPRETER_LINES,
    )
    (work / "out" / "waferpbx").rename(work / "waferpbx.symbols")
    run(["strip", "--strip-all", "-o", work / "waferpbx", work / "waferpbx.symbols"])
    run(["rm", "-rf", tree, work / "out"])


def _copy(source, target):
    run(["cp", "-a", source, target])
    return target
