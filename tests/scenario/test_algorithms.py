"""Every algorithm, denial and division of keys gives a zone that all judges accept."""

import itertools

import pytest

from lab import NOERROR, NXDOMAIN, SERVFAIL, Export, peers, small_zone

ALGORITHMS = {
    8: "rsasha256",
    10: "rsasha512",
    13: "ecdsap256sha256",
    14: "ecdsap384sha384",
    15: "ed25519",
}
DENIALS = {
    "nsec": {"denial": "nsec"},
    "nsec3": {"denial": "nsec3"},
    "optout": {"denial": "nsec3", "nsec3": {"opt-out": True}},
    "salt": {"denial": "nsec3", "nsec3": {"iterations": 3, "salt-length": 4}},
}
KEYS = {"pair": "ksk+zsk", "csk": "csk"}


def combinations():
    """All that the project promises; of the old RSA and of salt only one each."""
    yield from itertools.product((8, 13, 14, 15), ("nsec", "nsec3", "optout"), KEYS)
    yield from ((10, "nsec3", "pair"), (13, "salt", "pair"))


ROWS = list(combinations())


def zone_of(row):
    return "a%d-%s-%s.test." % row


@pytest.fixture(scope="module")
def house(shared_lab):
    policies, zones = [], {}
    for row in ROWS:
        algorithm, denial, keys = row
        name = zone_of(row)
        policies.append(
            {
                "name": name.split(".")[0],
                "algorithm": ALGORITHMS[algorithm],
                "keys": KEYS[keys],
                "verify-signatures": "always",
                **DENIALS[denial],
            }
        )
        zones[name] = (small_zone(name), {"policy": policies[-1]["name"]})
    server = shared_lab.avow(zones=zones, policies=policies)
    server.wait_signed()
    return server, shared_lab.unbound(server, *zones)


@pytest.mark.parametrize("row", ROWS, ids=zone_of)
def test_a_combination(house, row):
    server, validator = house
    algorithm, denial, keys = row
    name = zone_of(row)
    path = server.export(name)
    peers.verify(path, name, csk=keys == "csk", opt_out=denial == "optout")
    export = Export(path, name)
    used = {rdata.split()[1] for rdatas in export.signatures().values() for rdata in rdatas}
    assert used == {str(algorithm)}
    served = server.ask(name, "DNSKEY", tcp=True).texts("DNSKEY")
    assert sorted(int(key.split()[0]) for key in served) == (
        [257] if keys == "csk" else [256, 257]
    )
    assert ("NSEC3PARAM" in export.types[name]) == (denial != "nsec")
    for owner, rcode, authentic in (
        ("www", NOERROR, True),
        ("some.wild", NOERROR, denial != "optout"),
        ("is.deep", NOERROR, True),
        ("nothere", NXDOMAIN, denial != "optout"),
        ("printer.old", NOERROR, True),
        ("alias", NOERROR, True),
    ):
        answer = validator.ask(f"{owner}.{name}")
        assert answer.rcode == rcode, f"{answer}\n{validator.why()}"
        if authentic:
            assert answer.is_authentic, f"{answer}\n{validator.why()}"
    assert validator.ask(f"www.{name}", "TXT").rcode != SERVFAIL


def test_opt_out_leaves_unsigned_delegations_out(house):
    """RFC 5155 section 6: flag set, and fewer links than without."""
    server, _ = house
    chains = {}
    for denial in ("nsec3", "optout"):
        name = zone_of((13, denial, "pair"))
        export = Export(server.export(name), name)
        chains[denial] = export.records("NSEC3")
        flags = {record.split()[4] for record in chains[denial]}
        assert flags == {"1" if denial == "optout" else "0"}
    assert len(chains["optout"]) < len(chains["nsec3"])
