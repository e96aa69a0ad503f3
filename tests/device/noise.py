"""A bad serial line: a TCP relay before the console that damages what passes."""

import random
import select
import socket
import threading


class NoisyLine:
    """Relays between one client and `target` (host, port), changing, losing and adding bytes.

    `rate` is the share of bytes that are hit; `seed` makes the damage repeatable.
    """

    def __init__(self, target, rate=0.001, seed=1):
        self.target, self.rate = target, rate
        self.damaged = 0
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self):
        """The line as pyserial names it."""
        return f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._listener.close()

    def _run(self):
        while not self._ended.is_set():
            if select.select([self._listener], [], [], 0.1)[0]:
                client, _ = self._listener.accept()
                with client, socket.create_connection(self.target) as box:
                    self._relay(client, box)

    def _relay(self, client, box):
        other = {client: box, box: client}
        while not self._ended.is_set():
            for source in select.select([client, box], [], [], 0.1)[0]:
                data = source.recv(4096)
                if not data:
                    return
                other[source].sendall(self._damage(data))

    def _damage(self, data):
        passed = bytearray()
        for byte in data:
            if self._random.random() >= self.rate:
                passed.append(byte)
                continue
            self.damaged += 1
            passed += self._random.choice(
                (b"", bytes([byte ^ 1 << self._random.randrange(8)]), b"[kernel: hello]\r\n")
            )
        return bytes(passed)
