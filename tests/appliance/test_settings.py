from app.appliance import settings
from app.port import files
from tests.appliance.fakes import HASH


def read(text):
    return settings.read_settings(text.encode())


def errors(text):
    return [str(error) for error in read(text)[1]]


def test_defaults():
    found, wrong = read("")
    assert wrong == []
    assert (found.sip.port, found.sip.max_len, found.network.mode) == (5060, 8192, "dhcp")
    assert found.console.password is None and found.media.ports == (16384, 16783)


def test_every_key_can_be_set():
    found, wrong = read(
        "[system]\nhostname = pbx1\nntp = 192.0.2.1 ntp.example.org\nsyslog = 192.0.2.9:5514\n"
        "timezone = CET-1CEST,M3.5.0,M10.5.0/3\n"
        "[limits]\ncalls = 1\ncalls_per_hour = 10\ncalls_per_day = 20\nminutes_per_day = 30\n"
        "trunk_calls = 2\nhours = Mo-Fr 07:00-19:00, Sa 09:00-12:00\n"
        "[network]\nmode = static\ninterface = eth1\naddress = 192.0.2.10/24\n"
        "gateway = 192.0.2.1\ndns = 192.0.2.2\n"
        "[sip]\ndomains = Example.org 192.0.2.10\nport = 5070\nadvertise = 203.0.113.7:5080\n"
        "listen = udp:192.0.2.10:5070 advertise 203.0.113.9, TLS:[2001:db8::1]\n"
        "service_route = sip:192.0.2.10;lr\n"
        "local_net = 192.168.0.0/16, 2001:db8::/32\n"
        "use_domain = yes\nmax_len = 4096\ndefault_expires = 600\nmin_expires = 120\n"
        "max_expires = 900\nmax_contacts = 3\nmax_calls = 9\n"
        "max_transactions = 99\ndigest = SHA-256, md5\n"
        "keepalive = 20\nkeepalive_method = crlf\nkeepalive_timeout = 180\n"
        "reg_watchers = 900, Desk\n"
        "dns = yes\n"
        "[tcp]\nmax_connections = 500\nmax_per_address = 100\nconnect_timeout = 5\n"
        "handshake_timeout = 6\nfirst_message = 7\nmessage_timeout = 8\nsend_timeout = 9\n"
        "connection_lifetime = 300\norigins = https://phone.example.org\n"
        "[tls]\ncertificate = a.pem b.pem\nkey = a.key b.key\nca = ca.pem\n"
        "verify_client = optional\nverify_server = no\nmin_version = 1.3\n"
        "[media]\nports = 20000-20399\ntimeout = 30\naddress = 203.0.113.7\n"
        "[trunk]\naddress = 198.51.100.1\ndomain = sip.example.net\nsources = 198.51.100.2\n"
        "emergency = 112, +49110\nping_interval = 0\nprobing_threshold = 2\n"
        "inactive_threshold = 3\nidentity = from, pai\nnumber = 0301234\nalgorithm = 4\n"
        "username = box\npassword = secret\nrealm = provider\n"
        "[accounting]\ndb = no\nlog = no\ndelay = 0\nsize = 8192\nfiles = 2\n"
        "[security]\nreqs_density_per_unit = 30\nsampling_time_unit = 3\nban = 60\n"
        "wrong_passwords = 5\nwrong_passwords_in = 300\nscanners = Friendly-Scanner, nmap\n"
        "allow_group = 10\ndeny_group = 11\n"
        "[console]\npassword = " + HASH + "\nidle = 60\n"
    )
    assert [str(error) for error in wrong] == []
    assert found.system.syslog == ("192.0.2.9", 5514)
    assert found.network.address == ("192.0.2.10", 24)
    assert found.sip.domains == ("example.org", "192.0.2.10") and found.sip.use_domain is True
    assert found.sip.dns is True
    assert found.sip.reg_watchers == ("900", "desk")
    assert found.sip.digest == ("sha-256", "md5")
    assert found.sip.advertise == ("203.0.113.7", 5080)
    assert found.sip.listen == (
        ("udp", "192.0.2.10", 5070, ("203.0.113.9", None)), ("tls", "2001:db8::1", None, None)
    )
    assert found.sip.local_net == ("192.168.0.0/16", "2001:db8::/32")
    assert found.trunk.sources == ("198.51.100.2",)
    assert found.trunk.emergency == ("112", "+49110")
    assert found.security.ban == 60
    assert found.tcp.origins == ("https://phone.example.org",)
    assert found.tls.certificate == ("a.pem", "b.pem") and found.tls.verify_server is False
    assert found.security.scanners == ("friendly-scanner", "nmap")
    assert found.console.password.iterations == 1000
    for section in settings.SECTIONS:
        for key in settings.SECTIONS[section]:
            assert found.is_set(section, key), key


def test_no_word_marks_a_scanner():
    assert read("[security]\nscanners = none\n")[0].security.scanners == ()
    assert "friendly-scanner" in read("")[0].security.scanners


def test_unknown_names_are_refused_with_the_nearest():
    assert errors("[sytem]\nhostname = x\n[sip]\nprot = 5060\nfrobnicate = 1\n") == [
        "site.conf:1:1: unknown [sytem]; did you mean system?",
        "site.conf:4:1: unknown prot in [sip]; did you mean port?",
        "site.conf:5:1: unknown frobnicate in [sip]; its keys are " + ", ".join(
            sorted(settings.SECTIONS["sip"])
        ),
    ]


def test_the_algorithms_of_a_challenge():
    assert read("")[0].sip.digest == ("md5",)
    assert errors("[sip]\ndigest = sha-1\n")[0].startswith("site.conf:2:10: digest: sha-1 is not")
    assert errors("[sip]\ndigest = md5 sha-256 MD5\n") == [
        "site.conf:2:10: digest: md5 stands there twice; write it once"
    ]


def test_a_wrong_value_is_pointed_at():
    assert errors("[sip]\n  domains = example.org, under_score\n")[0].startswith(
        "site.conf:2:26: domains: under_score is neither a name nor an IP address; "
    )


def test_a_key_set_twice_is_refused():
    assert errors("[sip]\nport = 1\n[media]\n[sip]\nport = 2\n") == [
        "site.conf:5:1: port is already set in line 2; leave one of the two out"
    ]


def test_keys_that_contradict_each_other():
    for text, part in (
        ("[network]\nmode = static\n", "2:8: mode: static without an address"),
        ("[network]\naddress = 192.0.2.1/24\n", "2:11: address: mode is dhcp"),
        (
            "[network]\nmode=static\naddress=192.0.2.9/24\ngateway=192.0.3.1\n",
            "4:9: gateway: 192.0.3.1 is not in the network 192.0.2.9/24",
        ),
        ("[sip]\nmax_expires = 600\n", "2:15: default_expires: 3600 is outside of 60 to 600"),
        ("[sip]\nport = 16400\n", "ports: the SIP port 16400 lies within the media ports"),
        ("[trunk]\ndomain = example.net\n", "2:10: domain without address"),
    ):
        found = errors(text)
        assert len(found) == 1 and part in found[0], (text, found)


def test_a_trunk_may_be_a_name_where_names_are_looked_up():
    assert errors("[sip]\ndns = yes\n[trunk]\ndomain = example.net\nsources = 192.0.2.1\n") == []
    found = errors("[trunk]\ndomain = example.net\n")
    assert "or dns = yes to [sip]" in found[0]
    found = errors("[sip]\ndns = yes\n[trunk]\nsources = 192.0.2.1\n")
    assert "sources without address" in found[0] and "or dns" not in found[0]


def test_the_document_names_every_key_and_its_default_and_no_other():
    document = files.read("docs/site.md")
    if document is None:  # run elsewhere than in the source tree
        return
    text = document.decode()
    for section in settings.SECTIONS:
        start = text.find("## [" + section + "]")
        assert start >= 0, section
        end = text.find("\n## ", start + 1)
        rows = [line for line in text[start : end if end > 0 else len(text)].split("\n")]
        rows = [line.split("|")[1].strip().strip("`") for line in rows if line.startswith("| `")]
        assert sorted(rows) == sorted(settings.SECTIONS[section]), section
