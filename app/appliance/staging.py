"""What has arrived of a site so far, by SHA-256; it survives a disconnect and a power cut."""

STEP = 4096  # bytes kept in memory before they are written: flash wears by the write


class Staging:
    """Blobs below `folder`. A blob is complete when its bytes have the hash it is called by."""

    def __init__(self, files, folder, hashes):
        self._files = files
        self._folder = folder
        self._sha256 = hashes.sha256
        self._parts = {}  # sha -> bytearray
        self._stored = {}  # sha -> how many of its bytes are on the medium
        self._complete = set()

    def have(self, sha, size):
        """Return how many bytes of that blob are here; `size` says that it is complete."""
        if sha in self._complete:
            return size
        if sha not in self._parts:
            data = self._files.read(self._path(sha)) or b""
            self._parts[sha] = bytearray(data)
            self._stored[sha] = len(data)
        return self._settle(sha, size)

    def put(self, sha, size, offset, data):
        """Add bytes at `offset` if that is where the blob ends; return as `have` does."""
        if self.have(sha, size) == offset and data and offset + len(data) <= size:
            part = self._parts[sha]
            part.extend(data)
            if len(part) - self._stored[sha] >= STEP:
                self._store(sha)
            return self._settle(sha, size)
        return self.have(sha, size)

    def get(self, sha):
        """Return a complete blob, or None (and forget it) where the medium spoilt it."""
        data = self._files.read(self._path(sha))
        if data is not None and self._sha256(data) == sha:
            return data
        self._complete.discard(sha)
        self._files.remove(self._path(sha))
        return None

    def keep(self, shas):
        """Forget every blob but these."""
        for name in self._files.listdir(self._folder):
            if name not in shas:
                self._files.remove_tree(self._path(name))
        for sha in list(self._parts):
            if sha not in shas:
                self._drop(sha)
        self._complete = {sha for sha in self._complete if sha in shas}

    def flush(self):
        """Write what is in memory alone; called when the line goes quiet."""
        for sha in list(self._parts):
            self._store(sha)

    def clear(self):
        """Forget everything."""
        self.keep(())
        self._files.remove_tree(self._folder)

    def _settle(self, sha, size):
        part = self._parts[sha]
        if len(part) < size:
            return len(part)
        if len(part) == size and self._sha256(part) == sha:
            self._store(sha)
            self._drop(sha)
            self._complete.add(sha)
            return size
        # bytes that were torn by a power cut, or that slipped through every checksum
        self._files.remove(self._path(sha))
        self._parts[sha] = bytearray()
        self._stored[sha] = 0
        return 0

    def _store(self, sha):
        part = self._parts[sha]
        if len(part) > self._stored[sha] or not part:
            self._files.makedirs(self._folder)
            self._files.append(self._path(sha), bytes(part[self._stored[sha] :]))
            self._stored[sha] = len(part)

    def _drop(self, sha):
        del self._parts[sha]
        del self._stored[sha]

    def _path(self, sha):
        return self._folder + "/" + sha


