"""Looks a site's routes.py over before the box takes it: size, syntax, imports, verbs.

What it finds is (line, column, problem, remedy), as dbtext's errors are told. The rehearsal
(rehearsal.py) then runs the script on sample messages.
"""

from app.proxy.config import Config
from app.proxy.rehearsal import Rehearsal, rehearse
from app.proxy.script import FILE, LIMIT, exceptions_of
from app.proxy.script_words import words_of
from app.rules.nearest import nearest

MAX_SCRIPT = 65536  # bytes
MAX_FOUND = 20  # errors that are told
MODULE = "app.routes"
MAY_IMPORT = (MODULE, "app.proxy.acc")
# What would stop the box, leave it, or hide what the script does.
REFUSED = {
    "exec": "write the code itself", "eval": "write the code itself",
    "compile": "write the code itself", "open": "a script touches no file",
    "__import__": "write an import", "input": "a script asks nobody",
    "async": "a stage runs to its end at once", "await": "a stage runs to its end at once",
}  # fmt: skip
ROUTES = ("t_on_failure", "t_on_branch", "t_on_reply")


class ScriptChecker:
    """scripts: app.port.scripts; hashes, token: docs/architecture.md; limit: seconds of the
    processor that a message, and loading, may take."""

    def __init__(self, scripts, hashes, token, limit=LIMIT):
        self._scripts = scripts
        self._hashes = hashes
        self._token = token
        self._limit = limit

    def load(self, source):
        """-> the module of a checked source (str)."""
        return self._scripts.laid_over(MODULE, self._scripts.compiled(source, FILE))

    def check(self, data, config=None, tables=None):
        """-> (errors, notes) of a routes.py in bytes, each [(line, column, problem, remedy)].

        With a Config and tables of the site it is rehearsed with them.
        """
        if len(data) > MAX_SCRIPT:
            remedy = "leave out what the shipped script has already"
            return [(0, 0, f"{len(data)} bytes, a script has at most {MAX_SCRIPT}", remedy)], []
        try:
            source = data.decode()
        except UnicodeError:
            return [(0, 0, "it is not UTF-8", "save it as UTF-8")], []
        found = self._syntax(source)
        if found:
            return [found], []
        looked = _Look(words_of(source), self._verbs(), dir(self.load("")))
        looked.run()
        if looked.errors:
            return looked.errors[:MAX_FOUND], looked.notes
        return self._run(source, config, tables), looked.notes

    def _verbs(self):
        """-> {name: True}: looked up once a check; it takes a moment on a small box."""
        stage = Rehearsal(None, Config(), {}, self._hashes, self._token, self._scripts)
        return verbs_of(stage.samples())

    def _syntax(self, source):
        try:
            self._scripts.compiled(source, FILE)
        except Exception as error:  # SyntaxError, and what a compiler that gives up raises
            line = self._scripts.place_of(error, FILE)
            return line, 0, f"Python does not understand it: {_said(error)}", "mend the syntax"
        return None

    def _run(self, source, config, tables):
        try:
            module = self._scripts.limited(self._limit, self.load, source)
        except exceptions_of(self._scripts) as error:  # the operator's code: anything
            line = self._scripts.place_of(error, FILE)
            return [(line, 0, f"{error!r} when it was loaded", "mend it; functions alone are best")]
        for name in ("request_route", "onreply_route"):
            if not callable(getattr(module, name, None)):
                return [(0, 0, f"{name} is no function", f"write def {name}(r): ...")]
        if config is None:
            return []
        return rehearse(
            module, config, tables, self._hashes, self._token, self._scripts, self._limit
        )


def _said(error):
    """-> str: the message of an exception, without the place that CPython adds."""
    return str(getattr(error, "msg", None) or error or type(error).__name__)


def verbs_of(samples):
    """-> {name: True} of what `r.` may be followed by, of a RoutingRequest and a RoutingReply."""
    found = {}
    for each in samples:
        for name in dir(each) + dir(type(each)):
            if name[0] != "_":
                found[name] = True
    return found


class _Look:
    """One pass over the words; errors, notes: [(line, column, problem, remedy)]."""

    def __init__(self, words, verbs, shipped):
        self.errors = []
        self.notes = []
        self._words = words
        self._verbs = verbs
        self._requests = {"r": True}  # names that a request goes by
        self._defined = {name: True for name in shipped if name[0] != "_"}  # functions
        self._set = {}  # attributes that the script gives a request itself

    def run(self):
        for place in range(len(self._words)):
            self._note_definition(place)
        for place in range(len(self._words)):
            self._look_at(place)

    def _note_definition(self, place):
        word = self._words[place]
        if word.text == "def" and word.after == "" and place + 2 < len(self._words):
            name, parameter = self._words[place + 1], self._words[place + 2]
            self._defined[name.text] = True
            if name.text in ("request_route", "onreply_route"):
                self._requests[parameter.text] = True

    def _look_at(self, place):
        word = self._words[place]
        if word.owner in self._requests:
            self._verb(word, place)
        elif word.owner or word.string is not None:
            return
        elif word.text in REFUSED and (word.before == "(" or word.text in ("async", "await")):
            self._refuse(word, f"{word.text} is not for a script", REFUSED[word.text])
        elif word.text == "import" or word.text == "from":
            self._imports(word, place)
        elif word.text == "while":
            remedy = "make sure that it ends, or write for"
            seconds = f"after {int(LIMIT)} s at the latest"
            problem = f"while: nothing else happens on the box until it ends, {seconds}"
            self.notes.append((word.line, word.column, problem, remedy))

    def _imports(self, word, place):
        if word.after not in ("", ":", ";"):
            return  # "from x import": looked at with its "from"
        named = self._words[place + 1] if place + 1 < len(self._words) else word
        full = named.text
        for other in self._words[place + 2 :]:
            if other.owner != full:
                break
            full += "." + other.text
        if full not in MAY_IMPORT:
            remedy = "a script may import " + " and ".join(MAY_IMPORT) + " alone"
            self._refuse(named, f"it imports {full}", remedy)

    def _verb(self, word, place):
        name = word.text
        if word.before == "=" and name not in self._verbs:
            following = self._words[place + 1 : place + 2]
            if not following or following[0].after != "==":
                self._set[name] = True
        if name in self._verbs or name in self._set:
            if name in ROUTES:
                self._named_route(place)
            return
        guess = nearest(name, self._verbs)
        remedy = f"did you mean {guess}?" if guess else "docs/routing.md has all of them"
        self._refuse(word, f"{word.owner}.{name}: no such verb", remedy)

    def _named_route(self, place):
        """The function that t_on_failure("name") names must be there."""
        if place + 1 >= len(self._words):
            return
        argument = self._words[place + 1]
        name = argument.string
        if argument.after != "(" or not name or name in self._defined:
            return
        guess = nearest(name, self._defined)
        remedy = f"did you mean {guess}?" if guess else f"write def {name}(r): ..."
        self._refuse(argument, f"there is no function {name}", remedy)

    def _refuse(self, word, problem, remedy):
        self.errors.append((word.line, word.column, problem, remedy))
