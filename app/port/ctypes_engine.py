"""What the MicroPython module `mediaengine` offers, for CPython by way of ctypes.

The library is looked for where WAFERPBX_ENGINE says, else in build/host of this tree.
"""

import ctypes
import errno
import os

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_LIBRARY = os.path.join(_ROOT, "build", "host", "libmediaengine.so")
EXPIRED_AT_ONCE = 32
ALLOWED_MAX = 4


class _Config(ctypes.Structure):
    _fields_ = [
        ("port_min", ctypes.c_uint16),
        ("port_max", ctypes.c_uint16),
        ("streams", ctypes.c_uint32),
        ("timeout_ms", ctypes.c_uint32),
        ("traffic_class", ctypes.c_uint32),
        ("priority", ctypes.c_uint32),
        ("ring", ctypes.c_uint32),
        ("ordered", ctypes.c_uint32),
    ]


class _Address(ctypes.Structure):
    _fields_ = [
        ("family", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8),
        ("port", ctypes.c_uint16),
        ("host", ctypes.c_uint8 * 16),
    ]


class _Peer(ctypes.Structure):
    _fields_ = [
        ("allowed", _Address * ALLOWED_MAX),
        ("signalled", _Address * 2),
        ("allowed_count", ctypes.c_uint8),
        ("relatch", ctypes.c_uint8),
        ("muted", ctypes.c_uint8),
        ("clock_khz", ctypes.c_uint8),
        ("fixed", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8),
    ]


class _Counts(ctypes.Structure):
    _fields_ = [
        ("packets", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("foreign", ctypes.c_uint32),
        ("nowhere", ctypes.c_uint32),
        ("failed", ctypes.c_uint32),
        ("shorts", ctypes.c_uint32),
    ]


class _Quality(ctypes.Structure):
    _fields_ = [
        ("received", ctypes.c_uint32),
        ("lost", ctypes.c_uint32),
        ("repeated", ctypes.c_uint32),
        ("late", ctypes.c_uint32),
        ("sources", ctypes.c_uint32),
        ("jitter_us", ctypes.c_uint32),
        ("jitter_max_us", ctypes.c_uint32),
        ("gap_max_us", ctypes.c_uint32),
        ("round_trip_us", ctypes.c_uint32),
        ("round_trip_max_us", ctypes.c_uint32),
        ("told_lost", ctypes.c_uint32),
        ("payload_type", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 3),
    ]


class _Stats(ctypes.Structure):
    _fields_ = [
        ("counts", _Counts * 4),
        ("latched", _Address * 4),
        ("quality", _Quality * 2),
        ("idle_ms", ctypes.c_uint32),
        ("expired", ctypes.c_uint32),
    ]


class _Usage(ctypes.Structure):
    _fields_ = [
        ("streams", ctypes.c_uint32),
        ("streams_max", ctypes.c_uint32),
        ("pairs_free", ctypes.c_uint32),
        ("realtime", ctypes.c_uint32),
        ("ring", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("opened", ctypes.c_uint64),
        ("memory", ctypes.c_uint64),
    ]


_HANDLE = ctypes.c_uint32
_PROTOTYPES = {
    "create": (ctypes.POINTER(_Config), ctypes.POINTER(ctypes.c_void_p)),
    "fd": (ctypes.c_void_p,),
    "open": (ctypes.c_void_p, _Address * 2, ctypes.POINTER(_HANDLE), ctypes.c_uint16 * 2),
    "set_peer": (ctypes.c_void_p, _HANDLE, ctypes.c_uint32, ctypes.POINTER(_Peer)),
    "set_timeout": (ctypes.c_void_p, _HANDLE, ctypes.c_uint32),
    "stats": (ctypes.c_void_p, _HANDLE, ctypes.POINTER(_Stats)),
    "close": (ctypes.c_void_p, _HANDLE, ctypes.POINTER(_Stats)),
    "expired": (ctypes.c_void_p, _HANDLE * EXPIRED_AT_ONCE, ctypes.c_uint32),
    "usage": (ctypes.c_void_p, ctypes.POINTER(_Usage)),
}


def _load():
    path = os.environ.get("WAFERPBX_ENGINE") or DEFAULT_LIBRARY
    if not os.path.exists(path):
        remedy = "no media engine there; build it with: make -C firmware/modules/media lib"
        raise OSError(errno.ENOENT, remedy, path)
    library = ctypes.CDLL(path)
    for name, arguments in _PROTOTYPES.items():
        function = getattr(library, "me_engine_" + name)
        function.argtypes = arguments
        function.restype = ctypes.c_int
    library.me_engine_destroy.argtypes = (ctypes.c_void_p,)
    library.me_engine_destroy.restype = None
    library.me_address_read.argtypes = (
        ctypes.c_char_p,
        ctypes.c_uint32,
        ctypes.POINTER(_Address),
    )
    library.me_address_write.argtypes = (ctypes.POINTER(_Address), ctypes.c_char_p)
    return library


def _check(result):
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def _number(value, limit):
    if not 0 <= value <= limit:
        raise OSError(errno.EINVAL, f"{value} is not within 0 to {limit}")
    return value


class Native:
    """The same methods, arguments and results as mediaengine.Engine."""

    def __init__(self, port_min, port_max, streams, timeout_ms, traffic_class, priority, ring):
        self._engine = None
        self._library = _load()
        config = _Config(
            _number(port_min, 65535),
            _number(port_max, 65535),
            _number(streams, 1 << 14),
            _number(timeout_ms, (1 << 31) - 1),
            _number(traffic_class, 255),
            _number(priority, 99),
            _number(ring, 1),
        )
        engine = ctypes.c_void_p()
        _check(self._library.me_engine_create(ctypes.byref(config), ctypes.byref(engine)))
        self._engine = engine

    def __del__(self):
        self.destroy()

    def destroy(self):
        engine, self._engine = self._engine, None
        if engine:
            self._library.me_engine_destroy(engine)

    def _call(self, name, *arguments):
        if self._engine is None:
            raise OSError(errno.EBADF, "the media engine was destroyed")
        return _check(getattr(self._library, "me_engine_" + name)(self._engine, *arguments))

    def _address(self, host, port=0):
        address = _Address()
        if host is not None:
            _check(self._library.me_address_read(host.encode(), port, ctypes.byref(address)))
        return address

    def fd(self):
        return self._call("fd")

    def open(self, offerer, answerer):
        local = (_Address * 2)(self._address(offerer), self._address(answerer))
        handle = _HANDLE()
        ports = (ctypes.c_uint16 * 2)()
        self._call("open", local, ctypes.byref(handle), ports)
        return handle.value, ports[0], ports[1]

    def set_peer(
        self, handle, side, allowed, rtp_host, rtp_port, rtcp_host, rtcp_port, flags, clock_khz
    ):
        if len(allowed) > ALLOWED_MAX:
            raise OSError(errno.EINVAL, f"more than {ALLOWED_MAX} allowed hosts")
        peer = _Peer(allowed_count=len(allowed), relatch=flags & 1, muted=flags >> 1 & 1)
        for place, host in enumerate(allowed):
            peer.allowed[place] = self._address(host)
        peer.clock_khz = _number(clock_khz, 255)
        peer.signalled[0] = self._address(rtp_host, _number(rtp_port, 65535))
        peer.signalled[1] = self._address(rtcp_host, _number(rtcp_port, 65535))
        self._call("set_peer", handle, side, ctypes.byref(peer))

    def set_timeout(self, handle, timeout_ms):
        self._call("set_timeout", handle, _number(timeout_ms, (1 << 31) - 1))

    def stats(self, handle):
        stats = _Stats()
        self._call("stats", handle, ctypes.byref(stats))
        return self._tuple(stats)

    def close(self, handle):
        stats = _Stats()
        self._call("close", handle, ctypes.byref(stats))
        return self._tuple(stats)

    def _tuple(self, stats):
        flat = []
        for counts, latched in zip(stats.counts, stats.latched):
            flat.extend(getattr(counts, name) for name, _ in _Counts._fields_)
            flat.append(self._host(latched))
            flat.append(latched.port)
        for quality in stats.quality:
            flat.extend(getattr(quality, name) for name, _ in _Quality._fields_[:-1])
        return tuple(flat + [stats.idle_ms, bool(stats.expired)])

    def _host(self, address):
        text = ctypes.create_string_buffer(46)
        _check(self._library.me_address_write(ctypes.byref(address), text))
        return text.value.decode() or None

    def expired(self):
        handles = (_HANDLE * EXPIRED_AT_ONCE)()
        return handles[: self._call("expired", handles, EXPIRED_AT_ONCE)]

    def usage(self):
        usage = _Usage()
        self._call("usage", ctypes.byref(usage))
        return (
            usage.streams,
            usage.streams_max,
            usage.pairs_free,
            bool(usage.realtime),
            bool(usage.ring),
            usage.opened,
            usage.memory,
        )
