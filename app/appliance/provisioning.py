"""The box's side of provisioning: frames in, frames out, no clock and no port.

A request is "VERB WORDS\\nDATA". Every one can be repeated without harm, so the other
side simply sends it again until an answer with its sequence number comes; nothing
is kept but what has arrived (staging.py). docs/provisioning.md is the specification.
"""

from app.appliance import frames, sites
from app.appliance.site import MAX_BYTES, MAX_FILES, MAX_NAME

VERSION = 1
REPORT_PIECE = 512  # bytes of a report in one answer


class Refused(Exception):
    """A request that cannot be answered; its text goes back to the other side."""


class Provisioning:
    """One session. `staging` is staging.Staging, `store` is sites.Sites.

    `take(files)` checks the files of a site, uses it, and returns (taken, [lines]).
    `feed` bytes, then pull `output`; `ended` says that the other side is done.
    """

    def __init__(self, staging, store, take):
        self.ended = False
        self._staging = staging
        self._store = store
        self._take = take
        self._lines = frames.LineSplitter()
        self._output = bytearray()
        self._manifest = None  # (sha, size) of the manifest that is being sent
        self._sizes = {}  # sha -> size of the blobs that it names
        self._entries = None  # [(sha, size, name)] once it is complete
        self._taken = None  # (manifest's sha, taken) of the last TAKE, for its repetition
        self._report = b""

    def feed(self, data):
        """Take bytes from the line."""
        for line in self._lines.feed(data):
            frame = frames.decode(frames.TO_BOX, line)
            if frame and not self.ended:
                answer = self._answer(frame[1])
                self._output += frames.encode(frames.FROM_BOX, frame[0], answer)

    def output(self):
        """Return the bytes to send."""
        data = bytes(self._output)
        self._output = bytearray()
        return data

    def close(self):
        """Keep what has arrived for the next session."""
        try:
            self._staging.flush()
        except OSError:
            pass  # it will be sent once more

    def _answer(self, payload):
        head, _, data = payload.partition(b"\n")
        try:
            words = head.decode().split(" ")
            handler = VERBS.get(words[0])
            if handler is None or len(words) - 1 != handler[1]:
                raise Refused("not a request of this version")
            return handler[0](self, data, *words[1:])
        except UnicodeError:
            return b"ERROR not a request"
        except Refused as refusal:
            return f"ERROR {refusal}".encode()
        except OSError as error:
            return f"ERROR the box cannot write: {error!r}".encode()

    # One function a verb.

    def _hello(self, data, version):
        if version != str(VERSION):
            raise Refused(f"this box speaks version {VERSION}; use the provision.py of its release")
        limits = f"{frames.MAX_LINE} {MAX_BYTES} {MAX_FILES}"
        return f"WELCOME {VERSION} {limits} {self._store.current() or '-'}".encode()

    def _begin(self, data, sha, size):
        if not sites.is_id(sha) or not sites.is_size(size) or int(size) > MAX_MANIFEST:
            raise Refused("not a manifest that this box takes")
        if self._manifest != (sha, int(size)):
            self._manifest = (sha, int(size))
            self._sizes = {sha: int(size)}
            self._entries = None
        return self._have(sha)

    def _offer(self, data, sha):
        entries = self._complete_manifest(sha)
        return ("NEED " + " ".join([str(self._count(each)) for each in entries])).encode()

    def _put(self, data, sha, offset):
        if sha not in self._sizes or not sites.is_size(offset):
            raise Refused("offer the manifest first")
        self._staging.put(sha, self._sizes[sha], int(offset), data)
        return self._have(sha)

    def _take_site(self, data, sha):
        if self._taken is None or self._taken[0] != sha:
            files = self._collect(self._complete_manifest(sha))
            taken, lines = self._take(files)
            self._report = "".join([line + "\n" for line in lines]).encode()
            self._taken = (sha, taken)
            if taken:
                self._staging.clear()
        return f"{'TAKEN' if self._taken[1] else 'REFUSED'} {len(self._report)}".encode()

    def _read_report(self, data, offset):
        if not sites.is_size(offset):
            raise Refused("not an offset")
        at = int(offset)
        return f"TEXT {at}\n".encode() + self._report[at : at + REPORT_PIECE]

    def _end(self, data):
        self.ended = True
        return b"BYE"

    # What they share.

    def _have(self, sha):
        return f"HAVE {self._staging.have(sha, self._sizes[sha])}".encode()

    def _complete_manifest(self, sha):
        if self._manifest is None or self._manifest[0] != sha:
            raise Refused("begin with the manifest")
        if self._entries is None:
            whole = self._staging.have(sha, self._manifest[1]) == self._manifest[1]
            data = self._staging.get(sha) if whole else None
            if data is None:
                raise Refused("the manifest is not complete")
            entries, problem = sites.parse_manifest(data)
            if problem:
                raise Refused(problem)
            self._entries = entries
            for blob, size, _ in entries:
                self._sizes[blob] = size
            self._staging.keep([sha] + [entry[0] for entry in entries])
        return self._entries

    def _count(self, entry):
        """Return how many bytes of a file are here; one of the current site is."""
        sha, size, name = entry
        if self._store.file_of_current(sha, name) is not None:
            return size
        return self._staging.have(sha, size)

    def _collect(self, entries):
        found = {}
        for sha, size, name in entries:
            data = self._store.file_of_current(sha, name)
            if data is None and self._staging.have(sha, size) == size:
                data = self._staging.get(sha)
            if data is None:
                raise Refused(f"{name} is not complete")
            found[name] = data
        return found


# one line a file: hash, size, name
MAX_MANIFEST = MAX_FILES * (64 + 1 + 7 + 1 + MAX_NAME + 1)

# verb: (handler, number of words after it)
VERBS = {
    "HELLO": (Provisioning._hello, 1),
    "BEGIN": (Provisioning._begin, 2),
    "OFFER": (Provisioning._offer, 1),
    "PUT": (Provisioning._put, 2),
    "TAKE": (Provisioning._take_site, 1),
    "REPORT": (Provisioning._read_report, 1),
    "END": (Provisioning._end, 0),
}
