from app.port import system


def test_memory_and_uptime_are_plausible():
    total, available, own = system.memory()
    assert total > available > 0 and total > own > 0
    assert system.uptime() > 0
    assert float(system.load()) >= 0
    assert isinstance(system.command_line(), dict)


def test_an_open_file_is_a_descriptor_more():
    before = system.descriptors()
    with open("/dev/null"):
        assert system.descriptors() == before + 1
    assert system.descriptors() == before


def test_run_returns_the_exit_status():
    assert system.run("/bin/true") == 0
    assert system.run("/bin/sh", "-c", "exit 3") == 3


def test_arguments_reach_the_program_as_they_are():
    for word in ("", "a b", "it's", "$HOME", "`id`", "a;b", "\\", '"', "*"):
        assert system.run("/bin/sh", "-c", '[ "$1" = ' + system.quote(word) + " ]", "-", word) == 0
