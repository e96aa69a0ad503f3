"""What /etc/init.d/network and its fellows read: a file of shell variables in /run."""

ENVIRONMENT = "/run/network.conf"
SCRIPT = "/etc/init.d/network"


def environment(settings):
    """Return the file's bytes for a settings.Settings."""
    network, system = settings.network, settings.system
    own, prefix = network.address or ("", "")
    syslog = ""
    if system.syslog:
        host, port = system.syslog
        syslog = f"[{host}]:{port or 514}" if ":" in host else f"{host}:{port or 514}"
    variables = (
        ("MODE", network.mode),
        ("IFACE", network.interface),
        ("ADDRESS", own),
        ("PREFIX", str(prefix)),
        ("GATEWAY", network.gateway or ""),
        ("DNS", " ".join(network.dns)),
        ("HOSTNAME", system.hostname),
        ("NTP", " ".join(system.ntp)),
        ("SYSLOG", syslog),
    )
    return "".join([f"{name}={quote(value)}\n" for name, value in variables]).encode()


def quote(value):
    """Return `value` so that the shell reads it as one word, whatever is in it."""
    return "'" + value.replace("'", "'\"'\"'") + "'"


def gateway(files, path="/proc/net/route"):
    """Return the default route's IPv4 gateway, or None; the kernel's table is in hex."""
    for line in (files.read(path) or b"").decode().split("\n"):
        fields = line.split()
        if len(fields) > 2 and fields[1] == "00000000" and fields[2] != "00000000":
            return ".".join([str(int(fields[2][at : at + 2], 16)) for at in (6, 4, 2, 0)])
    return None


def name_servers(files, path="/etc/resolv.conf"):
    """Return the name servers in use."""
    lines = [line.split() for line in (files.read(path) or b"").decode().split("\n")]
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]


def apply(settings, files, start, path=ENVIRONMENT, script=SCRIPT):
    """Write the variables where they changed, then `start` the script; return whether it was.

    `files` is app.port.files, `start(program, argument)` runs it in the background: it
    may wait for a DHCP server, and calls must not wait with it.
    """
    wanted = environment(settings)
    if files.read(path) == wanted:
        return False
    files.write_atomic(path, wanted)
    start(script, "apply")
    return True
