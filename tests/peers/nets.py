"""Networks of a test's own: hosts are network namespaces of this kernel, routers may do NAT.

    with House() as net:
        with net.inside("street"):
            phone = Phone(target, host=net.address("street"))   # its sockets stay there
        with net.inside("box"):
            box = Pbx(site, folder, host=net.address("box"), net=net.host("box"))

It takes root, or the test is skipped.
"""

import os
import subprocess

from tests.peers import netns
from tests.peers.process import missing, require


class Host:
    """One namespace. words: what goes in front of a command that is to run there."""

    def __init__(self, name):
        self.name = name
        self.words = [require("ip", "iproute2"), "netns", "exec", name]

    def inside(self):
        """-> context manager: sockets that are made meanwhile belong there while they live."""
        return netns.inside(self.name)

    def run(self, command):
        netns.run(*self.words, *command.split())


class House:
    """A house behind NAT, and the street.

    box 192.168.77.10, phone .20 and desk .21 on the router's bridge 192.168.77.1; the router's
    outer address is 203.0.113.1, and street is 203.0.113.9. The router masquerades; nothing
    comes in from the house by its outer address (no hairpin), and from the street what
    forward() lets in.
    """

    INNER = {"box": "192.168.77.10", "phone": "192.168.77.20", "desk": "192.168.77.21"}
    ROUTER, OUTER, STREET = "192.168.77.1", "203.0.113.1", "203.0.113.9"

    def __init__(self):
        self._hosts = {}

    def host(self, name):
        return self._hosts[name]

    def inside(self, name):
        return self._hosts[name].inside()

    def address(self, name):
        return self.INNER.get(name, self.STREET)

    def __enter__(self):
        if os.geteuid() != 0:
            missing("root", "run the tests as root", "WAFERPBX_REQUIRE_PEERS")
        require("iptables", "iptables")
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for host in self._hosts.values():
            subprocess.run(["ip", "netns", "del", host.name], capture_output=True, check=False)

    def _build(self):
        for name in ("router", "street", *self.INNER):
            self._hosts[name] = Host(f"wafer{os.getpid()}{name}")
            netns.run("ip", "netns", "add", self._hosts[name].name)
            self._hosts[name].run("ip link set lo up")
        router = self._hosts["router"]
        router.run("ip link add br0 type bridge")
        router.run(f"ip addr add {self.ROUTER}/24 dev br0")
        router.run("ip link set br0 up")
        for name, address in self.INNER.items():
            self._wire(name, address, self.ROUTER)
            router.run(f"ip link set {name} master br0")
        self._wire("street", self.STREET, None)
        router.run(f"ip addr add {self.OUTER}/24 dev street")
        router.run("sysctl -qw net.ipv4.ip_forward=1")
        router.run("iptables -t nat -A POSTROUTING -o street -j MASQUERADE")

    def forward(self, first, last, protocol="udp"):
        """What comes to these ports of the outer address goes to the box."""
        self._hosts["router"].run(
            f"iptables -t nat -A PREROUTING -i street -p {protocol} --dport {first}:{last} "
            f"-j DNAT --to-destination {self.INNER['box']}"
        )

    def _wire(self, name, address, gateway):
        """A cable between the router, whose end bears the host's name, and its eth0."""
        router, host = self._hosts["router"], self._hosts[name]
        netns.run("ip", "link", "add", name, "netns", router.name, "type", "veth",
                  "peer", "name", "eth0", "netns", host.name)  # fmt: skip
        router.run(f"ip link set {name} up")
        host.run("ip link set eth0 up")
        host.run(f"ip addr add {address}/24 dev eth0")
        if gateway:
            host.run(f"ip route add default via {gateway}")
