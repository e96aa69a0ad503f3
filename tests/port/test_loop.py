from app.port import loop, net


class Clock:
    """A clock that the test moves."""

    def __init__(self):
        self.time = 1000.0

    def now(self):
        return self.time


def test_run_returns_the_value():
    async def main():
        await loop.pause()
        return 7

    assert loop.run(main()) == 7


def test_a_deadline_in_the_past_returns_at_once():
    clock = Clock()
    sleeper = loop.Sleeper(clock.now)
    sleeper.set(999.0)
    loop.run(sleeper.until_due())


def test_an_earlier_deadline_wakes_the_sleeper():
    clock = Clock()
    sleeper = loop.Sleeper(clock.now)
    woken = []

    async def sleep():
        await sleeper.until_due()
        woken.append(clock.time)

    async def main():
        task = loop.spawn(sleep())
        sleeper.set(clock.time + 86400 * 40)  # beyond the wrap of 32-bit ticks
        await loop.pause()
        sleeper.set(clock.time + 3600)
        await loop.pause()
        assert woken == []
        clock.time += 10
        sleeper.set(clock.time)
        await task

    loop.run(main())
    assert woken == [1010.0]


def test_a_sleeper_without_deadline_sleeps_and_can_be_set():
    clock = Clock()
    sleeper = loop.Sleeper(clock.now)

    async def main():
        task = loop.spawn(sleeper.until_due())
        await loop.pause()
        sleeper.set(clock.time)
        await task

    loop.run(main())


def test_a_cancelled_sleeper_ends_though_a_deadline_is_set_meanwhile():
    clock = Clock()
    sleeper = loop.Sleeper(clock.now)
    ended = []

    async def sleep():
        try:
            await sleeper.until_due()
        finally:
            ended.append("ended")

    async def main():
        task = loop.spawn(sleep())
        await loop.pause()
        task.cancel()
        sleeper.set(clock.time + 3600)  # must not put the task back to sleep
        for _ in range(3):
            await loop.pause()

    loop.run(main())
    assert ended == ["ended"]


def test_readable_wakes_when_a_datagram_comes():
    one, two = net.UdpSocket("127.0.0.1", 0), net.UdpSocket("127.0.0.1", 0)
    got = []

    async def receiver():
        for _ in range(3):
            await loop.readable(two.socket)
            got.append(two.receive()[0])

    async def main():
        task = loop.spawn(receiver())
        for payload in (b"a", b"b", b"c"):
            await loop.pause()
            one.send(payload, "127.0.0.1", two.port)
            await loop.writable(one.socket)
        await task

    loop.run(main())
    assert got == [b"a", b"b", b"c"]
