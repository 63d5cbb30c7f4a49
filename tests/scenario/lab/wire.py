"""Messages octet by octet: what a test says, malformed or not, is what goes out.

Names are tuples of labels (octets, without the root's), records have their RDATA in wire form.
"""

import base64
import hashlib
import hmac
import itertools
import struct
import time
from typing import NamedTuple

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

IN, CH, HS, NONE, ANY_CLASS = 1, 3, 4, 254, 255
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, DNAME, DS = 1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 43
OPT, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY, CSYNC = (
    41,
    46,
    47,
    48,
    50,
    51,
    59,
    60,
    62,
)
TKEY, TSIG, IXFR, AXFR, MAILB, MAILA, ANY = 249, 250, 251, 252, 253, 254, 255
QUERY, UPDATE = 0, 5

# Octets before the names in RDATA, and how many names: RFC 1035, 2782, 6672.
LAYOUT = {
    NS: (0, 1),
    CNAME: (0, 1),
    PTR: (0, 1),
    DNAME: (0, 1),
    MX: (2, 1),
    SRV: (6, 1),
    SOA: (0, 2),
}


class Malformed(AssertionError):
    """A message from a server that cannot be read."""


class Record(NamedTuple):
    name: tuple
    type: int
    rdclass: int
    ttl: int
    rdata: bytes

    def __str__(self):
        kind, rdclass = type_text(self.type), dns.rdataclass.to_text(self.rdclass)
        rdata = rdata_text(self.type, self.rdata) if self.rdata else "-"
        return f"{name_text(self.name)} {self.ttl} {rdclass} {kind} {rdata}"


def name(text):
    """A name in full as labels."""
    return dns.name.from_text(text).labels[:-1]


def name_text(labels):
    return dns.name.Name((*labels, b"")).to_text()


def name_wire(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def type_text(kind):
    return dns.rdatatype.to_text(kind)


def folded(labels):
    """The same name for every letter case."""
    return tuple(label.lower() for label in labels)


def rdata(kind, text):
    """RDATA in wire form from its text; `kind` is a type as text."""
    return dns.rdata.from_text("IN", kind, text, relativize=False).to_wire()


def rdata_text(kind, octets):
    if not octets:
        return "\\# 0"
    try:
        return dns.rdata.from_wire(IN, kind, octets, 0, len(octets)).to_text()
    except Exception:  # it may be malformed on purpose
        return f"\\# {len(octets)} {octets.hex()}"


def read_name(wire, at):
    """A name that may be compressed; and where it ends."""
    labels, end, least = [], None, at
    while True:
        length = wire[at]
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | wire[at + 1]
            end = end or at + 2
            if target >= least:
                raise Malformed("a pointer that does not lead back")
            at = least = target
        elif length:
            labels.append(wire[at + 1 : at + 1 + length])
            at += 1 + length
        else:
            return tuple(labels), end or at + 1


def canonical(kind, octets):
    """RDATA with its names in lower case (RFC 4034 section 6.2): equal records are equal octets."""
    before, names = LAYOUT.get(kind, (0, 0))
    if not names or not octets:
        return octets
    pieces, at = [octets[:before]], before
    for _ in range(names):
        labels, at = read_name(octets, at)
        pieces.append(name_wire(folded(labels)))
    return b"".join(pieces) + octets[at:]


def _read_rdata(wire, kind, at, end):
    before, names = LAYOUT.get(kind, (0, 0))
    if not names or at == end:
        return wire[at:end]
    pieces, place = [wire[at : at + before]], at + before
    for _ in range(names):
        labels, place = read_name(wire, place)
        pieces.append(name_wire(labels))
    return b"".join(pieces) + wire[place:end]


class Message:
    """A message that came: header, question or zone section, the other sections in one row."""

    def __init__(self, wire):
        self.wire = wire
        self.id, self.flags, *counts = struct.unpack("!6H", wire[:12])
        self.rcode = self.flags & 15
        self.questions, self.sections, self.tsig, self.tsig_at = [], [[], [], []], None, None
        at = 12
        for _ in range(counts[0]):
            labels, at = read_name(wire, at)
            self.questions.append((labels, *struct.unpack("!2H", wire[at : at + 4])))
            at += 4
        for section, count in zip(self.sections, counts[1:]):
            for _ in range(count):
                start, (record, at) = at, self._record(at)
                if record.type == TSIG:
                    self.tsig, self.tsig_at = record, start
                else:
                    section.append(record)
        if at != len(wire):
            raise Malformed("octets after the message")

    def _record(self, at):
        labels, at = read_name(self.wire, at)
        kind, rdclass, ttl, length = struct.unpack("!2HIH", self.wire[at : at + 10])
        at, end = at + 10, at + 10 + length
        return Record(labels, kind, rdclass, ttl, _read_rdata(self.wire, kind, at, end)), end

    @property
    def answer(self):
        return self.sections[0]


def record_wire(record):
    head = struct.pack("!2HIH", record.type, record.rdclass, record.ttl, len(record.rdata))
    return name_wire(record.name) + head + record.rdata


_ids = itertools.count(int(time.time() * 1000))


def message(opcode, questions, *sections):
    """A request with an id of its own. Questions are (name, type, class)."""
    sections = [*sections, (), (), ()][:3]
    counts = [len(questions), *map(len, sections)]
    head = struct.pack("!6H", next(_ids) & 0xFFFF, opcode << 11, *counts)
    asked = b"".join(name_wire(labels) + struct.pack("!2H", *rest) for labels, *rest in questions)
    return (
        head + asked + b"".join(record_wire(record) for section in sections for record in section)
    )


def _prior(mac):
    return struct.pack("!H", len(mac)) + mac if mac is not None else b""


class Key:
    """A TSIG key (RFC 8945)."""

    def __init__(self, name_, algorithm, secret):
        self.text, self.algorithm, self.secret = name_, algorithm, secret
        self.name = folded(name(name_))
        self.wire_algorithm = name_wire(name(algorithm + "."))
        self.digest = getattr(hashlib, algorithm.removeprefix("hmac-"))

    @classmethod
    def make(cls, name_, algorithm="hmac-sha256"):
        return cls(name_, algorithm, hashlib.sha512(name_.encode()).digest()[:32])

    @property
    def base64(self):
        return base64.b64encode(self.secret).decode()

    def file_text(self):
        """As tsig-keygen writes it."""
        return (
            f'key "{self.text}" {{\n\talgorithm {self.algorithm};\n\tsecret "{self.base64}";\n}};\n'
        )

    def _mac(self, *pieces):
        return hmac.new(self.secret, b"".join(pieces), self.digest).digest()

    def _variables(self, times, error=0, other=b""):
        head = name_wire(self.name) + struct.pack("!HI", ANY_CLASS, 0) + self.wire_algorithm
        return head + times + struct.pack("!2H", error, len(other)) + other

    def sign(self, wire, now=None):
        """The message with its TSIG, and the MAC that the answer's digest begins with."""
        moment = int(time.time() if now is None else now)
        times = struct.pack("!HIH", moment >> 32, moment & 0xFFFFFFFF, 300)
        mac = self._mac(wire, self._variables(times))
        body = self.wire_algorithm + times + struct.pack("!H", len(mac)) + mac
        body += wire[:2] + struct.pack("!2H", 0, 0)
        record = Record(self.name, TSIG, ANY_CLASS, 0, body)
        count = struct.unpack("!H", wire[10:12])[0] + 1
        return wire[:10] + struct.pack("!H", count) + wire[12:] + record_wire(record), mac

    def check(self, reply, mac, between=b"", first=True):
        """Raise unless the reply's TSIG is good; its MAC. `between`: unsigned ones before it."""
        if not reply.tsig:
            raise Malformed(f"an answer with RCODE {reply.rcode} is not signed")
        octets = reply.tsig.rdata
        _, at = read_name(octets, 0)
        times, size = octets[at : at + 8], struct.unpack("!H", octets[at + 8 : at + 10])[0]
        theirs, at = octets[at + 10 : at + 10 + size], at + 10 + size
        original, error, other = octets[at : at + 2], octets[at + 2 : at + 4], octets[at + 6 :]
        if folded(reply.tsig.name) != self.name or error != b"\0\0":
            raise Malformed(f"a TSIG of {name_text(reply.tsig.name)} with error {error.hex()}")
        count = struct.unpack("!H", reply.wire[10:12])[0] - 1
        bare = (
            original + reply.wire[2:10] + struct.pack("!H", count) + reply.wire[12 : reply.tsig_at]
        )
        end = self._variables(times, 0, other) if first else times
        if not hmac.compare_digest(theirs, self._mac(_prior(mac), between, bare, end)):
            raise Malformed("the answer's TSIG is wrong")
        return theirs


def tsig_error(reply):
    """The error field of the reply's TSIG; 0 without TSIG."""
    if not reply.tsig:
        return 0
    octets = reply.tsig.rdata
    _, at = read_name(octets, 0)
    at += 10 + struct.unpack("!H", octets[at + 8 : at + 10])[0] + 2
    return struct.unpack("!H", octets[at : at + 2])[0]
