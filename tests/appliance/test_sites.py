"""The store of sites, with the power cut at every point where it can go."""

from app.appliance import sites
from app.port import hashes
from tests.appliance.fakes import BrokenFiles, MemoryFiles, PowerCut, site_files

OLD = site_files(domain=b"domain(str)\nold.example\n")
NEW = site_files(domain=b"domain(str)\nnew.example\n", aliases=b"username(str) contact(str)\n")


def store_on(files):
    return sites.Sites(files, "/data", hashes)


def disk_with(*stored):
    files = MemoryFiles()
    store = store_on(files)
    for site in stored:
        store.activate(store.write(site))
    return files.content


def loaded(files):
    store = store_on(files)
    return store.load(store.current()) if store.current() else None


def test_an_empty_store_has_no_site():
    store = store_on(MemoryFiles())
    assert store.current() is None and store.previous() is None


def test_the_site_taken_last_is_current_the_one_before_previous():
    store = store_on(MemoryFiles(disk_with(OLD, NEW)))
    assert store.load(store.current()) == NEW
    assert store.load(store.previous()) == OLD
    assert store.current() == store.id_of(NEW)


def test_older_sites_are_pruned():
    third = site_files(domain=b"domain(str)\nthird.example\n")
    content = disk_with(OLD, NEW, third)
    folders = {name.split("/")[3] for name in content if "/sites/" in name}
    store = store_on(MemoryFiles(content))
    assert folders == {store.current(), store.previous()}


def test_taking_the_current_site_again_changes_nothing():
    content = disk_with(OLD, NEW)
    files = MemoryFiles(content)
    store = store_on(files)
    store.activate(store.write(NEW))
    assert files.content == content


def test_a_power_cut_at_any_point_leaves_old_or_new():
    before = disk_with(OLD)
    cut = 0
    seen = []
    while True:
        cut += 1
        files = MemoryFiles(before, cut)
        store = store_on(files)
        try:
            store.activate(store.write(NEW))
            break
        except PowerCut:
            pass
        after = MemoryFiles(files.content)
        seen.append(loaded(after))
        assert seen[-1] in (OLD, NEW), cut
        again = store_on(after)  # power is back: the same site can be sent once more
        again.activate(again.write(NEW))
        assert loaded(after) == NEW
    assert cut > 20 and OLD in seen and NEW in seen
    assert loaded(files) == NEW


def test_a_power_cut_while_the_first_site_is_taken_leaves_none_or_it():
    cut = 0
    while True:
        cut += 1
        files = MemoryFiles({}, cut)
        store = store_on(files)
        try:
            store.activate(store.write(NEW))
            break
        except PowerCut:
            assert loaded(MemoryFiles(files.content)) in (None, NEW)


def test_a_spoilt_site_is_not_loaded_and_can_be_written_again():
    files = MemoryFiles(disk_with(OLD, NEW))
    store = store_on(files)
    current = store.current()
    for name in list(files.content):
        if name.endswith(current + "/subscriber"):
            files.content[name] = b"garbage"
    assert store.load(current) is None
    store.write(NEW)
    assert store.load(current) == NEW


def test_a_pointer_of_garbage_is_no_site():
    for garbage in (b"", b"\xff\xfe", b"x y\n", b"../../etc -\n", b"0" * 63):
        assert store_on(MemoryFiles({"/data/current": garbage})).current() is None


def test_manifests_name_hash_size_and_file():
    data = sites.manifest({"b": b"x", "a": b""}, hashes.sha256)
    entries, problem = sites.parse_manifest(data)
    assert problem is None
    assert [entry[1:] for entry in entries] == [(0, "a"), (1, "b")]
    assert entries[1][0] == hashes.sha256(b"x")


def test_manifests_that_could_do_harm_are_refused():
    sha = "0" * 64
    for text in (
        sha + " 1 ../evil\n",
        sha + " 1 /evil\n",
        sha + " 1 .hidden\n",
        sha + " -1 a\n",
        sha + " 99999999 a\n",
        sha + " 9999999 a\n",
        sha[1:] + " 1 a\n",
        sha.replace("0", "G") + " 1 a\n",
        sha + " 1\n",
        sha + " 1 a\n" + sha + " 1 a\n",
        "".join([f"{sha} 1 f{i}\n" for i in range(65)]),
    ):
        entries, problem = sites.parse_manifest(text.encode())
        assert entries is None and problem, text
    assert sites.parse_manifest(b"\xff")[0] is None


class Running:
    """What `reload` acts on."""

    def __init__(self):
        self.site = None
        self.fails = 0

    def reload(self, site):
        if self.fails:
            self.fails -= 1
            raise ValueError("port 5060 is taken")
        self.site = site


def test_a_right_site_is_taken():
    store, running = store_on(MemoryFiles(disk_with(OLD))), Running()
    assert sites.take_site(store, NEW, running.reload) == (True, [])
    assert store.load(store.current()) == NEW
    assert running.site.domains == ["example.org", "new.example"]


def test_a_wrong_site_changes_nothing():
    content = disk_with(OLD)
    files, running = MemoryFiles(content), Running()
    wrong = site_files(subscriber=b"username(str) password(str)\n200\\:x\n")
    taken, lines = sites.take_site(store_on(files), wrong, running.reload)
    assert not taken and lines[0].startswith("error: subscriber:2:")
    assert files.content == content and running.site is None


def test_a_site_that_cannot_be_used_leaves_the_old_one_running():
    store, running = store_on(MemoryFiles(disk_with(OLD))), Running()
    running.fails = 1
    taken, lines = sites.take_site(store, NEW, running.reload)
    assert not taken and "port 5060 is taken" in lines[0]
    assert store.load(store.current()) == OLD
    assert running.site.domains == ["example.org", "old.example"]


def test_a_medium_that_is_full_leaves_the_old_one_running():
    store, running = store_on(BrokenFiles(disk_with(OLD))), Running()
    taken, lines = sites.take_site(store, NEW, running.reload)
    assert not taken and "could not take it" in lines[0]
    assert store.load(store.current()) == OLD
    assert running.site.domains == ["example.org", "old.example"]


def test_rollback_swaps_the_two():
    store, running = store_on(MemoryFiles(disk_with(OLD, NEW))), Running()
    assert sites.roll_back(store, running.reload)[0]
    assert store.load(store.current()) == OLD and store.load(store.previous()) == NEW
    assert sites.roll_back(store, running.reload)[0]
    assert store.load(store.current()) == NEW
    alone = store_on(MemoryFiles(disk_with(OLD)))
    assert sites.roll_back(alone, running.reload) == (
        False,
        ["error: there is no previous site on this box"],
    )


class BadBlock(MemoryFiles):
    """Reading below one path is an error of the medium."""

    bad = "nowhere"

    def read(self, path):
        if self.bad in path:
            raise OSError(5, "Input/output error")
        return super().read(path)


def test_a_bad_block_costs_one_site():
    files = BadBlock(disk_with(OLD, NEW))
    store = store_on(files)
    files.bad = store.current()
    assert store.load(store.current()) is None
    assert store.load(store.previous()) == OLD


def test_a_pointer_that_cannot_be_read_prunes_nothing():
    files = BadBlock(disk_with(OLD, NEW))
    store = store_on(files)
    files.bad = "/current"
    assert store.current() is None and store.previous() is None
    before = dict(files.content)
    store.prune()
    assert files.content == before
