"""The box's side of provisioning, request by request."""

from app.appliance import frames, sites
from app.appliance.provisioning import Provisioning
from app.appliance.staging import Staging
from app.port import hashes
from tests.appliance.fakes import BrokenFiles, MemoryFiles, site_files


class Box:
    """A provisioning session on a disk, with a client that asks and splits answers."""

    def __init__(self, files=None, result=(True, ["note: fine"])):
        self.files = files or MemoryFiles()
        self.result = result
        self.taken = []
        self.sequence = 0
        self.connect()

    def connect(self):
        store = sites.Sites(self.files, "/data", hashes)
        staging = Staging(self.files, "/data/staging", hashes)
        self.session = Provisioning(staging, store, self.take)

    def take(self, files):
        self.taken.append(files)
        return self.result

    def ask(self, request, data=None):
        payload = request.encode() + (b"" if data is None else b"\n" + data)
        self.sequence += 1
        self.session.feed(frames.encode(frames.TO_BOX, self.sequence, payload))
        sequence, answer = frames.decode(frames.FROM_BOX, self.session.output())
        assert sequence == self.sequence
        return answer.decode()

    def send(self, files):
        """Send a whole site, piece by piece; returns the manifest's hash."""
        manifest = sites.manifest(files, hashes.sha256)
        sha = hashes.sha256(manifest)
        self.put(sha, manifest, int(self.ask(f"BEGIN {sha} {len(manifest)}").split()[1]))
        counts = self.ask("OFFER " + sha).split()[1:]
        names = sorted(files)
        for index in range(len(names)):
            data = files[names[index]]
            self.put(hashes.sha256(data), data, int(counts[index]))
        return sha

    def put(self, sha, data, have):
        while have < len(data):
            have = int(self.ask(f"PUT {sha} {have}", data[have : have + 50]).split()[1])


def test_a_site_is_sent_and_taken():
    box = Box()
    assert box.ask("HELLO 1") == "WELCOME 1 2048 524288 64 -"
    sha = box.send(site_files())
    assert box.ask("TAKE " + sha) == "TAKEN 11"
    assert box.ask("REPORT 0") == "TEXT 0\nnote: fine\n"
    assert box.ask("END") == "BYE"
    assert box.session.ended
    assert box.taken == [site_files()]


def test_a_repeated_take_takes_once():
    box = Box()
    sha = box.send(site_files())
    assert box.ask("TAKE " + sha) == box.ask("TAKE " + sha) == "TAKEN 11"
    assert len(box.taken) == 1


def test_a_refusal_comes_with_its_report_in_pieces():
    lines = [f"error: subscriber:{number}:1: what is wrong; what to do" for number in range(40)]
    box = Box(result=(False, lines))
    size = int(box.ask("TAKE " + box.send(site_files())).split(" ")[1])
    report = ""
    while len(report) < size:
        report += box.ask(f"REPORT {len(report)}").partition("\n")[2]
    assert report.split("\n") == lines + [""]


def test_after_a_disconnect_the_box_says_what_it_has():
    box = Box()
    files = site_files()
    manifest = sites.manifest(files, hashes.sha256)
    sha = hashes.sha256(manifest)
    box.ask(f"BEGIN {sha} {len(manifest)}")
    box.put(sha, manifest, 0)
    box.ask("OFFER " + sha)
    conf = hashes.sha256(files["site.conf"])
    box.ask(f"PUT {conf} 0", files["site.conf"][:60])
    box.session.close()
    box.connect()
    assert box.ask(f"BEGIN {sha} {len(manifest)}") == f"HAVE {len(manifest)}"
    assert box.ask("OFFER " + sha) == "NEED 60 0"


def test_files_of_the_current_site_need_not_be_sent():
    box = Box()
    store = sites.Sites(box.files, "/data", hashes)
    store.activate(store.write(site_files()))
    files = site_files(domain=b"domain(str)\n")
    manifest = sites.manifest(files, hashes.sha256)
    sha = hashes.sha256(manifest)
    box.ask(f"BEGIN {sha} {len(manifest)}")
    box.put(sha, manifest, 0)
    sizes = [str(len(files[name])) for name in sorted(files)]
    assert box.ask("OFFER " + sha) == "NEED 0 " + " ".join(sizes[1:])


def test_requests_out_of_order_are_refused():
    box = Box()
    sha = "0" * 64
    assert box.ask("OFFER " + sha) == "ERROR begin with the manifest"
    assert box.ask("TAKE " + sha) == "ERROR begin with the manifest"
    assert box.ask(f"PUT {sha} 0", b"x") == "ERROR offer the manifest first"
    box.ask(f"BEGIN {sha} 100")
    assert box.ask("OFFER " + sha) == "ERROR the manifest is not complete"
    assert box.ask("HELLO 2").startswith("ERROR this box speaks version 1")


def test_an_incomplete_site_is_not_taken():
    box = Box()
    manifest = sites.manifest(site_files(), hashes.sha256)
    sha = hashes.sha256(manifest)
    box.ask(f"BEGIN {sha} {len(manifest)}")
    box.put(sha, manifest, 0)
    box.ask("OFFER " + sha)
    assert box.ask("TAKE " + sha) == "ERROR site.conf is not complete"
    assert box.taken == []


def test_requests_that_are_none_are_refused():
    box = Box()
    for request in ("", "NONSENSE", "HELLO", "HELLO 1 2", "BEGIN x 5", "REPORT x", "REPORT -1"):
        assert box.ask(request).startswith("ERROR"), request
    sha = "0" * 64
    for size in ("", "-1", "1e3", "99999999", "9999999"):
        assert box.ask(f"BEGIN {sha} {size}").startswith("ERROR"), size
    box.session.feed(frames.encode(frames.TO_BOX, 1, b"\xff\xfe"))
    assert frames.decode(frames.FROM_BOX, box.session.output())[1].startswith(b"ERROR")


def test_a_manifest_with_a_path_is_refused():
    box = Box()
    evil = f"{'0' * 64} 1 ../../etc/passwd\n".encode()
    sha = hashes.sha256(evil)
    box.ask(f"BEGIN {sha} {len(evil)}")
    box.put(sha, evil, 0)
    assert "not a name" in box.ask("OFFER " + sha)
    assert [name for name in box.files.content if "/data/staging/" not in name] == []


def test_a_medium_that_takes_nothing_is_told():
    box = Box(BrokenFiles())
    manifest = sites.manifest(site_files(), hashes.sha256)
    sha = hashes.sha256(manifest)
    box.ask(f"BEGIN {sha} {len(manifest)}")
    answer = ""
    have = 0
    while have < len(manifest) and not answer.startswith("ERROR"):
        answer = box.ask(f"PUT {sha} {have}", manifest[have : have + 100])
        have += 100
    assert answer.startswith("ERROR the box cannot write")
    box.session.close()


def test_noise_is_not_answered():
    box = Box()
    box.session.feed(b"\r\n\xff\x00~>0001 broken\nlogin:\n~<0001 QQ== 00000000\n")
    assert box.session.output() == b""
