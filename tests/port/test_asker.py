"""Questions over real loopback sockets: each number is a socket, and none stays behind."""

import asyncio

from app.dns import message
from app.dns.resolver import FOUND, Resolver
from app.port import clock, hashes, loop, net
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
