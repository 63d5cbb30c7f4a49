"""NSD, serving what avow exports, and avow give the same answers."""

import random

import pytest

from lab import SHARED, Export, by_length, example_zones, near_misses
from lab.compare import Comparer

TYPES = ["A", "AAAA", "NS", "DS", "MX", "TXT", "SOA", "DNSKEY", "ANY"]
FURTHER = ["CNAME", "DNAME", "NSEC3PARAM", "SRV", "CAA", "HTTPS", "PTR", "TYPE65280", "HINFO"]
ZONES = dict(example_zones())
if SHARED.exists():
    ZONES["edu."] = SHARED / "edu.zone"
    ZONES["."] = sorted(SHARED.glob("root-*.zone"))[0]
RANDOM_NAMES = 20000


def choose(export, seed):
    """Owners and names that nearly exist, times types, with and without DO."""
    chance = random.Random(seed)
    owners = [(name, rdtype) for name in export.owners for rdtype in TYPES]
    owners += [(name, kind) for name in export.owners for kind in export.types[name]]
    misses = near_misses(export, by_length(700, RANDOM_NAMES), seed)
    strange = [(name, chance.choice(TYPES + FURTHER)) for name in misses]
    both = by_length(
        chance.sample(owners, min(len(owners), 1300)) + strange[:700], owners + strange
    )
    return [(name, rdtype, do) for name, rdtype in both for do in (True, False)]


@pytest.mark.parametrize("name", ZONES)
def test_nsd_agrees(lab, name):
    server = lab.avow(zones={name: ZONES[name]})
    server.wait_signed()
    path = server.export(name)
    export = Export(path, name)
    nsd = lab.nsd({name: path})
    comparer = Comparer(server, nsd, export, lab.unbound(server, name))
    questions = choose(export, f"compare {name}")
    found = comparer.compare(questions)
    print(f"{name}: {len(questions)} questions, explained: {comparer.explained}")
    text = "\n".join(str(difference) for difference in found[:30])
    assert not found, f"{len(found)} of {len(questions)} answers differ:\n{text}"


@pytest.mark.parametrize("denial,opt_out", [("nsec", False), ("nsec3", True)])
def test_nsd_agrees_under_other_denials(lab, denial, opt_out):
    """The zone with one of everything, by NSEC, and by NSEC3 with opt-out."""
    name = "example.com."
    policy = {"name": "default", "denial": denial, "nsec3": {"opt-out": opt_out}}
    server = lab.avow(zones={name: ZONES[name]}, policies=[policy])
    server.wait_signed()
    path = server.export(name)
    export = Export(path, name)
    comparer = Comparer(server, lab.nsd({name: path}), export, lab.unbound(server, name))
    found = comparer.compare(choose(export, f"compare {denial} {opt_out}"))
    text = "\n".join(str(difference) for difference in found[:30])
    assert not found, f"{len(found)} answers differ:\n{text}"
