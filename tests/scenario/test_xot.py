"""Transfers by TLS (RFC 9103): who gets a zone, and who does not."""

import re

import dns.edns
import pytest

from lab import free_port, large_zone, open_to, question, secondaries, small_zone, tls, until, wire

KEY = wire.Key.make("transfer.test.")
REFUSED, NOTIFY = 5, 4
PIN_ZONE, NAME_ZONE, TLS_ZONE, ONLY_ZONE = "pin.test.", "name.test.", "tls.test.", "only.test."
OPEN_ZONE = "open.test."


@pytest.fixture
def house(lab):
    """Zones for a pinned certificate, a named one, any TLS with a key, and by TLS alone."""
    authority = tls.Authority(lab.folder / "authority")
    certificate = authority.issue("ns1.test")
    pinned = authority.self_signed("pinned.test")
    named = authority.issue("secondary.test")
    port = free_port()
    rules = {
        PIN_ZONE: {"allow-transfer": [{"certificate-pin": pinned.pin}]},
        NAME_ZONE: {"allow-transfer": [{"certificate-name": "secondary.test"}]},
        TLS_ZONE: {"allow-transfer": [{"key": KEY.text, "tls": True}]},
        OPEN_ZONE: {"allow-transfer": [{"address": "127.0.0.1", "insecure": True}]},
        ONLY_ZONE: open_to(KEY, **{"transfer-tls-only": True}),
    }
    server = lab.avow(
        zones={zone: (small_zone(zone), rule) for zone, rule in rules.items()},
        keys=[KEY],
        server={"tls": tls.settings(port, certificate, authority)},
    )
    server.wait_signed()
    server.tls_port, server.authority = port, authority
    server.pinned, server.named = pinned, named
    return server


def transfers(house, zone, client=None, *words, host="ns1.test"):
    """Whether kdig gets the zone: with both SOA records, or nothing."""
    said = tls.kdig(
        house.tls_port, zone, "AXFR", *words, authority=house.authority, host=host, client=client
    )
    soas = len(re.findall(rf"^{re.escape(zone)}\s+\d+\s+(?:IN\s+)?SOA\s", said, re.MULTILINE))
    assert soas in (0, 2), said
    return soas == 2


def with_key(key):
    return ("-y", f"{key.algorithm}:{key.text}:{key.base64}")


def refused(house, zone):
    """Whether a good key alone, by plain TCP, gets REFUSED."""
    query = wire.message(wire.QUERY, [(wire.name(zone), wire.AXFR, wire.IN)])
    with house.client(KEY) as plain:
        return plain.ask_tcp(query).rcode == REFUSED


def test_a_certificate_opens_a_zone(house):
    stranger = house.authority.issue("stranger.test")
    forged = house.authority.self_signed("secondary.test")
    rows = [
        (PIN_ZONE, house.pinned, True),
        (PIN_ZONE, house.named, False),
        (PIN_ZONE, None, False),
        (NAME_ZONE, house.named, True),
        (NAME_ZONE, stranger, False),
        (NAME_ZONE, forged, False),  # the name, but nobody vouches for it
        (NAME_ZONE, house.pinned, False),
        (NAME_ZONE, None, False),
    ]
    for zone, client, expected in rows:
        told = f"{zone} {client.name if client else 'without a certificate'}"
        assert transfers(house, zone, client) == expected, told
    metrics = house.status()["metrics"]
    assert metrics["transfers_refused"] == sum(not expected for _, _, expected in rows)
    assert metrics["tls_certificates"] == sum(client is not None for _, client, _ in rows)


def test_the_log_says_with_which_certificate(house):
    ended = house.authority.issue("secondary.test", days=-1)
    nobody = r"by TLS without a certificate or a key: refused, no entry allows it$"

    def shown(client):
        return r"by TLS with certificate-pin " + re.escape(client.pin)

    rows = [
        (PIN_ZONE, house.pinned, rf"sent to .* {shown(house.pinned)}: \d+ octets"),
        (PIN_ZONE, house.named, rf"{shown(house.named)}: refused, no entry allows it$"),
        (PIN_ZONE, None, nobody),
        (NAME_ZONE, ended, rf"{shown(ended)}: refused, no entry allows it; .* has ended$"),
        (NAME_ZONE, house.pinned, rf"{shown(house.pinned)}: refused, .*; no authority that is known"),
    ]
    for zone, client, line in rows:
        mark = house.log.mark()
        transfers(house, zone, client)
        until(lambda: house.log.lines(line, since=mark), line)
    mark = house.log.mark()
    assert transfers(house, TLS_ZONE, house.pinned, *with_key(KEY))
    until(lambda: house.log.lines(rf"key {KEY.text} at .* {shown(house.pinned)}", since=mark), "a key and a pin")


def test_a_key_may_need_tls_beside_it(house):
    assert transfers(house, TLS_ZONE, None, *with_key(KEY))
    assert not transfers(house, TLS_ZONE)
    assert refused(house, TLS_ZONE)


def test_a_zone_goes_by_tls_alone(house):
    assert transfers(house, ONLY_ZONE, None, *with_key(KEY))
    bare = house.status()["metrics"]["transfers_bare"]
    assert refused(house, ONLY_ZONE)
    assert house.status()["metrics"]["transfers_bare"] == bare + 1


def test_a_transfer_by_tls_needs_dot(house):
    """RFC 9103 section 8.4: without ALPN "dot" there is no transfer."""
    for zone in (PIN_ZONE, OPEN_ZONE):
        with_dot = tls.Connection(house.tls_port, client=house.pinned)
        assert with_dot.ask_about(zone, "AXFR").rcode == "NOERROR"
        without = tls.Connection(house.tls_port, client=house.pinned, alpn=())
        assert without.ask_about(zone, "AXFR").rcode == "REFUSED"


@pytest.mark.parametrize("kind", (secondaries.NsdFollower, secondaries.BindFollower))
def test_another_server_follows_by_tls(house, lab, kind):
    xot = tls.Xot(house.authority, "ns1.test", house.named)
    place = ("127.0.0.1", house.tls_port)
    (follower,) = lab.followers(place, KEY, ONLY_ZONE, kinds=(kind,), xot=xot)
    follower.wait_serial(ONLY_ZONE, house.serial(ONLY_ZONE))
    metrics = house.status()["metrics"]
    assert metrics["tls_handshakes"] >= 1 and metrics["transfers_bare"] == 0
    if kind is secondaries.BindFollower:  # NSD 4.6.1 does not show the one that it is given
        assert metrics["tls_certificates"] >= 1
    house.change_zone(ONLY_ZONE, lambda text: text.replace("www A 192.0.2.80\n", ""))
    house.wait_signed()
    notify = wire.message(NOTIFY, [(wire.name(ONLY_ZONE), wire.SOA, wire.IN)])
    with follower.client() as client:
        client.ask_udp(notify)
    follower.wait_serial(ONLY_ZONE, house.serial(ONLY_ZONE))
    until(lambda: house.status()["metrics"]["ixfr_done"] >= 1, "it to come as a difference")


def answers_of(message):
    return int.from_bytes(message[6:8], "big")


def test_a_large_zone_comes_whole_and_padded_past_one_who_does_not_read(lab):
    """Octets wait where they count: in front of a client who takes them, or nowhere."""
    certificate = tls.Authority(lab.folder / "authority").issue("ns1.test")
    client = tls.Authority(lab.folder / "clients").self_signed("pinned.test")
    port = free_port()
    rules = {"policy": "none", "allow-transfer": [{"certificate-pin": client.pin}, {"key": KEY.text}]}
    server = lab.avow(
        zones={"big.test.": (large_zone("big.test.", 30000), rules)},
        keys=[KEY],
        server={"tls": tls.settings(port, certificate)},
    )
    server.wait_signed()
    padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, b"")
    asked = question("big.test.", "AXFR", options=[padding])
    stuck = [tls.Connection(port, client=client) for _ in range(3)]
    for connection in stuck:
        connection.send(asked)
    expected = len(server.axfr("big.test.", KEY))
    for _ in range(2):
        reader = tls.Connection(port, client=client)
        reader.send(asked)
        records = 0
        while records < expected:
            message = reader.receive_octets()
            assert message[3] & 15 == 0 and len(message) % 468 == 0
            records += answers_of(message)
        assert records == expected
    assert server.status()["metrics"]["transfers_open"] == len(stuck)
