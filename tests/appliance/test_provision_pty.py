"""scripts/provision.py, as a user runs it, against a box on a pseudo-terminal."""

import os
import pty
import random
import select
import subprocess
import sys
import threading
import tty
from pathlib import Path

import pytest

from scripts.lib.site_folder import set_password

ROOT = Path(__file__).parents[2]
SUBSCRIBER = "username(str) domain(str) password(str)\n"
HOST_BUILD = ROOT / "build" / "host" / "waferpbx"
MICROPYTHON = os.environ.get("WAFERPBX_MICROPYTHON") or (HOST_BUILD.is_file() and str(HOST_BUILD))
INTERPRETERS = [sys.executable] + ([MICROPYTHON] if MICROPYTHON else [])


class Bridge:
    """Two pseudo-terminals joined in the middle, where the noise is.

    `box` and `host` are the names of the two ends.
    """

    def __init__(self, noise_rate=0.0, seed=0):
        self._random = random.Random(seed)
        self._noise_rate = noise_rate
        self._fds = []
        self.box, self._box_side = self._open()
        self.host, self._host_side = self._open()
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _open(self):
        master, slave = pty.openpty()
        tty.setraw(slave)
        self._fds += [master, slave]  # the slave stays open: a master alone reads as hung up
        return os.ttyname(slave), master

    def _run(self):
        other = {self._box_side: self._host_side, self._host_side: self._box_side}
        while True:
            ready, _, _ = select.select([*other, self._stop], [], [])
            if self._stop in ready:
                return
            for fd in ready:
                os.write(other[fd], self._spoil(os.read(fd, 4096)))

    def _spoil(self, data):
        spoilt = bytearray()
        for byte in data:
            if self._random.random() < self._noise_rate:
                byte ^= 1 << self._random.randrange(8)
            if self._random.random() >= self._noise_rate / 2:
                spoilt.append(byte)
        return bytes(spoilt)

    def close(self):
        os.write(self._stopped, b"x")
        self._thread.join()
        for fd in [*self._fds, self._stop, self._stopped]:
            os.close(fd)


@pytest.fixture(params=INTERPRETERS, ids=lambda path: Path(path).name)
def start_box(request, tmp_path):
    """Return a function that starts a box on a line; ends it after the test."""
    started = []

    def start(noise_rate=0.0):
        bridge = Bridge(noise_rate)
        program = ROOT / "tests" / "appliance" / "box_on_line.py"
        path = {"PYTHONPATH": str(ROOT), "MICROPYPATH": f"{ROOT}:.frozen"}
        command = [request.param, program, bridge.box, tmp_path / "data"]
        process = subprocess.Popen(command, env={**os.environ, **path})
        started.append((bridge, process))
        return bridge.host

    yield start
    for bridge, process in started:
        process.kill()
        process.wait()
        bridge.close()


@pytest.fixture
def site(tmp_path):
    """A site's folder with a console password set."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "site.conf").write_text("[system]\nntp = 192.0.2.1\n[sip]\ndomains = example.org\n")
    write_extensions(folder, 30)
    set_password(folder, "opensesame")
    (tmp_path / "password").write_text("opensesame\n")
    return folder


def write_extensions(folder, count):
    rows = [f"{200 + i}:example.org:correct-horse-{i}\n" for i in range(count)]
    (folder / "subscriber").write_text(SUBSCRIBER + "".join(rows))


def provision(port, folder, *options):
    command = [sys.executable, ROOT / "scripts" / "provision.py", *options, port, folder]
    return subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
    )


def stored(tmp_path):
    """Return {name: bytes} of the site that the box's current points at."""
    data = tmp_path / "data"
    folder = data / "sites" / (data / "current").read_text().split()[0]
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_first_and_later_sites_over_a_noisy_line(start_box, site, tmp_path):
    port = start_box(noise_rate=0.0003)
    done = provision(port, site)
    assert done.returncode == 0, done.stderr
    assert stored(tmp_path) == contents(site)
    write_extensions(site, 60)
    done = provision(port, site, "--password-file", tmp_path / "password")
    assert done.returncode == 0, done.stderr
    assert "The box runs the site" in done.stdout
    assert stored(tmp_path) == contents(site)


def test_a_wrong_row_is_shown_with_its_place_and_nothing_changes(start_box, site, tmp_path):
    port = start_box()
    assert provision(port, site).returncode == 0
    before = stored(tmp_path)
    with (site / "subscriber").open("a") as table:
        table.write("299:example.org:x:y:z\n")
    done = provision(port, site, "--password-file", tmp_path / "password")
    assert done.returncode == 1
    assert "the box refused the site and keeps the one it has" in done.stderr
    assert "subscriber:32:" in done.stderr
    assert stored(tmp_path) == before


def test_a_password_is_needed_from_the_second_site_on(start_box, site, tmp_path):
    port = start_box()
    assert provision(port, site).returncode == 0
    done = provision(port, site)
    assert done.returncode == 1 and "--password-file" in done.stderr
    (tmp_path / "password").write_text("wrong\n")
    done = provision(port, site, "--password-file", tmp_path / "password")
    assert done.returncode == 1 and "does not take the password" in done.stderr
