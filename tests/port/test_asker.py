"""Questions over real loopback sockets: each number is a socket, and none stays behind."""

import asyncio

from app.dns import message
from app.dns.resolver import FOUND, Resolver
from app.port import clock, hashes, loop, net, tcp
from app.port.asker import Asker
from tests.dns import answers

PATIENCE = 10
NAME = "example.org"


class Scene:
    """A resolver with an Asker, and a socket that plays the name server."""

    def __init__(self):
        self.server = net.UdpSocket("127.0.0.1", 0)
        self.resolver = Resolver([("127.0.0.1", self.server.port)], hashes.token)
        self.asker = Asker(self.resolver, self.spawn, self.taken)
        self.got = []

    def spawn(self, task, *arguments):
        return loop.spawn(task(*arguments))

    def taken(self, data, host, port, source):
        self.resolver.receive(data, host, port, source, clock.now())
        item = self.resolver.next_answer()
        if item is not None:
            self.got.append(item[1].status)
        self.asker.flush()

    def ask(self, name=NAME):
        self.resolver.ask(name, message.A, None, clock.now())
        self.asker.flush()

    async def question(self):
        """-> (data, host, port) as it reached the server."""
        await asyncio.wait_for(loop.readable(self.server.socket), PATIENCE)
        return self.server.receive()

    async def answered(self):
        for _ in range(1000):
            if self.got:
                return self.got.pop()
            await asyncio.sleep(0.005)
        raise AssertionError("no answer was taken")


def play(scenario):
    async def run():
        scene = Scene()
        try:
            await scenario(scene)
        finally:
            scene.asker.close()
            scene.server.close()

    loop.run(run())


def test_a_question_goes_out_and_its_answer_comes_in():
    async def scenario(scene):
        scene.ask()
        data, host, port = await scene.question()
        assert len(scene.asker) == 1
        scene.server.send(answers.answer(data, answers.a(NAME, "192.0.2.1")), host, port)
        assert await scene.answered() == FOUND
        assert len(scene.asker) == 0

    play(scenario)


def test_each_question_has_a_port_of_its_own():
    async def scenario(scene):
        ports = set()
        for number in range(6):
            name = f"x{number}.example.org"
            scene.ask(name)
            data, host, port = await scene.question()
            ports.add(port)
            scene.server.send(answers.answer(data, answers.a(name, "192.0.2.1")), host, port)
            assert await scene.answered() == FOUND
        assert len(ports) >= 4  # drawn: two may be equal, but hardly

    play(scenario)


def test_a_socket_whose_question_has_timed_out_is_closed():
    async def scenario(scene):
        scene.ask()
        assert len(scene.asker) == 1
        for _ in range(10):
            due = scene.resolver.next_timer()
            if due is not None:
                scene.resolver.handle_timers(due)
                scene.asker.flush()
        assert len(scene.asker) == 0 and scene.resolver.next_answer()[1].status == "failed"
        await loop.pause()

    play(scenario)


def test_nobody_listens_there():
    async def scenario(scene):
        scene.server.close()
        scene.ask()
        await loop.pause()
        await asyncio.sleep(0.05)
        assert scene.got == [] and len(scene.asker) == 1

    play(scenario)


def over_tcp(answering):
    """Plays a truncated answer, and then the connection: answering(scene, connection, query)."""

    async def scenario(scene):
        listener = tcp.Listener("127.0.0.1", scene.server.port)
        try:
            scene.ask()
            data, host, port = await scene.question()
            scene.server.send(answers.answer(data, flags=0x8380), host, port)
            there = None
            while there is None:
                await asyncio.sleep(0.005)
                there = listener.accept()
            await asyncio.wait_for(loop.readable(there[0].fd), PATIENCE)
            query = there[0].read()
            assert query[:2] == answers.u16(len(query) - 2)
            await answering(scene, there[0], query[2:])
        finally:
            listener.close()

    play(scenario)


def test_an_answer_over_tcp_comes_in_pieces():
    async def answering(scene, connection, query):
        data = answers.answer(query, *[answers.a(NAME, f"192.0.2.{at}") for at in range(1, 100)])
        data = answers.u16(len(data)) + data
        for at in range(0, len(data), 700):
            connection.write(data[at : at + 700])
            await asyncio.sleep(0.002)
        assert await scene.answered() == FOUND
        assert len(scene.asker) == 0
        connection.close()

    over_tcp(answering)


def test_a_connection_that_ends_early_is_no_answer():
    async def answering(scene, connection, query):
        connection.write(b"\1\0rubbish")
        connection.close()
        await asyncio.sleep(0.05)
        assert scene.got == []
        scene.resolver.handle_timers(scene.resolver.next_timer())  # the next attempt
        scene.asker.flush()

    over_tcp(answering)
