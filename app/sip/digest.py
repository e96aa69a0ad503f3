"""Digest authentication: RFC 2617 as RFC 3261 22 uses it, with SHA-256 of RFC 7616 and RFC 8760.

No userhash (RFC 7616 3.4.4): a username is in the From of the same message anyhow.

`hashes` has md5(bytes) and sha256(bytes) -> lower-case hex str. Strings are hashed as UTF-8.
"""

from app.sip.errors import ParseError, bad
from app.sip.grammar import BLANKS, Params, is_token, quote, spans, unquote

ALGORITHMS = ("md5", "sha-256", "md5-sess", "sha-256-sess")
PRINTED = {"md5": "MD5", "sha-256": "SHA-256", "md5-sess": "MD5-sess",
           "sha-256-sess": "SHA-256-sess"}  # fmt: skip
QOPS = (None, "auth", "auth-int")
PARAM_LIMIT = 32  # of one header; RFC 2617 knows eleven
HEX = "0123456789abcdefABCDEF"


class Credentials:
    """What an Authorization or Proxy-Authorization header says. Each a str, None when absent.

    username, realm, nonce, uri, response, cnonce, opaque; qop and algorithm in lower case;
    nc: int, 0 when absent; nc_text: as received, which is what is hashed.
    """

    def __init__(self, params):
        self.username = _plain(params, "username")
        self.realm = _plain(params, "realm")
        self.nonce = _plain(params, "nonce")
        self.uri = _plain(params, "uri")
        self.response = _lower(_plain(params, "response"))
        self.cnonce = _plain(params, "cnonce")
        self.opaque = _plain(params, "opaque")
        self.qop = _lower(_plain(params, "qop"))
        self.algorithm = _lower(_plain(params, "algorithm"))
        self.nc_text = _plain(params, "nc")
        self.nc = _nonce_count(self.nc_text)


class Challenge:
    """What a WWW-Authenticate or Proxy-Authenticate header says.

    realm, nonce, opaque: str | None; algorithm: str in lower case, "md5" when absent;
    qop: [str] offered, lower case; stale: bool.
    """

    def __init__(self, params):
        self.realm = _plain(params, "realm")
        self.nonce = _plain(params, "nonce")
        self.opaque = _plain(params, "opaque")
        self.algorithm = _lower(_plain(params, "algorithm")) or "md5"
        offered = (_lower(_plain(params, "qop")) or "").split(",")
        self.qop = [word.strip(BLANKS) for word in offered if word.strip(BLANKS)]
        self.stale = _lower(_plain(params, "stale")) == "true"


def _plain(params, name):
    value = params.get(name)
    return None if value is None else unquote(value)


def _lower(text):
    return None if text is None else text.lower()


def _nonce_count(text):
    """-> int of the eight hex digits of nc (RFC 2617 3.2.2), 0 when absent."""
    if text is None:
        return 0
    if len(text) != 8 or text.strip(HEX):
        raise bad("malformed nonce count")
    return int(text, 16)


def _digest_params(text):
    """-> Params of "Digest name=value, ...", or None when it is another scheme."""
    scheme, _, rest = text.strip(BLANKS).partition(" ")
    if scheme.lower() != "digest":
        return None
    data = rest.encode()
    found = Params()
    pieces = spans(data, b",")
    if len(pieces) > PARAM_LIMIT:
        raise bad("too many digest parameters")
    for start, end in pieces:
        name, equals, value = data[start:end].decode().partition("=")
        name, value = name.strip(BLANKS), value.strip(BLANKS)
        if not equals and not name:
            continue
        if not equals or not is_token(name) or name.lower() in found:
            raise bad("malformed or repeated digest parameter")
        found.items.append((name, value))
    return found


def parse_credentials(text):
    """-> Credentials | None when the scheme is not Digest. Raises ParseError.

    username, realm, nonce, uri and response are there (RFC 2617 3.2.2), and cnonce and nc
    when qop is.
    """
    params = _digest_params(text)
    if params is None:
        return None
    found = Credentials(params)
    for value in (found.username, found.realm, found.nonce, found.uri, found.response):
        if value is None:
            raise bad("digest credentials lack a parameter")
    if found.qop is not None and (found.cnonce is None or found.nc_text is None):
        raise bad("digest credentials have qop, but no cnonce or nc")
    return found


def parse_challenge(text):
    """-> Challenge | None when the scheme is not Digest. Raises ParseError."""
    params = _digest_params(text)
    if params is None:
        return None
    found = Challenge(params)
    if found.realm is None or found.nonce is None:
        raise bad("a digest challenge lacks its realm or nonce")
    return found


def challenge(realm, nonce, stale=False, algorithm="MD5", opaque=None, qop="auth"):
    """-> str: the value of a WWW-Authenticate or Proxy-Authenticate header.

    The order is the one that SER and Kamailio send; stale only when true (RFC 2617 3.2.1).
    qop: "auth", "auth-int", "auth,auth-int", or "" for none (RFC 2069).
    """
    text = f"Digest realm={quote(realm)}, nonce={quote(nonce)}"
    if opaque:
        text += f", opaque={quote(opaque)}"
    if stale:
        text += ", stale=true"
    text += f", algorithm={algorithm}"
    return text + f", qop={quote(qop)}" if qop else text


def preferred(values):
    """-> Challenge | None of several header values: the first that answer() can answer.

    The server puts the one that it likes best in front (RFC 8760 2.3); what we do not know
    is passed over, as is what cannot be read.
    """
    for value in values:
        try:
            found = parse_challenge(value)
        except ParseError:
            continue
        if found is not None and found.algorithm in ALGORITHMS:
            if not found.qop or _qop_of(found) is not None:
                return found
    return None


def is_sha256(algorithm):
    """-> bool: what an algorithm's name in lower case (None: MD5) hashes with."""
    return (algorithm or "md5").startswith("sha-256")


def _hasher(hashes, algorithm):
    """-> function str -> hex of an algorithm's name in lower case (None: MD5)."""
    digest = hashes.sha256 if is_sha256(algorithm) else hashes.md5
    return lambda text: digest(text if isinstance(text, bytes) else text.encode())


def ha1(hashes, username, realm, password, algorithm="md5"):
    """-> hex str: H(username:realm:password), what Kamailio keeps in subscriber.ha1."""
    return _hasher(hashes, algorithm)(f"{username}:{realm}:{password}")


def response_for(hashes, method, credentials, ha1=None, password=None, body=b""):
    """-> hex str: the response that `credentials` should have carried (RFC 2617 3.2.2.1).

    Give the ha1 of their username and realm, or the password. method and body (bytes, for
    auth-int) are the request's. None when algorithm or qop is one that we do not know.
    """
    algorithm = credentials.algorithm
    if algorithm is not None and algorithm not in ALGORITHMS:
        return None
    if credentials.qop not in QOPS:
        return None
    hasher = _hasher(hashes, algorithm)
    if ha1 is None:
        ha1 = hasher(f"{credentials.username}:{credentials.realm}:{password}")
    if algorithm is not None and algorithm.endswith("-sess"):
        ha1 = hasher(f"{ha1}:{credentials.nonce}:{credentials.cnonce or ''}")
    a2 = f"{method}:{credentials.uri}"
    if credentials.qop == "auth-int":
        a2 += ":" + hasher(body)
    ha2 = hasher(a2)
    if credentials.qop is None:
        return hasher(f"{ha1}:{credentials.nonce}:{ha2}")
    middle = f"{credentials.nc_text}:{credentials.cnonce}:{credentials.qop}"
    return hasher(f"{ha1}:{credentials.nonce}:{middle}:{ha2}")


def is_right(hashes, method, credentials, ha1=None, password=None, body=b""):
    """-> bool: the response in `credentials` is the one that the secret gives."""
    expected = response_for(hashes, method, credentials, ha1, password, body)
    return expected is not None and same_secret(expected, credentials.response)


def same_secret(a, b):
    """-> bool, in a time that does not tell where two texts differ."""
    a, b = a.encode(), b.encode()
    if len(a) != len(b):
        return False
    difference = 0
    for place in range(len(a)):
        difference |= a[place] ^ b[place]
    return difference == 0


class Answer:
    """The credentials that a client makes of a Challenge; as Credentials for response_for."""

    def __init__(self, challenge, username, uri, cnonce, nc):
        self.username = username
        self.realm = challenge.realm
        self.nonce = challenge.nonce
        self.uri = uri
        self.algorithm = challenge.algorithm
        self.qop = _qop_of(challenge)
        self.cnonce = cnonce if self.qop or challenge.algorithm.endswith("-sess") else None
        self.nc_text = f"{nc:08x}" if self.qop else None
        self.opaque = challenge.opaque


def _qop_of(challenge):
    """-> the qop that a client takes of a Challenge, None when it offers none that we know."""
    for known in ("auth", "auth-int"):
        if known in challenge.qop:
            return known
    return None


def answer(hashes, challenge, method, uri, username, password, cnonce, nc=1, ha1=None, body=b""):
    """-> str: the Authorization value that a client sends upon a Challenge, or None.

    cnonce: random text of the caller; nc: 1 for a nonce's first use, then counting up; ha1:
    instead of the password, and made with the challenge's algorithm; body: the request's, for
    auth-int. None: the challenge wants what we do not know.
    """
    made = Answer(challenge, username, uri, cnonce, nc)
    response = response_for(hashes, method, made, ha1, password, body)
    if response is None or (challenge.qop and made.qop is None):
        return None
    names = ["username", "realm", "nonce", "uri"]
    text = "Digest " + ", ".join([f"{name}={quote(getattr(made, name))}" for name in names])
    text += f", response={quote(response)}, algorithm={PRINTED[made.algorithm]}"
    if made.cnonce is not None:
        text += f", cnonce={quote(made.cnonce)}"
    if made.qop:
        text += f", qop={made.qop}, nc={made.nc_text}"
    if made.opaque is not None:
        text += f", opaque={quote(made.opaque)}"
    return text


class Nonces:
    """Nonces that carry their own time and proof, so that none is kept before it is used well.

    A nonce is the second of its issue and a serial number, 8 hex digits each, and a hash of
    both keyed with the secret. Only of nonces with which somebody authenticated is the highest
    count kept (nc of RFC 2617 3.2.2, against replay), of at most `limit` at a time.
    """

    def __init__(self, hashes, secret, lifetime=300, limit=1024):
        """secret: str or bytes, 16 to 64 random octets, new at each start; lifetime in seconds."""
        self.hashes = hashes
        self.lifetime = lifetime
        self.limit = limit
        self._inner, self._outer = _pads(secret)
        self._serial = 0
        self._counts = {}  # nonce -> highest nc used
        self._forgotten = -1  # nonces issued up to this second have lost their count

    def issue(self, now):
        """-> str: a new nonce; now in seconds (float), of the clock that check() gets."""
        self._serial = (self._serial + 1) & 0xFFFFFFFF
        stamp = f"{int(now):08x}{self._serial:08x}"
        return stamp + self._proof(stamp)

    def check(self, nonce, nc, now):
        """-> "ok" | "stale" (ours, but too old or its count was used) | "bad" (not ours).

        nc: int, 0 when the client has no qop: its nonce may then be used once, as there is no
        count that would tell a request from one that somebody has recorded and sends again.
        Changes nothing: call used() once the response has proved right.
        """
        stamp = nonce[:16]
        if len(nonce) != 48 or not same_secret(nonce[16:], self._proof(stamp)):
            return "bad"
        issued = int(stamp[:8], 16)
        if not 0 <= int(now) - issued <= self.lifetime:
            return "stale"
        known = self._counts.get(nonce)
        if issued <= self._forgotten if known is None else nc <= known:
            return "stale"
        return "ok"

    def used(self, nonce, nc, now):
        """Notes that somebody authenticated with a nonce that was "ok", and its count."""
        if nonce not in self._counts and len(self._counts) >= self.limit:
            self._make_room(int(now))
        self._counts[nonce] = nc

    def _make_room(self, now):
        """Forgets nonces that are too old anyhow, else the older half, which become stale."""
        stamps = sorted([int(nonce[:8], 16) for nonce in self._counts])
        last = now - self.lifetime - 1
        if stamps[0] > last:
            last = stamps[len(stamps) // 2]
        self._forgotten = max(self._forgotten, last)
        for nonce in list(self._counts):
            if int(nonce[:8], 16) <= last:
                del self._counts[nonce]

    def _proof(self, stamp):
        """-> 32 hex digits: SHA-256 nested and keyed as in HMAC (RFC 2104 2), cut to 128 bits."""
        inner = self.hashes.sha256(self._inner + stamp.encode())
        return self.hashes.sha256(self._outer + inner.encode())[:32]


def _pads(secret):
    key = secret if isinstance(secret, bytes) else secret.encode()
    if not 16 <= len(key) <= 64:
        raise ValueError("the secret for nonces needs 16 to 64 octets")
    key = key + bytes(64 - len(key))
    return bytes([octet ^ 0x36 for octet in key]), bytes([octet ^ 0x5C for octet in key])
