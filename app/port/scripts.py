"""Python that comes with a site: run over a fresh copy of a module of ours, within a bound of
time, and where it failed.

The two interpreters stop a program, and tell where an exception came from, in ways of their own.
"""

import sys
from io import StringIO

AGAIN = 0.1  # seconds of the processor until a time-out is raised once more, if it was swallowed

try:
    import signal
except ImportError:
    signal = None
    try:
        from box import budget as _budget
    except ImportError:  # a plain MicroPython
        _budget = None


class OutOfTime(BaseException):
    """A script has not come back; no `except Exception` of its own is to catch that."""


def limited(seconds, function, *arguments):
    """-> what the function returns; OutOfTime in it once it has taken so many seconds of the
    processor. No call within another."""
    _start(seconds)
    try:
        return function(*arguments)
    finally:
        _stop()


def _start(seconds):
    if signal is not None:
        signal.signal(signal.SIGVTALRM, _run_out)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, AGAIN)
    elif _budget is not None:
        _budget(int(seconds * 1000), OutOfTime("it takes too long"))


def _run_out(number, frame):
    raise OutOfTime("it takes too long")


def _stop():
    if signal is not None:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    elif _budget is not None:
        _budget(0, None)


def compiled(source, file):
    """-> code of a source (str); whatever is wrong with it is an exception, see place_of()."""
    return compile(source, file, "exec")


def laid_over(name, code):
    """-> a new copy of module `name` in which `code` has run.

    What the code defines takes the place of what the module had, for the module's own
    functions too. The module in sys.modules stays as it is.
    """
    kept = sys.modules[name]
    folder, _, last = name.rpartition(".")
    package = sys.modules.get(folder)
    del sys.modules[name]
    try:
        module = __import__(name, None, None, ("*",), 0)
        exec(code, module.__dict__)
        return module
    finally:
        sys.modules[name] = kept
        if package is not None:
            setattr(package, last, kept)


def place_of(error, file):
    """-> line of `file` that an exception came from, the innermost; 0 when it did not."""
    if sys.implementation.name == "micropython":
        return _printed_line(error, file)
    line = 0
    if isinstance(error, SyntaxError) and error.filename == file:
        line = error.lineno or 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _printed_line(error, file):
    out = StringIO()
    sys.print_exception(error, out)
    line = 0
    for text in out.getvalue().split("\n"):
        before, found, rest = text.partition(f'File "{file}", line ')
        digits = rest.split(",")[0].strip()
        if found and not before.strip() and digits.isdigit():
            line = int(digits)
    return line
