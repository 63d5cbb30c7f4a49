"""A token that is slow, and a flood of questions that need more signatures than it makes.

Sources are addresses of 127.0.0.0/8: each flooder has one of its own, as if it were forged.
"""

import random
import socket
import threading

import pytest

from lab import NOERROR, NXDOMAIN, cookies, large_zone, open_to, question, small_zone, until, wire
from lab.updating import put_text

ZONE, OTHER = "big.test.", "other.test."
NAMES = 4000
RATE = 20  # signatures a second


def start(lab, **zones):
    """A server whose token is slow, and that has found out."""
    token = lab.token(faults=True)
    server = lab.avow(
        token=token,
        zones={ZONE: large_zone(ZONE, NAMES), OTHER: small_zone(OTHER), **zones},
        start=False,
        server={"workers": 1, "cookies": {}},
    )
    token.order(f"rate {RATE}")
    server.start()
    server.process.wait_line(r"big\.test\. loaded")
    until(
        lambda: 0 < server.metric("token_rate") < 2 * RATE * 60, "the rate of the token to be measured"
    )
    return server, token


class Flood:
    """Random names with DO, each from another address."""

    def __init__(self, server, zone=ZONE):
        self.server, self.zone, self.chance = server, zone, random.Random(7)
        self.number = 0

    def wave(self, count=200):
        """Send so many questions; nobody waits for the answers."""
        for _ in range(count):
            self.number += 1
            name = f"{self.chance.randrange(1 << 60):x}.{self.zone}"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((f"127.77.{self.number >> 8 & 255}.{self.number & 255}", 0))
                sock.sendto(question(name, "A").to_wire(), (self.server.address, self.server.port))

    def until_turned(self):
        """Go on until there is no room for more."""
        before = self.server.metric("wants_turned")

        def turned():
            self.wave()
            return self.server.metric("wants_turned") > before + 100

        until(turned, "questions to be turned away")


def unsigned_hosts(count):
    """Names that the walk over the zone comes to last."""
    return [f"host{i:07d}.{ZONE}" for i in range(NAMES - 1, NAMES - 2 * count, -1) if i % 20 != 7][:count]


def counts(server):
    status = server.status()
    signatures = sum(
        server.zone_status(zone)["signatures_wanted"] for zone in (ZONE, OTHER)
    )
    return status["metrics"], signatures


def test_a_flood_takes_nothing_from_others(lab):
    """What is signed is answered; an apex is signed at once; nothing is signed twice."""
    server, token = start(lab)
    assert server.ask(f"www.{OTHER}").is_signed()
    flood = Flood(server)
    for _ in range(5):
        flood.until_turned()
        assert server.ask(f"www.{OTHER}", tries=1).is_signed()
        assert server.ask(ZONE, "SOA", tries=1).is_signed()
        assert server.ask(ZONE, "DNSKEY", tries=1).is_signed()
    queued = server.status()["signing"]["queued"]
    assert queued["unproven"] <= RATE  # no more than can be made in time
    metrics, wanted = counts(server)
    assert metrics["signatures"] <= wanted and metrics["signatures_stored"] <= wanted
    lines = server.log.text().count("more signatures are asked for than the token makes")
    assert 1 <= lines <= 2  # however large the flood
    token.order()
    server.wait_signed(ZONE, OTHER)
    metrics, wanted = counts(server)
    assert metrics["signatures"] == wanted, "something was signed twice"


@pytest.mark.parametrize("way", ["TCP", "a cookie"])
def test_who_shows_its_address_is_answered(lab, way):
    """Without, the answer may be TC: then by TCP, or with a cookie, it is the real one."""
    server, _ = start(lab)
    flood, turned = Flood(server), 0
    for name in unsigned_hosts(8):
        flood.until_turned()
        answer = server.ask(name, tries=1)
        assert answer.rcode == NOERROR and answer.has("TC") != answer.is_signed(), answer
        if answer.is_signed():
            continue  # there was room for one more
        turned += 1
        assert not answer.answers("A")
        if way == "TCP":
            answer = server.ask(name, tcp=True)
        else:
            flood.until_turned()
            bare, cookie = cookies.ask(server, name, b"client-0")
            assert bare.rcode in ("BADCOOKIE", NOERROR) and cookie.startswith(b"client-0")
            answer = server.ask(name, options=[cookies.option(cookie)])
        assert answer.rcode == NOERROR and answer.is_signed(), f"{name}: {answer}"
    assert turned


def test_zones_share_the_token(lab):
    """A flood for one zone leaves another one its part."""
    server, _ = start(lab)
    flood = Flood(server)
    for i in range(3):
        flood.until_turned()
        denied = server.ask(f"nothere{i}.{OTHER}", tries=1)
        if denied.has("TC"):  # late, as apexes go first
            denied = server.ask(f"nothere{i}.{OTHER}", tcp=True)
        assert denied.rcode == NXDOMAIN and denied.authority("RRSIG"), denied


def test_more_updates_than_the_token_signs(lab):
    """Some are done, none takes those before it along, and another zone's has its turn."""
    key, token = wire.Key.make("updates."), lab.token(faults=True)
    zones = {zone: (small_zone(zone), open_to(key)) for zone in ("one.test.", "two.test.")}
    server = lab.avow(token=token, zones=zones, keys=[key], start=False)
    token.order(f"rate {RATE}")
    server.start()
    server.wait_signed(*zones)
    until(lambda: server.metric("token_rate") < 2 * RATE * 60, "the rate of the token to be measured")
    rcodes = []

    def update(number):
        with server.client(key) as client:
            rcodes.append(put_text(client, "one.test.", f"name{number}", number, tcp=True).rcode)

    threads = [threading.Thread(target=update, args=(number,)) for number in range(150)]
    for thread in threads:
        thread.start()
    until(lambda: server.metric("updates_queued") > 50, "updates to arrive")
    with server.client(key) as client:
        assert put_text(client, "two.test.", "name", 1, tcp=True).rcode == 0
    for thread in threads:
        thread.join()
    assert set(rcodes) <= {0, 2} and rcodes.count(0) >= 10, rcodes
    with server.client(key) as client:
        assert put_text(client, "one.test.", "last", 1, tcp=True).rcode == 0
        found = {record.name for record in client.axfr("one.test.") if record.type == wire.TXT}
    assert len(found) >= rcodes.count(0) + 1
