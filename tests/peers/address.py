"""Loopback addresses and free ports for tests that run side by side."""

import os
import random
import socket
from collections import namedtuple

LOOPBACK = "127.0.0.1"
# Below the ports that the kernel hands out by itself (net.ipv4.ip_local_port_range), so
# that nothing else takes one between our look and its use.
FIRST, LAST = 10000, 32000

# Where the box under test listens for SIP: (host, port).
Target = namedtuple("Target", ("host", "port"))



def host_port(host, port):
    """-> str: "127.0.0.1:5060", "[::1]:5060"."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_random = random.Random(os.getpid())
_given = set()  # ports handed out: whoever asked may not have opened his yet


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def free_ports(count=1, host=LOOPBACK):
    """-> the first, even one of `count` consecutive ports, free on `host` and not given before."""
    for attempt in range(400):
        if attempt == 200:
            _given.clear()  # a long run has had them all, and most are free again
        first = _random.randrange(FIRST, LAST - count) & ~1
        ports = range(first, first + count)
        if _given.isdisjoint(ports) and all(_is_free(host, port) for port in ports):
            _given.update(ports)
            return first
    raise AssertionError(f"no {count} free UDP ports in a row on {host}")


def _is_free(host, port):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family_of(host), kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True
