"""A site's routes.py is looked over, and rehearsed, before the box takes it."""

from app.port import scripts
from app.proxy.config import Config
from app.proxy.script_check import MAX_FOUND, MAX_SCRIPT, ScriptChecker
from app.proxy.script_words import words_of
from tests.proxy.box import BOX, Counter, Hashes, subscribers, table


def check(source, rehearsed=False, **tables):
    """-> (errors, notes) as "line:column: problem; remedy"."""
    checker = ScriptChecker(scripts, Hashes, Counter().token)
    config = None
    if rehearsed:
        config = Config(domains=("example.org", BOX), advertise=(BOX, 5060),
                        trunks=("198.51.100.1",))
    found = {"subscriber": subscribers("200", "201")}
    found.update(tables)
    data = source if isinstance(source, bytes) else source.encode()
    errors, notes = checker.check(data, config, found)
    return [[f"{line}:{column}: {problem}; {remedy}" for line, column, problem, remedy in kind]
            for kind in (errors, notes)]


def errors(source, rehearsed=False):
    return check(source, rehearsed)[0]


def test_the_shipped_stages_are_a_script():
    assert check("from app.routes import *\n", True) == [[], []]
    assert check("", True) == [[], []]


def test_a_verb_that_is_none():
    assert errors("def incoming(r):\n    return r.lokup('location')\n") == [
        "2:14: r.lokup: no such verb; did you mean lookup?"
    ]
    assert errors("def request_route(req):\n    req.t_rely()\n") == [
        "2:9: req.t_rely: no such verb; did you mean t_relay?"
    ]
    assert errors("def f(r):\n    x = f'{r.fU} {r.nonsenseverb}'\n    return x\n") == [
        "2:21: r.nonsenseverb: no such verb; docs/routing.md has all of them"
    ]
    found = errors("def f(r):\n" + "    r.nope()\n" * 50)
    assert len(found) == MAX_FOUND


def test_what_looks_like_a_verb_and_is_none():
    source = '''
"""r.nope() in a docstring,
   r.nope() in its second line"""
# r.nope() in a comment


def f(r, number):
    text = "r.nope()" + 'it\\'s r.nope()'  # r.nope()
    number.nope()
    r.mine = 1
    other = r.ru.user.upper() + r.hdr("x").lower()
    return r.mine, text, other, f"{{r.nope}} {r.fU!r} {r.fu.host}", r.avp.get("x"), r.hdr .strip
'''
    assert errors(source) == []


def test_a_route_by_a_name_that_is_none():
    source = ("def incoming(r):\n    r.t_on_failure({})\n\n\n"
              "def trunk_failure(r):\n    r.t_reply(480, 'x')\n")
    assert errors(source.format('"trunk_failure"')) == []
    assert errors(source.format("trunk_failure")) == []
    assert errors(source.format('"incoming"')) == []  # one of the shipped script
    assert errors(source.format('"trunk_failur"')) == [
        "2:20: there is no function trunk_failur; did you mean trunk_failure?"
    ]
    assert errors('def f(r):\n    r.t_on_branch("nothing_like_it")\n') == [
        "2:19: there is no function nothing_like_it; write def nothing_like_it(r): ..."
    ]


def test_imports():
    for line, module in (("import os", "os"), ("from time import sleep", "time"),
                         ("import app.port.files", "app.port.files"), ("x = 1; import sys", "sys"),
                         ("if True: import socket", "socket"), ("from . import x", ".")):
        (found,) = errors(line + "\n")
        assert "it imports" in found and "a script may import app.routes" in found, line
        assert module == "." or f"imports {module};" in found
    for line in ("from app.routes import incoming, relay", "from app.proxy.acc import FLT_ACC",
                 "import app.routes", "from app.routes import (\n    incoming,\n)"):
        assert errors(line + "\n") == [], line


def test_what_is_not_for_a_script():
    for word in ("exec('x')", "eval('1')", "open('/data/secret')", "__import__('os')",
                 "compile('', '', 'exec')"):
        (found,) = errors(f"def f(r):\n    {word}\n")
        assert found.startswith("2:5: ") and "is not for a script" in found
    assert errors("def f(r):\n    r.exec = 1\n    return r.open\n") == [
        "3:14: r.open: no such verb; docs/routing.md has all of them"
    ]
    (found,) = errors("async def f(r):\n    pass\n")
    assert "async is not for a script" in found


def test_a_while_is_noted():
    found, notes = check("def f(r):\n    while r.avp.get('x'):\n        r.avp['x'] -= 1\n")
    assert found == [] and notes == [
        "2:5: while: nothing else happens on the box until it ends, after 2 s at the latest; "
        "make sure that it ends, or write for"
    ]


def test_what_is_no_python():
    (found,) = errors("def f(r:\n    pass\n")
    assert found[:4] in ("1:0:", "2:0:") and "Python does not understand it" in found
    (found,) = errors("x = 1\ndef f(r):\n    return 1 +\n")
    assert found.startswith("3:0: Python does not understand it")
    assert errors(b"# \xff\xfe\n") == ["0:0: it is not UTF-8; save it as UTF-8"]
    (found,) = errors("#" * (MAX_SCRIPT + 1))
    assert "bytes, a script has at most" in found
    (found,) = errors("(" * 5000)
    assert "Python does not understand it" in found


def test_what_fails_when_it_is_loaded():
    assert errors("x = 1\ny = {}[x]\n")[0].startswith("2:0: KeyError(1")
    assert errors("from app.routes import incomin\n")[0].startswith("1:0: ImportError(")
    assert errors("request_route = 5\n") == [
        "0:0: request_route is no function; write def request_route(r): ..."
    ]


def test_the_rehearsal_finds_what_only_a_call_shows():
    for source, line, what in (
        ("def request_route(r):\n    r.sl_send_reply()\n", 2, "TypeError"),
        ("def registrar(r):\n    return nothing\n", 2, "NameError"),
        ("def incoming(r):\n    r.save\n    return r.msg.nope\n", 3, "AttributeError"),
        ("def within_dialog(r):\n    return 1 / 0\n", 2, "ZeroDivisionError"),
        ("def onreply_route(r):\n    return [][r.status]\n", 2, "IndexError"),
        ("def permitted(r):\n    return r.proxy_authorize()\n", 2, "TypeError"),
        ("def incoming(r):\n    r.search('(')\n", 2, "ValueError"),
        ("def incoming(r):\n    r.t_on_failure('busy')\n    r.lookup('location')\n"
         "    return relay(r)\n\n\ndef busy(r):\n    if r.t_check_status('486'):\n        [][1]\n",
         9, "IndexError"),
        ("def incoming(r):\n    r.t_on_failure('late')\n    r.lookup('location')\n"
         "    return relay(r)\n\n\ndef late(r):\n    if r.t_branch_timeout():\n        [][1]\n",
         9, "IndexError"),
        ("def incoming(r):\n    r.t_on_branch('mark')\n    r.lookup('location')\n"
         "    return relay(r)\n\n\ndef mark(r):\n    r.append_hf('no header')\n", 8, "ValueError"),
    ):  # fmt: skip
        found = errors(source, True)
        assert found and what in found[0], source
        if line is not None:
            assert found[0].startswith(f"{line}:0: "), found


def test_the_rehearsal_says_of_what():
    (found,) = errors("def registrar(r):\n    return nothing\n", True)
    assert "in REGISTER sip:example.org from 192.0.2.201; mend it" in found


def test_a_rehearsal_without_tables_or_passwords():
    columns = "username(str) domain(str) password(str,null) ha1(str)\n"
    hashed = table("subscriber", columns + "200:example.org::0123456789abcdef0123456789abcdef\n")
    for tables in ({}, {"subscriber": hashed}):
        checker = ScriptChecker(scripts, Hashes, Counter().token)
        config = Config(domains=("example.org",))
        found = checker.check(b"def incoming(r):\n    return 1 / 0\n", config, tables)
        assert found[0][0][2].startswith("ZeroDivisionError")


def test_a_loop_without_end_is_found():
    for source in (
        "def incoming(r):\n    while True:\n        pass\n", "x = 0\nwhile True:\n    x += 1\n",
    ):  # fmt: skip
        checker = ScriptChecker(scripts, Hashes, Counter().token, limit=0.05)
        found, _ = checker.check(source.encode(), Config(domains=("example.org",)), {})
        assert len(found) == 1 and "OutOfTime" in found[0][2], found


def test_words_have_their_places():
    words = words_of('a.b(c)  # d\n"""e\nf""" g\n  x.y.z = "s" if h else f"{i.j} {{k}}"\n')
    found = [(each.text, each.line, each.column, each.owner) for each in words if each.text]
    assert found == [
        ("a", 1, 1, ""), ("b", 1, 3, "a"), ("c", 1, 5, ""), ("g", 3, 6, ""), ("x", 4, 3, ""),
        ("y", 4, 5, "x"), ("z", 4, 7, "x.y"), ("if", 4, 15, ""), ("h", 4, 18, ""),
        ("else", 4, 20, ""), ("i", 4, 28, ""), ("j", 4, 30, "i"),
    ]  # fmt: skip
    assert [each.string for each in words if each.string is not None] == [
        "e\nf", "s", "{i.j} {{k}}",
    ]  # fmt: skip


def test_any_text_is_looked_over():
    for text in ("'", '"""', "f'{", "\\", "r.", ".r", "r.x", "'\\", "f'{{'", "def", "from", "#",
                 "\0", "def r", "import", "r.t_on_failure(", "r.t_on_failure"):
        words_of(text)
        errors(text)
