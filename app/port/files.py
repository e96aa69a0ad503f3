"""Files that survive a power cut: what a call has written when it returns is on the medium.

The module itself is the `files` object that the rest of app/ takes. Paths are str.
Missing files are None or ignored where that is the useful answer; any other failure is OSError.
"""

import os

try:
    from os import fsync

    def _flush(file):
        file.flush()
        fsync(file.fileno())

    def _sync_folder(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fsync(descriptor)
        finally:
            os.close(descriptor)

except ImportError:  # MicroPython, whose flush() is an fsync

    def _flush(file):
        file.flush()

    try:
        from box import sync_folder as _sync_folder
    except ImportError:  # without our C module the rename is atomic, but may be lost

        def _sync_folder(path):
            pass


ENOENT = 2
EEXIST = 17
ENOTDIR = 20
FOLDER = 0x4000  # S_IFDIR of stat.h
KIND = 0xF000  # S_IFMT
TEMPORARY = ".new"  # suffix of a file that is not complete yet


def read(path):
    """Return the bytes of a file, or None where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR):
            return None
        raise


def blocks(path, size=8192):
    """Yield the bytes of a file piece by piece; nothing where there is none."""
    try:
        file = open(path, "rb")
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR):
            return
        raise
    with file:
        block = file.read(size)
        while block:
            yield block
            block = file.read(size)


def write_atomic(path, data):
    """Replace or create a file: after a power cut it holds the old bytes or the new, no mixture."""
    new = replacement(path)
    try:
        new.write(data)
    except OSError:
        new.abandon()
        raise
    new.commit()


def replacement(path):
    """Return a Replacement of that file; its bytes so far stay until commit()."""
    return Replacement(path)


class Replacement:
    """A file that is written piece by piece, and in the end takes the place of another one."""

    def __init__(self, path):
        self._path = path
        self._file = open(path + TEMPORARY, "wb")

    def write(self, data):
        """Add bytes, which are on the medium on return, so that commit() is quick."""
        _write_all(self._file, data)
        _flush(self._file)

    def commit(self):
        """Take the other file's place: after a power cut there is the one or the other."""
        self._file.close()
        os.rename(self._path + TEMPORARY, self._path)
        _sync_folder(_parent(self._path))

    def abandon(self):
        """Leave the other file as it is, and nothing behind."""
        for step, arguments in ((self._file.close, ()), (os.remove, (self._path + TEMPORARY,))):
            try:
                step(*arguments)
            except OSError:
                pass  # the next one is written over it


def append(path, data):
    """Add bytes to the end of a file; a power cut may leave a first part of them."""
    created = not exists(path)
    with open(path, "ab") as file:
        _write_all(file, data)
        _flush(file)
    if created:
        _sync_folder(_parent(path))


def rename(path, other):
    """Give a file another name in its folder, in place of a file that has it."""
    os.rename(path, other)
    _sync_folder(_parent(other))


def remove(path):
    """Remove a file; none there is well."""
    try:
        os.remove(path)
    except OSError as error:
        if error.errno != ENOENT:
            raise
        return
    _sync_folder(_parent(path))


def remove_tree(path):
    """Remove a folder with all that is in it, or a file; none there is well."""
    if not is_folder(path):
        remove(path)
        return
    for name in listdir(path):
        remove_tree(path + "/" + name)
    os.rmdir(path)
    _sync_folder(_parent(path))


def listdir(path):
    """Return the sorted names in a folder; [] where there is no such folder."""
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR):
            return []
        raise


def makedirs(path):
    """Create a folder and those above it; one that exists is well."""
    if not path or exists(path):
        return
    makedirs(_parent(path))
    try:
        os.mkdir(path)
    except OSError as error:
        if error.errno != EEXIST:
            raise
        return
    _sync_folder(_parent(path))


def exists(path):
    """Say whether a file or folder of that name is there."""
    try:
        os.stat(path)
        return True
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR):
            return False
        raise


def is_folder(path):
    """Say whether a folder of that name is there."""
    return exists(path) and os.stat(path)[0] & KIND == FOLDER


def free_bytes(path):
    """Return how many bytes may still be written to the file system that holds `path`."""
    status = os.statvfs(path)
    return status[0] * status[4]


def _write_all(file, data):
    rest = memoryview(data)
    while len(rest):
        rest = rest[file.write(rest) :]


def _parent(path):
    folder = path.rstrip("/").rpartition("/")
    return folder[0] or folder[1] or "."
