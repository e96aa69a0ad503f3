"""app/port/engine.py: one face of the C engine under both interpreters."""

from app.port.engine import ANSWERER, OFFERER, RTCP, RTP
from tests.media.rig import PORT_MIN, SPEECH, Phone, new_engine, wait_until
from tests.support import raises

ANY = "0.0.0.0"
EINVAL, EBADF, EADDRINUSE, ENFILE, ESTALE = 22, 9, 98, 23, 116


def refuses(number, function):
    with raises(OSError) as caught:
        function()
    assert caught.error.errno == number, caught.error


def test_ports_are_pairs_within_the_range():
    engine = new_engine()
    handle, offerer, answerer = engine.open(ANY, ANY)
    assert offerer % 2 == 0 and answerer % 2 == 0 and offerer != answerer
    assert PORT_MIN <= offerer < PORT_MIN + 400
    engine.destroy()


def test_speech_passes_and_is_counted():
    engine = new_engine()
    a, b = Phone("127.0.0.2"), Phone("127.0.0.3")
    handle, port, _ = engine.open(ANY, ANY)
    engine.set_peer(handle, OFFERER, (a.host,), (a.host, a.port))
    engine.set_peer(handle, ANSWERER, (b.host,), (b.host, b.port))
    a.send(port)
    assert b.hears()
    counts = engine.stats(handle).sides[OFFERER][RTP]
    assert (counts.packets, counts.bytes) == (1, len(SPEECH))
    assert counts.latched == (a.host, a.port)
    assert engine.stats(handle).sides[ANSWERER][RTCP].latched is None
    a.close()
    b.close()
    engine.destroy()


def test_what_is_dropped_is_counted_by_reason():
    engine = new_engine()
    a, stranger = Phone("127.0.0.2"), Phone("127.0.0.66")
    handle, port, _ = engine.open(ANY, ANY)
    engine.set_peer(handle, OFFERER, (a.host,))
    stranger.send(port)
    a.send(port)
    a.send(port, b"\r\n")

    def all_counted():
        counts = engine.stats(handle).sides[OFFERER][RTP]
        return (counts.packets, counts.foreign, counts.nowhere, counts.shorts) == (0, 1, 1, 1)

    wait_until(all_counted)
    a.close()
    stranger.close()
    engine.destroy()


def test_muted_and_relatch():
    engine = new_engine()
    a, a2, b = Phone("127.0.0.2"), Phone("127.0.0.2"), Phone("127.0.0.3")
    handle, port, port_b = engine.open(ANY, ANY)
    engine.set_peer(handle, OFFERER, (a.host,))
    engine.set_peer(handle, ANSWERER, (b.host,), (b.host, b.port), None, False, True)
    a.send(port)
    wait_until(lambda: engine.stats(handle).sides[OFFERER][RTP].nowhere == 1)
    engine.set_peer(handle, ANSWERER, (b.host,), (b.host, b.port))
    a2.send(port)
    wait_until(lambda: engine.stats(handle).sides[OFFERER][RTP].foreign == 1)
    engine.set_peer(handle, OFFERER, (a.host,), None, None, True)
    a2.send(port)
    assert b.hears()
    for phone in (a, a2, b):
        phone.close()
    engine.destroy()


def test_a_stream_has_two_families():
    engine = new_engine()
    try:
        six = Phone("::1")
    except OSError:
        print("this machine has no IPv6")
        engine.destroy()
        return
    four = Phone("127.0.0.3")
    handle, port, _ = engine.open("::1", "127.0.0.1")
    engine.set_peer(handle, OFFERER, ("::1",))
    engine.set_peer(handle, ANSWERER, (four.host,), (four.host, four.port))
    six.send(port, SPEECH, "::1")
    assert four.hears()
    assert engine.stats(handle).sides[OFFERER][RTP].latched == ("::1", six.port)
    six.close()
    four.close()
    engine.destroy()


def test_exhausted_ports_and_table():
    engine = new_engine(PORT_MIN, PORT_MIN + 3)
    handle = engine.open(ANY, ANY)[0]
    refuses(EADDRINUSE, lambda: engine.open(ANY, ANY))
    engine.close(handle)
    engine.open(ANY, ANY)
    engine.destroy()
    engine = new_engine(streams=1)
    engine.open(ANY, ANY)
    refuses(ENFILE, lambda: engine.open(ANY, ANY))
    engine.destroy()


def test_stale_handles_are_refused():
    engine = new_engine()
    handle = engine.open(ANY, ANY)[0]
    engine.close(handle)
    refuses(ESTALE, lambda: engine.close(handle))
    refuses(ESTALE, lambda: engine.stats(handle))
    refuses(ESTALE, lambda: engine.set_timeout(handle, 1))
    refuses(ESTALE, lambda: engine.set_peer(handle, OFFERER, ()))
    engine.destroy()


def test_arguments_that_cannot_be_right():
    engine = new_engine()
    handle = engine.open(ANY, ANY)[0]
    refuses(EINVAL, lambda: engine.open("example.org", ANY))
    refuses(EINVAL, lambda: engine.set_peer(handle, OFFERER, ("example.org",)))
    refuses(EINVAL, lambda: engine.set_peer(handle, OFFERER, (), ("192.0.2.1", 65536)))
    refuses(EINVAL, lambda: engine.set_peer(handle, 2, ()))
    refuses(EINVAL, lambda: engine.set_peer(handle, OFFERER, ("192.0.2.1",) * 5))
    refuses(EINVAL, lambda: new_engine(22001, 22000))
    refuses(EINVAL, lambda: new_engine(streams=0))
    refuses(EINVAL, lambda: new_engine(22000, 70000))
    engine.destroy()


def test_usage():
    engine = new_engine(streams=20)
    engine.open(ANY, ANY)
    usage = engine.usage()
    assert (usage.streams, usage.limit, usage.opened) == (1, 20, 1)
    assert usage.pairs_free == 198
    ring = (1 << 20) + 400 * 24 if usage.ring else 0
    assert usage.memory < ring + 65536 + 16384 + 20 * 960 + 2 * 200
    engine.destroy()


def test_silence_is_told_once():
    engine = new_engine(timeout=0.05)
    handles = sorted([engine.open(ANY, ANY)[0] for _ in range(40)])
    told = []

    def all_told():
        told.extend(engine.expired())
        return len(told) >= 40

    wait_until(all_told)
    assert sorted(told) == handles
    assert engine.stats(handles[0]).expired and engine.expired() == []
    engine.destroy()


def test_a_destroyed_engine_says_so():
    engine = new_engine()
    engine.destroy()
    engine.destroy()
    refuses(EBADF, engine.usage)
    refuses(EBADF, lambda: engine.open(ANY, ANY))
