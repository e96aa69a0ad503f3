"""Verbs that rewrite the Request-URI and look at URIs: SER's core, siputils, textops.

Each of them makes a new Uri: the one that came, and those of other branches, stay.
"""

from app.proxy.subst import Substitution
from app.proxy.target import next_hop
from app.sip.errors import ParseError
from app.sip.grammar import ALPHANUM, DIGITS
from app.sip.uri import escape, parse_host_port, parse_port, parse_uri, same_uri, unescape


class UriVerbs:
    """Needs: msg, proxy, config; targets (the first one is `ru`), credentials."""

    def seturi(self, uri):
        """Replaces the Request-URI; `rewriteuri` is its old name. -> bool: it is a URI.

        `r.seturi("sip:200@example.org")`
        """
        try:
            self.set_ruri(parse_uri(str(uri)))
        except ParseError:
            return False
        return True

    def rewriteuri(self, uri):
        """seturi. `r.rewriteuri("sip:200@example.org")`"""
        return self.seturi(uri)

    def is_user(self, name):
        """-> bool: the verified credentials are of this user. `if r.is_user("200"): ...`"""
        return bool(name) and self.au == name

    def is_supported(self, option):
        """-> bool: Supported of the request lists this option tag.

        `if r.is_supported("100rel"): ...`
        """
        return option.lower() in [each.lower() for each in self.hdrs("Supported")]

    def revert_uri(self):
        """Makes the Request-URI again what it was when it came. `r.revert_uri()`"""
        self.set_ruri(parse_uri(self.msg.uri))
        return True

    def setuser(self, user):
        """Replaces the user part of the Request-URI; "" takes it out. What a URI cannot hold
        is escaped. `r.setuser("voicemail")`
        """
        return self._rewrite("user", escape(user) if user else None)

    def rewriteuser(self, user):
        """setuser. `r.rewriteuser("voicemail")`"""
        return self.setuser(user)

    def setuserpass(self, user, password=None):
        """Replaces user and password. `r.setuserpass("200", "secret")`"""
        return self.setuser(user) and self._rewrite("password", password)

    def sethost(self, host):
        """Replaces the host of the Request-URI; the port stays. -> bool: it can be one.

        `r.sethost("198.51.100.1")`
        """
        return self._set_place(host, False)

    def rewritehost(self, host):
        """sethost. `r.rewritehost("198.51.100.1")`"""
        return self.sethost(host)

    def sethostport(self, place):
        """Replaces host and port; without one the port goes. -> bool: it can be one.

        `r.sethostport("198.51.100.1:5080")`
        """
        return self._set_place(place, True)

    def rewritehostport(self, place):
        """sethostport. `r.rewritehostport("198.51.100.1:5080")`"""
        return self.sethostport(place)

    def setport(self, port):
        """Replaces the port; "" takes it out. -> bool: it is one. `r.setport(5080)`"""
        uri = parse_uri(str(self.ru))
        try:
            uri.port = parse_port(str(port)) if port else None
        except ParseError:
            return False
        self.set_ruri(uri)
        return uri.is_sip

    def rewriteport(self, port):
        """setport. `r.rewriteport(5080)`"""
        return self.setport(port)

    def prefix(self, text):
        """Puts digits (or other text) in front of the user. `r.prefix("00")`"""
        return self._rewrite("user", escape(text) + (self.ru.user or ""))

    def strip(self, count):
        """Takes that many characters off the front of the user. `r.strip(1)`"""
        return self._rewrite("user", escape(self.rU[int(count) :]) or None)

    def strip_tail(self, count):
        """Takes that many characters off the end of the user. `r.strip_tail(2)`"""
        user = self.rU
        return self._rewrite("user", escape(user[: max(0, len(user) - int(count))]) or None)

    def subst_uri(self, expression):
        """Rewrites the Request-URI by `/pattern/replacement/flags` (app/proxy/subst.py), a
        pattern of app/rules/pattern.py. -> bool: it matched, and the result is a URI.

        `r.subst_uri("/^sip:0([0-9]+)@(.*)$/sip:+49\\\\1@\\\\2/")`
        """
        text, count = Substitution(expression).apply(str(self.ru))
        return bool(count) and self.seturi(text)

    def subst_user(self, expression):
        """The same with the user part alone. `r.subst_user("/^00/+/")`"""
        text, count = Substitution(expression).apply(self.rU)
        return bool(count) and self.setuser(text)

    def uri_param(self, name, value=None):
        """-> bool: the Request-URI has this parameter, with this value if one is given.

        `if r.uri_param("transport", "tcp"): ...`
        """
        found = self.ru.params.get(name.lower())
        return found is not None and (value is None or found.lower() == value.lower())

    def get_uri_param(self, name):
        """-> str: the parameter's value, "" without one. `if r.get_uri_param("x") == "1": ...`"""
        return self.ru.params.get(name.lower(), "")

    def add_uri_param(self, param):
        """Adds `name=value` to the Request-URI. -> bool: it can be one.

        `r.add_uri_param("user=phone")`
        """
        try:
            uri = parse_uri(f"{self.ru};{param}") if not self.ru.headers else None
        except ParseError:
            uri = None
        if uri is None:
            return False
        self._change_target(uri)
        return True

    def uri_param_rm(self, name):
        """Takes a parameter out of the Request-URI. -> bool: it was there.

        `r.uri_param_rm("user")`
        """
        if name.lower() not in self.ru.params:
            return False
        uri = parse_uri(str(self.ru))
        uri.params.remove(name.lower())
        self._change_target(uri)
        return True

    # Parts of it by Kamailio's names: `r.rU` reads, `r.rU = "200"` writes.

    @property
    def rU(self):
        """The user of the Request-URI, unescaped; "" without one."""
        return unescape(self.ru.user or "")

    @rU.setter
    def rU(self, user):
        self.setuser(user)

    @property
    def rd(self):
        """The host of the Request-URI."""
        return self.ru.host or ""

    @rd.setter
    def rd(self, host):
        self._must(self.sethost(host), "rd", host)

    @property
    def rp(self):
        """The port of the Request-URI; 5060, or 5061 for sips, when it has none."""
        return self.ru.port or (5061 if self.ru.scheme == "sips" else 5060)

    @rp.setter
    def rp(self, port):
        self._must(self.setport(port), "rp", port)

    @property
    def ou(self):
        """The Request-URI as it came, str."""
        return self.msg.uri

    def _must(self, done, name, value):
        if not done:
            raise ValueError(f"{name} = {value!r}: that is no URI, or cannot stand in one")

    def _hop_of(self, text):
        """-> Peer that a URI leads to; None for "". ValueError for one that leads nowhere."""
        if not text:
            return None
        uri = as_uri(text)
        peer = None if uri is None else next_hop(uri, self.config)
        self._must(peer is not None, "du", text)
        return peer

    def _set_place(self, place, with_port):
        try:
            host, port = parse_host_port(str(place))
        except ParseError:
            return False
        if port is not None and not with_port:
            return False
        uri = parse_uri(str(self.ru))
        if not uri.is_sip:
            return False
        uri.host = host
        if with_port:
            uri.port = port
        self.set_ruri(uri)
        return True

    def _rewrite(self, part, value):
        uri = parse_uri(str(self.ru))
        if not uri.is_sip:
            return False
        setattr(uri, part, value)
        self._change_target(uri)
        return True

    def _change_target(self, uri):
        """A part of the URI that says nothing of where it leads: q and received stay."""
        self.targets = [self.targets[0].moved(uri)] + self.targets[1:]


class UriTests:
    """Verbs that look at any URI or number, for requests and replies."""

    def cmp_uri(self, one, other):
        """-> bool: two URIs (Uri or str) are equivalent by RFC 3261 19.1.4.

        `if r.cmp_uri(r.ru, "sip:200@example.org"): ...`
        """
        one, other = as_uri(one), as_uri(other)
        return one is not None and other is not None and same_uri(one, other)

    def cmp_aor(self, one, other):
        """-> bool: the same user at the same host. `if r.cmp_aor(r.fu, r.tu): ...`"""
        one, other = as_uri(one), as_uri(other)
        return one is not None and other is not None and one.is_sip and one.aor == other.aor

    def is_uri(self, text):
        """-> bool: a URI that can be read. `if r.is_uri(r.hdr("X-Target")): ...`"""
        return as_uri(text) is not None

    def is_e164(self, number):
        """-> bool: + and 2 to 15 digits, the first no 0. `if r.is_e164(r.rU): ...`"""
        digits = number[1:]
        return number[:1] == "+" and 2 <= len(digits) <= 15 and (
            digits[0] != "0" and not digits.strip(DIGITS)
        )

    def is_uri_user_e164(self, uri):
        """-> bool: its user is one. `if r.is_uri_user_e164(r.ru): ...`"""
        uri = as_uri(uri)
        return uri is not None and uri.is_sip and self.is_e164(unescape(uri.user or ""))

    def is_tel_number(self, text):
        """-> bool: digits, with or without a + in front. `if r.is_tel_number(r.rU): ...`"""
        return self.is_numeric(text[1:] if text[:1] == "+" else text)

    def is_numeric(self, text):
        """-> bool: digits and nothing else. `if r.is_numeric(r.rU): ...`"""
        return bool(text) and not text.strip(DIGITS)

    def is_alphanum(self, text):
        """-> bool: letters and digits of ASCII. `if r.is_alphanum(r.rU): ...`"""
        return bool(text) and not text.strip(ALPHANUM)


def as_uri(value):
    """-> Uri | None of a Uri, or a str that can be read as one."""
    if not isinstance(value, str):
        return value
    try:
        return parse_uri(value)
    except ParseError:
        return None
