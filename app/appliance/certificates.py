"""Certificates and keys of a site: read as far as their mistakes can be told before TLS sees them.

    chain = read_certificates(data)         # [Certificate], raises BadData
    kind, public = read_key(data)           # raises BadData
"""

from app.appliance.der import (
    BIT_STRING,
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    SET,
    UTC_TIME,
    BadData,
    Reader,
    pem_blocks,
)  # fmt: skip

LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
RSA, EC = "RSA", "EC"
OID_RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
OID_EC = b"\x2a\x86\x48\xce\x3d\x02\x01"
OID_CURVES = (b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2b\x81\x04\x00\x22")  # P-256, P-384
OID_COMMON_NAME = b"\x55\x04\x03"
OID_ALTERNATIVE_NAME = b"\x55\x1d\x11"
CONTEXT_0, CONTEXT_1, CONTEXT_3 = 0xA0, 0xA1, 0xA3
DNS_NAME, IP_ADDRESS = 0x82, 0x87
SMALLEST_RSA = 2048  # bits, as TLS libraries want it
UNUSABLE = "its kind of key cannot be used"
DAYS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)  # before each month


class Certificate:
    """names: ["sip.example.org", "*.example.org", "192.0.2.1"]; since, until: Unix seconds.

    kind: RSA or EC; public: bytes that a key must have as well; subject, issuer: DER.
    """

    def __init__(self, data):
        body = Reader(data).enter().enter()
        if body.peek() == CONTEXT_0:
            body.next()
        body.next(INTEGER)
        body.next(SEQUENCE)  # the signature's algorithm
        self.issuer = body.next(SEQUENCE)[1]
        times = body.enter()
        self.since, self.until = _seconds(*times.next()), _seconds(*times.next())
        self.subject = body.next(SEQUENCE)[1]
        self.kind, self.public = _public_key(body.enter())
        self.names = []
        while not body.is_over():
            tag, content = body.next()
            if tag == CONTEXT_3:
                self.names = _alternative_names(Reader(content).enter())
        self.names = self.names or _common_names(Reader(self.subject))

    def serves(self, name):
        """Say whether it is for that server name (RFC 6125 6.4: a wildcard is one label)."""
        wild = "*." + name.partition(".")[2]
        return name in self.names or wild in self.names


def read_certificates(data):
    """Return [Certificate] of a PEM file, in its order."""
    found = []
    for label, content, line in pem_blocks(data):
        if label in ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"):
            try:
                found.append(Certificate(content))
            except (BadData, UnicodeError) as error:
                raise BadData(f"a certificate that cannot be read: {error}", line)
    if not found:
        raise BadData("there is no certificate in it (-----BEGIN CERTIFICATE-----)")
    return found


def read_key(data):
    """Return (kind, public part or None where the key does not say) of a PEM file's key."""
    for label, content, line in pem_blocks(data):
        if label == "ENCRYPTED PRIVATE KEY":
            raise BadData("the key has a passphrase, which nobody could enter", line)
        if label in LABELS:
            try:
                return _private_key(label, content)
            except BadData as error:
                raise BadData(f"a key that cannot be used: {error}", line)
    raise BadData("there is no private key in it (-----BEGIN PRIVATE KEY-----)")


def _private_key(label, content):
    body = Reader(content).enter()
    body.next(INTEGER)
    if label == "RSA PRIVATE KEY":
        return RSA, _rsa(body)
    if label == "EC PRIVATE KEY":
        return EC, _ec_private(body)
    kind = _algorithm(body.enter())
    inner = Reader(body.next(OCTET_STRING)[1]).enter()
    inner.next(INTEGER)
    return (RSA, _rsa(inner)) if kind == RSA else (EC, _ec_private(inner))


def _ec_private(body):
    """The public point of an ECPrivateKey (RFC 5915), which it may leave out."""
    body.next(OCTET_STRING)
    while not body.is_over():
        tag, content = body.next()
        if tag == CONTEXT_1:
            return Reader(content).next(BIT_STRING)[1][1:]
    return None


def _rsa(body):
    modulus = body.next(INTEGER)[1].lstrip(b"\0")
    if len(modulus) * 8 < SMALLEST_RSA:
        raise BadData(f"{len(modulus) * 8} bits are too short for RSA")
    return modulus + b"," + body.next(INTEGER)[1]


def _public_key(body):
    kind = _algorithm(body.enter())
    bits = body.next(BIT_STRING)[1][1:]
    return kind, _rsa(Reader(bits).enter()) if kind == RSA else bits


def _algorithm(body):
    oid = body.next(OID)[1]
    if oid == OID_RSA:
        return RSA
    if oid != OID_EC or body.peek() != OID or body.next()[1] not in OID_CURVES:
        raise BadData(UNUSABLE)
    return EC


def _alternative_names(extensions):
    names = []
    while not extensions.is_over():
        extension = extensions.enter()
        if extension.next(OID)[1] != OID_ALTERNATIVE_NAME:
            continue
        tag, content = extension.next()
        if tag != OCTET_STRING:  # "critical" stands between
            content = extension.next(OCTET_STRING)[1]
        general = Reader(content).enter()
        while not general.is_over():
            tag, name = general.next()
            if tag == DNS_NAME:
                names.append(name.decode().lower())
            elif tag == IP_ADDRESS:
                names.append(_address(name))
    return names


def _common_names(subject):
    names = []
    while not subject.is_over():
        relative = subject.enter(SET)
        while not relative.is_over():
            pair = relative.enter()
            oid = pair.next(OID)[1]
            if oid == OID_COMMON_NAME:
                names.append(pair.next()[1].decode().lower())
    return names


def _address(packed):
    if len(packed) == 4:
        return ".".join([str(octet) for octet in packed])
    groups = [f"{packed[at] << 8 | packed[at + 1]:x}" for at in range(0, len(packed) - 1, 2)]
    return ":".join(groups)


def _seconds(tag, content):
    """Unix seconds of UTCTime or GeneralizedTime, which end in Z (RFC 5280 4.1.2.5)."""
    text = content.decode()
    if tag == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    if len(text) != 15 or text[14] != "Z" or text[:14].strip("0123456789"):
        raise BadData("a date that cannot be read")
    year, month, day, hour, minute, second = [
        int(text[at : at + (4 if at == 0 else 2)]) for at in (0, 4, 6, 8, 10, 12)
    ]
    if not 1 <= month <= 12:
        raise BadData("a date that cannot be read")
    before = year - 1
    days = (year - 1970) * 365 + before // 4 - before // 100 + before // 400 - 477
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days += DAYS[month - 1] + day - 1 + (is_leap and month > 2)
    return ((days * 24 + hour) * 60 + minute) * 60 + second
