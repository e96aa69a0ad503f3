"""One field: from its bytes to a value and back.

The grammar is that of the state DBT_DATA_ST in Kamailio's db_text/dbt_file.c; the
output is that of dbt_print_table in the same file. Both are the same in SER 0.9.
"""

from math import copysign, frexp

from app.dbtext.errors import Doubt, Fault

INT_MAX = 2147483647
INT_MIN = -2147483648
# What we take beyond the originals' 32 bits: 18 digits fit 64 bits on any build.
MAX_DIGITS = 18
# A double has 15 to 17 digits; more in front of the point would not be what was written.
MAX_WHOLE_DIGITS = 15
MAX_FRACTION_DIGITS = 17

ESCAPES = {0x6E: b"\n", 0x72: b"\r", 0x74: b"\t", 0x5C: b"\\", 0x30: b"\0"}
BACKSLASH = 0x5C


def wrapped(number):
    """What a C int makes of the number: the 32-bit wrap of SER and Kamailio."""
    return (number - INT_MIN) % 4294967296 + INT_MIN


def parse_int(field):
    """`-?[0-9]+`; past 32 bits the value is in a Doubt."""
    digits = field[1:] if field[:1] == b"-" else field
    if not digits.isdigit():
        raise Fault(0, "is not a whole number", "write digits only, such as 3600")
    if len(digits) < 10:
        return int(field.decode())
    if len(digits) > MAX_DIGITS:
        raise Fault(0, f"has {len(digits)} digits", f"write a number up to {INT_MAX}")
    number = int(field.decode())
    if INT_MIN <= number <= INT_MAX:
        return number
    raise Doubt(
        number,
        f"is past 2^31, so SER and Kamailio would read {wrapped(number)}",
        f"write at most {INT_MAX} (as a date 2038-01-19; 2000000000 is the usual 'never')",
    )


def parse_double(field):
    r"""`-?[0-9]+(\.[0-9]*)?`."""
    negative = field[:1] == b"-"
    whole, _, fraction = (field[1:] if negative else field).partition(b".")
    if not whole.isdigit() or not (fraction.isdigit() or not fraction):
        raise Fault(0, "is not a decimal number", "write it like 1 or 0.50")
    if len(whole) > MAX_WHOLE_DIGITS:
        raise Fault(0, f"has {len(whole)} digits before the point", "write a smaller number")
    if len(fraction) <= 2:
        number = int((whole + fraction).decode()) / 10 ** len(fraction)
    else:
        number = _summed(whole, fraction[:MAX_FRACTION_DIGITS])
    return -number if negative else number


def _summed(whole, fraction):
    """A double summed up digit by digit, as the originals do.

    They write two places; a third decides how it is rounded, and there the last bit counts.
    Their divisor is an int, though, and overflows at the tenth digit.
    """
    number = float(int(whole.decode()))
    divisor = 1
    for digit in fraction:
        divisor *= 10
        number += (digit - 0x30) / divisor
    return number


def unescape(field, delimiter):
    r"""Resolves `\n \r \t \\ \0` and the escaped delimiter; any other escape is a Fault."""
    pieces = []
    start = 0
    while True:
        at = field.find(b"\\", start)
        if at < 0:
            pieces.append(field[start:])
            return b"".join(pieces)
        pieces.append(field[start:at])
        escaped = field[at + 1 : at + 2]
        if not escaped:
            raise Fault(at, "ends in a lone backslash", "write \\\\ for a backslash")
        if escaped == delimiter:
            pieces.append(delimiter)
        elif escaped[0] in ESCAPES:
            pieces.append(ESCAPES[escaped[0]])
        else:
            raise Fault(
                at,
                f"has the unknown escape \\{printable(escaped)}",
                f"write \\\\ for a backslash (known: \\{delimiter.decode()} \\\\ \\n \\r \\t \\0)",
            )
        start = at + 2


def text_parser(delimiter):
    """A parser of text as UTF-8; other bytes are taken as Latin-1, in a Doubt."""

    def parse_text(field):
        if b"\\" in field:
            field = unescape(field, delimiter)
        try:
            return field.decode()
        except UnicodeError:
            pass
        raise Doubt(
            latin1(field),
            "is not UTF-8 and was read as Latin-1",
            "save the file as UTF-8 (iconv -f latin1 -t utf-8)",
        )

    return parse_text


def blob_parser(delimiter):
    """A parser of bytes as they are."""

    def parse_blob(field):
        return unescape(field, delimiter)

    return parse_blob


def latin1(data):
    """MicroPython's decode knows UTF-8 alone."""
    return "".join([chr(byte) for byte in data])


def print_str(value, delimiter):
    """Escapes exactly what dbt_print_table does. Takes str or bytes, gives bytes."""
    data = value if isinstance(value, bytes) else value.encode()
    data = data.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    data = data.replace(b"\t", b"\\t").replace(b"\0", b"\\0")
    return data.replace(delimiter, b"\\" + delimiter)


def print_double(number):
    """C's "%.2f", exactly: round half to even of the binary value, in integers.

    MicroPython's own formatting rounds differently and turns to exponents.
    """
    fraction, exponent = frexp(abs(number))
    scaled = int(fraction * 9007199254740992) * 100
    shift = 53 - exponent
    if shift <= 0:
        hundredths = scaled << -shift
    else:
        hundredths = scaled >> shift
        rest = scaled - (hundredths << shift)
        half = 1 << (shift - 1)
        if rest > half or (rest == half and hundredths & 1):
            hundredths += 1
    # C prints "-0.00" for a small negative number, and for a negative zero.
    sign = "-" if copysign(1, number) < 0 else ""
    return f"{sign}{hundredths // 100}.{hundredths % 100:02d}".encode()


def printable(data, limit=40):
    """A piece of a file for a message: one line, no control characters, not too long."""
    text = []
    try:
        characters = data.decode()
    except UnicodeError:
        characters = latin1(data)
    for character in characters[:limit]:
        code = ord(character)
        plain = 32 <= code < 127 or code >= 160
        text.append(character if plain else f"\\x{code:02x}")
    return "".join(text) + ("..." if len(characters) > limit else "")
