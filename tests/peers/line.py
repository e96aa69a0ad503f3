"""A bad line between two namespaces: every packet is late, and some are lost.

    python -m tests.peers.line ONE TAP1 OTHER TAP2 DELAY LOSS

What netem does, for kernels that are built without it (`tc qdisc add ... netem`: "Specified
qdisc kind is unknown"): a TAP device in each namespace, and this program between them. DELAY in
seconds, LOSS a part of one; each way by itself.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

from tests.peers.netns import inside

TUNSETIFF = 0x400454CA  # linux/if_tun.h
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME = 65536
SEED = 5


def open_tap(space, name):
    """-> descriptor of a new TAP device in a namespace; it lasts as long as this program."""
    with inside(space):
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def carry(taps, delay, loss):
    """Take frames from each of two taps to the other, until this program is ended."""
    chance = random.Random(SEED)
    late = []  # (when, order, tap, frame)
    order = 0
    while True:
        wait = max(0, late[0][0] - time.monotonic()) if late else None
        for tap in select.select(taps, [], [], wait)[0]:
            frame = os.read(tap, FRAME)
            if chance.random() >= loss:
                order += 1
                other = taps[1 - taps.index(tap)]
                heapq.heappush(late, (time.monotonic() + delay, order, other, frame))
        while late and late[0][0] <= time.monotonic():
            _, _, tap, frame = heapq.heappop(late)
            try:
                os.write(tap, frame)
            except OSError:  # the other end is not up yet
                pass


if __name__ == "__main__":
    one, first, other, second, seconds, part = sys.argv[1:]
    carry([open_tap(one, first), open_tap(other, second)], float(seconds), float(part))
