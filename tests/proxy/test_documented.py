"""docs/routing.md and the docstrings against the verbs that there are."""

from pathlib import Path

from app.proxy.request import RoutingReply, RoutingRequest

ROOT = Path(__file__).resolve().parents[2]
INTERNAL = ("set_ruri", "media_to", "read_message", "contact_hop", "busy", "enter_failure",
            "leave_failure", "flow_token", "other_flow")


def verbs():
    found = {}
    for kind in (RoutingRequest, RoutingReply):
        for name in dir(kind):
            if name[0] != "_" and callable(getattr(kind, name)) and name not in INTERNAL:
                found[name] = getattr(kind, name)
    return found


def test_every_verb_says_what_it_does_and_shows_one_use():
    for name, verb in verbs().items():
        text = verb.__doc__ or ""
        assert name == "refused" or f"r.{name}(" in text, name


def test_every_verb_is_in_the_table():
    page = (ROOT / "docs" / "routing.md").read_text()
    missing = [name for name in verbs() if f"`{name}(" not in page]
    assert missing == []


def test_every_verb_of_the_script_exists():
    script = (ROOT / "app" / "routes.py").read_text()
    used = {piece.partition("(")[0] for piece in script.split(" r.")[1:] if "(" in piece}
    used = {name for name in used if name.isidentifier()}
    assert used and used <= set(verbs())
