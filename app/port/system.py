"""The machine below: memory, uptime, kernel command line, scripts, restart."""

import os

try:
    from os import waitstatus_to_exitcode as _exit_code
except ImportError:  # MicroPython: the wait status of wait(2)

    def _exit_code(status):
        return status >> 8 if status & 127 == 0 else -(status & 127)


def memory():
    """Return (total, available, own) in KiB: the machine's memory and this process's resident."""
    total = available = own = 0
    for name, value in _fields("/proc/meminfo"):
        if name == "MemTotal":
            total = value
        elif name == "MemAvailable":
            available = value
    for name, value in _fields("/proc/self/status"):
        if name == "VmRSS":
            own = value
    return total, available, own


def descriptors():
    """Return how many files, sockets and the like this process has open."""
    return len(os.listdir("/proc/self/fd"))


def uptime():
    """Return whole seconds since the kernel started."""
    with open("/proc/uptime") as file:
        return int(float(file.read().split()[0]))


def load():
    """Return the load average of the last minute as the kernel prints it."""
    with open("/proc/loadavg") as file:
        return file.read().split()[0]


def command_line():
    """Return the kernel's command line as {name: value}; a word without "=" has the value ""."""
    with open("/proc/cmdline") as file:
        words = file.read().split()
    return {word.partition("=")[0]: word.partition("=")[2] for word in words}


def quote(word):
    """Return `word` quoted for the shell, whatever is in it."""
    return "'" + word.replace("'", "'\"'\"'") + "'"


def run(program, *arguments):
    """Run a program with arguments to its end; return its exit status. Blocks the loop."""
    return _exit_code(os.system(" ".join([quote(word) for word in (program,) + arguments])))


def start(program, *arguments):
    """Run a program with arguments in the background."""
    words = " ".join([quote(word) for word in (program,) + arguments])
    os.system("( " + words + " ) >/dev/null 2>&1 </dev/null &")


def reboot(delay=1):
    """Restart the machine after `delay` seconds, so that the console can still say so."""
    os.system(f"( sleep {int(delay)}; reboot ) >/dev/null 2>&1 </dev/null &")


def _fields(path):
    """Yield (name, KiB) of the lines "Name:   123 kB" of a file of /proc."""
    with open(path) as file:
        for line in file:
            name, _, value = line.partition(":")
            number = value.split()[:1]
            if number and number[0].isdigit():
                yield name, int(number[0])
