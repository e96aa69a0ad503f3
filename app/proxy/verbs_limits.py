"""Verbs of our own: numbers as they are dialled, emergency calls."""

DIGITS = "0123456789"
SEPARATORS = "-.()"  # visual ones, which mean nothing (RFC 3966 5.1.1)
MAX_NUMBER = 32  # characters; E.164 has 15 digits
SOS = "service:sos"  # RFC 5031


class LimitVerbs:
    """Needs: config, ru."""

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
