"""One destination of Kamailio's dispatcher: a row of the table, and the state that it is in."""

from app.rules.attrs import parse_attrs
from app.sip.uri import parse_uri

# Bits of the column flags, and of the state.
INACTIVE = 1
TRYING = 2
DISABLED = 4
PROBING = 8
NO_PING = 32
SKIPPED = INACTIVE | DISABLED  # states in which a destination is not selected
STATES = INACTIVE | TRYING | DISABLED | PROBING
LETTERS = {"a": 0, "i": INACTIVE, "t": TRYING, "d": DISABLED}  # of ds_mark_dst; "p" adds PROBING
NAMES = ((DISABLED, "disabled"), (INACTIVE, "inactive"), (TRYING, "trying"))


class Destination:
    """One row. uri: Uri; state: bits; failures, successes: probes in a row."""

    def __init__(self, setid, text, flags=0, priority=0, attrs="", description=""):
        self.setid = setid
        self.text = text
        self.uri = parse_uri(text)
        self.flags = flags
        self.priority = priority
        self.body = attrs
        self.attrs = parse_attrs(attrs)[0]
        self.description = description
        self.state = flags & STATES
        self.count = 0  # of failures, or of successes while inactive
        self.turn = 0  # for the algorithms of weights
        self.probe = None

    @property
    def key(self):
        return self.setid, self.text, self.flags, self.priority, self.body

    @property
    def is_active(self):
        return not self.state & SKIPPED

    def state_name(self):
        """-> str: "active", "inactive" ..., "active, probed"."""
        names = [name for bit, name in NAMES if self.state & bit] or ["active"]
        return names[0] + (", probed" if self.state & PROBING else "")
