"""ASN.1 in DER and its PEM armour: as much as certificates and keys need (X.690, RFC 7468)."""

from binascii import a2b_base64

INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
BEGIN, END = b"-----BEGIN ", b"-----END "
DASHES = b"-----"


class BadData(Exception):
    """This is no DER, or no PEM. line: of the file, from 1; 0: not known."""

    def __init__(self, problem, line=0):
        super().__init__(problem)
        self.line = line


def pem_blocks(data):
    """Return [(label, DER, line of its BEGIN)] of a PEM file; other text is passed over."""
    found = []
    label, start, text = None, 0, []
    for at, line in enumerate(data.replace(b"\r", b"").split(b"\n")):
        line = line.strip(b" \t")
        if line.startswith(BEGIN) and line.endswith(DASHES):
            if label is not None:
                raise BadData("a block has no END line", start)
            label, start, text = line[len(BEGIN) : -len(DASHES)], at + 1, []
        elif line.startswith(END):
            if label is None or line[len(END) : -len(DASHES)] != label:
                raise BadData("an END line without its BEGIN line", at + 1)
            found.append((_text(label, start), _base64(b"".join(text), start), start))
            label = None
        elif label is not None:
            text.append(line)
    if label is not None:
        raise BadData("a block has no END line", start)
    return found


def _text(label, line):
    try:
        return label.decode()
    except UnicodeError:
        raise BadData("a label is no text", line)


def _base64(text, line):
    if b":" in text:  # RFC 1421 headers, as an encrypted key has them
        raise BadData("the block is encrypted", line)
    try:
        return bytes(a2b_base64(text))
    except ValueError:
        raise BadData("the block is no base64", line)


class Reader:
    """Walks the elements of a constructed value."""

    def __init__(self, data):
        self._data = data
        self._place = 0

    def is_over(self):
        """Say whether there is no more element."""
        return self._place >= len(self._data)

    def peek(self):
        """Return the tag of the next element, or None."""
        return None if self.is_over() else self._data[self._place]

    def next(self, tag=None):
        """Return (tag, content) of the next element; BadData where there is none of that tag."""
        _, found, content = self.whole(tag)
        return found, content

    def whole(self, tag=None):
        """Return (element with its header, tag, content)."""
        data, place = self._data, self._place
        if place + 2 > len(data) or tag not in (None, data[place]):
            raise BadData("it is cut short, or something else")
        size, start = data[place + 1], place + 2
        if size & 0x80:
            width = size & 0x7F
            if not 1 <= width <= 3 or start + width > len(data):
                raise BadData("it is cut short, or something else")
            size = 0
            for octet in data[start : start + width]:
                size = size << 8 | octet
            start += width
        if start + size > len(data):
            raise BadData("it is cut short, or something else")
        self._place = start + size
        return data[place : start + size], data[place], data[start : start + size]

    def enter(self, tag=SEQUENCE):
        """Return a Reader of the next element's content."""
        return Reader(self.next(tag)[1])
