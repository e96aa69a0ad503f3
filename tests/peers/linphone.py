"""linphone without a screen: its daemon, played over a socket of its own.

A second telephone by other authors, and the one of the distribution that speaks SHA-256.
"""

import socket
import uuid
from pathlib import Path

from tests.peers import tone
from tests.peers.address import LOOPBACK, free_ports
from tests.peers.process import PATIENCE, Program, require, wait_until
from tests.peers.site import DOMAIN, USERS

CONFIG = """\
[sip]
sip_port={port}
sip_tcp_port=-1
sip_tls_port=-1
guess_hostname=0
media_encryption=none
default_proxy=0
[net]
bind_address={host}
[video]
enabled=0
[sound]
playback_dev_id=none
hold_music={tone}
[auth_info_0]
username={user}
userid={user}
passwd={password}
realm={domain}
domain={domain}
"""
DATA = ".local/share/linphone"  # under HOME, and not made by itself


class Linphone:
    """A telephone of `user`, to be registered at `target` (address.Target).

    folder: for its files; frequency: of the tone that it plays, Hz: without a sound card it takes
    its hold music for the microphone. domain: an address, as it looks names up in the DNS, when it
    is to call somebody. with Linphone(...) as phone: it runs.
    """

    def __init__(self, folder, target, user, password=None, domain=DOMAIN, host=LOOPBACK,
                 transport="udp", frequency=660):  # fmt: skip
        self.user, self.host, self.port = user, host, free_ports(1, host)
        self.domain = domain
        self._proxy = f"sip:{target.host}:{target.port};transport={transport}"
        self.folder = (Path(folder) / f"linphone-{user}").resolve()
        (self.folder / DATA).mkdir(parents=True)
        self._pipe = f"waferpbx-{uuid.uuid4().hex[:12]}"
        self._program = None
        self._socket = None
        word = USERS.get(user, "") if password is None else password
        text = CONFIG.format(port=self.port, host=host, user=user, password=word, domain=domain,
                             tone=self.folder / "tone.wav")  # fmt: skip
        self.frequency = frequency
        tone.write_tone(self.folder / "tone.wav", frequency)
        (self.folder / "rc").write_text(text)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start it, and wait until it takes commands."""
        program = require("linphone-daemon", "linphone-cli")
        words = [program, "--config", "rc", "--pipe", self._pipe, "--log", "messages"]
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
        self._program = Program(words, self.folder, self.folder / "log", home)
        self._socket = wait_until(self._connect, self._story("it takes commands"))

    def freeze(self):
        """It falls silent, as when its plug is pulled."""
        self._program.kill()

    def stop(self):
        """End it as a person would, or by force."""
        if self._program and self._program.status is None:
            self.command("quit")
            if self._program.wait(5) is None:
                self._program.stop()
        if self._socket:
            self._socket.close()
            self._socket = None
        Path("/tmp", self._pipe).unlink(missing_ok=True)

    def command(self, line):
        """-> str: the answer to a command of the daemon, "" when it has ended."""
        try:
            self._socket.sendall(line.encode() + b"\n")
            return self._socket.recv(65536).decode(errors="replace")
        except (OSError, AttributeError):
            return ""

    def _connect(self):
        pipe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        pipe.settimeout(PATIENCE)
        try:
            pipe.connect(f"/tmp/{self._pipe}")
        except OSError:
            pipe.close()
            return None
        return pipe

    def register(self):
        """Begin to register; see wait_for_registration()."""
        answer = self.command(f"register sip:{self.user}@{self.domain} {self._proxy}")
        assert answer.startswith("Status: Ok"), self._story(answer)()

    def registration(self):
        """-> str: what its registration is at: "none", "progress", "ok", "failed"..."""
        for line in self.command("register-status ALL").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "State":
                return value.strip().lower().replace("linphoneregistration", "")
        return ""

    def wait_for_registration(self, state="ok", patience=PATIENCE):
        wait_until(lambda: self.registration() == state, self._story(f"registration {state}"),
                   patience)  # fmt: skip

    # What a person does with it

    def dial(self, user):
        self._do(f"call sip:{user}@{self.domain}")

    def accept(self):
        self._do("answer")

    def hang_up(self):
        self._do("terminate")

    def call(self):
        """-> str: what its call is at: "outgoingringing", "incomingreceived", "streamsrunning"...;
        "" without one."""
        for line in self.command("call-status").splitlines():
            name, _, value = line.partition(":")
            if name == "State":
                return value.strip().lower().replace("linphonecall", "")
        return ""

    def wait_for_call(self, state):
        wait_until(lambda: self.call() == state, self._story(f"a call that is {state or 'over'}"))

    def _do(self, line):
        answer = self.command(line)
        assert answer.startswith("Status: Ok"), self._story(f"{line}: {answer}")()

    def messages(self):
        """-> str: its own log, with every message sent and received."""
        path = self.folder / "messages"
        return path.read_text(errors="replace") if path.exists() else ""

    def _story(self, what):
        return lambda: (
            f"{what}; linphone {self.user}:\n{self._program.tail()}\n{self.messages()[-4000:]}"
        )
