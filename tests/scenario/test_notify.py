"""Secondaries are told of a new serial: at once, signed, again when silent, not too often (RFC 1996)."""

import base64
import time

import dns.message
import dns.name
import dns.rcode
import dns.tsig

from lab import small_zone, until
from lab.ask import ask, question
from lab.secondary import Secondary

ZONE = "a.test."
SECRET = base64.b64encode(b"s" * 32).decode()
KEY = {"name": "peer.", "algorithm": "hmac-sha256", "secret": SECRET}
KEYRING = {dns.name.from_text("peer."): dns.tsig.Key("peer.", SECRET, "hmac-sha256")}


def start(lab, *peers, count=1, **more):
    """A daemon whose zones notify these, once they are signed."""
    names = [ZONE] if count == 1 else [f"z{i}.test." for i in range(count)]
    notify = {"notify": list(peers), **more}
    server = lab.avow(zones={name: (small_zone(name), notify) for name in names}, tsig=[KEY])
    server.wait_signed()
    return server


def serial_of(server, zone=ZONE):
    return ask(server.address, server.port, question(zone, "SOA")).message.answer[0][0].serial


def test_a_reload_is_told(lab):
    """Signed with the peer's key, from the address that peers know, and when the zone can be had."""
    seen = {}
    with Secondary(KEYRING, lambda zone: serial_of(seen["server"], zone) if seen else None) as peer:
        server = start(lab, peer.entry("peer."))
        peer.wait(lambda notify: True, "the NOTIFY of the first load")
        until(lambda: server.metric("notifies_answered") > 0, "the answer to be taken")
        seen["server"] = server
        before = server.serial(ZONE)
        server.change_zone(ZONE, lambda text: text + "more A 192.0.2.77\n")
        told = peer.wait(lambda notify: notify.serial and notify.serial > before, "the new serial")
        assert told.zone == ZONE and told.message.had_tsig
        assert told.source[0] == server.address
        assert not told.message.answer
        assert server.ask(f"more.{ZONE}").answers()
        until(lambda: server.metric("notifies_answered") == len(peer.heard), "all to be answered")
        assert server.metric("notifies_sent") == len(peer.heard)
        assert server.metric("notifies_failed") == 0


def test_without_a_key(lab):
    with Secondary() as peer:
        server = start(lab, peer.entry())
        told = peer.wait(lambda notify: True, "a NOTIFY")
        assert not told.message.had_tsig
        until(lambda: server.metric("notifies_answered") == 1, "the answer to be taken")


def test_who_is_silent_is_told_again(lab):
    """Also one whose answer is not signed as it should be; each time with another id."""

    def answer(notify):
        if len(peer.heard) == 0:
            return None
        if len(peer.heard) == 1:
            return Secondary.acknowledge(notify, signed=False)
        return Secondary.acknowledge(notify)

    with Secondary(KEYRING, answer=answer) as peer:
        server = start(lab, peer.entry("peer."))
        until(lambda: server.metric("notifies_answered") == 1, "an answer")
        assert len(peer.heard) == 3 and server.metric("notifies_sent") == 3
        assert len({notify.message.id for notify in peer.heard}) > 1
        assert len({notify.message.mac for notify in peer.heard}) == 3


def test_a_refusal_is_an_answer(lab):
    with Secondary(answer=lambda notify: Secondary.acknowledge(notify, dns.rcode.REFUSED)) as peer:
        server = start(lab, peer.entry())
        until(lambda: server.metric("notifies_answered") == 1, "the answer to be taken")
        until(lambda: "answers REFUSED" in server.log.text(), "a line in the log")


def test_many_changes_are_told_together(lab):
    """Hundreds of reloads and one message a second; the last one stands for the last change."""
    with Secondary(KEYRING, lambda zone: serial_of(server, zone) if server else None) as peer:
        server = None
        server = start(lab, peer.entry("peer."))
        began = time.monotonic()
        heard = len(peer.heard)
        for number in range(60):
            server.change_zone(ZONE, lambda text: text + f"n{number} A 192.0.2.{number}\n")
        last = server.serial(ZONE)
        peer.wait(lambda notify: notify.serial == last, "the last serial")
        assert len(peer.heard) - heard <= time.monotonic() - began + 2
        until(lambda: server.metric("notifies_answered") == len(peer.heard), "all to be answered")


def test_a_new_secondary_is_told_with_its_configuration(lab):
    with Secondary() as first, Secondary(KEYRING) as second:
        server = start(lab, first.entry())
        first.wait(lambda notify: True, "a NOTIFY")
        until(lambda: server.metric("notifies_answered") == 1, "the answer to be taken")
        server.zones[ZONE]["notify"].append(second.entry("peer."))
        server.write_configuration()
        server.hang_up()
        told = second.wait(lambda notify: True, "a NOTIFY to the new one")
        assert told.zone == ZONE and told.message.had_tsig
        until(lambda: server.metric("notifies_answered") == len(first.heard) + 1, "its answer")


def test_a_desk_that_dies_tells_again(lab):
    with Secondary() as peer:
        server = start(lab, peer.entry(), count=20)
        every = {f"z{i}.test." for i in range(20)}
        until(lambda: {notify.zone for notify in peer.heard} == every, "all zones")
        heard = len(peer.heard)
        server.wait_restart("desk", server.kill_room("desk"))
        until(lambda: {notify.zone for notify in peer.heard[heard:]} == every, "all zones again")


def test_a_dead_peer_holds_nobody_back(lab):
    """Nobody hears on its port: the other peer is told, and queries go on."""
    with Secondary(KEYRING) as peer:
        silent = {"address": "127.0.0.1@9", "key": "peer."}
        server = start(lab, silent, peer.entry("peer."), count=5)
        until(lambda: len({notify.zone for notify in peer.heard}) == 5, "all zones")
        assert server.ask("www.z3.test.").answers()
