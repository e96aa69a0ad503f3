"""A real name server: dnsmasq on a port of the loopback, with the records of the test alone."""

import signal

from tests.peers.address import LOOPBACK, free_ports
from tests.peers.process import Program, require, wait_until


class NameServer:
    """dnsmasq, run by this user, that asks nobody else.

    hosts: {name: address}; srv: [(service, target, port, priority, weight)]; naptr: [(name,
    order, preference, service, replacement)]; aliases: {name: name}, CNAMEs. All below `domain`.
    """

    def __init__(self, folder, domain, hosts=None, srv=(), naptr=(), aliases=None):
        self.host, self.port = LOOPBACK, free_ports()
        words = [
            require("dnsmasq", "dnsmasq-base"), "--keep-in-foreground", "--conf-file=/dev/null",
            "--no-resolv", "--no-hosts", "--no-daemon", "--bind-interfaces", "--pid-file=",
            f"--listen-address={self.host}", f"--port={self.port}", f"--local=/{domain}/",
            "--log-queries", "--log-facility=-",
        ]  # fmt: skip
        words += [f"--host-record={name},{address}" for name, address in (hosts or {}).items()]
        words += [f"--cname={name},{target}" for name, target in (aliases or {}).items()]
        words += ["--srv-host=" + ",".join(str(each) for each in row) for row in srv]
        words += [
            f"--naptr-record={name},{order},{preference},s,{service},,{replacement}"
            for name, order, preference, service, replacement in naptr
        ]
        self.program = Program(words, folder, folder / "dnsmasq.log")

    @property
    def place(self):
        """-> "host:port" for --dns."""
        return f"{self.host}:{self.port}"

    def __enter__(self):
        wait_until(lambda: "started" in self.program.output(), "dnsmasq has started")
        return self

    def __exit__(self, *_):
        self.program.signal(signal.SIGCONT)
        self.program.stop()

    def hang(self):
        """It answers nothing, but what comes waits for it."""
        self.program.signal(signal.SIGSTOP)

    def go_on(self):
        self.program.signal(signal.SIGCONT)

    def questions(self):
        """-> [(kind, name)] that it was asked: ("A", "host.example")."""
        found = []
        for line in self.program.output().splitlines():
            _, mark, rest = line.partition("query[")
            if mark:
                kind, _, rest = rest.partition("] ")
                found.append((kind, rest.split()[0]))
        return found
