"""Hashes and randomness. The module itself is the `hashes` object that the rest of app/ takes."""

import binascii
import hashlib
import os


def md5(data):
    """Return the MD5 of the bytes `data` (RFC 7616 digests) as 32 lower-case hex characters."""
    return binascii.hexlify(hashlib.md5(data).digest()).decode()


def sha256(data):
    """Return the SHA-256 of the bytes `data` as 64 lower-case hex characters."""
    return binascii.hexlify(hashlib.sha256(data).digest()).decode()


def sha256_digest(data):
    """Return the SHA-256 of the bytes `data` as 32 bytes."""
    return hashlib.sha256(data).digest()


def sha1_digest(data):
    """Return the SHA-1 of the bytes `data` as 20 bytes; for WebSocket (RFC 6455) alone."""
    return hashlib.sha1(data).digest()


def token(n):
    """Return `n` lower-case hex characters from the kernel's random source."""
    return binascii.hexlify(os.urandom((n + 1) // 2)).decode()[:n]
