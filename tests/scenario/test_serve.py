"""Each zone is loaded, served, fully signed and exported, and what is exported passes every judge."""

import pytest

from lab import EXAMPLES, NOERROR, SHARED, Export, example_zones, peers, zone_name

REAL = sorted(SHARED.glob("*.zone")) if SHARED.exists() else []
needs_real = pytest.mark.skipif(not REAL, reason="../shared/zones is not there")


def check_served(server, name):
    """Signed in full, by its own account, by its answers and by three verifiers."""
    server.wait_signed(name)
    status = server.zone_status(name)
    assert status["state"] == "signed" and status["fully_signed"] and not status["problem"]
    assert status["signatures"] == status["signatures_wanted"] > 0
    answer = server.ask(name, "SOA")
    assert answer.rcode == NOERROR and answer.has("AA") and answer.is_signed()
    path = server.export(name)
    peers.verify(path, name)
    return Export(path, name)


def source_records(path, name):
    """Owners and types of a zone file, as named-compilezone reads them."""
    plain = path.parent / (path.name + ".plain")
    code, text = peers._run(
        "named-compilezone", "-i", "none", "-k", "ignore", "-s", "full", "-o", plain, name, path
    )
    assert code == 0, text
    return Export(plain, name)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.zone")), ids=lambda path: path.name)
def test_an_example_zone(lab, path):
    name = zone_name(path)
    server = lab.avow(zones={name: path})
    served = check_served(server, name)
    source = source_records(server.zone_file(name), name)
    added = {"DNSKEY", "NSEC3PARAM", "NSEC"}
    for owner in source.owners:
        assert source.types[owner] <= served.types[owner] <= source.types[owner] | added, owner
    assert set(served.owners) == set(source.owners)


def test_all_example_zones_in_one_daemon(lab):
    server = lab.avow(zones=example_zones())
    for name in server.zones:
        check_served(server, name)
    assert server.status()["zones"]["fully_signed"] == len(server.zones)


@needs_real
def test_edu(lab):
    server = lab.avow(zones={"edu.": SHARED / "edu.zone"})
    served = check_served(server, "edu.")
    assert len(served.cuts) > 5000


@needs_real
def test_the_root_from_day_to_day(lab):
    """The first day is loaded; each further day is a difference that must come out the same."""
    days = sorted(SHARED.glob("root-*.zone"))
    server = lab.avow(zones={".": days[0]})
    check_served(server, ".")
    for day in days[1:]:
        server.zone_file(".").write_bytes(day.read_bytes())
        assert server.reload(".")["loaded"]
        served = check_served(server, ".")
        source = source_records(server.zone_file("."), ".")
        kinds = {kind for types in source.types.values() for kind in types} - {"SOA"}
        assert served.records(*kinds) == source.records(*kinds), day
