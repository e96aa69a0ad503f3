"""A bad line on the loopback: a UDP relay that loses packets by a pattern that repeats.

Needs no privileges. Of every ten datagrams in each direction `lost` are dropped, which ones
is drawn from a seed: enough in a row to make every timer work, and alike in every run.
"""

import random
import select
import socket
import threading

from tests.peers.address import LOOPBACK, Target

ROUND = 10


class Pattern:
    """Says of each datagram in turn whether it is lost."""

    def __init__(self, lost, seed):
        self._random = random.Random(seed)
        self._lost = lost
        self._round = []

    def drops(self):
        if not self._round:
            self._round = [True] * self._lost + [False] * (ROUND - self._lost)
            self._random.shuffle(self._round)
        return self._round.pop()


class LossyLink:
    """Passes datagrams between clients of `self.target` and `target`, losing `lost` in ten.

    Each client gets a port of its own towards the target, as behind a NAT.
    """

    def __init__(self, target, lost=3, seed=1, host=LOOPBACK):
        self._far = tuple(target)
        self._front = self._open(host)
        self.target = Target(*self._front.getsockname())
        self._host = host
        self._to_far, self._to_near = Pattern(lost, seed), Pattern(lost, seed + 1)
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

    def _forward(self, data, opened, to, pattern):
        if pattern.drops():
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
