"""What the damage begins with: the torture messages, and messages of every method."""

from tests.sip.corpus import answers, torture

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.99\r\ns=-\r\nc=IN IP4 192.0.2.99\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
    b"m=video 4002 RTP/AVP 31\r\na=rtcp:4003\r\n"
)
# header lines that some requests have and some code looks at
LINES = (
    "Supported: 100rel, path, outbound, timer, replaces", "Require: 100rel",
    "Proxy-Require: foo", "Max-Breadth: 60", "Session-Expires: 1800;refresher=uac",
    "P-Asserted-Identity: \"A\" <sip:+1@example.net>",
    "P-Preferred-Identity: <sip:200@example.org>",
    "Privacy: id", "Path: <sip:192.0.2.44;lr>", "Refer-To: <sip:202@example.org?Replaces=x>",
    "Replaces: a;to-tag=b;from-tag=c", "Event: reg", "Event: presence;id=1", "RAck: 1 1 INVITE",
    "Reason: Q.850;cause=16", "Route: <sip:192.0.2.10;lr>", "Route: <sip:203.0.113.1;lr>",
    "Record-Route: <sip:192.0.2.44;lr>", "Expires: 600", "Allow: INVITE, ACK, BYE",
    "Accept: application/sdp", "Subject: x\r\n y", "X-Long: " + "x" * 300,
    "Flow-Timer: 25", "User-Agent: friendly-scanner", "Diversion: <sip:1@example.org>",
)  # fmt: skip


def torture_messages():
    """-> [bytes], those of a size that a datagram of a telephone may have."""
    found = [torture(name) for name, _ in answers()]
    return [data for data in found if len(data) < 3000]
