"""The whole program over real loopback sockets, inside this process, under either interpreter."""

import asyncio

from app import main, places
from app.appliance.options import parse_options
from app.appliance.site import check_site
from app.port import files, hashes, loop, net, tcp, tls
from tests.certificates import Folder

PATIENCE = 10  # seconds until an answer counts as lost; none is expected to take so long
SUBSCRIBER = b"username(str) domain(str) password(str)\n200:127.0.0.1:secret-of-200\n"
CONF = b"[sip]\ndomains = 127.0.0.1\n"


def site(conf=CONF, script=None):
    """-> Site of two files; script: source of a checked routes.py."""
    found, errors, _ = check_site({"site.conf": conf, "subscriber": SUBSCRIBER})
    assert found is not None, errors
    found.script = script
    return found


def on_box(scenario, *words):
    """Runs scenario(box, client) on a loop of its own; state goes to a folder that is removed."""
    folder = "test-main-" + hashes.token(8)
    options = parse_options(["--state", folder] + list(words))
    # any free port, which the command line does not offer
    options.listen = (("udp", "127.0.0.1", 0, None), ("tcp", "127.0.0.1", 0, None))

    async def play():
        box = main.Box(options)
        client = net.UdpSocket("127.0.0.1", 0)
        try:
            await scenario(box, client)
        finally:
            close(box)
            client.close()

    try:
        loop.run(play())
    finally:
        files.remove_tree(folder)


def close(box):
    for name in sorted(box.tasks):
        box.tasks[name].cancel()
    if box.engine is not None:
        box.engine.destroy()
    box.sockets.close_all()


async def answer(client, port):
    """-> the first line that comes back upon OPTIONS."""
    request = (
        f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{client.port};branch=z9hG4bK{hashes.token(8)};rport\r\n"
        f"From: <sip:a@b.example>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {hashes.token(8)}\r\n"
        "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    client.send(request.encode(), "127.0.0.1", port)
    return await asyncio.wait_for(first_line(client), PATIENCE)


async def first_line(client):
    await loop.readable(client.socket)
    return client.receive()[0].split(b"\r\n")[0].decode()


def test_it_answers():
    async def scenario(box, client):
        box.reload(site())
        assert await answer(client, box.ports[0]) == "SIP/2.0 200 OK"
        assert box.registrations() == [] and box.calls() == []

    on_box(scenario)


def test_another_site_is_taken_while_it_runs():
    async def scenario(box, client):
        box.reload(site())
        port = box.ports[0]
        box.reload(site(CONF + b"max_contacts = 3\n"))
        assert box.ports[0] == port and box.service.config.max_contacts == 3
        assert await answer(client, port) == "SIP/2.0 200 OK"

    on_box(scenario)


OWN = """
def request_route(r):
    if r.hdr("Call-ID")[:1] == "f":
        return {}[r.ci]
    return r.sl_send_reply(299, "By The Site")
"""


def test_a_site_has_a_script_of_its_own():
    async def scenario(box, client):
        box.reload(site(script=OWN))
        port = box.ports[0]
        while await answer(client, port) == "SIP/2.0 200 OK":  # its Call-ID begins with an f
            pass
        assert ("routing", f"routes.py of the site, {box.service.proxy.script.faults} faults") in (
            box.counters()
        )
        box.reload(site())
        assert await answer(client, port) == "SIP/2.0 200 OK"
        assert ("routing", "as shipped") in box.counters()

    on_box(scenario)


def test_a_script_is_checked_with_its_site():
    async def scenario(box, client):
        files_of = {"site.conf": CONF, "subscriber": SUBSCRIBER, "routes.py": OWN.encode()}
        found, errors, _ = check_site(files_of, False, box.check_script)
        assert errors == [] and found.script == OWN
        files_of["routes.py"] = b"def incoming(r):\n    r.lokup('location')\n"
        found, errors, _ = check_site(files_of, False, box.check_script)
        assert found is None and [str(error) for error in errors] == [
            "routes.py:2:7: r.lokup: no such verb; did you mean lookup?"
        ]
        found, errors, notes = check_site(files_of, False, box.check_script, True)
        assert errors == [] and found.script is None and "r.lokup" in str(notes[-1])

    on_box(scenario)


def test_a_certificate_is_renewed_while_connections_go_on():
    made = Folder()
    for name in ("old", "new"):
        made.issue(name, ("127.0.0.1",))

    def with_certificate(name):
        files = {"site.conf": CONF + b"[tls]\ncertificate = box.pem\nkey = box.key\n"}
        files.update({"subscriber": SUBSCRIBER, "box.pem": made.read(name + ".pem")})
        files["box.key"] = made.read(name + ".key")
        found, errors, _ = check_site(files)
        assert found is not None, errors
        return found

    async def connected(port):
        """-> tls.Tls to the box, over which a keep-alive has been answered."""
        context = tls.client_context(made.read("ca.pem"))
        there = tls.Tls(context, tcp.connect("127.0.0.1", port), "127.0.0.1")
        await pong(there)
        return there

    async def pong(there):
        sent, answer = 0, None
        for _ in range(PATIENCE * 200):
            sent = sent or there.write(b"\r\n\r\n")
            answer = there.read() if sent else None
            if answer is not None:
                break
            await asyncio.sleep(0.005)
        assert answer == b"\r\n"

    async def scenario(box, client):
        box.options.listen += (("tls", "127.0.0.1", 0, None),)
        box.reload(with_certificate("old"))
        before = await connected(box.ports[2])
        box.reload(with_certificate("new"))
        after = await connected(box.ports[2])
        assert b"old" in before.certificate() and b"new" in after.certificate()
        await pong(before)
        assert len(box.connections()) == 2
        before.close()
        after.close()

    try:
        on_box(scenario)
    finally:
        made.remove()


def test_another_port_is_taken_while_it_runs():
    async def scenario(box, client):
        box.reload(site())
        before = box.ports[0]
        box.options.listen = None
        other = net.UdpSocket("0.0.0.0", 0)
        other.close()
        box.reload(site(CONF + f"port = {other.port}\n".encode()))
        assert box.ports[0] == other.port != before
        assert await answer(client, other.port) == "SIP/2.0 200 OK"

    on_box(scenario)


def test_a_port_that_is_taken_leaves_everything_as_it_was():
    async def scenario(box, client):
        box.reload(site())
        port = box.ports[0]
        box.options.listen = None
        try:
            box.reload(site(CONF + f"port = {client.port}\n".encode()))
            raise AssertionError("it took a port that is in use")
        except OSError:
            pass
        assert box.ports[0] == port
        assert await answer(client, port) == "SIP/2.0 200 OK"

    on_box(scenario)


def test_a_folder_without_a_site_is_refused():
    async def scenario(box, client):
        assert not box.load_site()
        assert [line for line in box.log.lines if "error" in line]

    on_box(scenario, "--site", "tests/data/site-as-found/serdb-as-printed")


def test_a_folder_that_is_not_there_is_said_so():
    async def scenario(box, client):
        assert not box.load_site()
        assert [line for line in box.log.lines if "no such folder" in line]

    on_box(scenario, "--site", "tests/data/nowhere")


def test_the_owners_site_is_taken():
    async def scenario(box, client):
        assert box.load_site(), box.log.lines
        assert "aliases" in box.site.tables

    on_box(scenario, "--site", "tests/data/site-as-found/serdb")


def test_a_task_that_fails_ends_the_program():
    async def scenario(box, client):
        async def broken():
            raise KeyError("a fault of ours")

        box.start("broken", broken)
        await asyncio.wait_for(box.alarm_task(), PATIENCE)
        assert [line for line in box.log.lines if "fault in broken: KeyError" in line]

    on_box(scenario)


def test_a_task_that_fails_without_memory_for_the_log_ends_the_program():
    async def scenario(box, client):
        async def broken():
            raise MemoryError()

        def no_memory(text):
            raise MemoryError()

        box.log.error = no_memory
        box.start("broken", broken)
        try:
            await box.tasks["broken"]
        except MemoryError:
            pass
        await asyncio.wait_for(box.alarm_task(), PATIENCE)

    on_box(scenario)


def test_a_datagram_that_finds_no_memory_is_lost_alone():
    async def scenario(box, client):
        class Full:
            @staticmethod
            def receive():
                raise MemoryError()

        box.reload(site())
        datagrams = box.sockets.owners[min(box.sockets.owners)]
        socket, datagrams._socket = datagrams._socket, Full
        client.send(b"x", "127.0.0.1", box.ports[0])
        await loop.readable(socket.socket)
        box.sockets.work()
        datagrams._socket = socket
        assert box.service.faults == 1
        assert await answer(client, box.ports[0]) == "SIP/2.0 200 OK" and not box.failed

    on_box(scenario)


def test_a_mistake_in_the_options_ends_with_2():
    assert main.main(["--nonsense"]) == 2
    assert main.main(["--help"]) == 0


def test_an_address_that_only_we_can_reach_is_not_our_name():
    for address in ("127.0.0.1", "::1", "fe80::5054:ff:fe12:3456", "169.254.7.7"):
        assert not places.is_usable(address)
    for address in ("10.0.2.15", "192.0.2.1", "2001:db8::1"):
        assert places.is_usable(address)
