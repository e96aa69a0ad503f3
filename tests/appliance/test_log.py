from app.appliance.log import KEPT, MAX_TEXT, Log


def log_with(sent):
    return Log(lambda severity, text: sent.append((severity, text)), lambda: "2026-03-01 12:00:00")


def test_a_line_goes_to_syslog_memory_and_followers():
    sent, followed = [], []
    log = log_with(sent)
    log.followers.append(followed.append)
    log.warning("trunk: no answer")
    assert sent == [("warning", "trunk: no answer")]
    assert log.lines == ["2026-03-01 12:00:00 warning trunk: no answer"]
    assert followed == log.lines


def test_memory_is_bounded():
    log = log_with([])
    for number in range(KEPT + 50):
        log.info(str(number))
    log.error("x" * 10000)
    assert len(log.lines) == KEPT
    assert log.lines[0].endswith(" 51")
    assert len(log.lines[-1]) < MAX_TEXT + 40


def test_a_line_without_memory_is_lost_and_nothing_else():
    def full(severity, text):
        raise MemoryError()

    log = Log(full, lambda: "2026-03-01 12:00:00")
    log.error("out of memory")
    assert log.lost == 1 and log.lines == []
