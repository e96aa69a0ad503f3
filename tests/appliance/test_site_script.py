"""routes.py among the files of a site: who looks at it, and what becomes of a wrong one."""

from app.appliance import sites
from app.appliance.services import Services
from app.appliance.site import check_site
from app.port import hashes
from tests.appliance.fakes import MemoryFiles, site_files
from tests.appliance.test_sites import Running, disk_with, store_on

RIGHT, WRONG = b"# right\n", b"# wrong\n"


def looks(data, site, rehearsed):
    """In the place of app.proxy.script_check: what is "# wrong" has an error and a note."""
    assert site.settings is not None and site.tables["subscriber"].rows
    note = (1, 1, "while", "or for")
    return ([(2, 3, "r.lokup: no such verb", "did you mean lookup?")] if data == WRONG else [],
            [note])


def with_script(data):
    return site_files(**{"routes.py": data})


def test_a_right_script_is_part_of_the_site():
    site, errors, notes = check_site(with_script(RIGHT), True, looks)
    assert errors == [] and site.script == "# right\n"
    assert [str(note) for note in notes] == ["routes.py:1:1: while; or for"]
    assert "routes.py" not in site.tables
    assert check_site(site_files(), True, looks)[0].script is None


def test_a_wrong_script_refuses_the_site():
    site, errors, _ = check_site(with_script(WRONG), True, looks)
    assert site is None
    assert [str(e) for e in errors] == [
        "routes.py:2:3: r.lokup: no such verb; did you mean lookup?"
    ]


def test_the_tables_come_first():
    """A script is rehearsed with the site's tables: with those that are right."""
    files = with_script(WRONG)
    files["subscriber"] = b"nonsense"
    errors = check_site(files, True, looks)[1]
    assert errors and "routes.py" not in [error.file for error in errors]


def test_a_site_that_was_taken_before_goes_on_without_a_script_that_this_version_refuses():
    site, errors, notes = check_site(with_script(WRONG), False, looks, True)
    assert errors == [] and site.script is None
    assert "did you mean lookup?" in str(notes[-1])


def test_a_wrong_script_changes_nothing_on_the_box():
    content = disk_with(site_files())
    files, running = MemoryFiles(content), Running()
    taken, lines = sites.take_site(store_on(files), with_script(WRONG), running.reload, looks)
    assert not taken and lines[0].startswith("error: routes.py:2:3: r.lokup")
    assert files.content == content and running.site is None
    taken, lines = sites.take_site(store_on(files), with_script(RIGHT), running.reload, looks)
    assert taken and running.site.script == "# right\n"


class Lines:
    def __init__(self):
        self.errors = []
        self.remote = None

    def error(self, text):
        self.errors.append(text)

    def notice(self, text):
        pass


def test_a_box_whose_stored_script_is_wrong_starts_with_the_shipped_one():
    class Port:
        system = net = None

    Port.hashes = hashes
    for script, lines in ((WRONG, 0), (RIGHT, 1)):
        Port.files = MemoryFiles(disk_with(with_script(script)))
        log = Lines()
        services = Services("0.1.0", "/data", Port, log, False, looks)
        site = services.load()
        assert (site.script is None) is (script is WRONG)
        told = [each for each in log.errors if "r.lokup: no such verb" in each]
        assert len(told) == 1 - lines
        shown = [line for line in services.show_site() if line.startswith("script")]
        assert shown == ["script    routes.py, 8 bytes"] * lines
