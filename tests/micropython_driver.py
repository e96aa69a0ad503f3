"""Run one portable test module: MICROPYTHON tests/micropython_driver.py tests.sip.test_uri

Prints "ok NAME" or "FAIL NAME" and a traceback for each test, at the end "ran N, failed M".
Ends with 1 if a test failed or there was none, with 2 if the module does not import. Runs
under MicroPython and CPython.
"""

import gc
import sys


def load(name):
    """Import the module `name`; __import__ returns its outermost package."""
    __import__(name)
    return sys.modules[name]


def report(error):
    """Print a traceback, each interpreter in its way."""
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        import traceback
        traceback.print_exception(error)


def run(module):
    """Run the module's tests in order of their names; return how many ran and failed."""
    ran = failed = 0
    for name in sorted(dir(module)):
        test = getattr(module, name)
        if not name.startswith("test_") or not callable(test):
            continue
        ran += 1
        gc.collect()
        try:
            test()
            print("ok", name)
        except Exception as error:
            failed += 1
            print("FAIL", name)
            report(error)
    return ran, failed


def main(name):
    """Run the module `name` and end with its status."""
    try:
        module = load(name)
    except Exception as error:
        print("FAIL to import", name)
        report(error)
        sys.exit(2)
    ran, failed = run(module)
    print(f"ran {ran}, failed {failed}")
    sys.exit(1 if failed or not ran else 0)


if __name__ == "__main__":
    main(sys.argv[1])
