"""The one exception that octets or names may cause in this folder."""


class DnsError(Exception):
    """What arrived is no message of the DNS, or a text is no name of it. str(error) says why."""
