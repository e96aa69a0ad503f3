"""Requests of our own: sent, answered, challenged, counted."""

from app.proxy.credentials import Answers, Credential
from app.proxy.uac import MAX_REQUESTS, MAX_ROUNDS
from app.sip import build
from app.sip.digest import challenge, is_right, parse_credentials
from app.sip.message import parse
from app.sip.transport import Peer
from tests.proxy.box import BOX, Box, Hashes
from tests.support import raises

UPSTREAM = Peer("udp", "203.0.113.9", 5060, 0)
SECRET = Credential("trunk.example", "box", "secret")


class Told(list):
    """What `done` was told: [(status, message)]."""

    def done(self, status, message, now):
        self.append((status, message))


def ask(box, told, **fields):
    return box.proxy.uac.request(
        "OPTIONS", "sip:203.0.113.9", now=box.now, done=told.done, **fields
    )  # fmt: skip


def sent(box):
    box.settle()
    return box.to(UPSTREAM)[-1]


def answer(box, request, code, lines=(), peer=UPSTREAM):
    data = build.response(request, code, "Whatever", to_tag="t", headers=lines)
    box.receive(data, peer)


def challenged(realm="trunk.example", nonce="n1", header="WWW-Authenticate", **fields):
    return f"{header}: {challenge(realm, nonce, **fields)}"


def test_a_request_is_whole_and_its_answer_is_told_once():
    box, told = Box(), Told()
    made = ask(box, told, headers=["Event: x"], body=b"hello")
    request = sent(box)
    assert (request.method, request.uri, request.body) == ("OPTIONS", "sip:203.0.113.9", b"hello")
    assert request.max_forwards == 70 and request.header("event") == "x"
    assert request.from_.tag == made.tag and request.to.tag is None
    assert str(request.from_.uri) == f"sip:{BOX}:5060" and request.call_id == made.call_id
    answer(box, request, 100)
    assert told == []
    answer(box, request, 200)
    answer(box, request, 200)
    assert [status for status, _ in told] == [200] and box.proxy.uac.count == 0


def test_silence_is_a_408_and_a_dead_transport_a_503():
    box, told = Box(), Told()
    ask(box, told)
    box.wait(33)
    assert told == [(408, None)]
    ask(box, told)
    box.endpoint.to_send()
    box.endpoint.transport_error(box.now)
    box.settle()
    assert told[1:] == [(503, None)] and box.proxy.uac.count == 0


def test_a_response_that_makes_no_sense_counts_as_500():
    box, told = Box(), Told()
    ask(box, told)
    request = sent(box)
    data = build.response(request, 200, "OK", headers=["To: <sip:x@y>"])
    box.receive(data, UPSTREAM)
    assert told == [(500, None)]


def test_from_to_call_id_and_cseq_may_be_those_of_a_row():
    box, told = Box(), Told()
    ends = {"from_": "<sip:a@b.example>;tag=mine", "to": "<sip:c@d.example>;tag=its"}
    ask(box, told, call_id="row", cseq=7, **ends)
    request = sent(box)
    assert (request.from_.tag, request.to.tag) == ("mine", "its")
    assert (request.call_id, request.cseq.number) == ("row", 7)


def test_a_challenge_is_answered_and_the_answer_is_right():
    box, told = Box(), Told()
    ask(box, told, credentials=[SECRET])
    first = sent(box)
    answer(box, first, 401, [challenged()])
    again = sent(box)
    given = parse_credentials(again.header("authorization"))
    assert is_right(Hashes, "OPTIONS", given, password="secret") and given.nc == 1
    assert again.cseq.number == 2 and again.call_id == first.call_id
    assert again.from_.tag == first.from_.tag and told == []
    answer(box, again, 200)
    assert [status for status, _ in told] == [200]


def test_proxy_and_server_may_both_challenge():
    box, told = Box(), Told()
    ask(box, told, credentials=[SECRET, Credential("proxy.example", "p", "q")])
    line = challenged("proxy.example", "p1", "Proxy-Authenticate")
    answer(box, sent(box), 407, [line])
    answer(box, sent(box), 401, [challenged()])
    last = sent(box)
    assert parse_credentials(last.header("proxy-authorization")).nc == 2
    assert parse_credentials(last.header("authorization")).nc == 1
    answer(box, last, 200)
    assert [status for status, _ in told] == [200]


def test_of_several_challenges_the_first_that_we_know_counts():
    """RFC 8760 2.4, 2.6; an unknown scheme or algorithm is passed over."""
    box, told = Box(), Told()
    ask(box, told, credentials=[SECRET])
    lines = [challenged(algorithm=name) for name in ("SHA-512-256", "SHA-256", "MD5")]
    answer(box, sent(box), 401, ['WWW-Authenticate: Bearer realm="trunk.example"'] + lines)
    given = parse_credentials(sent(box).header("authorization"))
    assert given.algorithm == "sha-256" and is_right(Hashes, "OPTIONS", given, password="secret")


def test_an_ha1_answers_md5_alone():
    ha1 = Hashes.md5(b"box:trunk.example:secret")
    box, told = Box(), Told()
    ask(box, told, credentials=[Credential("trunk.example", "box", ha1=ha1.upper())])
    answer(box, sent(box), 401, [challenged(algorithm="SHA-256"), challenged(algorithm="MD5")])
    given = parse_credentials(sent(box).header("authorization"))
    assert given.algorithm == "md5" and is_right(Hashes, "OPTIONS", given, password="secret")


def unanswered(lines, peer=UPSTREAM):
    box, told = Box(), Told()
    ask(box, told, credentials=[SECRET])
    answer(box, sent(box), 401, lines, peer)
    box.settle()
    return [status for status, _ in told] == [401] and box.to(UPSTREAM) == []


def test_no_digest_for_another_realm_nor_for_somebody_else():
    assert unanswered([challenged("other.example")])
    assert unanswered([challenged("TRUNK.EXAMPLE")])
    assert unanswered([challenged()], Peer("udp", "198.51.100.66", 5060, 0))
    assert unanswered([challenged().replace("auth", "auth-int")])
    assert not unanswered([challenged()])


def test_a_wrong_password_is_not_tried_again():
    box, told = Box(), Told()
    ask(box, told, credentials=[SECRET])
    answer(box, sent(box), 401, [challenged()])
    answer(box, sent(box), 401, [challenged(nonce="n2")])
    assert [status for status, _ in told] == [401] and box.to(UPSTREAM) == []


def test_a_stale_nonce_is_replaced_but_not_for_ever():
    box, told = Box(), Told()
    ask(box, told, credentials=[SECRET])
    answer(box, sent(box), 401, [challenged()])
    for serial in range(2, MAX_ROUNDS + 1):
        answer(box, sent(box), 401, [challenged(nonce=f"n{serial}", stale=True)])
    assert told == []
    answer(box, sent(box), 401, [challenged(nonce="last", stale=True)])
    assert [status for status, _ in told] == [401]


def test_there_are_only_so_many_at_a_time():
    box, told = Box(), Told()
    for _ in range(MAX_REQUESTS):
        assert ask(box, told) is not None
    assert ask(box, told) is None and told == []
    box.wait(33)
    assert len(told) == MAX_REQUESTS and box.proxy.uac.count == 0
    assert ask(box, told) is not None


def test_a_full_endpoint_refuses():
    box, told = Box(limit=1), Told()
    assert ask(box, told) is not None and ask(box, told) is None
    assert box.proxy.uac.count == 1


def test_who_abandons_is_told_nothing():
    box, told = Box(), Told()
    ask(box, told).abandon()
    answer(box, sent(box), 200)
    assert told == [] and box.proxy.uac.count == 0


def test_what_leads_nowhere_or_is_no_message_is_not_sent():
    box = Box()
    uac = box.proxy.uac
    assert uac.request("OPTIONS", "sip:nowhere.example", now=box.now) is None
    with raises(ValueError):
        uac.request("INVITE", "sip:203.0.113.9", now=box.now)
    for line in ("X: a\r\nY: b", "X: a\nY: b"):
        with raises(Exception):
            uac.request("OPTIONS", "sip:203.0.113.9", headers=[line], now=box.now)
    assert uac.count == 0 and box.endpoint.to_send() is None


def test_answers_are_bounded():
    credentials = [Credential(f"r{n}", "u", "p") for n in range(10)]
    answers = Answers(credentials, Hashes, lambda length: "c" * length)
    lines = [challenged(f"r{n}") for n in range(10)]
    request = parse(b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@b>;tag=1\r\n"
                    b"To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n")  # fmt: skip
    assert answers.take(parse(build.response(request, 401, "Whatever", headers=lines)))
    assert len(answers.lines("OPTIONS", "sip:a")) == 4
