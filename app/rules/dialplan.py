"""One rule of Kamailio's table dialplan: what it matches, and what it makes of it."""

from app.rules.errors import PatternError
from app.rules.pattern import compile_fnmatch, compile_pattern

EQUAL, REGEX, FNMATCH = 0, 1, 2  # match_op
MAX_INPUT = 64  # characters of a number that is translated, and of the result
ESCAPES = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}


class RuleError(PatternError):
    """A rule that cannot be followed; `column` of the table says where."""

    def __init__(self, column, error):
        super().__init__(error.offset, error.problem, error.remedy)
        self.column = column


class Rule:
    """match_op, match_exp, match_len, subst_exp, repl_exp, attrs: as in the table, NULL as "".

    pr: a lower one is asked first. Raises RuleError.
    """

    def __init__(self, pr, match_op, match_exp, match_len, subst_exp, repl_exp, attrs):
        self.pr = pr
        self.match_len = match_len
        self.attrs = attrs
        self._text = match_exp
        self._match = _matcher(match_op, match_exp)
        self._subst = _compiled("subst_exp", compile_pattern, subst_exp) if subst_exp else None
        self._pieces = _replacement(repl_exp, self._subst.groups if self._subst else 0)
        self._has_groups = [piece for piece in self._pieces if isinstance(piece, int)] != []

    def matches(self, text):
        """-> bool."""
        return text == self._text if self._match is None else self._match.search(text) is not None

    def result(self, text):
        """-> str: what becomes of a text that matches; the text itself without repl_exp. None
        when subst_exp, whose groups repl_exp has, does not match, or the result is too long.

        As in Kamailio the replacement is all of the result, not a piece in the text.
        """
        if not self._pieces:
            return text
        spans = []
        if self._subst is not None:
            spans = self._subst.search(text)
            if spans is None:
                return None
        made = "".join([_piece(piece, spans, text) for piece in self._pieces])
        return made if len(made) <= MAX_INPUT else None


def _matcher(match_op, match_exp):
    if match_op == EQUAL:
        return None
    if match_op == REGEX:
        return _compiled("match_exp", compile_pattern, match_exp)
    if match_op == FNMATCH:
        return _compiled("match_exp", compile_fnmatch, match_exp)
    problem, remedy = f"{match_op} is no way to match", "write 0 (equal), 1 (regex) or 2 (fnmatch)"
    raise RuleError("match_op", PatternError(0, problem, remedy))


def _compiled(column, compiler, text):
    try:
        return compiler(text)
    except PatternError as error:
        if compiler is compile_fnmatch:
            error.offset = 0  # it counts in the regular expression that it became
        raise RuleError(column, error)


def _piece(piece, spans, text):
    if not isinstance(piece, int):
        return piece
    span = spans[piece]
    return "" if span is None else text[span[0] : span[1]]


def _replacement(text, groups):
    """-> [str or int]: literal text, and numbers of groups of subst_exp (0: all that matched)."""
    pieces = []
    at = 0
    while at < len(text):
        character = text[at]
        following = text[at + 1 : at + 2]
        if character == "$":
            raise _bad(at, "has $, a variable of Kamailio's", "write the text itself")
        if character != "\\":
            pieces.append(character)
        elif following in ESCAPES:
            pieces.append(ESCAPES[following])
        elif following.isdigit():
            if int(following) > groups:
                raise _bad(at, f"has \\{following}, but subst_exp has {groups} groups",
                           "add ( ) to subst_exp, or leave it out")  # fmt: skip
            pieces.append(int(following))
        else:
            remedy = "write \\1 to \\9 for a group, \\\\ for a backslash"
            raise _bad(at, f"has \\{following}", remedy)
        at += 1 if character != "\\" else 2
    return _joined(pieces)


def _bad(offset, problem, remedy):
    return RuleError("repl_exp", PatternError(offset, problem, remedy))


def _joined(pieces):
    """-> the pieces with neighbouring characters made one."""
    made = []
    for piece in pieces:
        if made and isinstance(piece, str) and isinstance(made[-1], str):
            made[-1] += piece
        else:
            made.append(piece)
    return made
