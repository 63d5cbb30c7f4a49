"""unbound, with avow's DS as its trust anchor, finds every kind of answer authentic."""

import pytest

from lab import NOERROR, NXDOMAIN, SERVFAIL, free_address, peers, small_zone

KINDS = [
    # what, name, type, rcode, a record of the answer
    ("positive", "www", "A", NOERROR, "192.0.2.80"),
    ("at the apex", "", "TXT", NOERROR, '"the apex"'),
    ("the keys", "", "DNSKEY", NOERROR, None),
    ("NODATA", "www", "MX", NOERROR, None),
    ("NODATA at the apex", "", "SRV", NOERROR, None),
    ("NODATA of an empty non-terminal", "is.deep", "A", NOERROR, None),
    ("NODATA of the one above", "deep", "TXT", NOERROR, None),
    ("NXDOMAIN", "nothere", "A", NXDOMAIN, None),
    ("NXDOMAIN deep down", "a.b.c.www", "A", NXDOMAIN, None),
    ("NXDOMAIN below an empty non-terminal", "nothere.deep", "A", NXDOMAIN, None),
    ("wildcard", "some.wild", "A", NOERROR, "192.0.2.99"),
    ("wildcard, deep", "some.thing.wild", "A", NOERROR, "192.0.2.99"),
    ("wildcard NODATA", "some.wild", "TXT", NOERROR, None),
    ("the wildcard itself", "*.wild", "A", NOERROR, "192.0.2.99"),
    ("the wildcard itself, NODATA", "*.wild", "TXT", NOERROR, None),
    ("beside the wildcard", "known.wild", "A", NOERROR, "192.0.2.98"),
    ("below a name beside the wildcard", "x.known.wild", "A", NXDOMAIN, None),
    ("CNAME", "alias", "A", NOERROR, "192.0.2.80"),
    ("CNAME chain", "chain", "A", NOERROR, "192.0.2.80"),
    ("CNAME to NODATA", "chain", "TXT", NOERROR, None),
    ("CNAME to nothing", "dangling", "A", NXDOMAIN, None),
    ("CNAME into a wildcard", "intowild", "A", NOERROR, "192.0.2.99"),
    ("CNAME from a wildcard", "some.aliases", "A", NOERROR, "192.0.2.80"),
    ("DNAME", "printer.old", "A", NOERROR, "192.0.2.90"),
    ("DNAME to nothing", "nothere.old", "A", NXDOMAIN, None),
    ("DNAME at its own name", "old", "DNAME", NOERROR, None),
    ("CNAME through a DNAME", "through", "A", NOERROR, "192.0.2.90"),
    ("DNAME through a DNAME", "printer.older", "A", NOERROR, "192.0.2.90"),
    ("DNAME into a wildcard", "anything.tower", "A", NOERROR, "192.0.2.99"),
    ("DS of a signed child", "signed", "DS", NOERROR, None),
    ("no DS of an unsigned child", "unsigned", "DS", NOERROR, None),
    ("an asterisk that has no records", "x.star", "A", NOERROR, None),
    ("letter case", "WwW", "A", NOERROR, "192.0.2.80"),
    ("a zero octet", "\\000zero", "TXT", NOERROR, '"zero"'),
]
MORE = """dangling CNAME nothere
intowild CNAME some.wild
*.aliases CNAME www
through CNAME printer.old
older DNAME old
tower DNAME wild
sub.*.star A 192.0.2.1
\\000zero TXT "zero"
"""
POLICIES = [
    {"name": "nsec", "denial": "nsec"},
    {"name": "nsec3"},
    {"name": "optout", "nsec3": {"opt-out": True}},
]


@pytest.fixture(scope="module")
def house(shared_lab):
    """One zone under three ways of denial, and a validator for all."""
    zones = {
        f"{policy['name']}.test.": (
            small_zone(f"{policy['name']}.test.", more=MORE),
            {"policy": policy["name"]},
        )
        for policy in POLICIES
    }
    server = shared_lab.avow(zones=zones, policies=POLICIES)
    server.wait_signed()
    return shared_lab.unbound(server, *zones)


@pytest.mark.parametrize("zone", [policy["name"] for policy in POLICIES])
@pytest.mark.parametrize("what,name,rdtype,rcode,record", KINDS, ids=[row[0] for row in KINDS])
def test_it_is_authentic(house, zone, what, name, rdtype, rcode, record):
    full = f"{name}.{zone}.test." if name else f"{zone}.test."
    answer = house.ask(full, rdtype)
    assert answer.rcode == rcode, f"{answer}\n{house.why()}"
    if record:
        assert record in answer.texts(rdtype), answer
    # With opt-out, a denial that rests on a span that may hide a delegation is not authentic
    # (RFC 5155 section 9.2); it must be believed all the same.
    if zone == "optout" and not (record and "wild" not in what.lower()):
        assert answer.rcode != SERVFAIL
    else:
        assert answer.is_authentic, f"{answer}\n{house.why()}"


def test_a_validator_notices_a_wrong_anchor(lab):
    """The control: with another key as anchor nothing is authentic."""
    server = lab.avow(zones={"a.test.": small_zone("a.test."), "b.test.": small_zone("b.test.")})
    server.wait_signed()
    wrong = [ds.replace("b.test.", "a.test.", 1) for ds in server.ds("b.test.")]
    stub = {"a.test.": [(server.address, server.port)]}
    validator = lab.unbound(server, anchors=wrong, stubs=stub)
    assert validator.ask("www.a.test.").rcode == SERVFAIL


PARENT = """signed NS ns.signed
ns.signed A {child}
unsigned NS ns.unsigned
ns.unsigned A {child}
down CNAME www.signed
"""


def test_referrals_to_signed_and_unsigned_children(lab):
    """Parent and children in two daemons, so that the validator has to follow the referrals."""
    parent_at, child_at = free_address(), free_address()
    if not parent_at or not child_at:
        pytest.skip("port 53 of a loopback address is not ours to use")
    head = small_zone("parent.test.").split("www A", 1)[0]
    text = head + PARENT.format(child=child_at)
    children = {
        "signed.parent.test.": small_zone("signed.parent.test."),
        "unsigned.parent.test.": (small_zone("unsigned.parent.test."), {"policy": "none"}),
    }
    child = lab.avow(zones=children, listen=[(child_at, 53)])
    parent = lab.avow(zones={"parent.test.": text}, listen=[(parent_at, 53)])
    child.wait_signed()
    parent.wait_signed()
    ds = child.ds("signed.parent.test.")
    assert parent.change_zone("parent.test.", lambda t: t + "\n".join(ds) + "\n")["loaded"]
    parent.wait_signed()
    validator = lab.unbound(parent, "parent.test.")
    for name, rdtype, rcode, authentic in (
        ("www.signed.parent.test.", "A", NOERROR, True),
        ("some.wild.signed.parent.test.", "A", NOERROR, True),
        ("nothere.signed.parent.test.", "A", NXDOMAIN, True),
        ("down.parent.test.", "A", NOERROR, True),
        ("www.unsigned.parent.test.", "A", NOERROR, False),
        ("nothere.unsigned.parent.test.", "A", NXDOMAIN, False),
    ):
        answer = validator.ask(name, rdtype)
        assert answer.rcode == rcode, f"{answer}\n{validator.why()}"
        assert answer.is_authentic == authentic, f"{answer}\n{validator.why()}"
    # The referrals themselves.
    signed = parent.ask("www.signed.parent.test.")
    assert not signed.has("AA") and not signed.answers()
    assert {record[2] for record in signed.authority()} == {"NS", "DS", "RRSIG"}
    unsigned = parent.ask("www.unsigned.parent.test.")
    assert {record[2] for record in unsigned.authority()} == {"NS", "NSEC3", "RRSIG"}
    assert {record[0] for record in unsigned.additional("A")} == {"ns.unsigned.parent.test."}


def test_parent_and_child_in_one_daemon(lab):
    """DS comes from the parent, all else from the child (RFC 4035 section 3.1.4.1)."""
    head = small_zone("parent.test.").split("www A", 1)[0]
    zones = {
        "parent.test.": head + "child NS ns.child\nns.child A 192.0.2.1\n",
        "child.parent.test.": small_zone("child.parent.test."),
    }
    server = lab.avow(zones=zones)
    server.wait_signed()
    denied = server.ask("child.parent.test.", "DS")
    assert denied.rcode == NOERROR and denied.has("AA") and not denied.answers()
    assert {r[0] for r in denied.authority("SOA")} == {"parent.test."}
    ds = server.ds("child.parent.test.")
    server.change_zone("parent.test.", lambda text: text + "\n".join(ds) + "\n")
    server.wait_signed()
    answer = server.ask("child.parent.test.", "DS")
    assert answer.has("AA") and answer.is_signed() and len(answer.texts("DS")) == len(ds)
    assert server.ask("www.child.parent.test.").has("AA")
    validator = lab.unbound(server, "parent.test.")
    assert validator.ask("www.child.parent.test.").is_authentic, validator.why()
    assert validator.ask("child.parent.test.", "DS").is_authentic, validator.why()


def test_delv_validates(lab):
    server = lab.avow(zones={"a.test.": small_zone("a.test.")})
    server.wait_signed()
    for name, words in (("www", "; fully validated"), ("nothere", "; negative response, fully")):
        text = peers.delv(
            server.address, server.port, lab.folder, "a.test.", server.ds("a.test."),
            f"{name}.a.test.", "A",
        )
        assert words in text, text
    assert "status: NOERROR" in peers.dig(server.address, server.port, "www.a.test.", "+dnssec")
    text = peers.kdig(server.address, server.port, "www.a.test.", "+dnssec")
    assert "NOERROR" in text and "RRSIG" in text
