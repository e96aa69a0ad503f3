"""A real Kamailio (the distribution's package) with a routing script of the test's own."""

import glob
from pathlib import Path

from tests.peers.address import LOOPBACK, Target, free_ports
from tests.peers.pbx import ping
from tests.peers.process import Program, require, wait_until

BASIC = ("kex", "tm", "tmx", "sl", "rr", "pv", "maxfwd", "textops", "siputils")
# OPTIONS for the server itself, which tells that it runs.
PREAMBLE = """
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
dns=no
{listen}
loadpath "{modules}"
{loads}
modparam("rr", "enable_full_lr", 1)
{params}
request_route {{
    if (is_method("OPTIONS") && uri == myself && $rU == $null) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    route(MAIN);
}}
"""


class Kamailio:
    """One Kamailio on `target` (address.Target), by UDP and, with tcp=True, TCP.

    script: `route[MAIN] {...}` and what else it needs. modules: beyond BASIC; params: lines of
    modparam; tables: {name: bytes} for db_text, in the folder `db`. with Kamailio(...): it runs.
    """

    def __init__(self, folder, script, modules=(), params="", tables=None, host=LOOPBACK,
                 tcp=False):  # fmt: skip
        self.folder = Path(folder) / f"kamailio-{free_ports(1)}"
        self.folder.mkdir(parents=True)
        self.target = Target(host, free_ports(1, host))
        self.db = self.folder / "db"
        self.db.mkdir()
        for name, data in (tables or {}).items():
            (self.db / name).write_bytes(data)
        self._config(script, BASIC + tuple(modules), params, tcp)
        self.program = None

    def _config(self, script, modules, params, tcp):
        place = f"{self.target.host}:{self.target.port}"
        listen = f"listen=udp:{place}\n" + (f"listen=tcp:{place}\n" if tcp else "disable_tcp=yes\n")
        settings = {
            "modules": glob.glob("/usr/lib/*/kamailio/modules")[0],
            "loads": "\n".join(f'loadmodule "{name}.so"' for name in modules),
            "params": params.replace("@db@", f"text://{self.db}"),
            "listen": listen,
        }
        (self.folder / "kamailio.cfg").write_text(PREAMBLE.format(**settings) + script)

    def __enter__(self):
        words = [require("kamailio", "kamailio"), "-f", self.folder / "kamailio.cfg", "-DD", "-E"]
        words += ["-m", "16", "-M", "4", "-Y", self.folder]
        self.program = Program(words, self.folder, self.folder / "log")
        wait_until(self._is_up, lambda: f"Kamailio answers OPTIONS\n{self.program.tail()}")
        return self

    def __exit__(self, *_):
        self.program.stop()

    def log(self):
        """-> str: what it has said."""
        return self.program.output()

    def _is_up(self):
        assert self.program.status is None, self.program.tail()
        return ping(self.target) is not None
