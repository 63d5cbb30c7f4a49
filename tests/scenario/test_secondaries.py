"""BIND, Knot and NSD follow avow, all at once: by IXFR, each with the same zone as avow."""

import shutil

import pytest

from lab import SHARED, by_length, free_port, large_zone, open_to, peers, tools, wire
from lab.chance import Chance, start_zone
from lab.model import SIGNERS, Zone, soa_serial
from lab.updating import difference, flat, write_zone

KEY = wire.Key.make("transfer.test.")
POLICIES = [{"name": "default"}, {"name": "plain", "denial": "nsec"}]


class House:
    """avow and those who follow it."""

    def __init__(self, lab, zones, settings=None, **more):
        ports = [free_port() for _ in range(3)]
        places = [("127.0.0.1", port) for port in ports]
        self.policies = {name: policy for name, (_, policy) in zones.items()}
        sources = {
            name: (source, open_to(KEY, *places, policy=policy, **(settings or {})))
            for name, (source, policy) in zones.items()
        }
        self.server = lab.avow(zones=sources, keys=[KEY], policies=POLICIES, **more)
        self.server.wait_signed()
        primary = (self.server.address, self.server.port)
        self.followers = lab.followers(primary, KEY, *zones, ports=ports)
        for zone in zones:
            self.compare(zone)

    def compare(self, zone):
        """Wait until all have the serial of avow, and exactly its records; these."""
        records = self.server.axfr(zone, KEY)
        serial, mine = soa_serial(records[0].rdata), flat(records)
        for follower in self.followers:
            follower.wait_serial(zone, serial)
            theirs = follower.axfr(zone)
            found = difference(mine, flat(theirs))
            assert not found, f"- avow, + {follower.name}, serial {serial} of {zone}\n{found}"
        return records

    def verify(self, zone):
        """What each of them holds must be a signed zone without fault."""
        if self.policies[zone] == "none":
            return
        for follower in self.followers:
            path = follower.folder / "held"
            write_zone(path, follower.axfr(zone))
            peers.verify_with_ldns(path)
            peers.verify_with_bind(path, zone)

    def counts(self):
        """Transfers that avow made, without those that this test asks for."""
        metrics = self.server.status()["metrics"]
        return {name: metrics[name] for name in ("ixfr_done", "ixfr_whole", "ixfr_asked")}

    def whole(self):
        """Whole zones that followers got, as those tell that do."""
        return sum(follower.counts()[0] for follower in self.followers if follower.counts())


ZONES = {
    "s.test.": (start_zone("s.test.", fill=400), "default"),
    "n.test.": (start_zone("n.test.", fill=400), "plain"),
    "u.test.": (start_zone("u.test.", fill=400), "none"),
    "big.test.": (large_zone("big.test.", 3000), "default"),
}


# Knot takes no zone with anything below a DNAME, or NS beside it. A serial that leaps twice while a
# follower is busy goes back for it (RFC 1982): neither is a matter of this test.
TAME = {"spoils": False, "leaps": False, "apex_ds": False, "wild_cuts": False}


def some_change(chance, zone):
    """An update that has something to do."""
    while True:
        update = chance.update(zone)
        if update.updates:
            return update


def change(house, zone, chance, count):
    """So many updates, in turn by nsupdate and by our client."""
    server = house.server
    with server.client(KEY) as client:
        mirror = Zone(wire.name(zone), client.axfr(zone))
        updates = []
        for _ in range(count):
            update = some_change(chance, mirror)
            mirror.apply(update)  # so that the next one has something to meet
            updates.append(update)
        ours, theirs = updates[: count // 2], updates[count // 2 :]
        for update in ours:
            assert client.update(update).rcode != 2, f"SERVFAIL for\n{update}"
        code, said = tools.run("nsupdate", KEY, server.folder, tools.script(server, zone, theirs))
        assert code in (0, 2) and "SERVFAIL" not in said and "could not" not in said, said


def test_three_follow_by_differences(lab):
    house = House(lab, ZONES)
    first = house.whole()
    batches, each = by_length(6, 50), by_length(18, 40)
    chances = {zone: Chance(zone, f"secondaries {zone}", **TAME) for zone in ZONES}
    for batch in range(batches):
        before = house.counts()
        zone = list(ZONES)[batch % len(ZONES)]
        change(house, zone, chances[zone], each)
        house.compare(zone)
        after = house.counts()
        # 3 differences at least, and no difference that was a whole zone.
        assert after["ixfr_done"] >= before["ixfr_done"] + 3, (before, after)
        assert after["ixfr_whole"] == before["ixfr_whole"], (before, after)
        assert house.whole() == first, "a follower got a whole zone again"
        house.verify(zone)
    for zone in ZONES:
        house.compare(zone)
        house.verify(zone)


def test_a_follower_that_was_away(lab):
    """It comes back and asks from where it was: one answer, whatever happened in between."""
    house = House(lab, {"s.test.": ZONES["s.test."]})
    for follower in house.followers:
        assert follower.process.stop() == 0 or follower.process.code is not None
    chance = Chance("s.test.", "away", **TAME)
    change(house, "s.test.", chance, by_length(30, 300))
    before = house.counts()
    for follower in house.followers:
        follower.start()
    house.compare("s.test.")
    after = house.counts()
    assert after["ixfr_done"] >= before["ixfr_done"] + 1, (before, after)
    house.verify("s.test.")


def test_who_is_too_far_behind_gets_the_whole_zone(lab):
    """The journal is bounded: IXFR from before its beginning is answered with everything."""
    house = House(lab, {"s.test.": ZONES["s.test."]}, settings={"journal": {"depth": 5}})
    chance = Chance("s.test.", "behind", **TAME)
    start = soa_serial(house.server.axfr("s.test.", KEY)[0].rdata)
    change(house, "s.test.", chance, 40)
    with house.server.client(KEY) as client:
        whole = client.axfr("s.test.")
        now = soa_serial(whole[0].rdata)
        assert flat(client.ixfr("s.test.", start)) == flat(whole)
        assert len(client.ixfr("s.test.", now)) == 1
        assert client.ixfr("s.test.", now - 1)[1].type == wire.SOA
    assert house.counts()["ixfr_whole"] >= 1
    house.compare("s.test.")


def test_a_reload_is_a_difference_too(lab):
    """A changed zone file reaches the followers by IXFR."""
    house = House(lab, {"s.test.": ZONES["s.test."], "big.test.": ZONES["big.test."]})
    before, first = house.counts(), house.whole()
    for zone in ("s.test.", "big.test."):
        for turn in range(3):
            house.server.change_zone(
                zone, lambda text, turn=turn: text + f"more{turn} A 192.0.2.{turn}\n"
            )
            house.server.wait_signed(zone)
            house.compare(zone)
            house.verify(zone)
    after = house.counts()
    assert after["ixfr_done"] >= before["ixfr_done"] + 18, (before, after)
    assert after["ixfr_whole"] == before["ixfr_whole"] and house.whole() == first


def soa_of(path):
    """The serial of a file of the shared root zones, whose SOA is a line of its own."""
    with open(path) as file:
        for line in file:
            fields = line.split()
            if "SOA" in fields[:5]:
                return int(fields[fields.index("SOA") + 3])
    raise AssertionError(f"{path} has no SOA")


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/zones is not there")
def test_four_days_of_the_root(lab):
    """Loaded one after another as reloads: followed by IXFR, each day's zone equals the file."""
    days = sorted(SHARED.glob("root-*.zone"))[: by_length(2, 4)]
    house = House(lab, {".": (days[0], "default")})
    first = house.whole()
    for day in days[1:]:
        before = house.counts()
        shutil.copyfile(day, house.server.zone_file("."))
        assert house.server.reload(".")["loaded"]
        house.server.wait_signed(".")
        records = house.compare(".")
        after = house.counts()
        assert after["ixfr_done"] >= before["ixfr_done"] + 3, (before, after)
        assert after["ixfr_whole"] == before["ixfr_whole"] and house.whole() == first
        house.verify(".")
        found = {row for row in flat(records, SIGNERS) if row[1] != wire.SOA}
        wanted = {row for row in flat(read_file(day), SIGNERS) if row[1] != wire.SOA}
        assert found == wanted, difference(wanted, found)[:2000]


def read_file(path):
    """The records of a zone file, by dnspython."""
    import dns.zone

    zone = dns.zone.from_file(str(path), ".", relativize=False, check_origin=False)
    return [
        wire.Record(name.labels[:-1], rdataset.rdtype, 1, rdataset.ttl, rdata.to_wire())
        for name, rdataset in zone.iterate_rdatasets()
        for rdata in rdataset
    ]
