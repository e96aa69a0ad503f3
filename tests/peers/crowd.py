"""A crowd of strangers: connections from many loopback addresses that are idle, or drip."""

import resource
import selectors
import socket
import threading
import time

DRIP = 0.5  # seconds between two bytes of a message
MESSAGE = b"REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/TCP "


class Crowd:
    """with Crowd(target, 2048): so many connections are held, and made anew when they are closed.

    hosts: how many addresses they come from, 127.1.0.1 and following; every other one sends
    `first`, and then byte by byte of MESSAGE. bounded: it makes at most `most` connections.
    """

    def __init__(self, target, count, hosts=64, first=b"", most=20000):
        self.target, self.count, self.hosts, self.first = target, count, hosts, first
        self.left = most
        self.made = self.closed = 0
        self._selector = selectors.DefaultSelector()
        self._held = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.count + 256
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
        while len(self._held) < self.count:
            self._connect()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        for each in self._held:
            each.close()
        self._selector.close()

    def _connect(self):
        if not self.left:
            return
        self.left -= 1
        new = socket.socket()
        host = self.made % self.hosts
        self.made += 1
        try:
            new.bind((f"127.1.{host // 250}.{1 + host % 250}", 0))
            new.settimeout(2)
            new.connect(self.target)
            new.setblocking(False)
            if self.made % 2:
                new.send(self.first)
        except OSError:  # refused, or closed at once: as good as closed later
            new.close()
            self.closed += 1
            return
        self._held.append(new)
        self._selector.register(new, selectors.EVENT_READ)

    def _run(self):
        at = 0
        while not self._over.is_set():
            for key, _ in self._selector.select(0.05):
                self._read(key.fileobj)
            for each in self._held[::2]:
                self._send(each, MESSAGE[at % len(MESSAGE)])
            at += 1
            until = time.monotonic() + DRIP
            while len(self._held) < self.count and self.left and time.monotonic() < until:
                self._connect()
            self._over.wait(max(0, until - time.monotonic()))

    def _read(self, sock):
        try:
            if sock.recv(4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(sock)

    def _send(self, sock, octet):
        try:
            sock.send(bytes([octet]))
        except BlockingIOError:
            pass
        except OSError:
            self._drop(sock)

    def _drop(self, sock):
        if sock in self._held:
            self._held.remove(sock)
            self._selector.unregister(sock)
            sock.close()
            self.closed += 1
