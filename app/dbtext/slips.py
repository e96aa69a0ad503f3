r"""What people get wrong in a row, found by its looks: the printed `\\:` and its kin."""

from app.dbtext.values import printable

COMMENT_STARTS = (b"#", b";")
# Schemes whose ':' is written without its backslash, or with two.
SCHEMES = (b"sip", b"sips", b"tel", b"http", b"https")


def is_comment(line):
    """Whether the line looks like a comment, which dbtext does not have."""
    return line[:1] in COMMENT_STARTS or line[:2] == b"//"


def doubled_backslash(fields, too_many):
    r"""The offset of a `\\:` that was meant as `\:`, or -1.

    It is one when the field before it is `sip\\` and nothing else; in a row of too many
    fields, wherever it stands.
    """
    at = 0
    for field in fields[:-1]:
        if field.endswith(b"\\\\") and (too_many or field[:-2].lower() in SCHEMES):
            return at + len(field) - 2
        at += len(field) + 1
    return -1


def bare_scheme(fields):
    """The offset of the ':' of an unescaped `sip:...`, or -1."""
    at = 0
    for field in fields[:-1]:
        if field.lower() in SCHEMES:
            return at + len(field)
        at += len(field) + 1
    return -1


def joined(line, at, backslashes, delimiter):
    """How the value is to be written whose delimiter, after `backslashes`, ended it at `at`."""
    start = line.rfind(delimiter, 0, at) + 1
    rest = at + backslashes + 1
    end = line.find(delimiter, rest)
    tail = line[rest:end] if end >= 0 else line[rest:]
    return printable(line[start:at] + b"\\" + delimiter + tail, 80)
