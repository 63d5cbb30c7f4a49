"""Questions and answers."""

import select
import socket
import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from .waiting import PATIENCE

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = "NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED".split()
PAYLOAD = 1232


def question(name, rdtype, do=True, payload=PAYLOAD, **more):
    """A query as dnspython has it; without EDNS when payload is 0."""
    query = dns.message.make_query(name, rdtype, use_edns=0 if payload else False)
    if payload:
        query.use_edns(0, dns.flags.DO if do else 0, payload, **more)
    query.flags &= ~dns.flags.RD
    return query


def records(rrsets, types=None):
    """A section as a set of (owner, TTL, type, RDATA), with owners in lower case."""
    found = set()
    for rrset in rrsets:
        name = dns.rdatatype.to_text(rrset.rdtype)
        if types is None or name in types:
            owner = rrset.name.to_text().lower()
            found.update((owner, rrset.ttl, name, rdata.to_text().lower()) for rdata in rrset)
    return found


class Answer:
    """An answer, with what tests ask of it."""

    def __init__(self, message):
        self.message = message

    @classmethod
    def read(cls, wire):
        return cls(dns.message.from_wire(wire, ignore_trailing=False))

    @property
    def rcode(self):
        return dns.rcode.to_text(self.message.rcode())

    def has(self, flag):
        return bool(self.message.flags & getattr(dns.flags, flag))

    @property
    def is_authentic(self):
        return self.has("AD")

    def answers(self, *types):
        return records(self.message.answer, types or None)

    def authority(self, *types):
        return records(self.message.authority, types or None)

    def additional(self, *types):
        return records(self.message.additional, types or None)

    def texts(self, rdtype):
        """The RDATA of one type in the answer section."""
        return {text for _, _, kind, text in self.answers(rdtype) if kind == rdtype}

    def is_signed(self):
        """Whether every authoritative RRset of the answer section has a signature."""
        covered = {
            (rrset.name, rdata.type_covered)
            for rrset in self.message.answer
            if rrset.rdtype == dns.rdatatype.RRSIG
            for rdata in rrset
        }
        wanted = {
            (rrset.name, rrset.rdtype)
            for rrset in self.message.answer
            if rrset.rdtype != dns.rdatatype.RRSIG
        }
        return bool(wanted) and wanted <= covered

    def extended_errors(self):
        return [option.code for option in self.message.options if option.otype == dns.edns.EDE]

    def __repr__(self):
        return self.message.to_text()


class NoAnswer(AssertionError):
    """Asked several times, and nothing came."""


def ask(address, port, query, tcp=False, seconds=5.0, tries=6):
    """Ask; again when a datagram was lost, as resolvers do."""
    for _ in range(tries):
        try:
            if tcp:
                return Answer(dns.query.tcp(query, address, timeout=seconds, port=port))
            return Answer(
                dns.query.udp(query, address, timeout=seconds, port=port, ignore_unexpected=True)
            )
        except (dns.exception.Timeout, EOFError, ConnectionError):
            time.sleep(0.02)
    raise NoAnswer(f"{query.question[0]} of {address}@{port}")


def ask_many(address, port, queries, window=64):
    """Ask many questions by UDP, many under way at once; the answers' octets, in order."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    wires = [query if isinstance(query, bytes) else query.to_wire() for query in queries]
    answers = [None] * len(wires)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.connect((address, port))
        for start in range(0, len(wires), window):
            _ask_window(sock, wires, answers, range(start, min(start + window, len(wires))))
    return answers


def _ask_window(sock, wires, answers, places):
    """One window: each query has its place as its id, so that it can be sent again."""
    missing = set(places)
    end = time.monotonic() + PATIENCE
    while missing:
        if time.monotonic() > end:
            raise NoAnswer(f"{len(missing)} of {len(places)} questions have no answer")
        for place in missing:
            sock.send(struct.pack("!H", place & 0xFFFF) + wires[place][2:])
        while missing and select.select([sock], [], [], 3.0)[0]:
            try:
                wire = sock.recv(65535)
            except ConnectionRefusedError:
                break
            low = struct.unpack("!H", wire[:2])[0]
            for place in [place for place in missing if place & 0xFFFF == low]:
                answers[place] = wire
                missing.discard(place)


def exchange_udp(address, port, octets, seconds=1.0):
    """Send octets as they are; what comes back, or None after so long."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((address, port))
        sock.settimeout(seconds)
        sock.send(octets)
        try:
            return sock.recv(65535)
        except (TimeoutError, ConnectionRefusedError):
            return None


class Stream:
    """A TCP connection with DNS framing."""

    def __init__(self, address, port, seconds=PATIENCE):
        self.sock = socket.create_connection((address, port), timeout=seconds)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    @staticmethod
    def frame(query):
        wire = query if isinstance(query, bytes) else query.to_wire()
        return struct.pack("!H", len(wire)) + wire

    def send(self, *queries):
        self.sock.sendall(b"".join(self.frame(query) for query in queries))

    def _octets(self, count):
        octets = b""
        while len(octets) < count:
            piece = self.sock.recv(count - len(octets))
            if not piece:
                return None
            octets += piece
        return octets

    def receive(self):
        """The next answer; None when the connection was closed."""
        try:
            length = self._octets(2)
            wire = self._octets(struct.unpack("!H", length)[0]) if length else None
        except ConnectionResetError:
            return None
        return Answer.read(wire) if wire else None

    def is_closed(self, seconds=PATIENCE):
        """Wait for the other side to close."""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
