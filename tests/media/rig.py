"""What the tests of media share: the real engine, telephones on loopback hosts, descriptions.

127.0.0.1 is the box, 127.0.0.2 and up are other hosts: Linux has all of 127/8 on loopback.
"""

import time

from app.port.engine import Engine, Quality, Stats
from app.port.net import UdpSocket

OFFER = """v=0\r
o=alice 1 1 IN IP4 HOST\r
s=-\r
c=IN IP4 HOST\r
t=0 0\r
m=audio PORT RTP/AVP 0 101\r
a=rtpmap:101 telephone-event/8000\r
"""
PORT_MIN, PORT_MAX = 22000, 22399
PATIENCE = 5.0  # seconds until a packet on loopback counts as lost
SILENCE = Quality(0, 0, 0, 0, 0, 0.0, 0.0, 0.0, None, None, 0, 0)
SPEECH = b"\x80\x00" + bytes(170)


def new_engine(port_min=PORT_MIN, port_max=PORT_MAX, **options):
    return Engine(port_min, port_max, **options)


def describe(host, port, *more):
    """-> bytes: an SDP of one audio line, with further lines at its end."""
    text = OFFER.replace("HOST", host).replace("PORT", str(port))
    if ":" in host:
        text = text.replace("IP4", "IP6")
    return (text + "".join([each + "\r\n" for each in more])).encode()


def line(sdp, start, nth=0):
    """-> str: the nth line of an SDP that starts so, or None."""
    found = [each for each in sdp.decode().split("\r\n") if each.startswith(start)]
    return found[nth] if nth < len(found) else None


def audio_port(sdp):
    return int(line(sdp, "m=audio ").split()[1])


class Phone:
    """A telephone's RTP socket on a loopback host."""

    def __init__(self, host):
        self.socket = UdpSocket(host, 0)
        self.host = host
        self.port = self.socket.port

    def sdp(self, *more):
        return describe(self.host, self.port, *more)

    def send(self, port, data=SPEECH, host="127.0.0.1"):
        assert self.socket.send(data, host, port)

    def hears(self, data=SPEECH):
        """-> bool: the next packet that arrives is this one. Waits for it."""
        deadline = time.time() + PATIENCE
        while time.time() < deadline:
            got = self.socket.receive()
            if got:
                return got[0] == data
            time.sleep(0.001)
        return False

    def is_quiet(self):
        return self.socket.receive() is None

    def close(self):
        self.socket.close()


def wait_until(fact):
    """Waits for a count of the engine: a packet may still be on its way into the socket."""
    deadline = time.time() + PATIENCE
    while not fact():
        assert time.time() < deadline, "it did not come about"
        time.sleep(0.001)


class RecordingEngine:
    """An engine of the same face without sockets; `calls` has what it was told."""

    def __init__(self, limit=100):
        self.fd = -1
        self.timeout = 60
        self.limit = limit
        self.calls = []
        self.clocks = []  # that set_peer was told
        self.open_handles = []
        self.silent = []  # handles that expired() tells, and stats() says so
        self._next = 1

    def open(self, offerer, answerer):
        if len(self.open_handles) == self.limit:
            raise OSError(98)
        handle = self._next
        self._next += 1
        self.open_handles.append(handle)
        self.calls.append(("open", handle, offerer, answerer))
        return handle, 30000 + 4 * handle, 30002 + 4 * handle

    def set_peer(self, handle, side, allowed, rtp=None, rtcp=None, relatch=False, muted=False,
                 clock=8000):  # fmt: skip
        assert handle in self.open_handles
        self.calls.append(("peer", handle, side, allowed, rtp, rtcp, relatch, muted))
        self.clocks.append(clock)

    def set_timeout(self, handle, seconds):
        assert handle in self.open_handles
        self.calls.append(("timeout", handle, seconds))

    def stats(self, handle):
        assert handle in self.open_handles
        return Stats((), (SILENCE, SILENCE), 0.0, handle in self.silent)

    def expired(self):
        return self.silent

    def close(self, handle):
        stats = self.stats(handle)
        self.open_handles.remove(handle)
        self.calls.append(("close", handle))
        return stats

    def last(self, *start):
        """-> the latest call that starts so, or None."""
        for call in reversed(self.calls):
            if call[: len(start)] == start:
                return call
        return None
