"""Build the board's Linux kernel: tinyconfig, the appliance's fragment, the board's."""

from pathlib import Path

from scripts.lib import cache, sources
from scripts.lib.command import jobs, output, run
from scripts.lib.environment import ROOT
from scripts.lib.fragments import check_drivers, check_survived
from scripts.lib.ui import say

FRAGMENT = ROOT / "firmware" / "kernel" / "appliance.fragment"
LINES = 1940  # that the build prints: the scale of the progress bar


def build(board):
    """Return the folder with `bzImage`, `vmlinux`, `config` and `drivers` for `board`.

    drivers: the names of what is built in, as the kernel calls its modules.
    """
    source = sources.fetch("linux")
    fragments = [FRAGMENT, board.folder / "kernel.fragment"]
    key = cache.digest(
        source.sha256, output(["gcc", "-dumpfullversion"]), board.arch, *fragments, Path(__file__)
    )
    built = cache.built(f"kernel {board.name}", key, lambda work: _build(work, board, fragments))
    check_drivers(board.folder / "drivers", board.drivers, built / "drivers")
    return built


def _build(work, board, fragments):
    tree, log = work / "tree", work / "log"
    tree.mkdir()
    say(f"Unpacking {sources.PACKAGES['linux'].name}")
    run(["tar", "-xf", sources.tarball("linux"), "-C", tree, "--strip-components=1"], log=log)
    make = ["make", jobs(), "-C", tree, f"ARCH={board.arch.kernel}"]
    run([*make, "tinyconfig"], log=log)
    run(
        [tree / "scripts/kconfig/merge_config.sh", "-m", "-O", tree, tree / ".config", *fragments],
        cwd=tree,
        env={"ARCH": board.arch.kernel},
        log=log,
    )
    run([*make, "olddefconfig"], log=log)
    for fragment in fragments:
        check_survived(fragment, tree / ".config")
    run([*make, "bzImage"], log=log, label=f"kernel for {board.name}", lines=LINES)
    (tree / "arch/x86/boot/bzImage").rename(work / "bzImage")
    (tree / "vmlinux").rename(work / "vmlinux")  # for the inspection of its instructions
    (tree / ".config").rename(work / "config")
    (tree / "modules.builtin").rename(work / "drivers")
    run(["rm", "-rf", tree])
