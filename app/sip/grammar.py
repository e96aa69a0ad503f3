"""The words of RFC 3261 25.1: tokens, numbers, quoted strings, lists and parameters.

Characters are tested by stripping a whole class from both ends: what is left over begins
with a character outside of the class. That is one call into C under either interpreter.

Blanks are SP and HTAB, always named: strip() and split() of themselves also take vertical tabs,
and under CPython the blanks of Unicode, where a peer's parser sees none.
"""

from app.sip.errors import bad

DIGITS = "0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHANUM = DIGITS + LETTERS
TOKEN = ALPHANUM + "-.!%*_+`'~"
PRINTABLE = TOKEN + '"#$&(),/:;<=>?@[\\]^{|}'
VALUE = TOKEN + "#$&()/:=?@[]^{|}"  # gen-value of RFC 3261 25.1 and what harms nobody
BLANKS = " \t"
LIST_LIMIT = 100  # values of a header, parameters of a value: more is an attack, not a call
MAX_32 = 4294967295


def is_token(text):
    return bool(text) and not text.strip(TOKEN)


def is_digits(text):
    """-> bool: ASCII digits only (str.isdigit knows others, int() takes blanks and _)."""
    return bool(text) and not text.strip(DIGITS)


def words(text):
    """-> [str]: the pieces of text between blanks."""
    pieces = text.split(" ")
    if "" not in pieces and "\t" not in text:
        return pieces
    return [piece for piece in text.replace("\t", " ").split(" ") if piece]


def number(text, limit, what):
    """-> int in 0..limit of the decimal digits `text`; ParseError names `what`."""
    digits = text.lstrip("0") if is_digits(text) else None
    if digits is None:
        raise bad(f"{what} is not a number")
    if len(digits) > 10 or int(digits or "0") > limit:
        raise bad(f"{what} exceeds {limit}")
    return int(digits or "0")


def seconds(text, malformed=None):
    """-> int: delta-seconds (RFC 3261 25.1), at most 2^32-1; `malformed` if it is none."""
    text = text.strip(BLANKS)
    if not is_digits(text):
        return malformed
    digits = text.lstrip("0") or "0"
    return min(int(digits), MAX_32) if len(digits) <= 10 else MAX_32


def to_text(data):
    """-> str of header bytes. What is not UTF-8 is read as ISO 8859-1, never refused.

    Telephones older than they admit put Latin-1 into display names (RFC 3261 7.3.1 wants
    UTF-8); as a message is forwarded as bytes, only what code looks at is affected.
    """
    try:
        return data.decode()
    except UnicodeError:
        return "".join([chr(octet) for octet in data])


def quote_end(data, start):
    """-> offset past the quoted string that opens at data[start] (bytes), or ParseError."""
    at = start + 1
    end = 0
    while True:
        if end < at:
            end = data.find(b'"', at)
        if end < 0:
            raise bad("a quotation mark is not closed")
        slash = data.find(b"\\", at, end)
        if slash < 0:
            return end + 1
        at = slash + 2  # RFC 3261 25.1 quoted-pair: the octet behind \ never ends the string


def _skip(data, at):
    """-> offset past what opens at `at`: a quoted string or a <URI>."""
    if data[at] == 34:
        return quote_end(data, at)
    end = data.find(b">", at)
    if end < 0:
        raise bad("a < is not closed")
    return end + 1


def _next(data, mark, known, at):
    """-> offset of the next `mark` from `at` on, len(data) if there is none.

    known: the last answer. It is good until `at` has passed it, so a value full of quoted
    strings or of <> is searched once, not once for each.
    """
    if known >= at:
        return known
    found = data.find(mark, at)
    return found if found >= 0 else len(data)


def spans(data, separator):
    """-> [(start, end)] of the pieces of bytes between separators.

    A separator within a quoted string or <> does not separate. Pieces are as found, blanks
    and empty ones included.
    """
    found = []
    start = at = 0
    split = mark = angle = -1
    while True:
        split = _next(data, separator, split, at)
        mark = _next(data, b'"', mark, at)
        angle = _next(data, b"<", angle, at)
        opening = min(mark, angle)
        if opening < split:
            at = _skip(data, opening)
            continue
        found.append((start, split))
        if split == len(data):
            return found
        if len(found) >= LIST_LIMIT:
            raise bad("a list has too many values")
        start = at = split + 1


def list_spans(data):
    """-> [(start, end)] of the values of a comma list in bytes, trimmed; empty ones left out."""
    found = []
    for start, end in spans(data, b","):
        piece = data[start:end]
        kept = piece.strip(b" \t")
        if kept:
            start += len(piece) - len(piece.lstrip(b" \t"))
            found.append((start, start + len(kept)))
    return found


def split_list(text):
    """-> [str]: the values of a comma list, aware of quoted strings and <>."""
    if "," not in text:
        text = text.strip(BLANKS)
        return [text] if text else []
    data = text.encode()
    return [data[start:end].decode() for start, end in list_spans(data)]


def _split_quoted(text, separator):
    data = text.encode()
    return [data[start:end].decode() for start, end in spans(data, separator)]


def unquote(text):
    """-> str: a quoted string without its marks and backslashes; other text as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    if "\\" not in text:
        return text
    pieces = text.split("\\\\")
    return "\\".join([piece.replace("\\", "") for piece in pieces])


def quote(text):
    """-> str: `text` as a quoted string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Params:
    """The ;name=value parameters of a header value or URI, in the order received.

    Names are found in any case; `items` is [(name, value)], value None without "=", else as
    received (quoted strings keep their marks, see unquote).
    """

    def __init__(self, items=None):
        self.items = items or []

    def get(self, name, default=None):
        """-> str | None: value of the first parameter `name` (lower case); "" without "="."""
        for key, value in self.items:
            if key == name or key.lower() == name:
                return "" if value is None else value
        return default

    def __contains__(self, name):
        return self.get(name) is not None

    def __len__(self):
        return len(self.items)

    def is_repeated(self, name):
        """-> bool: two parameters `name` (RFC 3261 7.3.1 forbids it): which one counts?"""
        return len([1 for key, _ in self.items if key.lower() == name]) > 1

    def set(self, name, value):
        """Gives the parameter this value (None: no "="), in its place or as the last."""
        for place, item in enumerate(self.items):
            if item[0].lower() == name:
                self.items[place] = (item[0], value)
                return
        self.items.append((name, value))

    def remove(self, name):
        self.items = [item for item in self.items if item[0].lower() != name]

    def copy(self):
        return Params(list(self.items))

    def __str__(self):
        pieces = []
        for name, value in self.items:
            pieces.append(f";{name}" if value is None else f";{name}={value}")
        return "".join(pieces)


def parse_params(text):
    """-> Params of the text behind the first ";" of a header value, blanks allowed."""
    if text.count(";") >= LIST_LIMIT:
        raise bad("too many parameters")
    pieces = _split_quoted(text, b";") if '"' in text else text.split(";")
    items = []
    for piece in pieces:
        name, equals, value = piece.partition("=")
        name = name.strip(BLANKS)
        value = value.strip(BLANKS) if equals else None
        if not is_token(name) or (equals and not _is_value(value)):
            raise bad("a parameter is empty or malformed")
        items.append((name, value))
    return Params(items)


def _is_value(value):
    """-> bool: VALUE or a quoted string."""
    if value[:1] == '"':
        data = value.encode()
        return quote_end(data, 0) == len(data)
    return bool(value) and not value.strip(VALUE)
