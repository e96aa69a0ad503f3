"""A short run of the fuzzers from fixed seeds, and everything that once made them fail.

`make fuzz` has the long run. Portable: the same messages under either interpreter.
"""

import os

from tests.fuzz import kept, run
from tests.fuzz.chance import Chance
from tests.fuzz.grammar import MUTATORS, Draft, mutate
from tests.fuzz.seeds import torture_messages
from tests.support import raises

FOLDER = __file__[: __file__.rfind("/") + 1] + "regressions/"
COUNT = 1200
SCRATCH = "/tmp/waferpbx-test-fuzz.txt"


def silent(text):
    pass


def test_damaged_messages_find_nothing():
    for kind in sorted(run.KINDS):
        assert run.run(kind, 1, COUNT, silent, group=COUNT // 3) == COUNT


def test_what_was_found_once_stays_mended():
    for name in sorted(os.listdir(FOLDER)):
        if name.endswith(".txt"):
            kept.play(kept.read(FOLDER + name))


def test_one_seed_is_always_the_same_damage():
    data = torture_messages()[0]
    made = [mutate(data, Chance(seed)) for seed in range(40)]
    assert made == [mutate(data, Chance(seed)) for seed in range(40)]
    assert len(set(made)) > 30


def test_each_mutator_changes_something_and_survives_anything():
    for mutator in MUTATORS:
        changed = 0
        for seed in range(60):
            chance = Chance(seed)
            data = chance.pick(torture_messages())
            draft = Draft(data)
            mutator(draft, chance, [b"Route: <sip:192.0.2.10;lr;seal=x>"])
            changed += draft.to_bytes() != data
            for poor in (b"", b"\r\n\r\n", b"X", b"A B C\r\n\r\n", b"\r\n:\r\n\r\n\r\n"):
                mutator(Draft(poor), chance, [])
        assert changed or mutator.__name__ == "credentials", mutator


def test_a_failure_is_kept_reduced_and_played_again():
    history = [("box",), ("udp", "192.0.2.1", 5060, b"a"), ("wait", 2.5)]
    history += [("udp", "192.0.2.1", 5060, bytes([number])) for number in range(30)]
    kept.write(SCRATCH, history)
    assert kept.read(SCRATCH) == history
    os.remove(SCRATCH)
    failure = kept.failure

    def fails(history):
        datagrams = [each[3] for each in history if each[0] == "udp"]
        return ValueError("both") if bytes([3]) in datagrams and bytes([21]) in datagrams else None

    kept.failure = fails
    try:
        short = kept.reduce(history)
    finally:
        kept.failure = failure
    assert [each[-1] for each in short] == ["box", bytes([3]), bytes([21])]


def test_a_heap_that_grows_is_a_failure():
    leak = []

    def leaking(seed, count):
        leak.append(bytearray(3 * 1024 * 1024) if run.SLACK > 1 << 20 else bytearray(1 << 16))
        return count

    run.KINDS["leaking"] = leaking
    try:
        with raises(run.Failure) as caught:
            run.run("leaking", 1, 200, silent, group=1)
        assert "the heap grew" in repr(caught.error.error)
    finally:
        del run.KINDS["leaking"]
