from app.appliance.certificates import EC, RSA, BadData, read_certificates, read_key
from app.appliance.der import pem_blocks
from app.appliance.site import check_site
from tests import certificates
from tests.appliance.fakes import site_files

MADE = {}
HOSTS = ("sip.example.org", "*.pbx.example.org", "192.0.2.1", "2001:db8::1")


def folder():
    """-> tests.certificates.Folder with box, rsa, other; and keys in other forms."""
    if not MADE:
        made = MADE["folder"] = certificates.Folder()
        made.issue("box", HOSTS)
        made.issue("rsa", ("sip.example.org",), certificates.RSA)
        made.issue("other", ("other.example.org",))
        made.run("ec -in box.key -out box-ec.key")
        made.run("rsa -in rsa.key -out rsa-old.key -traditional")
        made.run("pkey -in rsa.key -out secret.key -aes128 -passout pass:sesame")
        made.run("rsa -in rsa.key -out secret-old.key -traditional -aes128 -passout pass:sesame")
        made.run("genpkey -algorithm ed25519 -out ed.key")
        made.run("genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024 -out short.key")
        made.run("req -x509 -key ed.key -out ed.pem -subj /CN=box.example.org -days 30")
        made.run("req -x509 -key box.key -out name.pem -subj /O=x/CN=Box.example.org -days 30")
        made.run("req -x509 -key box.key -out none.pem -subj /O=x -days 30")
    return MADE["folder"]


def read(name):
    return folder().read(name)


def refused(function, data):
    """-> str: why."""
    try:
        function(data)
    except BadData as error:
        return str(error)
    raise AssertionError("it was taken")


def test_a_certificate_and_who_issued_it():
    box, authority = read_certificates(read("box.pem"))
    assert box.names == list(HOSTS[:3]) + ["2001:db8:0:0:0:0:0:1"]
    assert box.kind == EC
    assert box.until - box.since == 30 * 86400
    assert box.issuer == authority.subject
    assert read_certificates(read("rsa.pem"))[0].kind == RSA


def test_names_that_it_serves():
    box = read_certificates(read("box.pem"))[0]
    for name in ("sip.example.org", "a.pbx.example.org", "192.0.2.1"):
        assert box.serves(name), name
    for name in ("example.org", "pbx.example.org", "a.b.pbx.example.org", "192.0.2.2", ""):
        assert not box.serves(name), name


def test_without_alternative_names_the_common_name_counts():
    assert read_certificates(read("name.pem"))[0].names == ["box.example.org"]


def test_dates():
    box = read_certificates(read("box.pem"))[0]
    said = folder().run("x509 -in box.pem -noout -enddate -dateopt iso_8601")
    day, time = said.decode().strip().partition("=")[2].split(" ")
    year, month, date = [int(word) for word in day.split("-")]
    hour, minute, second = [int(word) for word in time.rstrip("Z").split(":")]
    days = (year - 1) * 365 + (year - 1) // 4 - (year - 1) // 100 + (year - 1) // 400
    lengths = (31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    days += sum(lengths[: month - 1]) + date - 719163
    assert box.until == days * 86400 + hour * 3600 + minute * 60 + second


def test_keys_of_all_forms_are_those_of_their_certificates():
    for certificate, names in (("box.pem", ("box.key", "box-ec.key")),
                               ("rsa.pem", ("rsa.key", "rsa-old.key"))):  # fmt: skip
        first = read_certificates(read(certificate))[0]
        for name in names:
            assert read_key(read(name)) == (first.kind, first.public), name
    assert read_key(read("other.key"))[1] != read_certificates(read("box.pem"))[0].public


def test_keys_that_cannot_be_used():
    assert "passphrase" in refused(read_key, read("secret.key"))
    assert "encrypted" in refused(read_key, read("secret-old.key"))
    assert "kind of key" in refused(read_key, read("ed.key"))
    assert "1024 bits are too short" in refused(read_key, read("short.key"))
    assert "no private key" in refused(read_key, read("box.pem"))
    assert "kind of key" in refused(read_certificates, read("ed.pem"))
    assert "no certificate" in refused(read_certificates, read("box.key"))


def test_files_that_are_cut_short_are_told_and_harm_nothing():
    for name, function in (("box.pem", read_certificates), ("box.key", read_key)):
        data = read(name)[: read(name).find(b"-----END")]
        for end in range(0, len(data), 7):
            assert refused(function, data[:end])
        lines = read(name).split(b"\n")
        for at in range(1, len(lines)):
            try:
                function(b"\n".join(lines[:at] + lines[at + 1 :]))
            except BadData:
                pass


def test_pem_says_in_which_line():
    blocks = pem_blocks(b"text\r\n-----BEGIN X-----\r\nAAEC\r\n-----END X-----\r\n")
    assert blocks == [("X", b"\0\1\2", 2)]
    for data, line in (
        (b"\n-----BEGIN X-----\n?\n", 2), (b"-----END X-----\n", 1),
        (b"-----BEGIN X-----\n-----BEGIN Y-----\n", 1), (b"-----BEGIN X-----\n-----END Y-----", 2),
    ):  # fmt: skip
        try:
            pem_blocks(data)
            raise AssertionError(data)
        except BadData as error:
            assert error.line == line, data


# As parts of a site

def check(conf, **files):
    """-> (Site | None, errors, notes) of a site with these lines and files (b_pem: b.pem)."""
    given = {name.replace("_", "."): files[name] for name in files}
    whole = site_files()
    whole.update(given)
    whole["site.conf"] += conf.encode()
    site, errors, notes = check_site(whole)
    return site, [str(error) for error in errors], [str(note) for note in notes]


def test_a_site_with_certificates():
    site, errors, notes = check(
        "[tls]\ncertificate = box.pem rsa.pem\nkey = box.key rsa.key\nca = ca.pem\n"
        "verify_client = optional\n",
        box_pem=read("box.pem"), box_key=read("box.key"), rsa_pem=read("rsa.pem"),
        rsa_key=read("rsa.key"), ca_pem=read("ca.pem"),
    )  # fmt: skip
    assert (errors, notes) == ([], [])
    assert [pair.name for pair in site.pairs] == ["box.pem", "rsa.pem"]
    assert site.authorities == read("ca.pem")
    assert "box.pem" not in site.tables


def test_a_key_may_be_in_its_certificates_file():
    both = read("box.key") + read("box.pem")
    site, errors, _ = check("[tls]\ncertificate = both.pem\n", both_pem=both)
    assert errors == []
    assert site.pairs[0].key == site.pairs[0].certificate == both


def test_what_is_wrong_with_them_is_told():
    pem, key, other = read("box.pem"), read("box.key"), read("other.key")
    one = "[tls]\ncertificate = box.pem\nkey = box.key\n"
    for conf, files, words in (
        (one, {"box_pem": pem}, ("site.conf:", "no file box.key")),
        (one, {"box_pem": pem, "box_key": other}, ("box.key: ", "not the key")),
        (one, {"box_pem": pem, "box_key": read("rsa.key")}, ("box.key: ", "not the key")),
        (one, {"box_pem": read("ca.pem") + pem, "box_key": key}, ("box.key: ", "not the key")),
        (one, {"box_pem": pem, "box_key": b"x"}, ("box.key: ", "no private key")),
        (one, {"box_pem": pem, "box_key": read("secret.key")}, ("box.key:1:", "passphrase")),
        (one, {"box_pem": pem * 20, "box_key": key}, ("box.pem: ", "8000 is the most")),
        ("[tls]\ncertificate = box.pem\nkey = box.key box.key\n", {}, ("2 keys for 1",)),
        ("[tls]\ncertificate = ../box.pem\n", {}, ("not a name for a file",)),
        ("[tls]\nverify_client = yes\n", {}, ("verify_client without ca",)),
        ("[tls]\nca = ca.pem\n", {"ca_pem": key}, ("ca.pem: ", "no certificate")),
        ("[sip]\nlisten = wss:0.0.0.0\n", {}, ("site.conf:9:10: ", "wss without a certificate")),
    ):  # fmt: skip
        site, errors, _ = check(conf, **files)
        assert site is None
        assert len(errors) == 1, errors
        for word in words:
            assert word in errors[0], (word, errors)


def test_secrets_are_not_shown():
    for line in read("box.key").split(b"\n")[1:3]:
        _, errors, notes = check("[tls]\ncertificate = a.pem\n", a_pem=read("box.key"))
        assert errors
        assert line.decode() not in "".join(errors + notes)


def test_what_only_looks_wrong_is_noted():
    pem, key = read("box.pem"), read("box.key")
    one = "[tls]\ncertificate = box.pem\nkey = box.key\n"
    for conf, files, word in (
        (one, {"box_pem": pem + read("other.pem"), "box_key": key}, "put them in order"),
        (one, {"box_pem": read("none.pem"), "box_key": key}, "it is for no name"),
        ("", {"old_pem": pem}, "no setting of [tls] names it"),
        ("[sip]\nlisten = udp:0.0.0.0\n" + one, {"box_pem": pem, "box_key": key}, "nothing"),
    ):  # fmt: skip
        site, errors, notes = check(conf, **files)
        assert errors == [], errors
        assert [note for note in notes if word in note], (word, notes)


def test_zz_remove():
    for made in MADE.values():
        made.remove()
    MADE.clear()
