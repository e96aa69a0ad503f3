"""What takes the space: of the program by frozen module and C symbol, of the slot by file.

`program_sizes` attributes every loaded byte of `waferpbx` from its unstripped twin: the
names that MicroPython's mpy-tool.py gives frozen code, the source file of each symbol
(DWARF, or the symbol table's own file marks), and for the rest the section it is in.
"""

import bisect
import json
import lzma
from collections import namedtuple
from fnmatch import fnmatchcase
from pathlib import Path

from elftools.elf.elffile import ELFFile

from scripts.lib import elf

MIB = 1024 * 1024
SLOT_LIMIT = 5632 * 1024  # kernel and root of one slot: its partition in genimage.cfg
FLASH_LIMIT = 16_000_000  # a 16 MB flash part holds the whole image, both slots
DISK_LIMIT = 16 * 2**20  # of a board with UEFI, which has a real disk, and its system partition

APPLICATION, LIBRARY = "application (frozen Python)", "MicroPython library (frozen Python)"
INTERPRETER, EXTENSIONS = "MicroPython core", "MicroPython extmod"
PORT, OURS = "MicroPython unix port", "our C modules"
TLS, LIBC, RUNTIME = "mbedTLS", "libc (musl)", "compiler runtime"
OTHER, UNNAMED = "other symbols", "without a symbol"

# Group by the path of a source file; the first match counts.
BY_SOURCE = (
    ("*/musl/*", LIBC), ("*/zigc*", LIBC), ("*compiler_rt*", RUNTIME), ("*mbedtls*", TLS),
    ("*frozen_content.c", APPLICATION), ("*/py/*", INTERPRETER), ("*/shared/*", INTERPRETER),
    ("*/extmod/*", EXTENSIONS), ("*/lib/*", EXTENSIONS),
    ("*modules/*", OURS), ("*.c", PORT),
)
# Group by the name of a symbol whose source file is not known.
BY_NAME = (
    ("mp_qstr_frozen_*", APPLICATION), ("mp_frozen_*", APPLICATION), ("mbedtls_*", TLS),
    ("mp_*", INTERPRETER), ("m_*", INTERPRETER), ("gc_*", INTERPRETER), ("qstr_*", INTERPRETER),
)
# What mpy-tool.py puts before the escaped name of a frozen module (tools/mpy-tool.py, freeze).
FROZEN_PREFIXES = ("frozen_module_", "proto_fun_", "fun_data_", "children_",
                   "const_obj_table_data_", "const_qstr_table_data_", "const_obj_")

# unit: a frozen module, a source file or a section; symbol: "" for what has none.
Share = namedtuple("Share", ("group", "unit", "symbol", "section", "size"))


def program_sizes(path):
    """Return {"total", "groups", "frozen_modules", "c_files", "symbols", "ram"} in bytes.

    `path` is the unstripped program. The groups' sum is `total`: every byte that is
    loaded from flash. `ram` is .bss, which takes none.
    """
    program = elf.load(path)
    loaded = [s for s in program.sections if s.flags & elf.ALLOCATED and s.data]
    shares = _symbol_shares(program, path)
    shares += [_unnamed_share(section, shares) for section in loaded]
    python = [share for share in shares if share.unit.endswith(".py")]
    c_files = [share for share in shares if share.symbol and share not in python]
    return {
        "total": sum(section.size for section in loaded),
        "ram": sum(s.size for s in program.sections if s.flags & elf.ALLOCATED and not s.data),
        "groups": _summed(shares, lambda share: share.group),
        "frozen_modules": _summed(python, lambda share: share.unit),
        "c_files": _summed(c_files, lambda share: f"{share.unit} [{share.group}]"),
        "symbols": _summed(c_files, lambda share: f"{share.symbol} [{share.unit}]"),
    }


def _summed(shares, key):
    sums = {}
    for share in shares:
        sums[key(share)] = sums.get(key(share), 0) + share.size
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _unnamed_share(section, shares):
    named = sum(share.size for share in shares if share.section == section.name)
    return Share(f"{UNNAMED}: {section.name}", section.name, "", section.name,
                 section.size - named)


def _symbol_shares(program, path):
    """One Share a symbol that takes flash; of overlapping symbols the first has the bytes."""
    modules = _frozen_modules(program)
    sources = _sources(path)
    shares, covered = [], 0
    for symbol in sorted(program.symbols, key=lambda s: (s.address, -s.size)):
        section = program.sections[symbol.section]
        end = min(symbol.address + symbol.size, section.address + section.size)
        size = end - max(symbol.address, covered)
        if size > 0 and section.data and symbol.kind in ("STT_FUNC", "STT_OBJECT"):
            group, unit = _owner(symbol, modules, sources)
            shares.append(Share(group, unit, symbol.name, section.name, size))
            covered = end
    return shares


def _owner(symbol, modules, sources):
    module = _module_of(symbol.name, modules)
    if module:
        return (APPLICATION if module.startswith("app/") else LIBRARY), module
    source = sources.at(symbol.address) or sources.named(symbol.source)
    if source:
        group = next((g for pattern, g in BY_SOURCE if fnmatchcase("/" + source, pattern)),
                     OTHER)
        return group, _shortened(source)
    group = next((g for pattern, g in BY_NAME if fnmatchcase(symbol.name, pattern)), OTHER)
    return group, "?"


def _shortened(source):
    """A source path as the tree that it comes from names it, the same on every machine."""
    if "/musl/" in source:
        return "musl/" + source.partition("/musl/")[2]
    return source.replace("../", "")


def _frozen_modules(program):
    """{escaped name: path} of the frozen modules, longest name first."""
    names = next((s for s in program.symbols if s.name == "mp_frozen_names"), None)
    if names is None:
        return {}
    section = program.sections[names.section]
    offset = names.address - section.address
    table = section.data[offset:offset + names.size].decode("utf-8", "replace")
    paths = [path for path in table.split("\0") if path.endswith(".py")]
    escaped = {path[:-3].replace("/", "_"): path for path in paths}
    return dict(sorted(escaped.items(), key=lambda item: -len(item[0])))


def _module_of(name, modules):
    for prefix in FROZEN_PREFIXES:
        if name.startswith(prefix):
            rest = name[len(prefix):] + "_"
            return next((path for escaped, path in modules.items()
                         if rest.startswith(escaped + "_")), None)
    return None


class _Sources:
    """Source files by address of code and, where the base name is unique, by name."""

    def __init__(self, ranges, files):
        self.ranges = sorted(ranges)
        self.starts = [start for start, _, _ in self.ranges]
        self.by_name = {}
        for path in files:
            self.by_name.setdefault(path.rpartition("/")[2], set()).add(path)

    def at(self, address):
        index = bisect.bisect_right(self.starts, address) - 1
        if index >= 0 and address < self.ranges[index][1]:
            return self.ranges[index][2]
        return None

    def named(self, name):
        paths = self.by_name.get(name, set())
        return next(iter(paths)) if len(paths) == 1 else name


def _sources(path):
    """Read the compilation units' names and code ranges, if the program has DWARF."""
    with open(path, "rb") as stream:
        program = ELFFile(stream)
        if not program.has_dwarf_info():
            return _Sources([], [])
        dwarf = program.get_dwarf_info()
        lists, ranges, files = dwarf.range_lists(), [], []
        for unit in dwarf.iter_CUs():
            attributes = unit.get_top_DIE().attributes
            if "DW_AT_name" in attributes:
                name = attributes["DW_AT_name"].value.decode("utf-8", "replace")
                files.append(name)
                ranges += [(start, end, name) for start, end in _code_ranges(unit, lists)]
        return _Sources(ranges, files)


def _code_ranges(unit, lists):
    attributes = unit.get_top_DIE().attributes
    low = attributes["DW_AT_low_pc"].value if "DW_AT_low_pc" in attributes else 0
    if "DW_AT_ranges" in attributes and lists is not None:
        entries = lists.get_range_list_at_offset(attributes["DW_AT_ranges"].value, cu=unit)
        base = low
        for entry in entries:
            if hasattr(entry, "base_address"):
                base = entry.base_address
            else:
                shift = 0 if getattr(entry, "is_absolute", False) else base
                yield entry.begin_offset + shift, entry.end_offset + shift
    elif "DW_AT_high_pc" in attributes:
        high = attributes["DW_AT_high_pc"]
        yield low, high.value if high.form == "DW_FORM_addr" else low + high.value


def slot_sizes(root, slot, kernel="boot/bzImage", image=None, limit=FLASH_LIMIT):
    """Return what is in a slot, in bytes.

    `root` is the tree that was packed, `slot` the packed file (kernel and root in one),
    `kernel` the kernel's path in the tree, `image` the whole flash image or None, `limit` what
    it may have. A file's
    "compressed" is what xz makes of it alone: the slot's own blocks share a little more.
    """
    root = Path(root)
    kernel_size = (root / kernel).stat().st_size
    total = Path(slot).stat().st_size
    sizes = {"slot": total, "slot_limit": SLOT_LIMIT, "kernel": kernel_size,
             "root": total - kernel_size, "files": _file_sizes(root)}
    if image:
        sizes.update(flash=Path(image).stat().st_size, flash_limit=limit)
    return sizes


def _file_sizes(root):
    """[{path, size, compressed}] of the regular files, largest first, a hard link once."""
    entries, seen = [], set()
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.stat().st_ino in seen:
            continue
        seen.add(path.stat().st_ino)
        data = path.read_bytes()
        entries.append({"path": str(path.relative_to(root)), "size": len(data),
                        "compressed": _compressed(data)})
    return sorted(entries, key=lambda entry: (-entry["compressed"], entry["path"]))


def _compressed(data):
    """The size of `data` as xz packs x86 code (the filter that mksquashfs -Xbcj x86 uses)."""
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6}]
    return min(len(data), len(lzma.compress(data, lzma.FORMAT_RAW, filters=filters)))


def over_budget(slot):
    """Return a sentence for each limit that `slot_sizes` found exceeded, with the numbers."""
    problems = []
    if slot["slot"] > slot["slot_limit"]:
        problems.append(
            f"the slot takes {_bytes(slot['slot'])}, {_bytes(slot['slot'] - slot['slot_limit'])} "
            f"more than its limit of {_bytes(slot['slot_limit'])} (kernel "
            f"{_bytes(slot['kernel'])}, root {_bytes(slot['root'])})")
    if slot.get("flash", 0) > slot.get("flash_limit", 0):
        problems.append(
            f"the image takes {_bytes(slot['flash'])}, "
            f"{_bytes(slot['flash'] - slot['flash_limit'])} more than the flash of "
            f"{_bytes(slot['flash_limit'])}")
    return problems


def _bytes(number):
    return f"{number:,} bytes".replace(",", " ")


def write(folder, program, slot, top=25):
    """Write sizes.json (everything) and sizes.txt (the `top` of each list) into `folder`."""
    everything = {"program": program, "slot": slot}
    folder = Path(folder)
    (folder / "sizes.json").write_text(json.dumps(everything, indent=1) + "\n")
    (folder / "sizes.txt").write_text(table(program, slot, top))


def table(program, slot, top=25):
    """The sizes as text, the `top` entries of each list."""
    parts = [_slot_table(slot, top), _list("Program by part", program["groups"], 99)]
    parts.append(f"{program['total']:>10,}  total; {program['ram']:,} of RAM beside it\n")
    parts.append(_list("Frozen modules", program["frozen_modules"], top))
    parts.append(_list("C by source file", program["c_files"], top))
    parts.append(_list("C by symbol", program["symbols"], top))
    return "\n".join(parts)


def _slot_table(slot, top):
    lines = ["Slot (bytes)",
             f"{slot['kernel']:>10,}  kernel", f"{slot['root']:>10,}  root",
             f"{slot['slot']:>10,}  of {slot['slot_limit']:,}"]
    if "flash" in slot:
        lines += ["", "Flash (bytes)", f"{slot['flash']:>10,}  of {slot['flash_limit']:,}"]
    lines += ["", "Files (packed alone, unpacked)"]
    lines += [f"{entry['compressed']:>10,} {entry['size']:>10,}  {entry['path']}"
              for entry in slot["files"][:top]]
    return "\n".join(lines) + "\n"


def _list(title, sizes, top):
    shown = list(sizes.items())[:top]
    lines = [f"{title} (bytes)", *(f"{size:>10,}  {name}" for name, size in shown)]
    if len(sizes) > top:
        rest = sum(size for _, size in list(sizes.items())[top:])
        lines.append(f"{rest:>10,}  ({len(sizes) - top} more)")
    return "\n".join(lines) + "\n"
