"""What once made the box fail, as files: a line for each datagram, to be played again.

    # box                                     the whole box, or "parser": by itself
    udp 192.0.2.200 5060 494e56495445...      a datagram from that address, in hex
    wait 33.5                                 so many seconds pass
"""

import binascii

from app.sip.transport import Peer
from tests.fuzz.scene import Scene
from tests.sip.exercise import exercise


def read(path):
    """-> history, as Scene has it, with its kind in front: ("box",) or ("parser",)."""
    history = [("box",)]
    with open(path) as file:
        for line in file:
            words = line.split()
            if words and words[0] == "wait":
                history.append(("wait", float(words[1])))
            elif words and words[0] == "#":
                history[0] = (words[1],)
            elif words:
                data = binascii.unhexlify(words[3]) if len(words) > 3 else b""
                history.append((words[0], words[1], int(words[2]), data))
    return history


def write(path, history):
    with open(path, "w") as file:
        file.write(f"# {history[0][0]}\n")
        for each in history[1:]:
            if each[0] == "wait":
                file.write(f"wait {each[1]}\n")
            else:
                data = binascii.hexlify(each[3]).decode()
                file.write(f"{each[0]} {each[1]} {each[2]} {data}\n")


def play(history):
    """Let all of it come to a new box, or to the parser alone."""
    scene = Scene()
    for each in history[1:]:
        if history[0][0] == "parser":
            exercise(each[3])
        elif each[0] == "wait":
            scene.wait(each[1])
        else:
            scene.receive(each[3], Peer(each[0], each[1], each[2], 0))
    scene.drain()


def failure(history):
    """-> the exception that the history ends in, or None."""
    try:
        play(history)
    except Exception as error:
        return error
    return None


def kind_of(error):
    return repr(error)[:60]


def reduce(history):
    """-> a history without what the failure does not need: halves first, then each alone."""
    kind = kind_of(failure(history))
    size = len(history) // 2
    while size:
        at = 1
        while at < len(history):
            shorter = history[:at] + history[at + size :]
            if kind_of(failure(shorter)) == kind:
                history = shorter
            else:
                at += size
        size //= 2
    return history
