"""A small internet of network namespaces: a switch, hosts on it, and networks behind NATs.

    lab.host("outside", "203.0.113.30/24", "2001:db8::30/64", delay=0.05, loss=0.05)
    lab.nat("home", "203.0.113.20/24", "192.168.7.1/24")
    lab.host("inside", "192.168.7.2/24", behind="home")
    with lab.inside("inside"): ...      # sockets and programs of the block live there

The NATs are Linux's: ports are drawn anew, and only who was sent to may answer, from that very
port (port-restricted, RFC 4787 address- and port-dependent filtering). Bad lines are netem's, or
those of line.py where the kernel has no netem.
"""

import os
import sys
from pathlib import Path

from tests.peers import netns
from tests.peers.process import Program, missing, require, wait_until

ROOT = Path(__file__).resolve().parents[2]
SWITCH = "net"

NAT = (
    "iptables -t nat -A POSTROUTING -o wan -j MASQUERADE --random-fully",
    "iptables -P FORWARD DROP",
    "iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED,DNAT -j ACCEPT",
    "iptables -A FORWARD -i lan -j ACCEPT",
    "iptables -A INPUT -i wan -m conntrack ! --ctstate ESTABLISHED,RELATED -j DROP",
)
FORWARD = "iptables -t nat -A PREROUTING -i wan -p {} --dport {}:{} -j DNAT --to-destination {}"


class Lab:
    """Namespaces of one test; folder: for files. with Lab(folder) as lab: gone in the end."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._mark = f"wp{os.getpid()}"
        self._spaces = []
        self._lines = []

    def __enter__(self):
        if os.geteuid() != 0:
            missing("root, for network namespaces", "run make test as root or with sudo",
                    "WAFERPBX_REQUIRE_PEERS")  # fmt: skip
        require("ip", "iproute2")
        require("iptables", "iptables")
        self._add(SWITCH)
        self._bridge(SWITCH, "switch")
        return self

    def __exit__(self, *_):
        for line in self._lines:
            line.stop()
        for space in self._spaces:
            netns.run("ip", "netns", "del", self.name(space))

    def name(self, space):
        """-> str: the namespace's name on this machine."""
        return f"{self._mark}-{space}"

    def inside(self, space):
        """-> context manager: the block runs in that namespace."""
        return netns.inside(self.name(space))

    def run(self, space, *words):
        """Run a command in a namespace. -> what it printed."""
        return netns.run("ip", "netns", "exec", self.name(space), *words)

    def host(self, space, *addresses, behind=SWITCH, delay=0, loss=0):
        """A machine with these addresses, on the switch or behind a NAT, on a bad line perhaps."""
        self._add(space)
        self._wire(space, "eth0", behind, "switch" if behind == SWITCH else "lan", delay, loss)
        self._address(space, "eth0", addresses)
        if behind != SWITCH:
            self.run(space, "ip", "route", "add", "default", "via", self._gateway(behind))

    def nat(self, space, outer, inner, forward=(), timeout=None):
        """A router with NAT: `outer` address on the switch, `inner` one towards its network.

        forward: [(first port, last port, inner address)] for UDP and TCP; timeout: seconds that
        a mapping of UDP lasts without a packet, both ways or one.
        """
        self._add(space)
        self._wire(space, "wan", SWITCH, "switch")
        self._address(space, "wan", [outer])
        self._bridge(space, "lan")
        self._address(space, "lan", [inner])
        self.run(space, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        rules = [FORWARD.format(kind, *each) for each in forward for kind in ("udp", "tcp")]
        for rule in (*NAT, *rules):
            self.run(space, *rule.split())
        if timeout:
            for name in ("udp_timeout", "udp_timeout_stream"):
                setting = f"net.netfilter.nf_conntrack_{name}={timeout}"
                self.run(space, "sysctl", "-q", "-w", setting)

    def mappings(self, space):
        """-> int: how many flows of UDP a NAT has open."""
        table = self.run(space, "cat", "/proc/net/nf_conntrack")
        return len([line for line in table.splitlines() if " udp " in line])

    # Within

    def _add(self, space):
        netns.run("ip", "netns", "add", self.name(space))
        self._spaces.append(space)
        self.run(space, "ip", "link", "set", "lo", "up")

    def _bridge(self, space, name):
        self.run(space, "ip", "link", "add", name, "type", "bridge")
        self.run(space, "ip", "link", "set", name, "up")

    def _gateway(self, space):
        shown = self.run(space, "ip", "-4", "-br", "address", "show", "lan").split()
        return shown[2].partition("/")[0]

    def _address(self, space, device, addresses):
        for address in addresses:
            more = ["nodad"] if ":" in address else []
            self.run(space, "ip", "address", "add", address, "dev", device, *more)
        self.run(space, "ip", "link", "set", device, "up")

    def _wire(self, space, device, hub, bridge, delay=0, loss=0):
        """A cable from a new device of one namespace to the bridge of another."""
        port = f"p{len(self._spaces)}"
        if (delay or loss) and not self._has_netem():
            self._bad_wire(space, device, hub, port, delay, loss)
        else:
            self.run(space, "ip", "link", "add", device, "type", "veth", "peer", "name", port,
                     "netns", self.name(hub))  # fmt: skip
        self.run(hub, "ip", "link", "set", port, "master", bridge, "up")
        if (delay or loss) and self._has_netem():
            for place, name in ((space, device), (hub, port)):
                self._impair(place, name, delay, loss)

    def _impair(self, space, device, delay, loss):
        self.run(space, "tc", "qdisc", "add", "dev", device, "root", "netem",
                 "delay", f"{delay * 1000:g}ms", "loss", f"{loss * 100:g}%")  # fmt: skip

    def _has_netem(self):
        try:
            self._impair(SWITCH, "lo", 0, 0)
        except AssertionError as error:
            assert "unknown" in str(error), error
            return False
        self.run(SWITCH, "tc", "qdisc", "del", "dev", "lo", "root")
        return True

    def _bad_wire(self, space, device, hub, port, delay, loss):
        words = [sys.executable, "-m", "tests.peers.line", self.name(space), device,
                 self.name(hub), port, delay, loss]  # fmt: skip
        line = Program(words, ROOT, self.folder / f"line-{space}")
        self._lines.append(line)

        def is_there():
            assert line.status is None, line.output()
            return port in self.run(hub, "ip", "-br", "link")

        wait_until(is_there, lambda: f"the bad line: {line.output()}")
