"""The inspection against programs made for it: one assembler file a violation."""

import shutil
import subprocess

import pytest

from scripts import inspect_root
from scripts.lib import cpu, elf

CLEAN_STACK = '.section .note.GNU-stack,"",@progbits\n'
START = """.text
.globl _start
.type _start, @function
_start: call culprit
 hlt
.size _start, .-_start
"""
CULPRIT = """.globl culprit
.type culprit, @function
culprit: {}
 ret
.size culprit, .-culprit
"""

FOREIGN = {
    "cmov": ("cmovne %eax, %edx", "CMOV"),
    "cmov from memory": ("cmovb (%esp), %edx", "CMOV"),
    "fcmov": ("fcmovb %st(1), %st", "FCMOV"),
    "fcomi": ("fucomip %st(1), %st", "FCOMI"),
    "long nop": (".byte 0x0f, 0x1f, 0x00", "long NOP"),
    "long nop with a prefix": (".byte 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00", "long NOP"),
    "endbr32": ("endbr32", "endbr"),
    "mmx": ("paddb %mm1, %mm0", "paddb"),
    "sse": ("movaps %xmm1, %xmm0", "movaps"),
    "sse2": ("addsd %xmm1, %xmm0", "addsd"),
    "prefetch": ("prefetchnta (%eax)", "prefetchnta"),
    "fence": ("lfence", "lfence"),
    "sysenter": ("sysenter", "SYSENTER"),
    "fisttp": ("fisttpl (%esp)", "fisttp"),
    "lzcnt": ("lzcnt %eax, %edx", "lzcnt"),
    "popcnt": ("popcnt %eax, %edx", "popcnt"),
    "avx": ("vaddps %ymm2, %ymm1, %ymm0", "AVX"),
    "no instruction": ("nop; .byte 0x0f, 0x04", "knows no such"),
}
PENTIUM_HAS = ("lock cmpxchg8b (%esp)", "rdtsc", "cpuid", "bswap %eax", "xadd %eax, (%esp)",
               "rep movsl", "repne scasb", "pause", "rep bsf %eax, %edx", "fucompp", "fsincos",
               ".byte 0x8d, 0x74, 0x26, 0x00", "xchg %ax, %ax", "int $0x80", "ud2",
               "notrack jmp *%eax")

needs_multilib = pytest.mark.skipif(
    not shutil.which("gcc") or subprocess.run(
        ["gcc", "-m32", "-nostdlib", "-static", "-x", "c", "-", "-o", "/dev/null"],
        input=b"void _start(void){}", capture_output=True, check=False).returncode != 0,
    reason="gcc with -m32 (Debian package gcc-multilib) is not installed")
pytestmark = needs_multilib


def assemble(folder, source, *flags, bits=32, name="program"):
    """Link assembler text into a static program without any library; return its path."""
    text, program = folder / f"{name}.s", folder / name
    text.write_text(source)
    subprocess.run(["gcc", f"-m{bits}", "-nostdlib", "-static", *flags, str(text), "-o",
                    str(program)], check=True, capture_output=True)
    return program


def with_culprit(folder, instruction, **options):
    return assemble(folder, START + CULPRIT.format(instruction) + CLEAN_STACK, **options)


def strip(program):
    stripped = program.with_suffix(".stripped")
    subprocess.run(["strip", "-o", str(stripped), str(program)], check=True)
    return stripped


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_instruction_is_named_with_its_symbol(tmp_path, kind):
    instruction, word = FOREIGN[kind]
    violation, = inspect_root.inspect_program(with_culprit(tmp_path, instruction), "i586")
    assert violation.place.startswith("culprit+0x")
    assert word in violation.problem


@pytest.mark.parametrize("instruction", PENTIUM_HAS)
def test_instruction_of_the_pentium_passes(tmp_path, instruction):
    assert inspect_root.inspect_program(with_culprit(tmp_path, instruction), "i586") == []


@pytest.mark.parametrize("instruction, word", [
    ("vaddps %ymm2, %ymm1, %ymm0", "AVX"), ("popcnt %eax, %edx", "SSE4.2"),
    ("aesenc %xmm1, %xmm0", "AES"), ("pshufb %xmm1, %xmm0", "SSSE3"),
    ("cmpxchg16b (%rsp)", "CMPXCHG16B"), ("mulx %eax, %edx, %ecx", "BMI")])
def test_x86_64_refuses_what_not_all_have(tmp_path, instruction, word):
    program = with_culprit(tmp_path, instruction, bits=64)
    violation, = inspect_root.inspect_program(program, "x86_64")
    assert violation.place.startswith("culprit+") and word in violation.problem


@pytest.mark.parametrize("instruction", ["addsd %xmm1, %xmm0", "cmovne %eax, %edx", "endbr64",
                                         "nopw 0(%rax,%rax,1)", "emms", "verw (%rsp)"])
def test_x86_64_passes_its_first_version(tmp_path, instruction):
    program = with_culprit(tmp_path, instruction, bits=64)
    assert inspect_root.inspect_program(program, "x86_64") == []


def renamed_culprit(folder, name, instruction, **options):
    source = START + CULPRIT.format(instruction) + CLEAN_STACK
    return assemble(folder, source.replace("culprit", name), **options)


@pytest.mark.parametrize("arch, bits, name, instruction", [
    ("x86_64", 64, "mbedtls_aesni_crypt_ecb", "aesenc %xmm1, %xmm0"),
    ("i586", 32, "fegetenv", "stmxcsr (%esp)"), ("i586", 32, "__fesetround", "ldmxcsr (%esp)")])
def test_code_that_asks_first_is_exempt(tmp_path, arch, bits, name, instruction):
    program = renamed_culprit(tmp_path, name, instruction, bits=bits)
    assert inspect_root.inspect_program(program, arch) == []


def test_exemption_is_for_the_instruction_that_is_guarded(tmp_path):
    program = renamed_culprit(tmp_path, "fegetenv", "cmovne %eax, %edx")
    violation, = inspect_root.inspect_program(program, "i586")
    assert violation.place.startswith("fegetenv+")


def test_static_symbol_is_named(tmp_path):
    source = START.replace("culprit", "hidden") + CULPRIT.format("cmovne %eax, %edx").replace(
        "culprit", "hidden").replace(".globl hidden\n", "") + CLEAN_STACK
    violation, = inspect_root.inspect_program(assemble(tmp_path, source), "i586")
    assert "hidden+" in violation.place


def test_several_in_one_symbol_are_counted(tmp_path):
    program = with_culprit(tmp_path, "cmovne %eax, %edx; cmove %eax, %edx; cmovl %eax, %edx")
    violation, = inspect_root.inspect_program(program, "i586")
    assert "(and 2 more in culprit)" in violation.problem


def test_stripped_program_is_named_by_its_twin(tmp_path):
    program = with_culprit(tmp_path, "cmovne %eax, %edx")
    blind, = inspect_root.inspect_program(strip(program), "i586")
    assert blind.place.startswith(".text+")
    named, = inspect_root.inspect_program(strip(program), "i586", twin=program)
    assert named.place.startswith("culprit+")


def test_a_twin_of_another_build_is_refused(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    program = strip(with_culprit(tmp_path, "nop"))
    violation, = inspect_root.inspect_program(program, "i586", twin=with_culprit(other, "cld"))
    assert "not the same" in violation.problem


# 0F 44 C1 is "cmove %ecx, %eax"; as data behind a jump it must not count.
JUMP_TABLE = """jmp *table(,%eax,4)
.p2align 2
table: .long one, two, one, two
one: inc %eax
 ret
two: dec %eax
"""
RELATIVE_TABLE = """jmp *%eax
table: .long one-table, two-table, one-table
one: ret
two: dec %eax
"""
POOL = """jmp behind
.type pool, @object
pool: .byte 0x0f, 0x44, 0xc1
.size pool, 3
behind: nop
"""
SKIPPED = "jmp behind\n.byte {}\nbehind: nop"
DATA_CASES = {
    "absolute jump table": JUMP_TABLE,
    "relative jump table": RELATIVE_TABLE,
    "constants with a broken tail": SKIPPED.format("0x0f, 0x44, 0xc1, 0x0f, 0x04, 0xff"),
    "garbage behind the break": SKIPPED.format("0x0f, 0x04, 0x0f, 0x44, 0xc1, 0xc3"),
    "an object symbol": POOL,
}


@pytest.mark.parametrize("case", DATA_CASES)
def test_data_between_instructions_is_no_code(tmp_path, case):
    assert inspect_root.inspect_program(with_culprit(tmp_path, DATA_CASES[case]), "i586") == []


def test_code_behind_a_jump_table_still_counts(tmp_path):
    source = JUMP_TABLE.replace("dec %eax", "cmovne %eax, %edx")
    violation, = inspect_root.inspect_program(with_culprit(tmp_path, source), "i586")
    assert "culprit+" in violation.place or "two+" in violation.place


def test_code_behind_data_still_counts(tmp_path):
    source = "jmp behind\n.byte 0x0f, 0x04, 0x0f\nbehind: cmovne %eax, %edx"
    violation, = inspect_root.inspect_program(with_culprit(tmp_path, source), "i586")
    assert "cmovne" in violation.problem


def test_switch_whose_table_is_elsewhere_counts(tmp_path):
    source = ("jmp *.Ltable(,%eax,4)\n.Lone: ret\n.Ltwo: cmovne %eax, %edx\n"
              ".section .rodata\n.Ltable: .long .Lone, .Ltwo\n.text")
    violation, = inspect_root.inspect_program(with_culprit(tmp_path, source), "i586")
    assert violation.place.startswith("culprit+")


def test_patched_in_alternatives_are_left_out(tmp_path):
    source = "nop\n.section .altinstr_replacement,\"ax\"\n cmovne %eax, %edx\n.text"
    program = elf.load(with_culprit(tmp_path, source))
    assert elf.check_code(program, cpu.KERNEL_CPUS["i586"], "vmlinux") == []


def test_kernel_may_ask_first_but_has_no_cmov(tmp_path):
    program = elf.load(with_culprit(tmp_path, "lfence; rdrand %eax; cmovne %eax, %edx"))
    violation, = elf.check_code(program, cpu.KERNEL_CPUS["i586"], "vmlinux")
    assert "CMOV" in violation.problem and "more" not in violation.problem


@pytest.mark.parametrize("note, flags", [
    ('.section .note.GNU-stack,"x",@progbits\n', ()), (CLEAN_STACK, ("-Wl,-z,execstack",))])
def test_executable_stack_is_refused(tmp_path, note, flags):
    program = assemble(tmp_path, START + CULPRIT.format("nop") + note, *flags)
    assert [v.place for v in inspect_root.inspect_program(program, "i586")] == ["PT_GNU_STACK"]


def test_missing_stack_note_is_refused(tmp_path):
    assemble(tmp_path, START + CULPRIT.format("nop"))
    script = "SECTIONS { . = 0x8048000; .text : { *(.text) } :load } "
    (tmp_path / "one.ld").write_text("PHDRS { load PT_LOAD FLAGS(5); }\n" + script)
    program = assemble(tmp_path, START + CULPRIT.format("nop"), f"-Wl,-T,{tmp_path / 'one.ld'}",
                       "-Wl,--build-id=none")
    assert "PT_GNU_STACK" in [v.place for v in inspect_root.inspect_program(program, "i586")]


def test_writable_code_is_refused(tmp_path):
    program = assemble(tmp_path, START + CULPRIT.format("nop") + CLEAN_STACK, "-Wl,-N")
    assert [v.place for v in inspect_root.inspect_program(program, "i586")] == ["PT_LOAD"]


def test_dynamic_program_is_refused_with_its_libraries(tmp_path):
    (tmp_path / "main.c").write_text("int main(void) { return 0; }")
    program = tmp_path / "main"
    subprocess.run(["gcc", str(tmp_path / "main.c"), "-o", str(program)], check=True)
    found = inspect_root.inspect_program(program, "x86_64")
    assert {"PT_INTERP", "DT_NEEDED"} <= {v.place for v in found}
    assert any("libc.so.6" in v.problem for v in found)


def test_static_pie_is_static(tmp_path):
    source = START + CULPRIT.format("nop") + CLEAN_STACK
    program = assemble(tmp_path, source, "-static-pie", bits=64)
    loaded = elf.load(program)
    assert loaded.kind == "ET_DYN"
    assert inspect_root.inspect_program(program, "x86_64") == []


def test_program_for_another_processor_is_refused(tmp_path):
    violation, = inspect_root.inspect_program(with_culprit(tmp_path, "nop", bits=64), "i586")
    assert violation.place == "ELF header" and "EM_X86_64" in violation.problem


def bzimage(bits=32):
    """The head of a kernel image, as the boot protocol lays it out."""
    head = bytearray(0x400)
    head[0x1FE:0x200], head[0x202:0x206] = b"\x55\xaa", b"HdrS"
    head[0x236] = bits == 64
    return bytes(head)


def make_root(folder, program=None, kernel=None):
    root = folder / "root"
    (root / "boot").mkdir(parents=True)
    (root / "sbin").mkdir()
    if kernel is not None:
        (root / "boot" / "bzImage").write_bytes(kernel)
    if program:
        shutil.copy(program, root / "sbin" / "waferpbx")
        (root / "sbin" / "init").symlink_to("waferpbx")
        (root / "sbin" / "twice").hardlink_to(root / "sbin" / "waferpbx")
    (root / "sbin" / "script").write_text("#!/bin/sh\n")
    return root


def test_root_in_order_passes(tmp_path, capsys):
    root = make_root(tmp_path, with_culprit(tmp_path, "nop"), bzimage())
    inspect_root.check(root, "i586")
    assert "1 program(s)" in capsys.readouterr().out


def test_root_is_refused_by_the_command(tmp_path, capsys):
    program = with_culprit(tmp_path, "cmovne %eax, %edx")
    root = make_root(tmp_path, strip(program), bzimage())
    with pytest.raises(SystemExit) as stop:
        inspect_root.main([str(root), "--arch", "i586", "--twin", f"sbin/waferpbx={program}"])
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert "sbin/twice: culprit+" in said  # the first of the file's two names


def test_twin_of_nothing_is_refused(tmp_path):
    program = with_culprit(tmp_path, "nop")
    root = make_root(tmp_path, program, bzimage())
    violation, = inspect_root.inspect(root, "i586", {"/bin/waferpbx": program})
    assert violation.file == "bin/waferpbx" and "not in the root" in violation.problem


@pytest.mark.parametrize("kernel, problem", [
    (None, "no kernel"), (b"MZ", "no bzImage"), (bzimage(64), "64-bit")])
def test_kernel_of_the_board_must_be_there(tmp_path, kernel, problem):
    root = make_root(tmp_path, with_culprit(tmp_path, "nop"), kernel)
    violation, = inspect_root.inspect(root, "i586")
    assert violation.file == "boot/bzImage" and problem in violation.problem


def test_empty_root_is_refused(tmp_path):
    violation, = inspect_root.inspect(make_root(tmp_path, None, bzimage()), "i586")
    assert "no program" in violation.problem


def test_damaged_program_is_refused(tmp_path):
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"\x7fELF\x01\x01\x01" + bytes(20))
    violation, = inspect_root.inspect_program(damaged, "i586")
    assert violation.place == "the file"
