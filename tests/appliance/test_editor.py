from app.appliance.editor import MAX_LINE, LineEditor


def typed(data, hidden=False):
    """Return (lines and signals, echo) of typing those bytes."""
    editor = LineEditor()
    editor.hidden = hidden
    found = [editor.feed(byte) for byte in data]
    return [each for each in found if each is not None], bytes(editor.echo)


def test_any_line_end_ends_a_line_once():
    assert typed(b"a\rb\nc\r\nd\r")[0] == [b"a", b"b", b"c", b"d"]
    assert typed(b"\r\r\n\n")[0] == [b"", b"", b""]


def test_what_is_typed_is_echoed_unless_hidden():
    assert typed(b"ab\r") == ([b"ab"], b"ab\r\n")
    assert typed(b"ab\x7f\r", hidden=True) == ([b"a"], b"\r\n")


def test_backspace_and_delete_erase_to_the_left_and_no_further():
    assert typed(b"abc\x7f\x08d\r") == ([b"ad"], b"abc\b \b\b \bd\r\n")
    assert typed(b"\x7f\x7fa\r")[0] == [b"a"]


def test_ctrl_u_erases_the_line_ctrl_w_the_word():
    assert typed(b"abc\x15de\r")[0] == [b"de"]
    assert typed(b"log  follow \x17x\r")[0] == [b"log  x"]
    assert typed(b"log\x17x\r")[0] == [b"x"]


def test_ctrl_c_forgets_the_line():
    assert typed(b"abc\x03d\r") == ([LineEditor.INTERRUPT, b"d"], b"abc^C\r\nd\r\n")


def test_ctrl_d_ends_on_an_empty_line_alone():
    assert typed(b"\x04")[0] == [LineEditor.END]
    assert typed(b"a\x04b\r")[0] == [b"ab"]


def test_arrow_keys_and_other_controls_type_nothing():
    assert typed(b"a\x1b[A\x1b[1;5C\x1bOP\x1bxb\x00\x07\tc\r")[0] == [b"abc"]


def test_a_line_is_bounded_and_the_bell_says_so():
    lines, echo = typed(b"x" * (MAX_LINE + 5) + b"\r")
    assert lines == [b"x" * MAX_LINE]
    assert echo.endswith(b"\x07" * 5 + b"\r\n")
