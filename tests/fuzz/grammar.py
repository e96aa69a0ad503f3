"""Damage to SIP messages that knows their grammar: most of it still looks like SIP.

    mutate(data, chance, pool) -> bytes

A message is taken apart into lines (Draft), a few of MUTATORS change them, and it is put
together again. `pool` has header lines that the box under test wrote itself: its Via, its
sealed Record-Route, challenges. What they can do in the wrong place is what is to be found out.
"""

from app.sip.scan import COMPACT

NUMBERS = (b"0", b"1", b"-1", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648",
           b"4294967295", b"4294967296", b"9223372036854775808", b"9" * 40, b"007", b"", b"1e9",
           b"0x10", b"1_0", b" 1", b"\xd9\xa1")  # fmt: skip
# What breaks parsers: delimiters, ends, blanks, NUL, bytes that are no UTF-8.
SPLINTERS = (b"\r\n", b"\n", b"\r", b" ", b"\t", b";", b",", b":", b"<", b">", b'"', b"\\", b"%",
             b"=", b"@", b"?", b"[", b"]", b"\x00", b"\xff", b"\xc3", b"\r\n ", b"\r\n\r\n", b"*",
             b"/", b"SIP/2.0", b"Via: ", b"\r\nTo: x", b"\\\"", b"%00", b"%", b"%zz", b"&", b"'")
URIS = (b"sip:", b"sip:@", b"sips:201@example.org", b"tel:+1;phone-context=x", b"sip:[2001:db8::1]",
        b"sip:201@[::ffff:192.0.2.10]:5060", b"sip:201@192.0.2.10:5060", b"sip:201@example.org:0",
        b"sip:192.0.2.10;lr", b"sip:a:b@c:d@e", b"sip:%32%30%31@example.org", b"*", b"urn:x:y",
        b"<sip:<sip:201@example.org>>", b"sip:201@example.org;transport=tcp;maddr=192.0.2.77",
        b"sip:201@example.org?Route=%3Csip:x%3E&Replaces=a&body=b", b"sip:" + b"a" * 1100 + b"@b",
        b"sip:201@example.org;a=b" + b";c" * 110, b"SIP:201@EXAMPLE.ORG.", b"sip:1@999.1.1.1",
        b"sip:1@0.0.0.0:70000", b"http://example.org/", b"sip:201%00@example.org", b"data:,x")
PARAMS = (b";lr", b";maddr=203.0.113.9", b";received=203.0.113.9", b";rport=1", b";rport", b";tag=",
          b";tag=x", b";branch=z9hG4bK", b";branch=z9hG4bKx", b";q=1.5", b";q=-1", b";expires=0",
          b";expires=99999999999", b';+sip.instance="<urn:uuid:0>"', b";reg-id=1", b";ob",
          b";alias=192.0.2.1~5060~1", b";transport=ws", b";ttl=256", b';x="a;b,c"', b";x=\"", b";;",
          b";=", b";lr=on;ftag=x", b";keep", b";comp=sigcomp", b";method=INVITE", b";user=phone")
METHODS = (b"INVITE", b"ACK", b"BYE", b"CANCEL", b"REGISTER", b"OPTIONS", b"UPDATE", b"PRACK",
           b"INFO", b"MESSAGE", b"SUBSCRIBE", b"NOTIFY", b"REFER", b"PUBLISH", b"invite", b"X",
           b"SIP/2.0", b"")  # fmt: skip
NAMES = (b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Max-Forwards", b"Route",
         b"Record-Route", b"Content-Length", b"Content-Type", b"Expires", b"Require", b"Path",
         b"Proxy-Require", b"Authorization", b"Proxy-Authorization", b"Supported", b"Event",
         b"RAck", b"RSeq", b"Reason", b"Session-Expires", b"Privacy", b"P-Asserted-Identity",
         b"Remote-Party-ID", b"Refer-To", b"Replaces", b"Max-Breadth", b"Identity", b"Date",
         b"Retry-After", b"Flow-Timer", b"Service-Route", b"Allow-Events", b"Subscription-State",
         b"Accept", b"Timestamp", b"User-Agent", b"Unsupported", b"WWW-Authenticate", b"X")
LETTERS = tuple([(COMPACT[each].encode(), each.encode()) for each in sorted(COMPACT)])
SDP_LINES = (b"m=audio 4000 RTP/AVP 0", b"m=video 0 RTP/AVP 31", b"c=IN IP6 ::1", b"a=sendonly",
             b"c=IN IP4 192.0.2.10", b"a=rtcp:70000", b"a=rtcp-mux", b"m=audio 1/9999 RTP/AVP 0",
             b"a=candidate:1 1 UDP 1 192.0.2.1 1 typ host", b"m=", b"c=", b"v=1", b"x", b"a=",
             b"m=message 9 TCP/MSRP *", b"c=IN IP4 host.example.org", b"c=IN IP4 224.2.1.1/127/3",
             b"m=image 4002 udptl t38", b"o=- 1 1 IN IP4", b"m=audio 65535 RTP/SAVP 0")
MANY = (2, 13, 99, 100, 101, 130)
LONGEST = 20000  # octets: more than what is read at all, see app.sip.message.HEAD_LIMIT


class Draft:
    """A message as its lines: `start`, `headers` ([bytes], folds kept whole) and `body`."""

    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        self.start = lines[0]
        self.headers = lines[1:]
        self.end = b"\r\n"

    def to_bytes(self):
        lines = [self.start] + self.headers
        return self.end.join(lines + [b"", b""]) + self.body

    def at(self, chance):
        """-> index of some header; one is made where there is none."""
        if not self.headers:
            self.headers.append(b"X: 1")
        return chance.below(len(self.headers))

    def find(self, name):
        """-> index of the first header of that name, None where there is none."""
        for at in range(len(self.headers)):
            if self.headers[at].lower().startswith(name + b":"):
                return at
        return None


def mutate(data, chance, pool=()):
    """-> `data` with one to four changes; one time in eight its bytes are hurt as well."""
    draft = Draft(data)
    for _ in range(1 + chance.below(4)):
        chance.pick(MUTATORS)(draft, chance, pool)
    data = draft.to_bytes()
    if chance.one_in(8):
        data = splinter(data, chance)
    return data[:LONGEST]


def splinter(data, chance):
    """-> data with pieces cut out, put in, doubled, replaced, flipped, or without its end."""
    for _ in range(1 + chance.below(3)):
        at = chance.below(len(data) + 1)
        end = min(len(data), at + chance.below(9))
        middle = data[at:end]
        kind = chance.below(6)
        if kind == 0:
            middle = b""
        elif kind == 1:
            middle = chance.pick(SPLINTERS) + middle
        elif kind == 2:
            middle = middle + middle
        elif kind == 3:
            middle = bytes([byte ^ 1 << chance.below(8) for byte in middle])
        elif kind == 4 and chance.one_in(4):
            return data[:at]
        else:
            middle = chance.pick(SPLINTERS)
        data = data[:at] + middle + data[end:]
    return data


# Whole headers


def repeat(draft, chance, pool):
    line = draft.headers[draft.at(chance)]
    draft.headers.insert(chance.below(len(draft.headers) + 1), line)


def drop(draft, chance, pool):
    del draft.headers[draft.at(chance)]


def move(draft, chance, pool):
    line = draft.headers.pop(draft.at(chance))
    draft.headers.insert(chance.below(len(draft.headers) + 1), line)


def rename(draft, chance, pool):
    at = draft.at(chance)
    _, _, value = draft.headers[at].partition(b":")
    draft.headers[at] = chance.pick(NAMES) + b":" + value


def add(draft, chance, pool):
    value = chance.pick((chance.pick(NUMBERS), b"<" + chance.pick(URIS) + b">", b"100rel", b""))
    line = chance.pick(NAMES) + b": " + value
    draft.headers.insert(chance.below(len(draft.headers) + 1), line)


def foreign(draft, chance, pool):
    """A line that the box wrote, in a message where it did not."""
    if pool:
        line = chance.pick(pool)
        if chance.one_in(3):
            line = chance.pick(NAMES) + b":" + line.partition(b":")[2]
        draft.headers.insert(chance.below(len(draft.headers) + 1), line)


def respell(draft, chance, pool):
    """Compact and long names, other cases, blanks before the colon."""
    at = draft.at(chance)
    name, _, value = draft.headers[at].partition(b":")
    kind = chance.below(4)
    for long, short in LETTERS if kind < 2 else ():
        if name.lower() == long:
            name = short
        elif name.lower() == short:
            name = long
        else:
            continue
        break
    if kind == 2:
        name = name.upper() if chance.one_in(2) else name.lower()
    elif kind == 3:
        name += chance.pick((b" ", b"\t", b" \r\n "))
    draft.headers[at] = name + b":" + value


def fold(draft, chance, pool):
    at = draft.at(chance)
    pieces = draft.headers[at].split(b" ")
    if len(pieces) > 1:
        cut = 1 + chance.below(len(pieces) - 1)
        line = b" ".join(pieces[:cut]) + chance.pick((b"\r\n ", b"\r\n\t ", b" \r\n  "))
        draft.headers[at] = line + b" ".join(pieces[cut:])


# Values


def number(draft, chance, pool):
    """A number at the edge of something in the place of another."""
    at = draft.at(chance)
    line = draft.headers[at]
    start = line.find(b":") + 1 + chance.below(len(line) + 1)
    for begin in range(start, len(line)):
        if 48 <= line[begin] <= 57:
            end = begin
            while end < len(line) and 48 <= line[end] <= 57:
                end += 1
            draft.headers[at] = line[:begin] + chance.pick(NUMBERS) + line[end:]
            return


def long_list(draft, chance, pool):
    at = draft.at(chance)
    name, _, value = draft.headers[at].partition(b":")
    draft.headers[at] = name + b":" + b",".join([value] * chance.pick(MANY))


def params(draft, chance, pool):
    at = draft.at(chance)
    count = chance.pick(MANY) if chance.one_in(6) else 1
    draft.headers[at] += b"".join([chance.pick(PARAMS) for _ in range(count)])


def param_within(draft, chance, pool):
    """A parameter of the URI, not of the header."""
    at = draft.at(chance)
    draft.headers[at] = draft.headers[at].replace(b">", chance.pick(PARAMS) + b">", 1)


def uri(draft, chance, pool):
    """Another URI, in a header or in the start line."""
    if chance.one_in(3):
        words = draft.start.split(b" ")
        if len(words) > 1:
            words[1] = chance.pick(URIS)
            draft.start = b" ".join(words)
        return
    at = draft.at(chance)
    before, _, rest = draft.headers[at].partition(b"<")
    _, mark, after = rest.partition(b">")
    if mark:
        draft.headers[at] = before + b"<" + chance.pick(URIS) + b">" + after


def quote(draft, chance, pool):
    at = draft.at(chance)
    name, _, value = draft.headers[at].partition(b":")
    kind = chance.below(4)
    if kind == 0:
        value = b' "' + chance.pick(SPLINTERS) + b'"' + value
    elif kind == 1:
        value = value.replace(b'"', b"")
    elif kind == 2:
        value = value.replace(b"=", b'="') + b'"'
    else:
        value = b' "' + b"\\" * (1 + chance.below(3)) + b'"' + value
    draft.headers[at] = name + b":" + value


def exchange(draft, chance, pool):
    """The value of one header in another."""
    at, other = draft.at(chance), draft.at(chance)
    name = draft.headers[at].partition(b":")[0]
    draft.headers[at] = name + b":" + draft.headers[other].partition(b":")[2]


def credentials(draft, chance, pool):
    """One parameter of a digest less, more, twice or other."""
    for name in (b"proxy-authorization", b"authorization"):
        at = draft.find(name)
        if at is None:
            continue
        pieces = draft.headers[at].split(b",")
        nth = chance.below(len(pieces))
        kind = chance.below(5)
        if kind == 0:
            del pieces[nth]
        elif kind == 1:
            pieces.insert(nth, pieces[nth])
        elif kind == 2:
            pieces[nth] = pieces[nth].partition(b"=")[0] + b"=" + chance.pick(NUMBERS)
        elif kind == 3:
            pieces[nth] = pieces[nth].partition(b"=")[0] + b'=""'
        else:
            pieces.append(chance.pick((b" algorithm=SHA-256", b" qop=auth-int", b" nc=00000000",
                                       b" username*=UTF-8''200", b" userhash=true")))  # fmt: skip
        draft.headers[at] = b",".join(pieces)
        return


# Start line, body, frame


def start_line(draft, chance, pool):
    words = draft.start.split(b" ")
    kind = chance.below(5)
    if kind == 0:
        words[0] = chance.pick(METHODS)
    elif kind == 1:
        words[-1] = chance.pick((b"SIP/2.0", b"SIP/3.0", b"sip/2.0", b"SIP/2", b"HTTP/1.1", b""))
    elif kind == 2:
        words = [b"SIP/2.0", chance.pick(NUMBERS + (b"100", b"180", b"200", b"699")), b"x"]
    elif kind == 3:
        words.insert(1, b"")
    else:
        draft.start = chance.pick((b"\r\n", b"\r\n\r\n", b" ", b"\n")) + draft.start
        return
    draft.start = b" ".join(words)


def method(draft, chance, pool):
    """Another method in the start line, in CSeq, or in both."""
    name = chance.pick(METHODS)
    if not chance.one_in(3):
        draft.start = name + b" " + draft.start.partition(b" ")[2]
    at = draft.find(b"cseq")
    if at is not None and not chance.one_in(3):
        draft.headers[at] = draft.headers[at].rpartition(b" ")[0] + b" " + name


def length(draft, chance, pool):
    at = draft.find(b"content-length")
    line = b"Content-Length: " + chance.pick(NUMBERS + (str(len(draft.body)).encode(),) * 9)
    if at is None:
        draft.headers.append(line)
    else:
        draft.headers[at] = line


def body(draft, chance, pool):
    """Lines of an SDP more, less, twice, other; Content-Length follows most of the time."""
    lines = draft.body.split(b"\r\n")
    for _ in range(1 + chance.below(3)):
        at = chance.below(len(lines))
        kind = chance.below(4)
        if kind == 0:
            lines.insert(at, chance.pick(SDP_LINES))
        elif kind == 1:
            lines[at] = chance.pick(SDP_LINES)
        elif kind == 2:
            lines[at:at] = [lines[at]] * chance.pick((1, 7, 8, 9, 300))
        elif len(lines) > 1:
            del lines[at]
    draft.body = b"\r\n".join(lines)
    _fit(draft, chance)


def multipart(draft, chance, pool):
    """The body as one of several parts."""
    mark = b"--" + chance.pick((b"b", b"", b'"', b"x" * 80))
    part = mark + b"\r\nContent-Type: " + chance.pick((b"application/sdp", b"text/plain", b"x"))
    parts = [part + b"\r\n\r\n" + draft.body] * chance.pick((1, 2, 3, 20))
    draft.body = b"\r\n".join(parts) + b"\r\n" + mark + chance.pick((b"--\r\n", b"", b"--"))
    at = draft.find(b"content-type")
    line = b"Content-Type: multipart/mixed;boundary=" + chance.pick((mark[2:], b"other", b'"b"'))
    if at is None:
        draft.headers.append(line)
    else:
        draft.headers[at] = line
    _fit(draft, chance)


def _fit(draft, chance):
    at = draft.find(b"content-length")
    if at is not None and not chance.one_in(8):
        draft.headers[at] = b"Content-Length: " + str(len(draft.body)).encode()


def line_ends(draft, chance, pool):
    if chance.one_in(4):
        draft.end = chance.pick((b"\n", b"\r", b"\r\r\n"))


MUTATORS = (
    repeat, drop, move, rename, add, foreign, foreign, respell, fold, number, number, long_list,
    params, params, param_within, uri, uri, quote, exchange, credentials, credentials, start_line,
    method, length, body, body, multipart, line_ends,
)  # fmt: skip
