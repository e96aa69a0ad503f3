"""baresip without a screen: a real telephone that plays a tone and records what it hears.

Each phone has a folder with the configuration that we write and the recordings that it
writes, and is played over ctrl_tcp: JSON in netstrings, baresip 1.0 and later.
"""

import json
import re
import socket
import time
from pathlib import Path

from tests.peers import tone
from tests.peers.address import LOOPBACK, free_ports
from tests.peers.process import PATIENCE, Program, missing, require, wait_until
from tests.peers.site import DOMAIN, USERS

MODULES = ("g711", "aufile", "aubridge", "sndfile", "menu", "ctrl_tcp", "account")
MODULE_FOLDERS = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules",
                  "/usr/local/lib/baresip/modules")  # fmt: skip

# aubridge is the loudspeaker: it takes the decoded sound at its own pace, and sndfile writes
# down what passes. The microphone is a file. Everything at 8 kHz, so that nothing resamples.
CONFIG = """\
poll_method             epoll
sip_listen              {host}:{port}
call_local_timeout      120
call_max_calls          4
audio_path              {folder}
audio_player            aubridge,speaker
audio_source            aufile,{folder}/tone.wav
audio_alert             aubridge,bell
ausrc_srate             8000
auplay_srate            8000
ausrc_channels          1
auplay_channels         1
audio_srate             8000
audio_channels          1
rtp_ports               {rtp}-{rtp_last}
rtcp_mux                no
net_interface           {host}
ctrl_tcp_listen         {host}:{control}
snd_path                {folder}
module_path             {modules}
{load}
"""
ACCOUNT = (
    "<sip:{user}@{domain}>;auth_user={user};auth_pass={password};"
    'outbound="sip:{box};transport={transport}"'
    ";regint={regint};answermode={answermode};audio_codecs=PCMU,PCMA;ptime=20;mwi=no\n"
)


def modules_folder():
    """-> str: where the package keeps baresip's modules."""
    for folder in MODULE_FOLDERS:
        if (Path(folder) / "g711.so").exists():
            return folder
    return missing("baresip's module g711.so", "apt install baresip", "WAFERPBX_REQUIRE_PEERS")


class Baresip:
    """A telephone of `user` registered at `target` (address.Target).

    folder: for its files; frequency: of the tone that it plays, Hz; answermode: "manual" or
    "auto"; expires: seconds it registers for; transport: "udp", "tcp" or "tls"; authority: file
    with the certificate of who vouches for the box. with Baresip(...) as phone: it is registered.
    """

    def __init__(self, folder, target, user, frequency=440, password=None, domain=DOMAIN,
                 host=LOOPBACK, answermode="manual", expires=600, transport="udp",
                 authority=None):  # fmt: skip
        self._program = None
        self._control = None
        self._command = [require("baresip", "baresip"), "-f", "."]
        self.user, self.host, self.target = user, host, target
        self.frequency = frequency
        self.domain = domain
        self.port, self._control_port = free_ports(1, host), free_ports(1, host)
        self.folder = (Path(folder) / f"baresip-{user}").resolve()
        self.folder.mkdir(parents=True)
        self.events = []
        self._received = b""
        self._answers = []
        word = USERS.get(user, "") if password is None else password
        self._configure(word, answermode, expires, transport, authority)

    def _configure(self, password, answermode, expires, transport, authority):
        rtp = free_ports(40, self.host)
        modules = modules_folder()
        load = "\n".join([_module_line(name) for name in MODULES])
        text = CONFIG.format(
            host=self.host, port=self.port, control=self._control_port, folder=self.folder,
            rtp=rtp, rtp_last=rtp + 39, modules=modules, load=load,
        )  # fmt: skip
        if authority is not None:
            text += f"sip_cafile {authority}\nsip_verify_server yes\n"
        (self.folder / "config").write_text(text)
        account = ACCOUNT.format(
            user=self.user, domain=self.domain, password=password, regint=expires,
            box=f"{self.target.host}:{self.target.port}", answermode=answermode,
            transport=transport,
        )  # fmt: skip
        (self.folder / "accounts").write_text(account)
        (self.folder / "contacts").write_text("")
        tone.write_tone(self.folder / "tone.wav", self.frequency)

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
        """Start it, and wait until it has registered."""
        self._begin()
        # by its answer, for the event may have come before we were connected
        wait_until(self.is_registered, self._story("it has registered"))

    def try_to_register(self):
        """Start it. -> bool: it has registered, or has given up."""
        self._begin()

        def look():
            log = self._program.output()
            return self.is_registered() or "Register: " in log or "401 Unauthorized" in log

        wait_until(look, self._story("it has registered or given up"))
        return self.is_registered()

    def _begin(self):
        # HOME: whatever configuration the person who runs the tests has stays out of it
        home = {"HOME": str(self.folder), "TERM": "dumb"}
        self._program = Program(self._command, self.folder, self.folder / "log", home)
        self._control = wait_until(self._connect, self._story("its control port opens"))

    def freeze(self):
        """It falls silent, as when its plug is pulled."""
        self._program.kill()

    def stop(self):
        """End it as a person would, or by force."""
        if self._control:
            try:
                self._send("quit")
                self._program.wait(3)
            except OSError:
                pass
            self._control.close()
            self._control = None
        if self._program:
            self._program.stop()

    # What a person does with it

    def dial(self, user):
        self.command("dial", f"sip:{user}@{self.domain}")

    def accept(self):
        self.command("accept")

    def hang_up(self):
        self.command("hangup")

    def hold(self):
        self.command("hold")

    def resume(self):
        self.command("resume")

    def command(self, name, parameters=""):
        """Run a command of baresip's menu. -> its answer as text."""
        self._answers = []
        self._send(name, parameters)
        answer = wait_until(self._next_answer, self._story(f"the answer to {name}"))
        assert answer.get("ok"), f"{name} {parameters}: {answer}\n{self.log()}"
        return answer.get("data", "")

    def wait_for(self, kind, patience=PATIENCE):
        """-> dict: the next event of that type: REGISTER_OK, CALL_ESTABLISHED, CALL_CLOSED..."""

        def look():
            self._read()
            for event in self.events:
                if event.get("type") == kind:
                    self.events.remove(event)
                    return event
            return None

        return wait_until(look, self._story(f"the event {kind}"), patience)

    def is_registered(self):
        """-> bool: its account has a registration that was accepted."""
        return "OK" in self.command("reginfo")

    def packets(self):
        """-> int: RTP packets of the other party that the present call has received."""
        found = re.search(r"rcvd=(\d+)", self.command("audio_debug"))
        return int(found.group(1)) if found else 0

    def is_hearing(self, seconds=0.4):
        """-> bool: packets have come in within that time."""
        before = self.packets()
        time.sleep(seconds)
        return self.packets() > before

    # What it hears

    def heard(self):
        """-> (samples, rate): what has been decoded in the latest call so far."""
        files = sorted(self.folder.glob("dump-*dec.wav"), key=lambda path: path.stat().st_mtime)
        return tone.read_wave(files[-1]) if files else ([], tone.RATE)

    def tenths_heard(self, frequency):
        """-> int: tenths of a second of that tone heard in the latest call so far."""
        samples, rate = self.heard()
        return tone.tone_blocks(samples, rate, frequency)

    def wait_to_hear(self, frequency, tenths=10, patience=PATIENCE):
        """Wait until `tenths` of a second of that tone have been heard. -> how many were."""

        def look():
            found = self.tenths_heard(frequency)
            return found if found >= tenths else None

        return wait_until(look, self._story(f"{frequency} Hz to be heard"), patience, 0.2)

    def log(self):
        """-> str: the last of its output."""
        return self._program.tail(60) if self._program else "(not started)"

    # ctrl_tcp

    def _story(self, what):
        return lambda: f"{what}; baresip {self.user} has events {self.events}\n{self.log()}"

    def _connect(self):
        if self._program.status is not None:
            raise AssertionError(f"baresip ended with {self._program.status}\n{self.log()}")
        try:
            control = socket.create_connection((self.host, self._control_port), timeout=2)
        except OSError:
            return None
        control.settimeout(0.02)
        return control

    def _send(self, name, parameters=""):
        body = json.dumps({"command": name, "params": parameters, "token": str(time.monotonic())})
        data = body.encode()
        self._control.sendall(b"%d:%s," % (len(data), data))

    def _next_answer(self):
        self._read()
        return self._answers.pop(0) if self._answers else None

    def _read(self):
        """Sort what has come in into events and answers."""
        try:
            self._received += self._control.recv(65536)
        except TimeoutError:
            pass
        while True:
            length, colon, rest = self._received.partition(b":")
            if not colon or len(rest) < int(length) + 1:
                return
            message = json.loads(rest[: int(length)])
            self._received = rest[int(length) + 1 :]
            (self.events if message.get("event") else self._answers).append(message)


def _module_line(name):
    kind = "module_app" if name in ("menu", "ctrl_tcp", "account") else "module"
    return f"{kind:<24}{name}.so"
