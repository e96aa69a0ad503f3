from app.appliance.staging import STEP, Staging
from app.port import hashes
from tests.appliance.fakes import MemoryFiles, PowerCut

BLOB = bytes([i % 251 for i in range(3 * STEP + 100)])
SHA = hashes.sha256(BLOB)
PIECE = 1000


def staging_on(files):
    return Staging(files, "/data/staging", hashes)


def send(staging, blob, sha, most=1000):
    """Send pieces from where the other side stands, as provision.py does."""
    have = staging.have(sha, len(blob))
    while have < len(blob) and most:
        most -= 1
        have = staging.put(sha, len(blob), have, blob[have : have + PIECE])
    return have


def test_a_blob_arrives_in_pieces():
    staging = staging_on(MemoryFiles())
    assert staging.have(SHA, len(BLOB)) == 0
    assert send(staging, BLOB, SHA) == len(BLOB)
    assert staging.get(SHA) == BLOB
    assert staging.have(SHA, len(BLOB)) == len(BLOB)


def test_repeated_misplaced_and_surplus_pieces_change_nothing():
    staging = staging_on(MemoryFiles())
    size = len(BLOB)
    assert staging.put(SHA, size, 0, BLOB[:10]) == 10
    assert staging.put(SHA, size, 0, BLOB[:10]) == 10
    assert staging.put(SHA, size, 20, BLOB[20:30]) == 10
    assert staging.put(SHA, size, 10, BLOB) == 10
    assert staging.put(SHA, size, 10, b"") == 10
    assert send(staging, BLOB, SHA) == size


def test_what_arrived_survives_a_disconnect():
    files = MemoryFiles()
    first = staging_on(files)
    first.put(SHA, len(BLOB), 0, BLOB[:700])
    first.flush()
    assert staging_on(files).have(SHA, len(BLOB)) == 700


def test_wrong_bytes_are_thrown_away_and_sent_anew():
    staging = staging_on(MemoryFiles())
    assert send(staging, bytes(len(BLOB)), SHA, most=(len(BLOB) + PIECE - 1) // PIECE) == 0
    assert staging.get(SHA) is None
    assert send(staging, BLOB, SHA) == len(BLOB)
    assert staging.get(SHA) == BLOB


def test_an_empty_blob_is_complete_at_once():
    staging = staging_on(MemoryFiles())
    assert staging.have(hashes.sha256(b""), 0) == 0
    assert staging.get(hashes.sha256(b"")) == b""


def test_a_spoilt_blob_is_forgotten():
    files = MemoryFiles()
    staging = staging_on(files)
    send(staging, BLOB, SHA)
    files.content["/data/staging/" + SHA] = b"garbage"
    assert staging.get(SHA) is None
    assert send(staging, BLOB, SHA) == len(BLOB)
    assert staging.get(SHA) == BLOB


def test_only_what_is_kept_stays():
    files = MemoryFiles()
    staging = staging_on(files)
    other = hashes.sha256(b"other")
    send(staging, BLOB, SHA)
    staging.put(other, 5, 0, b"oth")
    staging.flush()
    staging.keep([SHA])
    assert staging.have(other, 5) == 0 and staging.get(SHA) == BLOB
    staging.clear()
    assert files.content == {}


def test_a_power_cut_at_any_point_costs_no_more_than_sending_again():
    cut = 0
    while True:
        cut += 1
        files = MemoryFiles({}, cut)
        try:
            send(staging_on(files), BLOB, SHA)
            break
        except PowerCut:
            after = staging_on(MemoryFiles(files.content))
            assert send(after, BLOB, SHA) == len(BLOB)
            assert after.get(SHA) == BLOB
    assert cut > 15
