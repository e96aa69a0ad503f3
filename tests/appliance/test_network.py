from app.appliance import network
from app.appliance.settings import Settings, read_settings
from tests.appliance.fakes import MemoryFiles


def settings_of(text):
    found, wrong = read_settings(text.encode())
    assert wrong == []
    return found


STATIC = settings_of(
    "[system]\nhostname = pbx1\nntp = 192.0.2.1 ntp.example.org\nsyslog = 192.0.2.9\n"
    "[network]\nmode = static\naddress = 192.0.2.10/24\ngateway = 192.0.2.1\ndns = 192.0.2.2 ::1\n"
)


def test_a_box_without_a_site_asks_dhcp():
    assert network.environment(Settings()) == (
        b"MODE='dhcp'\nIFACE='eth0'\nADDRESS=''\nPREFIX=''\nGATEWAY=''\nDNS=''\n"
        b"HOSTNAME='waferpbx'\nNTP=''\nSYSLOG=''\n"
    )


def test_a_static_address():
    assert network.environment(STATIC) == (
        b"MODE='static'\nIFACE='eth0'\nADDRESS='192.0.2.10'\nPREFIX='24'\nGATEWAY='192.0.2.1'\n"
        b"DNS='192.0.2.2 ::1'\nHOSTNAME='pbx1'\nNTP='192.0.2.1 ntp.example.org'\n"
        b"SYSLOG='192.0.2.9:514'\n"
    )


def test_the_script_runs_only_when_something_changed():
    files, started = MemoryFiles(), []

    def start(program, argument):
        started.append((program, argument))

    assert network.apply(STATIC, files, start)
    assert not network.apply(STATIC, files, start)
    assert network.apply(Settings(), files, start)
    assert started == [("/etc/init.d/network", "apply")] * 2
    assert files.content["/run/network.conf"] == network.environment(Settings())


def test_quoting_holds_whatever_comes():
    assert network.quote("it's $(x)") == "'it'\"'\"'s $(x)'"


def test_the_kernel_s_gateway_is_read():
    table = (
        b"Iface\tDestination\tGateway\tFlags\n"
        b"eth0\t000200C0\t00000000\t0001\neth0\t00000000\t010200C0\t0003\n"
    )
    resolver = b"# from DHCP\nnameserver 192.0.2.2\n"
    files = MemoryFiles({"/proc/net/route": table, "/etc/resolv.conf": resolver})
    assert network.gateway(files) == "192.0.2.1"
    assert network.name_servers(files) == ["192.0.2.2"]
    assert network.gateway(MemoryFiles()) is None and network.name_servers(MemoryFiles()) == []
