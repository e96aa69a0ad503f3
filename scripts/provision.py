#!/usr/bin/env python3
"""Send a site to a box over its serial console.

SITE is a folder with site.conf and dbtext tables. The box checks all of it before it
takes any of it; on an error it keeps the site it has, and says what to mend.
"""

import argparse
import getpass
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.lib import site_folder
from scripts.lib.box_console import BoxConsole, NoAnswer, WrongPassword
from scripts.lib.serial_link import BAUD, LinkError, LinkLost, SerialLink
from scripts.lib.ui import Progress, die, say
from scripts.lib.upload import Quiet, Rejected, Requests, Upload

ROUNDS = 6  # times that a broken line is taken up again without anything arriving
AWAY_SECONDS = 60  # how long a port may be gone
SHORTEST = 8  # characters of a console password
LOGIN_TRIES = 3


def main(arguments=None):
    """Run the command line."""
    options = parse(arguments)
    try:
        prepare_password(options)
        files = site_folder.read_site(options.site)
        link = SerialLink(options.port, options.baud)
        try:
            outcome = provision(link, files, password_source(options))
        finally:
            link.close()
    except (site_folder.SiteError, LinkError) as error:
        die(str(error), error.hint)
    except WrongPassword:
        die("the box does not take the password", "it is that of the site it runs now")
    except NoAnswer:
        die(f"no answer on {options.port} that is a WaferPBX console",
            "is the box on, the cable a null modem, the port free, the rate 115200?")
    except (Quiet, LinkLost):
        die("the line broke again and again", "try a shorter or shielded cable; run it once more:"
            " what has arrived is not sent again")
    except Rejected as error:
        die(f"the box said: {error}")
    show(outcome)


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("port", metavar="PORT", help="a device, a pty, or socket://HOST:PORT")
    parser.add_argument("site", metavar="SITE", type=Path, help="the site's folder")
    parser.add_argument("--baud", type=int, default=BAUD, help=f"line rate (default {BAUD})")
    parser.add_argument("--password-file", type=Path, help="file with the console's password")
    parser.add_argument("--new-password-file", type=Path, metavar="FILE",
                        help="set the console's password to the first line of FILE")
    return parser.parse_args(arguments)


def prepare_password(options):
    """Let the folder's site.conf have a console password, asked for where there is none."""
    if options.new_password_file:
        password = first_line(options.new_password_file)
        if len(password) < SHORTEST:
            raise site_folder.SiteError(
                f"the password in {options.new_password_file} has {len(password)} characters",
                f"write at least {SHORTEST}")
    elif site_folder.has_password(options.site) or not options.site.is_dir():
        return
    else:
        password = ask_new_password()
    site_folder.set_password(options.site, password)
    say(f"  the hash of the console's password is in {options.site / site_folder.CONF}")


def ask_new_password():
    """Ask for a new password until it is long enough and given twice alike."""
    if not sys.stdin.isatty():
        raise site_folder.SiteError("the site has no console password yet",
                                    "give one with --new-password-file FILE")
    say("The site has no console password yet.")
    while True:
        password = getpass.getpass(f"New console password ({SHORTEST} characters or more): ")
        if len(password) < SHORTEST:
            say("That is too short.")
        elif password == getpass.getpass("Once more: "):
            return password
        else:
            say("Those were not the same.")


def password_source(options):
    """Return the function that gives the console's password, None after too many tries."""
    # a file's password does not change: once more, in case noise spoilt it
    tries = iter(range(2 if options.password_file else LOGIN_TRIES))

    def ask():
        if next(tries, None) is None:
            return None
        if options.password_file:
            return first_line(options.password_file)
        if not sys.stdin.isatty():
            raise site_folder.SiteError("the box asks for its console password",
                                        "give it with --password-file FILE")
        return getpass.getpass("Console password of the box: ")

    return ask


def first_line(path):
    """Return the first line of a file."""
    try:
        return path.read_text().split("\n")[0].rstrip("\r")
    except (OSError, UnicodeError) as error:
        raise site_folder.SiteError(f"cannot read {path}: {error}") from error


def provision(link, files, ask_password):
    """Send `files` and have them taken; returns an upload.Outcome. Resumes a broken line."""
    total = sum(len(data) for data in files.values())
    console = BoxConsole(link, ask_password)
    with Progress(f"site of {len(files)} files", total) as bar:
        upload = Upload(files, lambda done, _: bar.update(done))
        outcome = _run_rounds(link, console, upload)
        bar.update(total)
    try:
        console.leave()
    except LinkLost:
        pass  # what was to be done is done
    return outcome


def _run_rounds(link, console, upload):
    """Take the upload up again until it is done, or nothing more arrives in ROUNDS rounds."""
    left = ROUNDS
    while True:
        try:
            console.enter()
            return upload.run(Requests(link))
        except (LinkLost, Quiet, NoAnswer) as error:
            left = ROUNDS if upload.advanced() else left - 1
            if not left:
                raise
            if isinstance(error, LinkLost):
                link.reopen(AWAY_SECONDS)


def show(outcome):
    """Print what the box said; ends with an error where it refused the site."""
    if not outcome.taken:
        die("the box refused the site and keeps the one it has", "\n".join(outcome.lines))
    for line in outcome.lines:
        say(f"  {line}")
    say(f"The box runs the site ({outcome.sent} bytes were sent).")


if __name__ == "__main__":
    main()
