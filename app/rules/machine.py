"""Runs a pattern's program over a text: all ways at once, each place of the program once a
character (Pike's virtual machine). Time is the text's length by the program's, whatever the
pattern; nothing recurses.

A program is a list of instructions (code, arguments); jumps count from the instruction itself.
"""

CHAR, ANY, SET, BEGIN, END, SAVE, SPLIT, JUMP, MATCH = range(9)


def search(program, text, groups, start=0):
    """-> [(start, end) or None] of the whole and each group, or None: the leftmost match at or
    behind `start`, and of those that begin there the one whose choices come first, as a
    backtracking matcher has it.
    """
    best = None
    first = program[1][1] if program[1][0] == CHAR else None  # what every match begins with
    threads = []  # (place, saved ends), the preferred ones first
    size = len(text)
    blank = (-1,) * (2 * groups + 2)
    at = start - 1
    while at < size:
        at += 1
        if first is not None and not threads:
            at = text.find(first, at)
            if at < 0:
                break
        seen = bytearray(len(program))
        ready = []
        for place, saved in threads:
            if _follow(program, place, saved, at, size, seen, ready):
                break
        else:
            if best is None:  # a later start is worth less than all that began before
                _follow(program, 0, blank, at, size, seen, ready)
        threads = []
        for place, saved in ready:
            step = program[place]
            if step[0] == MATCH:
                best = saved
                break  # the rest is worth less
            if at < size and _takes(step, text[at]):
                threads.append((place + 1, saved))
        if not threads and best is not None:
            break
    if best is None:
        return None
    return [_span(best, number) for number in range(groups + 1)]


def _takes(step, character):
    if step[0] == CHAR:
        return step[1] == character
    return character != "\n" if step[0] == ANY else step[1].has(character)


def _follow(program, place, saved, at, size, seen, ready):
    """Adds what `place` leads to without a character to `ready`. -> bool: a match among it, so
    that threads of less worth need not be looked at."""
    waiting = [(place, saved)]
    while waiting:
        place, saved = waiting.pop()
        if seen[place]:
            continue
        seen[place] = 1
        step = program[place]
        code = step[0]
        if code == JUMP:
            waiting.append((place + step[1], saved))
        elif code == SPLIT:
            waiting.append((place + step[2], saved))
            waiting.append((place + step[1], saved))
        elif code == SAVE:
            slot = step[1]
            waiting.append((place + 1, saved[:slot] + (at,) + saved[slot + 1 :]))
        elif code == BEGIN or code == END:
            if at == (0 if code == BEGIN else size):
                waiting.append((place + 1, saved))
        else:
            ready.append((place, saved))
            if code == MATCH:
                return True
    return False


def _span(saved, number):
    start, end = saved[2 * number], saved[2 * number + 1]
    return None if start < 0 or end < 0 else (start, end)
