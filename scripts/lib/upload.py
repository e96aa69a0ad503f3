"""Sends a site to a box: requests in frames, repeated until they are answered.

docs/provisioning.md is the specification. Nothing needs to be remembered on this side:
after any break the box says what it has, and the rest is sent.
"""

import hashlib
import secrets
from dataclasses import dataclass, field

from scripts.lib import frames

VERSION = 1
TRIES = 4
TAKE_TRIES = 12
TAKE_SECONDS = 5  # the smallest box checks a full site within this
MIN_PIECE, FIRST_PIECE, MAX_PIECE = 64, 512, 1024  # bytes of a file in one frame
GROW_AFTER = 8  # answers in a row until pieces grow again


class Quiet(Exception):
    """No answer came, however often the request was sent."""


class Rejected(Exception):
    """The box answered that it cannot do that."""


@dataclass
class Outcome:
    """What became of a site: `lines` are the box's words on it."""

    taken: bool
    lines: list = field(default_factory=list)
    sent: int = 0  # bytes of files that had to be sent


class Requests:
    """One request at a time over a link: sent, awaited, and sent again."""

    def __init__(self, link):
        self._link = link
        self._sequence = secrets.randbelow(0x10000)
        self._buffer = b""
        self.repeats = 0

    def ask(self, words, data=b"", tries=TRIES, seconds=None):
        """Return the answer's (words, data); raises Quiet or Rejected."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        frame = frames.encode(self._sequence, words.encode() + (b"\n" + data if data else b""))
        patience = seconds or 0.5 + 3 * (len(frame) + 200) / self._link.bytes_per_second
        for attempt in range(tries):
            # an empty line first: it ends what noise may have begun
            self._link.write(b"\n" + frame if attempt else frame)
            answer = self._await(self._link.now() + patience)
            if answer is not None:
                return _split(answer)
            self.repeats += 1
            patience = patience if seconds else min(2 * patience, 8)
        raise Quiet

    def _await(self, end):
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                frame = frames.decode(line.rstrip(b"\r"))
                if frame and frame[0] == self._sequence:
                    return frame[1]
                continue
            left = end - self._link.now()
            if left <= 0:
                return None
            self._buffer = self._buffer[-8192:] + self._link.read(left)


def _split(answer):
    head, _, data = answer.partition(b"\n")
    words = head.decode("utf-8", "replace").split(" ")
    if words[0] == "ERROR":
        raise Rejected(" ".join(words[1:]))
    return words, data


class Upload:
    """One site, {name: bytes}; `run` it over a link as often as the line breaks.

    `progress(done, total)` is called with bytes of files that the box has.
    """

    def __init__(self, files, progress):
        self._files = files
        self._progress = progress
        self._sent = 0
        self._piece = FIRST_PIECE
        self._good = 0
        self._arrived = False
        lines = [f"{_sha(files[name])} {len(files[name])} {name}\n" for name in sorted(files)]
        self._manifest = "".join(lines).encode()

    def run(self, requests):
        """Send what is missing and have the site taken; returns an Outcome."""
        requests.ask(f"HELLO {VERSION}")
        manifest = _sha(self._manifest)
        words, _ = requests.ask(f"BEGIN {manifest} {len(self._manifest)}")
        self._send(requests, manifest, self._manifest, int(words[1]))
        words, _ = requests.ask(f"OFFER {manifest}")
        self._send_files(requests, [int(word) for word in words[1:] if word])
        words, _ = requests.ask(f"TAKE {manifest}", tries=TAKE_TRIES, seconds=TAKE_SECONDS)
        report = self._report(requests, int(words[1]))
        requests.ask("END", tries=2)
        lines = report.decode("utf-8", "replace").splitlines()
        return Outcome(words[0] == "TAKEN", lines, self._sent)

    def advanced(self):
        """Say whether anything has arrived since this was asked last."""
        arrived, self._arrived = self._arrived, False
        return arrived

    def _send_files(self, requests, counts):
        names = sorted(self._files)
        total = sum(len(data) for data in self._files.values())
        done = sum(counts)
        self._progress(done, total)
        for name, count in zip(names, counts, strict=True):
            data = self._files[name]
            before = done - count

            def report(have, before=before):
                self._progress(before + have, total)

            self._sent += len(data) - count
            self._send(requests, _sha(data), data, count, report)
            done = before + len(data)

    def _send(self, requests, sha, data, have, report=lambda have: None):
        while have < len(data):
            repeats = requests.repeats
            piece = data[have : have + self._piece]
            try:
                words, _ = requests.ask(f"PUT {sha} {have}", piece)
            except Quiet:
                self._piece, self._good = MIN_PIECE, 0
                raise
            self._arrived = self._arrived or int(words[1]) > have
            have = int(words[1])
            self._adapt(requests.repeats > repeats)
            report(have)

    def _adapt(self, repeated):
        """Short pieces survive noise, long ones are faster."""
        if repeated:
            self._piece, self._good = max(MIN_PIECE, self._piece // 2), 0
        else:
            self._good += 1
        if self._good >= GROW_AFTER:
            self._piece, self._good = min(MAX_PIECE, self._piece * 2), 0

    def _report(self, requests, size):
        report = b""
        while len(report) < size:
            _, data = requests.ask(f"REPORT {len(report)}")
            if not data:
                break
            report += data
        return report


def _sha(data):
    return hashlib.sha256(data).hexdigest()
