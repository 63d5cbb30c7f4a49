"""A model of dynamic update: RFC 2136 as its text has it, on dictionaries.

It knows nothing of how a server does it. What the RFC leaves open, and what a server's policy
decides, is in Choices. Names are compared without regard to letter case, RDATA in canonical form.
"""

import time
from dataclasses import dataclass

from . import wire
from .wire import ANY, ANY_CLASS, CNAME, DNAME, IN, NONE, NS, SOA

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
YXDOMAIN, YXRRSET, NXRRSET, NOTAUTH, NOTZONE = range(6, 11)
RCODES = "NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE"
RCODES = RCODES.split()

META = {wire.TKEY, wire.TSIG, wire.IXFR, wire.AXFR, wire.MAILB, wire.MAILA, wire.OPT}
NEVER = {wire.RRSIG, wire.NSEC, wire.NSEC3, wire.NSEC3PARAM}
GRANTED = {wire.DNSKEY, wire.CDS, wire.CDNSKEY, wire.CSYNC}  # only when a grant names them
SIGNERS = NEVER | {wire.DNSKEY, wire.CDS, wire.CDNSKEY}  # not compared: the signer's own
BESIDE_CNAME = {wire.RRSIG, wire.NSEC, 25}  # RFC 3007 section 2.2, RFC 4034: KEY is the last


class Refusal(Exception):
    """The update ends here, with this RCODE."""

    def __init__(self, rcode):
        super().__init__(RCODES[rcode])
        self.rcode = rcode


@dataclass(frozen=True)
class Choices:
    """What the RFC leaves to the server."""

    serial: str = "increment"  # unixtime | date
    refused: frozenset = frozenset(NEVER | GRANTED)
    refuses_first: bool = False  # permission comes before the prerequisites; 3.3 has it after
    parses_first: bool = False  # RDATA that is none comes before all else, not in its turn
    prescans_first: bool = False  # the RFC has it after the prerequisites
    # What RFC 6672 forbids a zone to hold (sections 2.3 and 2.4) is ignored, as with CNAME: NS
    # beside DNAME below the apex, anything below a DNAME, DNAME where there are names below.
    keeps_dnames_alone: bool = True
    skips_zero: bool = True  # no serial of 0 comes by itself


@dataclass
class Update:
    """A message: zone section, prerequisites, updates."""

    zone: tuple  # ((name, type, class), ...)
    prerequisites: list
    updates: list

    def wire(self):
        return wire.message(wire.UPDATE, self.zone, self.prerequisites, self.updates)

    def __str__(self):
        lines = [
            f"zone {wire.name_text(name)} {kind} {rdclass}" for name, kind, rdclass in self.zone
        ]
        lines += [f"if   {record}" for record in self.prerequisites]
        lines += [f"do   {record}" for record in self.updates]
        return "\n".join(lines)


def is_newer(serial, than):
    """RFC 1982: later by less than half of all; at exactly half nothing is said, so it is not."""
    return 0 < (serial - than) & 0xFFFFFFFF < 1 << 31


def next_serial(serial, policy, now=None, skips_zero=True):
    """The serial after this one."""
    following = (serial + 1) & 0xFFFFFFFF
    if skips_zero:
        following = following or 1
    moment = time.time() if now is None else now
    if policy == "increment":
        return following
    if policy == "date":
        wanted = int(time.strftime("%Y%m%d00", time.gmtime(moment)))
    else:
        wanted = int(moment) & 0xFFFFFFFF
    return wanted if is_newer(wanted, serial) else following


def soa_serial(rdata):
    return int.from_bytes(rdata[-20:-16], "big")


def with_serial(rdata, serial):
    return rdata[:-20] + serial.to_bytes(4, "big") + rdata[-16:]


# How RDATA must be: its length, or where names and what follows them stand.
_FIXED = {wire.A: 4, wire.AAAA: 16}


def is_malformed(kind, octets):
    """RDATA that is none of its type. Only for types that tests use."""
    if kind in _FIXED:
        return len(octets) != _FIXED[kind]
    if kind in wire.LAYOUT:
        before, names = wire.LAYOUT[kind]
        try:
            at = before
            for _ in range(names):
                _, at = wire.read_name(octets, at)
        except IndexError:
            return True
        return at + (20 if kind == SOA else 0) != len(octets)
    if kind == wire.TXT:
        at = 0
        while at < len(octets):
            at += 1 + octets[at]
        return not octets or at != len(octets)
    if kind == wire.DS:
        return len(octets) < 5
    return False


class Zone:
    """owner -> type -> [TTL, {canonical RDATA}]; owners in lower case."""

    def __init__(self, apex, records, choices=Choices()):
        self.apex = wire.folded(apex)
        self.choices = choices
        self.names = {}
        for record in records:
            if record.type not in SIGNERS:
                self._put(wire.folded(record.name), record.type, record.ttl, record.rdata)

    # ---- looking --------------------------------------------------------------------------

    def rrset(self, owner, kind):
        return self.names.get(owner, {}).get(kind)

    def serial(self):
        return soa_serial(next(iter(self.rrset(self.apex, SOA)[1])))

    def flat(self):
        """Everything as a set of (owner, type, TTL, RDATA)."""
        return {
            (owner, kind, ttl, octets)
            for owner, types in self.names.items()
            for kind, (ttl, rdatas) in types.items()
            for octets in rdatas
        }

    def _content(self):
        return {
            owner: {kind: (ttl, frozenset(rdatas)) for kind, (ttl, rdatas) in types.items()}
            for owner, types in self.names.items()
        }

    def holds(self, owner):
        return owner[-len(self.apex) :] == self.apex if self.apex else True

    def _is_below_dname(self, owner):
        above = [owner[count:] for count in range(1, len(owner) - len(self.apex) + 1)]
        return any(self.rrset(name, DNAME) for name in above)

    # ---- changing -------------------------------------------------------------------------

    def _put(self, owner, kind, ttl, octets):
        found = self.names.setdefault(owner, {}).setdefault(kind, [ttl, set()])
        found[0] = ttl  # one TTL for the whole RRset: RFC 2181 section 5.2
        found[1].add(wire.canonical(kind, octets))

    def _drop(self, owner, kind):
        types = self.names.get(owner, {})
        types.pop(kind, None)
        if not types:
            self.names.pop(owner, None)

    def _drop_record(self, owner, kind, octets):
        found = self.rrset(owner, kind)
        if found:
            found[1].discard(wire.canonical(kind, octets))
            if not found[1]:
                self._drop(owner, kind)

    # ---- RFC 2136 section 3 ---------------------------------------------------------------

    def apply(self, update, now=None):
        """The RCODE; the zone is changed when it is NOERROR, and not at all otherwise."""
        before = self._content()
        try:
            self._check_zone_section(update.zone)
            if self.choices.parses_first:
                self._check_form(update)
            if self.choices.refuses_first:
                self._check_permission(update.updates)
            if self.choices.prescans_first:
                self._prescan(update.updates)
            self._check_prerequisites(update.prerequisites)
            if not self.choices.refuses_first:
                self._check_permission(update.updates)
            self._prescan(update.updates)
        except Refusal as refusal:
            return refusal.rcode
        for record in update.updates:
            self._change(record)
        try:
            self._settle()
        except Refusal as refusal:
            self.names = {
                owner: {kind: [ttl, set(rdatas)] for kind, (ttl, rdatas) in types.items()}
                for owner, types in before.items()
            }
            return refusal.rcode
        self._move_serial(before, now)
        return NOERROR

    def _settle(self):
        """For servers that want more of a zone than the RFC does: change it, or raise a Refusal."""

    def _check_zone_section(self, section):
        """3.1"""
        if len(section) != 1 or section[0][1] != SOA:
            raise Refusal(FORMERR)
        owner, _, rdclass = section[0]
        if wire.folded(owner) != self.apex or rdclass != IN:
            raise Refusal(NOTAUTH)

    def _check_form(self, update):
        """What cannot be read is found while the message is read, before anything else."""
        for record in update.prerequisites + update.updates:
            if record.rdclass == ANY_CLASS and record.rdata:
                raise Refusal(FORMERR)
            if record.rdclass == IN or record.rdclass == NONE and record.rdata:
                self._check_rdata(record)
        for record in update.updates:
            if record.rdclass == NONE:
                self._check_rdata(record)

    @staticmethod
    def _check_rdata(record):
        if is_malformed(record.type, record.rdata):
            raise Refusal(FORMERR)

    def _check_permission(self, updates):
        """3.3: types that no key may touch."""
        for record in updates:
            if record.type in self.choices.refused:
                raise Refusal(REFUSED)

    def _check_prerequisites(self, prerequisites):
        """3.2"""
        wanted = {}
        for record in prerequisites:
            owner = wire.folded(record.name)
            if record.ttl != 0:
                raise Refusal(FORMERR)
            if not self.holds(owner):
                raise Refusal(NOTZONE)
            if record.rdclass in (ANY_CLASS, NONE):
                self._check_existence(owner, record)
            elif record.rdclass == IN:
                self._check_rdata(record)
                octets = wire.canonical(record.type, record.rdata)
                wanted.setdefault((owner, record.type), set()).add(octets)
            else:
                raise Refusal(FORMERR)
        for (owner, kind), rdatas in wanted.items():
            found = self.rrset(owner, kind)
            if not found or found[1] != rdatas:
                raise Refusal(NXRRSET)

    def _check_existence(self, owner, record):
        """3.2.1 to 3.2.4, but not the one that compares values"""
        if record.rdata:
            raise Refusal(FORMERR)
        if record.type == ANY:
            there, refusals = owner in self.names, (NXDOMAIN, YXDOMAIN)
        else:
            there, refusals = bool(self.rrset(owner, record.type)), (NXRRSET, YXRRSET)
        wants = record.rdclass == ANY_CLASS
        if there != wants:
            raise Refusal(refusals[0] if wants else refusals[1])

    def _prescan(self, updates):
        """3.4.1"""
        for record in updates:
            if not self.holds(wire.folded(record.name)):
                raise Refusal(NOTZONE)
            is_bad = {
                IN: record.type in META | {ANY},
                ANY_CLASS: record.ttl != 0 or bool(record.rdata) or record.type in META,
                NONE: record.ttl != 0 or record.type in META | {ANY},
            }
            if is_bad.get(record.rdclass, True):
                raise Refusal(FORMERR)
            if record.rdclass != ANY_CLASS:
                self._check_rdata(record)

    def _change(self, record):
        """3.4.2"""
        owner = wire.folded(record.name)
        if record.rdclass == IN:
            if not self._ignores(owner, record):
                if record.type in (CNAME, DNAME, SOA):  # one there is: the new takes its place
                    self._drop(owner, record.type)
                self._put(owner, record.type, self._ttl(record), record.rdata)
        elif record.rdclass == ANY_CLASS:
            kept = {SOA, NS} if owner == self.apex else set()
            kinds = set(self.names.get(owner, {})) if record.type == ANY else {record.type}
            for kind in kinds - kept:
                self._drop(owner, kind)
        elif not self._keeps(owner, record):
            self._drop_record(owner, record.type, record.rdata)

    def _ttl(self, record):
        return 0 if record.ttl >> 31 else record.ttl  # RFC 2181 section 8

    def _ignores(self, owner, record):
        """3.4.2.2: what is not added."""
        types = set(self.names.get(owner, {})) - BESIDE_CNAME
        if record.type == CNAME and types - {CNAME}:
            return True
        if record.type != CNAME and record.type not in BESIDE_CNAME and CNAME in types:
            return True
        if record.type == SOA:
            return owner != self.apex or not is_newer(soa_serial(record.rdata), self.serial())
        return self.choices.keeps_dnames_alone and self._disturbs_dname(owner, record.type, types)

    def _disturbs_dname(self, owner, kind, types):
        """RFC 6672 sections 2.3 and 2.4."""
        beside = {NS: DNAME, DNAME: NS}.get(kind)
        if self._is_below_dname(owner) or owner != self.apex and beside in types:
            return True
        size = len(owner)
        return kind == DNAME and any(
            len(name) > size and name[-size:] == owner for name in self.names
        )

    def _keeps(self, owner, record):
        """3.4.2.4: what is not deleted."""
        if record.type == SOA:
            return True
        found = self.rrset(owner, NS)
        return owner == self.apex and record.type == NS and found and len(found[1]) == 1

    def _move_serial(self, before, now):
        """3.6: a zone that changed has another serial, unless the update gave it one."""
        if self._content() == before:
            return
        (old,) = before[self.apex][SOA][1]
        ttl, rdatas = self.rrset(self.apex, SOA)
        (soa,) = rdatas
        if soa_serial(old) == soa_serial(soa):
            choices = self.choices
            serial = next_serial(soa_serial(old), choices.serial, now, choices.skips_zero)
            self.names[self.apex][SOA] = [ttl, {with_serial(soa, serial)}]
