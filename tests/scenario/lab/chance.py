"""Random updates, dense with collisions: few names, few types, few values."""

import random
from dataclasses import dataclass

from . import wire
from .model import Update, soa_serial
from .wire import ANY, ANY_CLASS, CH, CNAME, IN, NONE, SOA, Record

# What matters about a zone's names: apex, plain, wildcards, cuts and what lies below, empty
# non-terminals, DNAMEs and what lies below, labels of odd octets, the longest label.
OWNERS = [
    (),
    (b"ns",),
    (b"a",),
    (b"b",),
    (b"*",),
    (b"*", b"w"),
    (b"x", b"w"),
    (b"sub",),
    (b"ns", b"sub"),
    (b"deep", b"er", b"sub"),
    (b"ent",),
    (b"x", b"ent"),
    (b"y", b"x", b"ent"),
    (b"d",),
    (b"x", b"d"),
    (b"\0",),
    (b"\1\0", b"a"),
    (b"a.b",),
    (b"\xff \\", b"ent"),
    (b"l" * 63, b"w"),
]
KINDS = [wire.A, wire.A, wire.AAAA, wire.TXT, wire.MX, wire.NS, wire.NS, CNAME, CNAME, wire.DNAME]
KINDS += [wire.DS, wire.SRV, 65280]
TTLS = [300, 300, 300, 60, 3600, 0]

ZONE = """$ORIGIN {origin}
$TTL 300
@ SOA ns hostmaster {serial} 7200 1800 1209600 600
@ NS ns
@ NS ns.elsewhere.example.
ns A 192.0.2.53
a A 192.0.2.1
a TXT "one"
*.w A 192.0.2.2
sub NS ns.sub
ns.sub A 198.51.100.1
y.x.ent MX 10 a
d DNAME ent
"""


def start_zone(origin, serial=1, fill=0):
    """A zone that updates of Chance find much in; `fill`: so many hosts besides."""
    hosts = "".join(f"host{number} A 203.0.113.{number % 256}\n" for number in range(fill))
    return ZONE.format(origin=origin, serial=serial) + hosts


@dataclass(frozen=True)
class Taste:
    """What updates may be like."""

    refusals: float = 0.01  # how often types are met that no key may touch
    spoils: bool = True  # malformed ones, and what lies outside of the zone
    duplicates: bool = True  # in prerequisites
    half_way: bool = True  # serials of which RFC 1982 says nothing
    leaps: bool = True  # serials far ahead, SOAs with other numbers and TTLs
    dnames: bool = True  # without: none is added, and nothing below the one of start_zone
    apex_ds: bool = True
    wild_cuts: bool = True  # NS and DNAME at wildcards
    below: str = ""  # only names at and below this label


class Chance:
    """Updates of one zone. The same seed gives the same updates for the same zone."""

    def __init__(self, apex, seed, **taste):
        self.random = random.Random(seed)
        self.taste = taste = Taste(**taste)
        self.apex = wire.name(apex)
        self.base = wire.name(f"{taste.below}.{apex}") if taste.below else self.apex
        self.owners = [owner for owner in OWNERS if taste.dnames or owner[1:] != (b"d",)]
        self.kinds = [kind for kind in KINDS if taste.dnames or kind != wire.DNAME]
        self.steps = [0, 1, 1, 2, 5, -1]
        if taste.leaps:
            self.steps += [1000, (1 << 31) - 1, (1 << 31) + 1]
        if taste.leaps and taste.half_way:
            self.steps += [1 << 31]
        self.values = self._values()

    def _values(self):
        targets = [b"a", b"ns", b"ent"]
        names = [wire.name_wire((label, *self.apex)) for label in targets]
        names.append(wire.name_wire((b"ns", b"elsewhere", b"example")))
        digest = bytes(range(32))
        return {
            wire.A: [bytes([192, 0, 2, last]) for last in (1, 2, 3)],
            wire.AAAA: [bytes(15) + bytes([last]) for last in (1, 2)],
            wire.TXT: [b"\3one", b"\3One", b"\0", b"\3two\5three", b"\xff" + bytes(255)],
            wire.MX: [bytes([0, 10]) + target for target in names[:3]],
            wire.NS: names,
            CNAME: names,
            wire.DNAME: names[1:],
            wire.DS: [b"\xec\x45\x0d\x02" + digest, b"\xec\x45\x0d\x02" + digest[::-1]],
            wire.SRV: [bytes([0, 1, 0, 2, 0, 80]) + target for target in names[:3]],
            65280: [b"", b"\0", b"\1\2\3"],
        }

    # ---- pieces ---------------------------------------------------------------------------

    def owner(self):
        """Mostly in the zone, in any letter case."""
        if self.taste.spoils and self.random.random() < 0.003:
            return self.random.choice(
                [
                    (),
                    (b"test",),
                    (b"x", *self.apex[:-1], b"testx"),
                    (b"m" + self.apex[0], *self.apex[1:]),
                ]
            )
        return self.cased((*self.random.choice(self.owners), *self.base))

    def cased(self, labels):
        if self.random.random() < 0.7:
            return labels
        return tuple(label.upper() if self.random.random() < 0.5 else label for label in labels)

    def _recased(self, record):
        """For comparisons: names in RDATA in another letter case. What is added has one of its own."""
        if record.type in wire.LAYOUT and record.type != SOA and self.random.random() < 0.3:
            return record._replace(rdata=record.rdata.upper())
        return record

    def _of_zone(self, zone):
        """A record that is there."""
        size = len(self.base)
        owners = [
            name for name in zone.names if name[-size:] == self.base and name[0][:4] != b"host"
        ]
        if not owners:
            return self._new()
        owner = self.random.choice(sorted(owners))
        kind = self.random.choice(sorted(zone.names[owner]))
        ttl, rdatas = zone.names[owner][kind]
        return Record(self.cased(owner), kind, IN, ttl, self.random.choice(sorted(rdatas)))

    def _new(self):
        kind, owner = self.random.choice(self.kinds), self.owner()
        if kind == wire.DS and not self.taste.apex_ds and wire.folded(owner) == self.apex:
            kind = wire.TXT
        if (
            kind in (wire.NS, wire.DNAME)
            and not self.taste.wild_cuts
            and owner
            and owner[0] == b"*"
        ):
            kind = wire.TXT
        ttl = self.random.choice(TTLS)
        return Record(owner, kind, IN, ttl, self.random.choice(self.values[kind]))

    def _soa(self, zone):
        ttl, (soa,) = zone.rrset(zone.apex, SOA)
        serial = (zone.serial() + self.random.choice(self.steps)) & 0xFFFFFFFF
        owner = self.cased(self.apex) if self.random.random() < 0.9 else self.owner()
        end = soa[-16:]
        if (
            self.taste.leaps
        ):  # its TTL and its last number are those of denials: the whole chain changes
            ttl = self.random.choice(TTLS)
            end = self.random.choice([end, end[-4:] + end[:-4]])
        return Record(owner, SOA, IN, ttl, soa[:-20] + serial.to_bytes(4, "big") + end)

    def _record(self, zone):
        way = self.random.random()
        if way < 0.4:
            return self._of_zone(zone)
        return self._soa(zone) if way < 0.46 and not self.taste.below else self._new()

    # ---- prerequisites --------------------------------------------------------------------

    def _true_prerequisites(self, zone):
        """One that holds."""
        there = self._of_zone(zone)
        if not zone.rrset(wire.folded(there.name), there.type):
            return []
        way = self.random.randrange(5)
        if way == 0:
            return [Record(there.name, ANY, ANY_CLASS, 0, b"")]
        if way == 1:
            return [Record(there.name, there.type, ANY_CLASS, 0, b"")]
        if way == 2:
            rdatas = sorted(zone.rrset(wire.folded(there.name), there.type)[1])
            if self.taste.duplicates:  # they are allowed in prerequisites
                rdatas += rdatas[: self.random.randrange(2)]
            found = [Record(there.name, there.type, IN, 0, rdata) for rdata in rdatas]
            return [self._recased(record) for record in found]
        other = self._new()
        owner = wire.folded(other.name)
        if way == 3 and owner not in zone.names:
            return [Record(other.name, ANY, NONE, 0, b"")]
        if zone.rrset(owner, other.type):
            return []
        return [Record(other.name, other.type, NONE, 0, b"")]

    def _any_prerequisite(self, zone):
        """One that may hold or not."""
        record = self._record(zone)
        way = self.random.randrange(5)
        if way < 2:
            return [record._replace(rdclass=(ANY_CLASS, NONE)[way], type=ANY, ttl=0, rdata=b"")]
        if way < 4:
            return [record._replace(rdclass=(ANY_CLASS, NONE)[way - 2], ttl=0, rdata=b"")]
        return [self._recased(record._replace(ttl=0))]

    def _prerequisites(self, zone):
        way = self.random.random()
        found = []
        if way < 0.5:
            for _ in range(self.random.randrange(3)):
                found += self._true_prerequisites(zone)
        elif way < 0.62:
            found = self._true_prerequisites(zone) + self._any_prerequisite(zone)
        elif way < 0.66:
            found = self._any_prerequisite(zone)
        self.random.shuffle(found)
        if not self.taste.duplicates:
            found = list(
                {
                    (wire.folded(r.name), *r[1:4], wire.canonical(r.type, r.rdata)): r
                    for r in found
                }.values()
            )
        return found

    # ---- changes --------------------------------------------------------------------------

    def _change(self, zone):
        record = self._record(zone)
        way = self.random.random()
        if way < 0.5:
            if self.random.random() < 0.1 and (self.taste.leaps or record.type != SOA):
                record = record._replace(
                    ttl=self.random.choice([0x80000001 if self.taste.spoils else 0, 0x7FFFFFFF])
                )
            return record
        if way < 0.72:
            return self._recased(record._replace(rdclass=NONE, ttl=0))
        if way < 0.9:
            return record._replace(rdclass=ANY_CLASS, ttl=0, rdata=b"")
        return record._replace(rdclass=ANY_CLASS, type=ANY, ttl=0, rdata=b"")

    def _spoil(self, record):
        """Something that the RFC forbids."""
        way = self.random.randrange(9)
        if way == 0:
            return record._replace(rdclass=self.random.choice([2, 1000]), type=65280)
        if way == 1:
            return record._replace(rdclass=NONE, ttl=1, rdata=record.rdata or b"\1\2\3\4")
        if way == 2:
            return record._replace(rdclass=ANY_CLASS, ttl=7, rdata=b"")
        if way == 3:
            return record._replace(rdclass=ANY_CLASS, ttl=0, rdata=b"\0")
        if way == 4:
            kind = self.random.choice([wire.AXFR, wire.MAILA, wire.MAILB, wire.IXFR, wire.TKEY])
            rdclass = self.random.choice([IN, NONE, ANY_CLASS])
            return Record(record.name, kind, rdclass, 0, b"")
        if way == 5:
            return Record(record.name, ANY, self.random.choice([IN, NONE]), 0, b"")
        if way == 6:
            kind, octets = self.random.choice(
                [(wire.A, b"\1\2\3"), (wire.AAAA, bytes(17)), (wire.MX, b"\0"), (wire.TXT, b"\5ab")]
            )
            return Record(record.name, kind, self.random.choice([IN, NONE]), 0, octets)
        if way == 7:
            return record._replace(name=(b"out", b"side"))
        return record._replace(type=wire.A, rdclass=IN, rdata=b"")

    def _spoil_prerequisite(self, record):
        way = self.random.randrange(5)
        if way == 0:
            return record._replace(ttl=1)
        if way == 1:
            return record._replace(rdclass=self.random.choice([2, 1000]), type=65280)
        if way == 2:
            return record._replace(name=(b"out", b"side"))
        if way == 3:
            return record._replace(rdclass=NONE, ttl=0, rdata=b"\1\2\3\4", type=wire.A)
        return record._replace(rdclass=ANY_CLASS, ttl=0, rdata=b"\1\2\3\4", type=wire.A)

    def _of_no_zone(self):
        """A zone section that the RFC forbids, or of a zone that is not there."""
        labels = self.cased(self.apex)
        section = self.random.choice(
            [
                [(labels, wire.A, IN)],
                [(labels, SOA, CH)],
                [((b"a", *labels), SOA, IN)],
                [((b"other", b"test"), SOA, IN)],
                [],
                [(labels, SOA, IN)] * 2,
            ]
        )
        return Update(tuple(section), [], [])

    @staticmethod
    def _one_leap(zone, updates):
        """Where a serial leaps no other is set: two leaps would lead back to where they began."""
        serials = [record for record in updates if record.type == SOA and record.rdclass == IN]
        leaps = [
            r
            for r in serials
            if 9 < (soa_serial(r.rdata) - zone.serial()) & 0xFFFFFFFF < 0xFFFFFFF0
        ]
        gone = [record for record in serials if record is not leaps[0]] if leaps else []
        return [record for record in updates if not any(record is other for other in gone)]

    def update(self, zone):
        """An update for a zone as it is now."""
        if self.taste.spoils and self.random.random() < 0.01:
            return self._of_no_zone()
        prerequisites = self._prerequisites(zone)
        count = self.random.choice([0, 1, 1, 1, 2, 2, 3, 5, 9])
        updates = self._one_leap(zone, [self._change(zone) for _ in range(count)])
        way = self.random.random() if self.taste.spoils else 1
        if way < 0.04 and updates:
            place = self.random.randrange(len(updates))
            updates[place] = self._spoil(updates[place])
        elif way < 0.06 and prerequisites:
            place = self.random.randrange(len(prerequisites))
            prerequisites[place] = self._spoil_prerequisite(prerequisites[place])
        elif 0.06 <= way < 0.06 + self.taste.refusals:
            kind = self.random.choice(
                [wire.RRSIG, wire.NSEC, wire.NSEC3, wire.NSEC3PARAM, wire.DNSKEY]
            )
            updates.append(Record(self.owner(), kind, ANY_CLASS, 0, b""))
            self.random.shuffle(updates)
        return Update(((self.cased(self.apex), SOA, IN),), prerequisites, updates)
