"""Octets that are no question: FORMERR, NOTIMP or silence, as the RFCs say; never more than that."""

import random
import socket
import struct

import pytest

from lab import NOERROR, by_length, question, small_zone

ZONE = "a.test."
NAME = b"\3www\1a\4test\0"
ASK = NAME + b"\0\1\0\1"
OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
FORMERR, NOTIMP, REFUSED, BADVERS = 1, 4, 5, 16


def header(flags=0, questions=1, answers=0, authority=0, additional=0, identity=0x4242):
    return struct.pack("!6H", identity, flags, questions, answers, authority, additional)


@pytest.fixture(scope="module")
def server(shared_lab):
    server = shared_lab.avow(zones={ZONE: small_zone(ZONE)})
    server.wait_signed()
    return server


SILENCE = {
    "nothing at all": b"",
    "one octet": b"\0",
    "half a header": header()[:11],
    "an answer (RFC 1035 section 7.3: no answer to answers)": header(0x8000) + ASK,
    "an answer with an error": header(0x8001) + ASK,
    "an answer of another opcode": header(0xA800) + ASK,
}


@pytest.mark.parametrize("what", SILENCE)
def test_silence(server, what):
    assert server.exchange(SILENCE[what], seconds=0.3) is None


REPLIES = {
    # what: (octets, RCODE)
    "no question": (header(questions=0), FORMERR),
    "two questions (RFC 9619)": (header(questions=2) + ASK + ASK, FORMERR),
    "a question that is not there": (header(), FORMERR),
    "a name that leaves the message": (header() + b"\x3fwww", FORMERR),
    "a name without a type": (header() + NAME, FORMERR),
    "a pointer to itself": (header() + b"\xc0\x0c\0\1\0\1", FORMERR),
    "a pointer forwards": (header() + b"\xc0\x20\0\1\0\1", FORMERR),
    "a label of type 01": (header() + b"\x41w\0\0\1\0\1", FORMERR),
    "a name of 256 octets": (header() + (b"\x3f" + b"x" * 63) * 4 + b"\0\0\1\0\1", FORMERR),
    "octets behind the message": (header() + ASK + b"junk", FORMERR),
    "records announced and not there": (header(additional=1) + ASK, FORMERR),
    "two OPT (RFC 6891 section 6.1.1)": (header(additional=2) + ASK + OPT + OPT, FORMERR),
    "an OPT with an owner": (header(additional=1) + ASK + b"\1x" + OPT, FORMERR),
    "an option that leaves the OPT": (
        header(additional=1) + ASK + OPT[:-2] + b"\0\4" + b"\0\3\0\x20",
        FORMERR,
    ),
    "opcode IQUERY": (header(0x0800) + ASK, NOTIMP),
    "opcode STATUS": (header(0x1000) + ASK, NOTIMP),
    "opcode 15": (header(0x7800), NOTIMP),
    "a version of EDNS that is to come": (
        header(additional=1) + ASK + OPT[:6] + b"\1" + OPT[7:],
        BADVERS,
    ),
    "another class": (header() + NAME + b"\0\1\0\4", REFUSED),
    "a name that is not ours": (header() + b"\7example\3org\0\0\1\0\1", REFUSED),
}


@pytest.mark.parametrize("what", REPLIES)
def test_replies(server, what):
    octets, rcode = REPLIES[what]
    reply = server.exchange(octets, seconds=5.0)
    assert reply is not None, "no reply"
    identity, flags = struct.unpack("!2H", reply[:4])
    assert identity == 0x4242 and flags & 0x8000, reply.hex()
    assert flags & 0x7800 == struct.unpack("!H", octets[2:4])[0] & 0x7800, "the opcode comes back"
    extended = 0
    if rcode > 15:
        extended = reply[reply.rindex(b"\0\0\x29") + 5] << 4
    assert (flags & 15) | extended == rcode, reply.hex()
    assert len(reply) <= max(len(octets) + 64, 128), "a reply to garbage is no amplifier"


def test_reserved_bits_are_not_echoed(server):
    """Z, AD from a stranger: the answer says what we say (RFC 8906 section 8.1.4)."""
    reply = server.exchange(header(0x0040) + ASK, seconds=5.0)
    assert reply and not struct.unpack("!H", reply[2:4])[0] & 0x0040 and reply[3] & 15 == 0


def test_unknown_options_and_flags_are_ignored(server):
    option = b"\xfd\xe9\0\4abcd"
    opt = OPT[:7] + b"\x7f\xff" + struct.pack("!H", len(option)) + option
    reply = server.exchange(header(additional=1) + ASK + opt, seconds=5.0)
    assert reply and reply[3] & 15 == 0 and option not in reply


def mutants(count, seed):
    """Good questions with something wrong, and noise."""
    chance = random.Random(seed)
    good = [question(f"www.{ZONE}", kind).to_wire() for kind in ("A", "ANY", "DNSKEY", "AXFR")]
    for _ in range(count):
        octets = bytearray(chance.choice(good))
        way = chance.randrange(5)
        if way == 0:
            octets = octets[: chance.randrange(len(octets))]
        elif way == 1:
            octets = bytearray(chance.randbytes(chance.randrange(1, 600)))
        else:
            for _ in range(chance.randrange(1, 6)):
                octets[chance.randrange(len(octets))] = chance.randrange(256)
        if way == 4:
            octets += chance.randbytes(chance.randrange(1, 300))
        yield bytes(octets)


def test_a_flood_of_garbage(server):
    """Nothing ends, nothing is logged line by line, and a real question is answered after it."""
    before = server.room_pids()
    mark = server.log.mark()
    count = by_length(5000, 200000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((server.address, server.port))
        for number, octets in enumerate(mutants(count, 5)):
            try:
                sock.send(octets)
            except ConnectionRefusedError:
                pytest.fail("nobody listens any more")
            if number % 50 == 0:
                assert server.ask(f"www.{ZONE}").rcode == NOERROR
    assert server.ask(f"www.{ZONE}").is_signed()
    assert server.room_pids() == before
    assert len(server.log.text(mark).splitlines()) < 50


def test_garbage_over_tcp(server):
    before = server.room_pids()
    mark = server.log.mark()
    for octets in mutants(by_length(300, 5000), 6):
        with socket.create_connection((server.address, server.port), timeout=30) as sock:
            try:
                sock.sendall(struct.pack("!H", len(octets)) + octets)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass
    assert server.ask(f"www.{ZONE}", tcp=True).is_signed()
    assert server.room_pids() == before
    assert len(server.log.text(mark).splitlines()) < 50
