"""Kamailio's module dialplan: numbers translated by the rules of the table of that name."""

from app.rules.dialplan import MAX_INPUT, Rule, RuleError
from app.rules.order import stable


class Dialplans:
    """The rules of all dial plans, ready to run: {dpid: {match_len: [Rule], by priority}}.

    A row that cannot be followed is left out, with a line in the log; the appliance refuses it.
    """

    def __init__(self, table, log):
        self._plans = {}
        for row in table.rows if table is not None else ():
            try:
                rule = Rule(
                    row.get("pr", 0), row.get("match_op", 0), row.get("match_exp", ""),
                    row.get("match_len", 0), row.get("subst_exp", ""), row.get("repl_exp", ""),
                    row.get("attrs", ""),
                )  # fmt: skip
            except RuleError as error:
                log.warning(f"dialplan: {error.column} {error.problem}; {error.remedy}")
                continue
            rules = self._plans.setdefault(row.get("dpid", 0), {})
            rules.setdefault(rule.match_len, []).append(rule)
        for rules in self._plans.values():
            for length in rules:
                rules[length] = stable(rules[length], lambda rule: rule.pr)

    def has(self, dpid):
        return dpid in self._plans

    def rule_for(self, dpid, text):
        """-> the Rule that a text falls under, or None.

        Rules for its very length come first, whatever their priority, then those for any
        (match_len 0). Texts of more than MAX_INPUT characters match nothing.
        """
        plan = self._plans.get(dpid)
        if plan is None or not text or len(text) > MAX_INPUT:
            return None
        for length in (len(text), 0):
            for rule in plan.get(length, ()):
                if rule.matches(text):
                    return rule
        return None
