"""Kamailio's attributes in one field: "name=value;name=value"."""


def parse_attrs(text):
    """-> ({name: value}, problem): text in, problem "" or what is wrong with it.

    Names are in lower case; of a name given twice the last counts, as in Kamailio.
    """
    found = {}
    for piece in text.split(";"):
        name, equals, value = piece.strip().partition("=")
        if not piece.strip():
            continue
        if not equals or not name.strip():
            return found, f"has {piece.strip()}, which is no name=value"
        found[name.strip().lower()] = value.strip()
    return found, ""


def number_of(attrs, name, low, high, default=0):
    """-> int of an attribute that is a number from low to high, else `default`."""
    text = attrs.get(name, "")
    if not text or len(text) > 9 or text.strip("0123456789"):
        return default
    return int(text) if low <= int(text) <= high else default
