from app.port import files, hashes


def scratch():
    path = "/tmp/waferpbx-test-" + hashes.token(12)
    files.makedirs(path)
    return path


def test_missing_files_and_folders_are_no_error():
    assert files.read("/nonexistent/file") is None
    assert files.listdir("/nonexistent") == []
    assert not files.exists("/nonexistent/file")
    files.remove("/nonexistent/file")
    files.remove_tree("/nonexistent")


def test_write_replaces_and_leaves_no_temporary():
    folder = scratch()
    files.write_atomic(folder + "/a", b"one")
    files.write_atomic(folder + "/a", b"two")
    assert files.read(folder + "/a") == b"two"
    assert files.listdir(folder) == ["a"]
    files.remove_tree(folder)


def test_append_adds_to_what_is_there():
    folder = scratch()
    files.append(folder + "/a", b"one")
    files.append(folder + "/a", b"two" * 10000)
    assert files.read(folder + "/a") == b"one" + b"two" * 10000
    files.remove_tree(folder)


def test_folders_are_made_and_removed_with_what_is_in_them():
    folder = scratch()
    files.makedirs(folder + "/x/y/z")
    files.makedirs(folder + "/x/y/z")
    files.write_atomic(folder + "/x/y/file", b"")
    assert files.is_folder(folder + "/x") and not files.is_folder(folder + "/x/y/file")
    assert files.listdir(folder + "/x/y") == ["file", "z"]
    files.remove_tree(folder + "/x/y/file")  # a file is a tree of one
    assert files.listdir(folder + "/x/y") == ["z"]
    files.remove_tree(folder)
    assert not files.exists(folder)


def test_a_file_below_a_file_is_missing():
    folder = scratch()
    files.write_atomic(folder + "/a", b"")
    assert files.read(folder + "/a/b") is None
    files.remove_tree(folder)


def test_free_bytes_is_positive():
    assert files.free_bytes("/tmp") > 0


def test_a_replacement_takes_its_place_at_once():
    folder = scratch()
    files.write_atomic(folder + "/a", b"old")
    new = files.replacement(folder + "/a")
    new.write(b"new ")
    new.write(b"bytes")
    assert files.read(folder + "/a") == b"old"
    new.commit()
    assert files.read(folder + "/a") == b"new bytes" and files.listdir(folder) == ["a"]
    files.remove_tree(folder)


def test_a_replacement_that_is_given_up_leaves_nothing():
    folder = scratch()
    files.write_atomic(folder + "/a", b"old")
    new = files.replacement(folder + "/a")
    new.write(b"new")
    new.abandon()
    assert files.read(folder + "/a") == b"old" and files.listdir(folder) == ["a"]
    files.remove_tree(folder)


def test_blocks_are_the_whole_file():
    folder = scratch()
    data = bytes([number % 251 for number in range(1000)])
    files.write_atomic(folder + "/a", data)
    pieces = list(files.blocks(folder + "/a", 64))
    assert b"".join(pieces) == data and max([len(piece) for piece in pieces]) == 64
    assert list(files.blocks(folder + "/none")) == []
    files.remove_tree(folder)
