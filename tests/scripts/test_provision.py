"""scripts/provision.py and the folder it sends, without a box."""

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.appliance.passwords import Verifier
from app.appliance.site import check_site
from app.port import hashes
from scripts.lib import frames, site_folder
from scripts.lib.demo_site import make_demo_site
from scripts.lib.serial_link import LinkError, LinkLost, SerialLink

ROOT = Path(__file__).parents[2]


def run(*arguments):
    command = [sys.executable, ROOT / "scripts" / "provision.py", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )


def fits(password, settings):
    verifier = Verifier(hashes.sha256_digest, settings.console.password, password.encode())
    return verifier.step(10**6)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "site.conf").write_text("[sip]\ndomains = example.org\n")
    (tmp_path / "subscriber").write_text("username(str) password(str)\n200:correct-horse\n")
    return tmp_path


def test_hidden_files_backups_and_folders_are_not_sent(folder):
    (folder / ".secret").write_text("x")
    (folder / "subscriber~").write_text("x")
    (folder / "old").mkdir()
    assert sorted(site_folder.read_site(folder)) == ["site.conf", "subscriber"]


@pytest.mark.parametrize("name", ["a b", "x" * 49, "t\u00e4ble"])
def test_names_that_the_box_would_refuse_are_told_before_sending(folder, name):
    (folder / name).write_text("")
    with pytest.raises(site_folder.SiteError, match="not a name"):
        site_folder.read_site(folder)


def test_folders_too_large_or_missing_are_refused(folder):
    (folder / "big").write_bytes(bytes(site_folder.MAX_BYTES + 1))
    with pytest.raises(site_folder.SiteError, match="bytes"):
        site_folder.read_site(folder)
    with pytest.raises(site_folder.SiteError, match="no folder"):
        site_folder.read_site(folder / "none")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[sip]\ndomains = example.org\n",
        "[console]\n[sip]\ndomains = example.org\n",
        "[sip]\n[console]\nidle = 60\npassword = old\n[media]\ntimeout = 30\n",
        " [ console ] \npassword=old",
    ],
)
def test_a_password_is_set_wherever_site_conf_has_room_for_it(tmp_path, text):
    path = tmp_path / "site.conf"
    path.write_text(text)
    site_folder.set_password(tmp_path, "opensesame")
    site, errors, _ = check_site({"site.conf": path.read_bytes()}, password_required=True)
    assert errors == []
    assert fits("opensesame", site.settings) and not fits("other", site.settings)
    assert site_folder.has_password(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for line in text.splitlines():
        assert "password" in line or line in path.read_text()


def test_a_new_password_comes_from_a_file_and_must_be_long_enough(folder):
    secret = folder / ".new"
    secret.write_text("short\n")
    done = run("--new-password-file", secret, "socket://127.0.0.1:1", folder)
    assert done.returncode == 1 and "at least 8" in done.stderr
    secret.write_text("long enough\nignored")
    done = run("--new-password-file", secret, "socket://127.0.0.1:1", folder)
    assert "cannot open socket://127.0.0.1:1" in done.stderr
    site = check_site(site_folder.read_site(folder))[0]
    assert fits("long enough", site.settings)


def test_without_terminal_and_password_it_says_what_to_give(folder):
    done = run("socket://127.0.0.1:1", folder)
    assert done.returncode == 1 and "--new-password-file" in done.stderr


def test_a_port_that_is_none_is_told():
    with pytest.raises(LinkError) as caught:
        SerialLink("/nonexistent/tty")
    assert "socket://HOST:PORT" in caught.value.hint


def test_a_socket_url_is_a_line_and_its_end_is_noticed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = SerialLink(f"socket://127.0.0.1:{server.getsockname()[1]}")
        far, _ = server.accept()
        link.write(b"ping")
        assert far.recv(10) == b"ping"
        assert link.read(0) == b""
        far.sendall(bytes(range(256)))
        received = b""
        while len(received) < 256:
            received += link.read(5)
        assert received == bytes(range(256))
        far.close()
        with pytest.raises(LinkLost):
            link.read(5)
        link.close()


def test_the_host_s_frames_are_the_box_s():
    from app.appliance import frames as box

    for payload in (b"", b"HELLO 1", bytes(range(256))):
        assert frames.encode(7, payload) == box.encode(box.TO_BOX, 7, payload)
        answer = box.encode(box.FROM_BOX, 7, payload).strip()
        assert frames.decode(b"noise" + answer) == (7, payload)
        assert frames.decode(answer.replace(b"0007", b"0008")) is None
    for nonsense in (b"", b"~<", b"~<0007 QQ==", b"~<0007 QQ== zz", b"~<xxxx QQ== 00000000"):
        assert frames.decode(nonsense) is None


def make(folder, **changes):
    arguments = {"advertise": "127.0.0.1", "sip_port": 5060, "rtp_ports": (16384, 16447)}
    return make_demo_site(folder, **{**arguments, **changes})


def test_the_demo_site_is_right_and_its_passwords_fit(tmp_path):
    demo = make(tmp_path / "demo")
    files = site_folder.read_site(tmp_path / "demo")
    site, errors, _ = check_site(files, password_required=True)
    assert errors == []
    assert sorted(demo.extensions) == ["200", "201", "202", "203"]
    assert demo.domain in site.domains and "10.0.2.15" in site.domains
    assert site.settings.sip.advertise == ("127.0.0.1", 5060)
    assert site.settings.media.ports == (16384, 16447)
    for name, password in demo.extensions.items():
        assert site.tables["subscriber"].find(username=name)["password"] == password
    assert len(set(demo.extensions.values())) == 4
    assert fits(demo.console_password, site.settings)
    assert demo.console_password.encode() not in b"".join(files.values())


def test_the_demo_site_is_made_once_and_follows_the_ports(tmp_path):
    first = make(tmp_path)
    with (tmp_path / "subscriber").open("a") as table:
        table.write("204:127.0.0.1:mine\n")
    with (tmp_path / "site.conf").open("a") as conf:
        conf.write("idle = 60\n")
    again = make(tmp_path, sip_port=5070, rtp_ports=(20000, 20063))
    assert again.extensions == {**first.extensions, "204": "mine"}
    assert again.console_password == first.console_password
    settings = check_site(site_folder.read_site(tmp_path))[0].settings
    assert (settings.sip.port, settings.media.ports) == (5070, (20000, 20063))
    assert settings.console.idle == 60 and fits(first.console_password, settings)


def test_a_lost_console_password_is_drawn_anew(tmp_path):
    first = make(tmp_path)
    (tmp_path / ".console-password").unlink()
    again = make(tmp_path)
    assert again.console_password != first.console_password
    settings = check_site(site_folder.read_site(tmp_path))[0].settings
    assert fits(again.console_password, settings)
