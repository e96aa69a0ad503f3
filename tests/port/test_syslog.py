import socket

from app.port import files, hashes, syslog


def test_packet_is_rfc_3164():
    line = syslog.packet(16, "warning", (2026, 3, 1, 9, 5, 7, 6, 60), "waferpbx", "a\nb\r\0c")
    assert line == b"<132>Mar  1 09:05:07 waferpbx: a b  c"
    assert len(syslog.packet(16, "info", (2026, 3, 1, 9, 5, 7), "t", "x" * 5000)) == 1024


def listener(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(syslog._unix_address(path))
    sock.setblocking(False)
    return sock


def test_lines_reach_the_daemon_also_after_its_restart():
    path = "/tmp/waferpbx-test-" + hashes.token(12)
    log = syslog.Syslog("waferpbx", path)
    log.send("info", "nobody listens")
    assert log.lost == 1
    for text in ("first daemon", "second daemon"):
        daemon = listener(path)
        log.send("info", text)
        assert daemon.recv(2000).endswith(b"waferpbx: " + text.encode())
        daemon.close()
        files.remove(path)
    assert log.lost == 1
    log.close()
