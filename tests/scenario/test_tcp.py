"""TCP: many questions at once, in pieces, half closed, idle, too many (RFC 7766, RFC 9210)."""

import socket
import struct

import pytest

from lab import NOERROR, NXDOMAIN, Stream, large_zone, question, small_zone, until

ZONE = "a.test."


@pytest.fixture(scope="module")
def server(shared_lab):
    zones = {ZONE: small_zone(ZONE, more="big TXT " + " ".join(f'"{"x" * 200}{i}"' for i in range(40)))}
    server = shared_lab.avow(zones=zones, server={"tcp": {"clients": 20, "idle": "3s", "pipeline": 16}})
    server.wait_signed()
    return server


def identified(name, rdtype, identity):
    query = question(name, rdtype)
    query.id = identity
    return query


def test_pipelining(server):
    """Forty questions in one write: forty answers, each to its question, in any order."""
    names = [("www", NOERROR), ("nothere", NXDOMAIN), ("alias", NOERROR), ("x.wild", NOERROR)]
    with server.stream() as stream:
        stream.send(*[identified(f"{names[i % 4][0]}.{ZONE}", "A", i) for i in range(40)])
        answers = {answer.message.id: answer for answer in (stream.receive() for _ in range(40))}
    assert sorted(answers) == list(range(40))
    for identity, answer in answers.items():
        name, rcode = names[identity % 4]
        assert answer.rcode == rcode
        assert answer.message.question[0].name.to_text() == f"{name}.{ZONE}"


def test_in_pieces(server):
    """Octet by octet, lengths too."""
    with server.stream() as stream:
        for octet in Stream.frame(question(f"www.{ZONE}", "A")):
            stream.sock.sendall(bytes([octet]))
        assert stream.receive().is_signed()


def test_a_client_that_has_said_all(server):
    """Half closed: what was asked is answered before the end."""
    with server.stream() as stream:
        stream.send(*[identified(f"www.{ZONE}", "A", i) for i in range(5)])
        stream.sock.shutdown(socket.SHUT_WR)
        assert {stream.receive().message.id for _ in range(5)} == set(range(5))
        assert stream.receive() is None


def test_truncated_by_udp_whole_by_tcp(server):
    short = server.ask(f"big.{ZONE}", "TXT")
    assert short.has("TC") and len(short.message.to_wire()) <= 1232
    whole = server.ask(f"big.{ZONE}", "TXT", tcp=True)
    assert not whole.has("TC") and whole.is_signed()
    assert len(next(iter(whole.texts("TXT"))).split()) == 40


def test_idle_connections_are_closed(server):
    with server.stream() as stream:
        stream.send(question(f"www.{ZONE}", "A"))
        assert stream.receive().rcode == NOERROR
        assert stream.is_closed()


def test_half_a_message_is_not_waited_for_for_ever(server):
    with server.stream() as stream:
        stream.sock.sendall(struct.pack("!H", 100) + b"half")
        assert stream.is_closed()


def test_a_length_of_nothing(server):
    with server.stream() as stream:
        stream.sock.sendall(b"\0\0")
        stream.send(question(f"www.{ZONE}", "A"))
        answer = stream.receive()
        assert answer is None or answer.rcode == NOERROR
    assert server.ask(f"www.{ZONE}", tcp=True).rcode == NOERROR


def test_a_client_that_does_not_read(server):
    """Its answers are not kept for ever, and the others do not wait for it."""
    with server.stream() as stream:
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.sock.settimeout(1.0)
        octets = Stream.frame(question(f"big.{ZONE}", "TXT"))
        try:
            for _ in range(3000):
                stream.sock.sendall(octets)
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
        assert server.ask(f"www.{ZONE}", tcp=True).is_signed()


def test_too_many_connections(server):
    """The limit is 20: more are turned away or take the place of idle ones; asking goes on."""
    streams = []
    try:
        for _ in range(40):
            streams.append(server.stream())
        assert server.ask(f"www.{ZONE}").rcode == NOERROR
        until(lambda: server.metric("tcp_open") <= 20, "no more than the limit to be open")
    finally:
        for stream in streams:
            stream.sock.close()
    until(lambda: server.metric("tcp_open") == 0, "all to be closed")
    assert server.ask(f"www.{ZONE}", tcp=True).is_signed()


def test_answers_that_wait_for_a_signature_do_not_hold_up_others(lab):
    """Out of order: what is signed already comes first (RFC 7766 section 6.2.1.1)."""
    token = lab.token(faults=True)
    zones = {"big.test.": large_zone("big.test.", 3000), ZONE: small_zone(ZONE)}
    server = lab.avow(token=token, zones={ZONE: zones[ZONE]})
    server.wait_signed(ZONE)
    server.ask(f"www.{ZONE}")
    token.order("slow 300")
    server.add_zone("big.test.", zones["big.test."])
    server.write_configuration()
    server.hang_up()
    server.process.wait_line(r"big\.test\. loaded")
    with server.stream() as stream:
        stream.send(
            identified("host0002000.big.test.", "A", 1),
            identified(f"www.{ZONE}", "A", 2),
        )
        order = [stream.receive().message.id for _ in range(2)]
    assert order == [2, 1]
    token.order()
    server.wait_signed()
