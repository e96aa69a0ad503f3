"""Fuzzing, under either interpreter: INTERPRETER tests/fuzz/run.py KIND FIRST COUNT

KIND is one of KINDS; FIRST the first seed, COUNT how many damaged messages there are to be,
GROUP for each seed. A failure prints its traceback, the command that shows it again, and a
file with all that arrived, which `tests/fuzz/run.py replay FILE` plays and `reduce FILE`
makes short. Such a file is kept in tests/fuzz/regressions, and played by every `make test`.
"""

import gc
import sys

from tests.fuzz import kept, wire
from tests.fuzz.chance import Chance
from tests.fuzz.grammar import mutate
from tests.fuzz.scene import Scene
from tests.fuzz.seeds import torture_messages
from tests.sip.exercise import exercise

GROUP = 1000  # messages a seed
WARM = 12  # groups until the heap is as large as it gets
# Bytes that the heap may grow by after that. CPython's is told in pages of the process.
SLACK = 256 * 1024 if hasattr(gc, "mem_alloc") else 8 * 1024 * 1024


class Failure(Exception):
    """seed: int; history: of Scene, or None; error: what was raised."""

    def __init__(self, seed, history, error):
        super().__init__(repr(error))
        self.seed = seed
        self.history = history
        self.error = error


def fuzz_box(seed, count):
    """Endpoint, proxy, script and relay as a whole. -> datagrams that were damaged."""
    try:
        play(Scene(record=False), seed, count)
    except Exception as error:
        raise Failure(seed, [("box",)] + recorded(seed, count), error)
    return count


def recorded(seed, count):
    """-> history: the same once more, to have all that came until it failed."""
    scene = Scene()
    try:
        play(scene, seed, count)
    except Exception:
        pass  # as before, or there would be no need for this
    return scene.history


def play(scene, seed, count):
    """Let `count` damaged datagrams come to a scene, and then nothing for hours."""
    chance = Chance(seed)
    while scene.damaged < count:
        scene.step(chance)
    scene.drain()


def fuzz_parser(seed, count):
    """Parser, check, edits and answers alone. -> messages that were read."""
    chance, messages = Chance(seed), torture_messages()
    for _ in range(count):
        data = mutate(chance.pick(messages), chance)
        try:
            exercise(data)
        except Exception as error:
            raise Failure(seed, [("parser",), ("udp", "203.0.113.66", 5060, data)], error)
    return count


def fuzz_wire(seed, count):
    """What lies beneath SIP. -> pieces of damage."""
    chance = Chance(seed)
    for _ in range(count):
        try:
            wire.run(chance)
        except Exception as error:
            raise Failure(seed, None, error)
    return count


KINDS = {"box": fuzz_box, "parser": fuzz_parser, "wire": fuzz_wire}


def held():
    """-> bytes of the heap in use, after a collection; 0 where that cannot be told."""
    gc.collect()
    return gc.mem_alloc() if hasattr(gc, "mem_alloc") else _resident()


def _resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def run(kind, first, count, say=print, group=GROUP):
    """Fuzz with the seeds from `first` on, until `count` messages have been. -> how many.

    Raises Failure, also when the heap has grown.
    """
    done, seed, warm = 0, first, None
    while done < count:
        done += KINDS[kind](seed, min(group, count - done))
        seed += 1
        if (seed - first) % WARM == 0:
            now = held()
            if warm is None:
                warm = now
            elif now > warm + SLACK:
                error = MemoryError(f"the heap grew from {warm} to {now} bytes")
                raise Failure(seed - 1, None, error)
            say(f"{kind}: {done} of {count}, seed {seed - 1}, heap {now // 1024} KiB")
    return done


def report(kind, failure):
    """Print what is needed to see the failure again."""
    print_error(failure.error)
    print(f"again:  {sys.implementation.name} tests/fuzz/run.py {kind} {failure.seed} {GROUP}")
    if failure.history:
        path = f"fuzz-{kind}-{failure.seed}.txt"
        kept.write(path, failure.history)
        print(f"it came:  {path} (tests/fuzz/run.py reduce {path})")


def print_error(error):
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        import traceback

        traceback.print_exception(error)


def main(words):
    if hasattr(gc, "threshold"):
        gc.threshold(262144)  # as app/main.py does
    if len(words) == 2 and words[0] in ("replay", "reduce"):
        history = kept.read(words[1])
        error = kept.failure(history)
        if words[0] == "reduce" and error is not None:
            kept.write(words[1], kept.reduce(history))
        if error is not None:
            print_error(error)
        return 1 if error is not None else 0
    if len(words) != 3 or words[0] not in KINDS:
        print(__doc__)
        return 2
    try:
        done = run(words[0], int(words[1]), int(words[2]))
    except Failure as failure:
        report(words[0], failure)
        return 1
    print(f"{words[0]}: {done} messages, no failure")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
