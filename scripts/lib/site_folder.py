"""A site's folder on the host: what of it is sent, and the console's password in site.conf."""

import hashlib
import os
import re
import secrets
from pathlib import Path

CONF = "site.conf"
SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,47}")
MAX_FILES = 64
MAX_BYTES = 512 * 1024
ITERATIONS = 8000  # a 500 MHz Geode checks it within a second
SALT_BYTES = 16
PASSWORD_LINE = re.compile(r"^[ \t]*password[ \t]*=.*$", re.MULTILINE)
SECTION_LINE = re.compile(r"^[ \t]*\[[ \t]*console[ \t]*\][ \t]*$", re.MULTILINE)
NEXT_SECTION = re.compile(r"^[ \t]*\[", re.MULTILINE)


class SiteError(Exception):
    """A folder that cannot be sent; `hint` says how to mend it."""

    def __init__(self, message, hint=""):
        super().__init__(message)
        self.hint = hint


def read_site(folder):
    """Return {name: bytes} of a site's folder; hidden files and editors' backups stay behind."""
    folder = Path(folder)
    if not folder.is_dir():
        raise SiteError(f"{folder} is no folder", "SITE is a folder with site.conf and tables")
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~") or not path.is_file():
            continue
        if not SAFE_NAME.fullmatch(path.name):
            hint = "use up to 48 letters, digits, dots, _ and -, or move the file elsewhere"
            raise SiteError(f"{path}: not a name that the box takes", hint)
        files[path.name] = path.read_bytes()
    size = sum(len(data) for data in files.values())
    if not files or len(files) > MAX_FILES or size > MAX_BYTES:
        hint = f"a site has 1 to {MAX_FILES} files and at most {MAX_BYTES} bytes"
        raise SiteError(f"{folder} has {len(files)} files of {size} bytes", hint)
    return files


def hash_password(password, salt=None):
    """Return the value of site.conf's [console] password."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    return f"pbkdf2-sha256:{ITERATIONS}:{salt.hex()}:{digest.hex()}"


def has_password(folder):
    """Say whether the folder's site.conf has a console password."""
    path = Path(folder) / CONF
    return path.exists() and _console_section(path.read_text())[2] is not None


def set_password(folder, password):
    """Write the hash of a console password into the folder's site.conf."""
    path = Path(folder) / CONF
    text = path.read_text() if path.exists() else ""
    line = f"password = {hash_password(password)}"
    start, end, found = _console_section(text)
    if found is not None:
        text = text[: found.start()] + line + text[found.end() :]
    elif start is not None:
        text = text[:start] + "\n" + line + text[start:]
    else:
        text = (text.rstrip("\n") + "\n\n" if text.strip() else "") + f"[console]\n{line}\n"
    write_private(path, text)


def write_private(path, text):
    """Replace a file with secrets in it, readable by its owner alone."""
    temporary = path.with_name(path.name + "~")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)


def _console_section(text):
    """Return (where its header ends, where it ends, match of its password line)."""
    header = SECTION_LINE.search(text)
    if header is None:
        return None, None, None
    following = NEXT_SECTION.search(text, header.end())
    end = following.start() if following else len(text)
    return header.end(), end, PASSWORD_LINE.search(text, header.end(), end)
