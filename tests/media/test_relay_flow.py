"""app/media/relay.py with the C engine: who hears whom in a call, and who never does."""

from app.media.relay import Relay
from tests.media.rig import Phone, audio_port, describe, new_engine, wait_until

BOX = "127.0.0.1"


class Talk:
    """A call between two telephones on hosts of their own, answered unless told otherwise."""

    def __init__(self, answered=True, **options):
        self.engine = new_engine(**options)
        self.relay = Relay(self.engine, BOX)
        self.a, self.b = Phone("127.0.0.2"), Phone("127.0.0.3")
        self.to_b = audio_port(self.relay.offer("call", "a", self.a.sdp(), self.a.host))
        if answered:
            self.answer()
        self.phones = [self.a, self.b]

    def answer(self, *more):
        sdp = self.relay.answer("call", "a", "b", self.b.sdp(*more), self.b.host)
        self.to_a = audio_port(sdp)

    def reinvite(self, phone):
        """A's part moves to another telephone."""
        self.relay.offer("call", "a", phone.sdp(), phone.host)
        self.answer()
        self.phones.append(phone)

    def rtp(self, side):
        return self.relay.statistics("call")[0].stats.sides[side][0]

    def stranger(self, host="127.0.0.66"):
        self.phones.append(Phone(host))
        return self.phones[-1]

    def end(self):
        self.relay.delete("call")
        for phone in self.phones:
            phone.close()
        self.engine.destroy()


def test_both_hear_each_other():
    talk = Talk()
    talk.a.send(talk.to_a, b"from a, unchanged")
    assert talk.b.hears(b"from a, unchanged")
    talk.b.send(talk.to_b, b"from b, unchanged")
    assert talk.a.hears(b"from b, unchanged")
    talk.end()


def test_early_media_reaches_a_caller_that_has_not_spoken():
    talk = Talk(answered=False)
    talk.answer()  # 183
    talk.b.send(talk.to_b, b"ringback")
    assert talk.a.hears(b"ringback")
    talk.answer()  # 200
    talk.b.send(talk.to_b, b"hello")
    assert talk.a.hears(b"hello")
    talk.end()


def test_nothing_passes_before_the_answer():
    talk = Talk(answered=False)
    talk.a.send(talk.to_b)  # the port of the party that has not answered yet
    wait_until(lambda: talk.rtp(1).foreign == 1)
    talk.end()


def test_a_telephone_behind_nat_is_heard_and_hears():
    engine = new_engine()
    relay = Relay(engine, BOX)
    a, b = Phone("127.0.0.2"), Phone("127.0.0.3")
    inner = a.sdp().replace(b"127.0.0.2", b"192.168.1.5")  # what a telephone behind NAT says
    to_b = audio_port(relay.offer("call", "a", inner, a.host))
    to_a = audio_port(relay.answer("call", "a", "b", b.sdp(), b.host))
    b.send(to_b, b"too early")
    wait_until(lambda: relay.statistics("call")[0].stats.sides[1][0].nowhere == 1)
    a.send(to_a, b"opens the way")
    assert b.hears(b"opens the way")
    b.send(to_b, b"is heard")
    assert a.hears(b"is heard")
    relay.delete("call")
    a.close()
    b.close()
    engine.destroy()


def spray(talk, strangers, rounds=10, burst=20):
    """Send to side A from strangers, no faster than the engine counts: a full socket drops."""
    for _ in range(rounds):
        expected = talk.rtp(0).foreign + burst * len(strangers)
        for stranger in strangers:
            for _ in range(burst):
                stranger.send(talk.to_a)
        wait_until(lambda: talk.rtp(0).foreign == expected)  # noqa: B023  (called at once)


def test_a_spray_from_elsewhere_is_never_forwarded():
    talk = Talk()
    thief, sibling = talk.stranger(), talk.stranger(talk.a.host)
    spray(talk, (thief,))
    assert talk.b.is_quiet()
    talk.a.send(talk.to_a)
    assert talk.b.hears()
    spray(talk, (thief, sibling))
    assert talk.b.is_quiet() and talk.rtp(0).packets == 1
    talk.b.send(talk.to_b)
    assert talk.a.hears() and thief.is_quiet() and sibling.is_quiet()
    talk.end()


def test_a_reinvite_moves_the_media():
    talk = Talk()
    talk.a.send(talk.to_a)
    assert talk.b.hears()
    other = Phone("127.0.0.4")
    talk.reinvite(other)
    talk.b.send(talk.to_b, b"to the new place")
    assert other.hears(b"to the new place") and talk.a.is_quiet()
    talk.a.send(talk.to_a)
    wait_until(lambda: talk.rtp(0).foreign == 1)
    other.send(talk.to_a, b"from the new place")
    assert talk.b.hears(b"from the new place")
    talk.end()


def test_a_refused_reinvite_leaves_the_media_alone():
    talk = Talk()
    talk.a.send(talk.to_a)
    assert talk.b.hears()
    other = talk.stranger("127.0.0.4")
    talk.relay.offer("call", "a", other.sdp(), other.host)
    talk.b.send(talk.to_b, b"still here")
    assert talk.a.hears(b"still here")
    talk.a.send(talk.to_a, b"still heard")
    assert talk.b.hears(b"still heard")
    talk.end()


def test_hold_and_resume():
    talk = Talk()
    talk.a.send(talk.to_a)
    assert talk.b.hears()
    held = talk.a.sdp().replace(b"c=IN IP4 127.0.0.2", b"c=IN IP4 0.0.0.0")
    talk.relay.offer("call", "a", held, talk.a.host)
    talk.answer("a=recvonly")
    talk.b.send(talk.to_b)
    wait_until(lambda: talk.rtp(1).nowhere == 1)
    assert talk.a.is_quiet()
    talk.relay.offer("call", "a", talk.a.sdp(), talk.a.host)
    talk.answer()
    talk.b.send(talk.to_b, b"back")
    assert talk.a.hears(b"back")
    talk.end()


def test_silence_is_an_event_and_speech_is_not():
    talk = Talk(timeout=0.05)
    found = []

    def told():
        found.extend(talk.relay.events())
        return found

    wait_until(told)
    assert found == [("call", "timeout")]
    assert talk.relay.fd == talk.engine.fd
    talk.end()


def test_a_call_on_hold_does_not_time_out():
    talk = Talk(timeout=0.05)
    talk.relay.offer("call", "a", talk.a.sdp("a=sendonly"), talk.a.host)
    talk.answer("a=recvonly")
    other = talk.engine.open("0.0.0.0", "0.0.0.0")[0]  # times out as the measure of time
    wait_until(lambda: talk.engine.stats(other).expired)
    assert not talk.relay.statistics("call")[0].stats.expired and talk.relay.events() == []
    talk.end()


def test_the_ports_of_an_ended_call_are_free():
    engine = new_engine(streams=4)
    relay = Relay(engine, BOX)
    free = engine.usage().pairs_free
    for turn in range(20):
        call_id = "call" + str(turn)
        relay.offer(call_id, "a", describe("127.0.0.2", 4000), "127.0.0.2")
        figures = relay.delete(call_id)
        assert figures[0].kind == "audio" and figures[0].stats.sides[0][0].packets == 0
    assert engine.usage().streams == 0 and engine.usage().pairs_free == free
    engine.destroy()


def test_the_table_is_the_limit():
    engine = new_engine(streams=2)
    relay = Relay(engine, BOX)
    a = Phone("127.0.0.2")
    relay.offer("1", "a", a.sdp(), a.host)
    relay.offer("2", "a", a.sdp(), a.host)
    try:
        relay.offer("3", "a", a.sdp(), a.host)
        refused = False
    except relay.NoPorts:
        refused = True
    assert refused and len(relay) == 2
    relay.delete("1")
    assert relay.offer("3", "a", a.sdp(), a.host)
    a.close()
    engine.destroy()
