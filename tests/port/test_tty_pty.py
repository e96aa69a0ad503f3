"""The terminal over a real pseudo-terminal; needs CPython's pty."""

import os
import pty
import termios

import pytest

from app.port import tty


@pytest.fixture
def pair():
    master, slave = pty.openpty()
    line = tty.Tty(os.ttyname(slave), 115200)
    yield master, line
    line.close()
    os.close(slave)
    os.close(master)


def test_bytes_pass_unchanged_both_ways(pair):
    master, line = pair
    every = bytes(range(256))
    assert line.write(every) == 0
    assert os.read(master, 1000) == every
    os.write(master, every)
    assert line.read() == every
    assert line.read() is None


def test_a_line_that_takes_nothing_bounds_what_waits(pair):
    _, line = pair
    for _ in range(40):
        line.write(b"x" * 10000)
    assert 0 < line.flush() <= tty.BACKLOG


def test_a_line_that_another_process_made_sane_is_raw_again(pair):
    master, line = pair
    attributes = termios.tcgetattr(line.fd)
    attributes[1] |= termios.OPOST | termios.ONLCR
    attributes[3] |= termios.ECHO | termios.ICANON
    termios.tcsetattr(line.fd, termios.TCSANOW, attributes)
    line.write(b"Password: \n")
    os.write(master, b"secret")
    assert os.read(master, 100) == b"Password: \n"
    assert line.read() == b"secret"


def test_what_is_no_terminal_is_refused():
    with pytest.raises(OSError) as caught:
        tty.Tty("/dev/null")
    assert caught.value.errno == tty.ENOTTY


def test_a_hung_up_line_reads_as_ended():
    master, slave = pty.openpty()
    line = tty.Tty(os.ttyname(slave))
    os.close(slave)
    os.close(master)
    assert line.write(b"whoever is there") == 0
    assert line.read() == b""
