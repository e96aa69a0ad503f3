"""The torture messages, read where this file lies, under either interpreter."""

FOLDER = __file__[: __file__.rfind("/") + 1] + "torture/"


def torture(name):
    """-> bytes of one message, as in "rfc4475/wsinv"."""
    with open(FOLDER + name + ".dat", "rb") as file:
        return file.read()


def answers():
    """-> [(name, verdict)] of ANSWERS.tsv."""
    with open(FOLDER + "ANSWERS.tsv") as file:
        rows = [line.split("\t") for line in file.read().split("\n")[1:] if line]
    return [(row[0], row[1]) for row in rows]
