"""sipp as it comes: its bundled scenarios uac, regexp and uas, which follow no Record-Route."""

import pytest

from tests.peers import sipp
from tests.peers.address import LOOPBACK, free_ports
from tests.peers.process import Program, require

pytestmark = pytest.mark.interop

CALLS = 10
RATE = 5  # a second: a caller whom nobody vouches for is banned at 16 requests in 2 s
SECONDS = 40


class Bundled:
    """One run of `sipp -sn NAME` with more words, in a folder of its own."""

    def __init__(self, folder, name, *words, transport="u1", port=None):
        self.folder = folder / f"{name}-{free_ports(1)}"
        self.folder.mkdir()
        command = [require("sipp", "sip-tester"), "-sn", name, "-i", LOOPBACK, "-t", transport]
        command += ["-p", port or free_ports(1), "-mp", free_ports(4), "-cp", free_ports(1)]
        command += ["-nostdin", "-skip_rlimit", "-trace_err", "-error_file", "errors", "-trace_msg",
                    "-message_file", "messages", "-timeout", f"{SECONDS}s", *words]  # fmt: skip
        self.program = Program(command, self.folder, self.folder / "output", {"TERM": "dumb"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.stop()

    def succeeded(self):
        status = self.program.wait(SECONDS + 5)
        assert status == 0, f"{status}\n{self._read('errors')}\n{self._read('messages')[-5000:]}"

    def _read(self, name):
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""


@pytest.mark.parametrize(
    ("scenario", "transport"), [("uac", "u1"), ("uac", "un"), ("uac", "t1"), ("regexp", "u1")]
)
def test_it_calls_an_extension_that_sipp_answers(own_box, tmp_path, scenario, transport):
    box = own_box()
    port = free_ports(1)
    sipp.register(tmp_path, box.target, "201", port)
    place = f"{box.target.host}:{box.target.port}"
    with Bundled(tmp_path, "uas", port=port) as answering:
        words = (place, "-s", "201", "-m", CALLS, "-r", RATE, "-l", 10, "-d", 200)
        with Bundled(tmp_path, scenario, *words, transport=transport) as calling:
            calling.succeeded()
        assert answering.program.status is None
    log = box.program.output()
    assert log.count("ended after") == CALLS, box.log()
    assert "banned" not in log


def test_it_is_not_let_out(own_box, tmp_path):
    """The same caller, to somebody who is not ours."""
    box = own_box()
    with Bundled(tmp_path, "uac", f"{box.target.host}:{box.target.port}", "-s", "nobody",
                 "-m", 1) as calling:  # fmt: skip
        assert calling.program.wait(SECONDS) == 1
        assert "404" in (calling.folder / "messages").read_text()
