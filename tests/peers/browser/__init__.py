"""A telephone in a browser: headless Chromium with the JavaScript library SIP.js.

The page is served from here and tells what happens to it by POST, so nothing has to look
into the browser. Signalling only: see phone.js.
"""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

from scripts.lib import npm
from tests.peers.address import LOOPBACK
from tests.peers.process import Program, require, wait_until
from tests.peers.site import DOMAIN, USERS

PAGE = Path(__file__).resolve().parent
PATIENCE = 40.0  # a cold start of Chromium on a busy machine
# No sandbox: tests run as root in CI. The certificate of a test box is its own.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-background-networking", "--ignore-certificate-errors",
           "--remote-debugging-port=0"]  # fmt: skip


class Browser:
    """Extension `user` in a browser that talks to the WebSocket URI `server`.

    callee: whom it calls once it is registered, None: it waits, and answers. told: [(word,
    detail)] so far; words are those of phone.js.
    """

    def __init__(self, folder, server, user="203", callee=None, password=None):
        self.program = None
        self.told = []
        self._folder = Path(folder) / f"browser-{user}"
        self._folder.mkdir(parents=True)
        self._chromium = require("chromium-headless-shell", "chromium-headless-shell")
        handler = partial(_Handler, self.told)
        self._pages = ThreadingHTTPServer((LOOPBACK, 0), handler)
        word = USERS[user] if password is None else password
        wanted = {"server": server, "user": user, "password": word, "domain": DOMAIN}
        if callee:
            wanted["callee"] = callee
        port = self._pages.server_address[1]
        self._page = f"http://{LOOPBACK}:{port}/phone.html?{urlencode(wanted)}"

    def __enter__(self):
        threading.Thread(target=self._pages.serve_forever, daemon=True).start()
        profile = f"--user-data-dir={self._folder / 'profile'}"
        arguments = [self._chromium, *OPTIONS, profile, self._page]
        self.program = Program(arguments, self._folder, self._folder / "output",
                               {"HOME": str(self._folder)})  # fmt: skip
        return self

    def __exit__(self, *_):
        self.program.stop()
        self._pages.shutdown()
        self._pages.server_close()

    def hears(self, word):
        """Wait until the page has told `word`. -> its detail, str."""
        found = wait_until(lambda: self._find(word), lambda: self._report(word), PATIENCE)
        return found[1]

    def _find(self, word):
        return next((each for each in list(self.told) if each[0] == word), None)

    def _report(self, word):
        return f"the page tells {word}; it told {self.told}\n{self.program.tail()}"


class _Handler(SimpleHTTPRequestHandler):
    """Serves the page and SIP.js; takes what the page tells."""

    def __init__(self, told, *arguments):
        self._told = told
        super().__init__(*arguments, directory=str(PAGE))

    def translate_path(self, path):
        name = path.partition("?")[0].lstrip("/")
        if name.startswith("sip.js/"):
            return str(npm.fetch("sip.js") / "lib" / name.removeprefix("sip.js/"))
        return super().translate_path(path)

    def do_POST(self):
        word, detail = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._told.append((word, detail))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """The page's requests are of no interest."""
