"""Accounting: which transactions and calls leave a row, and what is in it."""

from app import dbtext, routes
from app.proxy.acc import FLT_ACC, FLT_ACCMISSED, ROWS_MAX, ROWS_OF_STRANGERS
from app.proxy.acc_tables import AccTables
from app.sip.transport import Peer
from app.sip.uri import parse_uri
from tests.proxy.box import BOX, WALL, Box, Files
from tests.proxy.phone import SDP, Phone, last, status
from tests.support import raises

FOLDER = "/state/acc"


def accounting_box(files=None, script=routes, **settings):
    """-> (Box that keeps rows, alice 200, bob 201), both registered."""
    box = Box(script=script, files=files, **settings)
    box.proxy.acc.keep(AccTables(box.files, FOLDER, dbtext, box.log))
    alice, bob = Phone(box, "200"), Phone(box, "201")
    alice.register()
    bob.register()
    return box, alice, bob


def rows(box, table):
    """-> [dict] of all that is in a table or on its way there."""
    return box.proxy.acc.last(table, 1000)


def ring(alice, bob, user="201"):
    """-> the INVITE as it came to bob."""
    assert status(alice.request("INVITE", f"sip:{user}@example.org", body=SDP)) == [100]
    return last(bob.received())


def call(alice, bob, seconds=42):
    """A whole call. -> its Call-ID."""
    request = ring(alice, bob)
    bob.reply(request, 200, "OK", body=SDP)
    answer = last(alice.received())
    alice.send(alice.within("ACK", answer, answer, cseq=answer.cseq.number))
    bob.received()
    alice.box.wait(seconds)
    alice.received()
    bob.received()
    alice.send(alice.within("BYE", answer, answer))
    bob.reply(last(bob.received()), 200, "OK")
    assert status(alice.received()) == [200]
    return request.call_id


def test_a_call_leaves_a_row_of_its_invite_its_bye_and_itself():
    box, alice, bob = accounting_box()
    call_id = call(alice, bob)
    invite, bye = rows(box, "acc")
    assert (invite["method"], invite["sip_code"], invite["sip_reason"]) == ("INVITE", "200", "OK")
    assert (invite["callid"], invite["time"]) == (call_id, WALL)
    assert (invite["from_tag"], invite["to_tag"]) == ("f200", "t201")
    assert (invite["src_user"], invite["src_domain"]) == ("200", "example.org")
    assert invite["src_ip"] == alice.peer.host
    assert (invite["dst_ouser"], invite["dst_user"]) == ("201", "201")
    assert invite["dst_domain"] == bob.peer.host
    assert (bye["method"], bye["sip_code"], bye["time"]) == ("BYE", "200", WALL + 42)
    assert (bye["callid"], bye["to_tag"]) == (call_id, "t201")
    (cdr,) = rows(box, "acc_cdrs")
    assert (cdr["start_time"], cdr["end_time"], cdr["duration"]) == (WALL, WALL + 42, 42.0)
    assert (cdr["src_user"], cdr["dst_user"], cdr["ended"]) == ("200", "201", "ended")
    assert rows(box, "missed_calls") == []


def test_syslog_has_the_lines_of_kamailio():
    box, alice, bob = accounting_box()
    call_id = call(alice, bob)
    lines = [line for kind, line in box.log.lines if kind == "record"]
    assert lines[0] == (
        f"ACC: transaction answered: timestamp={WALL};method=INVITE;from_tag=f200;to_tag=t201;"
        f"call_id={call_id};code=200;reason=OK;src_user=200;src_domain=example.org;"
        f"src_ip={alice.peer.host};dst_ouser=201;dst_user=201;dst_domain={bob.peer.host}"
    )
    # the call is over as its BYE passes, the BYE once it is answered
    assert lines[1] == (
        f"start_time={WALL}.000; end_time={WALL + 42}.000; duration=42.000; callid={call_id}; "
        f"from_tag=f200; to_tag=t201; src_user=200; src_domain=example.org; "
        f"src_ip={alice.peer.host}; dst_ouser=201; dst_user=201; dst_domain={bob.peer.host}; "
        "ended=ended"
    )
    assert lines[2].startswith("ACC: transaction answered: ") and ";method=BYE;" in lines[2]
    assert len(lines) == 3


def test_a_call_that_nobody_took_is_missed():
    for code, reason in ((486, "Busy Here"), (603, "Decline"), (480, "Away")):
        box, alice, bob = accounting_box()
        bob.reply(ring(alice, bob), code, reason)
        (missed,) = rows(box, "missed_calls")
        assert (missed["method"], missed["sip_code"]) == ("INVITE", str(code))
        assert (missed["sip_reason"], missed["dst_user"]) == (reason, "201")
        assert rows(box, "acc") == rows(box, "acc_cdrs") == []
        assert box.log.has("ACC: call missed: timestamp=")


def test_a_call_that_rang_out_or_was_given_up_is_missed():
    box, alice, bob = accounting_box(fr_inv_timer=30)
    bob.reply(ring(alice, bob), 180)
    box.wait(100)
    assert [row["sip_code"] for row in rows(box, "missed_calls")] == ["408"]

    box, alice, bob = accounting_box()
    request = ring(alice, bob)
    bob.reply(request, 180)
    (held,) = [each.request for each in box.endpoint._servers.values() if each.method == "INVITE"]
    cancel = alice.make("CANCEL", "sip:201@example.org", call_id=held.call_id,
                        cseq=held.cseq.number, via=str(held.via).partition(";received")[0],
                        to="<sip:201@example.org>")  # fmt: skip
    alice.send(cancel)
    bob.reply(request, 487, "Request Terminated")
    assert [row["sip_code"] for row in rows(box, "missed_calls")] == ["487"]


def test_a_call_that_is_answered_late_is_missed_by_nobody():
    box, alice, bob = accounting_box()
    other = Phone(box, "201", host="192.0.2.99")
    other.register(headers=["Contact: <sip:201@192.0.2.99>;q=0.1"], contact="", call_id="other")
    bob.reply(ring(alice, bob), 486, "Busy Here")
    other.reply(last(other.received()), 200, "OK", body=SDP)
    assert rows(box, "missed_calls") == []
    (row,) = rows(box, "acc")
    assert row["dst_domain"] == "192.0.2.99"


def test_a_call_that_goes_on_to_somebody_else_was_missed_by_the_first():
    """Kamailio tells a missed call before its failure route, whatever comes of that."""

    class Forwarding(Script):
        def not_there(self, r):
            r.set_ruri(parse_uri("sip:202@example.org"))
            r.lookup("location")
            r.t_relay()

    def route(r):
        r.setflag(FLT_ACC)
        r.setflag(FLT_ACCMISSED)
        r.lookup("location")
        r.t_on_failure("not_there")
        r.t_relay()

    box, alice, bob = accounting_box()
    carol = Phone(box, "202")
    carol.register()
    box.proxy.routes = Forwarding(route)
    bob.reply(ring(alice, bob), 486, "Busy Here")
    carol.reply(last(carol.received()), 200, "OK", body=SDP)
    (missed,) = rows(box, "missed_calls")
    assert (missed["sip_code"], missed["dst_user"], missed["to_tag"]) == ("486", "201", "t201")
    (answered,) = rows(box, "acc")
    assert (answered["sip_code"], answered["dst_user"]) == ("200", "202")


def test_the_2xx_that_is_repeated_is_one_row():
    box, alice, bob = accounting_box()
    request = ring(alice, bob)
    for _ in range(3):
        bob.reply(request, 200, "OK", body=SDP)
    assert len(rows(box, "acc")) == 1


def test_what_the_script_does_not_flag_is_not_accounted():
    box, alice, bob = accounting_box()
    assert status(alice.request("MESSAGE", "sip:201@example.org")) == []
    bob.reply(last(bob.received()), 200, "OK")
    alice.request("INVITE", "sip:299@example.org")
    assert rows(box, "acc") == rows(box, "missed_calls") == []


class Script:
    """A routing script of the test's own; its replies pass as they are."""

    def __init__(self, route):
        self.request_route = route

    def onreply_route(self, r):
        pass


def test_flags_and_requests_by_verb():
    seen = []

    def route(r):
        assert not r.isflagset(FLT_ACC)
        r.setflag(FLT_ACC)
        r.setflag(FLT_ACCMISSED)
        r.resetflag(FLT_ACC)
        seen.append((r.isflagset(FLT_ACC), r.isflagset(FLT_ACCMISSED)))
        seen.append(r.acc_db_request("404 Not Found", "missed_calls"))
        seen.append(r.acc_request("no code", "scanners"))
        seen.append(r.acc_db_request("100 x", "../etc/passwd"))
        for number in (-1, 32):
            with raises(ValueError):
                r.setflag(number)
        r.sl_send_reply(404, "Not Found")

    box = Box(script=Script(route))
    box.proxy.acc.keep(AccTables(box.files, FOLDER, dbtext, box.log))
    alice = Phone(box, "200")
    assert status(alice.request("OPTIONS", "sip:204@example.org")) == [404]
    assert seen == [(False, True), True, True, False]
    (row,) = rows(box, "missed_calls")
    assert (row["sip_code"], row["sip_reason"], row["method"]) == ("404", "Not Found", "OPTIONS")
    (row,) = rows(box, "scanners")
    assert (row["sip_code"], row["sip_reason"]) == ("000", "no code")
    assert len(box.log.has("ACC: request accounted: timestamp=")) == 1


def test_accmissed_goes_with_the_first_failure_and_accfailed_has_the_rest():
    def route(r):
        for number in (1, 2, 3):
            r.setflag(number)
        r.t_newtran()
        r.t_reply(486, "Busy Here")

    box = Box(script=Script(route))
    box.proxy.acc.keep(AccTables(box.files, FOLDER, dbtext, box.log))
    alice = Phone(box, "200")
    alice.request("INVITE", "sip:201@example.org")
    assert [row["sip_code"] for row in rows(box, "missed_calls")] == ["486"]
    assert [row["sip_code"] for row in rows(box, "acc")] == ["486"]
    assert rows(box, "acc")[0]["to_tag"]


def test_rows_wait_for_each_other_and_no_longer_than_said():
    box, alice, bob = accounting_box(files=Files(), acc_delay=60)
    before = box.files.appends
    call(alice, bob, 30)
    call(alice, bob, 29)
    assert box.files.appends == before
    box.wait(1)
    assert box.files.appends == before + 2  # acc and acc_cdrs
    assert box.files.data[FOLDER + "/acc"].count(b"\n") == 1 + 4
    box.wait(120)
    assert box.files.appends == before + 2


def test_nothing_is_lost_at_a_planned_stop_and_calls_in_progress_end():
    box, alice, bob = accounting_box()
    bob.reply(ring(alice, bob), 200, "OK", body=SDP)
    box.wait(7)
    box.proxy.stop(box.now, box.wall)
    again = AccTables(box.files, FOLDER, dbtext, box.log)
    (row,) = again.last("acc_cdrs", 9)
    assert (row["duration"], row["ended"]) == (7.0, "ended by a restart")
    assert len(again.last("acc", 9)) == 1


def test_settings_turn_tables_and_lines_off():
    box, alice, bob = accounting_box(acc_db=False, acc_log=False)
    call(alice, bob)
    assert rows(box, "acc") == [] and not [kind for kind, _ in box.log.lines if kind == "record"]


def test_strangers_cause_some_rows_and_no_more():
    """A flood of calls from outside neither wears the flash nor pushes our own rows out."""
    box, alice, bob = accounting_box()
    stranger = Phone(box, "mallory", host="203.0.113.5", domain="example.com")
    for number in range(ROWS_OF_STRANGERS + 10):
        stranger.send(stranger.make("INVITE", "sip:201@example.org", call_id=f"s{number}"))
        bob.reply(last(bob.received()), 486, "Busy Here")
    assert len(rows(box, "missed_calls")) == ROWS_OF_STRANGERS
    assert box.proxy.acc.lost == 10
    call(alice, bob, 1)
    assert len(rows(box, "acc")) == 2


def test_so_many_rows_wait_and_no_more():
    box, alice, bob = accounting_box()
    for _ in range(ROWS_MAX // 3 + 1):
        call(alice, bob, 0)
    assert len(rows(box, "acc")) + len(rows(box, "acc_cdrs")) == ROWS_MAX // 3 * 3 + 3
    assert box.files.data[FOLDER + "/acc"].count(b"\n") > ROWS_MAX // 3


def test_a_medium_that_takes_nothing_costs_rows_and_no_call():
    box, alice, bob = accounting_box()
    box.files.full = True
    call(alice, bob)
    box.wait(120)
    assert box.proxy.acc.lost == 3 and box.log.has("accounting: 2 rows of acc are not kept")
    box.files.full = False
    call(alice, bob)
    box.wait(120)
    assert len(rows(box, "acc")) == 2


def test_what_a_message_says_is_cut_and_cannot_forge_a_line():
    box, alice, bob = accounting_box()
    alice.request("INVITE", "sip:201@example.org", call_id="c" * 300,
                  from_="<sip:200@example.org>;tag=" + "t" * 200)  # fmt: skip
    bob.reply(last(bob.received()), 486, "Busy\x01Here")
    (row,) = rows(box, "missed_calls")
    assert (len(row["callid"]), len(row["from_tag"])) == (255, 128)
    assert row["sip_reason"] == "Busy?Here"


def test_a_tel_uri_and_a_caller_without_a_tag_are_rows_as_well():
    def route(r):
        r.setflag(FLT_ACC)
        r.t_reply(200, "OK")

    box = Box(script=Script(route))
    box.proxy.acc.keep(AccTables(box.files, FOLDER, dbtext, box.log))
    box.receive(
        b"INVITE sip:a;b@192.0.2.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\n"
        b"From: <tel:+99>\r\nTo: <tel:+1234>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
        b"Max-Forwards: 70\r\nContact: <sip:a@192.0.2.7>\r\nContent-Length: 0\r\n\r\n",
        Peer("udp", "192.0.2.7", 5060, 0),
    )
    (row,) = rows(box, "acc")
    assert (row["from_tag"], row["src_user"], row["dst_user"]) == (None, None, "a;b")
    assert (row["dst_ouser"], row["dst_domain"]) == (None, BOX) and row["src_ip"] == "192.0.2.7"
