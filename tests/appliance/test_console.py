"""The console as an operator meets it, on a clock that the test moves."""

from app.appliance.commands import COMMANDS
from app.appliance.console import Console
from app.appliance.log import Log
from app.appliance.services import Services
from app.port import hashes
from tests.appliance.fakes import FakePhone, FakePort, site_files

PASSWORD = b"opensesame\r"


class Terminal:
    """A console with its services, and the time."""

    def __init__(self, provisioned=True, manage_network=False):
        self.port = FakePort()
        self.log = Log(lambda severity, text: None, lambda: "2026-03-01 12:00:00")
        self.services = Services("0.1.0", "/data", self.port, self.log, manage_network)
        self.services.phone = FakePhone()
        if provisioned:
            self.services.store.activate(self.services.store.write(site_files()))
        self.services.load()
        self.console = Console(self.services, hashes.sha256_digest)
        self.now = 100.0
        self.console.start(self.now)
        self.greeting = self.shown()

    def shown(self):
        return self.console.output().decode()

    def type(self, data):
        """Type bytes, let what is due now happen, return what is shown."""
        self.console.feed(data, self.now)
        return self.wait(0)

    def wait(self, seconds):
        """Move the clock, stopping at every timer; return what is shown."""
        end = self.now + seconds
        while self.console.next_timer() is not None and self.console.next_timer() <= end:
            self.now = max(self.now, self.console.next_timer())
            self.console.handle_timers(self.now)
        self.now = end
        return self.shown()

    def run(self, command):
        """Run a command; return its lines without echo and prompt."""
        lines = self.type(command.encode() + b"\r").split("\r\n")
        assert lines[0].endswith(command)
        return lines[1:-1]


    def run_bytes(self, data):
        """Run a line of any bytes; return its lines without echo and prompt."""
        self.console.feed(data + b"\r", self.now)
        return self.console.output()[len(data) :].decode().split("\r\n")[1:-1]


def logged_in(**options):
    terminal = Terminal(**options)
    assert terminal.type(PASSWORD) == "\r\nwaferpbx@pbx1> "
    return terminal


def test_the_greeting_names_box_and_version_and_asks_for_the_password():
    assert Terminal().greeting == "\r\nWaferPBX 0.1.0 on pbx1\r\nPassword: "


def test_the_right_password_lets_in_and_is_not_shown():
    shown = Terminal().type(PASSWORD)
    assert shown == "\r\nwaferpbx@pbx1> "


def test_a_password_is_checked_in_slices():
    terminal = Terminal()
    terminal.console.feed(PASSWORD, terminal.now)
    slices = 0
    while terminal.console.next_timer() == terminal.now:
        terminal.console.handle_timers(terminal.now)
        slices += 1
    assert slices == 4
    assert terminal.shown().endswith("> ")


def test_wrong_passwords_cost_growing_delays():
    terminal = Terminal()
    for delay in (1, 2, 4, 8, 16, 30, 30):
        assert terminal.type(b"wrong\r") == "\r\n"
        assert terminal.type(PASSWORD) == ""  # what is typed meanwhile does not count
        assert terminal.wait(delay - 0.01) == ""
        assert terminal.wait(0.02) == "Login incorrect\r\nPassword: "
    assert terminal.type(PASSWORD).endswith("> ")
    terminal.type(b"logout\r")
    terminal.type(b"wrong\r")
    assert terminal.wait(1.01).startswith("Login incorrect")


def test_an_empty_password_and_ctrl_c_and_d_only_ask_again():
    terminal = Terminal()
    for data in (b"\r", b"\x03", b"\x04", b"wron\x03"):
        assert terminal.type(data).endswith("Password: ")
    assert terminal.type(PASSWORD).endswith("> ")


def test_logins_and_failures_are_logged():
    terminal = Terminal()
    terminal.type(b"wrong\r")
    terminal.wait(2)
    terminal.type(PASSWORD)
    assert [line.partition("console: ")[2] for line in terminal.log.lines] == [
        "wrong password (1 in a row)",
        "login",
    ]


def test_logout_and_ctrl_d_end_the_session():
    for data in (b"logout\r", b"\x04"):
        terminal = logged_in()
        assert terminal.type(data).endswith("Password: ")
        assert terminal.type(b"status\r") == "\r\n"


def test_an_idle_session_ends():
    terminal = logged_in()
    terminal.wait(590)
    terminal.type(b"x")
    assert terminal.wait(599) == ""
    assert terminal.wait(2).endswith("Password: ")


def test_an_unprovisioned_box_needs_no_password_but_obeys_few_commands():
    terminal = Terminal(provisioned=False)
    assert terminal.greeting.endswith("waferpbx (unprovisioned)> ")
    assert "no site yet" in terminal.run("registrations")[0]
    assert "no site yet" in terminal.run("log")[0]
    assert "no site yet" in terminal.run("reg")[0]
    names = [line.split(" ")[0] for line in terminal.run("help")[1:]]
    assert names == ["help", "network", "provision", "reboot", "status"]
    assert terminal.run("status")[2] == "site           none"
    assert terminal.type(b"\x04").endswith("waferpbx (unprovisioned)> ")
    assert terminal.wait(100000) == ""


def test_help_lists_every_command_within_80_columns():
    lines = logged_in().run("help")
    assert len(lines) == len(COMMANDS) + 1
    assert max([len(line) for line in lines]) <= 80


def test_status_shows_what_an_operator_asks_first():
    terminal = logged_in()
    site = terminal.services.store.current()[:12]
    assert terminal.run("status") == [
        "version        0.1.0",
        "slot           A",
        f"site           {site}, 1 extension",
        "uptime         1d 02h",
        "load           0.05",
        "memory         21.5 MiB of 60.5 MiB in use, 8.8 MiB by waferpbx",
        "registrations  0",
        "calls          0",
        "transactions   0 of 2048",
    ]


def test_registrations_and_calls_are_tables():
    terminal = logged_in()
    assert terminal.run("registrations") == ["no registrations"]
    assert terminal.run("calls") == ["no calls"]
    assert terminal.run("media") == ["no media"]
    phone = terminal.services.phone
    phone.bindings = [("200@example.org", "sip:200@192.0.2.7:5060", 3540, "Phone\x1b[2J/1.0")]
    phone.calls_now = [("200", "201", "confirmed", 75)]
    assert terminal.run("reg") == [
        "AOR              contact                 expires  user agent",
        "200@example.org  sip:200@192.0.2.7:5060  59m 00s  Phone?[2J/1.0",
        "1 binding",
    ]
    assert terminal.run("registrations 200@EXAMPLE.org")[-1] == "1 binding"
    assert terminal.run("registrations 201") == ["no registrations"]
    assert terminal.run("registrations 200 201") == ["usage: registrations [AOR]"]
    assert terminal.run("calls")[1] == "200   201  confirmed  1m 15s"
    assert terminal.run("media") == ["200 to 201", "  audio PCMU", "  nothing"]


def test_a_large_site_does_not_fill_the_line():
    terminal = logged_in()
    terminal.services.phone.bindings = [(f"{n}", "sip:a@h", None, "") for n in range(1000)]
    lines = terminal.run("registrations")
    assert len(lines) == 202 and "never" in lines[1]
    assert lines[-1] == "the first 200 of 1000; registrations AOR shows one's"


def test_unregister():
    terminal = logged_in()
    terminal.services.phone.bindings = [("200", "sip:a@h", 60, ""), ("200", "sip:b@h", 60, "")]
    assert terminal.run("unregister 200") == ["2 bindings of 200 removed"]
    assert "console: 2 bindings of 200 removed" in terminal.services.log.lines[-1]
    assert terminal.run("unregister 200") == [
        "200 has not registered; registrations lists who has"
    ]
    assert terminal.run("unregister") == ["usage: unregister AOR"]


def test_trunks_are_shown():
    terminal = logged_in()
    assert terminal.run("trunks") == ["no trunks"]
    terminal.services.phone.trunks_now = (
        [("1", "sip:192.0.2.1", "active, probed", 2, "the provider"),
         ("1", "sip:192.0.2.2", "inactive, probed", 0, "")],
        [("0301234", "provider.example", "registered", 75), ("old", "p.example", "disabled", None)],
    )  # fmt: skip
    assert terminal.run("trunks") == [
        "set  destination    state             calls  description",
        "1    sip:192.0.2.1  active, probed    2      the provider",
        "1    sip:192.0.2.2  inactive, probed  0      -",
        "",
        "account  registrar         state       next",
        "0301234  provider.example  registered  1m 15s",
        "old      p.example         disabled    -",
    ]


def test_bans_are_shown_and_lifted():
    terminal = logged_in()
    assert terminal.run("bans") == ["nobody is banned"]
    phone = terminal.services.phone
    phone.bans_now = [
        ("198.51.100.7", "16 requests in 2 s", 75, 225, 1234),
        ("2001:db8:1:2::/64", "10 wrong passwords in 600 s", 5, 295, 0),
    ]
    assert terminal.run("bans") == [
        "source             reason                       since   for     dropped",
        "198.51.100.7       16 requests in 2 s           1m 15s  3m 45s  1234",
        "2001:db8:1:2::/64  10 wrong passwords in 600 s  5s      4m 55s  0",
        "2 bans",
    ]
    assert terminal.run("bans lift 198.51.100.7") == ["the ban of 198.51.100.7 is lifted"]
    assert terminal.run("bans lift 198.51.100.7") == [
        "198.51.100.7 is not banned; bans lists who is"
    ]
    assert terminal.run("bans lift 2001:DB8:1:2::/64")[0].startswith("2001:db8:1:2::/64 is not")
    assert terminal.run("bans lift all") == ["1 ban lifted"]
    assert phone.lifted == ["198.51.100.7", "198.51.100.7", "2001:db8:1:2::", None]
    for wrong in ("bans lift", "bans lift anybody", "bans x", "bans lift 1.2.3.4 5"):
        assert terminal.run(wrong) == ["usage: bans [lift ADDRESS|all]"]
    assert [line for line in terminal.log.lines if "bans of 198.51.100.7 lifted" in line]


def test_the_log_is_shown_and_followed():
    terminal = logged_in()
    for number in range(30):
        terminal.log.info("line " + str(number))
    assert len(terminal.run("log")) == 20
    assert terminal.run("log 2")[-1].endswith("line 29")
    assert terminal.run("log 0") == []
    assert terminal.run("log x") == terminal.run("log 1 2") == ["usage: log [LINES|follow]"]
    terminal.type(b"log follow\r")
    terminal.log.error("new one")
    assert terminal.shown() == "2026-03-01 12:00:00 error   new one\r\n"
    assert terminal.type(b"q").endswith("waferpbx@pbx1> ")
    terminal.log.error("another")
    assert terminal.shown() == ""


def test_a_followed_log_ends_with_the_session():
    terminal = logged_in()
    terminal.type(b"log follow\r")
    assert terminal.wait(601).endswith("Password: ")
    assert terminal.log.followers == []


def test_network_shows_addresses():
    assert logged_in().run("network")[:3] == [
        "host name     pbx1",
        "mode          dhcp",
        "eth0          192.0.2.10",
    ]


def test_site_shows_tables_and_goes_back():
    terminal = logged_in()
    assert terminal.run("site")[1:] == [
        "domains   example.org",
        "table     subscriber, 1 row",
        "previous  -",
    ]
    assert terminal.run("site rollback") == ["error: there is no previous site on this box"]
    store = terminal.services.store
    store.activate(store.write(site_files(domain=b"domain(str)\nnew.example\n")))
    assert terminal.run("site rollback") == ["the previous site is in use again"]
    assert terminal.services.phone.sites[-1].domains == ["example.org"]
    assert terminal.run("site frobnicate") == ["usage: site [show|rollback]"]


def test_connections_are_a_table():
    terminal = logged_in()
    assert terminal.run("connections") == ["no connections"]
    terminal.services.phone.connections_now = [
        ("tls", "192.0.2.7", 50123, 75, 5, "200"),
        ("wss", "2001:db8::7", 50124, 5, 5, None),
        ("tcp", "198.51.100.1", 5060, 7200, 60, ""),
    ]
    assert terminal.run("connections") == [
        "peer                     since   last message  user",
        "tls:192.0.2.7:50123      1m 15s  5s            200",
        "wss:[2001:db8::7]:50124  5s      5s            -",
        "tcp:198.51.100.1:5060    2h 00m  1m 00s        trunk",
        "3 connections",
    ]


def test_reboot_spares_calls_unless_told_otherwise():
    terminal = logged_in()
    terminal.services.phone.calls_now = [("200", "201", "confirmed", 75)]
    assert "1 call would be cut" in terminal.run("reboot")[0]
    assert terminal.port.system.reboots == 0
    assert terminal.run("reboot now") == ["the box restarts"]
    assert terminal.port.system.reboots == 1


def test_unknown_commands_get_a_guess():
    terminal = logged_in()
    assert terminal.run("regsitrations") == [
        "unknown command regsitrations; did you mean registrations?"
    ]
    assert terminal.run("r") == ["unknown command r; help lists the commands"]
    assert terminal.run("\u00e9\u00e8") == ["unknown command \u00e9\u00e8; help lists the commands"]
    assert terminal.run("calls x") == ["usage: calls"]
    assert terminal.run("   ") == []
    assert terminal.run_bytes(b"\xff\xfe") == ["unknown command ?; help lists the commands"]


def test_provisioning_ends_by_ctrl_c_at_the_start_of_a_line_or_by_silence():
    terminal = logged_in()
    assert "ready for provision.py" in terminal.type(b"provision\r")
    assert terminal.type(b"noise \x03 noise\r") == ""
    assert terminal.type(b"\x03") == "\r\nprovisioning ended\r\nwaferpbx@pbx1> "
    terminal.type(b"provision\r")
    assert terminal.wait(59) == ""
    assert "provisioning ended" in terminal.wait(2)


def test_bytes_after_the_end_of_a_session_reach_the_prompt():
    terminal = logged_in()
    shown = terminal.type(b"provision\rnoise\r\x03calls\r")
    assert shown.endswith("calls\r\nno calls\r\nwaferpbx@pbx1> ")


def test_a_site_that_this_version_refuses_still_locks_the_console():
    terminal = Terminal()
    store = terminal.services.store
    for bad in (b"domain(str)\nx\n", b"domain(str)\ny\n"):
        store.activate(store.write(site_files(domain=bad, subscriber=b"broken\n")))
    again = Services("0.1.0", "/data", terminal.port, terminal.log)
    assert again.load() is None
    assert again.password() is not None and again.hostname() == "pbx1"
    assert any(["subscriber:1:" in line for line in terminal.log.lines])


def test_a_spoilt_site_gives_way_to_the_one_before():
    terminal = Terminal()
    store = terminal.services.store
    store.activate(store.write(site_files(domain=b"domain(str)\nnew.example\n")))
    files = terminal.port.files
    files.content["/data/sites/" + store.current() + "/domain"] = b"garbage"
    again = Services("0.1.0", "/data", terminal.port, terminal.log)
    assert again.load().domains == ["example.org"]
    assert again.site_id == store.previous()


def test_lines_go_to_the_syslog_server_of_the_site():
    terminal = logged_in()
    conf = site_files()["site.conf"]
    with_server = conf.replace(b"[sip]", b"syslog = 192.0.2.9\n[sip]")
    terminal.services._take(site_files(**{"site.conf": with_server}))
    remote = terminal.log.remote
    terminal.log.error("trunk:\nno answer")
    assert remote._socket.sent[-1] == (
        b"<131>1 2026-03-01T12:00:00Z pbx1 waferpbx - - - trunk: no answer",
        "192.0.2.9",
        514,
    )
    terminal.services._take(site_files(**{"site.conf": with_server, "domain": b"domain(str)\n"}))
    assert terminal.log.remote is remote
    terminal.services._take(site_files())
    assert terminal.log.remote is None and not remote._socket.open


def test_the_network_follows_the_site():
    terminal = Terminal(provisioned=False, manage_network=True)
    assert terminal.port.system.started == [("/etc/init.d/network", "apply")]
    assert b"HOSTNAME='waferpbx'" in terminal.port.files.content["/run/network.conf"]
    terminal.services._take(site_files())
    assert b"HOSTNAME='pbx1'" in terminal.port.files.content["/run/network.conf"]
    assert len(terminal.port.system.started) == 2
