"""A bad line on the loopback: a UDP relay that loses SIP messages. Needs no privileges.

It decides for each message whether its first copy is lost. So one that is repeated as RFC
3261 17 says always arrives in the end, within known time, however the copies of many calls
interleave; with plain random loss a test would fail once in a while for want of luck.
"""

import random
import select
import socket
import threading

from tests.peers.address import LOOPBACK, Target

IDENTITY = (b"via:", b"call-id:", b"cseq:")  # with the first line: what copies share


class Loss:
    """Says of each datagram in turn whether it is lost.

    chance: how likely a message loses its first copy; chance / (1 + chance) of all datagrams
    are lost then.
    """

    def __init__(self, chance, seed):
        self._random = random.Random(seed)
        self._chance = chance
        self._seen = set()

    def drops(self, data):
        key = identity(data)
        if key in self._seen:
            return False
        self._seen.add(key)
        return self._random.random() < self._chance


def identity(data):
    """-> bytes that all copies of a message have in common, also when a nonce in it differs."""
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return b"\n".join(lines[:1] + [line for line in lines if line.lower().startswith(IDENTITY)])


class LossyLink:
    """Passes datagrams between clients of `self.target` and `target`, and loses some.

    Each client gets a port of its own towards the target, as behind a NAT. chance, seed: of
    Loss, for each direction.
    """

    def __init__(self, target, chance=0.4, seed=1, host=LOOPBACK):
        self._far = tuple(target)
        self._front = self._open(host)
        self.target = Target(*self._front.getsockname())
        self._host = host
        self._to_far, self._to_near = Loss(chance, seed), Loss(chance, seed + 1)
        self._clients = {}  # address -> socket towards the target
        self._owners = {}  # that socket -> address
        self._wake, self._stop = socket.socketpair()
        self.passed = self.dropped = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.send(b"x")
        self._thread.join()
        for opened in [self._front, self._wake, self._stop, *self._owners]:
            opened.close()

    @property
    def share(self):
        """-> float, 0 to 1: of all datagrams that came, how many were lost."""
        return self.dropped / max(1, self.dropped + self.passed)

    def _open(self, host):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((host, 0))
        return opened

    def _run(self):
        while True:
            ready, _, _ = select.select([self._wake, self._front, *self._owners], [], [])
            if self._wake in ready:
                return
            for opened in ready:
                self._pass_on(opened)

    def _pass_on(self, opened):
        try:
            data, source = opened.recvfrom(65535)
        except ConnectionRefusedError:  # ICMP of an earlier datagram
            return
        if opened is self._front:
            self._forward(data, self._client(source), self._far, self._to_far)
        elif source == self._far:
            self._forward(data, self._front, self._owners[opened], self._to_near)

    def _forward(self, data, opened, to, loss):
        if loss.drops(data):
            self.dropped += 1
        else:
            self.passed += 1
            opened.sendto(data, to)

    def _client(self, address):
        if address not in self._clients:
            opened = self._open(self._host)
            self._clients[address] = opened
            self._owners[opened] = address
        return self._clients[address]
