"""Build busybox: init, shell and the few system programs, static, from its fragment."""

from pathlib import Path

from scripts.lib import cache, sources, toolchain
from scripts.lib.command import jobs, run
from scripts.lib.environment import ROOT
from scripts.lib.fragments import check_survived, settings

FRAGMENT = ROOT / "firmware" / "busybox" / "busybox.fragment"
LINES = 300  # that the build prints: the scale of the progress bar


def build(arch):
    """Return the folder with `busybox` and `busybox.symbols` for `arch`."""
    source = sources.fetch("busybox")
    compiler = toolchain.install(arch)
    key = cache.digest(source.sha256, str(compiler), FRAGMENT, Path(__file__))
    return cache.built(
        f"busybox {arch.name}", key, lambda work: _build(work, source, compiler, arch)
    )


def _build(work, source, compiler, arch):
    tree, log = work / "tree", work / "log"
    run(["cp", "-a", source.folder, tree])
    make = [
        "make",
        jobs(),
        "-C",
        tree,
        "HOSTCC=gcc",
        f"CC={compiler / 'cc'}",
        f"AR={compiler / 'ar'}",
        "STRIP=true",
        "SKIP_STRIP=y",
    ]
    # From the environment: on make's command line it would displace busybox's own flags.
    flags = {"CFLAGS": f"-ffile-prefix-map={tree}=busybox"}
    run([*make, "allnoconfig"], log=log)
    _apply(FRAGMENT, tree / ".config")
    # oldconfig asks for what the fragment left open; an empty answer takes the default.
    run(["sh", "-c", 'yes "" | "$@"', "sh", *make, "oldconfig"], log=log)
    check_survived(FRAGMENT, tree / ".config")
    run([*make, "busybox"], env=flags, log=log, label=f"busybox for {arch.name}", lines=LINES)
    (tree / "busybox_unstripped").rename(work / "busybox.symbols")
    run(["strip", "--strip-all", "-o", work / "busybox", work / "busybox.symbols"])
    run([*make, "busybox.links"], log=log)
    (tree / "busybox.links").rename(work / "links")
    (tree / ".config").rename(work / "config")
    run(["rm", "-rf", tree])


def _apply(fragment, config):
    wanted = settings(fragment)
    lines = []
    for line in config.read_text().splitlines():
        name = line.removeprefix("# ").split("=")[0].split(" ")[0]
        lines.append(f"{name}={wanted[name]}" if name in wanted else line)
    config.write_text("\n".join(lines) + "\n")
