"""docs/routing.md and the docstrings against the verbs that there are; its examples at work."""

from pathlib import Path

from app.port import scripts
from app.proxy.request import RoutingReply, RoutingRequest
from app.proxy.script import FILE
from app.proxy.script_check import MODULE, ScriptChecker
from tests.proxy.box import Box, Counter, Hashes, subscribers
from tests.proxy.desks import methods
from tests.proxy.phone import SDP, Phone, last, status

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "routing.md"
INTERNAL = ("set_ruri", "media_to", "read_message", "contact_hop", "busy", "enter_failure",
            "leave_failure", "flow_token", "other_flow")


def verbs():
    found = {}
    for kind in (RoutingRequest, RoutingReply):
        for name in dir(kind):
            if name[0] != "_" and callable(getattr(kind, name)) and name not in INTERNAL:
                found[name] = getattr(kind, name)
    return found


def rows():
    """-> {verb: (what it does, example)} of the tables in "The verbs, one by one"."""
    text = PAGE.read_text().partition("\n## The verbs, one by one\n")[2]
    found = {}
    for line in text.split("\n"):
        cells = line.replace("\\|", "\0").split("|")
        if line.startswith("| `") and len(cells) == 5:
            name = cells[1].strip(" `").partition("(")[0]
            found[name] = tuple([cell.strip().replace("\0", "|") for cell in cells[2:4]])
    return found


def test_every_verb_says_what_it_does_and_shows_one_use():
    for name, verb in verbs().items():
        text = verb.__doc__ or ""
        assert name == "refused" or f"r.{name}(" in text, name


def test_every_verb_is_documented_with_an_example():
    documented = rows()
    assert [name for name in verbs() if name not in documented] == []
    for name, (meaning, example) in documented.items():
        assert name in verbs(), f"docs/routing.md has a verb {name} that is not there"
        assert len(meaning) > 4 and f"r.{name}(" in example, name


def test_every_example_is_a_line_of_a_script():
    """It compiles, and names no verb that is not there."""
    lines = [example.strip("`") for _, example in rows().values()]
    for line in lines:
        scripts.compiled(f"def f(r):\n    {line}\n", line)
    source = "".join([f"def f(r):\n    {line}\n" for line in lines])
    errors, _ = ScriptChecker(scripts, Hashes, Counter().token).check(source.encode())
    assert [each for each in errors if "there is no function" not in each[2]] == []


def test_every_verb_of_the_script_exists():
    script = (ROOT / "app" / "routes.py").read_text()
    used = {piece.partition("(")[0] for piece in script.split(" r.")[1:] if "(" in piece}
    used = {name for name in used if name.isidentifier()}
    assert used and used <= set(verbs())


def test_the_example_of_the_routes_is_a_script():
    text = PAGE.read_text().partition("\n## Failure, branch and reply routes\n")[2]
    source = text.partition("```python\n")[2].partition("```")[0]
    checker = ScriptChecker(scripts, Hashes, Counter().token)
    assert "def to_gateways(r):" in source and checker.check(source.encode()) == ([], [])


# The worked examples of "A script of your own"


def examples():
    """-> [source] of the scripts in that section."""
    section = PAGE.read_text().partition("\n## A script of your own\n")[2].partition("\n## ")[0]
    return [piece.partition("```")[0] for piece in section.split("```python\n")[1:]]


def box_with(source):
    """-> Box that runs a checked and rehearsed script of a site."""
    box = Box(domains=("example.org", "192.0.2.10"), trunks=("198.51.100.7",))
    checker = ScriptChecker(scripts, Hashes, Counter().token)
    tables = {"subscriber": subscribers("200", "201")}
    assert checker.check(source.encode(), box.config, tables) == ([], [])
    box.proxy.script.use(scripts.laid_over(MODULE, scripts.compiled(source, FILE)))
    return box


def test_the_first_example_has_a_voicemail():
    voicemail_script, _ = examples()
    for answer in (486, None):
        box = box_with(voicemail_script)
        alice, bob = Phone(box, "200"), Phone(box, "201")
        voicemail = Phone(box, "vm", host="192.0.2.80")
        bob.register()
        alice.request("INVITE", "sip:201@example.org", body=SDP)
        invite = last(bob.received())
        if answer:
            bob.reply(invite, answer)
        else:
            bob.reply(invite, 180)
            box.wait(26)
            bob.reply(invite, 487)
        message = [each for each in voicemail.received() if each.method == "INVITE"][-1]
        assert message.uri == "sip:201@192.0.2.80"
        assert message.header("diversion") == "<sip:201@example.org>;reason=no-answer"
        voicemail.reply(message, 200)
        assert status(alice.received())[-1] == 200 and box.proxy.script.faults == 0


def test_the_second_example_has_a_hunt_group_and_blocks_numbers():
    _, numbers = examples()
    box = box_with(numbers)
    alice = Phone(box, "200")
    others = [Phone(box, user) for user in ("201", "202", "203")]
    for phone in others:
        phone.register()
    alice.request("INVITE", "sip:700@example.org", body=SDP)
    assert [methods(phone.received()) for phone in others] == [["INVITE"]] * 3
    for number in ("0088112345", "+8811234"):
        assert status(alice.request("INVITE", f"sip:{number}@example.org")) == [403]
    assert box.log.has("200 may not call 0088112345")
    alice.request("INVITE", "sip:202@example.org", body=SDP)
    assert methods(others[1].received()) == ["INVITE"]
    assert status(alice.request("INVITE", "sip:*0@example.org")) == [404]
    assert box.proxy.script.faults == 0
