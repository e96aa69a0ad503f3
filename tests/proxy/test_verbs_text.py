"""The verbs that search and change headers and bodies."""

from tests.proxy.phone import SDP
from tests.proxy.probe import answered, passed, probe
from tests.support import raises

HEADERS = ["Subject: one, two", "X-A: 1", "X-B: 2", "X-A: 3", "Supported: 100rel, path",
           "k: timer", "User-Agent: friendly-scanner"]  # fmt: skip


def looked(stage):
    return probe(stage, headers=HEADERS, body=SDP)[0]


def test_searching():
    assert looked(lambda r: (
        r.search("friendly-.*\r"), r.search("no such"), r.search("^INVITE sip:"),
        r.search_body("m=audio [0-9]+"), r.search_body("friendly"),
        r.search_str("00881", "^00(881|979)"), r.search_str(r.ru, "881"),
        r.search_hf("User-Agent", "(?i)FRIENDLY"), r.search_hf("x-a", "3"),
        r.search_hf("x-a", "3", "f"), r.search_hf("None", "."),
        r.is_present_hf_re("^x-"), r.is_present_hf_re("^y-"),
        r.hf_value_exists("Supported", "PATH"), r.hf_value_exists("Supported", "timer"),
        r.hf_value_exists("Supported", "gruu"), r.hf_value_exists("None", "x"),
    )) == (True, False, True, True, False, True, False, True, True, False, False, True, False,
           True, True, False, False)  # fmt: skip


def sent(change):
    return passed(change, headers=HEADERS, body=SDP)


def test_headers_that_are_added():
    request = sent(lambda r: r.insert_hf("X-A: 0\r\n"))
    assert request.headers("x-a") == ["0", "1", "3"]
    request = sent(lambda r: r.insert_hf("P-New: first"))
    assert request.raw.find(b"P-New: first\r\n") < request.raw.find(b"Via:")
    request = sent(lambda r: r.append_hf_value("X-A", "4") and r.insert_hf_value("X-A", "0"))
    assert request.headers("x-a") == ["0", "1", "3", "4"]
    request = sent(lambda r: r.include_hf_value("Supported", "gruu"))
    assert request.headers("supported") == ["100rel", "path", "timer", "gruu"]
    request = sent(lambda r: r.include_hf_value("Supported", "Path"))
    assert request.headers("supported") == ["100rel", "path", "timer"]


def test_headers_that_are_changed_or_removed():
    request = sent(lambda r: r.assign_hf_value("X-A", "9"))
    assert request.headers("x-a") == ["9"]
    request = sent(lambda r: r.exclude_hf_value("Supported", "PATH"))
    assert request.headers("supported") == ["100rel", "timer"]
    request = sent(lambda r: r.exclude_hf_value("Supported", "timer"))
    assert request.headers("supported") == ["100rel", "path"]
    request = sent(lambda r: r.remove_hf_idx("X-A", -1))
    assert request.headers("x-a") == ["1"]
    request = sent(lambda r: r.remove_hf_idx("x-a", "0"))
    assert request.headers("x-a") == ["3"]
    request = sent(lambda r: r.remove_hf_re("^x-"))
    assert (request.header("x-a"), request.header("x-b")) == (None, None)
    request = sent(lambda r: r.subst_hf("X-A", "/([0-9])/<\\1>/"))
    assert request.headers("x-a") == ["<1>", "<3>"]
    request = sent(lambda r: r.subst_hf("X-A", "/[0-9]/n/", "f"))
    assert request.headers("x-a") == ["n", "3"]


def test_what_is_not_there():
    assert looked(lambda r: (
        r.remove_hf("None"), r.remove_hf_idx("X-A", 2), r.remove_hf_idx("X-A", -3),
        r.remove_hf_re("^none"), r.subst_hf("None", "/a/b/"), r.subst_hf("X-A", "/a/b/"),
        r.exclude_hf_value("Supported", "gruu"), r.remove_hf("X-A"), r.remove_hf("X-A"),
    )) == (False, False, False, False, False, False, False, True, False)  # fmt: skip


def test_verbs_see_what_those_before_have_done():
    def change(r):
        r.remove_hf("X-A")
        r.append_hf("X-A: 7")
        assert not r.subst_hf("X-A", "/1/x/")
        assert r.subst_hf("X-A", "/7/8/")
        assert r.hf_value_exists("X-A", "8") and not r.hf_value_exists("X-A", "1")

    assert sent(change).headers("x-a") == ["8"]


def test_what_a_message_needs_stays():
    request = sent(lambda r: r.remove_hf_re("."))
    for name in ("via", "from", "to", "call-id", "cseq", "max-forwards", "content-length"):
        assert request.header(name) is not None
    assert request.header("user-agent") is None


def test_a_line_that_is_none():
    def wrong(r):
        for line in ("no colon", ": value", "a b: c", ""):
            with raises(ValueError):
                r.append_hf(line)
            with raises(ValueError):
                r.insert_hf(line)

    probe(wrong)


def test_no_value_of_the_network_adds_a_line():
    def smuggle(r):
        r.append_hf_value("X-A", "1\r\nX-B: 2")

    _, replies = probe(smuggle)
    assert replies[-1].status == 400


def test_bodies():
    request = sent(lambda r: r.set_body("hello", "text/plain"))
    assert (request.body, request.header("content-type")) == (b"hello", "text/plain")
    assert request.header("content-length") == "5"
    request = sent(lambda r: r.remove_body())
    assert (request.body, request.header("content-type")) == (b"", None)
    assert request.header("content-length") == "0"
    request = sent(lambda r: r.subst_body("/4000/4002/"))
    assert request.body == SDP.replace(b"4000", b"4002")
    found, _ = probe(lambda r: (r.subst_body("/none/x/"), r.subst_body("/o=/p=/")), body=SDP)
    assert found == (False, True)
    found, _ = probe(lambda r: r.subst_body("/a/b/"), body=b"a\xff\xfe")
    assert found is False


def test_a_reply_is_changed_alike():
    response = answered(lambda r: r.assign_hf_value("Server", "PBX") and r.set_body("x"))
    assert (response.header("server"), response.body) == ("PBX", b"x")


def test_another_status_of_the_same_class():
    for came, code, expected in (
        (603, 480, 480), (486, 404, 404), (200, 202, 202), (486, 200, 486), (200, 486, 200),
        (486, 700, 486), (183, 180, 180), (183, 100, 183),
    ):  # fmt: skip
        response = answered(lambda r, code=code: r.change_reply_status(code, "Other"), came)
        assert response.status == expected
        assert (response.reason == "Other") is (expected == code)


def test_what_a_reply_says():
    seen = []
    answered(lambda r: seen.append((r.rs, r.rr, r.is_request(), r.is_method("MESSAGE"),
                                    r.t_check_status("2.."), r.hdr("X-Y"))), headers=["X-Y: z"])
    assert seen == [(200, "Whatever", False, True, True, "z")]
