from app.sip.interfaces import interface
from app.transport.connection import EXPECTED, KNOWN, SPEAKS, STRANGER
from app.transport.connections import LINGER, PER_USER, Connections, Limits
from tests.transport.test_framing import ASK, BODY, EMPTY
from tests.transport.test_http import sha1
from tests.transport.test_websocket import HANDSHAKE, SIP, frame, masked

TCP = interface(1, "tcp", "192.0.2.1", 5060)
TLS = interface(2, "tls", "192.0.2.1", 5061)
WS = interface(3, "ws", "192.0.2.1", 80)
INVITE = (
    b"INVITE sip:200@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1:9;rport;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b.example>;tag=1\r\nTo: <sip:200@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
)


class World:
    """A table, its clock, and who is known."""

    def __init__(self, **limits):
        self.now = 1000.0
        self.users = {}  # (host, port) -> user
        self.table = Connections(Limits(**limits), self.known, self.token, sha1)

    def known(self, peer, now):
        assert now == self.now
        return self.users.get((peer.host, peer.port))

    def token(self, size):
        return "t" * size

    def come(self, host="10.0.0.1", port=4000, where=TCP):
        return self.table.add(where, host, port, self.now)

    def hear(self, connection, data=EMPTY):
        return self.table.receive(connection, data, self.now)

    def know(self, connection, user="200"):
        """He sends something, proves himself, and gets an answer."""
        self.hear(connection)
        self.users[connection.peer.host, connection.peer.port] = user
        assert self.table.send(connection, b"SIP/2.0 200 OK", None, self.now)
        assert connection.standing == KNOWN
        self.table.written(connection, len(connection.output()), self.now)

    def wait(self, seconds):
        """-> the connections whose time is over by then, closed as main does it."""
        until = self.now + seconds
        over = []
        while self.table.next_timer() is not None and self.table.next_timer() <= until:
            self.now = max(self.now, self.table.next_timer())
            for connection in self.table.handle_timers(self.now):
                self.table.remove(connection)
                over.append(connection)
        self.now = until
        return over

    def let_in(self, host):
        """-> (bool, victim), the victim closed."""
        room, victim = self.table.admit(host)
        if victim is not None:
            self.table.remove(victim)
        return room, victim


def flushed(connection, table, now, piece=10):
    """-> what waits, taken a few bytes at a time."""
    out = b""
    while connection.output():
        data = connection.output()
        table.written(connection, min(piece, len(data)), now)
        out += data[:piece]
    return out


# Messages

def test_messages_and_what_is_answered_at_once():
    world = World()
    connection = world.come()
    assert connection.peer == ("tcp", "10.0.0.1", 4000, 16 + 1)
    assert world.hear(connection, EMPTY + b"\r\n\r\n" + ASK + BODY) == [EMPTY, BODY]
    out = flushed(connection, world.table, world.now)
    assert out[:2] == b"\r\n"
    assert out[2:4] == b"\1\1"
    assert world.table.waits == connection.waits == 0


def test_messages_over_a_websocket():
    world = World()
    connection = world.come(where=WS)
    assert world.hear(connection, HANDSHAKE + masked(1, SIP) + masked(1, b"\r\n\r\n")) == [SIP]
    assert world.table.send(connection, SIP, None, world.now)
    out = flushed(connection, world.table, world.now)
    assert out.startswith(b"HTTP/1.1 101 ")
    assert out.endswith(frame(1, b"\r\n") + frame(1, SIP))


def broken(data):
    world = World()
    connection = world.come()
    assert world.hear(connection, data) == []
    assert connection.ending == world.now
    assert world.hear(connection, EMPTY) == []
    assert not world.table.send(connection, EMPTY, None, world.now)
    assert world.table.counters["broken"] == 1
    assert world.wait(LINGER) == [connection]
    return flushed(connection, world.table, world.now) if connection.waiting else b""


def test_what_is_broken_is_answered_where_it_can_be_and_is_the_end():
    world = World()
    connection = world.come()
    world.hear(connection, INVITE + b"\r\n")
    answer = flushed(connection, world.table, world.now)
    assert answer.startswith(b"SIP/2.0 400 Bad Request: no Content-Length\r\n")
    assert b";rport=4000;branch=z9hG4bK1;received=10.0.0.1\r\n" in answer
    assert b";tag=tttttttttttttttttttt\r\n" in answer
    assert connection.ending == world.now
    assert broken(b"\x16\3\1\2\0") == b""


def test_who_gets_no_answer_to_what_is_broken():
    for data in (
        b"ACK" + INVITE[6:], b"SIP/2.0 200 OK\r\n" + INVITE.partition(b"\r\n")[2],
        INVITE.replace(b"Via", b"X"), b"GET / HTTP/1.1\r\nHost: x\r\n", b"INVITE\r\n",
    ):  # fmt: skip
        world = World()
        connection = world.come()
        world.hear(connection, data + b"\r\n")
        assert connection.output() is None, data
        assert connection.ending == world.now


# Time

def test_who_says_nothing_has_to_go():
    world = World()
    connection = world.come()
    assert world.wait(29.9) == []
    assert world.wait(0.1) == [connection]
    assert world.table.counters["timed out"] == 1
    assert len(world.table) == 0


def test_keepalives_are_no_messages():
    world = World()
    connection = world.come()
    for _ in range(5):
        assert world.wait(5) == []
        world.hear(connection, b"\r\n\r\n")
    assert world.wait(5) == [connection]


def test_handshakes_have_their_time():
    for where in (TLS, WS):
        world = World()
        connection = world.come(where=where)
        assert world.wait(9.9) == []
        assert world.wait(0.1) == [connection]
    world = World()
    connection = world.come(where=WS)
    world.wait(9)
    world.hear(connection, HANDSHAKE)
    assert world.wait(20.9) == []
    assert world.wait(0.1) == [connection]  # still no SIP


def test_a_message_that_drips():
    world = World()
    connection = world.come()
    world.hear(connection)
    for octet in (EMPTY[:9], EMPTY[9:10], EMPTY[10:11]):
        world.hear(connection, octet)
        assert world.wait(3) == []
    assert world.wait(1) == [connection]


def test_one_message_after_the_other_is_no_drip():
    world = World()
    connection = world.come()
    world.hear(connection, EMPTY[:9])
    for _ in range(20):
        assert world.wait(2) == []
        assert world.hear(connection, EMPTY[9:] + EMPTY[:9]) == [EMPTY]
    assert world.wait(11) == [connection]


def test_who_speaks_has_more_time_and_who_is_known_has_it_all():
    world = World()
    speaks, known = world.come(port=1), world.come(port=2)
    world.hear(speaks)
    world.know(known)
    assert speaks.standing == SPEAKS
    assert world.wait(119.9) == []
    assert world.wait(0.1) == [speaks]
    assert world.wait(5000) == []
    world.users.clear()  # its registration is over
    assert world.wait(120) == [known]


def test_who_has_proved_himself_without_an_answer_stays_as_well():
    world = World()
    connection = world.come()
    world.hear(connection)
    assert connection.standing == SPEAKS
    world.users["10.0.0.1", 4000] = "200"
    assert world.wait(121) == []
    assert connection.standing == KNOWN


def test_a_peer_that_takes_nothing():
    world = World()
    connection = world.come()
    world.know(connection)
    world.table.send(connection, EMPTY, "mark", world.now)
    world.table.written(connection, 0, world.now)
    assert world.wait(5) == []
    world.table.written(connection, 10, world.now)  # it took some
    world.table.written(connection, 0, world.now)
    assert world.wait(9.9) == []
    assert world.wait(0.1) == [connection]


def test_our_own_calls():
    world = World()
    connection = world.table.add(TCP, "10.0.0.2", 5060, world.now, outbound=True)
    assert connection.standing == EXPECTED
    assert world.table.to(connection.peer) is connection
    assert world.table.send(connection, EMPTY, "mark", world.now)
    assert world.wait(9.9) == []
    assert world.wait(0.1) == [connection]
    connection = world.table.add(TLS, "10.0.0.2", 5061, world.now, outbound=True)
    connection.connected = True
    world.table.send(connection, EMPTY, None, world.now)
    world.wait(5)
    world.table.written(connection, len(EMPTY), world.now)
    assert world.wait(114.9) == []
    assert world.wait(0.1) == [connection]
    assert world.table.counters["accepted"] == 0


# What is to be sent

def test_what_was_not_sent_whole_is_told():
    world = World()
    connection = world.come()
    for mark in ("one", "two", None, "three"):
        assert world.table.send(connection, EMPTY, mark, world.now)
    world.table.written(connection, len(EMPTY), world.now)
    world.table.written(connection, 5, world.now)
    assert connection.output() == EMPTY[5:]
    assert world.table.remove(connection) == ["two", "three"]
    assert world.table.waits == 0
    assert world.table.remove(connection) == []


def test_what_waits_is_bounded_for_each_and_for_all():
    world = World(max_output=250, max_output_all=400)
    one, two = world.come(port=1), world.come(port=2)
    data = b"x" * 100
    assert [world.table.send(one, data, None, world.now) for _ in range(3)] == [True, True, False]
    assert [world.table.send(two, data, None, world.now) for _ in range(3)] == [True, True, False]
    world.table.written(one, 100, world.now)
    world.table.remove(two)
    assert world.table.send(one, data, None, world.now)


def test_connections_are_found_by_flow_and_by_address():
    world = World()
    one, two = world.come(port=1), world.come(port=2)
    assert world.table.of_flow(one.peer.flow) is one
    assert world.table.to(two.peer) is two
    world.table.end(two, world.now)
    assert world.table.to(two.peer) is None
    world.table.remove(one)
    assert world.table.of_flow(one.peer.flow) is None
    assert world.table.to(one.peer) is None
    assert [each.peer.port for each in world.table.all()] == [2]
    assert world.come(port=1).peer.flow != one.peer.flow  # never the same again


# Who gets in

def test_one_address_pushes_out_only_its_own():
    world = World(max_per_address=3)
    other = world.come("10.0.0.9")
    crowd = [world.come(port=port) for port in range(3)]
    world.now += 1
    assert world.let_in("10.0.0.1") == (True, crowd[0])
    assert world.table.admit("10.0.0.9") == (True, None)
    assert world.table.of_flow(other.peer.flow) is other


def test_known_users_do_not_count_against_their_address():
    world = World(max_per_address=2)
    for port in range(5):
        assert world.let_in("10.0.0.1") == (True, None)
        world.know(world.come(port=port), f"20{port}")
    assert world.table.admit("10.0.0.1") == (True, None)


def test_strangers_go_first_then_who_speaks_and_never_who_is_known():
    world = World(max_connections=4)
    known, speaks = world.come("10.0.0.1"), world.come("10.0.0.2")
    old, new = world.come("10.0.0.3"), world.come("10.0.0.4")
    world.know(known)
    world.hear(speaks)
    assert old.standing == STRANGER
    for victim in (old, new, speaks):
        world.now += 1
        assert world.let_in("10.0.0.5") == (True, victim)
        world.know(world.come("10.0.1.1", int(world.now)), str(world.now))
    assert world.let_in("10.0.0.5") == (False, None)
    assert world.table.counters["evicted"] == 3
    assert world.table.counters["refused"] == 1


def test_the_address_with_most_strangers_loses_them_first():
    world = World(max_connections=6)
    first = world.come("10.0.0.1")
    crowd = [world.come("10.0.0.2", port) for port in range(5)]
    for victim in crowd[:4]:
        world.now += 1
        assert world.let_in("10.0.0.3") == (True, victim)
        world.know(world.come("10.0.0.4", int(world.now)), str(world.now))
    assert world.let_in("10.0.0.3") == (True, first)  # one each: the oldest


def test_where_somebody_known_came_from_another_is_expected():
    world = World(max_connections=3)
    telephone = world.come("10.0.0.1", 1)
    world.know(telephone)
    world.table.remove(telephone)
    again = world.come("10.0.0.1", 2)
    assert again.standing == EXPECTED
    speaks, stranger = world.come("10.0.0.2"), world.come("10.0.0.3")
    world.hear(speaks)
    assert world.let_in("10.0.0.4") == (True, stranger)
    world.come("10.0.0.4")
    world.now += 3601
    assert world.come("10.0.0.1", 3).standing == STRANGER


def test_a_trunk_is_known_as_soon_as_it_comes():
    world = World()
    world.users["10.0.0.1", 4000] = ""
    connection = world.come()
    assert connection.standing == KNOWN
    assert connection.user == ""


def test_a_user_keeps_only_so_many():
    world = World(max_connections=PER_USER + 2)
    held = []
    for port in range(PER_USER + 1):
        world.now += 1
        held.append(world.come("10.0.0.1", port))
        world.know(held[-1])
    assert [each.standing for each in held] == [SPEAKS] + [KNOWN] * PER_USER
    world.come("10.0.0.2")
    assert world.table.admit("10.0.0.3")[1].standing == STRANGER


def test_thousands_of_strangers_never_lock_a_telephone_out():
    world = World()
    known = world.come("10.9.9.9", 1)
    world.know(known)
    for number in range(2048):
        world.now += 0.001
        room, _ = world.let_in(f"10.1.{number // 256}.{number % 256}")
        assert room
        stranger = world.come(f"10.1.{number // 256}.{number % 256}")
        if number % 2:
            world.hear(stranger, b"I")  # and never more
        assert len(world.table) <= 256
    assert world.let_in("10.9.9.8")[0]
    newcomer = world.come("10.9.9.8", 2)
    world.know(newcomer, "201")
    for number in range(2048):
        assert world.let_in("10.2.0.1")[0]
        world.come("10.2.0.1", number)
    assert known.standing == newcomer.standing == KNOWN
    assert world.table.of_flow(known.peer.flow) is known
    assert world.table.of_flow(newcomer.peer.flow) is newcomer
    left = world.wait(31)
    assert len(world.table) == 2
    assert known not in left


def test_no_clutter_is_left_behind():
    world = World()
    for number in range(3000):
        connection = world.come(f"10.0.{number // 250}.{number % 250}")
        world.know(connection, str(number))
        world.users.clear()
        world.table.remove(connection)
    table = world.table
    assert len(table) == table.waits == 0
    assert table._unknown == {}
    assert table._places == {}
    assert len(table._hosts) == 256
    assert table._deadlines.held < 64
