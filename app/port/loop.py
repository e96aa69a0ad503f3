"""One asyncio loop on both interpreters: wait for a descriptor, sleep until a deadline.

MicroPython's asyncio has neither add_reader nor call_at; its scheduler's private
queues stand in for them, and nothing but this file touches them.
"""

import asyncio

try:
    from asyncio import core  # MicroPython's scheduler
except ImportError:
    core = None

NAP_MS = 3600 * 1000  # longest single sleep: ticks of 32 bits are compared up to six days ahead


def run(coroutine):
    """Run a coroutine, and the tasks it spawns, until it returns; return its value."""
    return asyncio.run(coroutine)


def spawn(coroutine):
    """Start a coroutine as a task; keep the returned task, or CPython may collect it."""
    return asyncio.create_task(coroutine)


async def pause():
    """Let every other task that is ready run once."""
    await asyncio.sleep(0)


if core:
    _streams = {}  # descriptor -> stream object: MicroPython polls objects, not numbers

    def _wait_for_read(stream):
        yield core._io_queue.queue_read(stream)

    async def readable(source):
        """Wait until `source` (a socket, or the number of a descriptor) has something to read."""
        await _wait_for_read(_stream(source))

    def _wait_for_write(stream):
        yield core._io_queue.queue_write(stream)

    async def writable(source):
        """Wait until `source` takes bytes again."""
        await _wait_for_write(_stream(source))

    def _stream(source):
        if not isinstance(source, int):
            return source
        if source not in _streams:
            # kept for ever: collecting it would close the descriptor
            _streams[source] = open(source, "rb")
        return _streams[source]

    class Sleeper:
        """One task sleeping until the earliest deadline; an earlier one wakes it earlier.

        `now` is the clock that deadlines are of. Exactly one task awaits `until_due()`.
        """

        def __init__(self, now):
            self._now = now
            self._deadline = None
            self._task = None

        def set(self, deadline):
            """Take a deadline (seconds of `now`; None: no deadline) instead of the former one."""
            earlier = deadline is not None and (self._deadline is None or deadline < self._deadline)
            self._deadline = deadline
            # a task that was cancelled is queued to be told so: leave it there
            if earlier and self._task and self._task.data is None:
                core._task_queue.remove(self._task)
                core._task_queue.push(self._task, core.ticks_add(core.ticks(), self._nap()))

        async def until_due(self):
            """Return when the deadline has come."""
            while self._nap():
                await self._sleep(self._nap())

        def _sleep(self, nap):
            self._task = core.cur_task
            core._task_queue.push(self._task, core.ticks_add(core.ticks(), nap))
            try:
                yield
            finally:
                self._task = None

        def _nap(self):
            if self._deadline is None:
                return NAP_MS
            # rounded up, or the last millisecond would be spent spinning
            left = int((self._deadline - self._now()) * 1000 + 0.999)
            return max(0, min(left, NAP_MS))

else:

    async def readable(source):
        """Wait until `source` (a socket, or the number of a descriptor) has something to read."""
        running = asyncio.get_running_loop()
        ready = running.create_future()
        running.add_reader(source, _set, ready)
        try:
            await ready
        finally:
            running.remove_reader(source)

    async def writable(source):
        """Wait until `source` takes bytes again."""
        running = asyncio.get_running_loop()
        ready = running.create_future()
        running.add_writer(source, _set, ready)
        try:
            await ready
        finally:
            running.remove_writer(source)

    def _set(future):
        if not future.done():
            future.set_result(None)

    class Sleeper:
        """One task sleeping until the earliest deadline; an earlier one wakes it earlier.

        `now` is the clock that deadlines are of. Exactly one task awaits `until_due()`.
        """

        def __init__(self, now):
            self._now = now
            self._deadline = None
            self._waiting = None

        def set(self, deadline):
            """Take a deadline (seconds of `now`; None: no deadline) instead of the former one."""
            earlier = deadline is not None and (self._deadline is None or deadline < self._deadline)
            self._deadline = deadline
            if earlier and self._waiting:
                _set(self._waiting)

        async def until_due(self):
            """Return when the deadline has come."""
            running = asyncio.get_running_loop()
            while self._deadline is None or self._deadline > self._now():
                self._waiting = running.create_future()
                timer = None
                if self._deadline is not None:
                    left = self._deadline - self._now()
                    timer = running.call_later(max(0, left), _set, self._waiting)
                try:
                    await self._waiting
                finally:
                    self._waiting = None
                    if timer:
                        timer.cancel()
