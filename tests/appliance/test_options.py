"""The command line: what it gives, and what it says of mistakes."""

from app.appliance.options import USAGE, UsageError, parse_options
from tests.support import raises


def refused(*words):
    with raises(UsageError) as caught:
        parse_options(words)
    return str(caught.error)


def test_nothing_is_the_default():
    options = parse_options([])
    assert (options.site, options.state, options.listen, options.rtp) == (None,) * 4
    assert not options.console and not options.appliance and not options.help


def test_everything():
    options = parse_options([
        "--site", "here/", "--state=there", "--listen", "127.0.0.1:5070", "--advertise",
        "[2001:db8::1]:5080", "--rtp", "20000-20099", "--console",
        "--stats=/tmp/figures",
    ])  # fmt: skip
    assert (options.site, options.state) == ("here", "there")
    both = (("udp", "127.0.0.1", 5070, None), ("tcp", "127.0.0.1", 5070, None))
    assert options.listen == both
    assert options.advertise == ("2001:db8::1", 5080)
    assert options.rtp == (20000, 20099) and options.console
    assert options.stats == "/tmp/figures"
    assert parse_options(["--dns=127.0.0.1:5353"]).dns == ("127.0.0.1", 5353)
    assert [each[:3] for each in parse_options(["--listen", "::"]).listen] == [
        ("udp", "::", None), ("tcp", "::", None),
    ]  # fmt: skip
    words = ["--listen", "tls:[::1]:5061", "--listen=udp:10.0.0.1 advertise 192.0.2.1"]
    assert parse_options(words).listen == (
        ("tls", "::1", 5061, None), ("udp", "10.0.0.1", None, ("192.0.2.1", None)),
    )  # fmt: skip


def test_mistakes_are_named():
    assert "--listen needs a value" in refused("--listen")
    assert "unknown option --lisen" in refused("--lisen", "x")
    assert "host.example:5060 is no IP address" in refused("--listen", "host.example:5060")
    assert "sctp:127.0.0.1 is no IP address" in refused("--listen", "sctp:127.0.0.1")
    assert "20001 is odd" in refused("--rtp", "20001-20099")
    assert "unknown option --console=yes" in refused("--console=yes")
    assert "--site names another" in refused("--appliance", "--site", "x")


def test_the_usage_has_every_option():
    for word in ("--site", "--state", "--listen", "--advertise", "--rtp", "--console",
                 "--appliance"):  # fmt: skip
        assert word in USAGE
