"""Verbs for flags and accounting: Kamailio's core and its module acc."""

from app.proxy.acc import is_set

FLAGS = 32  # of a request, as in Kamailio


class FlagVerbs:
    """Needs: flags, bflags."""

    def setflag(self, number):
        """Sets a flag (0 to 31) of this request, which lasts as long as its transaction.

        Those of app/proxy/acc.py have it accounted. `r.setflag(FLT_ACC)`
        """
        self.flags |= 1 << _flag(number)
        return True

    def resetflag(self, number):
        """Clears a flag of this request. `r.resetflag(FLT_ACCMISSED)`"""
        self.flags &= ~(1 << _flag(number))
        return True

    def isflagset(self, number):
        """-> bool: the flag is set. `if r.isflagset(FLT_ACC): ...`"""
        return is_set(self.flags, _flag(number))

    def setbflag(self, number):
        """Sets a flag of the branches that are made from here on; in a branch route of that
        branch; in a reply route it is seen there. `r.setbflag(6)`
        """
        self.bflags |= 1 << _flag(number)
        return True

    def resetbflag(self, number):
        """Clears a branch flag. `r.resetbflag(6)`"""
        self.bflags &= ~(1 << _flag(number))
        return True

    def isbflagset(self, number):
        """-> bool: the branch flag is set. `if r.isbflagset(6): ...`"""
        return is_set(self.bflags, _flag(number))


class AccVerbs:
    """Needs: proxy."""

    def acc_log_request(self, comment):
        """Writes a line about this request to syslog. `r.acc_log_request("404 Not Found")`

        A comment that begins with three digits gives code and reason, another the reason.
        """
        self.proxy.acc.log_request(self, comment)
        return True

    def acc_db_request(self, comment, table="acc"):
        """Writes a row about this request into an accounting table. -> bool: there is such a one.

        `r.acc_db_request("404 Not Found", "missed_calls")`
        """
        return self.proxy.acc.db_request(self, comment, table)

    def acc_request(self, comment, table="acc"):
        """Both: the line of syslog and the row. `r.acc_request("480 Gone", "missed_calls")`"""
        self.acc_log_request(comment)
        return self.acc_db_request(comment, table)


def _flag(number):
    if not 0 <= number < FLAGS:
        raise ValueError(f"flag {number}: there are flags 0 to {FLAGS - 1}")
    return number
