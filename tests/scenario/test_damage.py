"""A flipped bit in the store never becomes a wrong answer: SERVFAIL, a log line and a metric."""

import random
import re

import pytest

from lab import NOERROR, NXDOMAIN, SERVFAIL, NoAnswer, by_length, question, small_zone, until
from lab import wire
from lab.ask import Answer
from lab.updating import Refused, Silence, flat

ZONE = "a.test."
NAMES = ["www", "mail", "alias", "known.wild", "is.deep", "here.is.deep", "printer.old", "", "x.wild"]
NOT_THERE = ["nothere", "a.b.c", "nothere.deep", "wwx"]


def flip(server, wanted, bit=0x01, at=0):
    """Flip a bit in each place of the store's file where these octets stand (a pattern)."""
    octets = bytearray(server.store_file.read_bytes())
    places = [found.start() for found in re.finditer(wanted, bytes(octets), re.DOTALL)]
    assert places, f"{wanted} is not in the store"
    for place in places:
        octets[place + at] ^= bit
    server.store_file.write_bytes(octets)


def signed_and_stopped(lab, **more):
    server = lab.avow(zones={ZONE: small_zone(ZONE)}, **more)
    server.wait_signed()
    assert server.stop() == 0
    return server


@pytest.mark.parametrize(
    "what,wanted",
    [
        ("an address", re.escape(bytes([192, 0, 2, 98]))),
        ("a name's key", rb"test\0a\0wild\0known\0"),
    ],
)
def test_a_damaged_node(lab, what, wanted):
    """known.wild exists beside a wildcard: neither another's answer nor a denial is right."""
    server = signed_and_stopped(lab)
    flip(server, wanted, at=2)
    checked = server.run_ctl("store", "check")
    assert checked.returncode == 1 and "damaged" in checked.stdout + checked.stderr
    server.start()
    answer = server.ask(f"known.wild.{ZONE}")
    assert answer.rcode == SERVFAIL and not answer.answers(), answer
    plain = server.ask(f"known.wild.{ZONE}", do=False)
    assert plain.rcode == SERVFAIL, plain
    assert server.metric("store_corrupt") > 0
    assert server.log.lines(r"(damage|corrupt)")
    assert server.ask(f"www.{ZONE}").is_signed()  # the others do not suffer


def test_a_damaged_link_of_the_chain(lab):
    """The NSEC3 record that would deny a name is damaged: the denial cannot be given."""
    server = signed_and_stopped(lab)
    server.start()
    denial = server.ask(f"nothere.{ZONE}")
    assert denial.rcode == NXDOMAIN
    assert server.stop() == 0
    octets = server.store_file.read_bytes()
    # The next hashes of all its records, as they stand in the RDATA.
    spoilt = bytearray(octets)
    for rrset in denial.message.authority:
        for rdata in rrset:
            if rdata.rdtype == 50:
                for place in places(octets, rdata.next):
                    spoilt[place] ^= 1
    assert bytes(spoilt) != octets
    server.store_file.write_bytes(spoilt)
    server.start()
    answer = server.ask(f"nothere.{ZONE}")
    assert answer.rcode == SERVFAIL, answer
    assert server.metric("store_corrupt") > 0


def places(octets, wanted):
    place = octets.find(wanted)
    while place >= 0:
        yield place
        place = octets.find(wanted, place + 1)


def test_a_damaged_row_of_a_zone(lab):
    """Its names are neither refused nor left to the zone above; the next load mends it."""
    zones = {ZONE: small_zone(ZONE), f"child.{ZONE}": small_zone(f"child.{ZONE}")}
    server = lab.avow(zones=zones)
    server.wait_signed()
    assert server.stop() == 0
    # Its apex, the version that is served, none that is being loaded, the serial.
    flip(server, rb"\x05child\x01a\x04test\0\0\0\0[\x01-\x04]\0{7}\x01", at=17)
    path = server.zone_file(f"child.{ZONE}")
    path.rename(path.with_suffix(".away"))  # or it would be loaded anew at once
    server.start()
    for name in (f"www.child.{ZONE}", f"nothere.child.{ZONE}", f"child.{ZONE}"):
        answer = server.ask(name)
        assert answer.rcode == SERVFAIL, answer
    assert server.ask(f"www.{ZONE}").is_signed()
    assert server.metric("store_corrupt") > 0
    path.with_suffix(".away").rename(path)
    assert server.reload(f"child.{ZONE}")["loaded"]
    server.wait_signed()
    assert server.ask(f"www.child.{ZONE}").is_signed()


def four_zones(lab):
    server = lab.avow(zones={name: small_zone(name) for name in FOUR})
    server.wait_signed()
    assert server.stop() == 0
    return server


FOUR = ("a.test.", "b.test.", "c.test.", "d.test.")


@pytest.mark.parametrize("bit", [0x08, 0x10, 0x20])
def test_zones_out_of_order(lab, bit):
    """A damaged key among others leads searches astray. Who walks over it does not run in circles,
    and what is not found is loaded anew."""
    server = four_zones(lab)
    flip(server, rb"test\0b\0\x01b\x04test\0\0\0\0[\x01-\x09]", bit=bit, at=5)
    assert server.run_ctl("store", "check").returncode == 1
    server.start()
    for name in FOUR:
        until(lambda: server.ask(f"mail.{name}").is_signed(), f"{name} to be served")
    server.wait_signed()


@pytest.mark.parametrize("bit", [0x01, 0x08, 0x10, 0x20])
def test_names_out_of_order(lab, bit):
    server = four_zones(lab)
    flip(server, rb"test\0b\0www\0", bit=bit, at=7)
    assert server.run_ctl("store", "check").returncode == 1
    server.start()
    for name in ("a.test.", "c.test.", "d.test."):
        assert server.ask(f"www.{name}").is_signed()
    answer = server.ask("www.b.test.")
    assert answer.rcode == SERVFAIL, answer
    assert server.run_ctl("zone", "export", "b.test.").returncode == 1


@pytest.mark.parametrize("bit", [0x01, 0x10, 0x80])
def test_a_name_that_looks_like_another_version_s(lab, bit):
    """It is not the end of its zone: nobody gets the names before it for the whole zone. In its page
    it may lead searches for the neighbours astray: these are whole, or cannot be had."""
    key = wire.Key.make("key.test.")
    zones = {name: (small_zone(name), {"allow-transfer": [{"key": key.text}]}) for name in FOUR}
    server = lab.avow(zones=zones, keys=[key])
    server.wait_signed()
    whole = {name: flat(server.axfr(name, key)) for name in FOUR}
    assert server.stop() == 0
    flip(server, rb"\0\0\0[\x01-\x09]test\0b\0www\0", bit=bit, at=3)
    for name in FOUR:
        path = server.zone_file(name)
        path.rename(path.with_suffix(".away"))  # or it might be loaded anew at once
    server.start()
    for name in FOUR:
        try:
            got = flat(server.axfr(name, key))
        except (Refused, Silence, OSError):
            got = None
        assert got in ([None] if name == "b.test." else [None, whole[name]]), name
    assert server.run_ctl("zone", "export", "b.test.").returncode == 1
    assert server.ask("www.b.test.").rcode == SERVFAIL


@pytest.mark.parametrize("way", ["the row", "its key"])
def test_a_damaged_row_of_a_key(lab, way):
    """Another key in its place would break the chain of trust: none is made, and what is signed is
    served on."""
    server = signed_and_stopped(lab)
    row = rb"\x01a\x04test\0\0\0\0\x01"  # the zone, then the key's number
    octets = server.store_file.read_bytes()
    if way == "the row":
        flip(server, row + rb"\0{8}[\x01-\x03]", at=20)
    else:
        flip(server, rb"test\0a\0\0\0\0\x01\x01a\x04test", at=6)
    server.start()
    problem = until(lambda: server.zone_status(ZONE)["problem"], "the zone to say what is wrong")
    assert "damaged" in problem and "key" in problem
    assert server.ask(f"www.{ZONE}").is_signed()
    server.run_ctl("zone", "reload", ZONE)
    listed = server.token.tool("--list-objects", "--type", "pubkey").stdout
    assert listed.count("Public Key Object") == 2, listed
    assert server.stop() == 0
    server.store_file.write_bytes(octets)
    server.start()
    server.change_zone(ZONE, lambda text: text + "fresh A 192.0.2.7\n")
    server.wait_signed()
    assert server.ask(f"fresh.{ZONE}").is_signed()


def all_questions():
    for name in NAMES + NOT_THERE:
        for rdtype in ("A", "TXT", "DNSKEY"):
            yield f"{name}.{ZONE}" if name else ZONE, rdtype


def gather_answers(server, seconds=5.0):
    """What is answered to everything: records, or None for SERVFAIL and silence. (LMDB ends the
    process that meets a page which contradicts itself: silence is all that is left then.)"""
    answers = {}
    for name, rdtype in all_questions():
        try:
            answer = server.ask(name, rdtype, seconds=seconds, tries=3)
        except NoAnswer:
            answers[name, rdtype] = None
            continue
        # A zone whose row is damaged is loaded anew: its signatures are others, and as good.
        told = {record for record in answer.answers() if record[2] != "RRSIG"}
        good = answer.rcode != SERVFAIL
        signed = not told or answer.is_signed()
        answers[name, rdtype] = good and (answer.rcode, frozenset(told), signed)
    return answers


def test_random_damage_never_lies(lab):
    """Bits flip anywhere in the file. What is answered is right, or not answered."""
    server = signed_and_stopped(lab)
    octets = server.store_file.read_bytes()
    server.start()
    truth = gather_answers(server)
    assert all(truth.values())
    assert server.stop() == 0
    octets = server.store_file.read_bytes()
    chance = random.Random(4)
    failed = 0
    for _ in range(by_length(8, 200)):
        spoilt = bytearray(octets)
        for _ in range(40):
            # Behind LMDB's two meta pages: what is wrong there it finds itself, or not at all.
            spoilt[chance.randrange(8192, len(spoilt))] ^= 1 << chance.randrange(8)
        server.store_file.write_bytes(spoilt)
        # The zone file as it was: what it loads anew would be right by itself.
        server.write_configuration()
        server.launch()
        started = server.process.log
        try:
            server.process.wait_line(r"avowd: ready: |avowd: stopped")
        except AssertionError:
            pass
        if server.process.code is None and not started.find("avowd: stopped"):
            for key, value in gather_answers(server, seconds=0.2).items():
                wrong = f"{key}: {value}, should be {truth[key]}\n{server.log.text()}"
                assert not value or value == truth[key], wrong
                failed += not value
        server.process.kill_all()
        server.process.check_log()
    print(f"{failed} questions were answered SERVFAIL or not at all")
    assert failed > 0, "the damage hit nothing: this shows nothing"
    server.store_file.write_bytes(octets)
    server.start()
    assert gather_answers(server) == truth


def test_a_file_that_was_cut(lab):
    """Half of the store is gone: whatever is answered is right; nothing crashes for ever."""
    server = signed_and_stopped(lab)
    octets = server.store_file.read_bytes()
    server.start()
    truth = gather_answers(server)
    assert server.stop() == 0
    server.store_file.write_bytes(octets[: len(octets) // 2 // 4096 * 4096])
    server.launch()
    server.process.wait_line(r"avowd: ready: |avowd: stopped")
    if not server.log.find("avowd: stopped"):
        for key, value in gather_answers(server, seconds=0.2).items():
            assert not value or value == truth[key], key
    server.process.kill_all()


def test_the_question_itself_is_never_denied_by_damage(lab):
    """Every node's key in turn: its name is never answered NXDOMAIN."""
    server = signed_and_stopped(lab)
    octets = server.store_file.read_bytes()
    for name in ("www", "mail", "alias"):
        key = b"test\0a\0" + name.encode() + b"\0"
        server.store_file.write_bytes(octets)
        flip(server, key, at=len(key) - 2)
        server.start()
        for rdtype in ("A", "AAAA", "TXT"):
            answer = Answer.read(server.ask_many([question(f"{name}.{ZONE}", rdtype)])[0])
            assert answer.rcode in (SERVFAIL, NOERROR), answer
            if answer.rcode == NOERROR:
                assert answer.answers(), answer
        assert server.stop() == 0
