"""URIs: reading, printing, comparing as RFC 3261 19.1.4 does."""

from app.sip.errors import ParseError
from app.sip.uri import escape, parse_uri, same_uri, unescape
from tests.support import raises


def test_all_parts():
    uri = parse_uri("SIPS:al%20ice:pw@Example.org:5061;transport=tcp;lr?subject=x&to=y")
    assert (uri.scheme, uri.user, uri.password) == ("sips", "al%20ice", "pw")
    assert (uri.host, uri.port, uri.headers) == ("Example.org", 5061, "subject=x&to=y")
    assert uri.params.get("transport") == "tcp" and uri.params.get("lr") == ""
    assert str(uri) == "sips:al%20ice:pw@Example.org:5061;transport=tcp;lr?subject=x&to=y"


def test_printing_repeats_what_was_read():
    for text in ("sip:example.org", "sip:201@[2001:db8::1]:5060;lr=on", "sip:+1@h;user=phone",
                 "tel:+15551234;phone-context=x", "sip:*99#@pbx", "urn:service:sos", "sip:a:@b",
                 "sip:_sip.udp.example.org", "sip:a@b?c=d"):
        assert str(parse_uri(text)) == text


def test_other_schemes_are_kept_whole():
    uri = parse_uri("soap.beep://192.0.2.103:3002")
    assert uri.scheme == "soap.beep" and uri.opaque == "//192.0.2.103:3002"
    assert not uri.is_sip and uri.user is None and uri.aor == (None, "")


def test_user_part_may_look_like_the_rest():
    uri = parse_uri("sip:a;b=c?d/e@example.org")
    assert uri.user == "a;b=c?d/e" and uri.host == "example.org"


def test_aor():
    assert parse_uri("sip:%61:x@EXAMPLE.org:99;lr").aor == ("a", "example.org")
    assert parse_uri("sip:example.org").aor == (None, "example.org")
    assert parse_uri("sip:a%00b@h").aor[0] == "a\x00b"


def test_refused():
    for text in ("", "sip", "sip:", "sip:@h", "sip:a@", "sip:a@b@c", "sip:h:", "sip:h:0",
                 "sip:h:99999", "sip:h:5x", "sip:h;", "sip:h;;a", "sip:h;=b", "sip:h;a=", "sip:h?",
                 "sip:a b@c", "sip:a@b c", "sip:<a>@b", 'sip:"a"@b', "sip:a%4@b", "sip:a%zz@b",
                 "sip:[::1", "sip:[::1]x", "sip:[]", "sip:[12]", "sip:[::g]", "1sip:a@b", ":a",
                 "sip:a@h;p=<", "sip:\u00e9@h", "sip:a\x00@h", "<sip:a@b>", "sip:2001:db8::10",
                 "tel:1 2", "sip:a\r\n@h", "sip:a:b:c@h", "sip:h;a=b\\",
                 "sip:" + "a" * 1100 + "@h"):
        with raises(ParseError) as caught:
            parse_uri(text)
        assert caught.error.code == 400, text


def same(a, b):
    return same_uri(parse_uri(a), parse_uri(b))


def test_rfc3261_equivalent():
    assert same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp")
    assert same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5")
    assert same("sip:carol@chicago.com", "sip:carol@chicago.com;security=on")
    assert same("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com")
    assert same("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x")


def test_rfc3261_not_equivalent():
    assert not same("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP")
    assert not same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060")
    assert not same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp")
    assert not same("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp")
    assert not same("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting")
    assert not same("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off")
    assert not same("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4")
    assert not same("sip:a%40b@h", "sips:a%40b@h") and not same("sip:h", "sip:a@h")


def test_escaped_delimiters_are_no_delimiters():
    assert same("sip:a%3bb@h", "sip:a%3Bb@h") and not same("sip:a%3bb@h", "sip:a;b@h")
    assert not same("sip:%00@h", "sip:%00%00@h")


def test_same_other_scheme():
    assert same("tel:+1", "tel:+1") and not same("tel:+1", "tel:+2")
    assert not same("tel:+1", "sip:+1@h")


def test_unescape_once():
    assert unescape("%2541") == "%41" and unescape("%C3%A9") == "\u00e9"
    assert unescape("%E9") == "\u00e9" and unescape("100%") == "100%" and unescape("%zz") == "%zz"


def test_escape():
    assert escape("a b@c") == "a%20b%40c" and escape("50%") == "50%25"
    assert escape("\u00e9") == "%C3%A9" and escape("a\r\n") == "a%0D%0A"
    for text in ("plain", "a b", "%", "\u0416\x00"):
        assert unescape(escape(text)) == text
