"""Our tables in a real Kamailio, and what it writes of them in ours.

Kamailio (5.6 or later, the distribution's package) runs on a loopback port with the modules
that read these tables: db_text, auth_db, alias_db, usrloc. WAFERPBX_REQUIRE_PEERS=1 makes
its absence a failure instead of a skip.
"""

import contextlib
import glob
import hashlib
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

from app.dbtext import TableError, dump, load, new_table

MODULES = (glob.glob("/usr/lib/*/kamailio/modules") + ["/usr/lib/kamailio/modules"])[0]
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
KAMAILIO = shutil.which("kamailio", path=PATH)
KAMCMD = shutil.which("kamcmd", path=PATH)
PATIENCE = 20  # seconds that any one step of the peer may take

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        not (KAMAILIO and KAMCMD) and os.environ.get("WAFERPBX_REQUIRE_PEERS") != "1",
        reason="kamailio is not installed (apt install kamailio)",
    ),
]

CONFIG = """
debug=1
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
dns=no
alias=example.org
listen=udp:127.0.0.1:{port}
loadpath "{modules}"
loadmodule "kex.so"
loadmodule "ctl.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "db_text.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
loadmodule "alias_db.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("ctl", "binrpc", "unix:{folder}/ctl")
modparam("db_text", "default_connection", "text://{folder}/db")
modparam("db_text", "db_delim", "{delimiter}")
modparam("auth_db|alias_db|usrloc", "db_url", "text://{folder}/db")
modparam("auth_db", "calculate_ha1", 1)
modparam("auth_db", "password_column", "password")
modparam("alias_db", "use_domain", 0)
modparam("usrloc", "db_mode", 1)
modparam("usrloc", "use_domain", 0)
request_route {{
    if (method == "REGISTER") {{
        if (!www_authenticate("example.org", "subscriber")) {{
            www_challenge("example.org", "0");
            exit;
        }}
        save("location");
        exit;
    }}
    alias_db_lookup("dbaliases");
    if (lookup("location")) sl_send_reply("302", "$ru");
    else sl_send_reply("404", "$ru");
}}
"""


class Kamailio:
    """A Kamailio of its own folder: db/ holds the tables, `rpc` asks it, `sip` calls it."""

    def __init__(self, folder, tables, delimiter):
        assert KAMAILIO and KAMCMD, "kamailio is not installed (apt install kamailio)"
        self.folder = folder
        os.mkdir(os.path.join(folder, "db"))
        for name in tables:
            self.write(name, tables[name])
        self.port = free_port()
        config = os.path.join(folder, "kamailio.cfg")
        with open(config, "w") as file:
            settings = {"port": self.port, "modules": MODULES, "folder": folder}
            file.write(CONFIG.format(delimiter=delimiter, **settings))
        self._log = open(os.path.join(folder, "log"), "wb")
        self._process = subprocess.Popen(
            [KAMAILIO, "-f", config, "-DD", "-E", "-m", "16", "-M", "4", "-Y", folder],
            stdout=self._log,
            stderr=self._log,
            cwd=folder,
        )

    def write(self, name, data):
        with open(os.path.join(self.folder, "db", name), "wb") as file:
            file.write(data)

    def read(self, name):
        with open(os.path.join(self.folder, "db", name), "rb") as file:
            return file.read()

    def rpc(self, *words):
        command = [KAMCMD, "-s", f"unix:{self.folder}/ctl", *words]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        return done.stdout

    def select(self, table):
        """The header and the rows as Kamailio prints them; None when it cannot load them."""
        answer = self.rpc("db_text.query", f"select * from {table}")
        if answer.startswith(b"error"):
            return None
        if answer.startswith(b"statement returned 0 rows"):
            return b""
        header, _, rest = answer.partition(b"\n")
        rows, _, _ = rest.rpartition(b"\ntotal rows")
        # rpl_printf ends each line that already ends.
        return header + b"\n" + rows.lstrip(b"\n").rstrip(b"\n") + b"\n"

    def sip(self, message):
        """Sends one request, gives the first answer as text."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.sendto(message.encode(), ("127.0.0.1", self.port))
            return client.recv(65535).decode()

    def wait(self):
        deadline = time.monotonic() + PATIENCE
        while b"kamailio" not in self.rpc("core.version"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Kamailio does not run:\n{self.log()}")
            time.sleep(0.05)
        return self

    def stop(self):
        """A shutdown writes the modified tables; call it before reading those."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)
        self._log.close()

    def log(self):
        with open(os.path.join(self.folder, "log"), "rb") as file:
            return file.read()[-4000:].decode("utf-8", "replace")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(tables, delimiter=":"):
    # A short path: a unix socket's name has 108 bytes.
    with tempfile.TemporaryDirectory(prefix="kam-") as folder:
        kamailio = Kamailio(folder, tables, delimiter)
        try:
            yield kamailio.wait()
        finally:
            kamailio.stop()


def site(delimiter=":"):
    """Tables as we write them, in Kamailio's schema."""
    subscriber = new_table("subscriber")
    for name, secret in (("200", "pass:word"), ("201", "back\\slash"), ("202", "s\u00e9same")):
        subscriber.insert(
            username=name, domain="example.org", password=secret, ha1="-", ha1b="-"
        )
    dbaliases = new_table("dbaliases")
    dbaliases.insert(
        alias_username="5551234", alias_domain="example.org", username="200", domain="example.org"
    )
    version = new_table("version")
    for name, number in (("subscriber", 7), ("dbaliases", 1), ("location", 9)):
        version.insert(table_name=name, table_version=number)
    tables = {"location": new_table("location")}
    for table in (subscriber, dbaliases, version):
        tables[table.name] = table
    for table in tables.values():
        table.delimiter = delimiter
    return {name: dump(tables[name]) for name in tables}


@pytest.fixture(scope="module")
def kamailio():
    with running(site()) as peer:
        yield peer


# Our tables in Kamailio's modules.

REGISTER = (
    "REGISTER sip:example.org SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{branch}\r\n"
    "From: <sip:{user}@example.org>;tag=1\r\n"
    "To: <sip:{user}@example.org>\r\n"
    "Call-ID: {user}-{branch}\r\n"
    "CSeq: {cseq} REGISTER\r\n"
    "Contact: <sip:{user}@127.0.0.1:5070>;q=0.5\r\n"
    "Expires: 600\r\n{credentials}"
    "Content-Length: 0\r\n\r\n"
)
OPTIONS = (
    "OPTIONS sip:{user}@example.org SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKoptions{user}\r\n"
    "From: <sip:me@example.org>;tag=1\r\n"
    "To: <sip:{user}@example.org>\r\n"
    "Call-ID: options-{user}\r\n"
    "CSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


def status(answer):
    return answer.split("\r\n")[0].split(" ", 1)[1]


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def register(kamailio, user, secret):
    """REGISTER with digest authentication (RFC 2617 3.2.2.1 without qop); gives the status."""
    first = kamailio.sip(REGISTER.format(user=user, branch="a", cseq=1, credentials=""))
    assert status(first).startswith("401")
    nonce = first.split('nonce="')[1].split('"')[0]
    uri = "sip:example.org"
    response = md5(f"{md5(f'{user}:example.org:{secret}')}:{nonce}:{md5('REGISTER:' + uri)}")
    credentials = (
        f'Authorization: Digest username="{user}", realm="example.org", nonce="{nonce}",'
        f' uri="{uri}", response="{response}"\r\n'
    )
    return status(
        kamailio.sip(REGISTER.format(user=user, branch="b", cseq=2, credentials=credentials))
    )


@pytest.mark.parametrize(
    ("user", "secret"), [("200", "pass:word"), ("201", "back\\slash"), ("202", "s\u00e9same")]
)
def test_auth_db_takes_our_subscribers(kamailio, user, secret):
    assert register(kamailio, user, secret) == "200 OK"
    assert register(kamailio, user, secret + "x").startswith("401")


def test_alias_db_follows_our_dbaliases_to_a_binding(kamailio):
    assert register(kamailio, "200", "pass:word") == "200 OK"
    answer = kamailio.sip(OPTIONS.format(user="5551234"))
    assert status(answer) == "302 sip:200@127.0.0.1:5070"
    assert status(kamailio.sip(OPTIONS.format(user="299"))).startswith("404")


# What Kamailio writes, in ours.


def test_a_location_that_kamailio_writes_loads_and_dumps_alike():
    with running(site()) as peer:
        assert register(peer, "200", "pass:word") == "200 OK"
        assert peer.rpc("db_text.dump").startswith(b"Dump OK")
        written = peer.read("location")
    table, notes = load(written, "location")
    assert notes == []
    row = table.find(username="200")
    assert row["contact"] == "sip:200@127.0.0.1:5070"
    assert row["q"] == 0.5
    assert dump(table) == written


def test_another_delimiter():
    text = b"a(str) b(str,null)\nsip:1@h|x\\|y\n"
    with running(dict(site("|"), sample=text), "|") as peer:
        assert register(peer, "200", "pass:word") == "200 OK"
        assert peer.select("sample") == dump(load(text, "sample", delimiter="|")[0])


def test_our_writer_gives_what_a_modified_table_is_dumped_as():
    text = (
        b"id(int,auto) name(str) weight(double) note(string,null) at(time,null) raw(blob,null) \n"
        b"7:a\\:b:1:tab\\there:2000000000:x\\0y:\n"
        b"\n"
        b":second:-0.005::-5:\n"
        b"3:th\xc3\xafrd:2.:back\\\\slash::\n"
    )
    with running(dict(site(), sample=text)) as peer:
        # An update marks the table as modified; only such a one is written.
        change = 'update sample set name="second" where name="second"'
        assert peer.rpc("db_text.query", change) == b"1 affected rows\n"
        assert peer.rpc("db_text.dump").startswith(b"Dump OK")
        written = peer.read("sample")
    assert written != text
    assert dump(load(text, "sample")[0]) == written


def test_kamailios_own_empty_tables_load():
    folder = "/usr/share/kamailio/dbtext/kamailio"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    if not names:
        pytest.skip("the package has no schema files here")
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        table, notes = load(data, name)
        assert notes == []
        # Nothing but the spaces at the ends of their header lines differs.
        assert dump(table).replace(b" \n", b"\n") == data.replace(b" \n", b"\n")


# The owner's tables, and many random ones: both must see the same values.

OWNERS = (
    b"username(str) domain(str,null) contact(str,null) expires(int,null) q(double,null)"
    b" callid(str,null) cseq(int,null) last_modified(str) replicate(int,null) state(int,null)"
    b" flags(int) user_agent(str) received(str,null)\n"
    b"1002::sip\\:1009@example.org:2000000000:1.0:FourtyTwo:42:2000000000:0:0:128:"
    b"SIP Express Router FIFO::\n"
)
TYPES = {
    "str": ("str", "STR", "s", "sTr"),
    "string": ("string", "String(", "string "),
    "int": ("int", "I", "integer"),
    "double": ("double", "d"),
    "time": ("time", "t"),
    "blob": ("blob", "B"),
}
ESCAPES = ("\\\\", "\\:", "\\n", "\\r", "\\t", "\\0")
BITS = ("a", "Z", "9", " ", "\t", "'", '"', "\u00fc", "#") + ESCAPES


def test_the_owners_aliases_have_the_same_values(kamailio):
    kamailio.write("owners_aliases", OWNERS)
    assert kamailio.select("owners_aliases") == dump(load(OWNERS, "aliases")[0])


def random_field(chance, type, nullable):
    if nullable and chance.random() < 0.3:
        return ""
    if type in ("int", "time"):
        return str(chance.choice((0, 1, -1, 42, 2147483647, -2147483648, "007", "-0")))
    if type == "double":
        whole = chance.choice(("0", "1", "-3", "123456789"))
        return whole + chance.choice(("", ".", ".5", ".125", ".035", ".999", ".123456789"))
    return "".join([chance.choice(BITS) for _ in range(chance.randrange(1, 6))])


def random_table(chance):
    """A table in one of the many spellings that both read alike, now and then too short."""
    types = [chance.choice(list(TYPES)) for _ in range(chance.randrange(2, 7))]
    nullable = [chance.random() < 0.5 for _ in types]
    header = ""
    for at in range(len(types)):
        spelled = chance.choice(TYPES[types[at]]).rstrip("(")
        null = chance.choice((",null", ", N", ",nullify,auto")) if nullable[at] else ""
        header += " " * chance.randrange(3 if at == 0 else 1, 4) * (at > 0)
        header += f"c{at}{' ' * chance.randrange(2)}({spelled}{null})"
    lines = [header + " " * chance.randrange(2)]
    for _ in range(chance.randrange(1, 6)):
        fields = [random_field(chance, types[at], nullable[at]) for at in range(len(types))]
        if chance.random() < 0.1:
            fields = fields[: chance.randrange(1, len(fields))]
        lines.append(":".join(fields) + chance.choice(("", ":")))
        if chance.random() < 0.2:
            lines.append("")
    return "\n".join(lines).encode() + b"\n"


def test_random_tables_have_the_same_values(kamailio):
    chance = random.Random(5060)
    different = []
    refused = 0
    for number in range(120):
        data = random_table(chance)
        name = f"random{number}"
        kamailio.write(name, data)
        theirs = kamailio.select(name)
        try:
            ours = dump(load(data, name)[0])
        except TableError:
            ours = None
        refused += ours is None
        if ours != theirs:
            different.append((data, theirs, ours))
    assert different == []
    assert 0 < refused < 60


@pytest.mark.parametrize(
    "data",
    [
        b"\na(str)\nx\n",
        b"# comment\na(str)\nx\n",
        b"a(str)\r\nx\r\n",
        b"a(int,auto) b(int,auto)\n1:2\n",
        b"a(str,auto)\nx\n",
        b"a(float)\nx\n",
        b"a(str) b(str)\nx:y:z\n",
        b"a(str) b(str)\nx:y::\n",
        b"a(str) b(int) c(str)\nx\n",
        b"a(str) b(str,null)\n:y\n",
        b"a(int) b(str,null)\n+1:y\n",
        b"a(int) b(str,null)\n 1:y\n",
        b"a(double) b(str,null)\n.5:y\n",
        b"a(double) b(str,null)\n1e3:y\n",
        b"a(str) b(str)\nx\\q:y\n",
        b"a(str) b(str)\nx:y\\\n\n",
        b"username(str) contact(str)\n1002:sip\\\\:1009@example.org\n",
    ],
)
def test_what_kamailio_refuses_we_refuse(kamailio, data):
    name = "refused" + md5(repr(data))[:8]
    kamailio.write(name, data)
    assert kamailio.select(name) is None
    with pytest.raises(TableError):
        load(data, name)


@pytest.mark.parametrize(
    ("data", "theirs", "ours"),
    [
        # The last row without a newline: dropped.
        (b"a(str) b(int)\nx:1\ny:2", b"x:1\n", b"x:1\ny:2\n"),
        # Past 2^31: wrapped.
        (b"a(str) b(int)\nx:4297967296\n", b"x:3000000\n", b"x:4297967296\n"),
        (b"a(str) b(time)\nx:2147483648\n", b"x:-2147483648\n", b"x:2147483648\n"),
    ],
)
def test_what_kamailio_misreads_we_read_with_a_note(kamailio, data, theirs, ours):
    name = "misread" + md5(repr(data))[:8]
    kamailio.write(name, data)
    assert kamailio.select(name).partition(b"\n")[2] == theirs
    table, notes = load(data, name)
    assert len(notes) == 1
    assert dump(table).partition(b"\n")[2] == ours
