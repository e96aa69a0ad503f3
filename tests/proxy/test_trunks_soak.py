"""Many calls by trunks that behave as they please: in the end nothing of them is left."""

from app.sip import build
from app.sip.digest import challenge
from app.sip.message import parse
from tests.proxy.box import Hashes
from tests.proxy.phone import SDP
from tests.proxy.trunks import Scene

CALLS = 120


class Dice:
    """Numbers that look random and are the same in every run, under either interpreter."""

    def __init__(self, seed):
        self.state = Hashes.sha256(seed.encode())

    def __call__(self, most):
        self.state = Hashes.sha256(self.state.encode())
        return int(self.state[:8], 16) % most


def answer(trunk, request, dice):
    """One of the things that may come back for a request."""
    if request.method == "ACK" or dice(10) == 0:
        return  # lost
    if request.method != "INVITE":
        trunk.reply(request, (200, 200, 481, 500, 420)[dice(5)])
        return
    code = (100, 180, 183, 200, 200, 200, 401, 407, 486, 500, 503, 603)[dice(12)]
    lines = []
    if code in (401, 407):
        name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
        realm = ("one.example", "other.example")[dice(2)]
        lines = [f"{name}: {challenge(realm, 'n' + str(dice(9)))}"]
    body = SDP if code in (183, 200) else b""
    trunk.reply(request, code, tag=f"t{dice(3)}", headers=lines, body=body)
    if code < 200 and dice(2):
        trunk.reply(request, (200, 486, 503)[dice(3)], tag="t0")


def play(scene, dice):
    """A call by alice, with what the two trunks and she make of it."""
    alice = scene.alice
    data = alice.make("INVITE", f"sip:030{dice(10)}@example.org", body=SDP)
    replies = alice.send(data)
    if not replies or replies[-1].status != 407:
        return
    sent = alice.authenticated(data, replies[-1])
    alice.send(sent)
    for _ in range(6):
        for trunk in (scene.one, scene.two):
            for request in trunk.received():
                if request.is_request:
                    answer(trunk, request, dice)
        heard = alice.received()
        good = [each for each in heard if not each.is_request and each.status == 200]
        for each in heard:
            if each.is_request:
                alice.reply(each, 200)
            elif each.status >= 300 and each.cseq.method == "INVITE":
                alice.send(build.ack_for(sent, each))
        if good and good[-1].cseq.method == "INVITE":
            alice.send(alice.within("ACK", sent, good[-1], cseq=good[-1].cseq.number))
            if dice(3):
                alice.send(alice.within(("BYE", "INFO", "INVITE")[dice(3)], sent, good[-1]))
        elif dice(5) == 0:
            alice.send(build.cancel_for(parse(sent)))
        scene.box.wait(dice(8))


def test_nothing_is_left_of_calls_that_end_as_they_please():
    for seed in ("a", "b"):
        dice = Dice(seed)
        scene = Scene(
            calls=0, calls_per_hour=0, calls_per_day=0, minutes_per_day=0, max_call_time=3600,
            trunk_host="203.0.113.1", trunk_username="me", trunk_password="secret",
            trunk_realm="one.example", ping_interval=7,
        )  # fmt: skip
        for _ in range(CALLS):
            play(scene, dice)
            scene.box.sent = []
        proxy = scene.box.proxy
        assert len(proxy.modules.limits) <= 300 and len(proxy.calls) <= 258
        for _ in range(4):
            scene.box.wait(1800)
            scene.box.sent = []
        proxy.modules.limits._forget(scene.box.now)
        assert len(proxy.modules.limits) == 0, proxy.modules.limits._records
        assert len(proxy.calls) == 0 and proxy.uac.count <= 2
        assert len(scene.box.endpoint) <= 2, scene.box.endpoint._clients
        assert not scene.box.log.has("fault")
