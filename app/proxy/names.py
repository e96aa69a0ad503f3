"""What the two sides of a dialog call its parties differently: Kamailio's uac, restore_mode auto.

Outward an extension becomes its number in From, and an INVITE that a provider challenges is sent
again with the next CSeq. For as long as the dialog lasts, each side must find in every request
and response what it has said itself (RFC 3261 12.2, 8.2.6.2); tags, Call-ID and the order of CSeq
stay. Responses are put right by the request that they answer, later requests by parameters of our
Record-Route, so that nothing is kept:

    vsf  the other side's From of the one who reads this Route; vst: its To; vcs: how far CSeq is on

The texts are enciphered, for they tell what the other side is not to know, and the seal covers
them (seal.py): nobody can have us write a From of his own making.
"""

import binascii

from app.proxy.seal import BACK, MARK, ON
from app.sip.errors import ParseError
from app.sip.headers import NameAddr, parse_name_addr

FROM, TO, CSEQ = "vsf", "vst", "vcs"
PARAMS = (FROM, TO, CSEQ)
MAX_TEXT = 300  # characters of a display name with its URI; in a Route they are half as many more
MAX_AHEAD = 99  # of CSeq: one for each time that a provider has challenged


class Names:
    """What From and To of a request are to say when it is sent on (name-addr as text, without
    parameters; "" for what it says itself), and what is added to its CSeq."""

    def __init__(self, from_="", to="", cseq=0):
        self.from_ = from_
        self.to = to
        self.cseq = cseq

    def apply(self, edits, msg):
        """Writes them into the Edits of a request. Tags and other parameters stay."""
        if self.from_:
            edits.set("From", self.from_ + str(msg.from_.params))
        if self.to:
            edits.set("To", self.to + str(msg.to.params))
        if self.cseq:
            edits.set("CSeq", f"{msg.cseq.number + self.cseq} {msg.cseq.method}")
            self._move_rack(edits, msg)

    def other_side(self, msg):
        """-> Names of requests that come the other way, in the dialog that the request `msg`
        has made; None when there is nothing to say differently."""
        from_ = plain(msg.to) if self.to else ""
        to = plain(msg.from_) if self.from_ else ""
        return Names(from_, to) if from_ or to else None

    def _move_rack(self, edits, msg):
        """RFC 3262 7.2: the RAck of a PRACK names the CSeq of the INVITE."""
        pieces = (msg.header("rack") or "").split()
        if len(pieces) == 3 and pieces[1].isdigit() and len(pieces[1]) < 11:
            edits.set("RAck", f"{pieces[0]} {int(pieces[1]) + self.cseq} {pieces[2]}")

    def undo(self, edits, request, reply):
        """Writes into the Edits of a response what its request said; the To tag is the
        response's where the request had none. request, reply: the messages."""
        if self.from_:
            edits.set("From", request.header("from"))
        if self.to:
            tag = reply.to.tag
            missing = f";tag={tag}" if tag and request.to.tag is None else ""
            edits.set("To", _addressed(request.to, request.header("to")) + missing)
        if self.cseq:
            edits.set("CSeq", request.header("cseq"))


def _addressed(name_addr, text):
    """-> str: a header value that parameters can be added to: a bare URI gets its <>."""
    return text if "<" in text else str(name_addr)


def plain(name_addr):
    """-> str of a NameAddr without its parameters."""
    return str(NameAddr(name_addr.uri, name_addr.display))


class Writer:
    """Names as parameters of our Record-Route, for one dialog: its Call-ID, the tag that the
    seal is made for, and the mark of its call."""

    def __init__(self, seals, call_id, tag, mark):
        self._seals = seals
        self._dialog = (call_id, tag, mark)

    def for_receiver(self, names, msg):
        """-> str of parameters: what the receiver of a request needs to answer its sender with."""
        found = {}
        if names.from_:
            found[FROM] = self._cover(BACK, FROM, plain(msg.from_))
        if names.to:
            found[TO] = self._cover(BACK, TO, plain(msg.to))
        return _printed(found)

    def for_sender(self, names):
        """-> str of parameters: what its sender needs in the dialog that a response makes."""
        found = {}
        if names.from_:
            found[FROM] = self._cover(ON, FROM, names.from_)
        if names.to:
            found[TO] = self._cover(ON, TO, names.to)
        if names.cseq:
            found[CSEQ] = str(names.cseq)
        return _printed(found)

    def read(self, way, uri):
        """-> Names that a verified Route has for the request at hand, None for none."""
        texts = {}
        for name in (FROM, TO):
            value = uri.params.get(name)
            texts[name] = self._uncover(way, name, value) if value else ""
        if way == BACK:  # its sender is the one whom the other side called To
            texts = {FROM: texts[TO], TO: texts[FROM]}
        ahead = uri.params.get(CSEQ, "")
        cseq = int(ahead) if way == ON and 0 < len(ahead) < 3 and ahead.isdigit() else 0
        if not (texts[FROM] or texts[TO] or cseq):
            return None
        return Names(texts[FROM], texts[TO], cseq)

    def _cover(self, way, name, text):
        data = self._mixed(way, name, text.encode())
        coded = binascii.b2a_base64(data).decode().strip().rstrip("=")
        return coded.replace("+", "-").replace("/", "_")

    def _uncover(self, way, name, text):
        text = text.replace("-", "+").replace("_", "/")
        try:
            data = binascii.a2b_base64(text + "=" * (-len(text) % 4))
            return str(parse_name_addr(self._mixed(way, name, data).decode()))
        except (ValueError, ParseError):
            return ""

    def _mixed(self, way, name, data):
        """-> bytes: `data` with a stream of the dialog's own laid over it, or taken off."""
        call_id, tag, mark = self._dialog
        stream = self._seals.stream((way, name, mark, call_id, tag), len(data))
        return bytes([data[at] ^ stream[at] for at in range(len(data))])


def sealed_text(uri):
    """-> str of the parameters that a seal covers, as they are printed behind it."""
    found = {}
    for name in PARAMS:
        value = uri.params.get(name)
        if value:
            found[name] = value
    return _printed(found)


def _printed(found):
    return "".join([f";{name}={found[name]}" for name in PARAMS if name in found])


def writer_of(seals, call_id, tag, seal):
    """-> Writer for the dialog that a seal was made for."""
    return Writer(seals, call_id, tag or "", seal[:MARK])
