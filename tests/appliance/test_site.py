from app.appliance import site as sites
from app.appliance.site import check_site
from tests.appliance.fakes import CONF, SUBSCRIBER, site_files

ALIASES = b"username(str) domain(str,null) contact(str,null)\n"
DBALIASES = b"alias_username(str) alias_domain(str) username(str) domain(str)\n"


def errors(files):
    found, wrong, _ = check_site(files, password_required=True)
    assert (found is None) == bool(wrong)
    return [str(error) for error in wrong]


def notes(files):
    return [str(note) for note in check_site(files)[2]]


def has(lines, *parts):
    return any([all([part in line for part in parts]) for line in lines])


def test_a_right_site_is_taken_without_a_word():
    site, wrong, found = check_site(site_files(), password_required=True)
    assert (wrong, found) == ([], [])
    assert site.domains == ["example.org"]
    assert site.settings.system.hostname == "pbx1"
    assert len(site.tables["subscriber"].rows) == 1


def test_tables_alone_are_a_site_with_defaults():
    site, wrong, found = check_site({"subscriber": SUBSCRIBER})
    assert wrong == [] and site.domains == ["example.org"]
    assert has(notes({"subscriber": SUBSCRIBER}), "site.conf", "missing")


def test_errors_of_all_files_are_told_at_once():
    found = errors(
        site_files(
            subscriber=SUBSCRIBER + b"201:elsewhere.net:correct-horse\n",
            aliases=ALIASES + b"300::sip:200@example.org\n",
            **{"site.conf": CONF + b"colour = blue\n"}
        )
    )
    assert has(found, "site.conf:8:1: unknown colour")
    assert has(found, "subscriber:3:5: extension 201: the domain elsewhere.net is not served")
    assert has(found, "aliases:2:")


def test_a_console_password_is_needed_where_asked_for():
    files = site_files(**{"site.conf": b"[system]\nntp = 192.0.2.1\n"})
    assert has(errors(files), "site.conf: there is no console password")
    assert check_site(files)[1] == []


def test_an_extension_needs_password_or_ha1():
    header = b"username(str) domain(str) password(str,null) ha1(str,null)\n"
    row = b"200:example.org::" + b"0" * 32 + b"\n"
    assert errors(site_files(subscriber=header + row)) == []
    found = errors(site_files(subscriber=header + row + b"201:example.org::\n"))
    assert has(found, "subscriber:3:17: password or ha1 is empty")


def test_hashes_must_go_with_the_challenges():
    header = b"username(str) domain(str) password(str,null) ha1(str,null) ha1_sha256(str,null)\n"
    md5, sha256 = b"200:example.org::" + b"0" * 32, b"201:example.org::" + b"a" * 64
    rows = header + md5 + b":\n" + sha256 + b":\n"
    found = errors(site_files(subscriber=rows))
    assert has(found, "subscriber:3:18: extension 201 has neither a password nor the hash for md5",
               "32 hexadecimal digits")  # fmt: skip
    assert len(found) == 1
    both = CONF.replace(b"[sip]\n", b"[sip]\ndigest = sha-256 md5\n")
    files = site_files(subscriber=rows, **{"site.conf": both})
    assert errors(files) == []
    found = notes(files)
    assert has(found, "subscriber:2:18: extension 200 has no hash for sha-256")
    assert has(found, "subscriber:3:18: extension 201 has no hash for md5")
    whole = header + md5 + b":" + b"b" * 64 + b"\n202:example.org:correct-horse::\n"
    assert notes(site_files(subscriber=whole, **{"site.conf": both})) == []
    found = errors(site_files(subscriber=header + b"200:example.org::-:\n"))
    assert has(found, "neither a password nor the hash for md5")


def test_weak_passwords_and_probed_numbers_are_noted_not_refused():
    header = b"username(str) domain(str) password(str)\n\n"
    table = header + b"102:example.org:102\n203:example.org:short\n"
    files = site_files(subscriber=table)
    assert errors(files) == []
    found = notes(files)
    assert has(found, "subscriber:3:17: the password of extension 102 is its number")
    assert has(found, "subscriber:3:1: extension 102: bots probe the 100s")
    assert has(found, "subscriber:4:17: the password of extension 203 has 5 characters")


def test_passwords_are_never_shown():
    table = b"username(str) domain(str) password(str)\n200:example.org:hunter2\n201:x.net:hunter3\n"
    files = site_files(subscriber=table)
    assert not has(errors(files) + notes(files), "hunter")


def test_alias_circles_are_refused():
    table = (
        b"1:example.org:2:example.org\n2:example.org:3:example.org\n3:example.org:1:example.org\n"
        b"4:example.org:1:example.org\n5:example.org:5:example.org\n"
    )
    found = errors(site_files(dbaliases=DBALIASES + table))
    assert len(found) == 2
    assert has(found, "dbaliases:2:15: the aliases lead in a circle: 1 -> 2 -> 3 -> 1")
    assert has(found, "dbaliases:6:15: the aliases lead in a circle: 5 -> 5")


def test_a_circle_through_both_tables_is_found():
    found = errors(
        site_files(
            dbaliases=DBALIASES + b"1:example.org:2:example.org\n",
            aliases=ALIASES + b"2::sip\\:1@example.org\n",
        )
    )
    assert has(found, "circle: 1 -> 2 -> 1")


def test_aliases_to_nobody_are_noted_unless_they_lead_elsewhere():
    found = notes(
        site_files(
            aliases=ALIASES + b"300::sip\\:299@example.org\n301::sip\\:200@example.org\n"
            b"302::sip\\:9@other.example;transport=udp\n303::sip\\:301@example.org\n304::tel\\:+1\n"
        )
    )
    assert found == [
        "aliases:2:6: 299 is neither an extension nor an alias, so calls will find nobody; "
        "add 299 to subscriber, or write an extension that is there"
    ]


def test_an_alias_without_target_is_refused():
    assert has(errors(site_files(aliases=ALIASES + b"300::\n")), "aliases:2:6: contact is empty")


def test_the_domain_table_names_domains_too():
    files = site_files(
        domain=b"domain(str)\nExample.net\n", subscriber=SUBSCRIBER + b"201:example.net:correct-h\n"
    )
    assert errors(files) == []
    assert check_site(files)[0].domains == ["example.net", "example.org"]


def test_tables_that_nothing_reads_are_noted():
    files = site_files(
        phonebook=b"name(str)\n",
        location=b"username(str) contact(str) expires(int) q(double) callid(str) cseq(int)\n"
        b"200:sip\\:200@192.0.2.1:2000000000:1.0:a:1\n",
    )
    assert errors(files) == []
    assert has(notes(files), "phonebook: no part of this version reads the table")
    assert has(notes(files), "location: its rows are fixed contacts")


def test_names_that_lead_out_of_the_folder_are_refused():
    for name in ("", ".", "..", "../x", "a/b", "/etc/passwd", ".x", "-x", "a b", "a\0", "x" * 49):
        assert not sites.is_safe_name(name), name
        assert errors(site_files(**{name: b""})) != [], name
    for name in ("subscriber", "site.conf", "a-b_C.9", "x" * 48):
        assert sites.is_safe_name(name), name


def test_size_and_number_of_files_are_bounded():
    table = b"username(str)\n"
    many = site_files(**{"t" + str(i): table for i in range(70)})
    assert has(errors(many), "72 files, a site has at most 64")
    large = site_files(speed_dial=table + b"x" * sites.MAX_BYTES)
    assert has(errors(large), "bytes, a site has at most 524288")
