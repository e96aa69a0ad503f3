"""Which of many descriptors have something: epoll, so that idle ones cost nothing."""

READ, WRITE = 1, 4  # EPOLLIN, EPOLLOUT
AT_ONCE = 64

try:
    from select import epoll

    def raise_descriptors(wanted):
        """Let this process have `wanted` descriptors if it may; return how many it has."""
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted:
            soft = min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return soft

except ImportError:  # MicroPython with our C module
    import box

    epoll = None
    raise_descriptors = box.raise_descriptors


class Poller:
    """`fd` is readable while wait() has something to tell: await loop.readable(poller.fd)."""

    def __init__(self):
        self._epoll = epoll() if epoll else None
        self.fd = self._epoll.fileno() if epoll else box.epoll()
        self._watched = {}  # descriptor -> events

    def watch(self, fd, events):
        """Watch a descriptor for READ, WRITE or both, from now on; 0: no longer.

        Before a descriptor is closed it has to be let go.
        """
        former = self._watched.get(fd, 0)
        if former == events:
            return
        if not epoll:
            box.epoll_set(self.fd, fd, events)
        elif not events:
            self._epoll.unregister(fd)
        elif former:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        if events:
            self._watched[fd] = events
        else:
            del self._watched[fd]

    def wait(self):
        """Return [(descriptor, readable, writable)] of what has something now; never waits.

        An error counts as both: reading or writing tells which.
        """
        found = self._epoll.poll(0, AT_ONCE) if epoll else box.epoll_wait(self.fd)
        return [
            (fd, bool(events & ~WRITE), bool(events & ~READ)) for fd, events in found
        ]  # fmt: skip

    def close(self):
        """Give the descriptor back."""
        if epoll:
            self._epoll.close()
        else:
            box.close(self.fd)
