"""RTP by hand (RFC 3550 5.1): packets with known contents, sent and received one by one."""

import socket
import struct
from collections import namedtuple

from tests.peers import sip
from tests.peers.address import LOOPBACK, family_of, free_ports

PCMU = 0
SAMPLES = 160  # of 20 ms at 8 kHz

Packet = namedtuple("Packet", ("sequence", "timestamp", "source", "payload"))


def pack(packet):
    """-> bytes of a Packet with payload type PCMU."""
    head = struct.pack("!BBHII", 0x80, PCMU, packet.sequence, packet.timestamp, packet.source)
    return head + packet.payload


def unpack(data):
    """-> Packet of received bytes."""
    _, _, sequence, timestamp, source = struct.unpack("!BBHII", data[:12])
    return Packet(sequence, timestamp, source, data[12:])


def stream(count, source, first=65500):
    """-> [Packet]: each with a payload of its own, across the wrap of the sequence number."""
    made = []
    for i in range(count):
        payload = struct.pack("!HH", source & 0xFFFF, i) * (SAMPLES // 4)
        made.append(Packet((first + i) & 0xFFFF, i * SAMPLES, source, payload))
    return made


class RtpPort:
    """A pair of UDP ports for RTP and RTCP on `host`."""

    def __init__(self, host=LOOPBACK):
        self.host = host
        self.port = free_ports(2, host)
        self.rtp = self._open(self.port)
        self.rtcp = self._open(self.port + 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.rtp.close()
        self.rtcp.close()

    def send(self, data, to):
        self.rtp.sendto(data, to)

    def receive(self, seconds=2.0):
        """-> (bytes, source), or None after that time."""
        return _receive(self.rtp, seconds)

    def receive_rtcp(self, seconds=2.0):
        return _receive(self.rtcp, seconds)

    def _open(self, port):
        opened = socket.socket(family_of(self.host), socket.SOCK_DGRAM)
        opened.bind((self.host, port))
        return opened


def _receive(opened, seconds):
    opened.settimeout(seconds)
    try:
        return opened.recvfrom(4096)
    except TimeoutError:
        return None


def exchange(sender, to, receiver, packets, patience=2.0):
    """Send each Packet when the one before has arrived. -> ([Packet] received, {sources}).

    In lock-step nothing can be overtaken or overflow; a packet that is lost is not in the list.
    """
    received, sources = [], set()
    for packet in packets:
        sender.send(pack(packet), to)
        found = receiver.receive(patience)
        if found is None:
            continue
        received.append(unpack(found[0]))
        sources.add(found[1])
    return received, sources


class Party:
    """One end of a call: leg (call.Leg), rtp (RtpPort), relay: where its packets have to go."""

    def __init__(self, leg, rtp):
        self.leg = leg
        self.rtp = rtp
        self.relay = sip.media_of(leg.body)

    def talk(self, other, count=10, source=1):
        """Send to the other party. -> ([Packet] sent, [Packet] received there, {sources})."""
        packets = stream(count, source)
        received, sources = exchange(self.rtp, self.relay, other.rtp, packets)
        return packets, received, sources
