"""Signed updates and zone transfers, by a client that says what it is told to say."""

import socket
import struct
import time

from . import wire
from .waiting import PATIENCE
from .model import FORMERR, NOTAUTH, Update, soa_serial
from .wire import ANY_CLASS, IN, SOA, TXT, Message, Record


class Silence(AssertionError):
    """No answer, or a connection that was closed before one."""


def _octets(sock, count):
    octets = bytearray()
    while len(octets) < count:
        piece = sock.recv(count - len(octets))
        if not piece:
            raise Silence("the connection was closed")
        octets += piece
    return bytes(octets)


def put_text(client, zone, name, number, **more):
    """An update that gives a name one TXT record, whatever it had."""
    owner, text = wire.name(f"{name}.{zone}"), b"%d" % number
    changes = [
        Record(owner, TXT, ANY_CLASS, 0, b""),
        Record(owner, TXT, IN, 60, bytes([len(text)]) + text),
    ]
    return client.update(Update(((wire.name(zone), SOA, IN),), [], changes), **more)


def receive_framed(sock):
    return _octets(sock, struct.unpack("!H", _octets(sock, 2))[0])


def send_framed(sock, octets):
    sock.sendall(struct.pack("!H", len(octets)) + octets)


class Client:
    """One client with one key: UDP and a TCP connection of its own."""

    ahead = 0  # seconds that its clock is ahead of ours

    def __init__(self, address, port, key=None, seconds=PATIENCE):
        self.place, self.key, self.seconds = (address, port), key, seconds
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(self.place)
        self.tcp = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.udp.close()
        self.hang_up()

    def hang_up(self):
        if self.tcp:
            self.tcp.close()
        self.tcp = None

    def _sign(self, octets):
        return self.key.sign(octets, time.time() + self.ahead) if self.key else (octets, None)

    def _check(self, octets, mac):
        reply = Message(octets)
        # What cannot be read, or has a TSIG that is not good, is answered without one.
        unsigned = not reply.tsig and reply.rcode in (FORMERR, NOTAUTH)
        if self.key and not unsigned and not wire.tsig_error(reply):
            self.key.check(reply, mac)
        return reply

    def ask_udp(self, octets):
        """One request; the same again when a datagram was lost."""
        signed, mac = self._sign(octets)
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            try:
                self.udp.send(signed)
                self.udp.settimeout(min(2.0, self.seconds))
                while True:
                    reply = self.udp.recv(65535)
                    if reply[:2] == octets[:2]:
                        return self._check(reply, mac)
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.01)
        raise Silence(f"no answer from {self.place}")

    def ask_tcp(self, octets):
        """One request on the connection that there is; raises Silence when it is closed."""
        signed, mac = self._sign(octets)
        try:
            if not self.tcp:
                self.tcp = socket.create_connection(self.place, timeout=self.seconds)
                self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            send_framed(self.tcp, signed)
            return self._check(receive_framed(self.tcp), mac)
        except (OSError, Silence) as error:
            self.hang_up()
            raise Silence(f"{self.place}: {error}") from error

    def update(self, update, tcp=False):
        """The answer to an update of the model's kind."""
        octets = update.wire()
        return self.ask_tcp(octets) if tcp or len(octets) > 1000 else self.ask_udp(octets)

    # ---- transfers ------------------------------------------------------------------------

    def axfr(self, apex):
        """Every record of a zone, the SOA first and last; TSIG is checked over all messages."""
        return self._transfer(
            wire.message(wire.QUERY, [(wire.name(apex), wire.AXFR, IN)]), is_whole
        )

    def ixfr(self, apex, serial):
        """The records of an IXFR as they come."""
        labels = wire.name(apex)
        soa = b"\0\0" + struct.pack("!5I", serial, 0, 0, 0, 0)
        have = [wire.Record(labels, SOA, IN, 0, soa)]
        octets = wire.message(wire.QUERY, [(labels, wire.IXFR, IN)], (), have)

        def is_done(records):
            return is_whole(records) or len(records) == 1 and soa_serial(records[0].rdata) == serial

        return self._transfer(octets, is_done)

    def _transfer(self, octets, is_done):
        signed, mac = self._sign(octets)
        records, between, first = [], b"", True
        with socket.create_connection(self.place, timeout=self.seconds) as sock:
            send_framed(sock, signed)
            while not is_done(records):
                reply = Message(receive_framed(sock))
                if reply.rcode:
                    raise Refused(reply)
                records += reply.answer
                if self.key and reply.tsig:
                    mac, between, first = self.key.check(reply, mac, between, first), b"", False
                elif self.key:
                    assert not first, "the first message of a transfer is not signed"
                    between += reply.wire
        assert not between, "the last message of a transfer is not signed"
        return records


class Refused(AssertionError):
    """A transfer was answered with an error."""

    def __init__(self, reply):
        super().__init__(f"RCODE {reply.rcode}, TSIG error {wire.tsig_error(reply)}")
        self.reply = reply


def is_whole(records):
    """Whether these are the records of an AXFR or IXFR to its end (RFC 1995 section 4)."""
    if len(records) < 2:
        return False
    last = records[0]
    if records[1].type != SOA:  # a whole zone
        return records[-1].type == SOA and records[-1].rdata == last.rdata
    # Differences: the newest SOA comes a third time, where deletions would begin.
    count = sum(record.type == SOA and record.rdata == last.rdata for record in records)
    return len(records) > 2 and count == 3 and records[-1].rdata == last.rdata


def flat(records, without=()):
    """A set as the model has it: (owner, type, TTL, RDATA), without some types."""
    return {
        (
            wire.folded(record.name),
            record.type,
            record.ttl,
            wire.canonical(record.type, record.rdata),
        )
        for record in records
        if record.type not in without
    }


def lines(rows):
    """A set of flat() for people."""
    return sorted(
        f"{wire.name_text(owner)} {ttl} {wire.type_text(kind)} {wire.rdata_text(kind, octets)}"
        for owner, kind, ttl, octets in rows
    )


def difference(mine, theirs):
    """What one has and the other has not, as text; empty when they are the same."""
    found = [f"- {line}" for line in lines(mine - theirs)]
    return "\n".join(found + [f"+ {line}" for line in lines(theirs - mine)])


def write_zone(path, records):
    """The records of an AXFR as a zone file, for programs that verify zones."""
    with open(path, "w") as file:
        for record in records[:-1]:
            owner, kind = wire.name_text(record.name), wire.type_text(record.type)
            file.write(
                f"{owner} {record.ttl} IN {kind} {wire.rdata_text(record.type, record.rdata)}\n"
            )
    return path


class BadDifference(AssertionError):
    """An IXFR that does not fit the zone that it is for."""


def follow(held, records):
    """The zone (a set of flat()) that a secondary with `held` has after an IXFR, strictly.

    Whatever goes must have been there, whatever comes must not have been (RFC 1995 section 4).
    """
    if records[1].type != SOA:
        return flat(records)
    rows, removing = set(held), False
    for record in records[1:-1]:
        (row,) = flat([record])
        removing = not removing if record.type == SOA else removing
        if removing == (row not in rows):
            raise BadDifference(("removes " if removing else "adds ") + lines([row])[0])
        (rows.discard if removing else rows.add)(row)
    return rows
