"""Whole scenes with foreign programs, for any box: tests/interop and tests/device play them.

Each takes a `folder` for the programs' files and the `target` that the box listens on, and
raises AssertionError with the messages when it does not end as it should.
"""

from contextlib import ExitStack

from tests.peers import sipp
from tests.peers.address import LOOPBACK, free_ports
from tests.peers.baresip import Baresip
from tests.peers.lossy import LossyLink
from tests.peers.sipp import Sipp

TONES = (440, 880)  # Hz; the one is not in the other's G.711 distortion
PATIENCE = 60  # seconds for repetitions on a bad line


def sipp_call(folder, target, scenario, caller="200", callee="201", **values):
    """One sipp calls; nobody is there to answer. -> its counters."""
    with Sipp(folder, target, scenario, caller, callee, **values) as run:
        return run.succeeded()


def sipp_pair(folder, target, calling, answering, caller="200", callee="201", calls=1, rate=10,
              line=None, ways=("u1", "u1"), host=LOOPBACK, **values):  # fmt: skip
    """`calls` calls of one sipp to another that has registered. -> counters of the callee.

    calling, answering: names of scenarios; line: the target as the two of them see it, for a
    relay in between; ways: the transports of caller and callee (Sipp.transport).
    """
    line = line or target
    port = free_ports(1, host)
    sipp.register(folder, line, callee, port, transport=ways[1], host=host)
    with Sipp(folder, line, answering, callee, port=port, calls=0, seconds=PATIENCE + 30,
              transport=ways[1], host=host, **values) as there:  # fmt: skip
        with Sipp(folder, line, calling, caller, callee, calls=calls, rate=rate, at_once=calls,
                  seconds=PATIENCE, transport=ways[0], host=host, **values) as here:  # fmt: skip
            here.succeeded()
        counters = there.stop()
    assert counters["IncomingCall"] == calls, there.report(counters)
    return counters


def sipp_lossy(folder, target, calls=8, seed=7):
    """Calls over a line that loses more than a quarter of everything; both parties are behind it.

    They talk for 4 s: sipp 3.6 gives up repeating its BYE when the 200 of the INVITE comes
    once more meanwhile, so by then the ACK has to have arrived.
    """
    with LossyLink(target, seed=seed) as link:
        sipp_pair(folder, target, "call", "answer-bad-line", calls=calls, rate=5,
                  line=link.target, hold=4000, linger=3000)  # fmt: skip
        assert link.share > 0.2, "the line has lost next to nothing"


def two_phones(stack, folder, target, host=LOOPBACK, **options):
    """-> (Baresip 200, Baresip 201), registered, each with its tone; `stack` stops them."""
    phones = []
    for user, frequency in zip(("200", "201"), TONES, strict=True):
        phone = Baresip(folder, target, user, frequency, host=host, **options)
        phones.append(stack.enter_context(phone))
    return phones


def connect(caller, callee):
    """One Baresip calls another, which answers by hand."""
    caller.dial(callee.user)
    callee.wait_for("CALL_INCOMING")
    callee.accept()
    for phone in (caller, callee):
        phone.wait_for("CALL_ESTABLISHED")


def hear_each_other(one, other, tenths=10):
    """Wait until each has heard the other's tone for `tenths` of a second, and nothing else."""
    for phone, peer in ((one, other), (other, one)):
        phone.wait_to_hear(peer.frequency, tenths)


def hang_up(one, other):
    """The one hangs up; the other is told."""
    one.hang_up()
    other.wait_for("CALL_CLOSED")


def tones_both_ways(folder, target, **options):
    """Two baresip register, call, and hear each other's tone."""
    with ExitStack() as stack:
        one, other = two_phones(stack, folder, target, **options)
        connect(one, other)
        hear_each_other(one, other)
        hang_up(one, other)
