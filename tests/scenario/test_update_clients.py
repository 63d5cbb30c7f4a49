"""Programs that change zones: nsupdate, knsupdate, certbot with an ACME server, Kea's DHCP-DDNS."""

import pytest

from lab import NXDOMAIN, open_to, peers, small_zone, tools, until, wire
from lab.acme import CERTBOT, PEBBLE, certbot
from lab.kea import ADD, PROGRAM, REMOVE
from lab.updating import write_zone

ZONE = "a.test."
KEYS = {
    name: wire.Key.make(f"{name}.key.test.", name)
    for name in ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
}
KEY = KEYS["hmac-sha256"]

REVERSE = """$ORIGIN 2.0.192.in-addr.arpa.
$TTL 300
@ SOA ns.a.test. hostmaster.a.test. 1 7200 1800 1209600 600
@ NS ns.a.test.
"""


def start(lab, **zones):
    """A zone that every key may change, and more."""
    allowed = [{"key": key.text} for key in KEYS.values()]
    settings = {**open_to(KEY), "allow-update": allowed}
    sources = {ZONE: (small_zone(ZONE), settings)}
    sources.update({name: (text, open_to(KEY)) for name, text in zones.items()})
    server = lab.avow(zones=sources, keys=KEYS.values())
    server.wait_signed()
    return server


def verify(server, zone=ZONE):
    path = write_zone(server.folder / "verify", server.axfr(zone, KEY))
    peers.verify_with_ldns(path)
    peers.verify_with_bind(path, zone)


SCRIPT = """server {server.address} {server.port}
zone {zone}
prereq nxdomain first.{zone}
update add first.{zone} 300 A 192.0.2.1
update add first.{zone} 300 TXT "with spaces; and more"
send
prereq yxrrset first.{zone} A
prereq nxrrset first.{zone} AAAA
update delete first.{zone} A
update add second.{zone} 300 MX 10 first.{zone}
update add _sip._tcp.{zone} 60 SRV 1 2 5060 second.{zone}
send
"""

ONE = """server {server.address} {server.port}
zone {zone}
update add x.{zone} 60 TXT {text}
send
"""


@pytest.mark.parametrize("words", [(), ("-v",)], ids=["udp", "tcp"])
@pytest.mark.parametrize("program", ["nsupdate", "knsupdate"])
def test_scripts(lab, program, words):
    server = start(lab)
    text = SCRIPT.format(server=server, zone=ZONE)
    code, said = tools.run(program, KEY, server.folder, text, *words)
    assert code == 0, said
    answer = server.ask(f"first.{ZONE}", "TXT")
    assert answer.texts("TXT") == {'"with spaces; and more"'} and answer.is_signed()
    assert not server.ask(f"first.{ZONE}", "A").answers()
    assert server.ask(f"second.{ZONE}", "MX").texts("MX") == {f"10 first.{ZONE}"}
    assert server.ask(f"_sip._tcp.{ZONE}", "SRV").texts("SRV") == {f"1 2 5060 second.{ZONE}"}
    # The same again: the name is there now.
    code, said = tools.run(program, KEY, server.folder, text, *words)
    assert code != 0 and "YXDOMAIN" in said, said
    verify(server)


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("program", ["nsupdate", "knsupdate"])
def test_algorithms(lab, program, algorithm):
    server = start(lab)
    text = ONE.format(server=server, zone=ZONE, text=algorithm)
    code, said = tools.run(program, KEYS[algorithm], server.folder, text)
    assert code == 0, said
    assert server.ask(f"x.{ZONE}", "TXT").texts("TXT") == {f'"{algorithm}"'}


def test_a_wrong_secret(lab):
    server = start(lab)
    wrong = wire.Key(KEY.text, KEY.algorithm, bytes(32))
    text = (
        f"server {server.address} {server.port}\nzone {ZONE}\nupdate add x.{ZONE} 60 TXT no\nsend\n"
    )
    for program in ("nsupdate", "knsupdate"):
        code, said = tools.run(program, wrong, server.folder, text)
        assert code != 0, said
        assert server.ask(f"x.{ZONE}", "TXT").rcode == NXDOMAIN
    assert server.metric("tsig_badsig") >= 2


# ---- ACME -----------------------------------------------------------------------------------


def test_the_plugin_of_certbot(lab):
    """The code that certbot calls: finds the zone by signed questions, adds and deletes."""
    plugin = pytest.importorskip("certbot_dns_rfc2136._internal.dns_rfc2136")
    server = start(lab)
    client = plugin._RFC2136Client(
        server.address, server.port, KEY.text, KEY.base64, plugin.dns.tsig.HMAC_SHA256
    )
    name = f"_acme-challenge.here.is.deep.{ZONE}".rstrip(".")
    for text in ("one", "two"):
        client.add_txt_record(name, text, 120)
    assert server.ask(name, "TXT").texts("TXT") == {'"one"', '"two"'}
    client.del_txt_record(name, "one")
    assert server.ask(name, "TXT").texts("TXT") == {'"two"'}
    client.del_txt_record(name, "two")
    assert server.ask(name, "TXT").rcode == NXDOMAIN
    verify(server)


@pytest.mark.skipif(not (CERTBOT and PEBBLE), reason="certbot and Pebble are not installed")
def test_a_certificate(lab):
    """certbot proves names to an ACME server, which asks avow; nothing is left behind."""
    server = start(lab)
    place = (server.address, server.port)
    pebble = lab.pebble(place)
    names = [f"*.{ZONE}".rstrip("."), ZONE.rstrip("."), f"www.{ZONE}".rstrip(".")]
    code, said = certbot(pebble, place, KEY, *names)
    assert code == 0 and "Successfully received certificate" in said, said
    for name in (f"_acme-challenge.{ZONE}", f"_acme-challenge.www.{ZONE}"):
        assert server.ask(name, "TXT").rcode == NXDOMAIN
    verify(server)


# ---- DHCP -----------------------------------------------------------------------------------


@pytest.mark.skipif(not PROGRAM, reason="kea-dhcp-ddns is not installed")
def test_leases(lab):
    """Kea's D2: a lease comes, another client wants the name, the lease moves and goes."""
    reverse = "2.0.192.in-addr.arpa."
    server = start(lab, **{reverse: REVERSE})
    kea = lab.kea((server.address, server.port), KEY, [ZONE], [reverse])
    host, mine, theirs = f"laptop.{ZONE}", bytes(range(32)), bytes(range(32, 64))

    kea.tell(ADD, host, "192.0.2.10", mine)
    kea.wait_told(r"DHCP_DDNS_ADD_SUCCEEDED")
    answer = server.ask(host, "A")
    assert answer.texts("A") == {"192.0.2.10"} and answer.is_signed()
    assert server.ask(host, "DHCID").answers("DHCID")
    pointer = server.ask(f"10.{reverse}", "PTR")
    assert pointer.texts("PTR") == {host} and pointer.is_signed()

    mark = kea.process.log.mark()
    kea.tell(ADD, host, "192.0.2.11", theirs)  # its DHCID is another one: refused by prerequisite
    kea.wait_told(r"DHCP_DDNS_ADD_FAILED", mark)
    assert server.ask(host, "A").texts("A") == {"192.0.2.10"}

    mark = kea.process.log.mark()
    kea.tell(ADD, host, "192.0.2.12", mine)
    kea.wait_told(r"DHCP_DDNS_ADD_SUCCEEDED", mark)
    assert server.ask(host, "A").texts("A") == {"192.0.2.12"}
    assert server.ask(f"12.{reverse}", "PTR").texts("PTR") == {host}

    mark = kea.process.log.mark()
    kea.tell(REMOVE, host, "192.0.2.12", mine)
    kea.wait_told(r"DHCP_DDNS_REMOVE_SUCCEEDED", mark)
    until(lambda: server.ask(host, "A").rcode == NXDOMAIN, "the name to be gone")
    assert server.ask(f"12.{reverse}", "PTR").rcode == NXDOMAIN
    verify(server)
    verify(server, reverse)
