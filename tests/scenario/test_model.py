"""The model of RFC 2136 against BIND, so that the model's own errors show.

Where BIND is not as the RFC is, that stands here with what BIND does instead; everything else,
thousands of updates, must be the same.
"""

import pytest

from lab import by_length, wire
from lab.chance import start_zone
from lab.duel import Duel, only_serials
from lab.model import DNAME, FORMERR, IN, NONE, NOTAUTH, NOTIMP, NS, REFUSED, SOA
from lab.model import Choices, Refusal, Zone
from lab.model import is_newer, next_serial
from lab.updating import BadDifference, flat, follow, is_whole

ZONE = "m.test."


class BindZone(Zone):
    """What BIND 9.18 wants of a zone beyond the RFC."""

    heard = None  # BIND's RCODE, where the reason cannot be seen from here

    def _settle(self):
        # DS is removed where there is no cut, and at the apex.
        for owner in [name for name, types in self.names.items() if wire.DS in types]:
            if owner == self.apex or not self.rrset(owner, NS):
                self._drop(owner, wire.DS)
        # A name server of the zone that lies in it must have an address, found as a query would.
        if self.heard == REFUSED:
            for rdata in self.rrset(self.apex, NS)[1]:
                if self.holds(wire.read_name(rdata, 0)[0]):
                    raise Refusal(REFUSED)

    def _ttl(self, record):
        # A TTL with the highest bit set is kept as it is, not taken as 0 (RFC 2181 section 8).
        return record.ttl

    def _ignores(self, owner, record):
        # No NS and no DNAME at a wildcard.
        undefined = record.type in (NS, DNAME) and owner[0] == b"*"
        return undefined or super()._ignores(owner, record)

    def _check_form(self, update):
        # Data in a prerequisite of class NONE is found while the message is read.
        super()._check_form(update)
        if any(record.rdclass == NONE and record.rdata for record in update.prerequisites):
            raise Refusal(FORMERR)

    def _check_zone_section(self, section):
        # A class of which it has no view is NOTIMP, or the key is not known there.
        if len(section) == 1 and section[0][1] == SOA and section[0][2] != IN:
            raise Refusal(self.heard if self.heard in (NOTIMP, NOTAUTH) else NOTIMP)
        super()._check_zone_section(section)


class BindDuel(Duel):
    def excuses(self, mine, theirs):
        """The serial moves when only the letter case of a name changed."""
        if not only_serials(mine, theirs):
            return False
        self.zone.names[self.zone.apex][SOA][1] = {row[3] for row in theirs if row[1] == SOA}
        return True


# BIND looks at types and places of updates before the prerequisites, so that a message that cannot
# be done costs nothing. Duplicates in a prerequisite make it fail: not as the RFC has it. A serial
# of exactly half the circle ahead is SERVFAIL after all. What concerns DNSSEC types is left out.
BIND = Choices(
    refused=frozenset(), prescans_first=True, parses_first=True, keeps_dnames_alone=False
)


def test_bind_does_as_the_model_does(lab):
    server = lab.bind_primary({ZONE: start_zone(ZONE)})
    for seed in range(by_length(3, 40)):
        with server.client() as client:
            duel = BindDuel(
                client,
                ZONE,
                f"bind {seed}",
                BIND,
                BindZone,
                refusals=0,
                duplicates=False,
                half_way=False,
            )
            for _ in range(by_length(400, 1500)):
                duel.step()
                duel.compare()
            assert len(duel.rcodes) >= 7, duel.rcodes


def test_serials():
    """RFC 1982 section 3, and the policies."""
    half = 1 << 31
    assert is_newer(1, 0) and is_newer(0, 0xFFFFFFFF) and is_newer(half - 1, 0)
    assert not is_newer(0, 0) and not is_newer(half, 0) and not is_newer(half + 1, 0)
    assert next_serial(7, "increment") == 8 and next_serial(0xFFFFFFFF, "increment") == 1
    moment = 1_700_000_000  # 14 November 2023
    assert next_serial(7, "unixtime", moment) == moment
    assert next_serial(moment, "unixtime", moment) == moment + 1
    assert next_serial(2023111400, "date", moment) == 2023111401
    assert next_serial(2023111399, "date", moment) == 2023111400
    assert next_serial(2023111599, "date", moment) == 2023111600


def test_a_difference_is_followed_strictly():
    """What a secondary would do with an IXFR, and that it notices one that does not fit."""

    def soa(serial):
        return wire.Record(
            (b"m", b"test"), SOA, IN, 300, wire.rdata("SOA", f"a. b. {serial} 1 1 1 1")
        )

    def address(last):
        return wire.Record((b"x", b"m", b"test"), wire.A, IN, 300, bytes([192, 0, 2, last]))

    held = flat([soa(1), address(1)])
    good = [soa(3), soa(1), address(1), soa(2), address(2), soa(2), address(2), soa(3), soa(3)]
    assert is_whole(good) and follow(held, good) == flat([soa(3)])
    assert not any(is_whole(good[:count]) for count in range(len(good)))
    bad = [
        [soa(2), soa(1), address(2), soa(2), soa(2)],  # removes what is not there
        [soa(2), soa(1), soa(2), address(1), soa(2)],  # adds what is there
        [soa(3), soa(2), address(1), soa(3), soa(3)],  # begins with another serial
    ]
    for records in bad:
        with pytest.raises(BadDifference):
            follow(held, records)
