"""Verbs of Kamailio's dialplan: numbers by the rules of the table of that name."""

from app.sip.uri import escape, parse_uri


class DialplanVerbs:
    """Needs: proxy, ru, set_ruri. Sets dp_attrs: the `attrs` of the rule that matched last."""

    dp_attrs = ""

    def dp_translate(self, dpid):
        """-> bool: the user of the Request-URI matched a rule of that plan, and was translated.

        The rule's attrs are in `r.dp_attrs` then. `r.dp_translate(1)`
        """
        user = self.ru.aor[0] if self.ru.is_sip else None  # %2B49 is +49
        made = self.dp_replace(dpid, user or "")
        if made is None:
            return False
        if made == user:
            return True
        return self._set_user(made)

    def dp_match(self, dpid, text):
        """-> bool: a text matches a rule of that plan; `r.dp_attrs` has its attrs.

        `if r.dp_match(7, r.fu.user): ...`
        """
        rule = self.proxy.modules.dialplans.rule_for(int(dpid), text)
        if rule is None:
            return False
        self.dp_attrs = rule.attrs
        return True

    def dp_replace(self, dpid, text):
        """-> str: what a text becomes by that plan, or None. `r.dp_replace(7, "+49" + number)`"""
        rule = self.proxy.modules.dialplans.rule_for(int(dpid), text)
        made = None if rule is None else rule.result(text)
        if made is not None:
            self.dp_attrs = rule.attrs
        return made

    def _set_user(self, user):
        """Replaces the user of the Request-URI. -> bool: there is one left."""
        if not user:
            return False
        uri = parse_uri(str(self.ru))
        uri.user = escape(user)
        uri.password = None
        self.set_ruri(uri)
        return True
