"""What each key may change: names, types, and how many records; refusals change nothing."""

import subprocess

import pytest

from lab import AVOWD, open_to, small_zone, wire
from lab.model import NOERROR, REFUSED, Update
from lab.updating import flat
from lab.wire import ANY, ANY_CLASS, IN, NONE, SOA, Record

ZONE = "a.test."
ALL = wire.Key.make("all.key.test.")
DYN = wire.Key.make("dyn.key.test.")
HOST = wire.Key.make("host.a.test.")
FEW = wire.Key.make("few.key.test.")
DNSSEC = wire.Key.make("dnssec.key.test.")
NOBODY = wire.Key.make("nobody.key.test.")
KEYS = [ALL, DYN, HOST, FEW, DNSSEC, NOBODY]

ALLOWED = [
    {"key": ALL.text},
    {"key": DYN.text, "names": [{"subdomain": "dyn.a.test."}], "types": ["A", "AAAA", "TXT"]},
    {"key": DYN.text, "names": [{"wildcard": "*.wide.a.test."}, {"name": "one.a.test."}]},
    {"key": HOST.text, "names": [{"self": "name"}], "types": ["A"]},
    {"key": FEW.text, "records-per-name": 3},
    {"key": DNSSEC.text, "types": ["CDS", "CDNSKEY", "CSYNC"]},
    {"key": NOBODY.text, "address": "192.0.2.1"},
]

CDS = "60485 13 2 " + 64 * "0"

# Who, owner, type, RDATA, and whether it is granted.
ADDITIONS = [
    (ALL, "x", "TXT", "any", True),
    (ALL, "x", "CDS", CDS, False),
    (ALL, "@", "CSYNC", "1 3 A NS", False),
    (ALL, "@", "DNSKEY", "257 3 13 " + 86 * "A" + "==", False),
    (ALL, "x", "NSEC", "a.test. A", False),
    (ALL, "@", "NSEC3PARAM", "1 0 0 -", False),
    (DYN, "dyn", "A", "192.0.2.1", True),
    (DYN, "a.b.dyn", "TXT", "deep", True),
    (DYN, "a.dyn", "MX", "10 a.test.", False),
    (DYN, "xdyn", "A", "192.0.2.1", False),
    (DYN, "wide", "A", "192.0.2.1", False),
    (DYN, "x.wide", "MX", "10 a.test.", True),
    (DYN, "one", "SRV", "1 2 3 a.test.", True),
    (DYN, "x.one", "A", "192.0.2.1", False),
    (HOST, "host", "A", "192.0.2.1", True),
    (HOST, "host", "TXT", "no", False),
    (HOST, "x.host", "A", "192.0.2.1", False),
    (DNSSEC, "@", "CSYNC", "1 3 A NS", True),
    (DNSSEC, "@", "DNSKEY", "257 3 13 " + 86 * "A" + "==", False),
    (DNSSEC, "x", "TXT", "no", False),
    (NOBODY, "x", "TXT", "no", False),
]


def start(lab):
    server = lab.avow(
        zones={ZONE: (small_zone(ZONE), {**open_to(ALL), "allow-update": ALLOWED})}, keys=KEYS
    )
    server.wait_signed()
    return server


def labels(owner):
    return wire.name(ZONE if owner == "@" else f"{owner}.{ZONE}")


def send(server, key, *records):
    """The RCODE of an update."""
    with server.client(key) as client:
        return client.update(Update(((wire.name(ZONE), SOA, IN),), [], list(records))).rcode


def record(owner, kind, text):
    number = wire.dns.rdatatype.from_text(kind)
    return Record(labels(owner), number, IN, 300, wire.rdata(kind, text))


def test_names_and_types(lab):
    server = start(lab)
    for key, owner, kind, text, granted in ADDITIONS:
        what, before = f"{key.text} {owner} {kind}", flat(server.axfr(ZONE, ALL))
        added = record(owner, kind, text)
        assert send(server, key, added) == (NOERROR if granted else REFUSED), what
        after = flat(server.axfr(ZONE, ALL))
        row = (wire.folded(added.name), added.type, 300, wire.canonical(added.type, added.rdata))
        assert (row in after) == granted, what
        assert granted or after == before, what
        # Nothing of an update is done when one part of it is not granted.
        good = record("dyn", "TXT", f"beside {owner} {kind}")
        if not granted and key in (ALL, DYN):
            assert send(server, key, good, added) == REFUSED, what
            assert flat(server.axfr(ZONE, ALL)) == before, what
        # What may not be added may not be deleted.
        if not granted:
            for deletion in (
                added._replace(rdclass=NONE, ttl=0),
                added._replace(rdclass=ANY_CLASS, ttl=0, rdata=b""),
            ):
                assert send(server, key, deletion) == REFUSED, what
            assert flat(server.axfr(ZONE, ALL)) == before, what


def test_deleting_all_of_a_name(lab):
    """Needs a grant of all types for that name."""
    server = start(lab)
    everything = Record(labels("x.dyn"), ANY, ANY_CLASS, 0, b"")
    assert send(server, ALL, record("x.dyn", "MX", "10 a.test."), record("x.dyn", "TXT", "x")) == 0
    assert send(server, DYN, everything) == REFUSED
    assert send(server, ALL, everything) == NOERROR
    assert not server.ask(f"x.dyn.{ZONE}", "MX").answers()
    assert send(server, ALL, record("x.wide", "MX", "10 a.test.")) == NOERROR
    assert send(server, DYN, everything._replace(name=labels("x.wide"))) == NOERROR
    # At the apex: what makes it a zone, and a signed one, stays.
    apex = Record(labels("@"), ANY, ANY_CLASS, 0, b"")
    assert send(server, DNSSEC, record("@", "CSYNC", "1 3 A NS")) == NOERROR
    assert send(server, ALL, apex) == NOERROR
    kinds = {kind for owner, kind, _, _ in flat(server.axfr(ZONE, ALL)) if owner == labels("@")}
    assert {SOA, wire.NS, wire.DNSKEY, wire.NSEC3PARAM, wire.CSYNC} <= kinds
    assert wire.TXT not in kinds and wire.MX not in kinds


def test_records_per_name(lab):
    server = start(lab)
    for number in range(3):
        assert send(server, FEW, record("limited", "A", f"192.0.2.{number}")) == NOERROR
    assert send(server, FEW, record("limited", "TXT", "the fourth")) == REFUSED
    assert len(server.ask(f"limited.{ZONE}", "A").answers("A")) == 3
    # In the place of another it fits.
    other = record("limited", "A", "192.0.2.0")._replace(rdclass=NONE, ttl=0)
    assert send(server, FEW, other, record("limited", "TXT", "the third")) == NOERROR
    assert send(server, ALL, record("limited", "TXT", "who has no limit")) == NOERROR


def test_an_unknown_key_and_none(lab):
    server = start(lab)
    added = record("x", "TXT", "no")
    with server.client(wire.Key.make("unknown.key.test.")) as client:
        reply = client.update(Update(((wire.name(ZONE), SOA, IN),), [], [added]))
        assert reply.rcode == 9 and wire.tsig_error(reply) == 17
    with server.client(None) as client:
        reply = client.update(Update(((wire.name(ZONE), SOA, IN),), [], [added]))
        assert reply.rcode == REFUSED
    assert not server.ask(f"x.{ZONE}", "TXT").answers()


@pytest.mark.parametrize("insecure", [False, True])
def test_an_address_alone(lab, insecure):
    """It can be forged: it takes `insecure` beside it, which is said then."""
    entry = {"address": "127.0.0.0/8", **({"insecure": True} if insecure else {})}
    settings = {**open_to(ALL), "allow-update": [entry]}
    server = lab.avow(zones={ZONE: (small_zone(ZONE), settings)}, keys=[ALL], start=False)
    if not insecure:
        done = subprocess.run(
            [AVOWD, "-t", "-c", server.configuration], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1 and "insecure" in done.stderr, done.stderr
        return
    server.start()
    server.wait_signed()
    assert send(server, None, record("x", "TXT", "forged")) == NOERROR
    assert server.ask(f"x.{ZONE}", "TXT").texts("TXT") == {'"forged"'}
