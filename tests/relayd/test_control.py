"""rtpproxy's control protocol: what each command is answered with, and by which socket."""

import contextlib
import socket
import subprocess

import pytest

from tests.peers.process import wait_until
from tests.peers.relayd import Relayd, build

CALL, TAG = "*3:R9//u@-Jo", "ndkshf23"


@pytest.fixture
def relay(tmp_path):
    with Relayd(tmp_path, "-b", pairs=2) as running:
        yield running


@pytest.mark.parametrize("command, answer", [
    ("A x", "E0"), ("aVF 20080403", "E0"),
    ("U", "E1"), (f"U {CALL} 192.0.2.1 4000", "E1"), ("U a b c d e f g h i", "E1"),
    (f"Ugarbage {CALL} 192.0.2.1 4000 {TAG}", "E35"),
    (f"Uie {CALL} 192.0.2.1 4000 {TAG}", "E12"), (f"Uei {CALL} 192.0.2.1 4000 {TAG}", "E11"),
    (f"Uz0 {CALL} 192.0.2.1 4000 {TAG}", "E13"), (f"Uz1000 {CALL} 192.0.2.1 4000 {TAG}", "E13"),
    (f"Uc {CALL} 192.0.2.1 4000 {TAG}", "E14"), (f"Ul {CALL} 192.0.2.1 4000 {TAG}", "E15"),
    (f"Ul[1:2:3:4:5] {CALL} 192.0.2.1 4000 {TAG}", "E31"),
    (f"Ur {CALL} 192.0.2.1 4000 {TAG}", "E16"),
    (f"Ur[1:2:3:4:5] {CALL} 192.0.2.1 4000 {TAG}", "E32"),
    (f"U6 {CALL} 2001:db8::1 4000 {TAG}", "E36"),
    (f"U {CALL} 192.0.2.1 4000 {TAG} unix:/x bad%2", "E10"),
    (f"U {CALL} 192.0.2.1 4000 {TAG} unix:/x good%25", "E75"),
    (f"L {CALL} 192.0.2.1 4000 {TAG}", "0"),
    ("D a", "E1"), (f"Dgarbage {CALL} {TAG}", "E8"), (f"D {CALL} {TAG}", "E50"),
    ("D a b c d", "E1"),
    (f"Pgarbage {CALL} prompt 0 {TAG}", "E17"), (f"P10 {CALL} prompt 0 {TAG}", "E60"),
    ("R a", "E1"), (f"R {CALL} {TAG}", "E50"), (f"Rs {CALL} {TAG}", "E50"),
    (f"S {CALL} {TAG}", "E50"), (f"N {CALL} {TAG}", "E50"),
    (f"Cgarbage {CALL} x {TAG}", "E7"), (f"C {CALL} x {TAG}", "E50"),
    ("V", "20040107"), ("V x", "E1"), ("VF", "E1"), ("VFx 20050322", "E2"),
    ("VF 20050322", "1"), ("VF 20071116", "0"), ("VF 20081224", "0"), ("VF 12345678", "0"),
    ("vf 20050322", "1"), ("Igarbage", "E18"), ("I x", "E1"),
    ("Q a", "E1"), (f"Qgarbage {CALL} {TAG} x", "E19"), (f"Q {CALL} {TAG} x", "E50"),
    ("G nonsense", "E68"), ("Gx nsess_created", "E9"), ("Xx", "E2"), ("X x", "E1"), ("X", "0"),
    ("V && V", "E3"), ("U a b c d &&", "E5"),
    (" ".join(["U"] + ["x"] * 20), "E5"),
])  # fmt: skip
def test_answers(relay, command, answer):
    assert relay.ask(command) == answer


def test_nothing_and_a_nul_are_no_command(relay):
    assert relay.ask_once("\n") == "E5\n" and relay.ask_once("V\0F") == "E5\n"
    assert relay.ask_once("A" * 8000) == "E0\n"
    with contextlib.suppress(ConnectionResetError):
        relay.ask_once("x" * 20000)
    assert relay.ask("V") == "20040107"


def test_ports_in_their_order_and_what_is_told_of_a_session(relay):
    first = relay.media[0]
    assert relay.ask(f"U {CALL} nowhere nothing {TAG}") == str(first)
    assert relay.ask(f"L {CALL} nowhere nothing {TAG} to") == str(first + 2)
    assert relay.ask(f"Q {CALL} {TAG} to") == "60 0 0 0 0"
    assert relay.ask(f"Qv {CALL} {TAG} to ttl nrelayed") == "ttl=60 nrelayed=0"
    assert relay.ask(f"Q {CALL} {TAG} to nonsense") == "E62"
    assert relay.ask_once("I").splitlines() == [
        "sessions created: 1", "active sessions: 1", "active streams: 2",
        "packets received: 0", "packets transmitted: 0",
    ]  # fmt: skip
    assert relay.ask_once("Il").splitlines()[5].startswith("average load: ")
    assert relay.ask("Gv nsess_created nsess_complete") == "nsess_created=1 nsess_complete=1"
    assert relay.ask(f"D {CALL} {TAG}") == "0" and relay.ask(f"D {CALL} {TAG}") == "E50"
    assert relay.ask("Gv nsess_destroyed nsess_nortp") == "nsess_destroyed=1 nsess_nortp=1"


def test_no_ports_left_is_an_error_and_keeps_nothing(relay):
    assert relay.ask("U one 127.0.0.2 4000 a").isdigit()
    assert relay.ask("U two 127.0.0.2 4000 a").isdigit()
    assert relay.ask("U three 127.0.0.2 4000 a") == "E72"
    assert relay.ask("L one 127.0.0.2 4000 a b") == "E72"
    assert relay.ask("Gv nsess_created") == "nsess_created=2"
    assert relay.ask("D two a") == "0"
    assert relay.ask("U three 127.0.0.2 4000 a").isdigit()


def test_a_repeated_command_is_answered_again_and_not_carried_out(relay):
    cookie = "1234_1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        answers = []
        for _ in range(3):
            asker.sendto(f"{cookie} U again 127.0.0.2 4000 a".encode(), relay.udp)
            answers.append(asker.recv(1000))
    assert answers[0] == answers[1] == answers[2]
    assert relay.ask("Gv nsess_created ncmds_rcvd_ndups") == "nsess_created=1 ncmds_rcvd_ndups=2"
    # the same cookie from elsewhere is another command
    assert relay.ask("V", cookie) == "20040107"


def test_what_has_no_cookie_gets_no_answer(relay):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.2)
        for data in (b"V", b"", b" V", b"\0", b"x" * 100 + b" V"):
            asker.sendto(data, relay.udp)
        with pytest.raises(TimeoutError):
            asker.recv(100)
    assert relay.ask("V") == "20040107"


def test_a_line_socket_takes_many_commands(relay):
    with socket.socket(socket.AF_UNIX) as asker:
        asker.settimeout(5)
        asker.connect(relay.lines)
        asker.sendall(b"V\nVF 20050322\nAn")
        asker.sendall(b"other\n")
        found = asker.makefile("rb")
        assert [found.readline() for _ in range(3)] == [b"20040107\n", b"1\n", b"E0\n"]


def test_media_numbers_tell_the_lines_of_a_call_apart(relay):
    assert relay.ask("U call 127.0.0.2 4000 a;1") != relay.ask("U call 127.0.0.2 4002 a;2")
    assert relay.ask("Q call a;1 b;1 ttl") == "60" and relay.ask("Q call a;3 b;3 ttl") == "E50"
    # as Kamailio asks for its statistics: the second number is missing
    assert relay.ask("Q call a;2 b ttl") == "60"
    assert relay.ask("D call a b") == "0"
    assert relay.ask("Gv nsess_destroyed") == "nsess_destroyed=2"


def test_both_sides_in_one_command(tmp_path):
    with Relayd(tmp_path) as relay:
        first, mark, second = relay.ask("U c 127.0.0.1 4000 a b && L 127.0.0.1 5000").split()
        assert mark == "&&" and first.isdigit() and second.isdigit() and first != second
        for wrong in ("U d 127.0.0.1 4000 a && L 127.0.0.1 5000", "U d h 1 a b && L 127.0.0.1",
                      "U d h 1 a b && L 127.0.0.1 x", "U d h 1 a b && S ttl=0",
                      "U d h 1 a b && A"):  # fmt: skip
            assert relay.ask(wrong) == "E3", wrong
        assert relay.ask("U d h 1 a b && S ttl=7").endswith(" && 0")
        assert relay.ask("Q d a b ttl") == "7"
        assert relay.ask("U e h 1 a b && D").endswith(" && 0") and relay.ask("D e a") == "E50"


def test_weak_sessions_end_with_their_last_holder(relay):
    relay.ask("Uw call 127.0.0.2 4000 a")
    relay.ask("U call 127.0.0.2 4000 a")
    assert relay.ask("D call a") == "0" and relay.ask("Q call a b ttl") == "60"
    assert relay.ask("Dw call a") == "0" and relay.ask("Q call a b ttl") == "E50"


def test_addresses_told_and_bridged(tmp_path):
    inner, outer = "127.0.0.11", "127.0.0.12=198.51.100.7"
    with Relayd(tmp_path, "-l", f"{outer}/{inner}", "-l", "third@127.0.0.13", "-6", "::1") as relay:
        assert relay.ask("Uie c 127.0.0.2 4000 a").split()[1:] == ["198.51.100.7"]
        assert relay.ask("Lei c 127.0.0.3 4000 a b").split()[1:] == [inner]
        assert relay.ask("Ul{third} d 127.0.0.2 4000 a").split()[1:] == ["127.0.0.13"]
        assert relay.ask("U6 e ::2 4000 a").split()[1:] == ["::1", "6"]
        assert relay.ask("Ur127.0.0.99 f 127.0.0.2 4000 a") == "E32"  # leaves from 127.0.0.1
        assert relay.ask("Ul{nobody} g 127.0.0.2 4000 a") == "E31"


def test_the_address_that_leads_to_a_host(tmp_path):
    with Relayd(tmp_path, "-l", "127.0.0.1", "-6", "::1") as relay:
        assert relay.ask("Ur127.0.0.99 f 127.0.0.2 4000 a").split()[1:] == ["127.0.0.1"]
        assert relay.ask("Ur[::1] g 127.0.0.2 4000 a").split()[1:] == ["::1", "6"]


def test_strangers_may_not_command(tmp_path):
    with Relayd(tmp_path, "-a", "127.0.0.77/32") as relay:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(0.3)
            stranger.sendto(b"1_1 X", relay.udp)
            with pytest.raises(TimeoutError):
                stranger.recv(100)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as master:
            master.bind(("127.0.0.77", 0))
            master.settimeout(5)
            master.sendto(b"1_1 V", relay.udp)
            assert master.recv(100) == b"1_1 20040107\n"


def test_silence_ends_a_session_and_is_told(tmp_path):
    told = str(tmp_path / "told.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(told)
        listener.listen()
        listener.settimeout(10)
        with Relayd(tmp_path, "-W", "1", "-n", f"unix:{told}") as relay:
            relay.port(f"U call 127.0.0.2 4000 a unix:{told} call%20a")
            connection, _ = listener.accept()
            assert connection.makefile().readline() == "call a\n"
            connection.close()
            wait_until(lambda: relay.ask("D call a") == "E50", "the session has ended")
            assert relay.ask("Gv nsess_timeout nsess_destroyed") == (
                "nsess_timeout=1 nsess_destroyed=1"
            )
            assert relay.ask("U x 127.0.0.2 4000 a unix:/elsewhere tag") == "E75"


@pytest.mark.parametrize("words, said", [
    (["-l", "no.address"], "no such address: no.address"), (["-m", "0"], "no port: 0"),
    (["-s", "carrier-pigeon:x"], "Invalid argument: carrier-pigeon:x"),
    (["-a", "192.0.2.0/33"], "no such network: 192.0.2.0/33"), (["-T", "x"], "not seconds: x"),
    (["extra"], "not an option: extra"), (["-m", "5000", "-M", "5001"], "does not start"),
])  # fmt: skip
def test_a_wrong_option_is_named(tmp_path, words, said):
    command = [build(), "-s", f"unix:{tmp_path}/s", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    assert done.returncode == 2 and said in done.stderr
