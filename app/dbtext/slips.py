r"""What people get wrong in a row, and how to say so: the printed `\\:` and its kin."""

from app.dbtext.values import printable

COMMENT_STARTS = (b"#", b";", b"//")
# Schemes whose ':' people forget to escape, as they look before the delimiter.
SCHEMES = (b"sip", b"sips", b"tel")


def comment(line):
    """Whether the line looks like a comment, which dbtext does not have."""
    for start in COMMENT_STARTS:
        if line[: len(start)] == start:
            return True
    return False


def doubled_backslash(line, fields, delimiter):
    r"""Where a `\\:` stands that was meant as `\:`, or -1.

    It is one when a field is `sip\\` and nothing else: a backslash and then the end
    of the field. Pages print it so, and people copy it.
    """
    at = 0
    for field in fields:
        for scheme in SCHEMES:
            if field.lower() == scheme + b"\\\\":
                return at + len(scheme)
        at += len(field) + 1
    return -1


def doubled_remedy(line, at, delimiter):
    """The value as it should be written, from the scheme up to the next delimiter."""
    start = line.rfind(delimiter, 0, at) + 1
    end = line.find(delimiter, at + 3)
    rest = line[at + 3 : end] if end >= 0 else line[at + 3 :]
    return printable(line[start:at] + b"\\" + delimiter + rest, 80)


def bare_scheme(fields):
    """Where a field is a lone `sip`, the value of an unescaped `sip:...`, or -1."""
    at = 0
    for field in fields[:-1]:
        if field.lower() in SCHEMES:
            return at + len(field)
        at += len(field) + 1
    return -1


def bare_remedy(line, at, delimiter):
    start = line.rfind(delimiter, 0, at) + 1
    end = line.find(delimiter, at + 1)
    rest = line[at + 1 : end] if end >= 0 else line[at + 1 :]
    return printable(line[start:at] + b"\\" + delimiter + rest, 80)
