"""The tests of this folder build networks of their own: namespaces(7), which takes root."""

from contextlib import ExitStack

import pytest

from tests.interop.conftest import assert_sound
from tests.peers import site
from tests.peers.lab import Lab
from tests.peers.pbx import Pbx

BOX = "203.0.113.10"
SIP_PORT = 5060


class World:
    """A Lab with a box in it. `stack` ends what the test has started, in its order."""

    def __init__(self, lab, folder, stack):
        self.lab, self.folder, self.stack = lab, folder, stack
        self.box = None

    def start_box(self, space="box", host=BOX, address=None, **options):
        """Run a box in a namespace, of site.demo with these options. -> Pbx."""
        made = site.demo(self.folder / "site", **options)
        with self.lab.inside(space):
            self.box = Pbx(made, self.folder, host=host, port=SIP_PORT)
            self.stack.enter_context(self.box)
        return self.box

    def start(self, space, program, *arguments, **options):
        """Start a telephone of tests/peers there. -> it, running."""
        with self.lab.inside(space):
            return self.stack.enter_context(program(*arguments, **options))


@pytest.fixture
def lab(tmp_path):
    """An empty Lab."""
    with Lab(tmp_path) as made:
        yield made


@pytest.fixture
def world(lab, tmp_path):
    """-> World: a box at BOX, a telephone's place behind a NAT, and one on a bad line.

    box, outside 203.0.113.30, trunk .40 on the switch, outside with 5 % loss and 50 ms each way;
    inside 192.168.7.2 behind the NAT home, 203.0.113.20, which forgets in 6 s.
    """
    lab.host("box", f"{BOX}/24")
    lab.host("outside", "203.0.113.30/24", delay=0.05, loss=0.05)
    lab.host("trunk", "203.0.113.40/24")
    lab.nat("home", "203.0.113.20/24", "192.168.7.1/24", timeout=6)
    lab.host("inside", "192.168.7.2/24", behind="home")
    with ExitStack() as stack:
        made = World(lab, tmp_path, stack)
        yield made
    if made.box is not None:
        assert_sound(made.box.program.output())
