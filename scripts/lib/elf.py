"""ELF programs: is it static, for this processor, safe to load, and which code is in it.

`load` reads a file; `check_headers` and `check_code` return Violations. The code is swept
from symbol to symbol, and data between instructions (jump tables, constants) is told from
code by how it is reached; see `Sweep`.
"""

import bisect
import struct
from collections import namedtuple

import capstone
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from scripts.lib.cpu import NO_INSTRUCTION

EXECUTABLE, WRITABLE, ALLOCATED = 0x4, 0x1, 0x2  # section flags, ELF gABI
SEGMENT_EXECUTABLE, SEGMENT_WRITABLE = 0x1, 0x2

# The kernel copies these over the instructions in front of them, where CPUID allows it.
PATCHED_IN_AT_RUN_TIME = (".altinstr_replacement",)
ENDS_A_RUN = ("jmp", "ljmp", "ret", "retf", "iretd", "iretq", "hlt", "int3", "ud2", "sysexit")

Violation = namedtuple("Violation", ("file", "place", "problem", "remedy"))
Section = namedtuple("Section", ("name", "address", "size", "data", "flags"))
Symbol = namedtuple("Symbol", ("name", "address", "size", "kind", "section", "source", "local"))
Region = namedtuple("Region", ("name", "start", "end", "is_function"))
Run = namedtuple("Run", ("start", "instructions", "broken"))  # broken: address of no instruction
Instruction = namedtuple("Instruction", ("address", "size", "mnemonic", "operands"))
Program = namedtuple("Program", ("path", "bits", "machine", "kind", "entry", "segments", "sections",
                                 "symbols", "needed"))


class NotElf(Exception):
    """The file cannot be read as an ELF file; the text says why."""


def load(path):
    """Return the Program in the file at `path`; raises NotElf."""
    with open(path, "rb") as stream:
        try:
            return _load(path, ELFFile(stream))
        except (ELFError, ValueError, UnicodeDecodeError) as error:
            raise NotElf(f"{path}: {error or 'damaged ELF file'}") from error


def is_elf(path):
    """Whether the file starts as an ELF file does."""
    with open(path, "rb") as stream:
        return stream.read(4) == b"\x7fELF"


def _load(path, elf):
    sections = [_section(section) for section in elf.iter_sections()]
    segments = [(segment["p_type"], segment["p_flags"]) for segment in elf.iter_segments()]
    return Program(str(path), elf.elfclass, elf["e_machine"], elf["e_type"], elf["e_entry"],
                   segments, sections, _symbols(elf), _needed(elf))


def _section(section):
    holds_bytes = section["sh_type"] not in ("SHT_NOBITS", "SHT_NULL")
    wanted = section["sh_flags"] & ALLOCATED and holds_bytes
    return Section(section.name, section["sh_addr"], section["sh_size"],
                   section.data() if wanted else b"", section["sh_flags"])


def _symbols(elf):
    table = elf.get_section_by_name(".symtab")
    symbols, source = [], ""
    for entry in table.iter_symbols() if table else ():
        kind = entry["st_info"]["type"]
        local = entry["st_info"]["bind"] == "STB_LOCAL"
        if kind == "STT_FILE":
            source = entry.name  # of the local symbols that follow it
        elif isinstance(entry["st_shndx"], int) and entry.name and kind != "STT_SECTION":
            symbols.append(Symbol(entry.name, entry["st_value"], entry["st_size"], kind,
                                  entry["st_shndx"], source if local else "", local))
    return symbols


def _needed(elf):
    section = elf.get_section_by_name(".dynamic")
    return [tag.needed for tag in section.iter_tags("DT_NEEDED")] if section else []


def executable_sections(program):
    """The sections whose instructions run where they are, in order of address."""
    return sorted((section for section in program.sections
                   if section.flags & EXECUTABLE and section.data
                   and section.name not in PATCHED_IN_AT_RUN_TIME), key=lambda s: s.address)


def is_twin(program, unstripped):
    """Whether `unstripped` is the same program: its code is the same, byte for byte."""
    return executable_sections(program) == executable_sections(unstripped)


def check_headers(program, cpu, name):
    """Violations of what the kernel and the processor read before the first instruction."""
    return list(_header_problems(program, cpu, name))


def _header_problems(program, cpu, name):
    kinds = [kind for kind, _ in program.segments]
    if (program.machine, program.bits) != (cpu.machine, cpu.bits):
        yield Violation(name, "ELF header",
                        f"it is for {program.machine}, {program.bits} bits, not for {cpu.arch}",
                        f"Build it with the cross compiler of {cpu.arch}.")
        return
    if "PT_INTERP" in kinds:
        yield Violation(name, "PT_INTERP", "it asks for a dynamic loader, which the box lacks",
                        "Link it with -static.")
    for library in program.needed:
        yield Violation(name, "DT_NEEDED", f"it needs {library}", "Link it with -static.")
    yield from _segment_problems(program, name)


def _segment_problems(program, name):
    stacks = [flags for kind, flags in program.segments if kind == "PT_GNU_STACK"]
    if not stacks or stacks[0] & SEGMENT_EXECUTABLE:
        yield Violation(name, "PT_GNU_STACK", "its stack is executable",
                        "Link it with -z noexecstack; an assembler file needs "
                        '.section .note.GNU-stack,"",@progbits.')
    both = SEGMENT_EXECUTABLE | SEGMENT_WRITABLE
    for kind, flags in program.segments:
        if kind == "PT_LOAD" and flags & both == both:
            yield Violation(name, "PT_LOAD", "a segment is writable and executable",
                            "Link it without -N or -z noseparate-code, and without a linker "
                            "script that joins .text and .data.")


def check_code(program, cpu, name, symbols=None, exempt=None):
    """Violations by instructions that `cpu` lacks, one a symbol.

    `symbols` is the unstripped twin's list of Symbols; `exempt(symbol's name, mnemonic)`
    says whether that code asks for the extension before it runs.
    """
    sweep = Sweep(program, symbols if symbols is not None else program.symbols)
    found = {}
    for region, instruction, encoding in sweep.instructions():
        problem = cpu.judge(instruction.mnemonic, encoding)
        if problem and not (exempt and exempt(region.name, instruction.mnemonic)):
            found.setdefault(region.name, []).append((region, instruction, problem))
    return [_code_violation(name, hits) for hits in found.values()]


def _code_violation(name, hits):
    region, instruction, problem = hits[0]
    text = f"{instruction.mnemonic} {instruction.operands}".strip()
    more = f" (and {len(hits) - 1} more in {region.name})" if len(hits) > 1 else ""
    place = f"{region.name}+{instruction.address - region.start:#x} at {instruction.address:#x}"
    return Violation(name, place, f"{text}: {problem}{more}",
                     "Compile the file that defines it with the board's -march or -mcpu, or "
                     "leave the assembler out.")


class Sweep:
    """A linear sweep of a program's code, begun afresh at every symbol.

    A run is what executes in a row: it ends at a jump or return. Data in code comes after
    such an end, and nothing branches to it. So a run that is not reached by a symbol, a
    branch or an address in the data sections is taken for data once a byte of it is no
    instruction; so is a table of addresses or offsets. Everything else counts as code: in
    doubt the inspection complains.
    """

    def __init__(self, program, symbols):
        mode = capstone.CS_MODE_32 if program.bits == 32 else capstone.CS_MODE_64
        self.engine = capstone.Cs(capstone.CS_ARCH_X86, mode)
        self.sections = executable_sections(program)
        self.regions = [(section, list(_regions(section, symbols, program)))
                        for section in self.sections]
        self.anchors = sorted(self._addresses_in_data(program) | self._branch_targets())

    def instructions(self):
        """Yield (region, instruction, its bytes) for all that is code."""
        for section, regions in self.regions:
            for region in regions:
                for run in self._code_runs(section, region):
                    for instruction in run.instructions:
                        offset = instruction.address - section.address
                        yield region, instruction, section.data[offset:offset + instruction.size]

    def _code_runs(self, section, region):
        start = region.start
        while start < region.end:
            decoded = self._decode(section, start, region.end)
            for run in _split(decoded, start, region.end):
                reached = self._is_reached(run, region)
                start = run.start if reached else _after_table(section, region, run.start)
                if start != run.start:
                    break  # a table: decode afresh behind it
                if reached:
                    yield _with_what_follows(run, section)
                elif run.broken is None:
                    yield run
                start = self._behind(run, region, reached)

    def _is_reached(self, run, region):
        return run.start == region.start and region.is_function or self._has_anchor(run.start)

    def _behind(self, run, region, reached):
        """Where to go on: after a run; after what is no code, where something leads to again."""
        if run.broken is None:
            return run.instructions[-1].address + run.instructions[-1].size
        index = bisect.bisect_right(self.anchors, run.broken if reached else run.start)
        return min(self.anchors[index], region.end) if index < len(self.anchors) else region.end

    def _has_anchor(self, address):
        index = bisect.bisect_left(self.anchors, address)
        return index < len(self.anchors) and self.anchors[index] == address

    def _decode(self, section, start, end):
        """The instructions from `start` up to `end` or to the first byte that begins none."""
        code = section.data[start - section.address:end - section.address]
        return [Instruction(*entry) for entry in self.engine.disasm_lite(code, start)]

    def _branch_targets(self):
        """Where direct jumps and calls lead, from code up to the first byte that is none."""
        targets = set()
        for section, regions in self.regions:
            for region in regions:
                for instruction in self._decode(section, region.start, region.end):
                    target = _direct_target(instruction)
                    if target is not None:
                        targets.add(target)
        return targets

    def _addresses_in_data(self, program):
        """Addresses of code that the data sections hold, as jump tables in .rodata do."""
        size, code = (4, "I") if program.bits == 32 else (8, "Q")
        spans = [(s.address, s.address + len(s.data)) for s in self.sections]
        found = set()
        for section in program.sections:
            if section.flags & EXECUTABLE or not section.flags & ALLOCATED:
                continue
            whole = len(section.data) // size * size
            words = set(struct.unpack(f"<{whole // size}{code}", section.data[:whole]))
            found.update(w for w in words if any(low <= w < high for low, high in spans))
        return found


def _regions(section, symbols, program):
    """Cut a section at its symbols; what a symbol marks as data is left out."""
    end = section.address + len(section.data)
    starts = {section.address: (section.name, None)}
    for symbol in symbols:
        if section.address <= symbol.address < end and symbol.kind != "STT_TLS":
            best = starts.get(symbol.address)
            if best is None or best[1] != "STT_FUNC":
                starts[symbol.address] = (symbol.name, symbol.kind)
    bounds = sorted(starts) + [end]
    for start, stop in zip(bounds, bounds[1:], strict=False):
        name, kind = starts[start]
        if kind != "STT_OBJECT":
            yield Region(name, start, stop, kind == "STT_FUNC" or start == program.entry)


def _split(instructions, start, end):
    """Cut decoded instructions into Runs; the last is broken where decoding stopped early."""
    run = []
    for instruction in instructions:
        run.append(instruction)
        if instruction.mnemonic.split()[-1] in ENDS_A_RUN:
            yield Run(run[0].address, run, None)
            start, run = instruction.address + instruction.size, []
    stopped = run[-1].address + run[-1].size if run else start
    if start < end:
        yield Run(start, run, stopped if stopped < end else None)


def _with_what_follows(run, section):
    """A reached run, with the bytes that are no instruction where it runs into them.

    A call may never return, so what is behind it need not be reached.
    """
    if run.broken is None or run.instructions and run.instructions[-1].mnemonic == "call":
        return run
    offset = run.broken - section.address
    text = section.data[offset:offset + 4].hex(" ")
    return run._replace(instructions=run.instructions
                        + [Instruction(run.broken, 1, NO_INSTRUCTION, text)])


def _direct_target(instruction):
    """The address that a direct jump or call names, or None."""
    leads = instruction.mnemonic.split()[-1]
    branches = leads[0] == "j" or leads.startswith("loop") or leads == "call"
    if branches and instruction.operands.startswith("0x"):
        return int(instruction.operands, 16)
    return None


def _after_table(section, region, start):
    """Skip a jump table at `start`: addresses inside the region, or offsets from the table."""
    # Few instructions look like addresses; small numbers, as offsets are, look like many.
    absolute = _table_length(section, region, start, 0)
    if absolute >= 2:
        return start + 4 * absolute
    relative = _table_length(section, region, start, start)
    return start + 4 * relative if relative >= 3 else start


def _table_length(section, region, start, base):
    """How many words from `start` on lead into the region when `base` is added."""
    address = start
    while address + 4 <= region.end:
        word, = struct.unpack_from("<i", section.data, address - section.address)
        if not region.start <= (base + word) & 0xFFFFFFFFFFFFFFFF < region.end:
            break
        address += 4
    return (address - start) // 4
