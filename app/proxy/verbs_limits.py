"""Verbs of our own against toll fraud: numbers as they are dialled, emergency calls, limits."""

from app.proxy.aor import rows_of
from app.proxy.limits import IN_USE, NAMES
from app.sip.uri import Uri

DIGITS = "0123456789"
SEPARATORS = "-.()"  # visual ones, which mean nothing (RFC 3966 5.1.1)
MAX_NUMBER = 32  # characters; E.164 has 15 digits
SOS = "service:sos"  # RFC 5031
CLOCK_SET = 1735689600  # 1 January 2025: a clock that shows less has not been set


class LimitVerbs:
    """Needs: proxy, config, ru, set_ruri, au, credentials, ci, ft, now, wall. Sets counted: the
    call is one of the limits'."""

    counted = False

    def dialled_number(self):
        """-> str: the number that the Request-URI asks for, "" when that is none: digits, `*`
        and `#`, with `+` in front if it has one; no escapes, visual separators, parameters.

        Of tel URIs too. `if r.dialled_number().startswith("00"): ...`
        """
        if self.ru.is_sip:
            user = self.ru.aor[0] or ""
        elif self.ru.scheme == "tel":
            user = self.ru.opaque
        else:
            user = ""
        user = user.partition(";")[0]
        text = "".join([character for character in user if character not in SEPARATORS])
        digits = text[1:] if text[:1] == "+" else text
        if not digits or digits.strip(DIGITS + "*#") or len(text) > MAX_NUMBER:
            return ""
        return text

    def normalize_number(self):
        """-> bool: the Request-URI asks for a number, and is a sip URI of that number alone now,
        without separators and parameters; of urn:service:sos the first emergency number.

        `if not r.normalize_number(): return r.sl_send_reply(404, "Not Found")`
        """
        number = self.dialled_number()
        if not number and self.is_emergency():
            number = self.config.emergency[0]
        if not number:
            return False
        host, port = (self.ru.host, self.ru.port) if self.ru.is_sip else self.config.advertise
        self.set_ruri(Uri("sip", number, host, port))
        return True

    def is_emergency(self):
        """-> bool: the call is for one of site.conf's emergency numbers, or urn:service:sos.

        `if r.is_emergency(): ...`
        """
        if not self.config.emergency:
            return False
        if self.ru.scheme == "urn":
            opaque = self.ru.opaque.lower()
            return opaque == SOS or opaque.startswith(SOS + ".")
        return self.dialled_number() in self.config.emergency

    def is_urgent(self):
        """-> bool: an emergency call of an extension, for which there is always room.

        `if r.is_urgent(): ...`
        """
        return self.credentials is not None and self.is_emergency()

    def has_group(self, group):
        """-> bool: the table grp has that group, so that who is not in it is meant to be left
        out. `if r.has_group("pstn") and not r.is_user_in("Credentials", "pstn"): ...`
        """
        table = self.proxy.tables.get("grp")
        return table is not None and table.find(grp=group) is not None

    def within_hours(self):
        """-> bool: now is one of the hours of site.conf's [limits]. While the clock has not been
        set every hour is. `if not r.within_hours(): ...`
        """
        if self.wall < CLOCK_SET:
            return True
        return self.config.hours.has(self.config.timezone.local(self.wall))

    def limit_calls(self):
        """-> bool: the authenticated extension may call outside, and the call is counted. If
        not, sl_reply_error() says why. Emergency calls are not asked.

        The numbers are those of site.conf's [limits], or the extension's own of the table
        usr_preferences. `if not r.limit_calls(): return r.sl_reply_error()`
        """
        if self.is_emergency():
            return True
        aor, most, limits = self._limited(), self._most(), self.proxy.modules.limits
        if self.is_method("INVITE") and self.proxy.calls.get(self.ci) is not None:
            reason = IN_USE  # nested in another call, it would have no end
        elif self.is_method("INVITE"):
            config = self.config
            reason = limits.begin(
                self.ci, self.ft, aor, most, config.trunk_calls, self.now, config.max_call_time
            )
            self.counted = not reason
        else:
            reason = limits.message(aor, most, self.now)
        if reason:
            self.error = (403, reason, ())
        return not reason

    def _limited(self):
        """-> str: the extension whose calls they are."""
        user = self.au.lower()
        realm = self.credentials.realm.lower() if self.credentials is not None else ""
        return f"{user}@{realm}" if self.config.use_domain else user

    def _most(self):
        """-> {name: the most} of this extension."""
        most = {name: getattr(self.config, name) for name in NAMES}
        table = self.proxy.tables.get("usr_preferences")
        realm = self.credentials.realm.lower() if self.credentials is not None else ""
        for row in rows_of(table, self.au, realm, self.config.use_domain):
            name, value = row.get("attribute", ""), row.get("value", "")
            if name in most and value and len(value) < 7 and not value.strip(DIGITS):
                most[name] = int(value)
        return most
