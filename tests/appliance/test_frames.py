from app.appliance import frames


def test_a_frame_comes_back_as_it_went():
    for payload in (b"", b"HELLO 1", bytes(range(256)) * 4):
        line = frames.encode(frames.TO_BOX, 0xBEEF, payload)
        assert line.endswith(b"\r\n")
        assert frames.decode(frames.TO_BOX, line[:-2]) == (0xBEEF, payload)
        assert frames.decode(frames.FROM_BOX, line[:-2]) is None


def test_the_example_of_the_document_is_true():
    assert frames.encode(frames.TO_BOX, 1, b"HELLO 1") == b"~>0001 SEVMTE8gMQ== 0dcc3686\r\n"


def test_what_stands_before_and_after_does_no_harm():
    line = b"[ 12.5] eth0: link up~>garbage" + frames.encode(frames.TO_BOX, 7, b"x")[:-2] + b"\xff"
    assert frames.decode(frames.TO_BOX, line) == (7, b"x")


def test_any_changed_bit_is_noticed():
    line = frames.encode(frames.TO_BOX, 7, b"some bytes of a table\n")[:-2]
    for index in range(len(line)):
        for bit in range(8):
            changed = bytearray(line)
            changed[index] ^= 1 << bit
            assert frames.decode(frames.TO_BOX, changed) is None, (index, bit)


def test_any_lost_or_doubled_byte_is_noticed():
    line = frames.encode(frames.TO_BOX, 7, b"some bytes of a table\n")[:-2]
    for index in range(1, len(line)):
        assert frames.decode(frames.TO_BOX, line[:index] + line[index + 1 :]) is None
        if index < len(line) - 1:  # what follows the checksum does not matter
            doubled = line[:index] + line[index : index + 1] + line[index:]
            assert frames.decode(frames.TO_BOX, doubled) is None or index <= 2


def test_nonsense_is_no_frame():
    for line in (b"", b"~>", b"~>0001", b"~>0001 ", b"~>0001  ", b"\xff~>\xfe"):
        assert frames.decode(frames.TO_BOX, line) is None
    assert frames.decode(frames.TO_BOX, b"~>xyz1 QQ== 00000000") is None


def test_lines_are_cut_at_either_line_end_and_bounded():
    splitter = frames.LineSplitter()
    assert splitter.feed(b"one\r\ntw") == [b"one"]
    assert splitter.feed(b"o\n\n\rthree") == [b"two"]
    assert splitter.feed(b"x" * 5000) == []
    assert splitter.feed(b"y\nfour\n") == [b"y", b"four"]
    assert splitter.feed(b"z" * 3000 + b"\n") == []
