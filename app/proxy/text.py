"""Text from the network, made fit for the log and the console."""


def printable(text, limit=200):
    """-> `text` cut to `limit` characters, each control character replaced by "?".

    A peer can then neither forge a line of the log nor steer the operator's terminal.
    """
    text = text[:limit]
    for letter in text:
        if letter < " " or "\x7f" <= letter <= "\x9f":
            return "".join([_shown(each) for each in text])
    return text


def _shown(letter):
    return "?" if letter < " " or "\x7f" <= letter <= "\x9f" else letter
