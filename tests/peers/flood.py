"""REGISTER from everywhere: a program of its own, so that it takes no time from the test.

usage: python3 tests/peers/flood.py HOST PORT SECONDS RATE

Each message comes from another address of 127.0.0.0/8; most have no credentials, some a made-up
digest, some are cut short. What comes back is not read. Prints how many were sent.
"""

import random
import socket
import sys
import time

EACH = 8  # messages from one address
DIGEST = (
    'Authorization: Digest username="{user}", realm="example.org", nonce="{nonce}", '
    'uri="sip:example.org", response="{response}", algorithm=MD5, cnonce="a", qop=auth, nc=00000001'
)


def register(chance, host, port):
    """-> bytes of a REGISTER from host:port."""
    user = chance.choice(("200", "201", "admin", str(chance.randrange(100, 9999))))
    lines = [
        "REGISTER sip:example.org SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{chance.getrandbits(64):x};rport",
        "Max-Forwards: 70",
        f"From: <sip:{user}@example.org>;tag={chance.getrandbits(32):x}",
        f"To: <sip:{user}@example.org>",
        f"Call-ID: {chance.getrandbits(64):x}@{host}",
        f"CSeq: {chance.randrange(1, 99)} REGISTER",
        f"Contact: <sip:{user}@{host}:{port}>",
        "Expires: 3600",
    ]
    if chance.random() < 0.3:
        nonce, response = (f"{chance.getrandbits(128):032x}" for _ in range(2))
        lines.append(DIGEST.format(user=user, nonce=nonce, response=response))
    data = ("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode()
    return data[: chance.randrange(len(data))] if chance.random() < 0.05 else data


def address(chance):
    """-> str: anywhere in 127/8 but where the tests' own programs are."""
    return "127." + ".".join(str(chance.randrange(1, 255)) for _ in range(3))


def flood(target, seconds, rate):
    """Send for so long. -> how many messages."""
    chance = random.Random(5060)
    began, sent = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        host = address(chance)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
            source.bind((host, 0))
            for _ in range(EACH):
                source.sendto(register(chance, host, source.getsockname()[1]), target)
                sent += 1
        time.sleep(max(0.0, began + sent / rate - time.monotonic()))
    return sent


if __name__ == "__main__":
    where, port, seconds, rate = sys.argv[1:]
    print(flood((where, int(port)), float(seconds), float(rate)))
