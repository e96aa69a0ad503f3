"""What the processors of our boards can execute, as tables of mnemonics (capstone's spelling).

For i586 the table lists what the Pentium *has*, so an instruction invented after it fails
without anybody adding it. Source: Intel, Pentium Processor Family Developer's Manual,
volume 3, chapter 25. For x86_64 the table lists what came *after* the first of them.
"""

from collections import namedtuple
from fnmatch import fnmatchcase
from functools import cache

# arch: the board's word; machine and bits: what an ELF header must say;
# judge(mnemonic, encoding) -> None | why the processor cannot run it.
Cpu = namedtuple("Cpu", ("arch", "machine", "bits", "judge"))

NO_INSTRUCTION = "(bad)"  # in the place of a mnemonic: bytes that the disassembler does not know
UNKNOWN = "this inspection knows no such instruction"
CONDITIONS = "o no b ae e ne be a s ns p np l ge le g".split()
PREFIXES = {"lock", "rep", "repe", "repne", "repz", "repnz", "notrack", "data16", "addr16",
            "addr32"}
LEGACY_PREFIX_BYTES = b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3"

INTEGER = """
    aaa aad aam aas adc add and arpl bound bsf bsr bswap bt btc btr bts call cbw cdq clc cld cli
    clts cmc cmp cmpsb cmpsd cmpsw cmpxchg cmpxchg8b cpuid cwd cwde daa das dec div enter hlt idiv
    imul in inc insb insd insw int int1 int3 into invd invlpg iret iretd jcxz jecxz jmp lahf lar
    lcall lds lea leave les lfs lgdt lgs lidt ljmp lldt lmsw lodsb lodsd lodsw loop loope loopne
    lsl lss ltr mov movsb movsd movsw movsx movzx mul neg not or out outsb outsd outsw pop popal
    popaw popf popfd push pushal pushaw pushf pushfd rcl rcr rdmsr rdtsc ret retf rol ror rsm sahf
    sal salc sar sbb scasb scasd scasw sgdt shl shld shr shrd sidt sldt smsw stc std sti stosb
    stosd stosw str sub test verr verw wbinvd wrmsr xadd xchg xlatb xor
"""
X87 = """
    f2xm1 fabs fadd faddp fbld fbstp fchs fcom fcomp fcompp fcos fdecstp fdiv fdivp fdivr fdivrp
    ffree fiadd ficom ficomp fidiv fidivr fild fimul fincstp fist fistp fisub fisubr fld fld1 fldcw
    fldenv fldl2e fldl2t fldlg2 fldln2 fldpi fldz fmul fmulp fnclex fninit fnop fnsave fnstcw
    fnstenv fnstsw fpatan fprem fprem1 fptan frndint frstor fscale fsin fsincos fsqrt fst fstp fsub
    fsubp fsubr fsubrp ftst fucom fucomp fucompp fxam fxch fxtract fyl2x fyl2xp1 wait
"""
# Younger names of encodings that the Pentium runs with the meaning the compiler wants:
# "pause" is "rep nop"; "tzcnt" is "rep bsf", which compilers emit where both agree (the
# operand is not 0); "ud0".."ud2" stop any processor by being undefined, which is their use.
HARMLESS = "nop pause tzcnt ud0 ud1 ud2"

PENTIUM = frozenset(
    (INTEGER + X87 + HARMLESS).split()
    + ["j" + condition for condition in CONDITIONS]
    + ["set" + condition for condition in CONDITIONS]
)

# What came between the Pentium and now, to name the culprit; the first match counts.
NEWER = (
    ("cmov*", "CMOV (Pentium Pro)"),
    ("fcmov*", "FCMOV (Pentium Pro)"),
    ("f*comi", "FCOMI (Pentium Pro)"),
    ("f*compi", "FCOMI (Pentium Pro)"),
    ("endbr*", "endbr (CET; executes as a long NOP, Pentium Pro)"),
    ("sysenter", "SYSENTER (Pentium II)"),
    ("sysexit", "SYSENTER (Pentium II)"),
    ("emms", "MMX (Pentium MMX)"),
    ("v*", "AVX"),
)

# The kernel asks CPUID before it comes to one of these; a compiler emits none of them.
KERNEL_ASKS_FIRST = frozenset("""
    clac clflush clflushopt clwb emms encls fxrstor fxsave invpcid ldmxcsr lfence mfence monitor
    monitorx mwait mwaitx rdpid rdpmc rdpru rdrand rdseed rdtscp serialize sfence stac stmxcsr
    swapgs syscall sysenter sysexit sysret tpause umonitor umwait vmcall vmmcall xgetbv xrstor
    xrstors xsave xsavec xsaveopt xsaves xsetbv
""".split())

# After x86-64-v1 (System V ABI, AMD64 supplement, table "Micro-Architecture Levels").
# The long NOP, endbr64 and SSE2 are part of v1 or execute on it.
AFTER_X86_64 = tuple((pattern, extension) for extension, patterns in (
    ("SSE3", "addsubp? haddp? hsubp? lddqu movddup movshdup movsldup fisttp monitor mwait"),
    ("SSSE3", "pabs? palignr phadd* phsub* pmaddubsw pmulhrsw pshufb psign?"),
    ("SSE4.1", """blend* dpp? extractps insertps movntdqa mpsadbw packusdw pblend* pcmpeqq pextrb
        pextrd pextrq phminposuw pinsrb pinsrd pinsrq pmaxsb pmaxsd pmaxud pmaxuw pminsb pminsd
        pminud pminuw pmovsx* pmovzx* pmuldq pmulld ptest round[ps][ds]"""),
    ("SSE4.2", "crc32 pcmpestr? pcmpistr? pcmpgtq popcnt"),
    ("SSE4a", "extrq insertq movntsd movntss lzcnt"),
    ("AES or PCLMUL", "aes* pclmul*"),
    ("SHA", "sha1* sha256*"),
    ("BMI or ADX", """andn bextr blsi blsmsk blsr bzhi mulx pdep pext rorx sarx shlx shrx adcx
        adox"""),
    ("CMPXCHG16B", "cmpxchg16b"),
    ("MOVBE", "movbe"),
    ("RDRAND", "rdrand rdseed"),
    ("XSAVE", "xsave* xrstor* xgetbv xsetbv"),
    ("FSGSBASE", "rdfsbase rdgsbase wrfsbase wrgsbase"),
    ("AVX", "v*"),
) for pattern in patterns.split())
NOT_AVX = ("verr", "verw", "vmcall", "vmmcall")


def _stem(mnemonic):
    """The instruction's own name: capstone puts prefixes before it."""
    words = mnemonic.split()
    if len(words) > 1 and all(word in PREFIXES for word in words[:-1]):
        return words[-1]
    return mnemonic


def _is_two_byte_opcode(encoding):
    return encoding.lstrip(LEGACY_PREFIX_BYTES)[:1] == b"\x0f"


def _newer(stem):
    for pattern, extension in NEWER:
        if fnmatchcase(stem, pattern):
            return extension
    return f"{stem!r} (MMX, SSE or another extension that came after it)"


def judge_pentium(mnemonic, encoding):
    """None, or what the Pentium lacks to execute this."""
    stem = _stem(mnemonic)
    if stem == NO_INSTRUCTION:
        return UNKNOWN
    if stem not in PENTIUM:
        return "the i586 has no " + _newer(stem)
    if stem == "nop" and _is_two_byte_opcode(encoding):
        return "the i586 has no long NOP (0F 1F, Pentium Pro)"
    return None


def judge_pentium_kernel(mnemonic, encoding):
    """As judge_pentium, for a kernel, which asks CPUID before system instructions."""
    if _stem(mnemonic) in KERNEL_ASKS_FIRST or mnemonic == NO_INSTRUCTION:
        return None
    return judge_pentium(mnemonic, encoding)


@cache
def _after_x86_64(stem):
    if stem in NOT_AVX:
        return None
    return next((extension for pattern, extension in AFTER_X86_64 if fnmatchcase(stem, pattern)),
                None)


def judge_x86_64(mnemonic, encoding):
    """None, or what the first x86_64 processors lack to execute this."""
    if mnemonic == NO_INSTRUCTION:
        return UNKNOWN
    extension = _after_x86_64(_stem(mnemonic))
    return f"not every x86_64 has {extension}" if extension else None


def judge_x86_64_kernel(mnemonic, encoding):
    """A 64-bit kernel chooses its code paths by CPUID throughout: nothing to hold against it."""
    return None


CPUS = {
    "i586": Cpu("i586", "EM_386", 32, judge_pentium),
    "x86_64": Cpu("x86_64", "EM_X86_64", 64, judge_x86_64),
}
KERNEL_CPUS = {
    "i586": Cpu("i586", "EM_386", 32, judge_pentium_kernel),
    "x86_64": Cpu("x86_64", "EM_X86_64", 64, judge_x86_64_kernel),
}
