"""The sites on the data partition: the one in use, the one before it, and how one is taken.

    ROOT/sites/ID/FILE    ID is the SHA-256 of the site's manifest
    ROOT/current          "ID PREVIOUS": replaced as a whole, and the only thing that counts

A site's files are written before `current` names it, so a power cut at any byte
leaves the old site or the new one.
"""

from app.appliance.site import check_names, check_site
from app.appliance.values import HEX, only

ID_LENGTH = 64


def manifest(files, sha256):
    """Return the manifest's bytes: "SHA-256 SIZE NAME" a line, by name."""
    lines = [f"{sha256(files[name])} {len(files[name])} {name}\n" for name in sorted(files)]
    return "".join(lines).encode()


def parse_manifest(data):
    """Return ([(sha, size, name)], None) of a manifest, or (None, what is wrong)."""
    try:
        lines = data.decode().split("\n")
    except UnicodeError:
        return None, "the manifest is not text"
    entries = []
    sizes = {}
    for line in lines:
        fields = line.split(" ")
        if line and (len(fields) != 3 or not is_id(fields[0]) or not is_size(fields[1])):
            return None, "a line of the manifest is not SHA-256, size and name"
        if line:
            entries.append((fields[0], int(fields[1]), fields[2]))
            sizes[fields[2]] = int(fields[1])
    errors = check_names(sizes)
    if errors:
        return None, str(errors[0])
    if len(sizes) < len(entries):
        return None, "the manifest names a file twice"
    return entries, None


def is_id(text):
    """Say whether `text` is a SHA-256 as lower-case hex."""
    return len(text) == ID_LENGTH and only(text, HEX)


def is_size(text):
    """Say whether `text` is a number of bytes that a site can have."""
    return only(text, "0123456789") and len(text) <= 7


class Sites:
    """The store below `root`; `files` and `hashes` are app.port's or a test's."""

    def __init__(self, files, root, hashes):
        self._files = files
        self._root = root
        self._sha256 = hashes.sha256

    def current(self):
        """Return the id of the site in use, or None on a box that has none."""
        return self._pointer()[0]

    def previous(self):
        """Return the id of the site before, or None."""
        return self._pointer()[1]

    def load(self, site_id):
        """Return {name: bytes} of a stored site, or None where it is not whole."""
        folder = self._folder(site_id)
        found = {}
        try:
            for name in self._files.listdir(folder):
                if not name.endswith(".new"):
                    found[name] = self._files.read(folder + "/" + name)
        except OSError:  # a bad block; the one before may be good
            return None
        return found if self.id_of(found) == site_id else None

    def file_of_current(self, sha, name):
        """Return the bytes of a file of the site in use if they have that hash, or None."""
        site_id = self.current()
        data = self._files.read(self._folder(site_id) + "/" + name) if site_id else None
        return data if data is not None and self._sha256(data) == sha else None

    def id_of(self, files):
        """Return the id that a site of these files has."""
        return self._sha256(manifest(files, self._sha256))

    def write(self, files):
        """Store a site without using it yet; return its id."""
        site_id = self.id_of(files)
        if self.load(site_id) is None:
            folder = self._folder(site_id)
            self._files.remove_tree(folder)
            self._files.makedirs(folder)
            for name in sorted(files):
                self._files.write_atomic(folder + "/" + name, files[name])
        return site_id

    def activate(self, site_id):
        """Use a stored site from now on, keep the one in use as the previous, prune others."""
        now = self.current()
        if site_id != now:
            self._point(site_id, now)
        self.prune()

    def prune(self):
        """Remove what neither the current nor the previous site is."""
        kept = self._pointer()
        if kept[0] is None:
            return  # it cannot be read just now: nothing is known to be superfluous
        for name in self._files.listdir(self._root + "/sites"):
            if name not in kept:
                self._files.remove_tree(self._folder(name))

    def _point(self, site_id, previous):
        line = f"{site_id} {previous or '-'}\n"
        self._files.write_atomic(self._root + "/current", line.encode())

    def _pointer(self):
        try:
            ids = (self._files.read(self._root + "/current") or b"").decode().split()
        except (OSError, UnicodeError):
            ids = []
        ids = [each if is_id(each) else None for each in ids[:2]]
        return tuple(ids + [None] * (2 - len(ids)))

    def _folder(self, site_id):
        return self._root + "/sites/" + site_id


def take_site(store, files, reload, check_script=None):
    """Check a site and use it; return (taken, [lines for the operator]).

    `reload(site)` makes the running system use the checked Site; it raises, with
    everything as before, where it cannot. On any error the old site stays in use.
    """
    site, errors, notes = check_site(files, True, check_script)
    lines = ["error: " + str(error) for error in errors] + ["note: " + str(n) for n in notes]
    if errors:
        return False, lines
    try:
        site_id = store.write(files)
        reload(site)
        store.activate(site_id)
    except Exception as error:  # whatever it is, the old site stays in use
        lines.append(f"error: the site is right, but the box could not take it: {error!r}")
        _go_back(store, reload, lines, check_script)
        return False, lines
    return True, lines


def roll_back(store, reload, check_script=None):
    """Use the previous site again; return (done, [lines])."""
    previous = store.previous()
    files = store.load(previous) if previous else None
    if files is None:
        return False, ["error: there is no previous site on this box"]
    return take_site(store, files, reload, check_script)


def _go_back(store, reload, lines, check_script):
    """Run what is stored as current: `reload` may have succeeded before the medium failed."""
    current = store.current()
    files = store.load(current) if current else None
    site = check_site(files, False, check_script, True)[0] if files else None
    if site:
        try:
            reload(site)
        except Exception as error:
            lines.append(f"error: nor could it go back to the old one: {error!r}")
