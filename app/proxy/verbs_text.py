"""Verbs that search and change headers and body: SER's textops, Kamailio's textopsx.

They look at the message as it is to be sent on, edits made so far included; `hdr`, `search`
and the is_present family look at it as it came, as Kamailio's do.
"""

from app.proxy.matching import compiled, search
from app.proxy.subst import Substitution
from app.sip.grammar import TOKEN, to_text

TEXT = "text/plain"


class TextVerbs:
    """Needs: msg, edits, is_reply."""

    # Searching

    def search(self, pattern):
        """-> bool: the pattern (app/rules/pattern.py) matches somewhere in the received message.

        `if r.search("friendly-scanner"): return r.drop()`
        """
        return search(pattern, to_text(self.msg.raw)) is not None

    def search_str(self, text, pattern):
        """-> bool: it matches in a text. `if r.search_str(r.rU, "^00(881|979)"): ...`"""
        return search(pattern, str(text)) is not None

    def search_body(self, pattern):
        """-> bool: it matches in the body. `if r.search_body("m=video"): ...`"""
        return search(pattern, to_text(self.msg.body)) is not None

    def search_hf(self, name, pattern, flags="a"):
        """-> bool: it matches in a value of the header; flags "f": in the first one alone.

        `if r.search_hf("User-Agent", "sipvicious|friendly"): ...`
        """
        values = self.hdrs(name)
        for value in values[:1] if flags == "f" else values:
            if search(pattern, value) is not None:
                return True
        return False

    def is_present_hf_re(self, pattern):
        """-> bool: a header came whose name matches; names are in lower case.

        `if r.is_present_hf_re("^p-"): ...`
        """
        return bool(self._names(pattern))

    def hf_value_exists(self, name, value):
        """-> bool: the header lists this value. `if r.hf_value_exists("Supported", "path"): ...`"""
        return value.lower() in [each.lower() for each in self.edits.values(name)]

    # Headers

    def insert_hf(self, line):
        """Adds a header in front of the others. `r.insert_hf("P-hint: first")`"""
        name, value = header_of(line)
        self.edits.push(name, value)
        return True

    def remove_hf_re(self, pattern):
        """Takes out all headers whose name (in lower case) matches. -> bool: there were some.

        What the message cannot do without stays. `r.remove_hf_re("^x-")`
        """
        names = [each for each in self._names(pattern) if each not in NEEDED]
        for name in names:
            self.edits.remove(name)
        return bool(names)

    def remove_hf_idx(self, name, index):
        """Takes out the index-th value of a header, from 0; -1 is the last. -> bool: it was there.

        `r.remove_hf_idx("X-Note", -1)`
        """
        count = len(self.edits.values(name))
        place = int(index) + count if int(index) < 0 else int(index)
        if not 0 <= place < count:
            return False
        self.edits.remove_value(name, place)
        return True

    def subst_hf(self, name, expression, flags="a"):
        """Rewrites the values of a header by `/pattern/replacement/flags`; flags "f": the first
        that matches alone. -> bool: some did. `r.subst_hf("Subject", "/secret/***/g")`
        """
        substitution = Substitution(expression)
        values = self.edits.values(name)
        done = False
        for place in range(len(values)):
            text, count = substitution.apply(values[place])
            if count:
                self.edits.replace(name, place, text)
                done = True
                if flags == "f":
                    break
        return done

    def assign_hf_value(self, name, value):
        """Makes this the only value of a header. `r.assign_hf_value("User-Agent", "PBX")`"""
        self.edits.set(name, value)
        return True

    def append_hf_value(self, name, value):
        """Adds a value behind those of a header. `r.append_hf_value("Supported", "path")`"""
        self.edits.append(name, value)
        return True

    def insert_hf_value(self, name, value):
        """Adds a value in front of those of a header. `r.insert_hf_value("Warning", "399 x")`"""
        self.edits.push(name, value)
        return True

    def include_hf_value(self, name, value):
        """Adds a value to a header that lists it not yet. `r.include_hf_value("Allow", "INFO")`"""
        return self.hf_value_exists(name, value) or self.append_hf_value(name, value)

    def exclude_hf_value(self, name, value):
        """Takes a value out of a header's list. -> bool: it was there.

        `r.exclude_hf_value("Supported", "100rel")`
        """
        values = [each.lower() for each in self.edits.values(name)]
        found = [place for place in range(len(values)) if values[place] == value.lower()]
        for place in reversed(found):
            self.edits.remove_value(name, place)
        return bool(found)

    # Body

    def set_body(self, text, content_type=TEXT):
        """Replaces the body, str or bytes, with its Content-Type and Content-Length.

        `r.set_body("busy", "text/plain")`
        """
        self.edits.set_body(text.encode() if isinstance(text, str) else text)
        self.edits.set("Content-Type", content_type)
        return True

    def remove_body(self):
        """Sends the message on without its body. `r.remove_body()`"""
        self.edits.set_body(b"")
        self.edits.remove("content-type")
        return True

    def subst_body(self, expression):
        """Rewrites the body by `/pattern/replacement/flags`. -> bool: it matched, and is text.

        `r.subst_body("/a=inactive/a=sendrecv/g")`
        """
        try:
            body = self.edits.body().decode()
        except UnicodeError:
            return False
        text, count = Substitution(expression).apply(body)
        if count:
            self.edits.set_body(text.encode())
        return bool(count)

    def _names(self, pattern):
        wanted = compiled(pattern)
        return [name for name in self.msg.spans if wanted.search(name) is not None]


NEEDED = ("via", "from", "to", "call-id", "cseq", "content-length", "max-forwards", "route",
          "record-route", "contact")  # fmt: skip


def header_of(line):
    """-> (name, value) of "Name: value", a line break at its end or not; ValueError."""
    name, colon, value = line.strip().partition(":")
    name = name.strip()
    if not colon or not name or name.strip(TOKEN):
        raise ValueError(f"{line!r} is no header line; write it like 'P-hint: outbound'")
    return name, value.strip()
